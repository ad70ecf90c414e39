-- Version 2: what endpoints have registered, and who is suspended.
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
