#include "breaker.h"

#include "parameters.h"

#include <stdio.h>

enum {
	WINDOW_MAX = 64, /* bits of breaker.failed */
	WHOLE = 1000,    /* a share of 1 */
	SHARE_MIN = 100, /* ramping begins with a tenth: without any calls nothing would be learnt */
};

enum breaker_state breaker_state(const struct breaker *b, uint64_t now_ms)
{
	if (b->tripped)
		return now_ms < b->open_end_ms ? BREAKER_OPEN : BREAKER_HALF_OPEN;
	return now_ms < b->ramp_end_ms ? BREAKER_RAMPING : BREAKER_CLOSED;
}

/* In thousandths; it grows from a tenth to 1 over time. */
static unsigned share(const struct breaker *b, uint64_t now_ms)
{
	uint64_t grown;

	if (breaker_state(b, now_ms) != BREAKER_RAMPING)
		return WHOLE;
	grown = (now_ms - b->ramp_begin_ms) * WHOLE / (b->ramp_end_ms - b->ramp_begin_ms);
	return grown > SHARE_MIN ? (unsigned)grown : SHARE_MIN;
}

unsigned breaker_share(const struct breaker *b, uint64_t now_ms)
{
	return share(b, now_ms) * 100 / WHOLE;
}

bool breaker_lets_through(const struct breaker *b, uint64_t now_ms)
{
	switch (breaker_state(b, now_ms)) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_OPEN:
		return false;
	case BREAKER_HALF_OPEN:
		return !b->test;
	case BREAKER_RAMPING:
		return b->credit + share(b, now_ms) >= WHOLE;
	}
	return true; /* not reached: every state is above */
}

void breaker_on_seized(struct breaker *b, const struct call_limits_channel *ch, uint64_t now_ms)
{
	const unsigned credit = b->credit + share(b, now_ms);

	if (b->tripped && !b->test)
		b->test = ch;
	b->credit = (uint16_t)(credit > WHOLE ? credit - WHOLE : 0);
}

void breaker_on_passed_over(struct breaker *b, uint64_t now_ms)
{
	b->credit = (uint16_t)(b->credit + share(b, now_ms));
}

static void trip(struct breaker *b, unsigned failed, unsigned of, const struct parameters *p, uint64_t now_ms)
{
	b->tripped = true;
	b->open_end_ms = now_ms + p->breaker_time_ms;
	b->successes = 0;
	b->why_failed = (uint16_t)failed;
	b->why_of = (uint16_t)of;
}

static void close_and_ramp(struct breaker *b, const struct call_limits_channel *test,
	const struct parameters *p, uint64_t now_ms)
{
	*b = (struct breaker){
		.ramp_begin_ms = now_ms,
		.ramp_end_ms = now_ms + p->breaker_ramp_ms,
		.first_call = test->limits->total + 1,
	};
}

static void on_test_result(struct breaker *b, bool failed, const struct parameters *p, uint64_t now_ms)
{
	const struct call_limits_channel *test = b->test;

	b->test = NULL;
	if (failed)
		trip(b, 1, 1, p, now_ms);
	else if (++b->successes >= p->breaker_successes)
		close_and_ramp(b, test, p, now_ms);
}

static void on_counted_result(struct breaker *b, bool failed, const struct parameters *p, uint64_t now_ms)
{
	const uint64_t window = p->breaker_window < WINDOW_MAX ? (1ull << p->breaker_window) - 1 : UINT64_MAX;
	unsigned in_window;

	b->failed = b->failed << 1 | failed;
	b->seen = (uint16_t)(b->seen < WINDOW_MAX ? b->seen + 1 : WINDOW_MAX);
	if (!failed) {
		b->failures = 0;
		return;
	}
	b->failures = (uint16_t)(b->failures < UINT16_MAX ? b->failures + 1 : UINT16_MAX);
	in_window = (unsigned)__builtin_popcountll(b->failed & window);
	if (p->breaker_failures && b->failures >= p->breaker_failures)
		trip(b, b->failures, 0, p, now_ms);
	else if (p->breaker_rate && b->seen >= p->breaker_window &&
		in_window * 100 >= p->breaker_rate * p->breaker_window)
		trip(b, in_window, p->breaker_window, p, now_ms);
}

void breaker_on_result(struct breaker *b, const struct call_limits_channel *ch, bool failed,
	const struct parameters *p, uint64_t now_ms)
{
	if (b->tripped && ch == b->test)
		on_test_result(b, failed, p, now_ms);
	else if (!b->tripped && ch->serial >= b->first_call)
		on_counted_result(b, failed, p, now_ms);
}

void breaker_on_progress(
	struct breaker *b, const struct call_limits_channel *ch, const struct parameters *p, uint64_t now_ms)
{
	if (b->tripped && ch == b->test)
		on_test_result(b, false, p, now_ms);
}

void breaker_on_released(struct breaker *b, const struct call_limits_channel *ch)
{
	if (b->test == ch)
		b->test = NULL;
}

void breaker_half_open(struct breaker *b, uint64_t now_ms)
{
	if (breaker_state(b, now_ms) == BREAKER_OPEN)
		b->open_end_ms = now_ms;
}

void breaker_reset(struct breaker *b, uint64_t calls)
{
	*b = (struct breaker){.first_call = calls + 1};
}

void breaker_explain(const struct breaker *b, char *out, size_t size)
{
	if (b->why_of == 1)
		snprintf(out, size, "a test call failed");
	else if (b->why_of)
		snprintf(out, size, "%u of the last %u calls failed", b->why_failed, b->why_of);
	else
		snprintf(
			out, size, "%u call%s failed", b->why_failed, b->why_failed == 1 ? "" : "s in a row");
}
