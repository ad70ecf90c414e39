/** @file state.h  state.db: what the switch itself has to remember over a restart.
 *
 * Rows are put and removed in memory, by the name in their first column; a thread of somebody else's writes them, so no
 * disk can hold up the caller. The file is a copy of what is in memory: one that is lost or damaged is made anew, and
 * the old one is kept beside it.
 */
#ifndef STATE_H
#define STATE_H

#include "db_table.h"

#include <stdbool.h>
#include <stddef.h>

struct state;

/** What its owner is told; both may be NULL. on_trouble is called by the thread that writes, on_change by the caller of put. */
struct state_handlers {
	void (*on_trouble)(
		const char *what, void *arg); /* one line: what was wrong with the file, what was done */
	void (*on_change)(void *arg);         /* there is something to write */
	void *arg;
};

/** Where the file is: beside cdr.db. @return free() it; NULL without memory */
char *state_path(const char *cdr);

/**
 * Open or create the file. One that is not ours, newer than this program or damaged is moved aside; one that cannot be
 * used at all is named, and tried again by state_write().
 *
 * @return 0; -ENOMEM
 */
int state_open(struct state **out, const char *path, const struct state_handlers *handlers);
/** What was not written is lost. NULL is fine. */
void state_close(struct state *s);

/**
 * Read the rows of a table, before the first state_write(). Columns are TEXT, FLAG, PORT or NUMBER.
 *
 * @param on_row  called for each; the row is valid until it returns
 * @return 0; -ENOMEM
 */
int state_load(
	struct state *s, const struct db_table *t, void (*on_row)(const void *row, void *arg), void *arg);

/** Keep a copy of this row in place of the one with the same name. @return 0; -ENOMEM with nothing changed */
int state_put(struct state *s, const struct db_table *t, const void *row);
/** @return 0; -ENOMEM with nothing changed */
int state_remove(struct state *s, const struct db_table *t, const char *name);

/** Write what has changed, and look what has become of the file; for the thread that writes. @return true when not all of it could be written */
bool state_write(struct state *s);

#endif
