#include "gateway_liveness.h"

#include "gateway_peer.h"
#include "gateway_stats.h"
#include "gateways.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	RETRY_AFTER_MIN_S = 1,
	RETRY_AFTER_MAX_S = 120,
	CODE_REQUEST_TIMEOUT = 408,
	CODE_SERVICE_UNAVAILABLE = 503,
};

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

static bool is_ramping_and_full(const struct gateway *gw, uint64_t now_ms)
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
	snprintf(out, GATEWAY_WORDS_MAX, gw->liveness.publication == GATEWAY_PUBLICATION_EXPIRED
						 ? "publication expired"
						 : "PUBLISH says closed");
}

static void say_options(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX])
{
	const unsigned code = gw->liveness.options.code;

	(void)now_ms;
	snprintf(out, GATEWAY_WORDS_MAX, code ? "OPTIONS answered %u" : "OPTIONS timeout", code);
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
	uint64_t (*end_ms)(const struct gateway *gw); /* when time alone ends it; NULL: it takes an event */
	const char *until; /* that event, or what comes when the time is over */
	void (*say)(const struct gateway *gw, uint64_t now_ms, char out[GATEWAY_WORDS_MAX]); /* the reason */
} rules[] = {
	{is_removed, GATEWAY_REMOVED, GATEWAY_STATE_DISABLED, NULL, "a row of this name", say_removed},
	{is_disabled, GATEWAY_DISABLED, GATEWAY_STATE_DISABLED, NULL, "enabled = 1 in its row", say_operator},
	{is_draining, GATEWAY_DRAINING, GATEWAY_STATE_DRAINING, NULL, "draining = 0 in its row", say_operator},
	{is_not_registered, GATEWAY_NOT_REGISTERED, GATEWAY_STATE_DOWN, NULL, "a registration that succeeds",
		say_not_registered},
	{waits_retry_after, GATEWAY_RETRY_AFTER, GATEWAY_STATE_DOWN, retry_after_end, "calls", say_retry_after},
	{is_published_closed, GATEWAY_CLOSED, GATEWAY_STATE_DOWN, NULL, "a PUBLISH that says open", say_closed},
	{is_options_down, GATEWAY_OPTIONS_DOWN, GATEWAY_STATE_DOWN, NULL, "OPTIONS answered", say_options},
	{is_breaker_open, GATEWAY_BREAKER_OPEN, GATEWAY_STATE_DOWN, breaker_open_end, "a test call", say_breaker},
	{is_tested, GATEWAY_PROBING, GATEWAY_STATE_PROBING, NULL, "the result of the test call under way", say_breaker},
	{is_half_open, GATEWAY_USABLE, GATEWAY_STATE_PROBING, NULL, "the next call, as a test", say_breaker},
	{is_ramping_and_full, GATEWAY_RAMPING, GATEWAY_STATE_UP, ramp_end, "all calls", say_ramping},
	{is_ramping, GATEWAY_USABLE, GATEWAY_STATE_UP, ramp_end, "all calls", say_ramping},
	{always, GATEWAY_USABLE, GATEWAY_STATE_UP, NULL, "", say_nothing},
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
		snprintf(out->options, sizeof(out->options), "timeout, %u in a row", l->options.failures);
	snprintf(out->registration, sizeof(out->registration), "%s",
		!gateway_row(gw)->registration[0] ? ""
		: l->registered                   ? "registered"
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
		snprintf(out->until, sizeof(out->until), "in %" PRIu32 " s %s", seconds_left(r->end_ms(gw), now_ms),
			r->until);
	else
		snprintf(out->until, sizeof(out->until), "%s", r->until);
	say_facts(gw, out);
}

void gateway_liveness_explain(const struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms,
	char *out, size_t size)
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
		snprintf(out, size, "%s, %" PRIu32 " s left", reason, seconds_left(retry_after_end(gw), now_ms));
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

static bool holds_code(const struct stop_codes *codes, int code)
{
	for (unsigned i = 0; i < codes->n; i++)
		if (codes->code[i] == code)
			return true;
	return false;
}

static bool means_alive(const struct db_gateway *row, int code)
{
	if (row->has_options_alive_codes)
		return holds_code(&row->options_alive_codes, code);
	return code && code != CODE_REQUEST_TIMEOUT && code != CODE_SERVICE_UNAVAILABLE;
}

/* A machine that is back is worth a test call now, whatever the breaker had planned. */
static void on_good_news(struct gateway *gw, uint64_t now_ms)
{
	breaker_hurry(&gw->liveness.breaker, now_ms);
}

static void on_probe_answered(struct gateway *gw, const struct parameters *p, uint64_t now_ms)
{
	struct liveness *l = &gw->liveness;

	l->options.failures = 0;
	l->options.successes += l->options.successes < UINT8_MAX;
	if (!l->options.down || l->options.successes < p->options_up)
		return;
	l->options.down = false;
	on_good_news(gw, now_ms);
}

static void on_probe_failed(struct gateway *gw, const struct parameters *p, uint64_t now_ms)
{
	struct liveness *l = &gw->liveness;

	l->options.successes = 0;
	l->options.failures += l->options.failures < UINT8_MAX;
	l->options.down |= l->options.failures >= p->options_down;
	l->failed_ms = now_ms;
}

void gateway_on_probe(struct gateway *gw, int code, uint32_t rtt_ms, const struct parameters *p, uint64_t now_ms)
{
	struct liveness *l = &gw->liveness;

	gateway_settle(gw, now_ms);
	l->options.probed = true;
	l->options.code = (uint16_t)code;
	l->options.rtt_ms = rtt_ms;
	if (code)
		gateway_response_time(gw, rtt_ms);
	if (means_alive(gateway_row(gw), code))
		on_probe_answered(gw, p, now_ms);
	else
		on_probe_failed(gw, p, now_ms);
	gateway_settle(gw, now_ms);
}

static void forget_probes(struct liveness *l)
{
	memset(&l->options, 0, sizeof(l->options));
}

void gateway_on_probe_end(struct gateway *gw, uint64_t now_ms)
{
	if (!gw->liveness.options.probed)
		return;
	gateway_settle(gw, now_ms);
	forget_probes(&gw->liveness);
	gateway_settle(gw, now_ms);
}

void gateway_on_publication(struct gateway *gw, enum gateway_publication publication, uint64_t now_ms)
{
	bool was_closed;

	gateway_settle(gw, now_ms);
	was_closed = is_published_closed(gw, now_ms);
	gw->liveness.publication = publication;
	if (is_published_closed(gw, now_ms))
		gw->liveness.failed_ms = now_ms;
	else if (was_closed && publication == GATEWAY_PUBLICATION_OPEN)
		on_good_news(gw, now_ms);
	gateway_settle(gw, now_ms);
}

enum gateway_publication gateway_publication(const struct gateway *gw)
{
	return gw->liveness.publication;
}

void gateway_on_registration(struct gateway *gw, bool registered, const char *words, uint64_t now_ms)
{
	gateway_settle(gw, now_ms);
	gw->liveness.registered = registered;
	snprintf(gw->liveness.registration, sizeof(gw->liveness.registration), "%s", words);
	gateway_settle(gw, now_ms);
}

/* What an attempt says of the gateway. */
enum opinion { NO_OPINION, WORKS, FAILS };

/* A phone that rings in vain is no fault of the gateway; silence that does not count as failure is no success either. */
static enum opinion opinion_of(const struct gateway_result *r, const struct breaker_on *on)
{
	switch (r->outcome) {
	case GATEWAY_ANSWERED:
		return WORKS;
	case GATEWAY_REFUSED:
		return holds_code(&on->codes, r->sip_code) ? FAILS : WORKS;
	case GATEWAY_TIMEOUT:
		return r->pdd_ms >= 0 ? WORKS : on->timeout ? FAILS : NO_OPINION;
	case GATEWAY_TRANSPORT:
		return on->transport ? FAILS : NO_OPINION;
	case GATEWAY_ABANDONED:
		return NO_OPINION;
	}
	return NO_OPINION;
}

void gateway_on_result(struct gateway *gw, const struct gateway_result *r, const struct parameters *p, uint64_t now_ms)
{
	const struct db_gateway *row = gateway_row(gw);
	const enum opinion opinion = opinion_of(r, row->has_breaker_on ? &row->breaker_on : &p->breaker_on);

	gateway_stats_on_result(&gw->stats, r, now_ms);
	gateway_settle(gw, now_ms);
	if (opinion == FAILS)
		gw->liveness.failed_ms = now_ms;
	if (opinion != NO_OPINION)
		breaker_on_result(&gw->liveness.breaker, r->channel, opinion == FAILS, p, now_ms);
	gateway_settle(gw, now_ms);
}

void gateway_on_progress(struct gateway *gw, const struct channel *ch, const struct parameters *p, uint64_t now_ms)
{
	gateway_settle(gw, now_ms);
	breaker_on_progress(&gw->liveness.breaker, ch, p, now_ms);
	gateway_settle(gw, now_ms);
}

void gateway_on_call_end(struct gateway *gw, uint64_t hold_ms, uint64_t now_ms)
{
	gateway_stats_on_call_end(&gw->stats, hold_ms, now_ms);
}

void gateway_liveness_on_seized(struct gateway *gw, const struct channel *ch, uint64_t now_ms)
{
	gateway_settle(gw, now_ms);
	breaker_on_seized(&gw->liveness.breaker, ch, now_ms);
	gateway_settle(gw, now_ms);
}

void gateway_liveness_on_passed_over(struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms)
{
	if (verdict == GATEWAY_RAMPING)
		breaker_on_passed_over(&gw->liveness.breaker, now_ms);
}

void gateway_liveness_on_released(struct gateway *gw, const struct channel *ch)
{
	breaker_on_released(&gw->liveness.breaker, ch);
}

void gateway_liveness_reload(struct gateway *gw, const struct db_gateway *old, bool moved)
{
	struct liveness *l = &gw->liveness;
	const struct db_gateway *row = gateway_row(gw);

	if (!old || strcmp(old->registration, row->registration) != 0) {
		l->registered = false;
		l->registration[0] = '\0';
	}
	if (moved || !row->options_check)
		forget_probes(l);
	if (!moved)
		return;
	l->retry_after_end_ms = 0;
	l->publication = GATEWAY_PUBLICATION_NONE;
	breaker_reset(&l->breaker, gw->peer.limits.total);
}

/* For want of a better one ------------------------------------------------------------------ */

static bool may_be_forced(enum gateway_verdict verdict)
{
	return verdict == GATEWAY_USABLE || verdict == GATEWAY_CLOSED || verdict == GATEWAY_OPTIONS_DOWN ||
		verdict == GATEWAY_BREAKER_OPEN || verdict == GATEWAY_PROBING || verdict == GATEWAY_RAMPING;
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
		gateway_take_channel(gw, ch, now_ms);
	return verdict;
}

uint64_t gateway_failed_ms(const struct gateway *gw, uint64_t now_ms)
{
	return rules[find_rule(gw, now_ms)].state == GATEWAY_STATE_UP ? 0 : gw->liveness.failed_ms;
}
