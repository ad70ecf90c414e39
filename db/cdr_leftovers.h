/** @file cdr_leftovers.h  What a crash left in the journal, sorted out. Private to db/. */
#ifndef CDR_LEFTOVERS_H
#define CDR_LEFTOVERS_H

#include "cdr_entry.h"
#include "cdr_journal.h"
#include "cdr_live.h"

struct cdr_leftover {
	struct cdr_entry *entry; /* ->record is the slot, whichever the state */
	enum cdr_journal_state state;
	uint64_t ended_by;
	bool superseded; /* a later record of the same call is complete */
};

/** Zeroed = empty. */
struct cdr_leftovers {
	struct cdr_leftover *item;
	size_t n, n_ended, size;
};

/** For cdr_journal_open(). @param arg  a struct cdr_leftovers */
int cdr_leftovers_collect(const struct cdr_journal_record *record, void *arg);
/**
 * Move what another journal holds, and what was found in it, over. A crash meanwhile leaves a record in both.
 *
 * @return 0; -ENOMEM, -ENOSPC: some of it stays there
 */
int cdr_leftovers_move(struct cdr_leftovers *to, struct cdr_leftovers *from, struct cdr_journal *there,
	struct cdr_journal *here);
/** Sort them, ended calls first, each kind in the order it was written, and see which are superseded. */
void cdr_leftovers_sort(struct cdr_leftovers *left);
/** Read an answered call. @return 0; -EINVAL when its bytes are none */
int cdr_leftovers_read(const struct cdr_leftover *item, struct cdr_live *live, struct cdr *record);
/** Free them, but for entries that are NULL. */
void cdr_leftovers_clear(struct cdr_leftovers *left);

#endif
