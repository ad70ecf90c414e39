#include "ingress_state.h"

struct ingress *ingress_ref(struct ingress *in)
{
	peer_ref(&in->peer);
	return in;
}

void ingress_unref(struct ingress *in)
{
	if (in)
		peer_unref(&in->peer);
}

enum ingress_kind ingress_kind(const struct ingress *in)
{
	return in->kind;
}

const char *ingress_name(const struct ingress *in)
{
	return peer_name(&in->peer);
}

int64_t ingress_id(const struct ingress *in)
{
	return db_table_row_id(in->peer.type->table, in->peer.row);
}

int ingress_seize(struct ingress *in, struct call_limits_channel *ch, uint64_t now_ms)
{
	return call_limits_seize(&in->peer.limits, ch, now_ms);
}

void ingress_resume(struct ingress *in, struct call_limits_channel *ch)
{
	call_limits_resume(&in->peer.limits, ch);
}

void ingress_explain(const struct ingress *in, int error, char *out, size_t size)
{
	call_limits_explain(&in->peer.limits, error, out, size);
}

const struct call_limits *ingress_limits(const struct ingress *in)
{
	return &in->peer.limits;
}

struct response_time *ingress_response_time(struct ingress *in)
{
	return response_time_of(&in->peer.response_time);
}

const char *ingress_pass_headers(const struct ingress *in)
{
	return in->settings.pass_headers;
}

bool ingress_strict_source(const struct ingress *in)
{
	return in->settings.strict_source;
}

void ingress_policy(const struct ingress *in, const struct parameters *p, struct ingress_policy *out)
{
	static const struct ingress_state_settings none = {0};
	const struct ingress_state_settings *own = in ? &in->settings : &none;

	out->session_timer = db_override_flag(own->session_timer, p->session_timer);
	out->sip_100rel = own->sip_100rel.set ? own->sip_100rel.value : p->sip_100rel;
	out->max_call_duration_ms = db_override_ms(own->max_call_duration_ms, p->max_call_duration_ms);
}
