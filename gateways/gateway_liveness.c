#include "gateway_liveness.h"

#include "db_gateway.h"
#include "gateway_result.h"
#include "set_aside.h"

#include <stdio.h>
#include <string.h>

enum {
	CODE_REQUEST_TIMEOUT = 408,
	CODE_SERVICE_UNAVAILABLE = 503,
};

static bool holds_code(const struct parameter_codes *codes, int code)
{
	for (unsigned i = 0; i < codes->n; i++)
		if (codes->code[i] == code)
			return true;
	return false;
}

/* The operator ------------------------------------------------------------------------------ */

void gateway_liveness_on_row(struct gateway_liveness *l, const struct db_gateway *row,
	const struct db_gateway *old, bool moved, uint64_t calls)
{
	l->removed = !row;
	if (!row)
		return;
	l->enabled = row->enabled;
	l->draining = row->draining;
	l->named = row->registration[0] != '\0';
	if (!old || strcmp(old->registration, row->registration) != 0)
		gateway_liveness_on_registration(l, false, "");
	l->is_endpoint = row->endpoint[0] != '\0';
	if (!old || strcmp(old->endpoint, row->endpoint) != 0)
		gateway_liveness_on_binding(l, false);
	if (moved || !row->options_check)
		gateway_liveness_on_probe_end(l);
	if (!moved)
		return;
	l->retry_after_end_ms = 0;
	l->publication = PUBLICATION_STATE_NONE;
	l->first_call = calls + 1;
	l->answered = false;
	breaker_reset(&l->breaker, calls);
}

/* What the gateway or its registrar says ---------------------------------------------------- */

void gateway_liveness_on_registration(struct gateway_liveness *l, bool registered, const char *words)
{
	l->registered = registered;
	snprintf(l->registration, sizeof(l->registration), "%s", words);
}

void gateway_liveness_on_binding(struct gateway_liveness *l, bool bound)
{
	l->bound = bound;
}

/* Answers can overtake each other: of two waits in force the one that ends later counts. */
void gateway_liveness_on_retry_after(struct gateway_liveness *l, uint32_t seconds, uint64_t now_ms)
{
	const uint64_t end_ms = now_ms + 1000u * (uint64_t)set_aside_clamp_s(seconds);

	if (end_ms > l->retry_after_end_ms)
		l->retry_after_end_ms = end_ms;
}

static bool means_closed(enum publication_state publication)
{
	return publication == PUBLICATION_STATE_CLOSED || publication == PUBLICATION_STATE_EXPIRED;
}

void gateway_liveness_on_publication(
	struct gateway_liveness *l, enum publication_state publication, uint64_t now_ms)
{
	const bool was_closed = means_closed(l->publication);

	l->publication = publication;
	l->answered |= publication == PUBLICATION_STATE_OPEN;
	if (means_closed(publication))
		l->failed_ms = now_ms;
	else if (was_closed && publication == PUBLICATION_STATE_OPEN)
		breaker_half_open(&l->breaker, now_ms);
}

/* What OPTIONS says ------------------------------------------------------------------------- */

static bool means_alive(const struct db_gateway *row, int code)
{
	if (row->options_alive_codes.set)
		return holds_code(&row->options_alive_codes.value, code);
	return code && code != CODE_REQUEST_TIMEOUT && code != CODE_SERVICE_UNAVAILABLE;
}

/* A gateway that comes up is worth a test call now, whatever the breaker had planned. */
static void on_probe_answered(struct gateway_liveness *l, const struct parameters *p, uint64_t now_ms)
{
	l->options.failures = 0;
	l->options.successes += l->options.successes < UINT8_MAX;
	if (!l->options.down || l->options.successes < p->options_up)
		return;
	l->options.down = false;
	breaker_half_open(&l->breaker, now_ms);
}

static void on_probe_failed(struct gateway_liveness *l, const struct parameters *p, uint64_t now_ms)
{
	l->options.successes = 0;
	l->options.failures += l->options.failures < UINT8_MAX;
	l->options.down |= l->options.failures >= p->options_down;
	l->failed_ms = now_ms;
}

void gateway_liveness_on_probe(struct gateway_liveness *l, const struct gateway_liveness_probe *probe,
	const struct db_gateway *row, const struct parameters *p, uint64_t now_ms)
{
	l->answered |= probe->code != 0;
	l->options.probed = true;
	l->options.code = probe->code;
	snprintf(l->options.words, sizeof(l->options.words), "%s", probe->words);
	l->options.rtt_ms = probe->rtt_ms;
	if (means_alive(row, probe->code))
		on_probe_answered(l, p, now_ms);
	else
		on_probe_failed(l, p, now_ms);
}

void gateway_liveness_on_probe_end(struct gateway_liveness *l)
{
	memset(&l->options, 0, sizeof(l->options));
}

/* What its calls say ------------------------------------------------------------------------ */

/* What an attempt says about the gateway. */
enum opinion { NO_OPINION, WORKS, FAILS };

/* Unanswered ringing is no fault of the gateway; silence that does not count as failure is no success either. */
static enum opinion opinion_of(const struct gateway_result *r, const struct parameter_breaker_on *on)
{
	switch (r->outcome) {
	case GATEWAY_RESULT_ANSWERED:
		return WORKS;
	case GATEWAY_RESULT_REFUSED:
		return holds_code(&on->codes, r->sip_code) ? FAILS : WORKS;
	case GATEWAY_RESULT_TIMEOUT:
		return r->pdd_ms >= 0 ? WORKS : on->timeout ? FAILS : NO_OPINION;
	case GATEWAY_RESULT_TRANSPORT:
		return on->transport ? FAILS : NO_OPINION;
	case GATEWAY_RESULT_ABANDONED:
		return NO_OPINION;
	}
	return NO_OPINION;
}

void gateway_liveness_on_seized(
	struct gateway_liveness *l, const struct call_limits_channel *ch, uint64_t now_ms)
{
	breaker_on_seized(&l->breaker, ch, now_ms);
}

void gateway_liveness_on_passed_over(struct gateway_liveness *l, uint64_t now_ms)
{
	breaker_on_passed_over(&l->breaker, now_ms);
}

void gateway_liveness_on_progress(struct gateway_liveness *l, const struct call_limits_channel *ch,
	const struct parameters *p, uint64_t now_ms)
{
	l->answered |= ch->serial >= l->first_call;
	breaker_on_progress(&l->breaker, ch, p, now_ms);
}

void gateway_liveness_on_result(struct gateway_liveness *l, const struct gateway_result *r,
	const struct db_gateway *row, const struct parameters *p, uint64_t now_ms)
{
	const enum opinion opinion =
		opinion_of(r, row->breaker_on.set ? &row->breaker_on.value : &p->breaker_on);

	if (r->outcome == GATEWAY_RESULT_REFUSED || opinion == WORKS)
		l->answered |= r->channel->serial >= l->first_call;
	if (opinion == FAILS)
		l->failed_ms = now_ms;
	if (opinion != NO_OPINION)
		breaker_on_result(&l->breaker, r->channel, opinion == FAILS, p, now_ms);
}

void gateway_liveness_on_released(struct gateway_liveness *l, const struct call_limits_channel *ch)
{
	breaker_on_released(&l->breaker, ch);
}
