/** @file db_path.h  What the file system says of a database before SQLite sees it. Private to db/. */
#ifndef DB_PATH_H
#define DB_PATH_H

#include "db.h"

#include <stdbool.h>

/**
 * Create the file when db_open() is to do that, and look whether this process may read and write it.
 *
 * @param missing  receives whether there is nothing to open in DB_CHECK
 * @return 0; -ENOENT, -EACCES, -EINVAL (not a regular file), with one line in error
 */
int db_path_prepare(const char *path, enum db_mode mode, bool *missing, char *error, size_t error_size);

#endif
