#include "gate_responses.h"

#include "call_requests.h"
#include "dialog_ack.h"
#include "gate_trust.h"
#include "held_answers.h"
#include "stack.h"
#include "stray_answer.h"

#include <errno.h>
#include <stdlib.h>

struct gate_responses {
	struct stack *stack;
	const struct gate_trust *trust;
	struct held_answers *held;
};

/** A 2xx to an INVITE that has had one is repeated, or of another fork. */
static void handle_response(
	const struct gate_responses *r, struct client_transaction *c, const struct received *rx)
{
	struct stack *stack = r->stack;
	enum client_transaction_match match = client_transaction_on_response(c, rx);
	struct dialog *d;

	if (match != CLIENT_TRANSACTION_STRAY && match != CLIENT_TRANSACTION_STRAY_IN_DIALOG)
		return;
	d = dialogs_find(stack->dialogs, rx->sip);
	if (!d) {
		const struct client_transaction_over over = client_transaction_take_over(c);

		stray_answer_acknowledge(stack, rx, match == CLIENT_TRANSACTION_STRAY, &over);
	} else if (!d->owner || !call_requests_await_ack(d->owner, d))
		dialog_ack_late(stack, d, rx);
}

static void on_held(const struct received *rx, void *arg)
{
	const struct gate_responses *r = arg;

	handle_response(r, client_transactions_find(r->stack->client_transactions, rx->sip), rx);
}

/** @param d  its dialog, NULL = there is none */
static bool is_of_process_before(
	const struct gate_responses *r, const struct received *rx, const struct dialog *d)
{
	if (d)
		return d->owner && d->remote_tag && rx->sip->sip_cseq->cs_seq <= d->local_seq &&
			gate_trust_believes(r->trust, &d->hop, rx);
	return gate_trust_knows(r->trust, rx->source) &&
		client_transactions_is_ours(r->stack->client_transactions, rx->sip);
}

/**
 * The final response to an INVITE of the process before: the ACK to it was lost, or the call itself, which had not been
 * answered then.
 *
 * @return false when it is none
 */
static bool answers_process_before(const struct gate_responses *r, const struct received *rx)
{
	const int status = rx->sip->sip_status->st_status;
	struct stack *stack = r->stack;
	struct dialog *d;

	if (status < 200 || rx->sip->sip_cseq->cs_method != sip_method_invite)
		return false;
	d = dialogs_find(stack->dialogs, rx->sip);
	if (!is_of_process_before(r, rx, d))
		return false;
	if (status >= 300)
		stray_answer_acknowledge_refusal(stack, rx);
	else if (d)
		call_requests_receive_late(d->owner, d, rx);
	else
		stray_answer_acknowledge_before(stack, rx);
	return true;
}

void gate_responses_receive(const struct gate_responses *r, const struct received *rx)
{
	struct stack *stack = r->stack;
	struct client_transaction *c = client_transactions_find(stack->client_transactions, rx->sip);
	const struct hop *leg = c ? client_transaction_hop(c) : NULL;
	struct received from_peer = *rx;

	if (!leg && !answers_process_before(r, rx) && !gate_trust_knows(r->trust, rx->source))
		gate_trust_count(r->trust, STRANGERS_NO_TRANSACTION, rx, NULL);
	if (!leg || !gate_trust_believes(r->trust, leg, rx))
		return;
	gate_trust_note_fault(r->trust, rx, leg->peer ? leg->peer->name : NULL);
	from_peer.back.peer = hop_peer_ref(leg->peer);
	if (!held_answers_take(r->held, &from_peer, leg))
		handle_response(r, c, &from_peer);
	hop_peer_unref(from_peer.back.peer);
}

int gate_responses_create(struct gate_responses **out, struct stack *stack, const struct gate_trust *trust)
{
	struct gate_responses *r = calloc(1, sizeof(*r));

	if (!r || held_answers_create(&r->held, stack, on_held, r)) {
		free(r);
		return -ENOMEM;
	}
	r->stack = stack;
	r->trust = trust;
	*out = r;
	return 0;
}

void gate_responses_destroy(struct gate_responses *r)
{
	if (!r)
		return;
	held_answers_destroy(r->held);
	free(r);
}
