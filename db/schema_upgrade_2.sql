-- Version 2: a revision tells changes of routes from other changes.
CREATE TABLE revision (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	routes INTEGER NOT NULL
) STRICT;

INSERT INTO revision (one, routes) VALUES (1, random() & 0x7fffffffffffffff);

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
