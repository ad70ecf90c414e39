#include "leg.h"

#include "headers.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FORWARDS = 70 };

void leg_acknowledge(struct stack *stack, struct dialog *d, const sip_t *carries)
{
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	struct body body = carries ? message_body(carries) : (struct body){0};

	client_branch(stack->clients, branch);
	dialog_request(d, &t, "ACK", branch, d->invite_seq, MAX_FORWARDS);
	if (d->credentials)
		text_add(&t, d->credentials);
	if (body.len)
		headers_pass(&t, carries, HEADERS_REQUEST);
	message_end(&t, &body);
	if (t.full)
		return;
	free(d->ack);
	d->ack = malloc(t.len);
	d->ack_len = d->ack ? t.len : 0;
	if (d->ack)
		memcpy(d->ack, t.data, t.len);
	sip_send(stack->sip, &d->hop, t.data, t.len, NULL);
}

void leg_acknowledge_again(struct stack *stack, struct dialog *d)
{
	if (d->ack)
		sip_send(stack->sip, &d->hop, d->ack, d->ack_len, NULL);
}

void leg_bye(struct stack *stack, struct dialog *d, const struct intervals *resend, const char *reason_header)
{
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	struct client_request bye = {.method = "BYE", .text = &t, .hop = &d->hop, .resend = resend};

	bye.branch = client_branch(stack->clients, branch);
	dialog_request(d, &t, "BYE", branch, 0, MAX_FORWARDS);
	if (reason_header)
		text_add(&t, reason_header);
	message_end(&t, NULL);
	client_send(NULL, stack->clients, &bye, NULL, NULL);
}

void leg_acknowledge_and_bye(struct stack *stack, const struct received *response)
{
	struct dialog d = {0};

	if (dialog_of_stray(&d, response) == 0) {
		leg_acknowledge(stack, &d, NULL);
		leg_bye(stack, &d, &stack->parameters.resend, NULL);
	}
	dialog_clear(&d);
}
