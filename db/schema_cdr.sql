-- cdr.db: one row per call. The names of columns are a contract with the operator.
--
-- No CHECK and no UNIQUE here: only the switch writes, and a row the database refused would hold up
-- every row behind it. The one index serves the usual question, which calls of which time.
CREATE TABLE cdr (
	id INTEGER PRIMARY KEY,
	a_call_id TEXT NOT NULL,
	b_call_id TEXT NOT NULL,
	ingress TEXT NOT NULL,
	gateway TEXT NOT NULL,
	caller_in TEXT NOT NULL,
	caller_out TEXT NOT NULL,
	callee_in TEXT NOT NULL,
	callee_out TEXT NOT NULL,
	source_addr TEXT NOT NULL,
	destination_addr TEXT NOT NULL,
	begin_ms INTEGER,
	ring_ms INTEGER,
	answer_ms INTEGER,
	end_ms INTEGER,
	pdd_ms INTEGER,
	hold_ms INTEGER,
	sip_code INTEGER NOT NULL,
	end_reason TEXT NOT NULL,
	end_direction INTEGER NOT NULL,
	attempts TEXT NOT NULL
) STRICT;

CREATE INDEX cdr_by_begin ON cdr (begin_ms);

-- How far the journal beside this file is in the table: changed in the transaction that adds the
-- rows, so that a crash right after it cannot add them twice.
CREATE TABLE journal (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	written INTEGER NOT NULL
) STRICT;

INSERT INTO journal (one, written) VALUES (1, 0);
