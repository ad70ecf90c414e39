#include "dialog_ack.h"

#include "headers.h"
#include "message.h"

/** @param answer  whose description is the body; NULL = the body of `carries` */
static void acknowledge(struct stack *stack, struct dialog *d, const char *invite_branch, uint32_t cseq,
	const sip_t *carries, const struct session *answer)
{
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];

	client_transaction_branch(stack->client_transactions, branch);
	dialog_write_request(d, &t, "ACK", branch, cseq, MAX_FORWARDS);
	if (d->credentials)
		text_add(&t, d->credentials);
	if (carries && message_body(carries).len)
		headers_pass(&t, carries, HEADERS_REQUEST, d->pass_headers);
	if (answer)
		dialog_write_answer(d, &t, answer);
	else
		dialog_write_body(d, &t, carries);
	client_transaction_acknowledge(stack->client_transactions, invite_branch, d->remote_tag, &d->hop, &t);
}

void dialog_ack(struct stack *stack, struct dialog *d, const sip_t *carries)
{
	d->ack_seq = d->invite_seq;
	acknowledge(stack, d, d->invite_branch, d->invite_seq, carries, NULL);
}

void dialog_ack_with_answer(struct stack *stack, struct dialog *d, const struct session *answer)
{
	d->ack_seq = d->invite_seq;
	acknowledge(stack, d, d->invite_branch, d->invite_seq, NULL, answer);
}

void dialog_ack_late(struct stack *stack, struct dialog *d, const struct received *response)
{
	acknowledge(stack, d, response->sip->sip_via->v_branch, response->sip->sip_cseq->cs_seq, NULL, NULL);
}
