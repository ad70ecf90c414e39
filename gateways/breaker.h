/** @file breaker.h  Private to gateways/: no calls to a gateway whose calls fail, and how they begin again.
 *
 *	closed ── too many failures ──► open ── breaker_time_ms, or breaker_hurry() ──► half open
 *	  ▲                             ▲ │                                              │ │
 *	  │                             │ └──── a forced call succeeds ───┐   test fails │ │ breaker_successes
 *	  │ breaker_ramp_ms             └─────────────────────────────────┼──────────────┘ │ tests succeed
 *	  └──────────────────── ramping ◄─────────────────────────────────┴────────────────┘
 *
 * Only results move it besides the clock, and nothing waits for a timer. Half open, one call at a time is let
 * through, the test; when its channel comes back without a result the next call is the test.
 */
#ifndef BREAKER_H
#define BREAKER_H

#include "call_limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct parameters;

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_RAMPING };

/** Zeroed is closed. */
struct breaker {
	bool tripped;         /* open or half open */
	uint64_t open_end_ms; /* tripped: half open from here on */
	uint64_t ramp_begin_ms, ramp_end_ms;
	const struct call_limits_channel
		*test;                /* tripped: the call whose result counts; NULL = none under way */
	uint64_t first_call;          /* serial of the first call whose result counts while closed */
	uint64_t failed;              /* bit i: the i-th last call failed */
	uint16_t seen;                /* calls in `failed`, 64 at most */
	uint16_t failures, successes; /* in a row; successes are those of tests */
	uint16_t credit;              /* ramping: shares of calls passed over, in thousandths */
	uint16_t why_failed, why_of;  /* what tripped it: so many failures of so many calls, of 0: in a row */
};

enum breaker_state breaker_state(const struct breaker *b, uint64_t now_ms);
/** May a call go now? */
bool breaker_lets_through(const struct breaker *b, uint64_t now_ms);
/** The share of calls that is let through, in percent: 100 unless ramping. */
unsigned breaker_share(const struct breaker *b, uint64_t now_ms);

/** A call is let through, or forced through. */
void breaker_on_seized(struct breaker *b, const struct call_limits_channel *ch, uint64_t now_ms);
/** A call was passed over because the breaker is ramping. */
void breaker_on_passed_over(struct breaker *b, uint64_t now_ms);
/** How that call ended; calls that began before the breaker closed last count no more. */
void breaker_on_result(struct breaker *b, const struct call_limits_channel *ch, bool failed,
	const struct parameters *p, uint64_t now_ms);
/** It rings: a test has succeeded and need not wait for the answer, other calls are not concerned. */
void breaker_on_progress(
	struct breaker *b, const struct call_limits_channel *ch, const struct parameters *p, uint64_t now_ms);
/** The channel comes back: if it was the test that never told its result, it is none any more. */
void breaker_on_released(struct breaker *b, const struct call_limits_channel *ch);

/** There is good news from elsewhere: an open breaker becomes half open at once. */
void breaker_hurry(struct breaker *b, uint64_t now_ms);
/** Forget all, and what calls that have begun will tell. @param calls  channels ever seized */
void breaker_reset(struct breaker *b, uint64_t calls);

/** What tripped it: "5 calls in a row failed", "16 of the last 20 calls failed", "a test call failed". */
void breaker_explain(const struct breaker *b, char *out, size_t size);

#endif
