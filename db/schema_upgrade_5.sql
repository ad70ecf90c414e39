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
