#include "db_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int db_sqlite_errno(int result)
{
	switch (result & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_NOTADB:
		return -EINVAL;
	case SQLITE_CORRUPT:
		return -EUCLEAN;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return -EACCES;
	default:
		return -EIO;
	}
}

int db_sqlite_run(sqlite3 *handle, const char *sql)
{
	return db_sqlite_errno(sqlite3_exec(handle, sql, NULL, NULL, NULL));
}

int db_sqlite_prepare(sqlite3 *handle, const char *const *sql, sqlite3_stmt **out, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int result = sqlite3_prepare_v3(handle, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &out[i], NULL);
		if (result != SQLITE_OK) {
			db_sqlite_finalize(out, i);
			return db_sqlite_errno(result);
		}
	}
	return 0;
}

void db_sqlite_finalize(sqlite3_stmt **statements, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sqlite3_finalize(statements[i]);
		statements[i] = NULL;
	}
}

int db_sqlite_check(sqlite3 *handle, bool deep, const char *path, char *error, size_t error_size)
{
	const char *const sql = deep ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)";
	const char *found = NULL;
	sqlite3_stmt *statement = NULL;
	int err = db_sqlite_prepare(handle, &sql, &statement, 1);

	if (!err && sqlite3_step(statement) == SQLITE_ROW)
		found = (const char *)sqlite3_column_text(statement, 0);
	err = found && strcmp(found, "ok") == 0 ? 0 : -EUCLEAN;
	if (err)
		snprintf(
			error, error_size, "%s is damaged: %s", path, found ? found : sqlite3_errmsg(handle));
	sqlite3_finalize(statement);
	return err;
}
