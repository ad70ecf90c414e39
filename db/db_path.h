/** @file db_path.h  Where databases lie, and what the file system says of one before SQLite sees it. */
#ifndef DB_PATH_H
#define DB_PATH_H

#include <stddef.h>

/** @return the path of a file of this name in the folder of `path`, owned by the caller; NULL without memory */
char *db_path_beside(const char *path, const char *name);
/** Create the file for us and the operators' group; one that is there stays as it is. @return 0; -errno with one line in error */
int db_path_create(const char *path, char *error, size_t error_size);
/** May this process write it, what SQLite keeps beside it, and in its folder? @return 0; -EACCES with one line in error */
int db_path_access(const char *path, char *error, size_t error_size);

#endif
