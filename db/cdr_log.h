/** @file cdr_log.h  Table `cdr` in cdr.db: one row per call, never lost.
 *
 * Records are written by a thread of this module, many in one transaction, so no disk can hold up
 * the caller's loop. cdr.db may be locked, broken or moved away meanwhile. Until its row is committed a record also lives in
 * the journal, memory that outlives kill -9, and within 10 ms in a file beside cdr.db, which outlives a loss of power: what
 * they hold is written at the next cdr_log_open().
 */
#ifndef CDR_LOG_H
#define CDR_LOG_H

#include "cdr.h"

#include <stdbool.h>
#include <stddef.h>

struct cdr_log;

struct cdr_log_parts {
	const char *path;    /* of cdr.db */
	const char *journal; /* a file of tmpfs, which no other cdr.db has */
	const char *adopt;   /* cdr.db-live of a switch that runs no more, to go on with its calls; or NULL */
	cdr_news_h *on_news; /* may be NULL */
	void *arg;
};

/**
 * Open the journal, and have a thread write the records of ended calls that a crash left behind. Answered ones wait for
 * cdr_log_recover(). cdr.db is opened or created when it can be, now or later: records wait until then.
 *
 * @param error  receives one line when the result is not 0; also when it is 0, but there can be no journal, so that
 *                 records are not safe from a crash before they are rows; else ""
 * @return 0; -EBUSY another process has cdr.db or the journal open; -ENOTEMPTY there is something to adopt, but calls were
 *         left here, too; -ENOTSUP a later program wrote the journal; -EINVAL what is to be adopted is no journal; -ENOMEM, -EAGAIN, -errno
 */
int cdr_log_open(struct cdr_log **out, const struct cdr_log_parts *parts, char *error, size_t error_size);

/** An answered call that a crash cut off. */
struct cdr_log_leftover {
	cdr_slot slot;
	struct cdr record;
	const char *state; /* as given to cdr_log_keep() */
	size_t state_size;
	uint32_t note; /* cdr_log_note(), 0 = none */
	bool parting; /* cdr_log_end_parting(): it has its record. Adopted, its slot goes to cdr_log_parted() */
};
/** @return true to adopt it: it goes on, and its slot is the application's */
typedef bool cdr_log_adopt_h(const struct cdr_log_leftover *call, void *arg);
/**
 * Offer the application each answered call that a crash left behind. The record of one that is not adopted is closed with
 * the last sign of life as end_ms, end_direction CDR_SERVER and end_reason `switch restarted`.
 *
 * @param adopt  NULL: none is adopted
 */
void cdr_log_recover(struct cdr_log *log, cdr_log_adopt_h *adopt, void *arg);
/**
 * While it is offered: close the record of one as if it were not adopted, but leave its entry as cdr_log_end_parting() does.
 * Adopt it then.
 *
 * @return false when the slot is taken over all the same
 */
bool cdr_log_close_parting(struct cdr_log *log, const struct cdr_log_leftover *call);
/** How many there are to be offered. */
size_t cdr_log_leftovers(const struct cdr_log *log);
/** The last sign of life before the crash. */
const struct cdr_sign *cdr_log_last_sign(const struct cdr_log *log);
/** Here is one, to be given every second at least while there are calls. No system call. */
void cdr_log_sign(struct cdr_log *log, const struct cdr_sign *now);

enum {
	CDR_LOG_STATE_MAX = 32768,
	CDR_LOG_ALONE_MAX =
		64 * 1048576, /* bytes of records that wait for their rows and have no room in the journal */
};

/**
 * A call was answered, or its state has changed: put it into the journal, so that a crash leaves it.
 *
 * @param slot   what this function returned before, which is replaced; 0 = the call was answered just now
 * @param state  for cdr_log_recover(), up to CDR_LOG_STATE_MAX bytes
 * @return the slot to hand to cdr_log_end(), 0 when the journal could not take it, which is counted; logging is up to the
 *         caller. When it could not take a change, the slot stays as it was
 */
cdr_slot cdr_log_keep(
	struct cdr_log *log, cdr_slot slot, const struct cdr *record, const char *state, size_t state_size);

/**
 * The same, but the entry before stays as cdr_log_end_parting() leaves one: a side that it tells of is still to be told, and
 * the call goes on without that.
 *
 * @return the new slot; 0 when the journal could not take it, and the one before goes on
 */
cdr_slot cdr_log_keep_beside(
	struct cdr_log *log, cdr_slot slot, const struct cdr *record, const char *state, size_t state_size);

/** Has the journal room for any call, so that one it could not take may be tried again? To be asked while there is one. */
bool cdr_log_has_room(struct cdr_log *log);

/**
 * Write a word beside the state, until the next cdr_log_keep(): for what changes often.
 *
 * @param slot  0 = none, and nothing is written
 */
void cdr_log_note(struct cdr_log *log, cdr_slot slot, uint32_t note);
/** The same in memory alone, for what a loss of power may take: no other thread is told. */
void cdr_log_mark(struct cdr_log *log, cdr_slot slot, uint32_t note);

/**
 * As cdr_log_end(), but the state stays until cdr_log_parted(): its sides are still to be told.
 *
 * @return false when the slot is taken over all the same
 */
bool cdr_log_end_parting(struct cdr_log *log, cdr_slot slot, const struct cdr *record);
void cdr_log_parted(struct cdr_log *log, cdr_slot slot);
/** Add bytes to the state of such an entry, whose word is 0 then. @return its slot now, the same if there was no room */
cdr_slot cdr_log_add(struct cdr_log *log, cdr_slot slot, const char *bytes, size_t size);
/**
 * The call is over: queue its row. Never blocks. Without memory, or beyond CDR_LOG_ALONE_MAX, it is given up, which is
 * counted. Takes over the slot (0 = none).
 */
void cdr_log_end(struct cdr_log *log, cdr_slot slot, const struct cdr *record);

/** Of the journal, as a program that goes on with it must read it. */
int cdr_log_version(void);

/** Free records whose rows have been committed. cdr_log_keep(), cdr_log_end() and cdr_log_look() do it, too. */
void cdr_log_reclaim(struct cdr_log *log);
/** To be called every second: tells what is wrong with the disk, also when it does not answer, and with the journal. */
void cdr_log_look(struct cdr_log *log);
/** Has the journal lost live calls? Asked every second at least while there are calls: each is to be kept again then. */
bool cdr_log_has_lost(struct cdr_log *log);

/** Have the writer thread call write(arg) as well, after cdr_log_wake() and once at the end; true: it is to be called again. */
void cdr_log_also(struct cdr_log *log, bool (*write)(void *arg), void *arg);
void cdr_log_wake(struct cdr_log *log);

/** May be called at any time. */
void cdr_log_stats(struct cdr_log *log, struct cdr_stats *out);

/**
 * Write what is queued, for at most wait_ms while another process holds the file, stop the thread, close. NULL is fine.
 *
 * @return the number of records that are not rows; the journal has them for the next start
 */
uint64_t cdr_log_close(struct cdr_log *log, unsigned wait_ms);

#endif
