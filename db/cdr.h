/** @file cdr.h  A call detail record: one row of table `cdr`. */
#ifndef CDR_H
#define CDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cdr_direction { CDR_CALLER, CDR_CALLEE, CDR_SERVER };

/** One call. Strings are borrowed for the call of the function only; NULL counts as "". */
struct cdr {
	const char *a_call_id, *b_call_id;
	const char *ingress, *gateway;
	bool from_endpoint,
		to_endpoint; /* that is the name of an endpoint, and not of a mapping gateway or gateway */
	const char *caller_in, *caller_out, *callee_in, *callee_out;
	const char *source_addr, *destination_addr;
	int64_t begin_ms, ring_ms, answer_ms, end_ms; /* epoch, 0 = never (NULL in the table) */
	int64_t pdd_ms, hold_ms;                      /* -1 = none (NULL in the table) */
	int sip_code;
	const char *end_reason;
	enum cdr_direction end_direction;
	const char *attempts; /* JSON array; "" = [] */
	/* No columns: */
	int64_t offset_ms; /* what its times are ahead of the steady clock, see struct cdr_sign */
	uint64_t number;   /* of a call of the process before, as cdr_log_recover() gave it; 0 = a new one */
};

/**
 * A moment at which the switch was alive: the steady clock of this boot of the machine tells how long calls have lasted
 * that a crash cut off, whatever the wall clock does.
 */
struct cdr_sign {
	uint64_t boot, steady_ms;
	int64_t epoch_ms; /* 0 = never */
};

/** A record in the journal; 0 = none. */
typedef uint32_t cdr_slot;

/** What becomes of rows and of the journal, for the log. */
enum cdr_news {
	CDR_FAILING,   /* they cannot be written: after one second of it, then every minute */
	CDR_RECOVERED, /* they can again */
	CDR_REPLACED, /* cdr.db was moved, overwritten or removed: they go into the file that has its name now */
	CDR_RENEWED, /* the journal in memory was truncated, removed or replaced: there is a new file */
	CDR_DAMAGED, /* what the process before left of the journal could not be read in some places */
};
struct cdr_report {
	enum cdr_news news;
	bool journal;       /* it is about the journal on disk, not about rows */
	const char *words;  /* CDR_FAILING: why, in SQLite's words; CDR_DAMAGED: what */
	uint64_t lasted_ms; /* CDR_FAILING, CDR_RECOVERED: how long it has been so, or was so */
	uint64_t pending;   /* ended calls that wait for their rows */
	uint64_t lost;      /* it is about these: stats.lost */
};
/** Called by the thread that writes, and by the loop in cdr_log_open() and cdr_log_look(). */
typedef void cdr_news_h(const struct cdr_report *report, void *arg);

enum { CDR_ERROR_SIZE = 512 };

/** Counters for control and metrics. */
struct cdr_stats {
	uint64_t written;          /* rows committed */
	uint64_t pending;          /* ended calls whose rows are not committed yet */
	uint64_t errors;           /* failed commits (tried again until they succeed) */
	uint64_t journal_failures; /* records the journal had no room for */
	uint64_t lost; /* records given up: nothing could take them, and too many waited already */
	char error[CDR_ERROR_SIZE]; /* why rows, or the journal, cannot be written; "" = they can */
	uint64_t error_ms;          /* and for how long that has been so */
};

#endif
