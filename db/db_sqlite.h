/** @file db_sqlite.h  Statements of SQLite with -errno for its results. Private to db/. */
#ifndef DB_SQLITE_H
#define DB_SQLITE_H

#include <sqlite3.h>

#include <stdbool.h>
#include <stddef.h>

/** @return -errno for a result of SQLite; SQLITE_OK, _ROW and _DONE are 0 */
int db_sqlite_errno(int result);

/** Run statements that return nothing of interest. @return 0 or -errno */
int db_sqlite_run(sqlite3 *handle, const char *sql);

/** Prepare a table of statements; none is left prepared on failure. @return 0 or -errno */
int db_sqlite_prepare(sqlite3 *handle, const char *const *sql, sqlite3_stmt **out, size_t n);
void db_sqlite_finalize(sqlite3_stmt **statements, size_t n);

/**
 * Read every page: a damaged file may open well.
 *
 * @param deep  compare the indexes with their tables, too, which takes several times as long
 * @return 0; -EUCLEAN with one line in error, which names `path`
 */
int db_sqlite_check(sqlite3 *handle, bool deep, const char *path, char *error, size_t error_size);

#endif
