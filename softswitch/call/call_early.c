#include "call_early.h"

#include "bridge_request.h"
#include "call_cdr.h"
#include "call_end.h"
#include "message.h"
#include "offer.h"
#include "token.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct early_dialogs *early_of(const struct call *call)
{
	return attempt_early(call->attempt);
}

static void on_unacknowledged(void *arg)
{
	call_end_hangup(arg, CAUSE_NO_PRACK);
}

/** A caller that has negotiated offers what it said last, if that is not in its INVITE. */
static void offer_again(struct call *call)
{
	if (!call->negotiated || session_is_unchanged(&call->a.session, call->content.received))
		return;
	call->content.offer = &call->a.session;
	call->offerless = false;
}

void call_early_begin(struct call *call, const sip_t *invite, enum parameter_100rel policy)
{
	static const struct rel100_handlers handlers = {on_unacknowledged};
	struct stack *stack = call_stack(call);

	call->a.session.rel100 = policy != PARAMETER_100REL_OFF;
	if (policy != PARAMETER_100REL_OFF && rel100_is_offered(invite))
		rel100_start(&call->rel100, stack->loop, invite->sip_cseq->cs_seq, (uint32_t)token_random(),
			call_resend(call), &handlers, call);
}

void call_early_resume(struct call *call, const struct rel100 *before, const struct text *outstanding)
{
	if (!before->on)
		return;
	call_early_begin(
		call, call->content.received, PARAMETER_100REL_SUPPORTED); /* whatever is configured by now */
	rel100_resume(&call->rel100, call->invite, before->rseq, outstanding, before->sdp);
	call->content.can_answer = true;
	call->says_again = true;
	if (call->tried > 1)
		offer_again(call);
}

bool call_early_is_known(struct call *call, const sip_t *progress)
{
	const struct message_body whole = message_received(progress);
	uint64_t hash;

	if (!call->rel100.on)
		return false;
	hash = text_hash(TEXT_HASH, whole.data, whole.len);
	if (call->says_again && call->said == hash)
		return true;
	call->says_again = false;
	call->said = hash;
	return false;
}

bool call_early_is_preview(const struct call *call, const sip_t *progress)
{
	return call->offerless && call->rel100.on && progress->sip_status->st_status < 200 &&
		message_has_sdp(progress) && !early_dialogs_is_reliable(early_of(call), progress);
}

const struct session *call_early_other(const struct call *call)
{
	const struct early_dialogs *early = early_of(call);

	return call->b ? &call_leg_b(call)->session : early ? &early->invite->session : NULL;
}

/* Offers ------------------------------------------------------------------------------------ */

static void refuse_second_offer(struct call *call, const struct dialog *d, const struct received *rx)
{
	offer_refuse(&call->bridge, d, rx, offer_is_own(&call->bridge, d));
}

/** An offer of a caller that has negotiated: in an UPDATE or in a PRACK. */
static void offer_to_gateway(struct call *call, const struct received *rx)
{
	struct early_dialogs *early = early_of(call);
	struct dialog *to = early ? early_dialogs_negotiated(early) : call_leg_b(call);
	bool prack = rx->sip->sip_request->rq_method == sip_method_prack;

	if (offer_is_open(&call->bridge))
		refuse_second_offer(call, &call->a, rx);
	else if (to && to->session.update == SESSION_UPDATE_TAKEN)
		bridge_request_pass(&call->bridge, &call->a, to, rx);
	else /* the gateway never takes one, or not yet, and a PRACK cannot be sent again */
		bridge_reply(&call->bridge, &call->a, rx, to || prack ? 488 : 491, NULL);
}

static void offer_to_caller(struct call *call, struct dialog *d, const struct received *rx)
{
	if (offer_is_open(&call->bridge))
		refuse_second_offer(call, d, rx);
	else if (!call->negotiated)
		bridge_reply(&call->bridge, d, rx, 491, NULL);
	else if (call->a.session.update != SESSION_UPDATE_TAKEN)
		bridge_reply(&call->bridge, d, rx, 488, NULL);
	else
		bridge_request_pass(&call->bridge, d, &call->a, rx);
}

/** Where another identity of this peer goes: a dialog that has been negotiated and takes UPDATE; NULL = nowhere yet. */
static struct dialog *identity_goes_to(struct call *call, const struct dialog *d)
{
	struct dialog *to = d != &call->a ? &call->a
		: early_of(call)          ? early_dialogs_negotiated(early_of(call))
					  : call_leg_b(call);

	return to && call->negotiated && to->session.update == SESSION_UPDATE_TAKEN ? to : NULL;
}

/** An UPDATE that offers nothing and names nobody else is between this peer and us. */
static void refresh_target(struct call *call, struct dialog *d, const struct received *rx)
{
	char lines[512];
	struct text t = {.data = lines, .size = sizeof(lines) - 1};

	dialog_refresh_target(d, rx);
	dialog_write_contact(d, &t);
	text_add(&t, d == &call->a ? session_allow(call_early_other(call)) : bridge_allow(&call->bridge, d));
	lines[t.len] = '\0';
	bridge_reply(&call->bridge, d, rx, 200, lines);
}

void call_early_on_update(struct call *call, struct dialog *d, const struct received *rx)
{
	bool caller = bridge_side(&call->bridge, d) == BRIDGE_CALLER;

	session_learn(&d->session, rx->sip);
	if (!message_has_sdp(rx->sip)) {
		struct dialog *to =
			session_names_another(&d->session, rx->sip) ? identity_goes_to(call, d) : NULL;

		if (to)
			bridge_request_pass(&call->bridge, d, to, rx);
		else
			refresh_target(call, d, rx);
	} else if (!(caller ? call->negotiated
			    : !early_of(call) || early_dialogs_is_negotiated(early_of(call), d))) {
		/* The offer of the INVITE, or of the gateway's answer to an INVITE without one, is still open. */
		offer_refuse(&call->bridge, d, rx, caller != call->offerless);
	} else if (caller) {
		offer_to_gateway(call, rx);
	} else {
		offer_to_caller(call, d, rx);
	}
}

/* PRACK ------------------------------------------------------------------------------------- */

/** What was acknowledged carried a description: offer and answer are complete. */
static void complete(struct call *call, const sip_t *prack)
{
	call->negotiated = true;
	if (!call->offerless)
		return;
	session_describe(&call->a.session, prack);
	if (early_of(call))
		early_dialogs_answer(early_of(call));
}

bool call_early_on_prack(struct call *call, struct dialog *d, const struct received *rx)
{
	const bool caller = bridge_side(&call->bridge, d) == BRIDGE_CALLER;
	/* After a crash an answered call knows of no provisional responses any more, and 481 would end it. */
	const bool forgotten = caller && call->recovered && (call_state_is_answered(call) || d->resumed);
	bool described = false;
	int err = caller ? rel100_acknowledge(&call->rel100, rx->sip, &described) : -ENOENT;

	if (err) {
		bridge_reply(&call->bridge, d, rx, err == -EINVAL ? 400 : forgotten ? 200 : 481, NULL);
		return false;
	}
	if (message_has_sdp(rx->sip) && !(described && call->offerless)) {
		call->negotiated |= described;
		if (call->negotiated)
			offer_to_gateway(call, rx);
		else
			bridge_reply(&call->bridge, d, rx, 488, NULL);
	} else {
		bridge_reply(&call->bridge, d, rx, 200, NULL);
		if (described)
			complete(call, rx->sip);
	}
	if (call->state == CALL_TRYING)
		rel100_next(&call->rel100);
	call_cdr_changed(call);
	return call->state == CALL_CONNECTING;
}

/* Failover ---------------------------------------------------------------------------------- */

void call_early_describe(struct call *call, const sip_t *progress)
{
	if (call->rel100.on && !call->negotiated_with && progress->sip_to->a_tag)
		call->negotiated_with = strdup(progress->sip_to->a_tag);
}

void call_early_fail_over(struct call *call)
{
	rel100_drop_waiting(&call->rel100);
	/* A description that was still waiting for its turn will never reach the caller. */
	if (!call->negotiated && !rel100_holds_answer(&call->rel100)) {
		free(call->negotiated_with);
		call->negotiated_with = NULL;
	}
	offer_again(call);
}

bool call_early_is_stale(const struct call *call)
{
	const struct dialog *leg = call_leg_b(call);

	return call->negotiated && call->negotiated_with && leg->remote_tag && leg->session.theirs.len &&
		strcmp(call->negotiated_with, leg->remote_tag) != 0;
}

/* The answer -------------------------------------------------------------------------------- */

void call_early_end(struct call *call)
{
	struct early_dialogs *early = invite_early(call->b);
	struct dialog *leg = call_leg_b(call);

	bridge_request_follow(&call->bridge, early_dialogs_find(early, leg->remote_tag), leg);
	if (early_dialogs_become(early, leg))
		call->offerless = leg->offerless = false;
	early_dialogs_clear(early);
}
