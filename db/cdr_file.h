/** @file cdr_file.h  The file of a journal, and its lock. Private to db/. */
#ifndef CDR_FILE_H
#define CDR_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

enum { CDR_FILE_MODE = 0660 };

/**
 * Open or create the file of this name, and take its lock.
 *
 * @return its descriptor, which never blocks; -EBUSY another process has the lock; -EINVAL no regular file; -errno
 */
int cdr_file_open(const char *path);
/** Is this still the file of that name? */
bool cdr_file_has_name(const struct stat *st, const char *path);

#endif
