/** @file cdr_journal.h  Records in memory that outlives the process: a mapped file, best of tmpfs. Private to db/.
 *
 * The file is an array of blocks; a record is a chain of them. A record is valid once the state word
 * of its first block is written, which is done last, so a process that dies at any moment leaves
 * complete records or none. Disk space is allocated before it is mapped: a full disk can refuse more
 * room, but not take away what is in use.
 *
 * One thread puts and frees; another may grow the file at the same time. Only one process at a time
 * can have the journal open.
 */
#ifndef CDR_JOURNAL_H
#define CDR_JOURNAL_H

#include "cdr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cdr_journal;

/** Answered calls are LIVE; ANSWERED is what earlier versions wrote: their record without a state. */
enum cdr_journal_state { CDR_JOURNAL_ANSWERED, CDR_JOURNAL_ENDED, CDR_JOURNAL_LIVE };

/** What a crash left. */
struct cdr_journal_record {
	cdr_slot slot;
	enum cdr_journal_state state;
	uint64_t number;   /* as given to cdr_journal_put() */
	uint64_t ended_by; /* as given to cdr_journal_set_ended(), 0 = never */
	const char *bytes;
	size_t size;
};
/** Called for each record, which keeps its blocks until freed. @return 0 to go on, -errno to stop */
typedef int cdr_journal_record_h(const struct cdr_journal_record *record, void *arg);

/**
 * Open or create the journal and hand out the records in it; incomplete ones are wiped.
 *
 * @param last_sign_ms  the last cdr_journal_sign(), epoch; without one when the file was last written to; 0 = it is new
 * @return 0; -EBUSY another process has it open; -EACCES, -EIO, -ENOMEM; one line in error
 */
int cdr_journal_open(struct cdr_journal **out, const char *path, int64_t *last_sign_ms,
	cdr_journal_record_h *on_record, void *arg, char *error, size_t error_size);
/** Of the layout. */
int cdr_journal_version(void);
/** Records that were not freed stay in the file; without any it is removed. NULL is fine. */
void cdr_journal_close(struct cdr_journal *journal);

/** Add a record. Numbers are unique and below 2^48. @return 0 when there is no room */
cdr_slot cdr_journal_put(struct cdr_journal *journal, enum cdr_journal_state state, uint64_t number,
	const char *bytes, size_t size);
/** The answered call of this slot has ended: the record with the number `by` replaces it. */
void cdr_journal_set_ended(struct cdr_journal *journal, cdr_slot slot, uint64_t by);
/** The number of the record in this slot. */
uint64_t cdr_journal_number(const struct cdr_journal *journal, cdr_slot slot);
void cdr_journal_free(struct cdr_journal *journal, cdr_slot slot);
/** Store the time for cdr_journal_open() after a crash: that of the file lags behind, and is another after a copy. */
void cdr_journal_sign(struct cdr_journal *journal, int64_t now_ms);

/** Is it time to call cdr_journal_grow()? */
bool cdr_journal_is_low(const struct cdr_journal *journal);
/** Enlarge it; blocks while the disk works. May run in another thread. @return 0 or -errno */
int cdr_journal_grow(struct cdr_journal *journal);

#endif
