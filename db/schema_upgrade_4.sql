-- Version 4: who may speak for a row, and what TLS shows of itself. Rows that exist go on as before: what
-- a new row has to ask for, or is refused, they keep.
DROP TRIGGER parameter_no_insert;
-- These check whole rows. An older program may have let through what they refuse now, and an upgrade must not fail for it.
DROP TRIGGER gateway_insert;
DROP TRIGGER gateway_update;
DROP TRIGGER mapping_gateway_insert;
DROP TRIGGER mapping_gateway_update;
DROP TRIGGER registration_insert;
DROP TRIGGER registration_update;
DROP TRIGGER gateway_delete;

INSERT INTO parameter (name, value, default_value, unit, range, description, words, items, decimals, minimum, maximum)
SELECT column1, column2, column2, column3, column4, column5, column6, column7, column8, column9, column10 FROM (VALUES
	('SS_SIP_STREAM_TIMEOUT', '30', 's', '5-300',
		'how long a TCP or TLS connection may take for its handshake, its first message and each whole message', '', 1, 0, 5, 300),
	('SS_SIP_STREAM_LIMIT', '1024', '', '16-65535',
		'maximum number of TCP and TLS connections', '', 1, 0, 16, 65535),
	('SS_SIP_STREAM_LIMIT_SOURCE', '32', '', '1-65535',
		'maximum number of TCP and TLS connections from an address that no row knows', '', 1, 0, 1, 65535));

CREATE TRIGGER parameter_no_insert BEFORE INSERT ON parameter BEGIN
	SELECT RAISE(ABORT, 'no other parameters exist; change a value with UPDATE');
END;

ALTER TABLE gateway ADD COLUMN strict_source INTEGER NOT NULL DEFAULT 0 CONSTRAINT "strict_source is 1 (yes) or 0 (no)" CHECK (strict_source IN (0, 1));
ALTER TABLE gateway ADD COLUMN publish INTEGER NOT NULL DEFAULT 0 CONSTRAINT "publish is 1 (yes) or 0 (no)" CHECK (publish IN (0, 1));
ALTER TABLE gateway ADD COLUMN tls_verify TEXT NOT NULL DEFAULT 'On' CONSTRAINT "tls_verify is On or Off" CHECK (tls_verify IN ('On', 'Off'));
ALTER TABLE gateway ADD COLUMN tls_fingerprint TEXT CONSTRAINT "tls_fingerprint is a SHA-256 of 64 hexadecimal digits, with or without colons between the pairs, or NULL"
		CHECK (length(tls_fingerprint) IN (64, 95) AND length(replace(tls_fingerprint, ':', '')) = 64
			AND tls_fingerprint NOT GLOB '*[^0-9A-Fa-f:]*'
			AND ':' || tls_fingerprint || ':' NOT GLOB '*::*' AND ':' || tls_fingerprint || ':' NOT GLOB '*:?:*');
ALTER TABLE gateway ADD COLUMN tls_certificate TEXT CONSTRAINT "tls_certificate is the name of a file in the folder of --tls-dir: letters, digits, -, _ and (not first) a dot, or NULL for agent.pem"
		CHECK (length(tls_certificate) BETWEEN 1 AND 255 AND tls_certificate NOT GLOB '*[^0-9A-Za-z._-]*'
			AND tls_certificate NOT GLOB '.*');
ALTER TABLE mapping_gateway ADD COLUMN strict_source INTEGER NOT NULL DEFAULT 0 CONSTRAINT "strict_source is 1 (yes) or 0 (no)" CHECK (strict_source IN (0, 1));
ALTER TABLE mapping_gateway ADD COLUMN tls_verify TEXT NOT NULL DEFAULT 'On' CONSTRAINT "tls_verify is On or Off" CHECK (tls_verify IN ('On', 'Off'));
ALTER TABLE mapping_gateway ADD COLUMN tls_fingerprint TEXT CONSTRAINT "tls_fingerprint is a SHA-256 of 64 hexadecimal digits, with or without colons between the pairs, or NULL"
		CHECK (length(tls_fingerprint) IN (64, 95) AND length(replace(tls_fingerprint, ':', '')) = 64
			AND tls_fingerprint NOT GLOB '*[^0-9A-Fa-f:]*'
			AND ':' || tls_fingerprint || ':' NOT GLOB '*::*' AND ':' || tls_fingerprint || ':' NOT GLOB '*:?:*');
ALTER TABLE mapping_gateway ADD COLUMN tls_certificate TEXT CONSTRAINT "tls_certificate is the name of a file in the folder of --tls-dir: letters, digits, -, _ and (not first) a dot, or NULL for agent.pem"
		CHECK (length(tls_certificate) BETWEEN 1 AND 255 AND tls_certificate NOT GLOB '*[^0-9A-Za-z._-]*'
			AND tls_certificate NOT GLOB '.*');
ALTER TABLE mapping_gateway ADD COLUMN tls_name TEXT CONSTRAINT "tls_name is a domain name, or NULL"
		CHECK (length(tls_name) BETWEEN 1 AND 253 AND tls_name NOT GLOB '*[^0-9A-Za-z._-]*' AND tls_name GLOB '[0-9A-Za-z_]*');
ALTER TABLE registration ADD COLUMN strict_source INTEGER NOT NULL DEFAULT 0 CONSTRAINT "strict_source is 1 (yes) or 0 (no)" CHECK (strict_source IN (0, 1));
ALTER TABLE registration ADD COLUMN inbound_from TEXT NOT NULL DEFAULT 'registrar' CONSTRAINT "inbound_from is registrar or any" CHECK (inbound_from IN ('registrar', 'any'));
ALTER TABLE registration ADD COLUMN tls_verify TEXT NOT NULL DEFAULT 'On' CONSTRAINT "tls_verify is On or Off" CHECK (tls_verify IN ('On', 'Off'));
ALTER TABLE registration ADD COLUMN tls_fingerprint TEXT CONSTRAINT "tls_fingerprint is a SHA-256 of 64 hexadecimal digits, with or without colons between the pairs, or NULL"
		CHECK (length(tls_fingerprint) IN (64, 95) AND length(replace(tls_fingerprint, ':', '')) = 64
			AND tls_fingerprint NOT GLOB '*[^0-9A-Fa-f:]*'
			AND ':' || tls_fingerprint || ':' NOT GLOB '*::*' AND ':' || tls_fingerprint || ':' NOT GLOB '*:?:*');
ALTER TABLE registration ADD COLUMN tls_certificate TEXT CONSTRAINT "tls_certificate is the name of a file in the folder of --tls-dir: letters, digits, -, _ and (not first) a dot, or NULL for agent.pem"
		CHECK (length(tls_certificate) BETWEEN 1 AND 255 AND tls_certificate NOT GLOB '*[^0-9A-Za-z._-]*'
			AND tls_certificate NOT GLOB '.*');

UPDATE gateway SET publish = 1, tls_verify = CASE WHEN transport IN ('udp', 'tcp') THEN 'On' ELSE 'Off' END;
UPDATE mapping_gateway SET tls_verify = 'Off';
UPDATE registration SET inbound_from = 'any', tls_verify = CASE WHEN transport IN ('udp', 'tcp') THEN 'On' ELSE 'Off' END;

-- Customers by their source. IPv6 addresses that are only written differently are told apart.
CREATE INDEX mapping_gateway_source ON mapping_gateway (lower(CASE WHEN host GLOB '*:*/128' THEN substr(host, 1, length(host) - 4)
	WHEN host NOT GLOB '*:*' AND host GLOB '*/32' THEN substr(host, 1, length(host) - 3) ELSE host END));

-- Addresses as they are written, wherever they stand; bits is what stands behind the slash of a block.
CREATE VIEW address_written (kind, name, what, written, address, bits) AS
	SELECT 'gateway', name, 'host', host, host, NULL FROM gateway
	UNION ALL SELECT 'registration', name, 'host', host, host, NULL FROM registration
	UNION ALL SELECT 'registration', name, 'realm', realm, realm, NULL FROM registration
	UNION ALL SELECT 'registration', name, 'contact_host', contact_host, contact_host, NULL FROM registration
	UNION ALL SELECT 'registration', name, 'proxy', proxy, CASE
		WHEN proxy GLOB '[[]*]*' THEN substr(proxy, 2, instr(proxy, ']') - 2)
		WHEN proxy GLOB '*:*:*' THEN proxy
		ELSE substr(proxy, 1, instr(proxy || ':', ':') - 1) END, NULL FROM registration
	UNION ALL SELECT 'mapping_gateway', name, 'host', host, substr(host, 1, instr(host || '/', '/') - 1),
		substr(host, nullif(instr(host, '/'), 0) + 1) FROM mapping_gateway;

-- The groups of IPv6 addresses, an IPv4 address at the end as two of them; "x" where something cannot be.
CREATE VIEW address_ipv6_short (kind, name, what, written, address, bits) AS
	SELECT kind, name, what, written, CASE
		WHEN address GLOB '*[^0-9A-Fa-f:.]*' OR instr(address, char(0)) THEN 'x'
		WHEN instr(address, '.') THEN rtrim(address, '0123456789.') || (
			SELECT CASE WHEN count(*) = 4 AND max(CAST(value AS INTEGER)) <= 255
					AND min(value = CAST(CAST(value AS INTEGER) AS TEXT))
				THEN format('%x:%x', sum(CASE key WHEN 0 THEN 256 * value WHEN 1 THEN value ELSE 0 END),
					sum(CASE key WHEN 2 THEN 256 * value WHEN 3 THEN value ELSE 0 END))
				ELSE 'x' END
			FROM json_each('["' || replace(substr(address, length(rtrim(address, '0123456789.')) + 1), '.', '","') || '"]'))
		ELSE address END, bits
	FROM address_written WHERE address GLOB '*:*:*';

-- The same with "::" written out, which stands for at least one group of zeros.
CREATE VIEW address_ipv6 (kind, name, what, written, groups, bits) AS
	SELECT kind, name, what, written, '["' || replace(CASE
		WHEN missing < 1 THEN 'x'
		WHEN instr(address, '::') THEN trim(substr(address, 1, instr(address, '::')) ||
			substr('0:0:0:0:0:0:0:0:', 1, 2 * missing) || substr(address, instr(address, '::') + 2), ':')
		ELSE address END, ':', '","') || '"]', CAST(coalesce(bits, 128) AS INTEGER)
	FROM (SELECT *, CASE WHEN instr(address, '::') THEN 8 + (address GLOB '::*') + (address GLOB '*::')
			- length(address) + length(replace(address, ':', '')) END AS missing FROM address_ipv6_short);

-- Rows that the switch could not use. They cannot be enabled: those that an older version let in are disabled by the
-- upgrade, and named when the switch starts.
CREATE VIEW unusable (kind, name, why) AS
	SELECT kind, name, what || ': "' || written || '" has an empty label' FROM address_written
		WHERE address NOT GLOB '*:*' AND address GLOB '*..*'
	UNION ALL SELECT kind, name, what || ': "' || written || '" is not an IPv6 address' FROM address_ipv6
		WHERE (SELECT count(*) <> 8 OR max(value GLOB '*[^0-9A-Fa-f]*' OR length(value) NOT BETWEEN 1 AND 4)
			FROM json_each(groups))
	UNION ALL SELECT kind, name, what || ': "' || written || '" has host bits set' FROM address_ipv6
		WHERE (SELECT max((1 << 16 - max(0, min(16, bits - 16 * key))) - 1
				& 4096 * (instr('123456789abcdef', lower(substr('000' || value, -4, 1))))
				+ 256 * (instr('123456789abcdef', lower(substr('000' || value, -3, 1))))
				+ 16 * (instr('123456789abcdef', lower(substr('000' || value, -2, 1))))
				+ instr('123456789abcdef', lower(substr('000' || value, -1, 1)))) FROM json_each(groups))
	UNION ALL SELECT kind, name, what || ': "' || written || '" has host bits set' FROM address_written
		WHERE bits IS NOT NULL AND address NOT GLOB '*[^0-9.]*'
			AND CASE WHEN instr(address, char(0)) = 0 THEN
				(SELECT sum(CAST(value AS INTEGER) << 24 - 8 * key) & (1 << 32 - CAST(bits AS INTEGER)) - 1
				FROM json_each('["' || replace(address, '.', '","') || '"]')) END
	UNION ALL SELECT kind, name, what || ': "' || written || '" has leading zeros in its length' FROM address_written
		WHERE bits GLOB '0?*'
	UNION ALL SELECT 'mapping_gateway', one.name, 'host: mapping_gateway ' || min(other.name) || ' has the same source "' || one.host || '"'
		FROM mapping_gateway one, mapping_gateway other
		WHERE lower(CASE WHEN other.host GLOB '*:*/128' THEN substr(other.host, 1, length(other.host) - 4)
	WHEN other.host NOT GLOB '*:*' AND other.host GLOB '*/32' THEN substr(other.host, 1, length(other.host) - 3) ELSE other.host END) = lower(CASE WHEN one.host GLOB '*:*/128' THEN substr(one.host, 1, length(one.host) - 4)
	WHEN one.host NOT GLOB '*:*' AND one.host GLOB '*/32' THEN substr(one.host, 1, length(one.host) - 3) ELSE one.host END) AND other.enabled AND other.name <> one.name
			AND other.port IS one.port AND other.tls_name IS one.tls_name GROUP BY one.name
	UNION ALL SELECT 'gateway', name, 'a NUL in its texts' FROM gateway WHERE instr(name || char(1) || host
		|| ifnull(auth_user, '') || ifnull(auth_password, '') || ifnull(tls_fingerprint, '') || ifnull(tls_certificate, ''), char(0))
	UNION ALL SELECT 'mapping_gateway', name, 'a NUL in its texts' FROM mapping_gateway WHERE instr(name || host
		|| ifnull(tls_fingerprint, '') || ifnull(tls_certificate, '') || ifnull(tls_name, ''), char(0))
	UNION ALL SELECT 'registration', name, 'a NUL in its texts' FROM registration WHERE instr(name || host || user || line
		|| ifnull(proxy, '') || ifnull(auth_user, '') || ifnull(password, '') || ifnull(realm, '') || ifnull(contact_host, '')
		|| ifnull(tls_fingerprint, '') || ifnull(tls_certificate, ''), char(0));

-- Of customers with one source the first by name was the one that counted.
UPDATE mapping_gateway SET enabled = 0 WHERE enabled AND EXISTS (SELECT 1 FROM mapping_gateway other
	WHERE other.enabled AND other.name < mapping_gateway.name AND other.port IS mapping_gateway.port
		AND lower(CASE WHEN other.host GLOB '*:*/128' THEN substr(other.host, 1, length(other.host) - 4)
	WHEN other.host NOT GLOB '*:*' AND other.host GLOB '*/32' THEN substr(other.host, 1, length(other.host) - 3) ELSE other.host END) = lower(CASE WHEN mapping_gateway.host GLOB '*:*/128' THEN substr(mapping_gateway.host, 1, length(mapping_gateway.host) - 4)
	WHEN mapping_gateway.host NOT GLOB '*:*' AND mapping_gateway.host GLOB '*/32' THEN substr(mapping_gateway.host, 1, length(mapping_gateway.host) - 3) ELSE mapping_gateway.host END));
UPDATE gateway SET enabled = 0 WHERE enabled AND name IN (SELECT name FROM unusable WHERE kind = 'gateway');
UPDATE mapping_gateway SET enabled = 0 WHERE enabled AND name IN (SELECT name FROM unusable WHERE kind = 'mapping_gateway');
UPDATE registration SET enabled = 0 WHERE enabled AND name IN (SELECT name FROM unusable WHERE kind = 'registration');
UPDATE route SET enabled = 0 WHERE enabled AND instr(prefix, char(0));

CREATE TRIGGER gateway_insert AFTER INSERT ON gateway BEGIN
	INSERT INTO address_check (subject, address) VALUES ('gateway ' || NEW.name || ': host', NEW.host);
	INSERT INTO value_check (subject, rule, value)
	SELECT 'gateway ' || gateway || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM gateway_override WHERE gateway = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'gateway' AND name = NEW.name;
END;

CREATE TRIGGER gateway_update AFTER UPDATE ON gateway BEGIN
	INSERT INTO address_check (subject, address) VALUES ('gateway ' || NEW.name || ': host', NEW.host);
	INSERT INTO value_check (subject, rule, value)
	SELECT 'gateway ' || gateway || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM gateway_override WHERE gateway = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'gateway' AND name = NEW.name;
END;

CREATE TRIGGER mapping_gateway_insert AFTER INSERT ON mapping_gateway BEGIN
	INSERT INTO address_check (subject, address)
	VALUES ('mapping_gateway ' || NEW.name || ': host', substr(NEW.host, 1, instr(NEW.host || '/', '/') - 1));
	INSERT INTO value_check (subject, rule, value)
	SELECT 'mapping_gateway ' || mapping_gateway || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM mapping_gateway_override WHERE mapping_gateway = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'mapping_gateway' AND name = NEW.name;
END;

CREATE TRIGGER mapping_gateway_update AFTER UPDATE ON mapping_gateway BEGIN
	INSERT INTO address_check (subject, address)
	VALUES ('mapping_gateway ' || NEW.name || ': host', substr(NEW.host, 1, instr(NEW.host || '/', '/') - 1));
	INSERT INTO value_check (subject, rule, value)
	SELECT 'mapping_gateway ' || mapping_gateway || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM mapping_gateway_override WHERE mapping_gateway = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'mapping_gateway' AND name = NEW.name;
END;

CREATE TRIGGER registration_insert AFTER INSERT ON registration BEGIN
	INSERT INTO address_check (subject, address)
	SELECT 'registration ' || registration || ': ' || name, address
	FROM registration_address WHERE registration = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'registration' AND name = NEW.name;
END;

CREATE TRIGGER registration_update AFTER UPDATE ON registration BEGIN
	INSERT INTO address_check (subject, address)
	SELECT 'registration ' || registration || ': ' || name, address
	FROM registration_address WHERE registration = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'registration' AND name = NEW.name;
END;

CREATE TRIGGER gateway_delete BEFORE DELETE ON gateway
WHEN EXISTS (SELECT 1 FROM route WHERE gateway = OLD.name) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', (SELECT 'gateway "' || OLD.name || '": ' || count(*) || CASE count(*) WHEN 1 THEN ' route names' ELSE ' routes name' END
		|| ' it; delete them first: DELETE FROM route WHERE gateway = ...' FROM route WHERE gateway = OLD.name));
END;

CREATE TRIGGER route_nul_insert BEFORE INSERT ON route WHEN instr(NEW.prefix, char(0)) BEGIN
	SELECT RAISE(ABORT, 'prefix of a route contains NUL');
END;

CREATE TRIGGER route_nul_update BEFORE UPDATE OF prefix ON route WHEN instr(NEW.prefix, char(0)) BEGIN
	SELECT RAISE(ABORT, 'prefix of a route contains NUL');
END;
