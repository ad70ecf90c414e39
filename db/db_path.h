/** @file db_path.h  What the file system says of a database before SQLite sees it. Private to db/. */
#ifndef DB_PATH_H
#define DB_PATH_H

#include <stddef.h>

/** Create the file for us and the operators' group; one that is there stays as it is. @return 0; -errno with one line in error */
int db_path_create(const char *path, char *error, size_t error_size);
/** May this process write it, what SQLite keeps beside it, and in its folder? @return 0; -EACCES with one line in error */
int db_path_access(const char *path, char *error, size_t error_size);

#endif
