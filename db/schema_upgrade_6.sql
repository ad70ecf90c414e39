-- Version 6: endpoints, that is phones, PBXs and gateways that register with the switch.

ALTER TABLE parameter ADD COLUMN free_text INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER parameter_fixed;
CREATE TRIGGER parameter_fixed BEFORE UPDATE OF name, default_value, unit, range, description, words,
	items, decimals, minimum, maximum, item_words, free_text ON parameter
BEGIN
	SELECT RAISE(ABORT, 'only the value of a parameter can be changed');
END;

DROP VIEW rule;
CREATE VIEW rule (name, unit, range, words, items, decimals, minimum, maximum, item_words, free_text) AS
	SELECT name, unit, range, words, items, decimals, minimum, maximum, item_words, free_text FROM parameter
	UNION ALL VALUES ('any answer but 408 and 503', '', '1 to 32 codes 200-699', '', 32, 0, 200, 699, '', 0);

DROP TRIGGER value_check_insert;
CREATE TRIGGER value_check_insert INSTEAD OF INSERT ON value_check WHEN NEW.value IS NOT NULL BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM rule, json_each('{}', CASE WHEN
		NEW.value <> '' AND instr(NEW.value, ',') = 0 AND
			instr(',' || words || ',', ',' || NEW.value || ',') > 0
		OR free_text AND length(NEW.value) BETWEEN minimum AND maximum
			AND instr(NEW.value, char(0)) = 0 AND NEW.value NOT GLOB '*[^]!#-[^-~ ]*'
		OR length(NEW.value) - length(replace(NEW.value, ',', '')) < items
			AND instr(NEW.value, char(0)) = 0
			AND NOT EXISTS (
				SELECT 1
				FROM json_each(CASE WHEN NEW.value GLOB '*[^0-9A-Za-z.,]*' THEN '["not an item"]'
					ELSE '["' || replace(NEW.value, ',', '","') || '"]' END) AS item
				WHERE NOT (item.value <> '' AND instr(',' || item_words || ',', ',' || item.value || ',') > 0
					OR item.value GLOB '[0-9]*' AND item.value NOT GLOB '*[^0-9.]*'
					AND item.value NOT GLOB '0[0-9]*'
					AND item.value NOT GLOB '*.*.*'
					AND item.value NOT GLOB '*.'
					AND length(item.value) - instr(item.value || '.', '.') <= decimals
					AND CAST(item.value AS REAL) BETWEEN minimum AND maximum))
		THEN '$'
		ELSE NEW.subject || ': "' || NEW.value || '" is out of range (' || rtrim(range || ' ' || unit) || ')' END)
	WHERE name = NEW.rule;
END;

DROP TRIGGER address_check_insert;
CREATE TRIGGER address_check_insert INSTEAD OF INSERT ON address_check
WHEN NEW.address <> '' AND NEW.address NOT GLOB '*[^0-9.]*' BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', CASE WHEN
		length(NEW.address) - length(replace(NEW.address, '.', '')) = 3 AND NOT EXISTS (
			SELECT 1 FROM json_each('["' || replace(NEW.address, '.', '","') || '"]') AS item
			WHERE NOT (item.value = CAST(CAST(item.value AS INTEGER) AS TEXT)
				AND CAST(item.value AS INTEGER) <= 255))
		THEN '$'
		ELSE NEW.subject || ': "' || NEW.address || '" is not an IPv4 address (four numbers 0-255)' END);
END;

DROP TRIGGER parameter_no_insert;
INSERT INTO parameter (name, value, default_value, unit, range, description, words, items, decimals, minimum, maximum)
SELECT column1, column2, column2, column3, column4, column5, column6, column7, column8, column9, column10 FROM (VALUES
	('SS_ENDPOINT_EXPIRE', '3600', 's', '60-86400',
		'longest registration granted to an endpoint', '', 1, 0, 60, 86400),
	('SS_ENDPOINT_NAT_EXPIRE', '300', 's', '30-3600',
		'the same for an endpoint behind NAT', '', 1, 0, 30, 3600),
	('SS_ENDPOINT_REGISTER_RETRY', '6', '', '1-999',
		'this many wrong answers from one address for one user suspend that pair', '', 1, 0, 1, 999),
	('SS_ENDPOINT_REGISTER_SUSPEND', '180', 's', '10-3600',
		'how long the registrations of a suspended pair get 403 unseen', '', 1, 0, 10, 3600),
	('SS_ENDPOINT_REGISTER_REPLACE', 'On', '', 'On, Off',
		'On: a registration beyond the contacts of an endpoint replaces the oldest one. Off: it is refused', 'On,Off', 0, 0, 0, 0),
	('SS_ENDPOINT_FIRST', 'On', '', 'On, Off',
		'On: a called number is looked for among the endpoints before the routes', 'On,Off', 0, 0, 0, 0),
	('SS_SIP_AUTHENTICATION_CODE', '401', '', '401, 407',
		'with which code calls from endpoints are challenged', '401,407', 0, 0, 0, 0),
	('SS_SIP_AUTHENTICATION_RETRY', '3', '', '1-10',
		'this many wrong answers to the challenges of a call get 403', '', 1, 0, 1, 10),
	('SS_SIP_AUTHENTICATION_TIMEOUT', '10', 's', '1-60',
		'how long after a challenge its right answer counts', '', 1, 0, 1, 60),
	('SS_SIP_NAT_KEEP_ALIVE_PERIOD', '30', 's', '0, 5-300',
		'how often an endpoint behind NAT is sent a datagram that keeps its way open; 0: never', '0', 1, 0, 5, 300),
	('SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL', '500', 'ms', '10-5000',
		'pause after every SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME of these datagrams', '', 1, 0, 10, 5000),
	('SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME', '100', '', '1-10000',
		'how many of these datagrams are sent at once', '', 1, 0, 1, 10000));
INSERT INTO parameter (name, value, default_value, unit, range, description, words, items, decimals, minimum, maximum, free_text)
VALUES ('SS_SIP_AUTHENTICATION_REALM', 'softswitch', 'softswitch', '', '1-64 printable ASCII characters but " and \',
		'realm of our challenges', '', 0, 0, 1, 64, 1),
	('SS_SIP_NAT_KEEP_ALIVE_MESSAGE', 'HELLO', 'HELLO', '', '0-64 printable ASCII characters but " and \',
		'what the datagrams to endpoints behind NAT say; empty: two line ends (RFC 5626)', '', 0, 0, 0, 64, 1);
CREATE TRIGGER parameter_no_insert BEFORE INSERT ON parameter BEGIN
	SELECT RAISE(ABORT, 'no other parameters exist; change a value with UPDATE');
END;

-- ALTER TABLE changes neither a DEFAULT nor a CHECK, so the words are changed (https://www.sqlite.org/lang_altertable.html,
-- section 8); ADD COLUMN tells other connections.
ALTER TABLE gateway ADD COLUMN endpoint TEXT;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql, 'host TEXT NOT NULL,', 'host TEXT NOT NULL DEFAULT '''','),
	'	CONSTRAINT "host is an IPv4 address, an IPv6 address without brackets, or a domain name"
		CHECK (length(host) BETWEEN 1 AND 253
			AND (host NOT GLOB ''*[^0-9A-Za-z._-]*'' AND host GLOB ''[0-9A-Za-z_]*''
				OR host GLOB ''*:*:*'' AND host NOT GLOB ''*[^0-9A-Fa-f:.]*'')),',
	'	CONSTRAINT "host is an IPv4 address, an IPv6 address without brackets, or a domain name; a gateway with an endpoint has none"
		CHECK (CASE WHEN endpoint IS NULL THEN length(host) BETWEEN 1 AND 253
			AND (host NOT GLOB ''*[^0-9A-Za-z._-]*'' AND host GLOB ''[0-9A-Za-z_]*''
				OR host GLOB ''*:*:*'' AND host NOT GLOB ''*[^0-9A-Fa-f:.]*'') ELSE host = '''' END),')
WHERE type = 'table' AND name = 'gateway';
PRAGMA writable_schema = RESET;

-- Phones, PBXs and gateways that register with the switch. A number is what is called to reach one.
CREATE TABLE endpoint (
	name TEXT NOT NULL PRIMARY KEY,
	number TEXT,
	password TEXT,
	ha1_md5 TEXT,
	ha1_sha256 TEXT,
	enabled INTEGER NOT NULL DEFAULT 1,
	capacity INTEGER NOT NULL DEFAULT 0,
	cps INTEGER NOT NULL DEFAULT 0,
	contacts INTEGER NOT NULL DEFAULT 1,
	auth_calls INTEGER NOT NULL DEFAULT 1,
	callers TEXT,
	strict_source INTEGER NOT NULL DEFAULT 0,
	nat TEXT NOT NULL DEFAULT 'Auto',
	session_timer TEXT,
	sip_100rel TEXT,
	max_call_duration INTEGER,
	id INTEGER,
	CONSTRAINT "name of an endpoint is 1 to 64 characters of a SIP user name: letters, digits and -_.!~*()&=+$,;?/"
		CHECK (length(name) BETWEEN 1 AND 64 AND name NOT GLOB '*[^0-9A-Za-z_.!~*()&=+$,;?/-]*' AND NOT instr(name, char(0))),
	CONSTRAINT "number is 1 to 64 characters of a SIP user name: letters, digits and -_.!~*()&=+$,;?/, or NULL for the name"
		CHECK (length(number) BETWEEN 1 AND 64 AND number NOT GLOB '*[^0-9A-Za-z_.!~*()&=+$,;?/-]*' AND NOT instr(number, char(0))),
	CONSTRAINT "password is 1 to 256 bytes, none of them a control character, or NULL with hashes"
		CHECK (length(CAST(password AS BLOB)) BETWEEN 1 AND 256 AND NOT instr(password, char(0))
			AND password NOT GLOB '*[' || char(1) || '-' || char(31, 127) || ']*'),
	CONSTRAINT "ha1_md5 is 32 hexadecimal digits, or NULL"
		CHECK (length(ha1_md5) = 32 AND ha1_md5 NOT GLOB '*[^0-9A-Fa-f]*' AND NOT instr(ha1_md5, char(0))),
	CONSTRAINT "ha1_sha256 is 64 hexadecimal digits, or NULL"
		CHECK (length(ha1_sha256) = 64 AND ha1_sha256 NOT GLOB '*[^0-9A-Fa-f]*' AND NOT instr(ha1_sha256, char(0))),
	CONSTRAINT "an endpoint has either a password or hashes, and needs one of them unless enabled is 0"
		CHECK (CASE WHEN coalesce(ha1_md5, ha1_sha256) IS NOT NULL THEN password IS NULL
			ELSE password IS NOT NULL OR NOT enabled END),
	CONSTRAINT "enabled is 1 (yes) or 0 (no)" CHECK (enabled IN (0, 1)),
	CONSTRAINT "capacity is the calls at a time, 0 (no limit) to 1000000" CHECK (capacity BETWEEN 0 AND 1000000),
	CONSTRAINT "cps is the new calls per second, 0 (no limit) to 100000" CHECK (cps BETWEEN 0 AND 100000),
	CONSTRAINT "contacts is how many may be registered at a time, 1 to 16" CHECK (contacts BETWEEN 1 AND 16),
	CONSTRAINT "auth_calls is 1 (calls are challenged) or 0 (not if they come from where it has registered)" CHECK (auth_calls IN (0, 1)),
	CONSTRAINT "callers is a list of numbers, or beginnings of numbers with * behind them, separated by commas, of 1024 characters at most, or NULL for its name and number"
		CHECK (length(callers) BETWEEN 1 AND 1024 AND callers NOT GLOB '*[^0-9A-Za-z_.!~*()&=+$,;?/-]*' AND NOT instr(callers, char(0))
			AND ',' || callers || ',' NOT GLOB '*,,*'),
	CONSTRAINT "strict_source is 1 (yes) or 0 (no)" CHECK (strict_source IN (0, 1)),
	CONSTRAINT "nat is On, Off or Auto" CHECK (nat IN ('On', 'Off', 'Auto'))
) STRICT;

CREATE UNIQUE INDEX endpoint_number ON endpoint (coalesce(number, name));

CREATE VIEW endpoint_override (endpoint, name, rule, value) AS
	SELECT name, 'session_timer', 'SS_SIP_SESSION_TIMER', session_timer FROM endpoint
	UNION ALL SELECT name, 'sip_100rel', 'SS_SIP_100REL', sip_100rel FROM endpoint
	UNION ALL SELECT name, 'max_call_duration', 'SS_MAXCALLDURATION', max_call_duration FROM endpoint;

CREATE TRIGGER endpoint_insert AFTER INSERT ON endpoint BEGIN
	INSERT INTO value_check (subject, rule, value)
	SELECT 'endpoint ' || endpoint || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM endpoint_override WHERE endpoint = NEW.name;
END;

CREATE TRIGGER endpoint_update AFTER UPDATE ON endpoint WHEN NEW.id IS OLD.id BEGIN
	INSERT INTO value_check (subject, rule, value)
	SELECT 'endpoint ' || endpoint || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM endpoint_override WHERE endpoint = NEW.name;
END;

-- Before the index says so in words that nobody understands. One with its own name replaces another (REPLACE).
CREATE TRIGGER endpoint_insert_number BEFORE INSERT ON endpoint BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM endpoint other, json_each('{}', 'endpoint ' || NEW.name || ': the number "' || coalesce(NEW.number, NEW.name)
		|| '" is that of endpoint ' || other.name)
	WHERE coalesce(other.number, other.name) = coalesce(NEW.number, NEW.name) AND other.name <> NEW.name;
END;

CREATE TRIGGER endpoint_update_number BEFORE UPDATE OF name, number ON endpoint BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM endpoint other, json_each('{}', 'endpoint ' || NEW.name || ': the number "' || coalesce(NEW.number, NEW.name)
		|| '" is that of endpoint ' || other.name)
	WHERE coalesce(other.number, other.name) = coalesce(NEW.number, NEW.name) AND other.name <> OLD.name;
END;

CREATE INDEX endpoint_id ON endpoint (id);

CREATE TRIGGER endpoint_insert_id AFTER INSERT ON endpoint
WHEN coalesce(NEW.id, 0) = 0 OR EXISTS (SELECT 1 FROM endpoint WHERE id = NEW.id AND name <> NEW.name) BEGIN
	UPDATE endpoint SET id = random() & 0x7fffffffffffffff | 1 WHERE name = NEW.name;
END;

CREATE TRIGGER endpoint_update_id BEFORE UPDATE OF id ON endpoint
WHEN NEW.id IS NOT OLD.id AND coalesce(OLD.id, 0) <> 0
	AND NOT EXISTS (SELECT 1 FROM endpoint WHERE id = OLD.id AND name <> OLD.name) BEGIN
	SELECT RAISE(ABORT, 'the id of an endpoint cannot be changed');
END;

CREATE TRIGGER gateway_insert_endpoint BEFORE INSERT ON gateway
WHEN NEW.endpoint IS NOT NULL AND NOT EXISTS (SELECT 1 FROM endpoint WHERE name = NEW.endpoint) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', 'gateway "' || NEW.name || '": there is no endpoint "' || NEW.endpoint || '"');
END;

CREATE TRIGGER gateway_update_endpoint BEFORE UPDATE OF endpoint ON gateway
WHEN NEW.endpoint IS NOT NULL AND NOT EXISTS (SELECT 1 FROM endpoint WHERE name = NEW.endpoint) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', 'gateway "' || NEW.name || '": there is no endpoint "' || NEW.endpoint || '"');
END;

-- Refused: without its endpoint a gateway would have no address.
CREATE TRIGGER endpoint_delete BEFORE DELETE ON endpoint
WHEN EXISTS (SELECT 1 FROM gateway WHERE endpoint = OLD.name) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', (SELECT 'endpoint "' || OLD.name || '": gateway "' || min(name) ||
		'" uses it; delete that gateway or give it a host instead' FROM gateway WHERE endpoint = OLD.name));
END;

CREATE TRIGGER endpoint_rename AFTER UPDATE OF name ON endpoint WHEN NEW.name <> OLD.name BEGIN
	UPDATE gateway SET endpoint = NEW.name WHERE endpoint = OLD.name;
END;

-- Hashes hold for one user and one realm only (RFC 7616 section 3.4.2).
CREATE TRIGGER endpoint_rename_hashes BEFORE UPDATE OF name ON endpoint
WHEN NEW.name <> OLD.name AND (NEW.ha1_md5 IS OLD.ha1_md5 AND NEW.ha1_md5 IS NOT NULL
	OR NEW.ha1_sha256 IS OLD.ha1_sha256 AND NEW.ha1_sha256 IS NOT NULL) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', 'endpoint "' || OLD.name || '": its hashes are of that name; give it a password, or those of the new name');
END;

CREATE TRIGGER parameter_realm BEFORE UPDATE OF value ON parameter
WHEN OLD.name = 'SS_SIP_AUTHENTICATION_REALM' AND NEW.value <> OLD.value
	AND EXISTS (SELECT 1 FROM endpoint WHERE coalesce(ha1_md5, ha1_sha256) IS NOT NULL) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', (SELECT 'SS_SIP_AUTHENTICATION_REALM: endpoint "' || min(name) || '"' || CASE count(*) WHEN 1 THEN '' ELSE
			' and ' || (count(*) - 1) || CASE count(*) WHEN 2 THEN ' other' ELSE ' others' END END || ' would lose ' ||
			CASE count(*) WHEN 1 THEN 'its' ELSE 'their' END || ' password: hashes are of the realm "' || OLD.value || '"'
		FROM endpoint WHERE coalesce(ha1_md5, ha1_sha256) IS NOT NULL));
END;

ALTER TABLE revision ADD COLUMN endpoints INTEGER NOT NULL DEFAULT 0;
UPDATE revision SET endpoints = random() & 0x7fffffffffffffff;

CREATE TRIGGER endpoint_insert_revision AFTER INSERT ON endpoint BEGIN
	UPDATE revision SET endpoints = random() & 0x7fffffffffffffff;
END;

CREATE TRIGGER endpoint_update_revision AFTER UPDATE ON endpoint BEGIN
	UPDATE revision SET endpoints = random() & 0x7fffffffffffffff;
END;

CREATE TRIGGER endpoint_delete_revision AFTER DELETE ON endpoint BEGIN
	UPDATE revision SET endpoints = random() & 0x7fffffffffffffff;
END;
