#include "stray_answer.h"

#include "bye.h"
#include "dialog_ack.h"
#include "dialog_state.h"
#include "message.h"

void stray_answer_acknowledge(struct stack *stack, const struct received *response, bool bye,
	const struct client_transaction_over *over)
{
	const struct client_transaction_over nobody = {0};
	struct dialog d = {0};

	over = over ? over : &nobody;
	if (dialog_from_stray_answer(&d, stack->dialogs, response)) {
		if (over->on_over)
			over->on_over(over->arg);
	} else {
		dialog_ack_late(stack, &d, response);
		if (bye && over->on_late)
			over->on_late(&d, over->arg);
		if (bye)
			bye_send(stack, &d,
				&(struct bye){.resend = &stack->parameters.resend,
					.on_end = over->on_over,
					.arg = over->arg});
	}
	dialog_clear(&d);
}

void stray_answer_acknowledge_before(struct stack *stack, const struct received *response)
{
	struct dialog d = {0};

	if (dialog_from_stray_answer(&d, stack->dialogs, response) == 0) {
		dialog_ack_late(stack, &d, response);
		d.local_seq += DIALOG_STATE_JUMP;
		bye_send(stack, &d, &(struct bye){.resend = &stack->parameters.resend});
	}
	dialog_clear(&d);
}

void stray_answer_acknowledge_refusal(struct stack *stack, const struct received *response)
{
	const sip_t *sip = response->sip;
	struct dialog d = {0};
	struct text t = text_scratch();

	if (dialog_from_stray_answer(&d, stack->dialogs, response) == 0) {
		dialog_write_request(
			&d, &t, "ACK", sip->sip_via->v_branch, sip->sip_cseq->cs_seq, MAX_FORWARDS);
		message_end(&t, NULL);
		client_transaction_acknowledge(
			stack->client_transactions, sip->sip_via->v_branch, NULL, &d.hop, &t);
	}
	dialog_clear(&d);
}
