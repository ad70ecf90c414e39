/** @file cdr_leftovers.h  What a crash left in a journal, sorted out. Private to db/. */
#ifndef CDR_LEFTOVERS_H
#define CDR_LEFTOVERS_H

#include "cdr_entry.h"
#include "cdr_journal.h"
#include "cdr_live.h"

struct cdr_leftover {
	struct cdr_entry *entry; /* ->record is the slot, whichever the state; 0 = it is in no journal yet */
	enum cdr_journal_state state;
	uint32_t note;
	bool superseded; /* there is a later entry of the same call, or the same again */
};

/** Zeroed = empty. */
struct cdr_leftovers {
	struct cdr_leftover *item;
	size_t n, size;
};

/** For cdr_journal_read(). @param arg  a struct cdr_leftovers */
int cdr_leftovers_collect(const struct cdr_journal_entry *entry, void *arg);
/** Add what another journal has, which is taken over. @return 0; -ENOMEM, and it stays there */
int cdr_leftovers_add(struct cdr_leftovers *left, struct cdr_leftovers *other);
/** Sort them in the order they were written, and see which are superseded. */
void cdr_leftovers_sort(struct cdr_leftovers *left);
/** Read one that goes on, or is over. @return 0; -EINVAL when its bytes are none */
int cdr_leftovers_read(const struct cdr_leftover *item, struct cdr_live *live, struct cdr *record);
/** Put what is in no journal into this one. @return 0; -ENOMEM, -ENOSPC: some of it is not in it */
int cdr_leftovers_put(struct cdr_leftovers *left, struct cdr_journal *journal);
/** Free them, but for entries that are NULL. */
void cdr_leftovers_clear(struct cdr_leftovers *left);

#endif
