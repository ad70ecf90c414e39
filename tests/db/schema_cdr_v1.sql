-- cdr.db: one row per call. The names of columns are a contract with the operator.
--
-- No CHECK and no UNIQUE here: only the switch writes, and a rejected row would hold up every row
-- after it. The one index is for the usual query: the calls of a period.
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

-- How much of the journal beside this file has been written to the table. It changes in the
-- transaction that adds the rows, so that a crash right after it cannot add them twice.
CREATE TABLE journal (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	written INTEGER NOT NULL
) STRICT;

INSERT INTO journal (one, written) VALUES (1, 0);
