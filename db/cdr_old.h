/** @file cdr_old.h  The journal of earlier versions, a mapped file beside cdr.db, as a crash has left it. Private to db/. */
#ifndef CDR_OLD_H
#define CDR_OLD_H

#include "cdr_journal.h"

/**
 * Numbers of ended calls were below this. They were counted in the order of their rows, so that the number of the last row,
 * which the table `journal` has, tells which of them are rows. Calls in progress get numbers from this one up.
 */
#define CDR_OLD_NUMBERS (UINT64_C(1) << 48)

/**
 * Hand out the calls in it, each once, as entries of today.
 *
 * @param sign_ms  receives the last sign of life, epoch
 * @return 0; -ENODATA there is none; -EINVAL it is something else; -errno; what on_entry returned
 */
int cdr_old_read(int fd, int64_t *sign_ms, cdr_journal_entry_h *on_entry, void *arg);

#endif
