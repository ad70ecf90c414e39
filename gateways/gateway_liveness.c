#include "gateway_liveness.h"

#include "gateway_peer.h"
#include "gateways.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	RETRY_AFTER_MIN_S = 1,
	RETRY_AFTER_MAX_S = 120,
	OPTIONS_TIMEOUT = 408,
	OPTIONS_UNAVAILABLE = 503,
};

/* The table --------------------------------------------------------------------------------- */

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

static bool always(const struct gateway *gw, uint64_t now_ms)
{
	(void)gw;
	(void)now_ms;
	return true;
}

/*
 * Read from the top: the first line that holds decides. The operator comes first, then what the gateway says
 * of itself (it does not know us, it wants a rest, it is closed), then what we see of it.
 */
static const struct rule {
	bool (*holds)(const struct gateway *gw, uint64_t now_ms);
	enum gateway_verdict verdict;
	enum gateway_state state;
	uint64_t (*end_ms)(const struct gateway *gw); /* when time alone ends it; NULL: it takes an event */
} rules[] = {
	{is_removed, GATEWAY_REMOVED, GATEWAY_STATE_DISABLED, NULL},
	{is_disabled, GATEWAY_DISABLED, GATEWAY_STATE_DISABLED, NULL},
	{waits_retry_after, GATEWAY_RETRY_AFTER, GATEWAY_STATE_DOWN, retry_after_end},
	{is_published_closed, GATEWAY_CLOSED, GATEWAY_STATE_DOWN, NULL},
	{is_options_down, GATEWAY_OPTIONS_DOWN, GATEWAY_STATE_DOWN, NULL},
	{always, GATEWAY_USABLE, GATEWAY_STATE_UP, NULL},
};

static unsigned find_rule(const struct gateway *gw, uint64_t now_ms)
{
	unsigned i = 0;

	while (!rules[i].holds(gw, now_ms))
		i++;
	return i;
}

enum gateway_verdict gateway_liveness_check(const struct gateway *gw, uint64_t now_ms)
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

/* Words ------------------------------------------------------------------------------------- */

static uint32_t seconds_left(uint64_t end_ms, uint64_t now_ms)
{
	return end_ms > now_ms ? (uint32_t)((end_ms - now_ms + 999) / 1000) : 0;
}

static void say_answer(const struct liveness *l, char *out, size_t size)
{
	if (l->options.code)
		snprintf(out, size, "answered %u", l->options.code);
	else
		snprintf(out, size, "timeout");
}

static void say_reason(const struct gateway *gw, enum gateway_verdict verdict, char *out, size_t size)
{
	const struct liveness *l = &gw->liveness;
	char answer[32];

	switch (verdict) {
	case GATEWAY_REMOVED:
		snprintf(out, size, "its row is gone");
		return;
	case GATEWAY_DISABLED:
		snprintf(out, size, "disabled by operator");
		return;
	case GATEWAY_RETRY_AFTER:
		snprintf(out, size, "Retry-After");
		return;
	case GATEWAY_CLOSED:
		snprintf(out, size, l->publication == GATEWAY_PUBLICATION_EXPIRED ? "publication expired"
										  : "PUBLISH says closed");
		return;
	case GATEWAY_OPTIONS_DOWN:
		say_answer(l, answer, sizeof(answer));
		snprintf(out, size, "OPTIONS %s", answer);
		return;
	case GATEWAY_USABLE:
	case GATEWAY_FULL: /* limits are no matter of liveness */
	case GATEWAY_CPS:
		out[0] = '\0';
		return;
	}
}

static void say_until(const struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms, char *out, size_t size)
{
	switch (verdict) {
	case GATEWAY_REMOVED:
		snprintf(out, size, "a row of this name");
		return;
	case GATEWAY_DISABLED:
		snprintf(out, size, "enabled = 1 in its row");
		return;
	case GATEWAY_RETRY_AFTER:
		snprintf(out, size, "in %" PRIu32 " s", seconds_left(gw->liveness.retry_after_end_ms, now_ms));
		return;
	case GATEWAY_CLOSED:
		snprintf(out, size, "a PUBLISH that says open");
		return;
	case GATEWAY_OPTIONS_DOWN:
		snprintf(out, size, "the next OPTIONS that is answered");
		return;
	case GATEWAY_USABLE:
	case GATEWAY_FULL:
	case GATEWAY_CPS:
		out[0] = '\0';
		return;
	}
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
		snprintf(out->options, sizeof(out->options), "timeout, %u in a row", l->options.failures);
	out->registration[0] = '\0';
}

void gateway_health(const struct gateway *gw, uint64_t now_ms, struct gateway_health *out)
{
	const struct liveness_status s = status_at(gw, now_ms);
	const struct rule *r = &rules[s.rule];

	out->state = r->state;
	out->since_ms = s.since_ms;
	say_reason(gw, r->verdict, out->reason, sizeof(out->reason));
	say_until(gw, r->verdict, now_ms, out->until, sizeof(out->until));
	say_facts(gw, out);
}

void gateway_liveness_explain(const struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms,
	char *out, size_t size)
{
	const struct liveness_status s = status_at(gw, now_ms);
	char reason[GATEWAY_WORDS_MAX];

	say_reason(gw, verdict, reason, sizeof(reason));
	switch (verdict) {
	case GATEWAY_REMOVED:
		snprintf(out, size, "removed");
		return;
	case GATEWAY_DISABLED:
		snprintf(out, size, "disabled");
		return;
	case GATEWAY_RETRY_AFTER:
		snprintf(out, size, "Retry-After, %" PRIu32 " s left",
			seconds_left(gw->liveness.retry_after_end_ms, now_ms));
		return;
	case GATEWAY_CLOSED:
	case GATEWAY_OPTIONS_DOWN:
		snprintf(out, size, "down: %s for %" PRIu64 " s", reason, (now_ms - s.since_ms) / 1000);
		return;
	case GATEWAY_USABLE:
	case GATEWAY_FULL:
	case GATEWAY_CPS:
		snprintf(out, size, "usable");
		return;
	}
}

/* Inputs ------------------------------------------------------------------------------------ */

/* Answers can overtake each other: of two waits in force the one that ends later counts. */
void gateway_retry_after(struct gateway *gw, uint32_t seconds, uint64_t now_ms)
{
	gateway_settle(gw, now_ms);
	if (seconds < RETRY_AFTER_MIN_S)
		seconds = RETRY_AFTER_MIN_S;
	if (seconds > RETRY_AFTER_MAX_S)
		seconds = RETRY_AFTER_MAX_S;
	uint64_t end_ms = now_ms + (uint64_t)seconds * 1000;
	if (end_ms > gw->liveness.retry_after_end_ms)
		gw->liveness.retry_after_end_ms = end_ms;
	gateway_settle(gw, now_ms);
}

uint32_t gateway_retry_after_left(const struct gateway *gw, uint64_t now_ms)
{
	return waits_retry_after(gw, now_ms) ? (uint32_t)(gw->liveness.retry_after_end_ms - now_ms) : 0;
}

static bool means_alive(const struct gateway *gw, int code)
{
	(void)gw;
	return code && code != OPTIONS_TIMEOUT && code != OPTIONS_UNAVAILABLE;
}

void gateway_on_probe(struct gateway *gw, int code, uint32_t rtt_ms, const struct parameters *p, uint64_t now_ms)
{
	struct liveness *l = &gw->liveness;

	(void)p;
	gateway_settle(gw, now_ms);
	l->options.probed = true;
	l->options.code = (uint16_t)code;
	l->options.rtt_ms = rtt_ms;
	if (code)
		gateway_response_time(gw, rtt_ms);
	if (means_alive(gw, code)) {
		l->options.failures = 0;
		l->options.successes += l->options.successes < UINT8_MAX;
		if (l->options.successes >= 1)
			l->options.down = false;
	} else {
		l->options.successes = 0;
		l->options.failures += l->options.failures < UINT8_MAX;
		l->failed_ms = now_ms;
		if (l->options.failures >= 2)
			l->options.down = true;
	}
	gateway_settle(gw, now_ms);
}

static void forget_probes(struct liveness *l)
{
	memset(&l->options, 0, sizeof(l->options));
}

void gateway_on_probe_end(struct gateway *gw, uint64_t now_ms)
{
	gateway_settle(gw, now_ms);
	forget_probes(&gw->liveness);
	gateway_settle(gw, now_ms);
}

void gateway_on_publication(struct gateway *gw, enum gateway_publication publication, uint64_t now_ms)
{
	gateway_settle(gw, now_ms);
	gw->liveness.publication = publication;
	if (is_published_closed(gw, now_ms))
		gw->liveness.failed_ms = now_ms;
	gateway_settle(gw, now_ms);
}

void gateway_on_registration(struct gateway *gw, bool registered, const char *words, uint64_t now_ms)
{
	gateway_settle(gw, now_ms);
	gw->liveness.registered = registered;
	snprintf(gw->liveness.registration, sizeof(gw->liveness.registration), "%s", words);
	gateway_settle(gw, now_ms);
}

void gateway_on_result(struct gateway *gw, const struct gateway_result *r, const struct parameters *p, uint64_t now_ms)
{
	(void)gw;
	(void)r;
	(void)p;
	(void)now_ms;
}

void gateway_on_progress(struct gateway *gw, const struct channel *ch, const struct parameters *p, uint64_t now_ms)
{
	(void)gw;
	(void)ch;
	(void)p;
	(void)now_ms;
}

void gateway_on_call_end(struct gateway *gw, uint64_t hold_ms, uint64_t now_ms)
{
	(void)gw;
	(void)hold_ms;
	(void)now_ms;
}

void gateway_liveness_reload(struct gateway *gw, const struct db_gateway *old_row, bool moved)
{
	struct liveness *l = &gw->liveness;

	(void)old_row;
	if (!moved)
		return;
	l->retry_after_end_ms = 0;
	l->publication = GATEWAY_PUBLICATION_NONE;
	l->failed_ms = 0;
	forget_probes(l);
}

/* For want of a better one ------------------------------------------------------------------ */

static bool may_be_forced(enum gateway_verdict verdict)
{
	return verdict == GATEWAY_CLOSED || verdict == GATEWAY_OPTIONS_DOWN || verdict == GATEWAY_USABLE;
}

enum gateway_verdict gateway_check_forced(const struct gateway *gw, uint64_t now_ms)
{
	const enum gateway_verdict verdict = gateway_liveness_check(gw, now_ms);

	return may_be_forced(verdict) ? gateway_limits_check(gw, now_ms) : verdict;
}

enum gateway_verdict gateway_seize_forced(struct gateway *gw, struct channel *ch, uint64_t now_ms)
{
	const enum gateway_verdict verdict = gateway_check_forced(gw, now_ms);

	if (verdict == GATEWAY_USABLE)
		limits_seize(&gw->peer.limits, ch, now_ms);
	return verdict;
}

uint64_t gateway_failed_ms(const struct gateway *gw, uint64_t now_ms)
{
	return rules[find_rule(gw, now_ms)].state == GATEWAY_STATE_UP ? 0 : gw->liveness.failed_ms;
}
