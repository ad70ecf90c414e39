-- cdr.db: one row per call. The names of columns are a contract with the operator.
--
-- No CHECK and no UNIQUE here: only the switch writes, and a rejected row would hold up every row
-- after it. The indexes are for the usual queries: the calls of a period, and a call by one of its Call-IDs.
-- In a file of version 1 nobody has made those of the Call-IDs.
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
	attempts TEXT NOT NULL,
	journal_number INTEGER,
	ingress_kind TEXT,
	gateway_kind TEXT
) STRICT;

CREATE INDEX cdr_by_begin ON cdr (begin_ms);
CREATE INDEX cdr_by_a_call_id ON cdr (a_call_id);
CREATE INDEX cdr_by_b_call_id ON cdr (b_call_id);

-- How far the journal of version 1 had been written to the table. Since version 2 each row has the number of its call.
CREATE TABLE journal (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	written INTEGER NOT NULL
) STRICT;

INSERT INTO journal (one, written) VALUES (1, 0);
