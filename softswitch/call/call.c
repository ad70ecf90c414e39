#include "address.h"
#include "call_state.h"

#include "clock.h"
#include "gateway_liveness.h"
#include "headers.h"
#include "leg.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "relay.h"

#include <event2/event.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {"trying", "connecting", "answered", "up", "ended"};

void call_set_state(struct call *call, enum call_state state)
{
	log_debug(call->a.call_id, "call state from=%s to=%s", state_names[call->state], state_names[state]);
	call->state = state;
}

/* Channels ---------------------------------------------------------------------------------- */

static int seize_ingress(struct call *call)
{
	int err = mapping_gateway_seize(call->ingress, &call->channel_in, call->begin_ms);

	call->context->channels += !err;
	return err;
}

void call_release(struct call *call, struct channel *channel)
{
	call->context->channels -= channel->limits != NULL;
	call_limits_release(channel);
}

/* The end ----------------------------------------------------------------------------------- */

void call_drop_setup(struct call *call)
{
	if (call->received)
		msg_destroy(call->received);
	call->received = NULL;
	if (call->answer)
		msg_destroy(call->answer);
	call->answer = NULL;
	routing_plan_clear(&call->plan);
}

struct dialog *call_leg_b(const struct call *call)
{
	return call->b ? invite_dialog(call->b) : NULL;
}

struct resend_schedule call_resend(const struct call *call, const struct dialog *to)
{
	struct gateway_policy policy;

	if (to == &call->a)
		return stack_of(call)->parameters.resend;
	gateway_policy(call->gateway, &stack_of(call)->parameters, &policy);
	return policy.resend;
}

static void bye(struct call *call, struct dialog *leg, const struct ending *e)
{
	struct resend_schedule resend = call_resend(call, leg);
	char reason[160];

	cause_reason_header(reason, sizeof(reason), e->code, e->words);
	if (leg == &call->a && call->invite) {
		leg_bye_after_ack(stack_of(call), leg, call->invite, &resend, e->bye ? NULL : reason, e->bye);
		call->invite = NULL;
	} else {
		leg_bye(stack_of(call), leg, &resend, e->bye ? NULL : reason, e->bye);
	}
}

/** BYE to the legs that are still there: the gateway has answered, the caller may not know of it yet. */
static void hang_up(struct call *call, const struct ending *e)
{
	struct dialog *legs[] = {call->answer_ms ? &call->a : NULL, call_leg_b(call)};

	if (call->offerless && !call_leg_b(call)->ack_seq)
		leg_acknowledge(stack_of(call), call_leg_b(call), NULL); /* its 2xx still waits for one */
	for (int i = 0; i < 2; i++)
		if (legs[i] && legs[i] != e->gone)
			bye(call, legs[i], e);
}

void call_end(struct call *call, const struct ending *e)
{
	assert(call->state != CALL_ENDED);
	event_del(&call->limit);
	session_timer_stop(&call->timer_a);
	session_timer_stop(&call->timer_b);
	relay_end_all(call);
	if (call->answer_ms)
		gateway_on_call_end(call->gateway, clock_now_ms() - call->answer_ms, clock_now_ms());
	call_release(call, &call->channel_out);
	call_release(call, &call->channel_in);
	call_cdr_end(call, e);
	call_set_state(call, CALL_ENDED);
	rel100_stop(&call->rel100);
	if (call->b)
		hang_up(call, e);
	server_transaction_forget(call->invite);
	call->invite = NULL;
	call_drop_setup(call);
	dialog_clear(&call->a); /* what still comes for it finds no dialog */
	invite_destroy(call->b);
	call->b = NULL;
	call->context->active--;
	call->context->failed += !call->answer_ms;
	LIST_REMOVE(call, link);
	LIST_INSERT_HEAD(&call->context->parked, call, link);
}

void call_refuse(struct call *call, int code, const char *phrase, const char *headers)
{
	server_transaction_reply(call->invite, code, phrase, call->a.local_tag, headers, resend_of(call));
	call->invite = NULL;
}

void call_refuse_and_end(struct call *call, enum cause cause, const char *words, enum cdr_direction direction)
{
	int code = cause_sip_code(cause);
	char headers[160];

	cause_reason_header(headers, sizeof(headers), code, words);
	call_refuse(call, code, NULL, headers);
	call_end(call, &(struct ending){.code = code, .words = words, .direction = direction});
}

void call_hangup(struct call *call, enum cause cause)
{
	const char *words = cause_words(cause);

	if (call->state == CALL_ENDED)
		return;
	if (call->state < CALL_ANSWERED) {
		call_setup_cancel(call, cause_sip_code(cause), words);
		call_refuse_and_end(call, cause, words, CDR_SERVER);
		return;
	}
	call_end(call,
		&(struct ending){.code = cause_sip_code(cause), .words = words, .direction = CDR_SERVER});
}

/** The call was not answered in time, or lasts too long. */
static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct call *call = arg;

	(void)fd;
	(void)what;
	call_hangup(call, call->state < CALL_ANSWERED ? CAUSE_EARLY_HANGUP : CAUSE_MAX_DURATION);
}

void call_limit(struct call *call, uint32_t ms)
{
	struct timeval tv;

	if (ms)
		event_add(&call->limit, loop_delay(stack_of(call)->loop, ms, &tv));
	else
		event_del(&call->limit);
}

/* The caller's side ------------------------------------------------------------------------- */

void call_give_up(struct call *call)
{
	call_setup_cancel(call, 487, cause_words(CAUSE_CALLER_CANCEL));
	call_refuse_and_end(call, CAUSE_CALLER_CANCEL, cause_words(CAUSE_CALLER_CANCEL), CDR_CALLER);
}

static void on_cancel(const struct received *rx, void *arg)
{
	(void)rx;
	call_give_up(arg);
}

static void on_unacknowledged(void *arg)
{
	struct call *call = arg;

	call->invite = NULL;
	call_hangup(call, CAUSE_NO_ACK);
}

static const struct server_transaction_handlers server_handlers = {
	.on_cancel = on_cancel, .on_unacknowledged = on_unacknowledged};

static int take_strings(struct call *call, const struct received *rx)
{
	const sip_t *sip = rx->sip;

	call->caller = strdup(message_uri_user(sip->sip_from->a_url));
	call->callee = strdup(sip->sip_request->rq_url->url_user ? sip->sip_request->rq_url->url_user : "");
	if (sip->sip_from->a_display && *sip->sip_from->a_display)
		call->display = strdup(sip->sip_from->a_display);
	for (char *at = call->display; at && *at; at++)
		if (*at == '\r' || *at == '\n')
			*at = ' '; /* a folded line: we write one */
	address_name(rx->source, call->source);
	return call->caller && call->callee ? 0 : -ENOMEM;
}

static void call_destroy(struct call *call)
{
	dialog_clear(&call->a); /* of a call that was never begun */
	mapping_gateway_unref(call->ingress);
	gateway_unref(call->gateway);
	gateway_unref(call->called);
	call_attempts_clear(&call->record);
	free(call->attempts);
	free(call->settled_with);
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
	struct mapping_gateway_policy policy;
	char words[80];
	int err;

	if (!call)
		return -ENOMEM;
	call->context = context;
	call->ingress = mapping_gateway_ref(ingress);
	call->begin_ms = clock_now_ms();
	call->begin_epoch_ms = clock_epoch_ms();
	LIST_INIT(&call->relays);
	call_attempts_init(&call->record);
	event_assign(&call->limit, loop_base(context->stack->loop), -1, 0, on_limit, call);
	err = take_strings(call, invite);
	if (!err)
		err = dialog_accept(&call->a, context->stack->dialogs, call, invite);
	if (!err)
		err = server_transaction_create(
			&call->invite, context->stack->server_transactions, invite, &server_handlers, call);
	if (err) {
		call_destroy(call);
		return err;
	}
	LIST_INSERT_HEAD(&context->live, call, link);
	context->total++;
	context->active++;
	if (refusal) {
		call_refuse(call, refusal->code, NULL, refusal->headers);
		call_end(call,
			&(struct ending){
				.code = refusal->code, .words = refusal->words, .direction = CDR_SERVER});
		return 0;
	}
	err = seize_ingress(call);
	if (err) {
		mapping_gateway_explain(ingress, err, words, sizeof(words));
		call_refuse_and_end(call, CAUSE_INGRESS_FULL, words, CDR_SERVER);
		return 0;
	}
	call_limit(call, stack_of(call)->parameters.early_hangup_ms);
	mapping_gateway_policy(ingress, &stack_of(call)->parameters, &policy);
	call->a.session.timer = policy.session_timer;
	call->max_duration_ms = policy.max_call_duration_ms;
	session_learn(&call->a.session, sip);
	session_describe(&call->a.session, sip);
	call_early_begin(call, sip, policy.sip_100rel);
	call->received = msg_ref(invite->msg);
	call->offerless = !message_has_sdp(sip);
	call->content = (struct invite_content){.caller = call->caller,
		.callee = call->callee,
		.display = call->display,
		.received = sip,
		.can_answer = call->rel100.on,
		.caller_session = &call->a.session,
		.max_forwards =
			sip->sip_max_forwards ? (unsigned)sip->sip_max_forwards->mf_count - 1 : MAX_FORWARDS};
	server_transaction_reply(call->invite, 100, NULL, call->a.local_tag, NULL, resend_of(call));
	call_setup(call);
	return 0;
}

/* Small ones -------------------------------------------------------------------------------- */

void call_info(const struct call *call, struct call_info *out)
{
	*out = (struct call_info){
		.id = call->a.local_tag,
		.a_call_id = call->a.call_id,
		.b_call_id = call->attempt ? attempt_call_id(call->attempt) : call->b_call_id,
		.state = state_names[call->state],
		.stage = call->attempt ? failover_stage_name(attempt_stage(call->attempt)) : "",
		.ingress = mapping_gateway_name(call->ingress),
		.gateway = call->gateway ? gateway_name(call->gateway) : "",
		.caller = call->caller,
		.callee = call->callee,
		.begin_ms = call->begin_epoch_ms,
		.answer_ms = call_epoch_ms(call, call->answer_ms),
	};
}

unsigned call_count_channels(const struct call *call)
{
	call_limits_count(&call->channel_in);
	call_limits_count(&call->channel_out);
	return !!call->channel_in.limits + !!call->channel_out.limits;
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
