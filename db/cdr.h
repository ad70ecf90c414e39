/** @file cdr.h  A call detail record: one row of table `cdr`. */
#ifndef CDR_H
#define CDR_H

#include <stdint.h>

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

/** Counters for control and metrics. */
struct cdr_stats {
	uint64_t written;          /* rows committed */
	uint64_t pending;          /* ended calls whose rows are not committed yet */
	uint64_t errors;           /* failed commits (tried again until they succeed) */
	uint64_t journal_failures; /* records the journal had no room for */
};

#endif
