-- Version 5: how a row is recognised after a rename, and what a peer behind NAT or with habits of its own needs.

-- ALTER TABLE changes neither a type nor a CHECK. Numbers are kept the same way under both types, so the words are
-- enough (https://www.sqlite.org/lang_altertable.html, section 8); ADD COLUMN tells other connections.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql, 'expiry INTEGER,', 'expiry ANY,'),
	'CONSTRAINT "expiry is 20 to 7200 s, or NULL for SS_SIP_USER_AGENT_EXPIRE" CHECK (expiry BETWEEN 20 AND 7200)',
	'CONSTRAINT "expiry is Auto, 20 to 7200 s, or NULL for SS_SIP_USER_AGENT_EXPIRE"
		CHECK (expiry = ''Auto'' OR CAST(expiry AS TEXT) NOT GLOB ''*[^0-9]*'' AND CAST(expiry AS INTEGER) BETWEEN 20 AND 7200)')
WHERE type = 'table' AND name = 'registration';
PRAGMA writable_schema = RESET;
ALTER TABLE registration ADD COLUMN keep_alive INTEGER CONSTRAINT "keep_alive is 5 to 300 s, or NULL for none" CHECK (keep_alive BETWEEN 5 AND 300);

DROP TRIGGER gateway_update;
DROP TRIGGER mapping_gateway_update;
DROP TRIGGER registration_update;

ALTER TABLE gateway ADD COLUMN id INTEGER;
ALTER TABLE mapping_gateway ADD COLUMN id INTEGER;
ALTER TABLE registration ADD COLUMN id INTEGER;
UPDATE gateway SET id = random() & 0x7fffffffffffffff | 1;
UPDATE mapping_gateway SET id = random() & 0x7fffffffffffffff | 1;
UPDATE registration SET id = random() & 0x7fffffffffffffff | 1;

CREATE TRIGGER gateway_update AFTER UPDATE ON gateway WHEN NEW.id IS OLD.id BEGIN
	INSERT INTO address_check (subject, address) VALUES ('gateway ' || NEW.name || ': host', NEW.host);
	INSERT INTO value_check (subject, rule, value)
	SELECT 'gateway ' || gateway || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM gateway_override WHERE gateway = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'gateway' AND name = NEW.name;
END;

CREATE TRIGGER mapping_gateway_update AFTER UPDATE ON mapping_gateway WHEN NEW.id IS OLD.id BEGIN
	INSERT INTO address_check (subject, address)
	VALUES ('mapping_gateway ' || NEW.name || ': host', substr(NEW.host, 1, instr(NEW.host || '/', '/') - 1));
	INSERT INTO value_check (subject, rule, value)
	SELECT 'mapping_gateway ' || mapping_gateway || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM mapping_gateway_override WHERE mapping_gateway = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'mapping_gateway' AND name = NEW.name;
END;

CREATE TRIGGER registration_update AFTER UPDATE ON registration WHEN NEW.id IS OLD.id BEGIN
	INSERT INTO address_check (subject, address)
	SELECT 'registration ' || registration || ': ' || name, address
	FROM registration_address WHERE registration = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'registration' AND name = NEW.name;
END;

-- By its id a row is recognised when it has another name: what the switch knows about it, and its calls in progress, stay
-- with it. The database gives a number to every row that brings none, or that of another row.
CREATE INDEX gateway_id ON gateway (id);

CREATE TRIGGER gateway_insert_id AFTER INSERT ON gateway
WHEN coalesce(NEW.id, 0) = 0 OR EXISTS (SELECT 1 FROM gateway WHERE id = NEW.id AND name <> NEW.name) BEGIN
	UPDATE gateway SET id = random() & 0x7fffffffffffffff | 1 WHERE name = NEW.name;
END;

CREATE TRIGGER gateway_update_id BEFORE UPDATE OF id ON gateway
WHEN NEW.id IS NOT OLD.id AND coalesce(OLD.id, 0) <> 0
	AND NOT EXISTS (SELECT 1 FROM gateway WHERE id = OLD.id AND name <> OLD.name) BEGIN
	SELECT RAISE(ABORT, 'the id of a gateway cannot be changed');
END;

CREATE INDEX mapping_gateway_id ON mapping_gateway (id);

CREATE TRIGGER mapping_gateway_insert_id AFTER INSERT ON mapping_gateway
WHEN coalesce(NEW.id, 0) = 0 OR EXISTS (SELECT 1 FROM mapping_gateway WHERE id = NEW.id AND name <> NEW.name) BEGIN
	UPDATE mapping_gateway SET id = random() & 0x7fffffffffffffff | 1 WHERE name = NEW.name;
END;

CREATE TRIGGER mapping_gateway_update_id BEFORE UPDATE OF id ON mapping_gateway
WHEN NEW.id IS NOT OLD.id AND coalesce(OLD.id, 0) <> 0
	AND NOT EXISTS (SELECT 1 FROM mapping_gateway WHERE id = OLD.id AND name <> OLD.name) BEGIN
	SELECT RAISE(ABORT, 'the id of a mapping gateway cannot be changed');
END;

CREATE INDEX registration_id ON registration (id);

CREATE TRIGGER registration_insert_id AFTER INSERT ON registration
WHEN coalesce(NEW.id, 0) = 0 OR EXISTS (SELECT 1 FROM registration WHERE id = NEW.id AND name <> NEW.name) BEGIN
	UPDATE registration SET id = random() & 0x7fffffffffffffff | 1 WHERE name = NEW.name;
END;

CREATE TRIGGER registration_update_id BEFORE UPDATE OF id ON registration
WHEN NEW.id IS NOT OLD.id AND coalesce(OLD.id, 0) <> 0
	AND NOT EXISTS (SELECT 1 FROM registration WHERE id = OLD.id AND name <> OLD.name) BEGIN
	SELECT RAISE(ABORT, 'the id of a registration cannot be changed');
END;

ALTER TABLE gateway ADD COLUMN pass_headers TEXT CONSTRAINT "pass_headers is a list of header names, separated by commas, of 512 characters at most, or NULL"
		CHECK (length(pass_headers) BETWEEN 1 AND 512 AND pass_headers NOT GLOB '*[^0-9A-Za-z.!%*_+`''~, -]*' AND NOT instr(pass_headers, char(0)));
ALTER TABLE mapping_gateway ADD COLUMN pass_headers TEXT CONSTRAINT "pass_headers is a list of header names, separated by commas, of 512 characters at most, or NULL"
		CHECK (length(pass_headers) BETWEEN 1 AND 512 AND pass_headers NOT GLOB '*[^0-9A-Za-z.!%*_+`''~, -]*' AND NOT instr(pass_headers, char(0)));
ALTER TABLE gateway ADD COLUMN nat TEXT NOT NULL DEFAULT 'Auto' CONSTRAINT "nat is On, Off or Auto" CHECK (nat IN ('On', 'Off', 'Auto'));
ALTER TABLE mapping_gateway ADD COLUMN nat TEXT NOT NULL DEFAULT 'Auto' CONSTRAINT "nat is On, Off or Auto" CHECK (nat IN ('On', 'Off', 'Auto'));

-- The same for lists of header names: what the two legs settle each for itself never crosses.
CREATE VIEW header_check (subject, names) AS SELECT NULL, NULL WHERE 0;

CREATE TRIGGER header_check_insert INSTEAD OF INSERT ON header_check
WHEN NEW.names NOT GLOB '*[^0-9A-Za-z.!%*_+`''~, -]*' AND NOT instr(NEW.names, char(0)) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('["' || replace(NEW.names, ',', '","') || '"]') AS item,
		json_each('{}', NEW.subject || ': pass_headers: ' || CASE length(trim(item.value)) WHEN 0 THEN 'a name is missing'
			WHEN 1 THEN '"' || trim(item.value) || '" is short for another name; write that one'
			ELSE '"' || trim(item.value) || '" cannot be passed' END)
	WHERE length(trim(item.value)) < 2 OR trim(item.value) GLOB '* *'
		OR lower(trim(item.value)) GLOB 'content-*' OR lower(trim(item.value)) GLOB 'proxy-*'
		OR lower(trim(item.value)) GLOB 'security-*' OR lower(trim(item.value)) IN (
		'allow', 'allow-events', 'authentication-info', 'authorization', 'call-id', 'contact', 'cseq', 'event', 'expires',
		'flow-timer', 'from', 'join', 'max-breadth', 'max-forwards', 'mime-version', 'min-expires', 'min-se', 'path', 'rack',
		'record-route', 'replaces', 'require', 'retry-after', 'route', 'rseq', 'service-route', 'session-expires', 'sip-etag',
		'sip-if-match', 'supported', 'target-dialog', 'timestamp', 'to', 'unsupported', 'via', 'www-authenticate');
END;

CREATE TRIGGER gateway_insert_headers BEFORE INSERT ON gateway BEGIN
	INSERT INTO header_check (subject, names) VALUES ('gateway ' || NEW.name, NEW.pass_headers);
END;

CREATE TRIGGER gateway_update_headers BEFORE UPDATE OF pass_headers ON gateway BEGIN
	INSERT INTO header_check (subject, names) VALUES ('gateway ' || NEW.name, NEW.pass_headers);
END;

CREATE TRIGGER mapping_gateway_insert_headers BEFORE INSERT ON mapping_gateway BEGIN
	INSERT INTO header_check (subject, names) VALUES ('mapping_gateway ' || NEW.name, NEW.pass_headers);
END;

CREATE TRIGGER mapping_gateway_update_headers BEFORE UPDATE OF pass_headers ON mapping_gateway BEGIN
	INSERT INTO header_check (subject, names) VALUES ('mapping_gateway ' || NEW.name, NEW.pass_headers);
END;

-- Routes of which C would see only a part of the prefix, or of the name of the gateway.
DROP TRIGGER route_nul_insert;
DROP TRIGGER route_nul_update;
UPDATE route SET enabled = 0 WHERE enabled AND instr(prefix || gateway, char(0));

CREATE TRIGGER route_nul_insert BEFORE INSERT ON route WHEN instr(NEW.prefix || NEW.gateway, char(0)) BEGIN
	SELECT RAISE(ABORT, 'prefix or gateway of a route contains NUL');
END;

CREATE TRIGGER route_nul_update BEFORE UPDATE ON route
WHEN instr(NEW.prefix || NEW.gateway, char(0)) AND (NEW.enabled OR NEW.prefix <> OLD.prefix) BEGIN
	SELECT RAISE(ABORT, 'prefix or gateway of a route contains NUL');
END;

-- The few of a million routes that are of no use: found without reading all.
CREATE INDEX route_nul ON route (prefix) WHERE instr(prefix || gateway, char(0));

DROP VIEW unusable;
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
		|| ifnull(tls_fingerprint, '') || ifnull(tls_certificate, ''), char(0))
	UNION ALL SELECT 'route', CASE instr(prefix, char(0)) WHEN 0 THEN prefix
		ELSE substr(prefix, 1, instr(prefix, char(0)) - 1) || '\0' END, 'a NUL in its texts' FROM route WHERE instr(prefix || gateway, char(0));

DROP TRIGGER parameter_no_insert;
INSERT INTO parameter (name, value, default_value, unit, range, description, words, items, decimals, minimum, maximum)
VALUES ('SS_CALL_RECOVERY', 'On', 'On', '', 'On, Off',
	'On: answered calls go on after a crash of at most a minute. Off: they are ended with BYE', 'On,Off', 0, 0, 0, 0);
CREATE TRIGGER parameter_no_insert BEFORE INSERT ON parameter BEGIN
	SELECT RAISE(ABORT, 'no other parameters exist; change a value with UPDATE');
END;
