#include "call_state.h"

#include "headers.h"
#include "message.h"
#include "relay.h"
#include "token.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Before the answer each leg has 100rel for itself. Offer and answer tie them together:
 *
 *	INVITE with offer       the first reliable response with a description is its answer; once that is acknowledged the
 *	                        caller is settled, and so is the gateway's early dialog where it came from
 *	INVITE without offer    the gateway's reliable answer brings the offer, the caller's PRACK the answer, which ours
 *	                        carries on; whoever answers later gets the same description of the caller
 *	further offers          UPDATE, or the PRACK of one who is settled, cross as UPDATE between settled dialogs
 */

static struct early_dialogs *early_of(const struct call *call)
{
	return attempt_early(call->attempt);
}

static void on_unacknowledged(void *arg)
{
	struct call *call = arg;

	call_hangup(call, CAUSE_NO_PRACK);
}

void call_early_begin(struct call *call, const sip_t *invite, enum db_100rel policy)
{
	static const struct rel100_handlers handlers = {on_unacknowledged};
	struct stack *stack = stack_of(call);

	call->a.session.rel100 = policy != DB_100REL_OFF;
	if (policy != DB_100REL_OFF && rel100_is_offered(invite))
		rel100_start(&call->rel100, stack->loop, invite->sip_cseq->cs_seq, (uint32_t)token_random(),
			resend_of(call), &handlers, call);
}

bool call_is_preview(const struct call *call, const sip_t *progress)
{
	return call->offerless && call->rel100.on && progress->sip_status->st_status < 200 &&
		message_has_sdp(progress) && !early_dialogs_is_reliable(early_of(call), progress);
}

/* Offers ------------------------------------------------------------------------------------ */

static void refuse_second_offer(struct call *call, const struct dialog *d, const struct received *rx)
{
	call_refuse_offer(call, d, rx, relay_offer_from(&call->relays) == d);
}

/** An offer of the caller, who is settled: in an UPDATE or in a PRACK. */
static void offer_to_gateway(struct call *call, const struct received *rx)
{
	struct early_dialogs *early = early_of(call);
	struct dialog *to = early ? early_dialogs_settled(early) : call_leg_b(call);
	bool prack = rx->sip->sip_request->rq_method == sip_method_prack;

	if (call_offer_pending(call))
		refuse_second_offer(call, &call->a, rx);
	else if (to && to->session.allows_update)
		relay_request(call, &call->a, to, rx);
	else /* never, or not yet, which a PRACK cannot wait for */
		call_reply(call, &call->a, rx, to || prack ? 488 : 491, NULL);
}

static void offer_to_caller(struct call *call, struct dialog *d, const struct received *rx)
{
	if (call_offer_pending(call))
		refuse_second_offer(call, d, rx);
	else if (!call->settled)
		call_reply(call, d, rx, 491, NULL);
	else if (!call->a.session.allows_update)
		call_reply(call, d, rx, 488, NULL);
	else
		relay_request(call, d, &call->a, rx);
}

/** An UPDATE that offers nothing is between this peer and us. */
static void refresh_target(struct call *call, struct dialog *d, const struct received *rx)
{
	char lines[512];
	struct text t = {.data = lines, .size = sizeof(lines) - 1};

	dialog_refresh_target(d, rx->sip);
	dialog_contact(d, &t);
	text_add(&t, headers_allow);
	lines[t.len] = '\0';
	call_reply(call, d, rx, 200, lines);
}

void call_on_early_update(struct call *call, struct dialog *d, const struct received *rx)
{
	bool caller = call_is_caller(call, d);

	session_learn(&d->session, rx->sip);
	if (!message_has_sdp(rx->sip)) {
		refresh_target(call, d, rx);
	} else if (!(caller ? call->settled
			    : !early_of(call) || early_dialogs_is_settled(early_of(call), d))) {
		call_refuse_offer(call, d, rx,
			caller != call->offerless); /* the INVITE's, or the one that answers it */
	} else if (caller) {
		offer_to_gateway(call, rx);
	} else {
		offer_to_caller(call, d, rx);
	}
}

void call_on_early_request(struct call *call, const struct received *rx)
{
	struct early_dialogs *early = early_of(call);
	struct dialog *d = early ? early_dialogs_find(early, rx->sip->sip_from->a_tag) : NULL;

	if (d &&
		rx->sip->sip_request->rq_method !=
			sip_method_bye) /* the callee's ends no early dialog (RFC 3261 section 15) */
		call_on_request(call, d, rx);
	else
		transport_reply_stateless(rx, 481, NULL, NULL);
}

/* PRACK ------------------------------------------------------------------------------------- */

/** What was acknowledged carried a description: offer and answer are complete. */
static void settle(struct call *call, const sip_t *prack)
{
	call->settled = true;
	if (!call->offerless)
		return;
	session_describe(&call->a.session, prack);
	if (early_of(call))
		early_dialogs_answer(early_of(call));
}

void call_on_prack(struct call *call, struct dialog *d, const struct received *rx)
{
	bool described = false;
	int err = call_is_caller(call, d) ? rel100_acknowledge(&call->rel100, rx->sip, &described) : -ENOENT;

	if (err) {
		call_reply(call, d, rx, err == -EINVAL ? 400 : 481, NULL);
		return;
	}
	if (message_has_sdp(rx->sip) && !(described && call->offerless)) {
		call->settled |= described;
		if (call->settled)
			offer_to_gateway(call, rx);
		else
			call_reply(call, d, rx, 488, NULL);
	} else {
		call_reply(call, d, rx, 200, NULL);
		if (described)
			settle(call, rx->sip);
	}
	if (call->state == CALL_CONNECTING)
		call_connect(call, sip_object(call->answer));
	else if (call->state == CALL_TRYING)
		rel100_next(&call->rel100);
}

/* Failover ---------------------------------------------------------------------------------- */

void call_early_describe(struct call *call, const sip_t *progress)
{
	if (call->rel100.on && !call->settled_with && progress->sip_to->a_tag)
		call->settled_with = strdup(progress->sip_to->a_tag);
}

void call_early_fail_over(struct call *call)
{
	rel100_drop_waiting(&call->rel100);
	if (!call->settled && !rel100_holds_answer(&call->rel100)) { /* it was still waiting for its turn */
		free(call->settled_with);
		call->settled_with = NULL;
	}
	if (!call->settled || session_is_unchanged(&call->a.session, call->content.received))
		return;
	call->content.offer = &call->a.session;
	call->offerless = false;
}

bool call_early_is_behind(const struct call *call)
{
	const struct dialog *leg = call_leg_b(call);

	return call->settled && call->settled_with && leg->remote_tag && leg->session.theirs.len &&
		strcmp(call->settled_with, leg->remote_tag) != 0;
}

/* The answer -------------------------------------------------------------------------------- */

void call_early_end(struct call *call)
{
	struct early_dialogs *early = invite_early(call->b);
	struct dialog *leg = call_leg_b(call);

	relay_follow(call, early_dialogs_find(early, leg->remote_tag), leg);
	if (early_dialogs_become(early, leg))
		call->offerless = false;
	early_dialogs_clear(early);
}
