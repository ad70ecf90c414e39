-- softswitch.db: configuration. The names of tables and columns are a contract with the operator.
--
-- The database itself rejects values that the switch could not use, so a typo in the sqlite3 command
-- line is reported at once. A CHECK is named by the sentence that SQLite prints when it fails. Where
-- the message has to show the offending value, a trigger raises it through json_each(): before SQLite
-- 3.47 RAISE() takes only fixed text, but json_each() quotes an invalid path (any text that does not
-- begin with $) in its error message. With the path '$' the empty object has no rows and nothing
-- happens; the RAISE() itself is never reached and only documents the intent. (json_each() is the only
-- JSON function that SQLite 3.40 allows in a schema with trusted_schema = OFF.)

-- Everything an operator can set for the whole switch. A value is one of `words` (separated by
-- commas) or a list of up to `items` numbers from `minimum` to `maximum` with at most `decimals`
-- decimals; `item_words` may stand in the list, too. With `free_text` it is any text of `minimum` to `maximum` characters
-- that can stand between quotes in a header.
CREATE TABLE parameter (
	name TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL,
	default_value TEXT NOT NULL,
	unit TEXT NOT NULL,
	range TEXT NOT NULL,
	description TEXT NOT NULL,
	words TEXT NOT NULL,
	items INTEGER NOT NULL,
	decimals INTEGER NOT NULL,
	minimum REAL NOT NULL,
	maximum REAL NOT NULL,
	item_words TEXT NOT NULL DEFAULT '',
	free_text INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO parameter (name, value, default_value, unit, range, description, words, items, decimals, minimum, maximum)
SELECT column1, column2, column2, column3, column4, column5, column6, column7, column8, column9, column10 FROM (VALUES
	('SS_SIP_RESEND_INTERVAL', '0.5,1,2,4,4,4,4,4,4,4', 's', 'auto, or 1 to 10 positive decimals 0.001-600',
		'waits before each retransmission of an unanswered message; auto: derived from the response time of the gateway', 'auto', 10, 3, 0.001, 600),
	('SS_SIP_SEND_RETRY', '10', '', '0-10',
		'maximum number of retransmissions; intervals beyond it are not used', '', 1, 0, 0, 10),
	('SS_SIP_TIMEOUT_INVITE', '10', 's', '1-120',
		'how long to wait for the first response to an INVITE', '', 1, 0, 1, 120),
	('SS_SIP_TIMEOUT_TRYING', '20', 's', '1-300',
		'how long to wait for the next response after 100', '', 1, 0, 1, 300),
	('SS_SIP_TIMEOUT_SESSION_PROGRESS', '20', 's', '1-300',
		'how long to wait for the next response after 183 without SDP', '', 1, 0, 1, 300),
	('SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP', '120', 's', '1-600',
		'how long to wait for the final response after 183 with SDP', '', 1, 0, 1, 600),
	('SS_SIP_TIMEOUT_RINGING', '120', 's', '1-600',
		'how long to wait for the final response after 180', '', 1, 0, 1, 600),
	('SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT', 'Off', '', 'On, Off',
		'On: an INVITE timeout fails the call, no other gateway is tried', 'On,Off', 0, 0, 0, 0),
	('SS_SIP_STOP_SWITCH_AFTER_SDP', 'Off', '', 'On, Off',
		'On: once a gateway has sent SDP, no other gateway is tried', 'On,Off', 0, 0, 0, 0),
	('SS_GATEWAY_SWITCH_LIMIT', 'None', '', 'None, 1-100',
		'maximum number of gateways tried per call', 'None', 1, 0, 1, 100),
	('SS_GATEWAY_SWITCH_UNTIL_CONNECT', 'Off', '', 'On, Off',
		'Off: once a gateway rings (180), no other gateway is tried. On: others are tried until one answers', 'On,Off', 0, 0, 0, 0),
	('SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY', 'On', '', 'On, Off',
		'On: after 486 or 600 no other gateway is tried, even if SS_GATEWAY_SWITCH_UNTIL_CONNECT is On', 'On,Off', 0, 0, 0, 0),
	('SS_GATEWAY_SWITCH_STOP_CODES', '484,603,604,606', '', 'None, or 1 to 32 codes 400-699',
		'final response codes after which no other gateway is tried', 'None', 32, 0, 400, 699),
	('SS_SIP_SESSION_TTL', '1800', 's', '90-86400',
		'Session-Expires that we ask for', '', 1, 0, 90, 86400),
	('SS_SIP_SESSION_UPDATE_SEGMENT', '4', '', '2-10',
		'n: a session is refreshed once (1 - 1/n) of its interval has passed', '', 1, 0, 2, 10),
	('SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP', '0', 's', '0, 5-600',
		'a call not answered this long after the INVITE of the caller, over all gateways tried, is cleared; 0: never', '0', 1, 0, 5, 600),
	('SS_SIP_NO_TIMER_REINVITE_INTERVAL', '7200', 's', '0, 60-86400',
		'how often a leg without a session timer is checked with a re-INVITE; 0: never', '0', 1, 0, 60, 86400),
	('SS_SIP_SESSION_TIMER', 'On', '', 'On, Off',
		'On: session timers (RFC 4028) with peers that support them. Off: none', 'On,Off', 0, 0, 0, 0),
	('SS_SIP_100REL', 'Off', '', 'Off, Supported, Required',
		'reliable provisional responses (RFC 3262)', 'Off,Supported,Required', 0, 0, 0, 0),
	('SS_MAXCALLDURATION', '0', 's', '0, 10-86400',
		'longest call; both sides then get a BYE; 0: no limit', '0', 1, 0, 10, 86400),
	('SS_SIP_USER_AGENT_EXPIRE', 'Auto', 's', 'Auto, 20-7200',
		'expiry requested for our registrations; Auto: the registrar decides', 'Auto', 1, 0, 20, 7200),
	('SS_SIP_USER_AGENT_RETRY_DELAY', '60', 's', '30-600',
		'wait before a failed registration is tried again; it does not grow', '', 1, 0, 30, 600),
	('SS_SIP_USER_AGENT_SEND_UNREGISTER', 'On', '', 'On, Off',
		'On: unregister (REGISTER with Expires: 0) on shutdown, restart or removal', 'On,Off', 0, 0, 0, 0),
	('SS_SIP_USER_AGENT_PRIVACY', 'Ignore', '', 'Ignore, Id, None',
		'Privacy header of our REGISTER. Ignore: no header. Id: id. None: none', 'Ignore,Id,None', 0, 0, 0, 0),
	('SS_SIP_OPTIONS_CHECK_PERIOD', '30', 's', '0, 5-3600',
		'how often gateways with options_check = 1 are probed with OPTIONS; 0: never', '0', 1, 0, 5, 3600),
	('SS_SIP_OPTIONS_TIMEOUT', '2', 's', '0.1-32, at most 1 decimal',
		'how long to wait for the answer to an OPTIONS probe', '', 1, 1, 0.1, 32),
	('SS_SIP_OPTIONS_DOWN', '2', '', '1-10',
		'this many failed probes in a row mark a gateway down', '', 1, 0, 1, 10),
	('SS_SIP_OPTIONS_UP', '1', '', '1-10',
		'this many answered probes in a row mark it up again', '', 1, 0, 1, 10),
	('SS_SIP_PUBLISH_EXPIRE', '3600', 's', '30-7200',
		'longest lifetime granted to the PUBLISH of a gateway', '', 1, 0, 30, 7200),
	('SS_GATEWAY_BREAKER_FAILURES', '5', '', 'None, 1-100',
		'this many failed calls in a row open the breaker of a gateway', 'None', 1, 0, 1, 100),
	('SS_GATEWAY_BREAKER_WINDOW', '20', '', '5-64',
		'how many of the last calls SS_GATEWAY_BREAKER_RATE looks at', '', 1, 0, 5, 64),
	('SS_GATEWAY_BREAKER_RATE', '80', '%', 'None, 1-100',
		'this share of failed calls among the last ones opens the breaker', 'None', 1, 0, 1, 100),
	('SS_GATEWAY_BREAKER_TIME', '30', 's', '1-3600',
		'how long an open breaker blocks all calls before it lets single ones through as a test', '', 1, 0, 1, 3600),
	('SS_GATEWAY_BREAKER_SUCCESSES', '1', '', '1-10',
		'this many successful test calls in a row close the breaker', '', 1, 0, 1, 10),
	('SS_GATEWAY_BREAKER_RAMP', '10', 's', '0-600',
		'time over which calls grow back to the full load once the breaker has closed', '', 1, 0, 0, 600),
	('SS_REPLY_UNAUTHORIZED', 'On', '', 'On, Off',
		'On: unknown sources are answered with 403. Off: they are ignored', 'On,Off', 0, 0, 0, 0),
	('SS_SIP_STREAM_TIMEOUT', '30', 's', '5-300',
		'how long a TCP or TLS connection may take for its handshake, its first message and each whole message', '', 1, 0, 5, 300),
	('SS_SIP_STREAM_LIMIT', '1024', '', '16-65535',
		'maximum number of TCP and TLS connections', '', 1, 0, 16, 65535),
	('SS_SIP_STREAM_LIMIT_SOURCE', '32', '', '1-65535',
		'maximum number of TCP and TLS connections from an address that no row knows', '', 1, 0, 1, 65535),
	('SS_CALL_RECOVERY', 'On', '', 'On, Off',
		'On: answered calls go on after a crash of at most a minute. Off: they are ended with BYE', 'On,Off', 0, 0, 0, 0),
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

INSERT INTO parameter (name, value, default_value, unit, range, description, words, items, decimals, minimum, maximum, item_words)
VALUES ('SS_GATEWAY_BREAKER_ON', 'timeout,transport,503', 'timeout,transport,503', '',
	'None, or 1 to 32 of timeout, transport and codes 400-699',
	'what counts as a failed call for the breaker', 'None', 32, 0, 400, 699, 'timeout,transport');

INSERT INTO parameter (name, value, default_value, unit, range, description, words, items, decimals, minimum, maximum, free_text)
VALUES ('SS_SIP_AUTHENTICATION_REALM', 'softswitch', 'softswitch', '', '1-64 printable ASCII characters but " and \',
		'realm of our challenges', '', 0, 0, 1, 64, 1),
	('SS_SIP_NAT_KEEP_ALIVE_MESSAGE', 'HELLO', 'HELLO', '', '0-64 printable ASCII characters but " and \',
		'what the datagrams to endpoints behind NAT say; empty: two line ends (RFC 5626)', '', 0, 0, 0, 64, 1);

-- What values are allowed: the rule of a parameter, or a rule that only gateways have, which is named
-- after what NULL means there.
CREATE VIEW rule (name, unit, range, words, items, decimals, minimum, maximum, item_words, free_text) AS
	SELECT name, unit, range, words, items, decimals, minimum, maximum, item_words, free_text FROM parameter
	UNION ALL VALUES ('any answer but 408 and 503', '', '1 to 32 codes 200-699', '', 32, 0, 200, 699, '', 0);

-- The check, in one place: inserting (subject, rule, value) here fails when the rule does not allow
-- the value; NULL always passes. The form is checked by GLOB and not by a cast, because a cast takes
-- ' 5', '5x' and '1e1' for numbers.
CREATE VIEW value_check (subject, rule, value) AS SELECT NULL, NULL, NULL WHERE 0;

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

-- The same for addresses: digits and dots alone are an IPv4 address or a mistake.
CREATE VIEW address_check (subject, address) AS SELECT NULL, NULL WHERE 0;

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

CREATE TRIGGER parameter_value BEFORE UPDATE OF value ON parameter BEGIN
	INSERT INTO value_check (subject, rule, value) VALUES (OLD.name, OLD.name, coalesce(NEW.value, 'NULL'));
END;

CREATE TRIGGER parameter_fixed BEFORE UPDATE OF name, default_value, unit, range, description, words,
	items, decimals, minimum, maximum, item_words, free_text ON parameter
BEGIN
	SELECT RAISE(ABORT, 'only the value of a parameter can be changed');
END;

CREATE TRIGGER parameter_no_insert BEFORE INSERT ON parameter BEGIN
	SELECT RAISE(ABORT, 'no other parameters exist; change a value with UPDATE');
END;

CREATE TRIGGER parameter_no_delete BEFORE DELETE ON parameter BEGIN
	SELECT RAISE(ABORT, 'a parameter cannot be deleted; to restore its default: UPDATE parameter SET value = default_value WHERE name = ...');
END;

-- Vendors ("routing gateway"): where calls go.
CREATE TABLE gateway (
	name TEXT NOT NULL PRIMARY KEY,
	host TEXT NOT NULL DEFAULT '',
	port INTEGER NOT NULL DEFAULT 0,
	transport TEXT DEFAULT 'udp',
	enabled INTEGER NOT NULL DEFAULT 1,
	capacity INTEGER NOT NULL DEFAULT 0,
	cps INTEGER NOT NULL DEFAULT 0,
	timeout_invite INTEGER,
	timeout_trying INTEGER,
	timeout_session_progress INTEGER,
	timeout_session_progress_sdp INTEGER,
	timeout_ringing INTEGER,
	resend_interval TEXT,
	switch_stop_after_invite_timeout TEXT,
	switch_stop_after_sdp TEXT,
	switch_until_connect TEXT,
	switch_stop_after_user_busy TEXT,
	switch_stop_codes TEXT,
	auth_user TEXT,
	auth_password TEXT,
	registration TEXT,
	draining INTEGER NOT NULL DEFAULT 0 CONSTRAINT "draining is 1 (no new calls) or 0 (no)" CHECK (draining IN (0, 1)),
	options_check INTEGER NOT NULL DEFAULT 0 CONSTRAINT "options_check is 1 (yes) or 0 (no)" CHECK (options_check IN (0, 1)),
	options_alive_codes TEXT,
	breaker_on TEXT,
	session_timer TEXT,
	sip_100rel TEXT,
	max_call_duration INTEGER,
	sdp_own_origin INTEGER NOT NULL DEFAULT 0 CONSTRAINT "sdp_own_origin is 1 (yes) or 0 (no)" CHECK (sdp_own_origin IN (0, 1)),
	strict_source INTEGER NOT NULL DEFAULT 0 CONSTRAINT "strict_source is 1 (yes) or 0 (no)" CHECK (strict_source IN (0, 1)),
	publish INTEGER NOT NULL DEFAULT 0 CONSTRAINT "publish is 1 (yes) or 0 (no)" CHECK (publish IN (0, 1)),
	tls_verify TEXT NOT NULL DEFAULT 'On' CONSTRAINT "tls_verify is On or Off" CHECK (tls_verify IN ('On', 'Off')),
	tls_fingerprint TEXT CONSTRAINT "tls_fingerprint is a SHA-256 of 64 hexadecimal digits, with or without colons between the pairs, or NULL"
		CHECK (length(tls_fingerprint) IN (64, 95) AND length(replace(tls_fingerprint, ':', '')) = 64
			AND tls_fingerprint NOT GLOB '*[^0-9A-Fa-f:]*'
			AND ':' || tls_fingerprint || ':' NOT GLOB '*::*' AND ':' || tls_fingerprint || ':' NOT GLOB '*:?:*'),
	tls_certificate TEXT CONSTRAINT "tls_certificate is the name of a file in the folder of --tls-dir: letters, digits, -, _ and (not first) a dot, or NULL for agent.pem"
		CHECK (length(tls_certificate) BETWEEN 1 AND 255 AND tls_certificate NOT GLOB '*[^0-9A-Za-z._-]*'
			AND tls_certificate NOT GLOB '.*'),
	id INTEGER,
	pass_headers TEXT CONSTRAINT "pass_headers is a list of header names, separated by commas, of 512 characters at most, or NULL"
		CHECK (length(pass_headers) BETWEEN 1 AND 512 AND pass_headers NOT GLOB '*[^0-9A-Za-z.!%*_+`''~, -]*' AND NOT instr(pass_headers, char(0))),
	nat TEXT NOT NULL DEFAULT 'Auto' CONSTRAINT "nat is On, Off or Auto" CHECK (nat IN ('On', 'Off', 'Auto')),
	endpoint TEXT,
	CONSTRAINT "name of a gateway is 1 to 64 characters, none of them a control character, no space at its ends"
		CHECK (length(name) BETWEEN 1 AND 64 AND name NOT GLOB '*[' || char(1) || '-' || char(31, 127) || ']*'
			AND name = trim(name)),
	CONSTRAINT "host is an IPv4 address, an IPv6 address without brackets, or a domain name; a gateway with an endpoint has none"
		CHECK (CASE WHEN endpoint IS NULL THEN length(host) BETWEEN 1 AND 253
			AND (host NOT GLOB '*[^0-9A-Za-z._-]*' AND host GLOB '[0-9A-Za-z_]*'
				OR host GLOB '*:*:*' AND host NOT GLOB '*[^0-9A-Fa-f:.]*') ELSE host = '' END),
	CONSTRAINT "port is 0 (as DNS says, else 5060 or 5061) to 65535" CHECK (port BETWEEN 0 AND 65535),
	CONSTRAINT "transport is udp, tcp, tls, or NULL for what DNS says" CHECK (transport IN ('udp', 'tcp', 'tls')),
	CONSTRAINT "enabled is 1 (yes) or 0 (no)" CHECK (enabled IN (0, 1)),
	CONSTRAINT "capacity is the calls at a time, 0 (no limit) to 1000000" CHECK (capacity BETWEEN 0 AND 1000000),
	CONSTRAINT "cps is the new calls per second, 0 (no limit) to 100000" CHECK (cps BETWEEN 0 AND 100000),
	CONSTRAINT "auth_user is at most 128 characters, none of them a control character"
		CHECK (length(auth_user) <= 128 AND auth_user NOT GLOB '*[' || char(1) || '-' || char(31, 127) || ']*'),
	CONSTRAINT "auth_password is at most 256 characters" CHECK (length(auth_password) <= 256)
) STRICT;

-- The settings with which a gateway overrides a parameter. The parameter applies where they are NULL,
-- and for times also where they are 0.
CREATE VIEW gateway_override (gateway, name, rule, value) AS
	SELECT name, 'timeout_invite', 'SS_SIP_TIMEOUT_INVITE', nullif(timeout_invite, 0) FROM gateway
	UNION ALL SELECT name, 'timeout_trying', 'SS_SIP_TIMEOUT_TRYING', nullif(timeout_trying, 0) FROM gateway
	UNION ALL SELECT name, 'timeout_session_progress', 'SS_SIP_TIMEOUT_SESSION_PROGRESS',
		nullif(timeout_session_progress, 0) FROM gateway
	UNION ALL SELECT name, 'timeout_session_progress_sdp', 'SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP',
		nullif(timeout_session_progress_sdp, 0) FROM gateway
	UNION ALL SELECT name, 'timeout_ringing', 'SS_SIP_TIMEOUT_RINGING', nullif(timeout_ringing, 0) FROM gateway
	UNION ALL SELECT name, 'resend_interval', 'SS_SIP_RESEND_INTERVAL', resend_interval FROM gateway
	UNION ALL SELECT name, 'switch_stop_after_invite_timeout', 'SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT',
		switch_stop_after_invite_timeout FROM gateway
	UNION ALL SELECT name, 'switch_stop_after_sdp', 'SS_SIP_STOP_SWITCH_AFTER_SDP', switch_stop_after_sdp FROM gateway
	UNION ALL SELECT name, 'switch_until_connect', 'SS_GATEWAY_SWITCH_UNTIL_CONNECT', switch_until_connect FROM gateway
	UNION ALL SELECT name, 'switch_stop_after_user_busy', 'SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY',
		switch_stop_after_user_busy FROM gateway
	UNION ALL SELECT name, 'switch_stop_codes', 'SS_GATEWAY_SWITCH_STOP_CODES', switch_stop_codes FROM gateway
	UNION ALL SELECT name, 'options_alive_codes', 'any answer but 408 and 503', options_alive_codes FROM gateway
	UNION ALL SELECT name, 'breaker_on', 'SS_GATEWAY_BREAKER_ON', breaker_on FROM gateway
	UNION ALL SELECT name, 'session_timer', 'SS_SIP_SESSION_TIMER', session_timer FROM gateway
	UNION ALL SELECT name, 'sip_100rel', 'SS_SIP_100REL', sip_100rel FROM gateway
	UNION ALL SELECT name, 'max_call_duration', 'SS_MAXCALLDURATION', max_call_duration FROM gateway;

CREATE TRIGGER gateway_insert AFTER INSERT ON gateway BEGIN
	INSERT INTO address_check (subject, address) VALUES ('gateway ' || NEW.name || ': host', NEW.host);
	INSERT INTO value_check (subject, rule, value)
	SELECT 'gateway ' || gateway || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM gateway_override WHERE gateway = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'gateway' AND name = NEW.name;
END;

CREATE TRIGGER gateway_update AFTER UPDATE ON gateway WHEN NEW.id IS OLD.id BEGIN
	INSERT INTO address_check (subject, address) VALUES ('gateway ' || NEW.name || ': host', NEW.host);
	INSERT INTO value_check (subject, rule, value)
	SELECT 'gateway ' || gateway || ': ' || name || ' (NULL: ' || rule || ')', rule, value
	FROM gateway_override WHERE gateway = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'gateway' AND name = NEW.name;
END;

CREATE TRIGGER gateway_insert_headers BEFORE INSERT ON gateway BEGIN
	INSERT INTO header_check (subject, names) VALUES ('gateway ' || NEW.name, NEW.pass_headers);
END;

CREATE TRIGGER gateway_update_headers BEFORE UPDATE OF pass_headers ON gateway BEGIN
	INSERT INTO header_check (subject, names) VALUES ('gateway ' || NEW.name, NEW.pass_headers);
END;

-- Which numbers go to which gateway. References are enforced by triggers and not by foreign keys,
-- because the sqlite3 command line ignores those unless told otherwise. There is no index by
-- gateway: it would double the time to import a million routes and speed up only the rare delete.
CREATE TABLE route (
	prefix TEXT NOT NULL,
	gateway TEXT NOT NULL,
	priority INTEGER NOT NULL DEFAULT 1,
	weight INTEGER NOT NULL DEFAULT 0,
	carry_through INTEGER NOT NULL DEFAULT 0,
	enabled INTEGER NOT NULL DEFAULT 1,
	PRIMARY KEY (prefix, gateway),
	CONSTRAINT "prefix is empty (every number) or up to 64 characters of a SIP user name"
		CHECK (length(prefix) <= 64 AND prefix NOT GLOB '*[^0-9A-Za-z+*#._~!$&''()=,;?/%-]*'),
	CONSTRAINT "priority is 0 (first) to 65535" CHECK (priority BETWEEN 0 AND 65535),
	CONSTRAINT "weight is 0 (not set) to 65535" CHECK (weight BETWEEN 0 AND 65535),
	CONSTRAINT "carry_through is 1 (shorter prefixes are tried as well) or 0 (not)" CHECK (carry_through IN (0, 1)),
	CONSTRAINT "enabled is 1 (yes) or 0 (no)" CHECK (enabled IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER route_insert BEFORE INSERT ON route
WHEN NOT EXISTS (SELECT 1 FROM gateway WHERE name = NEW.gateway) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', 'route "' || NEW.prefix || '": there is no gateway "' || NEW.gateway || '"');
END;

CREATE TRIGGER route_update BEFORE UPDATE OF gateway ON route
WHEN NOT EXISTS (SELECT 1 FROM gateway WHERE name = NEW.gateway) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', 'route "' || NEW.prefix || '": there is no gateway "' || NEW.gateway || '"');
END;

CREATE TRIGGER route_nul_insert BEFORE INSERT ON route WHEN instr(NEW.prefix || NEW.gateway, char(0)) BEGIN
	SELECT RAISE(ABORT, 'prefix or gateway of a route contains NUL');
END;

CREATE TRIGGER route_nul_update BEFORE UPDATE ON route
WHEN instr(NEW.prefix || NEW.gateway, char(0)) AND (NEW.enabled OR NEW.prefix <> OLD.prefix) BEGIN
	SELECT RAISE(ABORT, 'prefix or gateway of a route contains NUL');
END;

-- The few of a million routes that are of no use: found without reading all.
CREATE INDEX route_nul ON route (prefix) WHERE instr(prefix || gateway, char(0));

-- Refused: without its routes the numbers would go elsewhere, or nowhere, and nobody would have said so.
CREATE TRIGGER gateway_delete BEFORE DELETE ON gateway
WHEN EXISTS (SELECT 1 FROM route WHERE gateway = OLD.name) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', (SELECT 'gateway "' || OLD.name || '": ' || count(*) || CASE count(*) WHEN 1 THEN ' route names' ELSE ' routes name' END
		|| ' it; delete them first: DELETE FROM route WHERE gateway = ...' FROM route WHERE gateway = OLD.name));
END;

CREATE TRIGGER gateway_rename AFTER UPDATE OF name ON gateway WHEN NEW.name <> OLD.name BEGIN
	UPDATE route SET gateway = NEW.name WHERE gateway = OLD.name;
END;

-- Customers' trunks ("mapping gateway"): where calls come from, recognised by the source address.
-- What a CHECK cannot see is in the view `unusable`.
CREATE TABLE mapping_gateway (
	name TEXT NOT NULL PRIMARY KEY,
	host TEXT NOT NULL,
	port INTEGER,
	enabled INTEGER NOT NULL DEFAULT 1,
	capacity INTEGER NOT NULL DEFAULT 0,
	cps INTEGER NOT NULL DEFAULT 0,
	session_timer TEXT,
	sip_100rel TEXT,
	max_call_duration INTEGER,
	strict_source INTEGER NOT NULL DEFAULT 0 CONSTRAINT "strict_source is 1 (yes) or 0 (no)" CHECK (strict_source IN (0, 1)),
	tls_verify TEXT NOT NULL DEFAULT 'On' CONSTRAINT "tls_verify is On or Off" CHECK (tls_verify IN ('On', 'Off')),
	tls_fingerprint TEXT CONSTRAINT "tls_fingerprint is a SHA-256 of 64 hexadecimal digits, with or without colons between the pairs, or NULL"
		CHECK (length(tls_fingerprint) IN (64, 95) AND length(replace(tls_fingerprint, ':', '')) = 64
			AND tls_fingerprint NOT GLOB '*[^0-9A-Fa-f:]*'
			AND ':' || tls_fingerprint || ':' NOT GLOB '*::*' AND ':' || tls_fingerprint || ':' NOT GLOB '*:?:*'),
	tls_certificate TEXT CONSTRAINT "tls_certificate is the name of a file in the folder of --tls-dir: letters, digits, -, _ and (not first) a dot, or NULL for agent.pem"
		CHECK (length(tls_certificate) BETWEEN 1 AND 255 AND tls_certificate NOT GLOB '*[^0-9A-Za-z._-]*'
			AND tls_certificate NOT GLOB '.*'),
	tls_name TEXT CONSTRAINT "tls_name is a domain name, or NULL"
		CHECK (length(tls_name) BETWEEN 1 AND 253 AND tls_name NOT GLOB '*[^0-9A-Za-z._-]*' AND tls_name GLOB '[0-9A-Za-z_]*'),
	id INTEGER,
	pass_headers TEXT CONSTRAINT "pass_headers is a list of header names, separated by commas, of 512 characters at most, or NULL"
		CHECK (length(pass_headers) BETWEEN 1 AND 512 AND pass_headers NOT GLOB '*[^0-9A-Za-z.!%*_+`''~, -]*' AND NOT instr(pass_headers, char(0))),
	nat TEXT NOT NULL DEFAULT 'Auto' CONSTRAINT "nat is On, Off or Auto" CHECK (nat IN ('On', 'Off', 'Auto')),
	CONSTRAINT "name of a mapping gateway is 1 to 64 characters, none of them a control character, no space at its ends"
		CHECK (length(name) BETWEEN 1 AND 64 AND name NOT GLOB '*[' || char(1) || '-' || char(31, 127) || ']*'
			AND name = trim(name)),
	CONSTRAINT "host is an IPv4 or IPv6 address without brackets, or a block such as 10.0.0.0/8 or 2001:db8::/32"
		CHECK (length(host) BETWEEN 1 AND 49 AND host NOT GLOB '*/*[^0-9]*' AND host NOT GLOB '*/'
			AND CASE WHEN host GLOB '*:*:*' THEN host NOT GLOB '*[^0-9A-Fa-f:./]*'
				AND CAST(substr(host, instr(host || '/', '/') + 1) AS INTEGER) <= 128
			ELSE host NOT GLOB '*[^0-9./]*' AND host GLOB '[0-9]*'
				AND CAST(substr(host, instr(host || '/', '/') + 1) AS INTEGER) <= 32 END),
	CONSTRAINT "port is 1 to 65535, or NULL for any" CHECK (port BETWEEN 1 AND 65535),
	CONSTRAINT "enabled is 1 (yes) or 0 (no)" CHECK (enabled IN (0, 1)),
	CONSTRAINT "capacity is the calls at a time, 0 (no limit) to 1000000" CHECK (capacity BETWEEN 0 AND 1000000),
	CONSTRAINT "cps is the new calls per second, 0 (no limit) to 100000" CHECK (cps BETWEEN 0 AND 100000)
) STRICT;

CREATE VIEW mapping_gateway_override (mapping_gateway, name, rule, value) AS
	SELECT name, 'session_timer', 'SS_SIP_SESSION_TIMER', session_timer FROM mapping_gateway
	UNION ALL SELECT name, 'sip_100rel', 'SS_SIP_100REL', sip_100rel FROM mapping_gateway
	UNION ALL SELECT name, 'max_call_duration', 'SS_MAXCALLDURATION', max_call_duration FROM mapping_gateway;

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

CREATE TRIGGER mapping_gateway_insert_headers BEFORE INSERT ON mapping_gateway BEGIN
	INSERT INTO header_check (subject, names) VALUES ('mapping_gateway ' || NEW.name, NEW.pass_headers);
END;

CREATE TRIGGER mapping_gateway_update_headers BEFORE UPDATE OF pass_headers ON mapping_gateway BEGIN
	INSERT INTO header_check (subject, names) VALUES ('mapping_gateway ' || NEW.name, NEW.pass_headers);
END;

-- Our own accounts at carriers' registrars. `line` is a parameter of our Contact by which calls to a
-- registration are recognised: it survives a crash, and nobody can guess it.
CREATE TABLE registration (
	name TEXT NOT NULL PRIMARY KEY,
	host TEXT NOT NULL,
	port INTEGER NOT NULL DEFAULT 0,
	transport TEXT DEFAULT 'udp',
	proxy TEXT,
	local_port INTEGER,
	user TEXT NOT NULL,
	auth_user TEXT,
	password TEXT,
	realm TEXT,
	contact_host TEXT,
	expiry ANY,
	enabled INTEGER NOT NULL DEFAULT 1,
	line TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(8)))),
	strict_source INTEGER NOT NULL DEFAULT 0 CONSTRAINT "strict_source is 1 (yes) or 0 (no)" CHECK (strict_source IN (0, 1)),
	inbound_from TEXT NOT NULL DEFAULT 'registrar' CONSTRAINT "inbound_from is registrar or any" CHECK (inbound_from IN ('registrar', 'any')),
	tls_verify TEXT NOT NULL DEFAULT 'On' CONSTRAINT "tls_verify is On or Off" CHECK (tls_verify IN ('On', 'Off')),
	tls_fingerprint TEXT CONSTRAINT "tls_fingerprint is a SHA-256 of 64 hexadecimal digits, with or without colons between the pairs, or NULL"
		CHECK (length(tls_fingerprint) IN (64, 95) AND length(replace(tls_fingerprint, ':', '')) = 64
			AND tls_fingerprint NOT GLOB '*[^0-9A-Fa-f:]*'
			AND ':' || tls_fingerprint || ':' NOT GLOB '*::*' AND ':' || tls_fingerprint || ':' NOT GLOB '*:?:*'),
	tls_certificate TEXT CONSTRAINT "tls_certificate is the name of a file in the folder of --tls-dir: letters, digits, -, _ and (not first) a dot, or NULL for agent.pem"
		CHECK (length(tls_certificate) BETWEEN 1 AND 255 AND tls_certificate NOT GLOB '*[^0-9A-Za-z._-]*'
			AND tls_certificate NOT GLOB '.*'),
	keep_alive INTEGER CONSTRAINT "keep_alive is 5 to 300 s, or NULL for none" CHECK (keep_alive BETWEEN 5 AND 300),
	id INTEGER,
	CONSTRAINT "name of a registration is 1 to 64 characters, none of them a control character, no space at its ends"
		CHECK (length(name) BETWEEN 1 AND 64 AND name NOT GLOB '*[' || char(1) || '-' || char(31, 127) || ']*'
			AND name = trim(name)),
	CONSTRAINT "host is an IPv4 address, an IPv6 address without brackets, or a domain name"
		CHECK (length(host) BETWEEN 1 AND 253
			AND (host NOT GLOB '*[^0-9A-Za-z._-]*' AND host GLOB '[0-9A-Za-z_]*'
				OR host GLOB '*:*:*' AND host NOT GLOB '*[^0-9A-Fa-f:.]*')),
	CONSTRAINT "port is 0 (as DNS says, else 5060 or 5061) to 65535" CHECK (port BETWEEN 0 AND 65535),
	CONSTRAINT "transport is udp, tcp, tls, or NULL for what DNS says" CHECK (transport IN ('udp', 'tcp', 'tls')),
	CONSTRAINT "proxy is a host, host:port or [IPv6 address]:port with a port of 1 to 65535, or NULL for the registrar itself"
		CHECK (length(proxy) BETWEEN 1 AND 259 AND CASE
			WHEN proxy GLOB '[[]*]*' THEN substr(proxy, 2, instr(proxy, ']') - 2) GLOB '*:*:*'
				AND substr(proxy, 2, instr(proxy, ']') - 2) NOT GLOB '*[^0-9A-Fa-f:.]*'
				AND (proxy NOT GLOB '*]?*' OR proxy GLOB '*]:[1-9]*' AND proxy NOT GLOB '*]?*[^0-9]*'
					AND CAST(substr(proxy, instr(proxy, ']') + 2) AS INTEGER) <= 65535)
			WHEN proxy GLOB '*:*:*' THEN proxy NOT GLOB '*[^0-9A-Fa-f:.]*'
			ELSE proxy NOT GLOB '*[^0-9A-Za-z._:-]*' AND proxy GLOB '[0-9A-Za-z_]*'
				AND (proxy NOT GLOB '*:*' OR proxy GLOB '*:[1-9]*' AND proxy NOT GLOB '*:*[^0-9]*'
					AND CAST(substr(proxy, instr(proxy, ':') + 1) AS INTEGER) <= 65535) END),
	CONSTRAINT "local_port is 1 to 65535, or NULL for any" CHECK (local_port BETWEEN 1 AND 65535),
	CONSTRAINT "user is 1 to 128 characters of a SIP user name: letters, digits, -_.!~*()&=+$,;?/ and %HH"
		CHECK (length(user) BETWEEN 1 AND 128 AND user NOT GLOB '*[^0-9A-Za-z_.!~*()&=+$,;?/%-]*'
			AND user || '--' NOT GLOB '*%[^0-9A-Fa-f]*' AND user || '--' NOT GLOB '*%?[^0-9A-Fa-f]*'),
	CONSTRAINT "auth_user is at most 128 characters, none of them a control character"
		CHECK (length(auth_user) <= 128 AND auth_user NOT GLOB '*[' || char(1) || '-' || char(31, 127) || ']*'),
	CONSTRAINT "password is at most 256 characters" CHECK (length(password) <= 256),
	CONSTRAINT "realm is an IPv4 address, an IPv6 address without brackets, or a domain name, or NULL for the host"
		CHECK (length(realm) BETWEEN 1 AND 253
			AND (realm NOT GLOB '*[^0-9A-Za-z._-]*' AND realm GLOB '[0-9A-Za-z_]*'
				OR realm GLOB '*:*:*' AND realm NOT GLOB '*[^0-9A-Fa-f:.]*')),
	CONSTRAINT "contact_host is an IPv4 address, an IPv6 address without brackets, or a domain name, or NULL for our own"
		CHECK (length(contact_host) BETWEEN 1 AND 253
			AND (contact_host NOT GLOB '*[^0-9A-Za-z._-]*' AND contact_host GLOB '[0-9A-Za-z_]*'
				OR contact_host GLOB '*:*:*' AND contact_host NOT GLOB '*[^0-9A-Fa-f:.]*')),
	CONSTRAINT "expiry is Auto, 20 to 7200 s, or NULL for SS_SIP_USER_AGENT_EXPIRE"
		CHECK (expiry = 'Auto' OR CAST(expiry AS TEXT) NOT GLOB '*[^0-9]*' AND CAST(expiry AS INTEGER) BETWEEN 20 AND 7200),
	CONSTRAINT "enabled is 1 (yes) or 0 (no)" CHECK (enabled IN (0, 1)),
	CONSTRAINT "line is 16 to 32 hexadecimal digits; leave it to the database"
		CHECK (length(line) BETWEEN 16 AND 32 AND line NOT GLOB '*[^0-9a-f]*')
) STRICT;

CREATE VIEW registration_address (registration, name, address) AS
	SELECT name, 'host', host FROM registration
	UNION ALL SELECT name, 'proxy', substr(proxy, 1, instr(proxy || ':', ':') - 1) FROM registration
		WHERE proxy NOT GLOB '*:*:*'
	UNION ALL SELECT name, 'realm', realm FROM registration
	UNION ALL SELECT name, 'contact_host', contact_host FROM registration;

CREATE TRIGGER registration_insert AFTER INSERT ON registration BEGIN
	INSERT INTO address_check (subject, address)
	SELECT 'registration ' || registration || ': ' || name, address
	FROM registration_address WHERE registration = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'registration' AND name = NEW.name;
END;

CREATE TRIGGER registration_update AFTER UPDATE ON registration WHEN NEW.id IS OLD.id BEGIN
	INSERT INTO address_check (subject, address)
	SELECT 'registration ' || registration || ': ' || name, address
	FROM registration_address WHERE registration = NEW.name;
	SELECT RAISE(ABORT, 'refused')
	FROM unusable, json_each('{}', kind || ' ' || substr(name, 1, instr(name || char(0), char(0)) - 1) || ': ' || why)
	WHERE NEW.enabled AND kind = 'registration' AND name = NEW.name;
END;

CREATE TRIGGER registration_line BEFORE UPDATE OF line ON registration WHEN NEW.line IS NOT OLD.line BEGIN
	SELECT RAISE(ABORT, 'the line of a registration cannot be changed');
END;

CREATE TRIGGER gateway_insert_registration BEFORE INSERT ON gateway
WHEN NEW.registration IS NOT NULL AND NOT EXISTS (SELECT 1 FROM registration WHERE name = NEW.registration) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', 'gateway "' || NEW.name || '": there is no registration "' || NEW.registration || '"');
END;

CREATE TRIGGER gateway_update_registration BEFORE UPDATE OF registration ON gateway
WHEN NEW.registration IS NOT NULL AND NOT EXISTS (SELECT 1 FROM registration WHERE name = NEW.registration) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', 'gateway "' || NEW.name || '": there is no registration "' || NEW.registration || '"');
END;

-- Refused: without its registration a gateway would get calls that the carrier does not expect from us.
CREATE TRIGGER registration_delete BEFORE DELETE ON registration
WHEN EXISTS (SELECT 1 FROM gateway WHERE registration = OLD.name) BEGIN
	SELECT RAISE(ABORT, 'refused')
	FROM json_each('{}', (SELECT 'registration "' || OLD.name || '": gateway "' || min(name) ||
		'" uses it; delete that gateway or set its registration to NULL first' FROM gateway WHERE registration = OLD.name));
END;

CREATE TRIGGER registration_rename AFTER UPDATE OF name ON registration WHEN NEW.name <> OLD.name BEGIN
	UPDATE gateway SET registration = NEW.name WHERE registration = OLD.name;
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
		|| ifnull(tls_fingerprint, '') || ifnull(tls_certificate, ''), char(0))
	UNION ALL SELECT 'route', CASE instr(prefix, char(0)) WHEN 0 THEN prefix
		ELSE substr(prefix, 1, instr(prefix, char(0)) - 1) || '\0' END, 'a NUL in its texts' FROM route WHERE instr(prefix || gateway, char(0));

-- Changes whenever the routes mean something else to the switch, so that it need not read a million
-- of them again because a gateway got another password. Of gateways only the names matter, because
-- the switch identifies the gateway of a route by its position among them. The number is random and
-- not counted up, because a file restored from a copy must not reuse one that meant something else.
-- Endpoints, of which there may be many, too, have a number of their own.
CREATE TABLE revision (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	routes INTEGER NOT NULL,
	endpoints INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO revision (one, routes, endpoints) VALUES (1, random() & 0x7fffffffffffffff, random() & 0x7fffffffffffffff);

CREATE TRIGGER route_insert_revision AFTER INSERT ON route BEGIN
	UPDATE revision SET routes = random() & 0x7fffffffffffffff;
END;

CREATE TRIGGER route_update_revision AFTER UPDATE ON route BEGIN
	UPDATE revision SET routes = random() & 0x7fffffffffffffff;
END;

CREATE TRIGGER route_delete_revision AFTER DELETE ON route BEGIN
	UPDATE revision SET routes = random() & 0x7fffffffffffffff;
END;

CREATE TRIGGER gateway_insert_revision AFTER INSERT ON gateway BEGIN
	UPDATE revision SET routes = random() & 0x7fffffffffffffff;
END;

CREATE TRIGGER gateway_rename_revision AFTER UPDATE OF name ON gateway WHEN NEW.name <> OLD.name BEGIN
	UPDATE revision SET routes = random() & 0x7fffffffffffffff;
END;

CREATE TRIGGER gateway_delete_revision AFTER DELETE ON gateway BEGIN
	UPDATE revision SET routes = random() & 0x7fffffffffffffff;
END;

CREATE TRIGGER endpoint_insert_revision AFTER INSERT ON endpoint BEGIN
	UPDATE revision SET endpoints = random() & 0x7fffffffffffffff;
END;

CREATE TRIGGER endpoint_update_revision AFTER UPDATE ON endpoint BEGIN
	UPDATE revision SET endpoints = random() & 0x7fffffffffffffff;
END;

CREATE TRIGGER endpoint_delete_revision AFTER DELETE ON endpoint BEGIN
	UPDATE revision SET endpoints = random() & 0x7fffffffffffffff;
END;
