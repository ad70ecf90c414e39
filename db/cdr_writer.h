/** @file cdr_writer.h  The thread that turns ended calls into rows of `cdr`. Private to db/.
 *
 * Ended calls are handed to it, and handed back once their rows are committed. Neither side waits for the other.
 */
#ifndef CDR_WRITER_H
#define CDR_WRITER_H

#include "cdr_journal.h"
#include "cdr_entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cdr_writer;
struct cdr_disk;

/** @param on_news  may be NULL @return 0; -ENOMEM */
int cdr_writer_create(struct cdr_writer **out, const char *path, cdr_news_h *on_news, void *arg);
/** Also frees what was not committed; stop it first. NULL is fine. */
void cdr_writer_destroy(struct cdr_writer *writer);

/** Has this call of the journal a row? Before the thread runs. @return false also when cdr.db cannot be read now */
bool cdr_writer_has(struct cdr_writer *writer, uint64_t number, const struct cdr *record);

/**
 * Write what is queued so far, then start the thread, which also grows the journal and wipes there what is a row. No row is
 * written before its record is in the journal on disk. Without journals both are NULL.
 *
 * @return 0 or -errno
 */
int cdr_writer_start(struct cdr_writer *writer, struct cdr_journal *journal, struct cdr_disk *disk);
/** There are journals at last. */
void cdr_writer_use(struct cdr_writer *writer, struct cdr_journal *journal, struct cdr_disk *disk);
/** Write what is queued, for at most wait_ms while another process holds the file, then end the thread. */
void cdr_writer_stop(struct cdr_writer *writer, unsigned wait_ms);

void cdr_writer_add(struct cdr_writer *writer, struct cdr_entry *ended_take);
/** There is something to do. A system call only when the thread sleeps, at most ten times a second. */
void cdr_writer_wake(struct cdr_writer *writer);
/**
 * Have the thread call write(arg) as well, each time it has something to do. Before any wake for it.
 *
 * @param write  @return true: it is to be called again
 */
void cdr_writer_also(struct cdr_writer *writer, bool (*write)(void *arg), void *arg);
/** Calls whose rows have been committed since the last time; the caller frees them. */
struct cdr_entry *cdr_writer_take_committed(struct cdr_writer *writer);

/** All but journal_failures. */
void cdr_writer_stats(struct cdr_writer *writer, struct cdr_stats *out);
/** For how long the disk has not answered; 0 = it does. */
uint64_t cdr_writer_stuck_ms(struct cdr_writer *writer);

#endif
