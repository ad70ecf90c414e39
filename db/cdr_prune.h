/** @file cdr_prune.h  Delete old call records from a cdr.db that the switch is writing. */
#ifndef CDR_PRUNE_H
#define CDR_PRUNE_H

#include <stddef.h>
#include <stdint.h>

/**
 * Delete the rows of calls that began before a moment, in transactions so short that the switch's own rows wait for none
 * of them longer than some 100 ms. The file keeps its size, and the next rows use the room.
 *
 * @param before_ms  epoch
 * @param rows       receives how many were deleted, on failure, too
 * @return 0; otherwise as db_recognise(), or -EBUSY when somebody else writes for 10 s or holds the log; one line in error
 */
int cdr_prune(const char *path, int64_t before_ms, uint64_t *rows, char *error, size_t error_size);

#endif
