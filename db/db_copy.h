/** @file db_copy.h  A copy of one of our files, made while others write it. */
#ifndef DB_COPY_H
#define DB_COPY_H

#include <stdbool.h>
#include <stddef.h>

/** How the copy is to differ. */
struct db_copy_options {
	bool deep;         /* check it as db_sqlite_check() does deeply */
	bool no_passwords; /* of a configuration: without them, nor a trace of them in unused pages */
};

/**
 * Copy a file as of one moment: one file without a log beside it, checked, and on disk when this returns. Nobody who writes
 * the original is held up.
 *
 * @param to     must not exist; it is created for its owner only (mode 0600)
 * @param error  receives one line when the result is not 0, and there is no copy then
 * @return 0; -EEXIST; -EUCLEAN damaged; -EBUSY locked for 10 s; -EACCES, -ENOSPC, -EIO, -ENOMEM
 */
int db_copy(const char *from, const char *to, const struct db_copy_options *options, char *error,
	size_t error_size);

#endif
