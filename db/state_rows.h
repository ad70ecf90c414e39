/** @file state_rows.h  Rows of state.db, written and read by their lists of columns. Private to db/.
 *
 * Columns are TEXT, FLAG, PORT or NUMBER, 16 at most.
 */
#ifndef STATE_ROWS_H
#define STATE_ROWS_H

#include "db_sqlite.h"
#include "db_table.h"

#include <stdbool.h>

/** The statement of the row before, which mostly serves the next one, too. Only the handle is set at first. */
struct state_rows_writer {
	sqlite3 *handle;
	sqlite3_stmt *statement;
	const struct db_table *table;
	bool removes;
};
/** Put a row in the place of the one with its name. @param row  NULL: remove the one of this name @return 0 or -errno */
int state_rows_write(
	struct state_rows_writer *w, const struct db_table *t, const char *name, const void *row);
/** No statement is left. */
void state_rows_end(struct state_rows_writer *w);
/** Remove all rows of all tables. @return 0 or -errno */
int state_rows_clear(sqlite3 *handle);
/** In order of name; a table that cannot be read has no rows. @param on_row  the row is valid until it returns @return 0; -ENOMEM */
int state_rows_load(
	sqlite3 *handle, const struct db_table *t, void (*on_row)(const void *row, void *arg), void *arg);

#endif
