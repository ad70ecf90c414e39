/** @file state_rows.h  Rows of state.db, written and read by their lists of columns. Private to db/.
 *
 * Columns are TEXT, FLAG, PORT or NUMBER, 16 at most.
 */
#ifndef STATE_ROWS_H
#define STATE_ROWS_H

#include "db_sqlite.h"
#include "db_table.h"

/** Put a row in the place of the one with its name. @param row  NULL: remove the one of this name @return 0 or -errno */
int state_rows_write(sqlite3 *handle, const struct db_table *t, const char *name, const void *row);
/** Remove all rows of all tables. @return 0 or -errno */
int state_rows_clear(sqlite3 *handle);
/** In order of name; a table that cannot be read has no rows. @param on_row  the row is valid until it returns @return 0; -ENOMEM */
int state_rows_load(
	sqlite3 *handle, const struct db_table *t, void (*on_row)(const void *row, void *arg), void *arg);

#endif
