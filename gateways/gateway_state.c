#include "gateway_state.h"

#include "gateway_liveness.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* What can decide --------------------------------------------------------------------------- */

static bool is_removed(const struct gateway_liveness *l, uint64_t now_ms)
{
	(void)now_ms;
	return l->removed;
}

static bool is_disabled(const struct gateway_liveness *l, uint64_t now_ms)
{
	(void)now_ms;
	return !l->enabled;
}

static bool is_draining(const struct gateway_liveness *l, uint64_t now_ms)
{
	(void)now_ms;
	return l->draining;
}

static bool is_not_registered(const struct gateway_liveness *l, uint64_t now_ms)
{
	(void)now_ms;
	return l->named && !l->registered;
}

static bool is_not_bound(const struct gateway_liveness *l, uint64_t now_ms)
{
	(void)now_ms;
	return l->is_endpoint && !l->bound;
}

static bool waits_retry_after(const struct gateway_liveness *l, uint64_t now_ms)
{
	return now_ms < l->retry_after_end_ms;
}

static uint64_t retry_after_end(const struct gateway_liveness *l)
{
	return l->retry_after_end_ms;
}

static bool is_published_closed(const struct gateway_liveness *l, uint64_t now_ms)
{
	(void)now_ms;
	return l->publication == PUBLICATION_STATE_CLOSED || l->publication == PUBLICATION_STATE_EXPIRED;
}

static bool is_options_down(const struct gateway_liveness *l, uint64_t now_ms)
{
	(void)now_ms;
	return l->options.down;
}

static bool is_breaker_open(const struct gateway_liveness *l, uint64_t now_ms)
{
	return breaker_state(&l->breaker, now_ms) == BREAKER_OPEN;
}

static uint64_t breaker_open_end(const struct gateway_liveness *l)
{
	return l->breaker.open_end_ms;
}

static bool is_half_open(const struct gateway_liveness *l, uint64_t now_ms)
{
	return breaker_state(&l->breaker, now_ms) == BREAKER_HALF_OPEN;
}

static bool is_tested(const struct gateway_liveness *l, uint64_t now_ms)
{
	return is_half_open(l, now_ms) && !breaker_lets_through(&l->breaker, now_ms);
}

static bool is_held_by_ramp(const struct gateway_liveness *l, uint64_t now_ms)
{
	return !breaker_lets_through(&l->breaker, now_ms);
}

static bool is_ramping(const struct gateway_liveness *l, uint64_t now_ms)
{
	return breaker_state(&l->breaker, now_ms) == BREAKER_RAMPING;
}

static uint64_t ramp_end(const struct gateway_liveness *l)
{
	return l->breaker.ramp_end_ms;
}

static bool is_untried(const struct gateway_liveness *l, uint64_t now_ms)
{
	(void)now_ms;
	return !l->answered;
}

static bool always(const struct gateway_liveness *l, uint64_t now_ms)
{
	(void)l;
	(void)now_ms;
	return true;
}

/* Why, in words ----------------------------------------------------------------------------- */

static void say_removed(const struct gateway_liveness *l, uint64_t now_ms, char out[GATEWAY_STATE_WORDS_MAX])
{
	(void)l;
	(void)now_ms;
	snprintf(out, GATEWAY_STATE_WORDS_MAX, "its row is gone");
}

static void say_operator(const struct gateway_liveness *l, uint64_t now_ms, char out[GATEWAY_STATE_WORDS_MAX])
{
	snprintf(out, GATEWAY_STATE_WORDS_MAX, "%s by operator",
		is_disabled(l, now_ms) ? "disabled" : "draining");
}

static void say_not_registered(
	const struct gateway_liveness *l, uint64_t now_ms, char out[GATEWAY_STATE_WORDS_MAX])
{
	const char *words = l->registration;

	(void)now_ms;
	snprintf(out, GATEWAY_STATE_WORDS_MAX, "not registered%s%s", words[0] ? ": " : "", words);
}

static void say_not_bound(
	const struct gateway_liveness *l, uint64_t now_ms, char out[GATEWAY_STATE_WORDS_MAX])
{
	(void)l;
	(void)now_ms;
	snprintf(out, GATEWAY_STATE_WORDS_MAX, "not registered with us");
}

static void say_retry_after(
	const struct gateway_liveness *l, uint64_t now_ms, char out[GATEWAY_STATE_WORDS_MAX])
{
	(void)l;
	(void)now_ms;
	snprintf(out, GATEWAY_STATE_WORDS_MAX, "Retry-After");
}

static void say_closed(const struct gateway_liveness *l, uint64_t now_ms, char out[GATEWAY_STATE_WORDS_MAX])
{
	(void)now_ms;
	snprintf(out, GATEWAY_STATE_WORDS_MAX,
		l->publication == PUBLICATION_STATE_EXPIRED ? "publication expired" : "PUBLISH says closed");
}

static void say_options(const struct gateway_liveness *l, uint64_t now_ms, char out[GATEWAY_STATE_WORDS_MAX])
{
	(void)now_ms;
	if (l->options.code)
		snprintf(out, GATEWAY_STATE_WORDS_MAX, "OPTIONS answered %u", l->options.code);
	else
		snprintf(out, GATEWAY_STATE_WORDS_MAX, "OPTIONS %s", l->options.words);
}

static void say_breaker(const struct gateway_liveness *l, uint64_t now_ms, char out[GATEWAY_STATE_WORDS_MAX])
{
	(void)now_ms;
	breaker_explain(&l->breaker, out, GATEWAY_STATE_WORDS_MAX);
}

static void say_ramping(const struct gateway_liveness *l, uint64_t now_ms, char out[GATEWAY_STATE_WORDS_MAX])
{
	snprintf(out, GATEWAY_STATE_WORDS_MAX, "ramping up %u %%", breaker_share(&l->breaker, now_ms));
}

static void say_nothing(const struct gateway_liveness *l, uint64_t now_ms, char out[GATEWAY_STATE_WORDS_MAX])
{
	(void)l;
	(void)now_ms;
	out[0] = '\0';
}

/* The table --------------------------------------------------------------------------------- */

/*
 * Read from the top: the first line that applies decides. The operator comes first, then what the gateway or its
 * registrar says (it does not know us, we do not know where it is, it wants no calls for a while, it is closed), then what we see for ourselves.
 */
static const struct rule {
	bool (*holds)(const struct gateway_liveness *l, uint64_t now_ms);
	enum gateway_verdict verdict;
	enum gateway_state state;
	bool forcible; /* may it be tried for want of a better one? */
	void (*say)(const struct gateway_liveness *l, uint64_t now_ms,
		char out[GATEWAY_STATE_WORDS_MAX]); /* the reason */
	const char *until;                          /* what ends it, or what comes when its time is over */
	uint64_t (*end_ms)(
		const struct gateway_liveness *l); /* when time alone ends it; NULL: it takes an event */
} rules[] = {
	{is_removed, GATEWAY_VERDICT_REMOVED, GATEWAY_STATE_DISABLED, false, say_removed,
		"a row of this name", NULL},
	{is_disabled, GATEWAY_VERDICT_DISABLED, GATEWAY_STATE_DISABLED, false, say_operator,
		"enabled = 1 in its row", NULL},
	{is_draining, GATEWAY_VERDICT_DRAINING, GATEWAY_STATE_DRAINING, false, say_operator,
		"draining = 0 in its row", NULL},
	{is_not_registered, GATEWAY_VERDICT_NOT_REGISTERED, GATEWAY_STATE_DOWN, false, say_not_registered,
		"a registration that succeeds", NULL},
	{is_not_bound, GATEWAY_VERDICT_NOT_BOUND, GATEWAY_STATE_DOWN, false, say_not_bound,
		"a REGISTER of its endpoint", NULL},
	{waits_retry_after, GATEWAY_VERDICT_RETRY_AFTER, GATEWAY_STATE_DOWN, false, say_retry_after,
		"calls again", retry_after_end},
	{is_published_closed, GATEWAY_VERDICT_CLOSED, GATEWAY_STATE_DOWN, true, say_closed,
		"a PUBLISH that says open", NULL},
	{is_options_down, GATEWAY_VERDICT_OPTIONS_DOWN, GATEWAY_STATE_DOWN, true, say_options,
		"a good answer to OPTIONS", NULL},
	{is_breaker_open, GATEWAY_VERDICT_BREAKER_OPEN, GATEWAY_STATE_DOWN, true, say_breaker, "a test call",
		breaker_open_end},
	{is_tested, GATEWAY_VERDICT_PROBING, GATEWAY_STATE_PROBING, true, say_breaker,
		"the result of the test call under way", NULL},
	{is_half_open, GATEWAY_VERDICT_USABLE, GATEWAY_STATE_PROBING, true, say_breaker,
		"the next call, as a test", NULL},
	{is_held_by_ramp, GATEWAY_VERDICT_RAMPING, GATEWAY_STATE_UP, true, say_ramping, "all calls",
		ramp_end},
	{is_ramping, GATEWAY_VERDICT_USABLE, GATEWAY_STATE_UP, true, say_ramping, "all calls", ramp_end},
	{is_untried, GATEWAY_VERDICT_USABLE, GATEWAY_STATE_UNTRIED, true, say_nothing,
		"the first answer to a call or to OPTIONS", NULL},
	{always, GATEWAY_VERDICT_USABLE, GATEWAY_STATE_UP, true, say_nothing, "", NULL},
};

static unsigned find_rule(const struct gateway_liveness *l, uint64_t now_ms)
{
	unsigned i = 0;

	while (!rules[i].holds(l, now_ms))
		i++;
	return i;
}

enum gateway_verdict gateway_state_verdict(const struct gateway_liveness *l, uint64_t now_ms)
{
	return rules[find_rule(l, now_ms)].verdict;
}

enum gateway_verdict gateway_state_verdict_forced(const struct gateway_liveness *l, uint64_t now_ms)
{
	const struct rule *r = &rules[find_rule(l, now_ms)];

	return r->forcible ? GATEWAY_VERDICT_USABLE : r->verdict;
}

uint64_t gateway_state_failed_ms(const struct gateway_liveness *l, uint64_t now_ms)
{
	const enum gateway_state state = rules[find_rule(l, now_ms)].state;

	return state == GATEWAY_STATE_UP || state == GATEWAY_STATE_UNTRIED ? 0 : l->failed_ms;
}

/* The state --------------------------------------------------------------------------------- */

const char *gateway_state_name(enum gateway_state state)
{
	static const char *const names[] = {
		[GATEWAY_STATE_UP] = "up",
		[GATEWAY_STATE_UNTRIED] = "untried",
		[GATEWAY_STATE_PROBING] = "probing",
		[GATEWAY_STATE_DOWN] = "down",
		[GATEWAY_STATE_DRAINING] = "draining",
		[GATEWAY_STATE_DISABLED] = "disabled",
	};

	return names[state];
}

/* Is this a change to tell? Down for another reason is one. */
static bool differ(const struct rule *a, const struct rule *b)
{
	return a->state != b->state || (a->state == GATEWAY_STATE_DOWN && a->verdict != b->verdict);
}

static void decide(struct gateway_state_decision *d, unsigned rule, uint64_t at_ms)
{
	if (!d->made || differ(&rules[d->rule], &rules[rule]))
		d->since_ms = at_ms;
	d->rule = rule;
	d->made = true;
}

/* Which rule decides now, and since when: what time alone has ended meanwhile ended when it was due, not now. */
static struct gateway_state_decision decision_at(
	const struct gateway_state_decision *last, const struct gateway_liveness *l, uint64_t now_ms)
{
	struct gateway_state_decision d = *last;

	while (d.made && rules[d.rule].end_ms) {
		const uint64_t end_ms = rules[d.rule].end_ms(l);

		if (end_ms > now_ms || end_ms <= d.since_ms)
			break;
		decide(&d, find_rule(l, end_ms), end_ms);
	}
	decide(&d, find_rule(l, now_ms), now_ms);
	return d;
}

bool gateway_state_update(struct gateway_state_decision *d, const struct gateway_liveness *l, uint64_t now_ms,
	enum gateway_state *old)
{
	const struct gateway_state_decision last = *d;

	*d = decision_at(&last, l, now_ms);
	*old = rules[last.rule].state;
	return last.made && differ(&rules[last.rule], &rules[d->rule]);
}

/* In words ---------------------------------------------------------------------------------- */

static uint32_t seconds_left(uint64_t end_ms, uint64_t now_ms)
{
	return end_ms > now_ms ? (uint32_t)((end_ms - now_ms + 999) / 1000) : 0;
}

static void say_inputs(const struct gateway_liveness *l, struct gateway_state_info *out)
{
	static const char *const publications[] = {
		[PUBLICATION_STATE_NONE] = "",
		[PUBLICATION_STATE_OPEN] = "open",
		[PUBLICATION_STATE_CLOSED] = "closed",
		[PUBLICATION_STATE_EXPIRED] = "expired",
	};
	snprintf(out->publication, sizeof(out->publication), "%s", publications[l->publication]);
	if (!l->options.probed)
		out->options[0] = '\0';
	else if (l->options.code)
		snprintf(out->options, sizeof(out->options), "%u in %" PRIu32 " ms", l->options.code,
			l->options.rtt_ms);
	else
		snprintf(out->options, sizeof(out->options), "%s, %u in a row", l->options.words,
			l->options.failures);
	snprintf(out->registration, sizeof(out->registration), "%s",
		!l->named               ? ""
			: l->registered ? "registered"
					: l->registration);
}

void gateway_state_info(const struct gateway_state_decision *d, const struct gateway_liveness *l,
	uint64_t now_ms, struct gateway_state_info *out)
{
	const struct gateway_state_decision now = decision_at(d, l, now_ms);
	const struct rule *r = &rules[now.rule];

	out->state = r->state;
	out->since_ms = now.since_ms;
	r->say(l, now_ms, out->reason);
	if (r->end_ms)
		snprintf(out->until, sizeof(out->until), "in %" PRIu32 " s %s",
			seconds_left(r->end_ms(l), now_ms), r->until);
	else
		snprintf(out->until, sizeof(out->until), "%s", r->until);
	say_inputs(l, out);
}

void gateway_state_explain(const struct gateway_state_decision *d, const struct gateway_liveness *l,
	enum gateway_verdict verdict, uint64_t now_ms, char *out, size_t size)
{
	char reason[GATEWAY_STATE_WORDS_MAX];
	unsigned rule = 0;

	assert(verdict != GATEWAY_VERDICT_FULL &&
		verdict != GATEWAY_VERDICT_CPS); /* those are for call_limits_explain() */
	while (rules[rule].verdict != verdict)
		rule++;
	rules[rule].say(l, now_ms, reason);
	switch (verdict) {
	case GATEWAY_VERDICT_REMOVED:
	case GATEWAY_VERDICT_DISABLED:
	case GATEWAY_VERDICT_DRAINING:
	case GATEWAY_VERDICT_USABLE:
	case GATEWAY_VERDICT_FULL:
	case GATEWAY_VERDICT_CPS:
		snprintf(out, size, "%s", gateway_verdict_name(verdict));
		return;
	case GATEWAY_VERDICT_NOT_REGISTERED:
	case GATEWAY_VERDICT_NOT_BOUND:
	case GATEWAY_VERDICT_RAMPING:
		snprintf(out, size, "%s", reason);
		return;
	case GATEWAY_VERDICT_RETRY_AFTER:
		snprintf(out, size, "%s, %" PRIu32 " s left", reason,
			seconds_left(retry_after_end(l), now_ms));
		return;
	case GATEWAY_VERDICT_CLOSED:
	case GATEWAY_VERDICT_OPTIONS_DOWN:
	case GATEWAY_VERDICT_BREAKER_OPEN:
		snprintf(out, size, "down: %s for %" PRIu64 " s", reason,
			(now_ms - decision_at(d, l, now_ms).since_ms) / 1000);
		return;
	case GATEWAY_VERDICT_PROBING:
		snprintf(out, size, "probing: test call under way");
		return;
	}
}
