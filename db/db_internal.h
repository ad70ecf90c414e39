/** @file db_internal.h  An open file from within. Private to db/. */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H

#include "db.h"
#include "db_sqlite.h"

struct db {
	sqlite3 *handle;
	sqlite3_stmt *data_version; /* PRAGMA data_version */
};

#endif
