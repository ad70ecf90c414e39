#include "bridge_request_state.h"

#include "cause.h"
#include "dialog_ack.h"
#include "headers.h"
#include "message.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** Under way at a time; a call needs a few. */
enum { REQUESTS_MAX = 32 };

static void tell_reinvite(const struct bridge *b)
{
	b->handlers->on_reinvite(b->arg);
}

static void request_free(struct bridge_request *r)
{
	LIST_REMOVE(r, link);
	if (r->invite && !bridge_request_is_answered(r))
		tell_reinvite(r->bridge);
	dialog_request_stop(&r->request);
	if (r->received.rx.msg)
		received_drop(&r->received);
	free(r);
}

static const sip_t *request_of(const struct bridge_request *r)
{
	return r->received.rx.sip;
}

/** Does the description of a re-INVITE that an UPDATE crosses as come from elsewhere, since it has none? */
static bool repeats_description(const struct bridge_request *r)
{
	return r->as_invite && !message_has_sdp(request_of(r));
}

/* Towards the side that asked --------------------------------------------------------------- */

static void on_refusal_over(void *arg)
{
	struct bridge_refusal *refused = arg;

	refused->server = NULL;
	tell_reinvite(refused->bridge);
}

static const struct server_transaction_handlers refusal_handlers = {.on_over = on_refusal_over};

static void forget_refusal(struct bridge_refusal *refused)
{
	server_transaction_forget(refused->server);
	refused->server = NULL;
}

static void note_end(struct bridge_request *r, int status)
{
	if (server_transaction_cseq(r->server) != r->from->remote_seq)
		return;
	r->from->remote_end = (uint16_t)status;
	r->bridge->handlers->on_request_end(r->from, r->bridge->arg);
}

/** Its refusal is waited for to be acknowledged. */
static void keep_refused(struct bridge_request *r)
{
	struct bridge_refusal *refused = &r->bridge->refused[bridge_side(r->bridge, r->from)];

	forget_refusal(refused);
	refused->server = r->server;
	server_transaction_hand_over(r->server, &refusal_handlers, refused);
}

static void send_answer(struct bridge_request *r, const struct text *t, int status)
{
	struct resend_schedule resend = bridge_resend(r->bridge, r->from);

	if (r->invite && status >= 300)
		keep_refused(r);
	else if (!r->invite && status >= 200)
		note_end(r, status);
	server_transaction_send(r->server, t, status, &resend);
}

static void reply(struct bridge_request *r, int status, const char *headers)
{
	struct text t = text_scratch();

	server_transaction_begin(r->server, &t, status, NULL, NULL);
	if (headers)
		text_add(&t, headers);
	message_end(&t, NULL);
	send_answer(r, &t, status);
}

/** What a response says of this leg. */
static void add_session(struct bridge_request *r, struct text *t, int status)
{
	if (r->target && status < 300)
		dialog_write_contact(r->from, t);
	if (!r->session || status >= 300)
		return;
	text_add(t, r->to ? session_allow(&r->to->session) : bridge_allow(r->bridge, r->from));
	if (status >= 200)
		session_accept(&r->from->session, request_of(r), &r->bridge->stack->parameters, t);
}

/** Pass the other side's answer back. @return the status it came through with */
static int answer(struct bridge_request *r, const struct received *rx)
{
	int status = rx->sip->sip_status->st_status;
	int passed = status < 300 ? status : cause_of_refusal(rx->sip, request_of(r)->sip_require);
	struct text t = text_scratch();

	if (passed != status) {
		reply(r, passed, NULL);
		return passed;
	}
	server_transaction_begin(r->server, &t, status, rx->sip->sip_status->st_phrase, NULL);
	add_session(r, &t, status);
	headers_pass(&t, rx->sip, repeats_description(r) ? HEADERS_BODILESS : HEADERS_RESPONSE,
		r->from->pass_headers);
	dialog_write_body(r->from, &t, repeats_description(r) ? NULL : rx->sip);
	send_answer(r, &t, status);
	return t.full && status >= 200 ? 513 : status;
}

static void on_cancel(const struct received *rx, void *arg)
{
	struct bridge_request *r = arg;

	(void)rx;
	if (r->state == BRIDGE_REQUEST_WAITING) {
		reply(r, 487, NULL);
		request_free(r);
	} else {
		dialog_request_cancel(&r->request); /* 487 unless the other side has accepted it by now */
	}
}

static void on_unacknowledged(void *arg)
{
	struct bridge_request *r = arg;
	struct bridge *b = r->bridge;
	struct dialog *from = r->from;

	request_free(r);
	b->handlers->on_unacknowledged(from, b->arg);
}

static const struct server_transaction_handlers server_handlers = {
	.on_cancel = on_cancel, .on_unacknowledged = on_unacknowledged};

/* Towards the other side -------------------------------------------------------------------- */

static void cross(struct bridge_request *r);

/** An UPDATE for a side that does not take it; not without a description to go with it, nor before the answer. */
static bool crosses_as_invite(
	const struct bridge *b, const struct dialog *from, const struct dialog *to, const sip_t *sip)
{
	return sip->sip_request->rq_method == sip_method_update && b->leg[BRIDGE_GATEWAY] &&
		to->session.update == SESSION_UPDATE_REFUSED &&
		(message_has_sdp(sip) || from->session.theirs.len);
}

static void write_request(struct text *t, void *arg)
{
	const struct bridge_request *r = arg;
	const sip_t *sip = request_of(r);

	r->to->offerless = r->offerless;
	if (r->session || r->offer) {
		text_add(t, session_allow(&r->from->session));
		session_propose(&r->to->session, &r->bridge->stack->parameters, false, t);
	}
	headers_pass(
		t, sip, repeats_description(r) ? HEADERS_BODILESS : HEADERS_REQUEST, r->to->pass_headers);
	if (repeats_description(r))
		dialog_write_description(r->to, t, &r->from->session);
	else
		dialog_write_body(r->to, t, sip);
}

/** The request has succeeded: what both sides agreed on is in force. */
static void agree(struct bridge_request *r, const struct received *rx)
{
	const sip_t *response = rx->sip;
	struct bridge *b = r->bridge;

	session_learn(&r->to->session, response);
	session_granted(&r->to->session, response);
	session_identify(&r->from->session, request_of(r));
	session_describe(&r->from->session, request_of(r));
	session_describe(&r->to->session, response);
	b->handlers->on_refreshed(r->from, b->arg);
	b->handlers->on_refreshed(r->to, b->arg);
}

/** The final response went through with this status. @return true when the request is over */
static bool finish(struct bridge_request *r, const struct received *rx, int passed)
{
	if (r->target && passed < 300)
		dialog_refresh_target(r->from, &r->received.rx);
	if ((r->target || r->offer) && passed < 300)
		dialog_refresh_target(r->to, rx);
	if ((r->session || r->offer) && passed < 300)
		agree(r, rx);
	if ((r->invite || r->as_invite) && rx->sip->sip_status->st_status < 300) {
		if (r->invite && passed < 300)
			r->state = BRIDGE_REQUEST_ANSWERED;
		if (!r->offerless || !bridge_request_is_answered(r))
			dialog_ack(r->bridge->stack, r->to, NULL);
	}
	return !bridge_request_is_answered(r);
}

/** An UPDATE that the other side does not take after all crosses as a re-INVITE. @return false when it is over */
static bool cross_again(struct bridge_request *r, int status)
{
	if (!r->session || r->invite || r->as_invite || (status != 405 && status != 501))
		return false;
	r->to->session.update = SESSION_UPDATE_REFUSED;
	if (!crosses_as_invite(r->bridge, r->from, r->to, request_of(r)))
		return false;
	r->as_invite = r->offer = true;
	cross(r);
	return true;
}

static void on_response(const struct received *rx, void *arg)
{
	struct bridge_request *r = arg;
	struct bridge *b = r->bridge;
	struct dialog *to = r->to;
	int status = rx->sip->sip_status->st_status;
	/* To a NOTIFY it speaks of the subscription alone (RFC 5057 section 5.1). */
	bool gone = status == 481 && request_of(r)->sip_request->rq_method != sip_method_notify;
	bool moved = repeats_description(r) && !session_is_same(&to->session, rx->sip);
	int passed;

	if (status < 200 && (r->as_invite || sip_has_feature(request_of(r)->sip_require, "100rel")))
		return; /* the peer waits for a final response, or for a reliable one, which we cannot do here */
	if (cross_again(r, status))
		return;
	if (r->request.cancelled && status >= 300)
		reply(r, passed = 487, NULL);
	else
		passed = answer(r, rx);
	if (status < 200 || !finish(r, rx, passed))
		return;
	request_free(r);
	if (gone)
		b->handlers->on_gone(to, b->arg);
	else if (moved && passed < 300)
		b->handlers->on_moved(to, b->arg);
}

static void on_failure(int error, void *arg)
{
	struct bridge_request *r = arg;

	(void)error;
	reply(r, r->request.cancelled ? 487 : 408, NULL);
	request_free(r);
}

static const struct dialog_request_handlers request_handlers = {write_request, on_response, on_failure};

/** The method as static text, which the dialog request keeps; NULL = it does not cross. A PRACK crosses for its offer alone. */
static const char *method_name(const sip_t *sip)
{
	static const char *const methods[] = {"INVITE", "UPDATE", "INFO", "MESSAGE", "NOTIFY", "REFER"};

	if (sip->sip_request->rq_method == sip_method_prack)
		return "UPDATE";
	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i], sip->sip_request->rq_method_name))
			return methods[i];
	return NULL;
}

/* Entry points ------------------------------------------------------------------------------ */

static bool is_full(const struct bridge *b)
{
	const struct bridge_request *r;
	unsigned n = 0;

	LIST_FOREACH (r, &b->requests, link)
		n++;
	return n >= REQUESTS_MAX;
}

/** @return NULL when it was refused */
static struct bridge_request *begin(
	struct bridge *b, struct dialog *from, struct dialog *to, const struct received *rx)
{
	struct stack *stack = b->stack;
	sip_method_t method = rx->sip->sip_request->rq_method;
	bool session = method == sip_method_invite || method == sip_method_update;
	struct bridge_request *r;

	if (is_full(b)) {
		transport_reply_stateless(rx, 500, "Too Many Requests Under Way", "Retry-After: 2\r\n");
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (!r ||
		server_transaction_create(&r->server, stack->server_transactions, rx, &server_handlers, r)) {
		free(r);
		transport_reply_stateless(rx, 500, NULL, NULL);
		return NULL;
	}
	received_keep(&r->received, rx);
	r->bridge = b;
	r->from = from;
	r->to = to;
	r->invite = method == sip_method_invite;
	r->session = session;
	r->target = dialog_is_target_refresh(rx->sip->sip_request->rq_method_name);
	r->as_invite = to && crosses_as_invite(b, from, to, rx->sip);
	r->offer = r->invite || r->as_invite ||
		((r->session || method == sip_method_prack) && message_has_sdp(rx->sip));
	r->offerless = r->invite && !message_has_sdp(rx->sip);
	LIST_INSERT_HEAD(&b->requests, r, link);
	if (r->invite)
		reply(r, 100, NULL);
	if (r->invite)
		tell_reinvite(b);
	if (r->session)
		session_learn(&from->session, rx->sip);
	return r;
}

static void cross(struct bridge_request *r)
{
	const sip_t *sip = request_of(r);

	r->request = (struct dialog_request){.stack = r->bridge->stack,
		.dialog = r->to,
		.method = r->as_invite ? "INVITE" : method_name(sip),
		.resend = bridge_resend(r->bridge, r->to),
		.max_forwards = message_next_max_forwards(sip),
		.handlers = &request_handlers,
		.arg = r};
	if (r->invite || r->as_invite)
		tell_reinvite(r->bridge);
	if (dialog_request_start(&r->request) == 0)
		return;
	reply(r, 503, NULL);
	request_free(r);
}

/** @return true when it was answered because it may go no further */
static bool has_no_hops_left(const struct bridge *b, const struct received *rx)
{
	const sip_max_forwards_t *hops = rx->sip->sip_max_forwards;

	if (!hops || hops->mf_count)
		return false;
	server_transaction_answer(b->stack->server_transactions, rx, 483, NULL, &b->stack->parameters.resend);
	return true;
}

void bridge_request_pass(struct bridge *b, struct dialog *from, struct dialog *to, const struct received *rx)
{
	struct bridge_request *r = has_no_hops_left(b, rx) ? NULL : begin(b, from, to, rx);

	if (r)
		cross(r);
}

void bridge_request_wait(struct bridge *b, struct dialog *from, const struct received *rx)
{
	struct bridge_request *r =
		has_no_hops_left(b, rx) ? NULL : begin(b, from, bridge_other_leg(b, from), rx);

	if (r)
		r->state = BRIDGE_REQUEST_WAITING;
}

void bridge_request_go_on(struct bridge *b)
{
	struct bridge_request *r, *next;

	for (r = LIST_FIRST(&b->requests); r; r = next) {
		next = LIST_NEXT(r, link);
		if (r->state != BRIDGE_REQUEST_WAITING)
			continue;
		r->state = BRIDGE_REQUEST_CROSSING;
		cross(r);
	}
}

void bridge_request_answer_refresh(struct bridge *b, struct dialog *from, const struct received *rx)
{
	struct bridge_request *r = begin(b, from, NULL, rx);
	struct text t = text_scratch();

	if (!r)
		return;
	server_transaction_begin(r->server, &t, 200, NULL, NULL);
	add_session(r, &t, 200);
	if (r->offer)
		dialog_write_answer(from, &t, &bridge_other_leg(b, from)->session);
	else
		message_end(&t, NULL);
	send_answer(r, &t, 200);
	if (r->invite && !t.full)
		r->state = BRIDGE_REQUEST_ANSWERED;
	else
		request_free(r);
	if (t.full)
		return;
	dialog_refresh_target(from, rx);
	b->handlers->on_refreshed(from, b->arg);
}

void bridge_request_acknowledge(struct bridge *b, struct dialog *from, const struct received *ack)
{
	struct bridge_request *r;

	LIST_FOREACH (r, &b->requests, link)
		if (bridge_request_is_answered(r) && r->from == from &&
			ack->sip->sip_cseq->cs_seq == server_transaction_cseq(r->server))
			break;
	if (!r)
		return;
	if (r->offerless) {
		dialog_ack(b->stack, r->to, ack->sip);
		session_describe(&from->session, ack->sip);
	}
	from->remote_acked = bridge_request_reinvite(b, bridge_side(b, from)) == r->server;
	server_transaction_acknowledge(r->server);
	request_free(r);
	b->handlers->on_request_end(from, b->arg);
}

bool bridge_request_is_offer(const struct bridge *b, const struct dialog *from, const sip_t *sip)
{
	return sip->sip_request->rq_method == sip_method_invite || message_has_sdp(sip) ||
		crosses_as_invite(b, from, bridge_other_leg(b, from), sip);
}

void bridge_request_resume(struct bridge *b, enum bridge_side from, struct server_transaction *answered_take)
{
	struct bridge_request *r = calloc(1, sizeof(*r));
	struct dialog *other = b->leg[BRIDGE_CALLER + BRIDGE_GATEWAY - from];

	server_transaction_hand_over(answered_take, r ? &server_handlers : NULL, r);
	if (!r)
		return;
	*r = (struct bridge_request){.state = BRIDGE_REQUEST_ANSWERED,
		.bridge = b,
		.from = b->leg[from],
		.server = answered_take,
		.invite = true,
		.session = true,
		.offer = true,
		.offerless = other->offerless && other->ack_seq != other->invite_seq};
	r->to = r->offerless ? other : NULL;
	LIST_INSERT_HEAD(&b->requests, r, link);
	tell_reinvite(b);
}

void bridge_request_follow(struct bridge *b, const struct dialog *early, struct dialog *leg)
{
	struct bridge_request *r, *next;

	for (r = LIST_FIRST(&b->requests); r; r = next) {
		bool of_caller = bridge_side(b, r->from) == BRIDGE_CALLER;

		next = LIST_NEXT(r, link);
		if (!early || (of_caller ? r->to : r->from) != early) {
			reply(r, of_caller ? 491 : 481, NULL);
			request_free(r);
		} else if (of_caller) {
			r->to = r->request.dialog = leg;
		} else {
			r->from = leg;
		}
	}
}

void bridge_request_end_all(struct bridge *b)
{
	struct bridge_request *r, *next;

	for (r = LIST_FIRST(&b->requests); r; r = next) {
		next = LIST_NEXT(r, link);
		if (!bridge_request_is_answered(r))
			reply(r, r->invite ? 487 : 481, NULL);
		else
			server_transaction_forget(r->server);
		request_free(r);
	}
}

struct server_transaction *bridge_request_take_refused(struct bridge *b, enum bridge_side from)
{
	struct server_transaction *refused = b->refused[from].server;

	forget_refusal(&b->refused[from]);
	return refused;
}
