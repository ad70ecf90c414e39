#include "gateway_policy.h"

#include "gateway.h"

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

void gateway_policy(const struct gateway *gw, const struct parameters *p, struct gateway_policy *out)
{
	lay_timeouts(gateway_row(gw), p, out);
	lay_switching(gateway_row(gw), p, out);
	lay_session(gateway_row(gw), p, out);
	out->resend = gateway_row(gw)->resend.set ? gateway_row(gw)->resend.value : p->resend;
}
