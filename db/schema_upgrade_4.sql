-- Version 4: who may speak for a row, and what TLS shows of itself. Rows that exist go on as before: what
-- a new row has to ask for, or is refused, they keep.
DROP TRIGGER parameter_no_insert;
-- These check whole rows. An older program may have let through what they refuse now, and an upgrade must not fail for it.
DROP TRIGGER gateway_update;
DROP TRIGGER mapping_gateway_update;
DROP TRIGGER registration_update;

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

CREATE TRIGGER gateway_update AFTER UPDATE ON gateway BEGIN
	INSERT INTO address_check (subject, address) VALUES ('gateway ' || NEW.name || ': host', NEW.host);
	INSERT INTO value_check (subject, rule, value)
	SELECT 'gateway ' || gateway || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM gateway_override WHERE gateway = NEW.name;
END;

CREATE TRIGGER mapping_gateway_update AFTER UPDATE ON mapping_gateway BEGIN
	INSERT INTO address_check (subject, address)
	VALUES ('mapping_gateway ' || NEW.name || ': host', substr(NEW.host, 1, instr(NEW.host || '/', '/') - 1));
	INSERT INTO value_check (subject, rule, value)
	SELECT 'mapping_gateway ' || mapping_gateway || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM mapping_gateway_override WHERE mapping_gateway = NEW.name;
END;

CREATE TRIGGER registration_update AFTER UPDATE ON registration BEGIN
	INSERT INTO address_check (subject, address)
	SELECT 'registration ' || registration || ': ' || name, address
	FROM registration_address WHERE registration = NEW.name;
END;
