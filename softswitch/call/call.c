#include "call.h"

#include "call_cdr.h"
#include "call_early.h"
#include "call_end.h"
#include "call_setup.h"
#include "clock.h"
#include "message.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What its legs report ---------------------------------------------------------------------- */

static void on_reinvite(void *arg)
{
	call_cdr_changed(arg);
}

static void on_refreshed(struct dialog *leg, void *arg)
{
	struct call *call = arg;

	if (call_state_is_answered(call))
		session_timer_restart(&call->timers, bridge_side(&call->bridge, leg));
	call_cdr_changed(call);
}

static void on_request_end(struct dialog *leg, void *arg)
{
	(void)leg;
	call_cdr_requests(arg);
}

/** The switch ends it. @param gone  the leg that knows nothing of it and gets no BYE; NULL = both are told */
static void end_by_leg(struct call *call, enum cause cause, const struct dialog *gone)
{
	if (!call_state_is_answered(call))
		return; /* before the answer its INVITE decides */
	call_end(call,
		&(struct call_end){.code = cause_sip_code(cause),
			.words = cause_words(cause),
			.direction = CDR_SERVER,
			.gone = gone});
}

static bool is_caller(const struct call *call, const struct dialog *leg)
{
	return leg == &call->a;
}

static void on_gone(struct dialog *leg, void *arg)
{
	end_by_leg(arg, is_caller(arg, leg) ? CAUSE_CALLER_GONE : CAUSE_GATEWAY_GONE, leg);
}

static void on_refresh_failed(struct dialog *leg, void *arg)
{
	end_by_leg(
		arg, is_caller(arg, leg) ? CAUSE_CALLER_REFRESH_FAILED : CAUSE_GATEWAY_REFRESH_FAILED, NULL);
}

static void on_expired(struct dialog *leg, void *arg)
{
	end_by_leg(arg, is_caller(arg, leg) ? CAUSE_CALLER_EXPIRED : CAUSE_GATEWAY_EXPIRED, NULL);
}

static void on_moved(struct dialog *leg, void *arg)
{
	struct call *call = arg;

	session_timer_tell(&call->timers, is_caller(call, leg) ? BRIDGE_GATEWAY : BRIDGE_CALLER);
}

static void on_reinvite_unacknowledged(struct dialog *leg, void *arg)
{
	end_by_leg(arg, is_caller(arg, leg) ? CAUSE_CALLER_NO_ACK : CAUSE_GATEWAY_NO_ACK, NULL);
}

static struct resend_schedule resend(const struct dialog *leg, void *arg)
{
	const struct call *call = arg;
	struct gateway_policy policy;

	if (is_caller(call, leg))
		return *call_resend(call);
	gateway_policy(call->gateway, &call_stack(call)->parameters, &policy);
	return policy.resend;
}

static const struct bridge_handlers bridge_handlers = {
	.on_refreshed = on_refreshed,
	.on_reinvite = on_reinvite,
	.on_request_end = on_request_end,
	.on_gone = on_gone,
	.on_refresh_failed = on_refresh_failed,
	.on_expired = on_expired,
	.on_moved = on_moved,
	.on_unacknowledged = on_reinvite_unacknowledged,
	.resend = resend,
};

/* The caller's INVITE ----------------------------------------------------------------------- */

static void on_cancel(const struct received *rx, void *arg)
{
	call_end_cancelled(arg, rx->sip);
}

static void on_unacknowledged(void *arg)
{
	struct call *call = arg;

	call->invite = NULL;
	call_end_hangup(call, CAUSE_CALLER_NO_ACK);
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
		if (iscntrl((unsigned char)*at) && *at != '\t')
			*at = ' '; /* a folded line, too: we write one */
	address_name(rx->source, call->source);
	return call->caller && call->callee ? 0 : -ENOMEM;
}

void call_destroy(struct call *call)
{
	if (!call)
		return;
	dialog_clear(&call->a); /* of a call that was never begun */
	ingress_unref(call->ingress);
	gateway_unref(call->gateway);
	gateway_unref(call->called);
	call_cdr_clear(call);
	free(call->negotiated_with);
	free(call->unacked.data);
	free(call->caller);
	free(call->callee);
	free(call->display);
	free(call);
}

static void turn_away(struct call *call, const struct call_refusal *refusal)
{
	call_end_refuse(call, refusal->code, refusal->headers);
	call_end(call,
		&(struct call_end){.code = refusal->code, .words = refusal->words, .direction = CDR_SERVER});
}

/** Not answered by then, the call ends: by the caller's own Expires, or by the parameter; the sooner counts. */
static void limit_setup(struct call *call, const sip_expires_t *expires)
{
	uint32_t limit = call_stack(call)->parameters.early_hangup_ms;
	uint32_t seconds = expires && !expires->ex_date ? message_seconds(expires->ex_delta) : 0;
	uint64_t passed = clock_now_ms() - call->begin_ms;

	call->expires = seconds && seconds < UINT32_MAX / 1000 && (!limit || 1000 * seconds < limit);
	limit = call->expires ? 1000 * seconds : limit;
	call_end_after(call, passed < limit ? limit - (uint32_t)passed : !!limit);
}

/** Note what was asked for. */
static void note(struct call *call, const struct received *invite)
{
	const sip_t *sip = invite->sip;
	struct ingress_policy policy;

	limit_setup(call, sip->sip_expires);
	ingress_policy(call->ingress, &call_stack(call)->parameters, &policy);
	call->a.session.timer = policy.session_timer;
	call->max_duration_ms = policy.max_call_duration_ms;
	session_learn(&call->a.session, sip);
	session_describe(&call->a.session, sip);
	session_identify(&call->a.session, sip);
	call_early_begin(call, sip, policy.sip_100rel);
	call->received = msg_ref(invite->msg);
	call->offerless = !message_has_sdp(sip);
	call->content = (struct invite_content){.caller = call->caller,
		.callee = call->callee,
		.display = call->display,
		.received = sip,
		.can_answer = call->rel100.on,
		.caller_session = &call->a.session,
		.max_forwards = message_next_max_forwards(sip)};
}

/** Its strings, its leg, and the transaction of its INVITE. */
static int take_invite(struct call *call, const struct received *invite)
{
	struct stack *stack = call_stack(call);
	int err = take_strings(call, invite);

	if (!err)
		err = dialog_accept(&call->a, stack->dialogs, call, invite);
	if (!err)
		err = server_transaction_create(
			&call->invite, stack->server_transactions, invite, &server_handlers, call);
	if (!err)
		server_transaction_set_tag(call->invite, call->a.local_tag);
	return err;
}

int call_resume_invite(struct call *call, const struct received *invite)
{
	return server_transactions_find(call_stack(call)->server_transactions, invite->sip)
		? -EEXIST
		: take_invite(call, invite);
}

void call_resume(struct call *call, const struct received *invite)
{
	const uint32_t max_duration_ms = call->max_duration_ms;
	const bool offerless = call->offerless;

	call_set_state(call, CALL_TRYING);
	note(call, invite);
	call->max_duration_ms = max_duration_ms;
	call->offerless = offerless;
	call_setup_say_trying(call);
}

void call_resume_answer(struct call *call, struct server_transaction *answered_take)
{
	server_transaction_hand_over(answered_take, &server_handlers, call);
	call->invite = answered_take;
	call->bridge.answer_in_ack = !call->negotiated;
	call_cdr_changed(call);
}

struct call *call_prepare(struct call_context *context)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->context = context;
	STAILQ_INIT(&call->attempts);
	bridge_init(&call->bridge, context->stack, &call->a, &bridge_handlers, call);
	session_timers_init(&call->timers, &call->bridge);
	call_end_init(call);
	return call;
}

int call_create(struct call_context *context, struct ingress *ingress, const struct received *invite,
	const struct call_refusal *refusal)
{
	struct call *call = call_prepare(context);
	char words[80];
	int err;

	if (!call)
		return -ENOMEM;
	call->ingress = ingress_ref(ingress);
	call->begin_ms = clock_now_ms();
	call->begin_epoch_ms = clock_epoch_ms();
	err = take_invite(call, invite);
	if (err) {
		call_destroy(call);
		return err;
	}
	call_set_state(call, CALL_TRYING);
	if (refusal) {
		turn_away(call, refusal);
		return 0;
	}
	err = call_state_seize_ingress(call);
	if (err) {
		ingress_explain(ingress, err, words, sizeof(words));
		call_end_refused(call, CAUSE_INGRESS_FULL, words, CDR_SERVER);
		return 0;
	}
	note(call, invite);
	call_setup(call);
	return 0;
}

/* What others see --------------------------------------------------------------------------- */

void call_info(const struct call *call, struct call_info *out)
{
	*out = (struct call_info){
		.id = call->a.local_tag,
		.a_call_id = call->a.call_id,
		.b_call_id = call->attempt ? attempt_call_id(call->attempt) : call->b_call_id,
		.state = call_state_name(call),
		.stage = call->attempt ? failover_stage_name(attempt_stage(call->attempt)) : "",
		.ingress = ingress_name(call->ingress),
		.gateway = call->gateway ? gateway_name(call->gateway) : "",
		.caller = call->caller,
		.callee = call->callee,
		.begin_ms = call->begin_epoch_ms,
		.answer_ms = call_cdr_epoch_ms(call, call->answer_ms),
		.recovered = call->recovered,
	};
}

unsigned call_count_channels(const struct call *call)
{
	call_limits_recount(&call->channel_in);
	call_limits_recount(&call->channel_out);
	return !!call->channel_in.limits + !!call->channel_out.limits;
}
