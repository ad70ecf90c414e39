#include "call_requests.h"

#include "bridge_request.h"
#include "call_cdr.h"
#include "call_early.h"
#include "call_end.h"
#include "call_setup.h"
#include "dialog_ack.h"
#include "headers.h"
#include "message.h"
#include "offer.h"

#include <sofia-sip/sip_header.h>

#include <string.h>

/* Which method is allowed in which state ---------------------------------------------------- */

enum rule {
	HERE,  /* answered by us */
	CROSS, /* passed on; 491 while there is no other leg */
	EARLY, /* UPDATE before the answer, between early dialogs (RFC 3311 section 5) */
	OFFER, /* passed on, or a refresh of this leg alone; a second offer is refused while one is open */
	FIRST, /* INVITE before the answer: refused, that to the first one comes before it */
	NEVER, /* 405: known, but not inside a call */
};

static const struct {
	const char *method;
	enum rule trying, answered, up; /* by enum call_state; CALL_CONNECTING is like CALL_TRYING */
} rules[] = {
	{"BYE", HERE, HERE, HERE},
	{"OPTIONS", HERE, HERE, HERE},
	{"INVITE", FIRST, OFFER, OFFER},
	{"UPDATE", EARLY, OFFER, OFFER},
	{"INFO", CROSS, CROSS, CROSS},
	{"MESSAGE", CROSS, CROSS, CROSS},
	{"NOTIFY", CROSS, CROSS, CROSS},
	{"REFER", CROSS, CROSS, CROSS},
	{"PRACK", HERE, HERE, HERE}, /* 481 unless it acknowledges a response of ours */
	{"SUBSCRIBE", NEVER, NEVER, NEVER},
	{"PUBLISH", NEVER, NEVER, NEVER},
	{"REGISTER", NEVER, NEVER, NEVER},
};

/** @return -1 for a method we do not know */
static int find_rule(const struct call *call, const char *method)
{
	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (!strcmp(rules[i].method, method))
			return call->state < CALL_ANSWERED     ? (int)rules[i].trying
				: call->state == CALL_ANSWERED ? (int)rules[i].answered
							       : (int)rules[i].up;
	return -1;
}

/* Here -------------------------------------------------------------------------------------- */

/** The ACK answers the offer in the 2xx, unless the caller has answered another gateway's offer in a PRACK before. */
static void pass_ack(struct call *call, const sip_t *ack)
{
	if (!message_has_sdp(ack) && call->negotiated) {
		dialog_ack_with_answer(call_stack(call), call_leg_b(call), &call->a.session);
		return;
	}
	dialog_ack(call_stack(call), call_leg_b(call), ack);
	session_describe(&call->a.session, ack);
}

static void on_ack(struct call *call, struct dialog *d, const struct received *rx)
{
	if (d == &call->a && call->invite && call->state == CALL_ANSWERED &&
		rx->sip->sip_cseq->cs_seq == server_transaction_cseq(call->invite)) {
		if (call->offerless) {
			pass_ack(call, rx->sip);
			call_cdr_changed(call);
		}
		server_transaction_acknowledge(call->invite);
		call->invite = NULL;
		call->bridge.answer_in_ack = false;
		call_set_state(call, CALL_UP);
		d->remote_acked = true;
		call_cdr_requests(call);
		bridge_request_go_on(&call->bridge);
		if (call_early_is_stale(call))
			session_timer_tell(&call->timers, BRIDGE_CALLER);
		return;
	}
	if (d == &call->a && call->unacked.len) {
		call->unacked.len = 0;
		call_cdr_changed(call);
	}
	bridge_request_acknowledge(&call->bridge, d, rx);
	if (call->state == CALL_UP)
		bridge_request_go_on(&call->bridge);
	if (message_has_sdp(rx->sip))
		call_cdr_changed(call);
}

static void on_bye(struct call *call, struct dialog *d, const struct received *rx)
{
	enum cause cause = CAUSE_NORMAL;
	char reason[120];

	bridge_reply(&call->bridge, d, rx, 200, NULL);
	/* The caller may end an early dialog by BYE (RFC 3261 section 15). */
	if (call->state < CALL_ANSWERED && bridge_side(&call->bridge, d) == BRIDGE_CALLER) {
		call_end_cancelled(call, rx->sip);
		return;
	}
	if (call->state == CALL_CONNECTING) {
		cause = CAUSE_GATEWAY_LEFT;
		call_end_refuse(call, cause_sip_code(cause), NULL);
	}
	call_end(call,
		&(struct call_end){.code = cause_sip_code(cause),
			.words = cause == CAUSE_NORMAL &&
					cause_read_reason(rx->sip->sip_reason, reason, sizeof(reason))
				? reason
				: cause_words(cause),
			.direction = call_end_direction(call, d),
			.gone = d,
			.bye = rx->sip});
}

static void on_own(struct call *call, struct dialog *d, const struct received *rx)
{
	char lines[HEADERS_CAPABILITIES_MAX];

	if (rx->sip->sip_request->rq_method == sip_method_bye) {
		on_bye(call, d, rx);
	} else if (rx->sip->sip_request->rq_method == sip_method_prack) {
		if (call_early_on_prack(call, d, rx))
			call_setup_connect(call, sip_object(call->answer));
	} else {
		headers_capabilities(
			lines, bridge_allow(&call->bridge, d), d->session.timer, d->session.rel100);
		bridge_reply(&call->bridge, d, rx, 200, lines);
	}
}

/** It has crossed before a crash, and its answer was lost. */
static void answer_again(struct call *call, struct dialog *d, const struct received *rx)
{
	char lines[512];
	struct text t = {.data = lines, .size = sizeof(lines)};

	if (d->remote_end < 300 && dialog_is_target_refresh(rx->sip->sip_request->rq_method_name))
		dialog_write_contact(d, &t);
	text_end(&t);
	bridge_reply(&call->bridge, d, rx, d->remote_end, lines);
}

/* Offers ------------------------------------------------------------------------------------ */

/** Does it merely say that the peer is still there? */
static bool is_refresh(const struct dialog *d, const struct dialog *other, const sip_t *sip)
{
	if (session_names_another(&d->session, sip))
		return false;
	if (message_has_sdp(sip))
		return session_is_unchanged(&d->session, sip) && other->session.theirs.len;
	return sip->sip_request->rq_method == sip_method_update && !message_body(sip).len;
}

/** Has it overtaken the sender's ACK of a 2xx? */
static bool overtakes_ack(const struct call *call, const struct dialog *d, const sip_t *sip)
{
	return sip->sip_request->rq_method == sip_method_invite &&
		((call->state == CALL_ANSWERED && d == &call->a) ||
			bridge_request_owes_ack(&call->bridge, d));
}

static void on_offer(struct call *call, struct dialog *d, const struct received *rx)
{
	struct bridge *b = &call->bridge;
	struct dialog *other = bridge_other_leg(b, d);
	bool overtakes = overtakes_ack(call, d, rx->sip);
	bool refresh = is_refresh(d, other, rx->sip);
	/* The ACK may answer an offer: until then that is no reason to refuse this one. */
	bool open = refresh ? offer_is_open_on(b, d, overtakes)
		: overtakes ? offer_is_pending(b)
			    : offer_is_open(b);

	if (session_is_too_short(&d->session, rx->sip))
		bridge_reply(b, d, rx, 422, session_min_se);
	else if (open && bridge_request_is_offer(b, d, rx->sip))
		offer_refuse(b, d, rx, offer_is_own(b, d));
	else if (refresh)
		bridge_request_answer_refresh(b, d, rx);
	else if (overtakes || (call->state == CALL_ANSWERED && d != &call->a)) /* RFC 3261 section 14.1 */
		bridge_request_wait(b, d, rx);
	else
		bridge_request_pass(b, d, other, rx);
}

/* Entry points ------------------------------------------------------------------------------ */

/** A BYE ends the call all the same. */
static bool takes_cseq(struct call *call, struct dialog *d, const sip_t *sip)
{
	const uint32_t before = d->remote_seq;

	if (!dialog_take_cseq(d, sip))
		return sip->sip_request->rq_method == sip_method_bye;
	call_cdr_received(call, before, d->remote_seq);
	return true;
}

void call_requests_receive(struct call *call, struct dialog *d, const struct received *rx)
{
	const sip_t *sip = rx->sip;
	struct dialog *other = call_state_is_answered(call) ? bridge_other_leg(&call->bridge, d) : NULL;
	int rule;

	if (sip->sip_request->rq_method == sip_method_ack) {
		on_ack(call, d, rx);
		return;
	}
	if (!takes_cseq(call, d, sip)) {
		transport_reply_stateless(rx, 500, "CSeq out of order", NULL);
		return;
	}
	next_hop_reconnect(&d->hop, rx);
	rule = find_rule(call, sip->sip_request->rq_method_name);
	if (rule < 0) {
		bridge_reply(&call->bridge, d, rx, 501, bridge_allow(&call->bridge, d));
		return;
	}
	switch ((enum rule)rule) {
	case HERE:
		on_own(call, d, rx);
		return;
	case CROSS:
		if (d->resumed && d->remote_end >= 200)
			answer_again(call, d, rx);
		else if (other)
			bridge_request_pass(&call->bridge, d, other, rx);
		else
			bridge_reply(&call->bridge, d, rx, 491, NULL);
		return;
	case EARLY:
		call_early_on_update(call, d, rx);
		return;
	case OFFER:
		on_offer(call, d, rx);
		return;
	case FIRST:
		offer_refuse(&call->bridge, d, rx, bridge_side(&call->bridge, d) == BRIDGE_CALLER);
		return;
	case NEVER:
		bridge_reply(&call->bridge, d, rx, 405, bridge_allow(&call->bridge, d));
		return;
	}
}

void call_requests_receive_early(struct call *call, const struct received *rx)
{
	struct early_dialogs *early = attempt_early(call->attempt);
	struct dialog *d = early ? early_dialogs_find(early, rx->sip->sip_from->a_tag) : NULL;

	/* The callee must not end an early dialog by BYE (RFC 3261 section 15). */
	if (d && rx->sip->sip_request->rq_method != sip_method_bye)
		call_requests_receive(call, d, rx);
	else
		transport_reply_stateless(rx, 481, NULL, NULL);
}

/** Both sides are to have what the other one says now: nobody knows what became of the offer. */
static void agree_again(struct call *call, const struct dialog *d, bool moved)
{
	const enum bridge_side side = bridge_side(&call->bridge, d);

	if (!d->offerless)
		session_timer_tell(&call->timers, side);
	else if (moved)
		session_timer_tell(&call->timers, side == BRIDGE_CALLER ? BRIDGE_GATEWAY : BRIDGE_CALLER);
}

void call_requests_receive_late(struct call *call, struct dialog *d, const struct received *answer)
{
	const bool last = answer->sip->sip_cseq->cs_seq == d->invite_seq, first = d->ack_seq != d->invite_seq;
	bool moved = false;

	if (!last || !call_state_is_answered(call)) {
		dialog_ack_late(call_stack(call), d, answer);
		return;
	}
	if (call_requests_await_ack(call, d))
		return;
	if (first) {
		moved = !session_is_same(&d->session, answer->sip);
		dialog_refresh_target(d, answer);
		session_learn(&d->session, answer->sip);
		session_describe(&d->session, answer->sip);
	}
	if (d->offerless)
		dialog_ack_with_answer(call_stack(call), d, &bridge_other_leg(&call->bridge, d)->session);
	else
		dialog_ack(call_stack(call), d, NULL);
	if (!first)
		return;
	call_cdr_changed(call);
	agree_again(call, d, moved);
}

bool call_requests_await_ack(const struct call *call, const struct dialog *d)
{
	return (call->invite && call->offerless && d == call_leg_b(call)) ||
		bridge_request_awaits_ack(&call->bridge, d);
}
