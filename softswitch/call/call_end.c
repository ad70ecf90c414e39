#include "call_end.h"

#include "bridge_check.h"
#include "bridge_request.h"
#include "bye.h"
#include "call_attempt.h"
#include "call_cdr.h"
#include "call_parting.h"
#include "clock.h"
#include "dialog_ack.h"
#include "loop.h"

#include <event2/event.h>

void call_end_setup(struct call *call)
{
	if (call->received)
		msg_destroy(call->received);
	call->received = NULL;
	if (call->answer)
		msg_destroy(call->answer);
	call->answer = NULL;
	routing_plan_clear(&call->plan);
}

enum cdr_direction call_end_direction(const struct call *call, const struct dialog *d)
{
	return bridge_side(&call->bridge, d) == BRIDGE_CALLER ? CDR_CALLER : CDR_CALLEE;
}

/* The legs ---------------------------------------------------------------------------------- */

static void bye(struct call *call, struct dialog *leg, const struct call_end *e)
{
	struct resend_schedule resend = bridge_resend(&call->bridge, leg);
	const bool after_ack = leg == &call->a && call->invite;
	char reason[160];
	const struct bye bye = {.resend = &resend,
		.reason_header = e->bye ? NULL : reason,
		.carries = e->bye,
		.on_end = call_parting_on_end,
		.arg = call_parting_wait(call->parting,
			after_ack                 ? CALL_PARTING_CALLER | CALL_PARTING_ANSWER
				: leg == &call->a ? CALL_PARTING_CALLER
						  : CALL_PARTING_GATEWAY)};

	cause_reason_header(reason, sizeof(reason), e->code, e->words);
	if (after_ack) {
		bye_send_after_ack(call_stack(call), leg, call->invite, &bye);
		call->invite = NULL;
	} else {
		bye_send(call_stack(call), leg, &bye);
	}
}

static const struct server_transaction_handlers refused_handlers = {.on_over = call_parting_on_end};

/** What is sent to this INVITE next, or was sent, outlives the process until its ACK. */
static void await_ack(struct call *call, struct server_transaction *refused, uint32_t what)
{
	struct call_parting_wait *wait = call_parting_wait(call->parting, what);

	server_transaction_hand_over(refused, wait ? &refused_handlers : NULL, wait);
}

static void await_reinvites(struct call *call)
{
	for (enum bridge_side side = BRIDGE_CALLER; side <= BRIDGE_GATEWAY; side++) {
		struct server_transaction *refused = bridge_request_take_refused(&call->bridge, side);

		if (refused)
			await_ack(call, refused, (uint32_t)CALL_PARTING_REINVITE << side);
	}
}

/** BYE to the legs that are still there. The caller may not know yet that the gateway has answered. */
static void hang_up(struct call *call, const struct call_end *e)
{
	struct dialog *legs[] = {call->answer_ms ? &call->a : NULL, call_leg_b(call)};

	if (call->offerless && !call_leg_b(call)->ack_seq)
		dialog_ack(call_stack(call), call_leg_b(call), NULL); /* its 2xx has had no ACK yet */
	for (int i = 0; i < 2; i++)
		if (legs[i] && legs[i] != e->gone)
			bye(call, legs[i], e);
}

/* The end ----------------------------------------------------------------------------------- */

void call_end(struct call *call, const struct call_end *e)
{
	event_del(&call->limit);
	session_timers_stop(&call->timers);
	bridge_check_stop(call->check);
	call->check = NULL;
	bridge_request_end_all(&call->bridge);
	if (call->answer_ms)
		gateway_on_call_end(call->gateway, clock_now_ms() - call->answer_ms, clock_now_ms());
	call_cdr_end(call, e->code, e->words, e->direction);
	call_set_state(call, CALL_ENDED);
	rel100_stop(&call->rel100);
	await_reinvites(call);
	if (call->b)
		hang_up(call, e);
	call_parting_end(call->parting);
	call->parting = NULL;
	server_transaction_forget(call->invite);
	call->invite = NULL;
	call_end_setup(call);
	dialog_clear(&call->a); /* what still comes for it finds no dialog */
	call->bridge.leg[BRIDGE_GATEWAY] = NULL;
	invite_destroy(call->b);
	call->b = NULL;
}

void call_end_await_ack(struct call *call, int code)
{
	call_cdr_part(call);
	await_ack(call, call->invite, (uint32_t)code * CALL_PARTING_CODE);
}

void call_end_refuse(struct call *call, int code, const char *headers)
{
	call_end_await_ack(call, code);
	server_transaction_reply(call->invite, code, NULL, call->a.local_tag, headers, call_resend(call));
	call->invite = NULL;
}

void call_end_refused(struct call *call, enum cause cause, const char *words, enum cdr_direction direction)
{
	int code = cause_sip_code(cause);
	char headers[160];

	cause_reason_header(headers, sizeof(headers), code, words);
	call_end_refuse(call, code, headers);
	call_end(call, &(struct call_end){.code = code, .words = words, .direction = direction});
}

void call_end_cancelled(struct call *call, const sip_t *request)
{
	const char *words = cause_words(CAUSE_CALLER_CANCEL);

	call_attempt_cancel(call, cause_sip_code(CAUSE_CALLER_CANCEL), words, request);
	call_end_refused(call, CAUSE_CALLER_CANCEL, words, CDR_CALLER);
}

void call_end_hangup(struct call *call, enum cause cause)
{
	const char *words = cause_words(cause);
	int code = cause_sip_code(cause);

	if (call->state == CALL_ENDED)
		return;
	if (!call_state_is_answered(call)) {
		call_attempt_cancel(call, code, words, NULL);
		call_end_refused(call, cause, words, CDR_SERVER);
		return;
	}
	call_end(call, &(struct call_end){.code = code, .words = words, .direction = CDR_SERVER});
}

/* The time limit ---------------------------------------------------------------------------- */

/** The call was not answered in time, or lasts too long. */
static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct call *call = arg;

	(void)fd;
	(void)what;
	call_end_hangup(call,
		call_state_is_answered(call) ? CAUSE_MAX_DURATION
			: call->expires      ? CAUSE_INVITE_EXPIRED
					     : CAUSE_EARLY_HANGUP);
}

void call_end_after(struct call *call, uint32_t ms)
{
	struct timeval tv;

	if (ms)
		event_add(&call->limit, loop_delay(call_stack(call)->loop, ms, &tv));
	else
		event_del(&call->limit);
}

void call_end_init(struct call *call)
{
	event_assign(&call->limit, loop_base(call_stack(call)->loop), -1, 0, on_limit, call);
}
