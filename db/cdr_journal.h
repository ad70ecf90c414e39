/** @file cdr_journal.h  Calls in memory that outlives the process: a mapped file, best of tmpfs. Private to db/.
 *
 * The file is an array of blocks; an entry is a chain of them. An entry is valid once the state word of its first block is
 * written, which is done last, so a process that dies at any moment leaves complete entries or none. Memory is allocated
 * before it is mapped: where there is no more, the file cannot grow, but keeps what is in use.
 *
 * When somebody truncates, removes or replaces the file in use, cdr_journal_check() and cdr_journal_renew() make a new one;
 * a SIGBUS in it kills nobody.
 *
 * One thread puts and frees. Others may grow the file, copy entries and wipe them meanwhile. Only one process at a time can
 * have the journal open.
 */
#ifndef CDR_JOURNAL_H
#define CDR_JOURNAL_H

#include "cdr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct cdr_journal;

enum cdr_journal_state {
	CDR_JOURNAL_LIVE, /* the call goes on: cdr_live.h */
	CDR_JOURNAL_OVER, /* the same of one that is over, but whose record found no room */
	CDR_JOURNAL_PARTING, /* the same of one that has another entry, but a side that this one tells of may not know */
	CDR_JOURNAL_ENDED, /* the record of a call that is over */
	CDR_JOURNAL_DONE,  /* nothing is left of the call: only on disk, see cdr_disk.h */
	CDR_JOURNAL_NOTE,  /* the note of a live call's entry with this sequence: only on disk */
};

struct cdr_journal_entry {
	cdr_slot slot; /* 0 = it is in no journal */
	enum cdr_journal_state state;
	uint64_t number;   /* of the call, as given to cdr_journal_put() */
	uint64_t sequence; /* of two entries of a call the one with the higher counts */
	uint32_t note;     /* as given to cdr_journal_note(), 0 = never */
	const char *bytes;
	size_t size;
};
/** Called for each entry, which keeps its blocks until freed. @return 0 to go on, -errno to stop */
typedef int cdr_journal_entry_h(const struct cdr_journal_entry *entry, void *arg);

/**
 * Open or create the journal. Before anything is put, cdr_journal_read() has to see what is in it.
 *
 * @return 0; -EBUSY another process has it open; -ENOTSUP a later program wrote it; -EINVAL the file is no journal; in both
 *         cases it stays as it is; -EACCES, -EIO, -ENOMEM; one line in error
 */
int cdr_journal_open(struct cdr_journal **out, const char *path, char *error, size_t error_size);
/** Of the layout. */
int cdr_journal_version(void);
/** Entries that were not freed stay in the file; without any it is removed. NULL is fine. */
void cdr_journal_close(struct cdr_journal *journal);

/** What the journal was like when it was opened. */
struct cdr_journal_found {
	struct cdr_sign sign; /* the last; zeroed if it could not be read */
	uint64_t sequence;    /* the highest it gave; 0 = the file was new */
	uint64_t disk;        /* cdr_journal_set_disk() */
	unsigned
		damaged; /* entries that could not be read, and were wiped; 1 when they or the sign are missing */
};
/** Hand out the entries in it. @return 0; -ENOMEM, or what on_entry returned */
int cdr_journal_read(struct cdr_journal *journal, struct cdr_journal_found *found,
	cdr_journal_entry_h *on_entry, void *arg);
/** Numbers of entries go on behind this one. */
void cdr_journal_continue(struct cdr_journal *journal, uint64_t sequence);

enum { CDR_JOURNAL_PARTS_MAX = 4 };
/** Add an entry of so many parts. @return 0 when there is no room */
cdr_slot cdr_journal_put(struct cdr_journal *journal, enum cdr_journal_state state, uint64_t number,
	const struct iovec *parts, size_t n);
/** Would one of so many bytes find room now? In the thread that puts. */
bool cdr_journal_has_room(struct cdr_journal *journal, size_t size);
/** The sequence of the entry that was put last. */
uint64_t cdr_journal_sequence(const struct cdr_journal *journal);
/** Write a word beside the entry, over the one before. */
void cdr_journal_note(struct cdr_journal *journal, cdr_slot slot, uint32_t note);
/** The number of the call in this slot. */
uint64_t cdr_journal_number(const struct cdr_journal *journal, cdr_slot slot);
/** The live call in this slot is CDR_JOURNAL_OVER, or CDR_JOURNAL_PARTING. */
void cdr_journal_set(struct cdr_journal *journal, cdr_slot slot, enum cdr_journal_state state);
void cdr_journal_free(struct cdr_journal *journal, cdr_slot slot);
/** Make the entry invalid, which still has to be freed. In any thread. */
void cdr_journal_wipe(struct cdr_journal *journal, cdr_slot slot);
void cdr_journal_sign(struct cdr_journal *journal, const struct cdr_sign *sign);

/**
 * Copy an entry, in any thread, while others may be put and freed.
 *
 * @param sum   receives cdr_journal_sum(), then taken over its bytes
 * @param room  for its bytes, where entry->bytes will point
 * @return 0; -ENOENT there is none now; -ENOSPC it has entry->size bytes
 */
int cdr_journal_copy(const struct cdr_journal *journal, cdr_slot slot, struct cdr_journal_entry *entry,
	uint64_t *sum, char *room, size_t size);
/** The same of the note of a live call, without bytes. @return is there one? */
bool cdr_journal_copy_note(const struct cdr_journal *journal, cdr_slot slot, struct cdr_journal_entry *entry);
/** All slots are below this one. */
cdr_slot cdr_journal_slots(const struct cdr_journal *journal);
void cdr_journal_last_sign(const struct cdr_journal *journal, struct cdr_sign *out);
/** The sequence of the last entry, as the file has it. */
uint64_t cdr_journal_last_sequence(const struct cdr_journal *journal);
bool cdr_journal_is_empty(const struct cdr_journal *journal);

/** In any thread, every second: is the file still what it was? Else a new one takes its name. @return 0; -errno there can be none */
int cdr_journal_check(struct cdr_journal *journal);
/** In the thread that puts: move to the new file, if there is one. @return true when it did */
bool cdr_journal_renew(struct cdr_journal *journal);
/** Entries may have been lost with the old file, until cdr_journal_complete(): after a crash meanwhile the disk has them. */
bool cdr_journal_is_incomplete(const struct cdr_journal *journal);
void cdr_journal_complete(struct cdr_journal *journal);
/** The disk has entries that this one lacks: it is incomplete. */
void cdr_journal_lack(struct cdr_journal *journal);

/** Note which copy on disk is kept up to date from here, by its generation. In one other thread. */
void cdr_journal_set_disk(struct cdr_journal *journal, uint64_t generation);

/** How a state is written. */
uint32_t cdr_journal_word(enum cdr_journal_state state);
/** @return 0; -EINVAL it is none */
int cdr_journal_state(uint32_t word, enum cdr_journal_state *out);
/** What the sum over the bytes of an entry begins with: cdr_sum_bytes(). */
uint64_t cdr_journal_sum(uint64_t number, uint64_t sequence, size_t size);

/** Is it time to call cdr_journal_grow()? */
bool cdr_journal_is_low(const struct cdr_journal *journal);
/** Enlarge it. May run in another thread. @return 0 or -errno */
int cdr_journal_grow(struct cdr_journal *journal);
/** The same for the thread that puts, which waits for no disk. @return 0; -ENOTSUP it is not in memory; -ENOSPC */
int cdr_journal_grow_in_memory(struct cdr_journal *journal);

#endif
