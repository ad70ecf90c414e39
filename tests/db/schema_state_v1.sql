-- Frozen: db/schema_state.sql as of version 1, for the test of upgrades. Never changed again.
-- state.db: what the switch has to remember over a restart. Written by the switch alone, so without CHECKs: a row that
-- it cannot use is dropped when it is read.
CREATE TABLE publication (
	gateway TEXT NOT NULL PRIMARY KEY,
	address TEXT NOT NULL,
	etag TEXT NOT NULL,
	basic TEXT NOT NULL,
	expires INTEGER NOT NULL
) STRICT;
