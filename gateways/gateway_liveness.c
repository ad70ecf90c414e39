#include "gateway_liveness.h"

#include "gateway_internal.h"
#include "gateway_stats.h"

#include <stdio.h>
#include <string.h>

/*
 * What time has changed is settled before an input is taken in, so that it counts as having come before; what the
 * input changes is settled after it.
 */

enum {
	RETRY_AFTER_MIN_S = 1,
	RETRY_AFTER_MAX_S = 120,
	CODE_REQUEST_TIMEOUT = 408,
	CODE_SERVICE_UNAVAILABLE = 503,
};

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
	const uint64_t end_ms = gw->liveness.retry_after_end_ms;

	return now_ms < end_ms ? (uint32_t)(end_ms - now_ms) : 0;
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
	if (row->options_alive_codes.set)
		return holds_code(&row->options_alive_codes.value, code);
	return code && code != CODE_REQUEST_TIMEOUT && code != CODE_SERVICE_UNAVAILABLE;
}

/* An answer that ends being down is good news, and worth a test call now, whatever the breaker had planned. */
static void on_probe_answered(struct gateway *gw, const struct parameters *p, uint64_t now_ms)
{
	struct liveness *l = &gw->liveness;

	l->options.failures = 0;
	l->options.successes += l->options.successes < UINT8_MAX;
	if (!l->options.down || l->options.successes < p->options_up)
		return;
	l->options.down = false;
	breaker_hurry(&gw->liveness.breaker, now_ms);
}

static void on_probe_failed(struct gateway *gw, const struct parameters *p, uint64_t now_ms)
{
	struct liveness *l = &gw->liveness;

	l->options.successes = 0;
	l->options.failures += l->options.failures < UINT8_MAX;
	l->options.down |= l->options.failures >= p->options_down;
	l->failed_ms = now_ms;
}

void gateway_on_probe(struct gateway *gw, int code, const char *words, uint32_t rtt_ms,
	const struct parameters *p, uint64_t now_ms)
{
	struct liveness *l = &gw->liveness;

	gateway_settle(gw, now_ms);
	l->options.probed = true;
	l->options.code = (uint16_t)code;
	snprintf(l->options.words, sizeof(l->options.words), "%s", words);
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

static bool means_closed(enum gateway_publication publication)
{
	return publication == GATEWAY_PUBLICATION_CLOSED || publication == GATEWAY_PUBLICATION_EXPIRED;
}

void gateway_on_publication(struct gateway *gw, enum gateway_publication publication, uint64_t now_ms)
{
	const bool was_closed = means_closed(gw->liveness.publication);

	gateway_settle(gw, now_ms);
	gw->liveness.publication = publication;
	if (means_closed(publication))
		gw->liveness.failed_ms = now_ms;
	else if (was_closed && publication == GATEWAY_PUBLICATION_OPEN)
		breaker_hurry(&gw->liveness.breaker, now_ms);
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

void gateway_on_result(
	struct gateway *gw, const struct gateway_result *r, const struct parameters *p, uint64_t now_ms)
{
	const struct db_gateway *row = gateway_row(gw);
	const enum opinion opinion =
		opinion_of(r, row->breaker_on.set ? &row->breaker_on.value : &p->breaker_on);

	gateway_stats_on_result(&gw->stats, r, now_ms);
	gateway_settle(gw, now_ms);
	if (opinion == FAILS)
		gw->liveness.failed_ms = now_ms;
	if (opinion != NO_OPINION)
		breaker_on_result(&gw->liveness.breaker, r->channel, opinion == FAILS, p, now_ms);
	gateway_settle(gw, now_ms);
}

void gateway_on_progress(
	struct gateway *gw, const struct channel *ch, const struct parameters *p, uint64_t now_ms)
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
	breaker_on_seized(&gw->liveness.breaker, ch, now_ms);
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
