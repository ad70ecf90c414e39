/** @file db_internal.h  An open file from within. Private to db/. */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H

#include "db.h"
#include "db_sqlite.h"

#include <stdbool.h>
#include <sys/stat.h>

struct db {
	char *path;
	sqlite3 *handle;
	/* Since it was settled last, see db_place.h: the files under its name, and whether all of the log was in the file. */
	struct stat file, wal, shm;
	bool settled;
	sqlite3_stmt *data_version; /* PRAGMA data_version */
	char words[256]; /* of the last failure, where later statements would hide them; "" = none */
};

#endif
