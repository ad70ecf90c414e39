#include "db_sqlite.h"

#include <errno.h>

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
