/** @file db_wal.h  The log beside a file (ending in -wal) does not grow without end. Private to db/.
 *
 * SQLite can start its log over only when no reader needs what is in it. A transaction that somebody has forgotten to end
 * would make it grow with everything that is written meanwhile.
 */
#ifndef DB_WAL_H
#define DB_WAL_H

#include <stddef.h>

struct db;

enum { DB_WAL_MAX = 64 * 1024 * 1024 }; /* bytes: a longer one has to be emptied before more is written */

/** Who reads or writes the file? At most `size` bytes: "sqlite3 (process 4711)", or "another process". */
void db_wal_name_holder(const struct db *db, char *out, size_t size);

/**
 * To be called before writing: empty a log that is too long.
 *
 * @param error  receives one line when the result is not 0
 * @return 0, also when something else than a lock is wrong with the file, as writing will tell; -EBUSY while another process
 *         reads or writes, which the line names
 */
int db_wal_make_room(struct db *db, char *error, size_t error_size);

#endif
