-- cdr.db, version 1 to 2. It takes no time, however many rows there are: indexes on the Call-IDs are left to the operator.
ALTER TABLE cdr ADD COLUMN journal_number INTEGER;
