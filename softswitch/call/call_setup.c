#include "call_setup.h"

#include "bridge_request.h"
#include "call_attempt.h"
#include "call_cdr.h"
#include "call_early.h"
#include "call_end.h"
#include "clock.h"
#include "call_plan.h"
#include "dialog_ack.h"
#include "gateway.h"
#include "headers.h"
#include "log.h"
#include "message.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void try_next(struct call *call, const struct received *refusal);

/** The first 18x of the attempt under way, or its answer. */
static void note_post_dial_delay(struct call *call)
{
	if (call->attempt_pdd_ms < 0)
		call->attempt_pdd_ms = (int32_t)(clock_now_ms() - call->attempt_ms);
}

/** A 503 says when the first of the gateways will be back, as far as we know. */
static void add_retry_after(const struct call *call, char *headers, size_t size)
{
	uint64_t now = clock_now_ms();
	uint32_t soonest = 0;
	size_t n = strlen(headers);

	for (unsigned i = 0; i < call->plan.n; i++) {
		uint32_t left = gateway_retry_after_left(call->plan.candidate[i].gateway, now);

		if (left && (!soonest || left < soonest))
			soonest = left;
	}
	if (soonest)
		snprintf(headers + n, size - n, "Retry-After: %u\r\n", (soonest + 999) / 1000);
}

/** Nothing is left to try: the caller gets the last failure. @param rx  it, if it was a gateway's refusal just now */
static void give_up(struct call *call, const struct received *rx)
{
	enum cause cause = call->last_cause;
	const char *phrase = rx ? rx->sip->sip_status->st_phrase : cause_words(cause);
	int code = cause == CAUSE_GATEWAY_CODE ? call->last_code : cause_sip_code(cause);
	const sip_t *passes = rx && code == rx->sip->sip_status->st_status ? rx->sip : NULL;
	struct text t = text_scratch();
	char headers[160] = "";

	server_transaction_begin(call->invite, &t, code, passes ? phrase : NULL, call->a.local_tag);
	if (passes)
		headers_pass(&t, passes, HEADERS_RESPONSE, call->a.pass_headers);
	if (code == 503)
		add_retry_after(call, headers, sizeof(headers));
	text_add(&t, headers);
	cause_reason_header(headers, sizeof(headers), code, rx && !passes ? phrase : cause_words(cause));
	if (!passes || !passes->sip_reason)
		text_add(&t, headers);
	dialog_write_body(&call->a, &t, passes);
	call_end_await_ack(call, code);
	server_transaction_send(call->invite, &t, code, call_resend(call));
	call->invite = NULL;
	call_end(call,
		&(struct call_end){.code = code,
			.words = phrase,
			.direction = cause == CAUSE_GATEWAY_CODE ? CDR_CALLEE : CDR_SERVER});
}

/** Every candidate was passed over. */
static void give_up_untried(struct call *call)
{
	const struct routing_candidate *first = call->plan.candidate;
	const bool is_endpoint = call->plan.n == 1 && call->plan.endpoint;
	const enum cause cause = is_endpoint && first->verdict == GATEWAY_VERDICT_NOT_BOUND
		? CAUSE_NOT_REGISTERED
		: CAUSE_NO_GATEWAY;
	const int code = cause_sip_code(cause);
	char headers[200] = "";

	cause_reason_header(headers, sizeof(headers), code, cause_words(cause));
	if (code == 503)
		add_retry_after(call, headers, sizeof(headers));
	call_end_refuse(call, code, headers);
	call_end(
		call, &(struct call_end){.code = code, .words = cause_words(cause), .direction = CDR_SERVER});
}

static void describe_end(const struct attempt_end *end, char *out, size_t size)
{
	switch (end->failure) {
	case FAILOVER_FAILURE_CODE:
		snprintf(out, size, "%s", end->rx->sip->sip_status->st_phrase);
		return;
	case FAILOVER_FAILURE_TIMEOUT:
		snprintf(out, size, "timeout while %s", failover_stage_name(end->stage));
		return;
	case FAILOVER_FAILURE_TRANSPORT:
		snprintf(out, size, "%s", cause_error_words(end->error));
		return;
	}
}

/** A message that is too large for us says nothing about the gateway, nor does one that was not sent (-EAGAIN). */
static enum gateway_result_outcome outcome_of(const struct attempt_end *end)
{
	switch (end->failure) {
	case FAILOVER_FAILURE_CODE:
		return GATEWAY_RESULT_REFUSED;
	case FAILOVER_FAILURE_TIMEOUT:
		return GATEWAY_RESULT_TIMEOUT;
	case FAILOVER_FAILURE_TRANSPORT:
		return end->error == -EMSGSIZE || end->error == -EAGAIN ? GATEWAY_RESULT_ABANDONED
									: GATEWAY_RESULT_TRANSPORT;
	}
	return GATEWAY_RESULT_ABANDONED;
}

static void note_failure(struct call *call, const struct attempt_end *end)
{
	char words[80];

	describe_end(end, words, sizeof(words));
	call_cdr_attempt(call, failover_stage_name(end->stage), end->sip_code, words);
	log_debug(call->a.call_id, "gateway failed gateway=%s code=%d reason=%s", gateway_name(call->gateway),
		end->sip_code, words);
	call_attempt_tell(call, outcome_of(end), end->sip_code);
	call->last_code = end->failure == FAILOVER_FAILURE_CODE
		? cause_of_refusal(end->rx->sip, sip_object(call->received)->sip_require)
		: 0;
	call->last_cause = end->error == -EMSGSIZE         ? CAUSE_TOO_LARGE
		: end->failure == FAILOVER_FAILURE_CODE    ? CAUSE_GATEWAY_CODE
		: end->failure == FAILOVER_FAILURE_TIMEOUT ? CAUSE_TIMEOUT
							   : CAUSE_TRANSPORT;
}

/** What the policy is to judge; SS_GATEWAY_SWITCH_LIMIT counts gateways only and is left aside. */
static struct failover_result result_of(const struct call *call, const struct attempt_end *end)
{
	return (struct failover_result){.failure = end->failure,
		.stage = end->stage,
		.sip_code = (unsigned)end->sip_code,
		.sdp_seen = call->sdp_seen,
		.ringing_seen = call->ringing_seen};
}

static bool may_go_on(const struct attempt_end *end, void *arg)
{
	struct call *call = arg;
	struct failover_result result = result_of(call, end);

	if (result.failure == FAILOVER_FAILURE_TIMEOUT) /* of a server, which is no timeout of the INVITE */
		result.failure = FAILOVER_FAILURE_TRANSPORT;
	if (!failover_decide(attempt_policy(call->attempt), &result).next)
		return false;
	bridge_request_follow(&call->bridge, NULL, NULL);
	call_early_fail_over(call);
	return true;
}

static void on_failed(const struct attempt_end *end, void *arg)
{
	struct call *call = arg;
	struct failover_result result = result_of(call, end);
	struct failover_verdict verdict;
	char reason[160];

	result.tried = call->tried;
	result.limit = call_stack(call)->parameters.switch_limit;
	verdict = failover_decide(attempt_policy(call->attempt), &result);

	call_cdr_leg(call);
	note_failure(call, end);
	cause_own_reason_header(reason, sizeof(reason), CAUSE_TIMEOUT);
	call_attempt_abandon(call, reason);
	call_state_release_gateway(call);
	call_early_fail_over(call);
	if (!verdict.next)
		log_debug(call->a.call_id, "switching ended reason=%s", verdict.reason);
	/* The answer must be used now; later it is gone. */
	if (!verdict.next || call->last_cause == CAUSE_TOO_LARGE)
		give_up(call, end->rx);
	else
		try_next(call, end->rx);
}

/** Does the caller get a description with this answer? */
static bool describes(const struct call *call, const sip_t *sip)
{
	return message_has_sdp(sip) && !call_early_is_preview(call, sip);
}

/** The gateway's answer as the caller gets it. */
static void pass_response(struct call *call, struct text *t, const sip_t *sip)
{
	server_transaction_begin(
		call->invite, t, sip->sip_status->st_status, sip->sip_status->st_phrase, call->a.local_tag);
	dialog_write_contact(&call->a, t);
	text_add(t, session_allow(call_early_other(call)));
	if (sip->sip_status->st_status >= 200)
		session_accept(&call->a.session, call->content.received, &call_stack(call)->parameters, t);
	else
		rel100_headers(&call->rel100, t, describes(call, sip));
	if (call_early_is_preview(call, sip)) {
		message_end(t, NULL);
		return;
	}
	headers_pass(t, sip, HEADERS_RESPONSE, call->a.pass_headers);
	/* The gateway has answered our offer in a reliable response; for this caller only the 2xx is one. */
	if (sip->sip_status->st_status >= 200 && !message_body(sip).len && !call->negotiated)
		dialog_write_description(&call->a, t, &call_leg_b(call)->session);
	else
		dialog_write_body(&call->a, t, sip);
}

static void on_progress(const struct received *rx, void *arg)
{
	struct call *call = arg;
	int status = rx->sip->sip_status->st_status;
	uint64_t now = clock_now_ms();
	struct text t = text_scratch();

	if (!call->first_answer_ms)
		call->first_answer_ms = now;
	if (status == 180 && !call->first_ring_ms)
		call->first_ring_ms = now;
	call->ringing_seen |= status == 180;
	if (!call->sdp_seen && message_has_sdp(rx->sip))
		call_cdr_sdp(call);
	if (status == 199)
		return; /* one of the gateway's forks has ended: of no use to our caller (RFC 6228) */
	note_post_dial_delay(call);
	gateway_on_progress(call->gateway, &call->channel_out, &call_stack(call)->parameters, now);
	if (call->rel100.on || early_dialogs_is_reliable(attempt_early(call->attempt), rx->sip))
		call_cdr_changed(call);
	if (call_early_is_known(call, rx->sip))
		return;
	pass_response(call, &t, rx->sip);
	if (describes(call, rx->sip))
		call_early_describe(call, rx->sip);
	rel100_send(&call->rel100, call->invite, &t, describes(call, rx->sip));
}

/** Of two limits in ms, where 0 is none. */
static uint32_t shorter(uint32_t a, uint32_t b)
{
	return !a || (b && b < a) ? b : a;
}

static void on_answer(const struct received *rx, void *arg)
{
	struct call *call = arg;

	if (!call->first_answer_ms)
		call->first_answer_ms = clock_now_ms();
	call_cdr_leg(call);
	call_cdr_attempt(call, "answered", rx->sip->sip_status->st_status, rx->sip->sip_status->st_phrase);
	note_post_dial_delay(call);
	call_attempt_tell(call, GATEWAY_RESULT_ANSWERED, rx->sip->sip_status->st_status);
	call->max_duration_ms =
		shorter(call->max_duration_ms, attempt_policy(call->attempt)->max_call_duration_ms);
	call->b = attempt_take_leg(call->attempt);
	attempt_destroy(call->attempt);
	call->attempt = NULL;
	call_early_end(call);
	/* Without an offer in the INVITE the answer comes in the caller's ACK. */
	if (!call->offerless)
		dialog_ack(call_stack(call), call_leg_b(call), NULL);
	if (!rel100_holds_answer(&call->rel100)) {
		call_setup_connect(call, rx->sip);
		return;
	}
	call->answer = msg_ref(rx->msg);
	call_set_state(call, CALL_CONNECTING);
	call_cdr_changed(call);
}

void call_setup_connect(struct call *call, const sip_t *answer)
{
	struct text t = text_scratch();

	pass_response(call, &t, answer);
	if (t.full) { /* with what we have to repeat of the caller's INVITE it does not fit: the call fails */
		call_end_refused(call, CAUSE_TOO_LARGE, cause_words(CAUSE_TOO_LARGE), CDR_SERVER);
		return;
	}
	call->answer_ms = clock_now_ms();
	call_end_after(call, call->max_duration_ms);
	call_set_state(call, CALL_ANSWERED);
	call->bridge.leg[BRIDGE_GATEWAY] = call_leg_b(call);
	call->bridge.answer_in_ack = call->offerless && !call->negotiated;
	session_timer_restart(&call->timers, BRIDGE_CALLER);
	session_timer_restart(&call->timers, BRIDGE_GATEWAY);
	call->timers.leg[BRIDGE_CALLER].stale = call_early_is_stale(call); /* it is told after its ACK */
	call_cdr_keep(call, &t);                                           /* before anyone knows of it */
	rel100_stop(&call->rel100);
	server_transaction_send(call->invite, &t, answer->sip_status->st_status, call_resend(call));
	call_end_setup(call);
}

static void on_early_end(void *arg)
{
	struct call *call = arg;

	bridge_request_follow(&call->bridge, NULL, NULL);
}

static void on_sending(void *arg)
{
	struct call *call = arg;

	call_attempt_part(call, attempt_leaves(call->attempt));
	call_cdr_keep(call, NULL);
}

static void on_stage(void *arg)
{
	call_cdr_stage(arg);
}

static const struct attempt_handlers attempt_handlers = {
	on_sending, on_stage, on_progress, on_answer, on_early_end, may_go_on, on_failed};

/** What crosses besides the table of headers.c in a call with this gateway: what either row lists. */
static void list_headers(struct call *call, const struct gateway *gw)
{
	const char *ours = ingress_pass_headers(call->ingress);
	const char *theirs = gateway_row(gw)->pass_headers;
	struct text t = text_scratch();

	if (!ours[0] && !theirs[0] && !call->a.pass_headers)
		return;
	text_add_all(&t, ours, ",", theirs, NULL);
	free(call->a.pass_headers);
	call->a.pass_headers = text_copy(&t);
	call->content.pass_headers = call->a.pass_headers;
}

void call_setup_say_trying(struct call *call)
{
	server_transaction_reply(call->invite, 100, NULL, call->a.local_tag, NULL, call_resend(call));
}

/** Try a gateway whose channel is seized. @return false when there is no memory for it */
static bool try_gateway(struct call *call, struct gateway *gw)
{
	gateway_unref(call->gateway);
	call->gateway = gateway_ref(gw);
	call->tried++;
	call->attempt_ms = clock_now_ms();
	call->attempt_pdd_ms = -1;
	list_headers(call, gw);
	if (attempt_create(
		    &call->attempt, call->context, call, gw, &call->content, &attempt_handlers, call) == 0) {
		call->a.own_origin |= attempt_policy(call->attempt)->sdp_own_origin;
		if (!attempt_call_id(call->attempt)[0])
			call_cdr_keep(call, NULL); /* its name is still being looked up */
		if (call->tried == 1)
			call_setup_say_trying(call); /* not before the call is in the journal */
		return true;
	}
	call_state_release_gateway(call);
	call->last_cause = CAUSE_INTERNAL;
	return false;
}

/** Every candidate was passed over: of those that are merely down the best one is tried. */
static bool try_last_resort(struct call *call)
{
	struct gateway *gw = routing_plan_last_resort(&call->plan, clock_now_ms());

	if (!gw || call_state_seize_gateway(call, gw, true) != GATEWAY_VERDICT_USABLE)
		return false;
	log_debug(call->a.call_id, "every gateway is down, tried all the same gateway=%s", gateway_name(gw));
	return try_gateway(call, gw);
}

/** @param refusal  of the gateway before, just now; NULL = there is none */
static void try_next(struct call *call, const struct received *refusal)
{
	while (call->next_candidate < call->plan.n) {
		struct gateway *gw = call->plan.candidate[call->next_candidate++].gateway;
		enum gateway_verdict verdict = call_state_seize_gateway(call, gw, false);

		if (verdict != GATEWAY_VERDICT_USABLE)
			call_cdr_skip(call, gw, verdict);
		else if (try_gateway(call, gw))
			return;
	}
	if (!call->tried && try_last_resort(call))
		return;
	if (call->tried)
		give_up(call, call->last_cause == CAUSE_GATEWAY_CODE ? refusal : NULL);
	else
		give_up_untried(call);
}

/** What the gateway has said, of which only the stage and its time were written. */
static void resume_progress(struct call *call, const struct attempt_rest *rest)
{
	call->stage_ms = rest->stage_ms;
	call->attempt_pdd_ms = -1;
	if (rest->stage < FAILOVER_STAGE_PROGRESS)
		return;
	call->attempt_pdd_ms = (int32_t)(rest->stage_ms - call->attempt_ms);
	if (!call->first_answer_ms)
		call->first_answer_ms = rest->stage_ms;
	call->sdp_seen |= rest->stage == FAILOVER_STAGE_PROGRESS_SDP;
	if (rest->stage != FAILOVER_STAGE_RINGING)
		return;
	call->ringing_seen = true;
	if (!call->first_ring_ms)
		call->first_ring_ms = rest->stage_ms;
}

int call_setup_resume(struct call *call, const struct attempt_rest *rest)
{
	int err;

	list_headers(call, call->gateway);
	call->last_cause = CAUSE_NO_GATEWAY;
	resume_progress(call, rest);
	err = attempt_resume(&call->attempt, call->context, call, call->gateway, &call->content,
		&attempt_handlers, call, rest);
	if (!err)
		call->a.own_origin |= attempt_policy(call->attempt)->sdp_own_origin;
	return err;
}

void call_setup_go_on(struct call *call)
{
	call->last_cause = CAUSE_NO_GATEWAY;
	try_next(call, NULL);
}

void call_setup(struct call *call)
{
	const struct routing_request request = {.ingress = ingress_name(call->ingress),
		.caller = call->caller,
		.callee = call->callee,
		.now_ms = clock_now_ms()};

	if (call_plan(call->context, &request, &call->plan)) {
		call_end_refused(call, CAUSE_INTERNAL, cause_words(CAUSE_INTERNAL), CDR_SERVER);
		return;
	}
	if (!call->plan.matched) {
		call_end_refused(call, CAUSE_NO_ROUTE, cause_words(CAUSE_NO_ROUTE), CDR_SERVER);
		return;
	}
	call->last_cause = CAUSE_NO_GATEWAY;
	try_next(call, NULL);
}
