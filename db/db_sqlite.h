/** @file db_sqlite.h  What the modules of db/ share about a file. Private to db/: it shows SQLite. */
#ifndef DB_SQLITE_H
#define DB_SQLITE_H

#include "db.h"

#include <sqlite3.h>

struct db {
	sqlite3 *handle;
	sqlite3_stmt *data_version;
};

/** @return -errno for a result of SQLite; SQLITE_OK, _ROW and _DONE are 0 */
int db_errno(int result);

/** Run statements that return nothing of interest. @return 0 or -errno */
int db_run(struct db *db, const char *sql);

/** Prepare a table of statements; none is left prepared on failure. @return 0 or -errno */
int db_prepare(struct db *db, const char *const *sql, sqlite3_stmt **out, size_t n);
void db_finalize(sqlite3_stmt **statements, size_t n);

#endif
