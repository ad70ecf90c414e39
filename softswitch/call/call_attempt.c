#include "call_attempt.h"

#include "bridge_request.h"
#include "call_cdr.h"
#include "clock.h"

void call_attempt_tell(struct call *call, enum gateway_result_outcome outcome, int code)
{
	const struct gateway_result result = {.channel = &call->channel_out,
		.outcome = outcome,
		.sip_code = code,
		.pdd_ms = call->attempt_pdd_ms};

	gateway_on_result(call->gateway, &result, &call_stack(call)->parameters, clock_now_ms());
}

void call_attempt_abandon(struct call *call, const char *reason_header)
{
	bridge_request_follow(&call->bridge, NULL, NULL);
	attempt_abandon(call->attempt, reason_header);
	call->attempt = NULL;
}

void call_attempt_cancel(struct call *call, int code, const char *words)
{
	char reason[160];

	if (!call->attempt)
		return;
	call_cdr_leg(call);
	call_cdr_attempt(call, failover_stage_name(attempt_stage(call->attempt)), 0, words);
	call_attempt_tell(call, GATEWAY_RESULT_ABANDONED, 0);
	cause_reason_header(reason, sizeof(reason), code, words);
	call_attempt_abandon(call, reason);
}
