#include "stray_answer.h"

#include "bye.h"
#include "dialog_ack.h"
#include "message.h"

void stray_answer_acknowledge(struct stack *stack, const struct received *response, bool bye)
{
	struct dialog d = {0};

	if (dialog_from_stray_answer(&d, stack->dialogs, response) == 0) {
		dialog_ack_late(stack, &d, response);
		if (bye)
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
