-- cdr.db, version 2 to 3. It takes no time, however many rows there are.
ALTER TABLE cdr ADD COLUMN ingress_kind TEXT;
ALTER TABLE cdr ADD COLUMN gateway_kind TEXT;
