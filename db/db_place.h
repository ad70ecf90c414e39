/** @file db_place.h  Is an open file still the one under its name?
 *
 * SQLite goes on with a file that was moved away, and mixes its log (the file ending in -wal) with a file that was copied
 * over it. So what is in the log is copied into the file after each piece of work, which also makes a plain copy of the
 * file a whole one, and before the next piece it is looked whether somebody else has touched the file.
 */
#ifndef DB_PLACE_H
#define DB_PLACE_H

#include <stdbool.h>

struct db;

enum db_place {
	DB_PLACE_SAME,
	DB_PLACE_MOVED,       /* nothing or another file has its name */
	DB_PLACE_OVERWRITTEN, /* it has other contents */
};

/** After opening it and after each piece of work: copy the log into the file, and remember how it looks. */
void db_place_settle(struct db *db);
/** Copy the log into the file. @return false while a reader of another process still needs the file without it */
bool db_place_copy_log(struct db *db);
/** When there has been no work for a while: empty the log, so that it cannot meet another file after a crash. */
void db_place_rest(struct db *db);
/** What has become of the file since then? A look costs some microseconds. */
enum db_place db_place_check(const struct db *db);
/** Close a file that was moved: what is in its log goes along with it, and does not stay for the next of its name. */
void db_place_leave(struct db *db_take);

#endif
