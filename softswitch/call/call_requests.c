#include "call_state.h"

#include "headers.h"
#include "leg.h"
#include "relay.h"
#include "token.h"

#include <stdio.h>
#include <string.h>

/* Which method is allowed in which state ---------------------------------------------------- */

enum rule {
	HERE,  /* answered by us */
	CROSS, /* relayed; 491 while there is no other leg */
	EARLY, /* UPDATE before the answer, between early dialogs (RFC 3311 section 5) */
	OFFER, /* relayed, or a refresh of this leg alone; two offers at a time are glare */
	WAIT,  /* 491: the dialog is not ready for it */
	GONE,  /* 481: it speaks of something that is over, or never was */
	NEVER, /* 405: known, but not inside a call */
};

static const struct {
	const char *method;
	enum rule trying, answered, up; /* by enum call_state; CALL_CONNECTING is like CALL_TRYING */
} rules[] = {
	{"BYE", HERE, HERE, HERE},
	{"OPTIONS", HERE, HERE, HERE},
	{"INVITE", WAIT, WAIT, OFFER}, /* the first one must be acknowledged (RFC 3261 section 14.1) */
	{"UPDATE", EARLY, OFFER, OFFER},
	{"INFO", CROSS, CROSS, CROSS},
	{"MESSAGE", CROSS, CROSS, CROSS},
	{"NOTIFY", CROSS, CROSS, CROSS},
	{"REFER", CROSS, CROSS, CROSS},
	{"PRACK", HERE, HERE, HERE}, /* 481 unless it speaks of a response of ours */
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

void call_reply(
	struct call *call, const struct dialog *d, const struct received *rx, int status, const char *headers)
{
	struct resend_schedule resend = call_resend(call, d);

	server_transaction_answer(stack_of(call)->server_transactions, rx, status, headers, &resend);
}

/* Here -------------------------------------------------------------------------------------- */

/** The ACK has the answer to the offer in the 2xx, unless the caller gave it in a PRACK to another gateway's offer. */
static void pass_ack(struct call *call, const sip_t *ack)
{
	if (!message_has_sdp(ack) && call->settled) {
		leg_acknowledge_with(stack_of(call), call_leg_b(call), &call->a.session);
		return;
	}
	leg_acknowledge(stack_of(call), call_leg_b(call), ack);
	session_describe(&call->a.session, ack);
}

static void on_ack(struct call *call, struct dialog *d, const struct received *rx)
{
	if (d == &call->a && call->invite && call->state == CALL_ANSWERED &&
		rx->sip->sip_cseq->cs_seq == server_transaction_cseq(call->invite)) {
		if (call->offerless)
			pass_ack(call, rx->sip);
		server_transaction_acknowledge(call->invite);
		call->invite = NULL;
		call_set_state(call, CALL_UP);
		if (call_early_is_behind(call))
			session_timer_tell(&call->timer_a);
		return;
	}
	relay_acknowledge(call, d, rx);
}

static void on_bye(struct call *call, struct dialog *d, const struct received *rx)
{
	enum cause cause = CAUSE_NORMAL;

	call_reply(call, d, rx, 200, NULL);
	if (call->state < CALL_ANSWERED &&
		call_is_caller(call, d)) { /* of an early dialog (RFC 3261 section 15) */
		call_give_up(call);
		return;
	}
	if (call->state == CALL_CONNECTING) {
		cause = CAUSE_GATEWAY_LEFT;
		call_refuse(call, cause_sip_code(cause), NULL, NULL);
	}
	call_end(call,
		&(struct ending){.code = cause_sip_code(cause),
			.words = cause_words(cause),
			.direction = call_direction(call, d),
			.gone = d,
			.bye = rx->sip});
}

static void on_own(struct call *call, struct dialog *d, const struct received *rx)
{
	if (rx->sip->sip_request->rq_method == sip_method_bye)
		on_bye(call, d, rx);
	else if (rx->sip->sip_request->rq_method == sip_method_prack)
		call_on_prack(call, d, rx);
	else
		call_reply(call, d, rx, 200, headers_allow);
}

/* Offers ------------------------------------------------------------------------------------ */

/** The gateway's 2xx made an offer, the answer comes in the caller's ACK. */
static bool awaits_answer_in_ack(const struct call *call)
{
	return call->state == CALL_ANSWERED && call->offerless && !call->settled;
}

bool call_offer_pending(const struct call *call)
{
	return awaits_answer_in_ack(call) || relay_offer_from(&call->relays) ||
		session_timer_is_offering(&call->timer_a) || session_timer_is_offering(&call->timer_b);
}

void call_refuse_offer(struct call *call, const struct dialog *d, const struct received *rx, bool own)
{
	char retry[40];

	snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", (unsigned)(token_random() % 11));
	call_reply(call, d, rx, own ? 500 : 491, own ? retry : NULL);
}

static void on_offer(struct call *call, struct dialog *d, const struct received *rx)
{
	bool invite = rx->sip->sip_request->rq_method == sip_method_invite;
	bool described = message_has_sdp(rx->sip);
	struct dialog *other = call_other_leg(call, d);

	if (session_is_too_short(&d->session, rx->sip))
		call_reply(call, d, rx, 422, session_min_se);
	else if ((invite || described) && call_offer_pending(call))
		call_refuse_offer(call, d, rx,
			relay_offer_from(&call->relays) == d ||
				(awaits_answer_in_ack(call) && !call_is_caller(call, d)));
	else if (described ? session_is_unchanged(&d->session, rx->sip) && other->session.theirs.len
			   : !invite && !message_body(rx->sip).len)
		relay_answer_refresh(call, d, rx);
	else
		relay_request(call, d, other, rx);
}

/* The door ---------------------------------------------------------------------------------- */

void call_on_request(struct call *call, struct dialog *d, const struct received *rx)
{
	const sip_t *sip = rx->sip;
	struct dialog *other = call_other_leg(call, d);
	int rule;

	if (sip->sip_request->rq_method == sip_method_ack) {
		on_ack(call, d, rx);
		return;
	}
	if (sip->sip_cseq->cs_seq <= d->remote_seq && d->remote_seq) { /* RFC 3261 section 12.2.2 */
		transport_reply_stateless(rx, 500, "CSeq out of order", NULL);
		return;
	}
	d->remote_seq = sip->sip_cseq->cs_seq;
	rule = find_rule(call, sip->sip_request->rq_method_name);
	if (rule < 0) {
		call_reply(call, d, rx, 501, headers_allow);
		return;
	}
	switch ((enum rule)rule) {
	case HERE:
		on_own(call, d, rx);
		return;
	case CROSS:
		if (other)
			relay_request(call, d, other, rx);
		else
			call_reply(call, d, rx, 491, NULL);
		return;
	case EARLY:
		call_on_early_update(call, d, rx);
		return;
	case OFFER:
		on_offer(call, d, rx);
		return;
	case WAIT:
		call_reply(call, d, rx, 491, NULL);
		return;
	case GONE:
		call_reply(call, d, rx, 481, NULL);
		return;
	case NEVER:
		call_reply(call, d, rx, 405, headers_allow);
		return;
	}
}

/* The two legs ------------------------------------------------------------------------------ */

bool call_awaits_ack(const struct call *call, const struct dialog *d)
{
	return (call->invite && call->offerless && d == call_leg_b(call)) ||
		relay_awaits_ack(&call->relays, d);
}

bool call_is_caller(const struct call *call, const struct dialog *d)
{
	return d == &call->a;
}

enum cdr_direction call_direction(const struct call *call, const struct dialog *d)
{
	return call_is_caller(call, d) ? CDR_CALLER : CDR_CALLEE;
}

struct dialog *call_other_leg(struct call *call, const struct dialog *d)
{
	if (call->state != CALL_ANSWERED && call->state != CALL_UP)
		return NULL;
	return call_is_caller(call, d) ? call_leg_b(call) : &call->a;
}

void call_refreshed(struct call *call, struct dialog *d)
{
	if (call->state == CALL_ANSWERED || call->state == CALL_UP)
		session_timer_restart(call_is_caller(call, d) ? &call->timer_a : &call->timer_b, call, d);
}

void call_tell_other(struct call *call, const struct dialog *d)
{
	session_timer_tell(call_is_caller(call, d) ? &call->timer_b : &call->timer_a);
}

static void end_by_leg(struct call *call, const struct dialog *d, enum cause cause, const struct dialog *gone)
{
	if (call->state != CALL_ANSWERED && call->state != CALL_UP)
		return; /* before the answer its INVITE decides */
	call_end(call,
		&(struct ending){.code = cause_sip_code(cause),
			.words = cause_words(cause),
			.direction = call_direction(call, d),
			.gone = gone});
}

void call_leg_gone(struct call *call, struct dialog *d)
{
	end_by_leg(call, d, CAUSE_PEER_GONE, d);
}

void call_leg_lost(struct call *call, struct dialog *d, enum cause cause)
{
	end_by_leg(call, d, cause, NULL);
}
