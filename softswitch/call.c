#include "call.h"

#include "attempt.h"
#include "clock.h"
#include "headers.h"
#include "leg.h"
#include "log.h"
#include "message.h"
#include "record.h"
#include "relay.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
	LIST_ENTRY(call) link;
	struct call_context *context;
	enum call_state state;
	struct dialog a;          /* the caller's leg */
	struct invite *b;         /* the leg that answered */
	struct server *invite;    /* the caller's INVITE, until it is answered and acknowledged */
	msg_t *received;          /* the same, until a gateway has answered: each attempt passes it on */
	struct attempt *attempt;  /* the gateway being tried */
	struct invite_content content;
	struct plan plan;
	unsigned next_candidate, tried;
	struct relay_list relays;

	struct mapping_gateway *ingress;
	struct channel channel_in, channel_out;
	struct gateway *gateway; /* tried last, or the one that answered */

	char *caller, *callee, *display;
	char source[HOP_NAME_MAX], destination[HOP_NAME_MAX];
	char b_call_id[2 * SIP_TOKEN_SIZE];
	bool offerless, sdp_seen, ringing_seen;
	struct record record;
	char *attempts; /* the record's, in JSON, once no more can come */
	cdr_slot slot;
	int64_t begin_epoch_ms;
	uint64_t begin_ms, first_ring_ms, first_answer_ms, answer_ms; /* monotonic, 0 = not yet */
	uint64_t attempt_ms;
	/* What the caller is told when nothing is left. */
	enum cause last_cause;
	int last_code;
};

static struct stack *stack_of(const struct call *call)
{
	return call->context->stack;
}

static const struct intervals *resend_of(const struct call *call)
{
	return &stack_of(call)->parameters.resend;
}

static const char *const state_names[] = {"trying", "answered", "up", "ended"};

static void set_state(struct call *call, enum call_state state)
{
	log_debug(call->a.call_id, "call state from=%s to=%s", state_names[call->state], state_names[state]);
	call->state = state;
}

/** How a call ends. */
struct ending {
	int code;
	const char *words;
	enum cdr_direction direction;
	const struct dialog *gone; /* the leg that ended by itself and gets no BYE; NULL = none */
	const sip_t *bye;          /* its BYE: what it carries goes to the other leg; NULL = none */
};

/* The record -------------------------------------------------------------------------------- */

static int64_t epoch_of(const struct call *call, uint64_t monotonic_ms)
{
	return monotonic_ms ? call->begin_epoch_ms + (int64_t)(monotonic_ms - call->begin_ms) : 0;
}

static void fill_record(const struct call *call, struct cdr *row)
{
	*row = (struct cdr){
		.a_call_id = call->a.call_id,
		.b_call_id = call->b_call_id,
		.ingress = mapping_gateway_name(call->ingress),
		.gateway = call->gateway ? gateway_name(call->gateway) : "",
		.caller_in = call->caller,
		.caller_out = call->gateway ? call->caller : "",
		.callee_in = call->callee,
		.callee_out = call->gateway ? call->callee : "",
		.source_addr = call->source,
		.destination_addr = call->destination,
		.begin_ms = call->begin_epoch_ms,
		.ring_ms = epoch_of(call, call->first_ring_ms),
		.answer_ms = epoch_of(call, call->answer_ms),
		.pdd_ms = call->first_answer_ms ? (int64_t)(call->first_answer_ms - call->begin_ms) : -1,
		.hold_ms = -1,
		.attempts = call->attempts,
	};
}

/** Where the attempt went by now: a name may have been resolved, or another address tried, since it began. */
static void note_leg(struct call *call)
{
	snprintf(call->b_call_id, sizeof(call->b_call_id), "%s", attempt_call_id(call->attempt));
	snprintf(call->destination, sizeof(call->destination), "%s", attempt_address(call->attempt));
}

static void record_attempt(struct call *call, const char *stage, int code, const char *reason)
{
	uint64_t now = clock_now_ms();
	struct record_attempt a = {.stage = stage, .code = code,
		.begin_ms = epoch_of(call, call->attempt_ms),
		.duration_ms = (int64_t)(now - call->attempt_ms)};

	snprintf(a.address, sizeof(a.address), "%s", call->destination);
	snprintf(a.reason, sizeof(a.reason), "%s", reason);
	record_add(&call->record, gateway_name(call->gateway), &a);
}

static void record_skip(struct call *call, struct gateway *gw, enum gateway_verdict verdict)
{
	uint64_t now = clock_now_ms();
	struct record_attempt a = {.stage = "skipped", .begin_ms = epoch_of(call, now)};

	gateway_explain(gw, verdict, now, a.reason, sizeof(a.reason));
	record_add(&call->record, gateway_name(gw), &a);
}

static void close_attempts(struct call *call)
{
	if (!call->attempts)
		call->attempts = record_attempts_json(&call->record);
	record_clear(&call->record);
}

static void write_answered(struct call *call)
{
	struct cdr row;

	close_attempts(call);
	fill_record(call, &row);
	row.sip_code = 200;
	call->slot = cdr_answer(call->context->cdr_log, &row);
}

static void write_end(struct call *call, const struct ending *e)
{
	uint64_t now = clock_now_ms();
	struct cdr row;

	close_attempts(call);
	fill_record(call, &row);
	row.end_ms = epoch_of(call, now);
	if (call->answer_ms)
		row.hold_ms = (int64_t)(now - call->answer_ms);
	row.sip_code = call->answer_ms ? 200 : e->code;
	row.end_reason = e->words;
	row.end_direction = e->direction;
	cdr_end(call->context->cdr_log, call->slot, &row);
}

/* Channels ---------------------------------------------------------------------------------- */

static int seize_ingress(struct call *call)
{
	int err = mapping_gateway_seize(call->ingress, &call->channel_in, call->begin_ms);

	call->context->channels += !err;
	return err;
}

static enum gateway_verdict seize_gateway(struct call *call, struct gateway *gw)
{
	enum gateway_verdict verdict = gateway_seize(gw, &call->channel_out, clock_now_ms());

	call->context->channels += verdict == GATEWAY_USABLE;
	return verdict;
}

static void release(struct call *call, struct channel *channel)
{
	call->context->channels -= channel->limits != NULL;
	channel_release(channel);
}

/* The end ----------------------------------------------------------------------------------- */

static void drop_setup(struct call *call)
{
	if (call->received)
		msg_destroy(call->received);
	call->received = NULL;
	plan_clear(&call->plan);
}

static struct dialog *leg_b(const struct call *call)
{
	return call->b ? invite_dialog(call->b) : NULL;
}

struct intervals call_resend(const struct call *call, const struct dialog *to)
{
	struct gateway_policy policy;

	if (to == &call->a)
		return stack_of(call)->parameters.resend;
	gateway_policy(call->gateway, &stack_of(call)->parameters, &policy);
	return policy.resend;
}

/** BYE to the legs of an answered call that are still there. */
static void hang_up(struct call *call, const struct ending *e)
{
	struct dialog *legs[] = {&call->a, leg_b(call)};
	struct intervals resend;
	char reason[160];

	cause_reason_header(reason, sizeof(reason), e->code, e->words);
	if (call->offerless && !leg_b(call)->ack)
		leg_acknowledge(stack_of(call), leg_b(call), NULL); /* its 2xx still waits for one */
	if (call->invite && e->bye && e->gone == leg_b(call)) { /* answered and over before the caller's ACK */
		leg_bye_after_ack(stack_of(call), &call->a, call->invite, resend_of(call), e->bye);
		call->invite = NULL;
		return;
	}
	for (int i = 0; i < 2; i++) {
		if (legs[i] == e->gone)
			continue;
		resend = call_resend(call, legs[i]);
		leg_bye(stack_of(call), legs[i], &resend, e->bye ? NULL : reason, e->bye);
	}
}

/** The one door out: releases, stops, records, and ends the legs of an answered call. */
static void call_end(struct call *call, const struct ending *e)
{
	assert(call->state != CALL_ENDED);
	relay_end_all(call);
	release(call, &call->channel_out);
	release(call, &call->channel_in);
	write_end(call, e);
	set_state(call, CALL_ENDED);
	if (call->answer_ms)
		hang_up(call, e);
	server_forget(call->invite);
	call->invite = NULL;
	drop_setup(call);
	dialog_clear(&call->a); /* what still comes for it finds no dialog */
	invite_destroy(call->b);
	call->b = NULL;
	call->context->active--;
	call->context->failed += !call->answer_ms;
	LIST_REMOVE(call, link);
	LIST_INSERT_HEAD(&call->context->parked, call, link);
}

/** Final failure to the caller's INVITE. */
static void refuse(struct call *call, int code, const char *phrase, const char *headers)
{
	server_reply(call->invite, code, phrase, call->a.local_tag, headers, resend_of(call));
	call->invite = NULL;
}

static void refuse_and_end(struct call *call, enum cause cause, const char *words, enum cdr_direction direction)
{
	int code = cause_sip_code(cause);
	char headers[160];

	cause_reason_header(headers, sizeof(headers), code, words);
	refuse(call, code, NULL, headers);
	call_end(call, &(struct ending){.code = code, .words = words, .direction = direction});
}

static void abandon_attempt(struct call *call, const char *reason_header)
{
	attempt_abandon(call->attempt, reason_header);
	call->attempt = NULL;
}

static void cancel_attempt(struct call *call, int code, const char *words)
{
	char reason[160];

	if (!call->attempt)
		return;
	note_leg(call);
	record_attempt(call, attempt_stage_name(attempt_stage(call->attempt)), 0, words);
	cause_reason_header(reason, sizeof(reason), code, words);
	abandon_attempt(call, reason);
}

void call_hangup(struct call *call, enum cause cause)
{
	const char *words = cause_words(cause);

	if (call->state == CALL_ENDED)
		return;
	if (call->state == CALL_TRYING) {
		cancel_attempt(call, cause_sip_code(cause), words);
		refuse_and_end(call, cause, words, CDR_SERVER);
		return;
	}
	call_end(call, &(struct ending){.code = cause_sip_code(cause), .words = words, .direction = CDR_SERVER});
}

/* Trying gateways --------------------------------------------------------------------------- */

static void try_next(struct call *call);

/** A 503 says when the first of the gateways will be back, where that is known. */
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

/** Nothing is left to try: the caller gets the last failure. */
static void give_up(struct call *call, const struct received *rx)
{
	enum cause cause = call->last_cause;
	int code = cause == CAUSE_GATEWAY_CODE ? call->last_code : cause_sip_code(cause);
	struct text t = text_scratch();
	char reason[160];

	server_begin(call->invite, &t, code, rx ? rx->sip->sip_status->st_phrase : NULL, call->a.local_tag);
	cause_reason_header(reason, sizeof(reason), code, cause_words(cause));
	if (rx)
		headers_pass(&t, rx->sip, HEADERS_RESPONSE);
	if (!rx || !rx->sip->sip_reason)
		text_add(&t, reason);
	reason[0] = '\0';
	if (code == 503)
		add_retry_after(call, reason, sizeof(reason));
	text_add(&t, reason);
	struct body body = rx ? message_body(rx->sip) : (struct body){0};
	message_end(&t, &body);
	server_send(call->invite, &t, code, resend_of(call));
	call->invite = NULL;
	call_end(call, &(struct ending){.code = code,
			       .words = rx ? rx->sip->sip_status->st_phrase : cause_words(cause),
			       .direction = cause == CAUSE_GATEWAY_CODE ? CDR_CALLEE : CDR_SERVER});
}

/** Every candidate was passed over. */
static void give_up_untried(struct call *call)
{
	char headers[200] = "";

	cause_reason_header(headers, sizeof(headers), 503, cause_words(CAUSE_NO_GATEWAY));
	add_retry_after(call, headers, sizeof(headers));
	refuse(call, 503, NULL, headers);
	call_end(call, &(struct ending){.code = 503, .words = cause_words(CAUSE_NO_GATEWAY), .direction = CDR_SERVER});
}

static void describe_end(const struct attempt_end *end, char *out, size_t size)
{
	switch (end->failure) {
	case FAILED_CODE:
		snprintf(out, size, "%s", end->rx->sip->sip_status->st_phrase);
		return;
	case FAILED_TIMEOUT:
		snprintf(out, size, "timeout while %s", attempt_stage_name(end->stage));
		return;
	case FAILED_TRANSPORT:
		snprintf(out, size, "%s", end->error == -ENOENT ? "name not found" : strerror(-end->error));
		return;
	}
}

static void note_failure(struct call *call, const struct attempt_end *end)
{
	char words[80];

	describe_end(end, words, sizeof(words));
	record_attempt(call, attempt_stage_name(end->stage), end->sip_code, words);
	log_debug(call->a.call_id, "gateway failed gateway=%s code=%d reason=%s", gateway_name(call->gateway),
		end->sip_code, words);
	if (end->sip_code == 503 && end->rx->sip->sip_retry_after)
		gateway_retry_after(call->gateway, (uint32_t)end->rx->sip->sip_retry_after->af_delta, clock_now_ms());
	call->last_code = end->sip_code;
	call->last_cause = end->error == -EMSGSIZE          ? CAUSE_TOO_LARGE
			   : end->failure == FAILED_CODE    ? CAUSE_GATEWAY_CODE
			   : end->failure == FAILED_TIMEOUT ? CAUSE_TIMEOUT
							    : CAUSE_TRANSPORT;
}

static void on_failed(const struct attempt_end *end, void *arg)
{
	struct call *call = arg;
	struct attempt_result result = {
		.failure = end->failure,
		.stage = end->stage,
		.sip_code = (unsigned)end->sip_code,
		.sdp_seen = call->sdp_seen,
		.ringing_seen = call->ringing_seen,
		.tried = call->tried,
		.limit = stack_of(call)->parameters.switch_limit,
	};
	struct failover_verdict verdict = failover_decide(attempt_policy(call->attempt), &result);
	char reason[160];

	note_leg(call);
	note_failure(call, end);
	cause_reason_header(reason, sizeof(reason), cause_sip_code(CAUSE_TIMEOUT), cause_words(CAUSE_TIMEOUT));
	abandon_attempt(call, reason);
	release(call, &call->channel_out);
	if (!verdict.next)
		log_debug(call->a.call_id, "switching ended reason=%s", verdict.reason);
	/* The answer must be used now; later it is gone. Whether a candidate is left is known now, too. */
	if (!verdict.next || call->last_cause == CAUSE_TOO_LARGE || call->next_candidate >= call->plan.n)
		give_up(call, end->rx);
	else
		try_next(call);
}

/** The gateway's answer as the caller gets it. */
static void pass_response(struct call *call, struct text *t, const struct received *rx)
{
	struct body body = message_body(rx->sip);

	server_begin(call->invite, t, rx->sip->sip_status->st_status, rx->sip->sip_status->st_phrase,
		call->a.local_tag);
	dialog_contact(&call->a, t);
	text_add(t, headers_allow);
	headers_pass(t, rx->sip, HEADERS_RESPONSE);
	message_end(t, &body);
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
	call->sdp_seen |= message_has_sdp(rx->sip);
	if (status == 199)
		return; /* a fork of theirs ended: of no use to our caller (RFC 6228) */
	pass_response(call, &t, rx);
	server_send(call->invite, &t, status, resend_of(call));
}

/** The answer does not fit with what the caller's INVITE makes us repeat: nobody gets the call. */
static void give_up_answer(struct call *call)
{
	struct intervals resend = call_resend(call, leg_b(call));

	leg_acknowledge(stack_of(call), leg_b(call), NULL);
	leg_bye(stack_of(call), leg_b(call), &resend, NULL, NULL);
	refuse_and_end(call, CAUSE_TOO_LARGE, cause_words(CAUSE_TOO_LARGE), CDR_SERVER);
}

static void on_answer(const struct received *rx, void *arg)
{
	struct call *call = arg;
	struct text t = text_scratch();
	int status = rx->sip->sip_status->st_status;
	uint64_t now = clock_now_ms();

	if (!call->first_answer_ms)
		call->first_answer_ms = now;
	note_leg(call);
	record_attempt(call, "answered", status, rx->sip->sip_status->st_phrase);
	call->b = attempt_take_leg(call->attempt);
	attempt_destroy(call->attempt);
	call->attempt = NULL;
	pass_response(call, &t, rx);
	if (t.full) {
		give_up_answer(call);
		return;
	}
	call->answer_ms = now;
	set_state(call, CALL_ANSWERED);
	write_answered(call);
	call->context->answered++;
	server_send(call->invite, &t, status, resend_of(call));
	/* Without an offer in the INVITE the answer comes in the caller's ACK. */
	if (!call->offerless)
		leg_acknowledge(stack_of(call), leg_b(call), NULL);
	drop_setup(call);
}

static const struct attempt_handlers attempt_handlers = {on_progress, on_answer, on_failed};

static void try_next(struct call *call)
{
	while (call->next_candidate < call->plan.n) {
		struct gateway *gw = call->plan.candidate[call->next_candidate++].gateway;
		enum gateway_verdict verdict = seize_gateway(call, gw);

		if (verdict != GATEWAY_USABLE) {
			record_skip(call, gw, verdict);
			continue;
		}
		gateway_unref(call->gateway);
		call->gateway = gateway_ref(gw);
		call->tried++;
		call->attempt_ms = clock_now_ms();
		if (attempt_create(&call->attempt, stack_of(call), call, gw, &call->content, &attempt_handlers,
			    call) == 0)
			return;
		release(call, &call->channel_out);
		call->last_cause = CAUSE_INTERNAL;
	}
	if (call->tried)
		give_up(call, NULL);
	else
		give_up_untried(call);
}

static void route(struct call *call)
{
	struct plan_request request = {.ingress = mapping_gateway_name(call->ingress), .caller = call->caller,
		.callee = call->callee, .now_ms = clock_now_ms()};

	if (routing_plan(call->context->routing, &request, &call->plan)) {
		refuse_and_end(call, CAUSE_INTERNAL, cause_words(CAUSE_INTERNAL), CDR_SERVER);
		return;
	}
	if (!call->plan.matched) {
		refuse_and_end(call, CAUSE_NO_ROUTE, cause_words(CAUSE_NO_ROUTE), CDR_SERVER);
		return;
	}
	call->last_cause = CAUSE_NO_GATEWAY;
	try_next(call);
}

/* The caller's side ------------------------------------------------------------------------- */

static void caller_gives_up(struct call *call)
{
	cancel_attempt(call, 487, cause_words(CAUSE_CALLER_CANCEL));
	refuse_and_end(call, CAUSE_CALLER_CANCEL, cause_words(CAUSE_CALLER_CANCEL), CDR_CALLER);
}

static void on_cancel(const struct received *rx, void *arg)
{
	(void)rx;
	caller_gives_up(arg);
}

static void on_unacknowledged(void *arg)
{
	struct call *call = arg;

	call->invite = NULL;
	call_hangup(call, CAUSE_NO_ACK);
}

static const struct server_handlers server_handlers = {.on_cancel = on_cancel, .on_unacknowledged = on_unacknowledged};

static int take_strings(struct call *call, const struct received *rx)
{
	const sip_t *sip = rx->sip;

	call->caller = strdup(uri_user(sip->sip_from->a_url));
	call->callee = strdup(sip->sip_request->rq_url->url_user ? sip->sip_request->rq_url->url_user : "");
	if (sip->sip_from->a_display && *sip->sip_from->a_display)
		call->display = strdup(sip->sip_from->a_display);
	for (char *at = call->display; at && (at = strpbrk(at, "\r\n"));)
		*at = ' '; /* a folded line: we write one */
	sockaddr_name(rx->source, call->source);
	return call->caller && call->callee ? 0 : -ENOMEM;
}

static void call_destroy(struct call *call)
{
	dialog_clear(&call->a); /* of a call that was never begun */
	mapping_gateway_unref(call->ingress);
	gateway_unref(call->gateway);
	record_clear(&call->record);
	free(call->attempts);
	free(call->caller);
	free(call->callee);
	free(call->display);
	free(call);
}

void call_free_parked(struct call_context *context)
{
	struct call *call;

	while ((call = LIST_FIRST(&context->parked))) {
		LIST_REMOVE(call, link);
		call_destroy(call);
	}
}

int call_create(struct call_context *context, struct mapping_gateway *ingress, const struct received *invite,
	const struct call_refusal *refusal)
{
	const sip_t *sip = invite->sip;
	struct call *call = calloc(1, sizeof(*call));
	char words[80];
	int err;

	if (!call)
		return -ENOMEM;
	call->context = context;
	call->ingress = mapping_gateway_ref(ingress);
	call->begin_ms = clock_now_ms();
	call->begin_epoch_ms = clock_epoch_ms();
	LIST_INIT(&call->relays);
	record_init(&call->record);
	err = take_strings(call, invite);
	if (!err)
		err = dialog_accept(&call->a, context->stack->dialogs, call, invite);
	if (!err)
		err = server_create(&call->invite, context->stack->servers, invite, &server_handlers, call);
	if (err) {
		call_destroy(call);
		return err;
	}
	LIST_INSERT_HEAD(&context->live, call, link);
	context->total++;
	context->active++;
	if (refusal) {
		refuse(call, refusal->code, NULL, refusal->headers);
		call_end(call, &(struct ending){.code = refusal->code, .words = refusal->words, .direction = CDR_SERVER});
		return 0;
	}
	err = seize_ingress(call);
	if (err) {
		mapping_gateway_explain(ingress, err, words, sizeof(words));
		refuse_and_end(call, CAUSE_INGRESS_FULL, words, CDR_SERVER);
		return 0;
	}
	call->received = msg_ref(invite->msg);
	call->offerless = !message_has_sdp(sip);
	call->content = (struct invite_content){.caller = call->caller, .callee = call->callee,
		.display = call->display, .received = sip,
		.max_forwards = sip->sip_max_forwards ? (unsigned)sip->sip_max_forwards->mf_count - 1 : MAX_FORWARDS};
	server_reply(call->invite, 100, NULL, call->a.local_tag, NULL, resend_of(call));
	route(call);
	return 0;
}

/* Inside the dialogs ------------------------------------------------------------------------ */

static void on_ack(struct call *call, struct dialog *d, const struct received *rx)
{
	if (d == &call->a && call->invite && call->state == CALL_ANSWERED) {
		if (call->offerless)
			leg_acknowledge(stack_of(call), leg_b(call), rx->sip);
		server_acknowledge(call->invite);
		call->invite = NULL;
		set_state(call, CALL_UP);
		return;
	}
	relay_acknowledge(call, d, rx);
}

static void on_bye(struct call *call, struct dialog *d, const struct received *rx)
{
	struct stack *stack = stack_of(call);
	struct server *bye;

	if (server_create(&bye, stack->servers, rx, NULL, NULL)) {
		sip_reply_stateless(stack->sip, rx, 500, NULL, NULL);
		return;
	}
	server_reply(bye, 200, NULL, NULL, NULL, resend_of(call));
	if (call->state == CALL_TRYING) { /* of an early dialog (RFC 3261 section 15) */
		caller_gives_up(call);
		return;
	}
	call_end(call, &(struct ending){.code = 200,
			       .words = cause_words(CAUSE_NORMAL),
			       .direction = d == &call->a ? CDR_CALLER : CDR_CALLEE,
			       .gone = d,
			       .bye = rx->sip});
}

void call_on_request(struct call *call, struct dialog *d, const struct received *rx)
{
	const sip_t *sip = rx->sip;

	if (sip->sip_request->rq_method == sip_method_ack) {
		on_ack(call, d, rx);
		return;
	}
	if (sip->sip_cseq->cs_seq <= d->remote_seq && d->remote_seq) { /* RFC 3261 section 12.2.2 */
		sip_reply_stateless(stack_of(call)->sip, rx, 500, "CSeq out of order", NULL);
		return;
	}
	d->remote_seq = sip->sip_cseq->cs_seq;
	if (sip->sip_request->rq_method == sip_method_bye)
		on_bye(call, d, rx);
	else if (sip->sip_request->rq_method == sip_method_options)
		sip_reply_stateless(stack_of(call)->sip, rx, 200, NULL, headers_allow);
	else
		relay_request(call, d, rx);
}

bool call_awaits_ack(const struct call *call, const struct dialog *d)
{
	return (call->invite && call->offerless && d == leg_b(call)) || relay_awaits_ack(&call->relays, d);
}

struct dialog *call_other_leg(struct call *call, const struct dialog *d)
{
	if (call->state != CALL_ANSWERED && call->state != CALL_UP)
		return NULL;
	return d == &call->a ? leg_b(call) : &call->a;
}

void call_leg_gone(struct call *call, struct dialog *d)
{
	if (call->state == CALL_ENDED)
		return;
	call_end(call, &(struct ending){.code = cause_sip_code(CAUSE_PEER_GONE),
			       .words = cause_words(CAUSE_PEER_GONE),
			       .direction = d == &call->a ? CDR_CALLER : CDR_CALLEE,
			       .gone = d});
}

/* Small ones -------------------------------------------------------------------------------- */

void call_info(const struct call *call, struct call_info *out)
{
	*out = (struct call_info){
		.id = call->a.local_tag,
		.a_call_id = call->a.call_id,
		.b_call_id = call->attempt ? attempt_call_id(call->attempt) : call->b_call_id,
		.state = state_names[call->state],
		.stage = call->attempt ? attempt_stage_name(attempt_stage(call->attempt)) : "",
		.ingress = mapping_gateway_name(call->ingress),
		.gateway = call->gateway ? gateway_name(call->gateway) : "",
		.caller = call->caller,
		.callee = call->callee,
		.begin_ms = call->begin_epoch_ms,
		.answer_ms = epoch_of(call, call->answer_ms),
	};
}

struct call *call_next(const struct call *call)
{
	return LIST_NEXT(call, link);
}

struct stack *call_stack(struct call *call)
{
	return stack_of(call);
}

struct relay_list *call_relays(struct call *call)
{
	return &call->relays;
}
