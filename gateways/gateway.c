#include "gateway.h"

#include "gateway_internal.h"
#include "gateway_stats.h"

#include <errno.h>
#include <string.h>

enum { SRTT_SHARE = 8 }; /* a new measurement weighs one eighth (RFC 6298 section 2) */

/* At another address is another machine: what the old one said and how fast it was is void. */
static void on_change(struct peer *p, const void *old_row)
{
	struct gateway *gw = (struct gateway *)p;
	const struct db_gateway *old = old_row, *row = p->row;
	const bool moved = !old || strcmp(old->host, row->host) != 0 || old->port != row->port ||
		strcmp(old->transport, row->transport) != 0;

	if (moved)
		gw->srtt_eighths = 0;
	gateway_liveness_reload(gw, old, moved);
}

static void on_release(struct peer *p, const struct channel *ch)
{
	gateway_liveness_on_released((struct gateway *)p, ch);
}

static void on_free(struct peer *p)
{
	gateway_stats_free(((struct gateway *)p)->stats);
}

const struct peer_type gateway_peer_type = {
	.peer_size = sizeof(struct gateway),
	.table = &db_table_gateway,
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
	return gw->peer.name;
}

const char *gateway_verdict_name(enum gateway_verdict verdict)
{
	static const char *const names[] = {
		[GATEWAY_USABLE] = "usable",
		[GATEWAY_REMOVED] = "removed",
		[GATEWAY_DISABLED] = "disabled",
		[GATEWAY_DRAINING] = "draining",
		[GATEWAY_FULL] = "full",
		[GATEWAY_CPS] = "cps",
		[GATEWAY_NOT_REGISTERED] = "not_registered",
		[GATEWAY_RETRY_AFTER] = "retry_after",
		[GATEWAY_CLOSED] = "closed",
		[GATEWAY_OPTIONS_DOWN] = "options_down",
		[GATEWAY_BREAKER_OPEN] = "breaker_open",
		[GATEWAY_PROBING] = "probing",
		[GATEWAY_RAMPING] = "ramping",
	};

	return names[verdict];
}

enum gateway_verdict gateway_limits_check(const struct gateway *gw, uint64_t now_ms)
{
	switch (call_limits_check(&gw->peer.limits, now_ms)) {
	case -EBUSY:
		return GATEWAY_FULL;
	case -EAGAIN:
		return GATEWAY_CPS;
	default:
		return GATEWAY_USABLE;
	}
}

enum gateway_verdict gateway_check(const struct gateway *gw, uint64_t now_ms)
{
	const enum gateway_verdict verdict = gateway_state_check(gw, now_ms);

	return verdict == GATEWAY_USABLE ? gateway_limits_check(gw, now_ms) : verdict;
}

void gateway_take_channel(struct gateway *gw, struct channel *ch, uint64_t now_ms)
{
	call_limits_seize(&gw->peer.limits, ch, now_ms);
	gateway_liveness_on_seized(gw, ch, now_ms);
}

enum gateway_verdict gateway_seize(struct gateway *gw, struct channel *ch, uint64_t now_ms)
{
	enum gateway_verdict verdict = gateway_check(gw, now_ms);

	if (verdict == GATEWAY_USABLE)
		gateway_take_channel(gw, ch, now_ms);
	else
		gateway_liveness_on_passed_over(gw, verdict, now_ms);
	return verdict;
}

void gateway_explain(
	const struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms, char *out, size_t size)
{
	if (verdict == GATEWAY_FULL)
		call_limits_explain(&gw->peer.limits, -EBUSY, out, size);
	else if (verdict == GATEWAY_CPS)
		call_limits_explain(&gw->peer.limits, -EAGAIN, out, size);
	else
		gateway_state_explain(gw, verdict, now_ms, out, size);
}

/* Kept in eighths, the sum moves by an eighth of the difference and loses nothing to rounding. */
void gateway_response_time(struct gateway *gw, uint32_t rtt_ms)
{
	uint64_t rtt = rtt_ms ? rtt_ms : 1; /* 0 means not known */

	if (!gw->srtt_eighths)
		gw->srtt_eighths = rtt * SRTT_SHARE;
	else
		gw->srtt_eighths += rtt - gw->srtt_eighths / SRTT_SHARE;
}

uint32_t gateway_rtt_ms(const struct gateway *gw)
{
	return (uint32_t)((gw->srtt_eighths + SRTT_SHARE / 2) / SRTT_SHARE);
}

uint32_t gateway_calls(const struct gateway *gw)
{
	return gw->peer.limits.in_use;
}

uint64_t gateway_calls_total(const struct gateway *gw)
{
	return gw->peer.limits.total;
}

static void lay_timeouts(const struct db_gateway *row, const struct parameters *p, struct gateway_policy *out)
{
	out->timeout_invite_ms = db_override_ms(row->timeout_invite_ms, p->timeout_invite_ms);
	out->timeout_trying_ms = db_override_ms(row->timeout_trying_ms, p->timeout_trying_ms);
	out->timeout_session_progress_ms =
		db_override_ms(row->timeout_session_progress_ms, p->timeout_session_progress_ms);
	out->timeout_session_progress_sdp_ms =
		db_override_ms(row->timeout_session_progress_sdp_ms, p->timeout_session_progress_sdp_ms);
	out->timeout_ringing_ms = db_override_ms(row->timeout_ringing_ms, p->timeout_ringing_ms);
}

static void lay_switching(
	const struct db_gateway *row, const struct parameters *p, struct gateway_policy *out)
{
	out->stop_switch_after_invite_timeout =
		db_override_flag(row->switch_stop_after_invite_timeout, p->stop_switch_after_invite_timeout);
	out->stop_switch_after_sdp = db_override_flag(row->switch_stop_after_sdp, p->stop_switch_after_sdp);
	out->switch_until_connect = db_override_flag(row->switch_until_connect, p->switch_until_connect);
	out->switch_stop_after_user_busy =
		db_override_flag(row->switch_stop_after_user_busy, p->switch_stop_after_user_busy);
	out->stop_codes = row->switch_stop_codes.set ? &row->switch_stop_codes.value : &p->switch_stop_codes;
}

static void lay_session(const struct db_gateway *row, const struct parameters *p, struct gateway_policy *out)
{
	out->session_timer = db_override_flag(row->session_timer, p->session_timer);
	out->sip_100rel = row->sip_100rel.set ? row->sip_100rel.value : p->sip_100rel;
	out->max_call_duration_ms = db_override_ms(row->max_call_duration_ms, p->max_call_duration_ms);
	out->sdp_own_origin = row->sdp_own_origin;
}

static void lay_resend(const struct gateway *gw, const struct parameters *p, struct gateway_policy *out)
{
	const struct db_gateway *row = gateway_row(gw);
	const struct resend_schedule *resend = row->resend.set ? &row->resend.value : &p->resend;

	out->resend = *resend;
	if (!resend->automatic)
		return;
	out->resend = resend_schedule_auto(gateway_rtt_ms(gw));
	resend_schedule_limit(&out->resend, resend->n);
	out->resend.automatic = false; /* resolved */
}

void gateway_policy(const struct gateway *gw, const struct parameters *p, struct gateway_policy *out)
{
	lay_timeouts(gateway_row(gw), p, out);
	lay_switching(gateway_row(gw), p, out);
	lay_session(gateway_row(gw), p, out);
	lay_resend(gw, p, out);
}
