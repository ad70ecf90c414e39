#include "call_state.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>

int64_t call_epoch_ms(const struct call *call, uint64_t monotonic_ms)
{
	return monotonic_ms ? call->begin_epoch_ms + (int64_t)(monotonic_ms - call->begin_ms) : 0;
}

static void fill_record(const struct call *call, struct cdr *row)
{
	*row = (struct cdr){
		.a_call_id = call->a.call_id,
		.b_call_id = call->b_call_id,
		.ingress = mapping_gateway_name(call->ingress),
		.gateway = call->called ? gateway_name(call->called) : "",
		.caller_in = call->caller,
		.caller_out = call->called ? call->caller : "",
		.callee_in = call->callee,
		.callee_out = call->called ? call->callee : "",
		.source_addr = call->source,
		.destination_addr = call->destination,
		.begin_ms = call->begin_epoch_ms,
		.ring_ms = call_epoch_ms(call, call->first_ring_ms),
		.answer_ms = call_epoch_ms(call, call->answer_ms),
		.pdd_ms = call->first_answer_ms ? (int64_t)(call->first_answer_ms - call->begin_ms) : -1,
		.hold_ms = -1,
		.attempts = call->attempts,
	};
}

void call_cdr_leg(struct call *call)
{
	if (!attempt_call_id(call->attempt)[0])
		return;
	snprintf(call->b_call_id, sizeof(call->b_call_id), "%s", attempt_call_id(call->attempt));
	snprintf(call->destination, sizeof(call->destination), "%s", attempt_address(call->attempt));
	gateway_unref(call->called);
	call->called = gateway_ref(call->gateway);
}

void call_cdr_attempt(struct call *call, const char *stage, int code, const char *reason)
{
	uint64_t now = clock_now_ms();
	struct call_attempt a = {.stage = stage,
		.code = code,
		.begin_ms = call_epoch_ms(call, call->attempt_ms),
		.duration_ms = (int64_t)(now - call->attempt_ms)};

	snprintf(a.address, sizeof(a.address), "%s", attempt_address(call->attempt));
	snprintf(a.reason, sizeof(a.reason), "%s", reason);
	call_attempts_add(&call->record, gateway_name(call->gateway), &a);
}

void call_cdr_skip(struct call *call, struct gateway *gw, enum gateway_verdict verdict)
{
	uint64_t now = clock_now_ms();
	struct call_attempt a = {.stage = "skipped", .begin_ms = call_epoch_ms(call, now)};

	gateway_explain(gw, verdict, now, a.reason, sizeof(a.reason));
	call_attempts_add(&call->record, gateway_name(gw), &a);
}

static void close_attempts(struct call *call)
{
	if (!call->attempts)
		call->attempts = call_attempts_attempts_json(&call->record);
	call_attempts_clear(&call->record);
}

void call_cdr_answer(struct call *call)
{
	struct cdr row;

	close_attempts(call);
	fill_record(call, &row);
	row.sip_code = 200;
	call->slot = cdr_answer(call->context->cdr_log, &row);
}

void call_cdr_end(struct call *call, const struct ending *e)
{
	uint64_t now = clock_now_ms();
	struct cdr row;

	close_attempts(call);
	fill_record(call, &row);
	row.end_ms = call_epoch_ms(call, now);
	if (call->answer_ms)
		row.hold_ms = (int64_t)(now - call->answer_ms);
	row.sip_code = call->answer_ms ? 200 : e->code;
	row.end_reason = e->words;
	row.end_direction = e->direction;
	cdr_end(call->context->cdr_log, call->slot, &row);
}
