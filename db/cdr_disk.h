/** @file cdr_disk.h  The journal on disk, for a loss of power. Private to db/.
 *
 * A thread copies each change to a file beside cdr.db within 10 ms. The loop notes which entries it has put; the thread
 * takes them from the journal in memory. Neither waits for the other: when the disk does not keep up, notes are dropped,
 * and the file is written anew from memory once it works again.
 */
#ifndef CDR_DISK_H
#define CDR_DISK_H

#include "cdr_disk_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cdr_disk;

/**
 * Open the file beside this cdr.db, whose lock it is. One that cannot be opened is tried again by the thread.
 *
 * @return 0; -EBUSY another process has it; -ENOMEM
 */
int cdr_disk_open(struct cdr_disk **out, const char *cdr);
/**
 * Hand out what is in it; nothing if it is a copy of what was found in memory, and no newer than that.
 *
 * @return 0; -ENOMEM, or what on_entry returned
 */
int cdr_disk_read(struct cdr_disk *disk, const struct cdr_journal_found *memory,
	struct cdr_disk_file_found *found, cdr_journal_entry_h *on_entry, void *arg);
/**
 * Start the thread, which begins with a new file of what is in the journal, and also calls cdr_journal_check().
 *
 * @param journal  NULL: it could not be opened, which the thread tries again every second
 * @param memory   its file
 * @return 0 or -errno
 */
int cdr_disk_start(struct cdr_disk *disk, struct cdr_journal *journal, const char *memory);
/** The journal that the thread could open at last, once. It is cdr_journal_lack(), and the caller's. NULL = none */
struct cdr_journal *cdr_disk_take_journal(struct cdr_disk *disk);
/**
 * Write what was noted, wait for that wait_ms at most, and close. NULL is fine.
 *
 * @param remove  the journal is empty: no file has to stay
 * @return false when the disk does not let the thread end, which goes on using the journal then
 */
bool cdr_disk_close(struct cdr_disk *disk, unsigned wait_ms, bool remove);

/* For the loop. A system call only when the thread sleeps, after some milliseconds with nothing to do. */
/** The entry with this sequence was put into the slot. */
void cdr_disk_note(struct cdr_disk *disk, cdr_slot slot, uint64_t sequence);
/** A note was written beside the live entry in this slot. */
void cdr_disk_note_note(struct cdr_disk *disk, cdr_slot slot);
/** Nothing is left of the call with this number. */
void cdr_disk_note_done(struct cdr_disk *disk, uint64_t number);

/** In any thread: wait until the entry with this sequence is on the disk, for a second at most, and not while the disk fails. */
void cdr_disk_wait(struct cdr_disk *disk, uint64_t sequence);
/**
 * Why the file, or that of the journal in memory, cannot be written at present; "" = they can.
 *
 * @return for how long that has been so, ms
 */
uint64_t cdr_disk_error(struct cdr_disk *disk, char *error, size_t size);

#endif
