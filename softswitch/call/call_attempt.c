#include "call_attempt.h"

#include "bridge_request.h"
#include "call_cdr.h"
#include "call_parting.h"
#include "clock.h"
#include "message.h"

void call_attempt_tell(struct call *call, enum gateway_result_outcome outcome, int code)
{
	const struct gateway_result result = {.channel = &call->channel_out,
		.outcome = outcome,
		.sip_code = code,
		.pdd_ms = call->attempt_pdd_ms};

	gateway_on_result(call->gateway, &result, &call_stack(call)->parameters, clock_now_ms());
}

void call_attempt_part(struct call *call, struct invite *invite)
{
	if (invite && invite_is_open(invite))
		call_parting_wait_invite(call_cdr_part(call), invite);
}

void call_attempt_abandon(struct call *call, const char *reason_header)
{
	struct invite *invite;

	for (unsigned i = 0; (invite = attempt_next_invite(call->attempt, &i));)
		call_attempt_part(call, invite);
	bridge_request_follow(&call->bridge, NULL, NULL);
	attempt_abandon(call->attempt, reason_header);
	call->attempt = NULL;
}

/** The Reason lines of a request. @return false when it has none, or they are too long */
static bool reason_of(const sip_t *request, char *out, size_t size)
{
	struct text t = {.data = out, .size = size - 1};

	for (const sip_reason_t *r = request ? request->sip_reason : NULL; r; r = r->re_next)
		message_header(&t, (const sip_header_t *)r);
	out[t.len] = '\0';
	return t.len && !t.full;
}

void call_attempt_cancel(struct call *call, int code, const char *words, const sip_t *request)
{
	char reason[512];

	if (!call->attempt)
		return;
	call_cdr_leg(call);
	call_cdr_attempt(call, failover_stage_name(attempt_stage(call->attempt)), 0, words);
	call_attempt_tell(call, GATEWAY_RESULT_ABANDONED, 0);
	if (!reason_of(request, reason, sizeof(reason)))
		cause_reason_header(reason, sizeof(reason), code, words);
	call_attempt_abandon(call, reason);
}
