/** @file db_swap.h  Put a file in the place of one of ours that others may be using. */
#ifndef DB_SWAP_H
#define DB_SWAP_H

#include <stddef.h>

/**
 * Give `file` the name `path`, owner and mode of the file that has it now, which goes on as `aside`, whole and with all rows.
 * Who has the old one open and uses the new name from now on does not mix the two (see db_place.h).
 *
 * @param file   in the folder of `path`, without a log beside it
 * @param aside  must not exist, in the folder of `path`; nothing is put there when there is no file at `path`
 * @param error  receives one line when the result is not 0, and nothing has changed then
 * @return 0; -EBUSY somebody does not end a transaction; -EACCES, -EEXIST, -EIO, -ENOMEM
 */
int db_swap(const char *file, const char *path, const char *aside, char *error, size_t error_size);

#endif
