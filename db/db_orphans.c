#include "db_orphans.h"

#include "db_internal.h"

static const char *const sql =
	"SELECT printf('route \"%s\": there is no gateway \"%s\"', prefix, gateway) FROM route"
	" WHERE gateway NOT IN (SELECT name FROM gateway)"
	" UNION ALL SELECT printf('gateway \"%s\": there is no registration \"%s\"', name, registration) FROM gateway"
	" WHERE registration <> '' AND registration NOT IN (SELECT name FROM registration)"
	" UNION ALL SELECT printf('gateway \"%s\": there is no endpoint \"%s\"', name, endpoint) FROM gateway"
	" WHERE endpoint <> '' AND endpoint NOT IN (SELECT name FROM endpoint)";

int db_orphans_each(struct db *db, db_orphans_h *h, void *arg)
{
	sqlite3_stmt *statement;
	int result, err = db_sqlite_prepare(db->handle, &sql, &statement, 1);

	if (err)
		return err;
	while ((result = sqlite3_step(statement)) == SQLITE_ROW)
		h((const char *)sqlite3_column_text(statement, 0), arg);
	sqlite3_finalize(statement);
	return db_sqlite_errno(result);
}
