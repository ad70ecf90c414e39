/** @file db_path.h  What the file system says of a database before SQLite sees it. Private to db/. */
#ifndef DB_PATH_H
#define DB_PATH_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Look whether this process may read and write the file.
 *
 * @param create   make it when it is missing
 * @param missing  receives whether there is nothing to open; false if it was made
 * @return 0; -ENOENT, -EACCES, -EINVAL (not a regular file), with one line in error
 */
int db_path_prepare(const char *path, bool create, bool *missing, char *error, size_t error_size);

#endif
