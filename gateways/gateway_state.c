#include "gateway_state.h"

#include "gateway_internal.h"
#include "gateways.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* What can decide --------------------------------------------------------------------------- */

static bool is_removed(const struct gateway *gw, uint64_t now_ms)
{
	(void)now_ms;
	return gw->peer.removed;
}

static bool is_disabled(const struct gateway *gw, uint64_t now_ms)
{
	(void)now_ms;
	return !gateway_row(gw)->enabled;
}

static bool is_draining(const struct gateway *gw, uint64_t now_ms)
{
	(void)now_ms;
	return gateway_row(gw)->draining;
}

static bool is_not_registered(const struct gateway *gw, uint64_t now_ms)
{
	(void)now_ms;
	return gateway_row(gw)->registration[0] && !gw->liveness.registered;
}

static bool waits_retry_after(const struct gateway *gw, uint64_t now_ms)
{
	return now_ms < gw->liveness.retry_after_end_ms;
}

static uint64_t retry_after_end(const struct gateway *gw)
{
	return gw->liveness.retry_after_end_ms;
}

static bool is_published_closed(const struct gateway *gw, uint64_t now_ms)
{
	(void)now_ms;
	return gw->liveness.publication == GATEWAY_PUBLICATION_CLOSED ||
		gw->liveness.publication == GATEWAY_PUBLICATION_EXPIRED;
}

static bool is_options_down(const struct gateway *gw, uint64_t now_ms)
{
	(void)now_ms;
	return gw->liveness.options.down;
}

static bool is_breaker_open(const struct gateway *gw, uint64_t now_ms)
{
	return breaker_state(&gw->liveness.breaker, now_ms) == BREAKER_OPEN;
}

static uint64_t breaker_open_end(const struct gateway *gw)
{
	return gw->liveness.breaker.open_end_ms;
}

static bool is_half_open(const struct gateway *gw, uint64_t now_ms)
{
	return breaker_state(&gw->liveness.breaker, now_ms) == BREAKER_HALF_OPEN;
}

static bool is_tested(const struct gateway *gw, uint64_t now_ms)
{
	return is_half_open(gw, now_ms) && !breaker_lets_through(&gw->liveness.breaker, now_ms);
}

static bool is_held_by_ramp(const struct gateway *gw, uint64_t now_ms)
{
	return !breaker_lets_through(&gw->liveness.breaker, now_ms);
}

static bool is_ramping(const struct gateway *gw, uint64_t now_ms)
{
	return breaker_state(&gw->liveness.breaker, now_ms) == BREAKER_RAMPING;
}

static uint64_t ramp_end(const struct gateway *gw)
{
	return gw->liveness.breaker.ramp_end_ms;
}

static bool always(const struct gateway *gw, uint64_t now_ms)
{
	(void)gw;
	(void)now_ms;
	return true;
}

/* Why, in words ----------------------------------------------------------------------------- */

static void say_removed(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX])
{
	(void)gw;
	(void)now_ms;
	snprintf(out, GATEWAY_WORDS_MAX, "its row is gone");
}

static void say_operator(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX])
{
	snprintf(out, GATEWAY_WORDS_MAX, "%s by operator", is_disabled(gw, now_ms) ? "disabled" : "draining");
}

static void say_not_registered(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX])
{
	const char *words = gw->liveness.registration;

	(void)now_ms;
	snprintf(out, GATEWAY_WORDS_MAX, "not registered%s%s", words[0] ? ": " : "", words);
}

static void say_retry_after(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX])
{
	(void)gw;
	(void)now_ms;
	snprintf(out, GATEWAY_WORDS_MAX, "Retry-After");
}

static void say_closed(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX])
{
	(void)now_ms;
	snprintf(out, GATEWAY_WORDS_MAX,
		gw->liveness.publication == GATEWAY_PUBLICATION_EXPIRED ? "publication expired"
									: "PUBLISH says closed");
}

static void say_options(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX])
{
	const struct liveness *l = &gw->liveness;

	(void)now_ms;
	if (l->options.code)
		snprintf(out, GATEWAY_WORDS_MAX, "OPTIONS answered %u", l->options.code);
	else
		snprintf(out, GATEWAY_WORDS_MAX, "OPTIONS %s", l->options.words);
}

static void say_breaker(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX])
{
	(void)now_ms;
	breaker_explain(&gw->liveness.breaker, out, GATEWAY_WORDS_MAX);
}

static void say_ramping(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX])
{
	snprintf(out, GATEWAY_WORDS_MAX, "ramping up %u %%", breaker_share(&gw->liveness.breaker, now_ms));
}

static void say_nothing(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX])
{
	(void)gw;
	(void)now_ms;
	out[0] = '\0';
}

/* The table --------------------------------------------------------------------------------- */

/*
 * Read from the top: the first line that holds decides. The operator comes first, then what the gateway or its
 * registrar says of it (it does not know us, it wants a rest, it is closed), then what we see of it.
 */
static const struct rule {
	bool (*holds)(const struct gateway *gw, uint64_t now_ms);
	enum gateway_verdict verdict;
	enum gateway_state state;
	bool forcible; /* may it be tried for want of a better one? */
	void (*say)(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX]); /* the reason */
	const char *until;                            /* what ends it, or what comes when its time is over */
	uint64_t (*end_ms)(const struct gateway *gw); /* when time alone ends it; NULL: it takes an event */
} rules[] = {
	{is_removed, GATEWAY_REMOVED, GATEWAY_STATE_DISABLED, false, say_removed, "a row of this name", NULL},
	{is_disabled, GATEWAY_DISABLED, GATEWAY_STATE_DISABLED, false, say_operator, "enabled = 1 in its row",
		NULL},
	{is_draining, GATEWAY_DRAINING, GATEWAY_STATE_DRAINING, false, say_operator,
		"draining = 0 in its row", NULL},
	{is_not_registered, GATEWAY_NOT_REGISTERED, GATEWAY_STATE_DOWN, false, say_not_registered,
		"a registration that succeeds", NULL},
	{waits_retry_after, GATEWAY_RETRY_AFTER, GATEWAY_STATE_DOWN, false, say_retry_after, "calls again",
		retry_after_end},
	{is_published_closed, GATEWAY_CLOSED, GATEWAY_STATE_DOWN, true, say_closed,
		"a PUBLISH that says open", NULL},
	{is_options_down, GATEWAY_OPTIONS_DOWN, GATEWAY_STATE_DOWN, true, say_options,
		"a good answer to OPTIONS", NULL},
	{is_breaker_open, GATEWAY_BREAKER_OPEN, GATEWAY_STATE_DOWN, true, say_breaker, "a test call",
		breaker_open_end},
	{is_tested, GATEWAY_PROBING, GATEWAY_STATE_PROBING, true, say_breaker,
		"the result of the test call under way", NULL},
	{is_half_open, GATEWAY_USABLE, GATEWAY_STATE_PROBING, true, say_breaker, "the next call, as a test",
		NULL},
	{is_held_by_ramp, GATEWAY_RAMPING, GATEWAY_STATE_UP, true, say_ramping, "all calls", ramp_end},
	{is_ramping, GATEWAY_USABLE, GATEWAY_STATE_UP, true, say_ramping, "all calls", ramp_end},
	{always, GATEWAY_USABLE, GATEWAY_STATE_UP, true, say_nothing, "", NULL},
};

static unsigned find_rule(const struct gateway *gw, uint64_t now_ms)
{
	unsigned i = 0;

	while (!rules[i].holds(gw, now_ms))
		i++;
	return i;
}

enum gateway_verdict gateway_state_check(const struct gateway *gw, uint64_t now_ms)
{
	return rules[find_rule(gw, now_ms)].verdict;
}

/* The state --------------------------------------------------------------------------------- */

const char *gateway_state_name(enum gateway_state state)
{
	static const char *const names[] = {
		[GATEWAY_STATE_UP] = "up",
		[GATEWAY_STATE_PROBING] = "probing",
		[GATEWAY_STATE_DOWN] = "down",
		[GATEWAY_STATE_DRAINING] = "draining",
		[GATEWAY_STATE_DISABLED] = "disabled",
	};

	return names[state];
}

/* To be told as a change? Down for another reason is one. */
static bool differ(const struct rule *a, const struct rule *b)
{
	return a->state != b->state || (a->state == GATEWAY_STATE_DOWN && a->verdict != b->verdict);
}

static void decide(struct liveness_status *s, unsigned rule, uint64_t at_ms)
{
	if (!s->settled || differ(&rules[s->rule], &rules[rule]))
		s->since_ms = at_ms;
	s->rule = rule;
	s->settled = true;
}

/* What decides now, and since when: what time alone has ended meanwhile ended on its time, not now. */
static struct liveness_status status_at(const struct gateway *gw, uint64_t now_ms)
{
	struct liveness_status s = gw->liveness.status;

	while (s.settled && rules[s.rule].end_ms) {
		const uint64_t end_ms = rules[s.rule].end_ms(gw);

		if (end_ms > now_ms || end_ms <= s.since_ms)
			break;
		decide(&s, find_rule(gw, end_ms), end_ms);
	}
	decide(&s, find_rule(gw, now_ms), now_ms);
	return s;
}

void gateway_settle(struct gateway *gw, uint64_t now_ms)
{
	const struct liveness_status old = gw->liveness.status;

	gw->liveness.status = status_at(gw, now_ms);
	if (old.settled && differ(&rules[old.rule], &rules[gw->liveness.status.rule]))
		gateways_tell_change(gw, rules[old.rule].state, now_ms);
}

/* Shown ------------------------------------------------------------------------------------- */

static uint32_t seconds_left(uint64_t end_ms, uint64_t now_ms)
{
	return end_ms > now_ms ? (uint32_t)((end_ms - now_ms + 999) / 1000) : 0;
}

static void say_facts(const struct gateway *gw, struct gateway_health *out)
{
	static const char *const publications[] = {
		[GATEWAY_PUBLICATION_NONE] = "",
		[GATEWAY_PUBLICATION_OPEN] = "open",
		[GATEWAY_PUBLICATION_CLOSED] = "closed",
		[GATEWAY_PUBLICATION_EXPIRED] = "expired",
	};
	const struct liveness *l = &gw->liveness;

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
		!gateway_row(gw)->registration[0] ? ""
			: l->registered           ? "registered"
						  : l->registration);
}

void gateway_health(const struct gateway *gw, uint64_t now_ms, struct gateway_health *out)
{
	const struct liveness_status s = status_at(gw, now_ms);
	const struct rule *r = &rules[s.rule];

	out->state = r->state;
	out->since_ms = s.since_ms;
	r->say(gw, now_ms, out->reason);
	if (r->end_ms)
		snprintf(out->until, sizeof(out->until), "in %" PRIu32 " s %s",
			seconds_left(r->end_ms(gw), now_ms), r->until);
	else
		snprintf(out->until, sizeof(out->until), "%s", r->until);
	say_facts(gw, out);
}

void gateway_state_explain(
	const struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms, char *out, size_t size)
{
	char reason[GATEWAY_WORDS_MAX];
	unsigned rule = 0;

	assert(verdict != GATEWAY_FULL && verdict != GATEWAY_CPS); /* limits are no matter of liveness */
	while (rules[rule].verdict != verdict)
		rule++;
	rules[rule].say(gw, now_ms, reason);
	switch (verdict) {
	case GATEWAY_REMOVED:
	case GATEWAY_DISABLED:
	case GATEWAY_DRAINING:
	case GATEWAY_USABLE:
	case GATEWAY_FULL:
	case GATEWAY_CPS:
		snprintf(out, size, "%s", gateway_verdict_name(verdict));
		return;
	case GATEWAY_NOT_REGISTERED:
	case GATEWAY_RAMPING:
		snprintf(out, size, "%s", reason);
		return;
	case GATEWAY_RETRY_AFTER:
		snprintf(out, size, "%s, %" PRIu32 " s left", reason,
			seconds_left(retry_after_end(gw), now_ms));
		return;
	case GATEWAY_CLOSED:
	case GATEWAY_OPTIONS_DOWN:
	case GATEWAY_BREAKER_OPEN:
		snprintf(out, size, "down: %s for %" PRIu64 " s", reason,
			(now_ms - status_at(gw, now_ms).since_ms) / 1000);
		return;
	case GATEWAY_PROBING:
		snprintf(out, size, "probing: test call under way");
		return;
	}
}

/* For want of a better one ------------------------------------------------------------------ */

enum gateway_verdict gateway_check_forced(const struct gateway *gw, uint64_t now_ms)
{
	const struct rule *r = &rules[find_rule(gw, now_ms)];

	return r->forcible ? gateway_limits_check(gw, now_ms) : r->verdict;
}

enum gateway_verdict gateway_seize_forced(struct gateway *gw, struct channel *ch, uint64_t now_ms)
{
	const enum gateway_verdict verdict = gateway_check_forced(gw, now_ms);

	if (verdict == GATEWAY_USABLE)
		gateway_take_channel(gw, ch, now_ms);
	return verdict;
}

uint64_t gateway_failed_ms(const struct gateway *gw, uint64_t now_ms)
{
	return rules[find_rule(gw, now_ms)].state == GATEWAY_STATE_UP ? 0 : gw->liveness.failed_ms;
}
