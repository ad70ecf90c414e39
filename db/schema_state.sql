-- state.db: what the switch has to remember over a restart. Written by the switch alone, so without CHECKs: a row that
-- it cannot use is dropped when it is read.
CREATE TABLE publication (
	gateway TEXT NOT NULL PRIMARY KEY,
	address TEXT NOT NULL,
	etag TEXT NOT NULL,
	basic TEXT NOT NULL,
	expires INTEGER NOT NULL
) STRICT;

CREATE TABLE binding (
	id TEXT NOT NULL PRIMARY KEY,
	endpoint TEXT NOT NULL,
	contact TEXT NOT NULL,
	q INTEGER NOT NULL,
	path TEXT NOT NULL,
	call_id TEXT NOT NULL,
	cseq INTEGER NOT NULL,
	source TEXT NOT NULL,
	transport TEXT NOT NULL,
	listener TEXT NOT NULL,
	nat INTEGER NOT NULL,
	md5_only INTEGER NOT NULL,
	user_agent TEXT NOT NULL,
	since INTEGER NOT NULL,
	expires INTEGER NOT NULL
) STRICT;

CREATE TABLE suspension (
	id TEXT NOT NULL PRIMARY KEY,
	user TEXT NOT NULL,
	source TEXT NOT NULL,
	until INTEGER NOT NULL
) STRICT;
