/** @file cdr.h  Table `cdr` in cdr.db: one row per call, never lost (behaviour.md section 7).
 *
 * Records are written by a thread of this module, many in one transaction, so no disk can hold up
 * the caller's loop. Until its row is committed a record also lives in the journal, a mapped file
 * beside cdr.db, which outlives kill -9: what it holds is written at the next cdr_open().
 */
#ifndef CDR_H
#define CDR_H

#include <stddef.h>
#include <stdint.h>

struct cdr_log;

enum cdr_direction { CDR_CALLER, CDR_CALLEE, CDR_SERVER };

/** One call. Strings are borrowed for the call of the function only; NULL counts as "". */
struct cdr {
	const char *a_call_id, *b_call_id;
	const char *ingress, *gateway;
	const char *caller_in, *caller_out, *callee_in, *callee_out;
	const char *source_addr, *destination_addr;
	int64_t begin_ms, ring_ms, answer_ms, end_ms; /* epoch, 0 = never (NULL in the table) */
	int64_t pdd_ms, hold_ms;                      /* -1 = none (NULL in the table) */
	int sip_code;
	const char *end_reason;
	enum cdr_direction end_direction;
	const char *attempts; /* JSON array; "" = [] */
};

/** A record in the journal; 0 = none. */
typedef uint32_t cdr_slot;

/**
 * Open or create cdr.db and its journal and write what a crash left behind: ended calls as they
 * are, calls in progress with end_ms the time of the crash's last sign (journal's modification
 * time), end_direction CDR_SERVER and end_reason `switch restarted`. Starts the writer thread.
 *
 * @return 0; otherwise as db_open() with the line in error
 */
int cdr_open(struct cdr_log **out, const char *path, char *error, size_t error_size);

/**
 * The call was answered: keep it in the journal, so that a crash leaves a record of it.
 *
 * @return the slot to hand to cdr_end(), 0 when the journal could not take it (counted, logged by the caller)
 */
cdr_slot cdr_answer(struct cdr_log *log, const struct cdr *record);

/** The call is over: queue its row. Never blocks and never fails but for memory; takes over the slot (0 = none). */
void cdr_end(struct cdr_log *log, cdr_slot slot, const struct cdr *record);

/** Free what has become rows since; cdr_answer() and cdr_end() do it, too. For when no call comes any more. */
void cdr_reclaim(struct cdr_log *log);

/** Counters for control and metrics; may be called at any time. */
struct cdr_stats {
	uint64_t written;          /* rows committed */
	uint64_t pending;          /* ended calls whose row is not committed yet */
	uint64_t errors;           /* failed commits (tried again until they succeed) */
	uint64_t journal_failures; /* records the journal had no room for */
};
void cdr_stats(struct cdr_log *log, struct cdr_stats *out);

/** Write everything queued, at most wait_ms (what is left stays in the journal), stop the thread, close. NULL is fine. */
void cdr_close(struct cdr_log *log, unsigned wait_ms);

#endif
