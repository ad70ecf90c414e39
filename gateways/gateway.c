#include "gateway.h"

#include "gateway_liveness.h"
#include "gateway_stats.h"
#include "peers.h"
#include "set_aside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct gateway {
	struct peer peer; /* first: the set sees it as this */
	struct gateway_liveness liveness;
	struct gateway_state_decision state;
	struct gateway_stats *stats; /* NULL: nothing to count yet */
	struct set_aside *set_aside; /* of its servers; NULL: none ever was */
};

/* One kind of peer -------------------------------------------------------------------------- */

/* At another address is another machine: what the old one said and how fast it was is void. */
static void on_change(struct peer *p, const void *old_row)
{
	struct gateway *gw = (struct gateway *)p;
	const struct db_gateway *old = old_row, *row = p->row;
	const bool moved = !old || strcmp(old->host, row->host) != 0 || old->port != row->port ||
		strcmp(old->transport, row->transport) != 0 || strcmp(old->endpoint, row->endpoint) != 0;

	if (moved) {
		response_time_unref(p->response_time); /* live calls may go on learning for the old one */
		p->response_time = NULL;
		free(gw->set_aside);
		gw->set_aside = NULL;
	}
	gateway_liveness_on_row(&gw->liveness, p->removed ? NULL : row, old, moved, p->limits.total);
}

static void on_release(struct peer *p, const struct call_limits_channel *ch)
{
	gateway_liveness_on_released(&((struct gateway *)p)->liveness, ch);
}

static void on_free(struct peer *p)
{
	gateway_stats_free(((struct gateway *)p)->stats);
	free(((struct gateway *)p)->set_aside);
}

const struct peer_type gateway_peer_type = {
	.peer_size = sizeof(struct gateway),
	.table = &db_gateway_table,
	.capacity = offsetof(struct db_gateway, capacity),
	.cps = offsetof(struct db_gateway, cps),
	.on_change = on_change,
	.on_release = on_release,
	.on_free = on_free,
};

struct gateway *gateway_ref(struct gateway *gw)
{
	peer_ref(&gw->peer);
	return gw;
}

void gateway_unref(struct gateway *gw)
{
	if (gw)
		peer_unref(&gw->peer);
}

const struct db_gateway *gateway_row(const struct gateway *gw)
{
	return gw->peer.row;
}

const char *gateway_name(const struct gateway *gw)
{
	return peer_name(&gw->peer);
}

uint32_t gateway_calls(const struct gateway *gw)
{
	return gw->peer.limits.in_use;
}

uint64_t gateway_calls_total(const struct gateway *gw)
{
	return gw->peer.limits.total;
}

/* The state --------------------------------------------------------------------------------- */

void gateway_update_state(struct gateway *gw, uint64_t now_ms)
{
	const struct gateway_owner *owner = gw->peer.set ? peers_owner(gw->peer.set) : NULL;
	struct gateway_state_info info;
	enum gateway_state old;

	if (!gateway_state_update(&gw->state, &gw->liveness, now_ms, &old) || !owner || !owner->on_change)
		return;
	gateway_info(gw, now_ms, &info);
	owner->on_change(gw, old, &info, owner->arg);
}

void gateway_info(const struct gateway *gw, uint64_t now_ms, struct gateway_state_info *out)
{
	gateway_state_info(&gw->state, &gw->liveness, now_ms, out);
}

uint64_t gateway_failed_ms(const struct gateway *gw, uint64_t now_ms)
{
	return gateway_state_failed_ms(&gw->liveness, now_ms);
}

void gateway_explain(
	const struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms, char *out, size_t size)
{
	if (verdict == GATEWAY_VERDICT_FULL)
		call_limits_explain(&gw->peer.limits, -EBUSY, out, size);
	else if (verdict == GATEWAY_VERDICT_CPS)
		call_limits_explain(&gw->peer.limits, -EAGAIN, out, size);
	else
		gateway_state_explain(&gw->state, &gw->liveness, verdict, now_ms, out, size);
}

/* Calls ------------------------------------------------------------------------------------- */

static enum gateway_verdict check_limits(const struct gateway *gw, uint64_t now_ms)
{
	switch (call_limits_check(&gw->peer.limits, now_ms)) {
	case -EBUSY:
		return GATEWAY_VERDICT_FULL;
	case -EAGAIN:
		return GATEWAY_VERDICT_CPS;
	default:
		return GATEWAY_VERDICT_USABLE;
	}
}

enum gateway_verdict gateway_check(const struct gateway *gw, uint64_t now_ms)
{
	const enum gateway_verdict verdict = gateway_state_verdict(&gw->liveness, now_ms);

	return verdict == GATEWAY_VERDICT_USABLE ? check_limits(gw, now_ms) : verdict;
}

enum gateway_verdict gateway_check_forced(const struct gateway *gw, uint64_t now_ms)
{
	const enum gateway_verdict verdict = gateway_state_verdict_forced(&gw->liveness, now_ms);

	return verdict == GATEWAY_VERDICT_USABLE ? check_limits(gw, now_ms) : verdict;
}

static void take_channel(struct gateway *gw, struct call_limits_channel *ch, uint64_t now_ms)
{
	call_limits_seize(&gw->peer.limits, ch, now_ms);
	gateway_liveness_on_seized(&gw->liveness, ch, now_ms);
}

enum gateway_verdict gateway_seize(struct gateway *gw, struct call_limits_channel *ch, uint64_t now_ms)
{
	const enum gateway_verdict verdict = gateway_check(gw, now_ms);

	if (verdict == GATEWAY_VERDICT_USABLE)
		take_channel(gw, ch, now_ms);
	else if (verdict == GATEWAY_VERDICT_RAMPING)
		gateway_liveness_on_passed_over(&gw->liveness, now_ms);
	return verdict;
}

enum gateway_verdict gateway_seize_forced(struct gateway *gw, struct call_limits_channel *ch, uint64_t now_ms)
{
	const enum gateway_verdict verdict = gateway_check_forced(gw, now_ms);

	if (verdict == GATEWAY_VERDICT_USABLE)
		take_channel(gw, ch, now_ms);
	return verdict;
}

void gateway_resume(struct gateway *gw, struct call_limits_channel *ch)
{
	call_limits_resume(&gw->peer.limits, ch);
}

/* Inputs ------------------------------------------------------------------------------------ */

/*
 * The state is brought up to date before an input is taken in, so that what time has changed counts as having come
 * before it, and again after it.
 */

void gateway_retry_after(struct gateway *gw, uint32_t seconds, uint64_t now_ms)
{
	gateway_update_state(gw, now_ms);
	gateway_liveness_on_retry_after(&gw->liveness, seconds, now_ms);
	gateway_update_state(gw, now_ms);
}

void gateway_set_server_aside(
	struct gateway *gw, const struct sockaddr *server, uint32_t seconds, uint64_t now_ms)
{
	set_aside_add(&gw->set_aside, server, seconds, now_ms);
}

uint32_t gateway_server_left(const struct gateway *gw, const struct sockaddr *server, uint64_t now_ms)
{
	return set_aside_left_ms(gw->set_aside, server, now_ms);
}

uint32_t gateway_retry_after_left(const struct gateway *gw, uint64_t now_ms)
{
	const uint64_t end_ms = gw->liveness.retry_after_end_ms;

	return now_ms < end_ms ? (uint32_t)(end_ms - now_ms) : 0;
}

void gateway_on_probe(struct gateway *gw, int code, const char *words, uint32_t rtt_ms,
	const struct parameters *p, uint64_t now_ms)
{
	const struct gateway_liveness_probe probe = {
		.code = (uint16_t)code, .words = words, .rtt_ms = rtt_ms};

	gateway_update_state(gw, now_ms);
	gateway_liveness_on_probe(&gw->liveness, &probe, gateway_row(gw), p, now_ms);
	gateway_update_state(gw, now_ms);
}

void gateway_on_probe_end(struct gateway *gw, uint64_t now_ms)
{
	gateway_update_state(gw, now_ms);
	gateway_liveness_on_probe_end(&gw->liveness);
	gateway_update_state(gw, now_ms);
}

void gateway_on_publication(struct gateway *gw, enum publication_state publication, uint64_t now_ms)
{
	gateway_update_state(gw, now_ms);
	gateway_liveness_on_publication(&gw->liveness, publication, now_ms);
	gateway_update_state(gw, now_ms);
}

enum publication_state gateway_publication(const struct gateway *gw)
{
	return gw->liveness.publication;
}

void gateway_on_registration(struct gateway *gw, bool registered, const char *words, uint64_t now_ms)
{
	gateway_update_state(gw, now_ms);
	gateway_liveness_on_registration(&gw->liveness, registered, words);
	gateway_update_state(gw, now_ms);
}

void gateway_on_binding(struct gateway *gw, bool bound, uint64_t now_ms)
{
	gateway_update_state(gw, now_ms);
	gateway_liveness_on_binding(&gw->liveness, bound);
	gateway_update_state(gw, now_ms);
}

void gateway_on_result(
	struct gateway *gw, const struct gateway_result *r, const struct parameters *p, uint64_t now_ms)
{
	gateway_stats_on_result(&gw->stats, r, now_ms);
	gateway_update_state(gw, now_ms);
	gateway_liveness_on_result(&gw->liveness, r, gateway_row(gw), p, now_ms);
	gateway_update_state(gw, now_ms);
}

void gateway_on_progress(
	struct gateway *gw, const struct call_limits_channel *ch, const struct parameters *p, uint64_t now_ms)
{
	gateway_update_state(gw, now_ms);
	gateway_liveness_on_progress(&gw->liveness, ch, p, now_ms);
	gateway_update_state(gw, now_ms);
}

/* Figures ----------------------------------------------------------------------------------- */

void gateway_on_call_end(struct gateway *gw, uint64_t hold_ms, uint64_t now_ms)
{
	gateway_stats_on_call_end(&gw->stats, hold_ms, now_ms);
}

void gateway_figures(const struct gateway *gw, uint64_t now_ms, struct gateway_stats_figures *window,
	struct gateway_stats_figures *total)
{
	gateway_stats_figures(gw->stats, now_ms, window, total);
}

struct response_time *gateway_response_time(struct gateway *gw)
{
	return response_time_of(&gw->peer.response_time);
}

uint32_t gateway_rtt_ms(const struct gateway *gw)
{
	return response_time_ms(gw->peer.response_time);
}
