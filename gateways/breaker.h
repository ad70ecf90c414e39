/** @file breaker.h  Private to gateways/: keeps calls away from a gateway where they fail, and lets them return.
 *
 *	closed ── too many failures ──► open ── breaker_time_ms, or breaker_half_open() ──► half open
 *	  ▲                             ▲ │                                                  │ │
 *	  │                             │ └──── a forced call succeeds ───┐       test fails │ │ breaker_successes
 *	  │ breaker_ramp_ms             └─────────────────────────────────┼──────────────────┘ │ tests succeed
 *	  └──────────────────── ramping ◄─────────────────────────────────┴────────────────────┘
 *
 * Only results and the clock move it, and nothing waits for a timer. Half open, one call at a time is let through
 * as a test; if its channel is released without a result, the next call is the test.
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
	/* tripped: the call whose result counts; NULL = none under way */
	const struct call_limits_channel *test;
	uint64_t first_call;          /* serial of the first channel whose result counts while closed */
	uint64_t failed;              /* bit i: the i-th last call failed */
	uint16_t seen;                /* calls in `failed`, at most 64 */
	uint16_t failures, successes; /* in a row; successes are those of tests */
	uint16_t credit; /* ramping: what calls passed over have saved up, in thousandths of a call */
	/* What tripped it: so many of the last why_of calls failed; why_of 0: so many in a row. */
	uint16_t why_failed, why_of;
};

enum breaker_state breaker_state(const struct breaker *b, uint64_t now_ms);
/** May a call go now? */
bool breaker_lets_through(const struct breaker *b, uint64_t now_ms);
/** The share of calls that is let through, in percent: 100 unless ramping. */
unsigned breaker_share(const struct breaker *b, uint64_t now_ms);

/** A call was let through, or forced through. */
void breaker_on_seized(struct breaker *b, const struct call_limits_channel *ch, uint64_t now_ms);
/** A call was passed over because the breaker is ramping. */
void breaker_on_passed_over(struct breaker *b, uint64_t now_ms);
/** How that call ended; calls that began before the breaker last closed do not count. */
void breaker_on_result(struct breaker *b, const struct call_limits_channel *ch, bool failed,
	const struct parameters *p, uint64_t now_ms);
/** The call rings: if it is the test, it has succeeded without waiting for an answer. */
void breaker_on_progress(
	struct breaker *b, const struct call_limits_channel *ch, const struct parameters *p, uint64_t now_ms);
/** The channel was released: a test that never had a result is over. */
void breaker_on_released(struct breaker *b, const struct call_limits_channel *ch);

/** Another input says that the gateway works: an open breaker becomes half open at once. */
void breaker_half_open(struct breaker *b, uint64_t now_ms);
/** Forget everything, and ignore the results of calls that have begun. @param calls  channels ever seized */
void breaker_reset(struct breaker *b, uint64_t calls);

/** What tripped it: "5 calls in a row failed", "16 of the last 20 calls failed", "a test call failed". */
void breaker_explain(const struct breaker *b, char *out, size_t size);

#endif
