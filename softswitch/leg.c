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

/** A dialog whose BYE is on its way. */
struct farewell {
	struct dialog dialog;
};

static void farewell_end(struct farewell *f)
{
	dialog_clear(&f->dialog);
	free(f);
}

static void on_bye_response(const struct received *rx, void *arg)
{
	if (rx->sip->sip_status->st_status >= 200)
		farewell_end(arg);
}

static void on_bye_failure(int error, void *arg)
{
	(void)error;
	farewell_end(arg);
}

static const struct client_handlers bye_handlers = {on_bye_response, on_bye_failure};

void leg_bye(struct stack *stack, struct dialog *d_take, const struct intervals *resend, const char *reason_header,
	const sip_t *carries)
{
	struct farewell *f = calloc(1, sizeof(*f));
	struct text t = text_scratch();
	struct body body = {0};
	char branch[BRANCH_SIZE];
	struct client_request bye = {.method = "BYE", .text = &t, .resend = resend};

	if (!f) {
		dialog_clear(d_take);
		return;
	}
	dialog_move(&f->dialog, d_take);
	f->dialog.call = NULL;
	bye.hop = &f->dialog.hop;
	bye.branch = client_branch(stack->clients, branch);
	dialog_request(&f->dialog, &t, "BYE", branch, 0, MAX_FORWARDS);
	if (reason_header)
		text_add(&t, reason_header);
	if (carries)
		headers_pass(&t, carries, HEADERS_REQUEST);
	body = carries ? message_body(carries) : body;
	message_end(&t, &body);
	if (client_send(NULL, stack->clients, &bye, &bye_handlers, f))
		farewell_end(f);
}

void leg_on_crossing(struct stack *stack, const struct received *rx)
{
	struct server *s;

	if (rx->sip->sip_request->rq_method == sip_method_ack)
		return;
	if (rx->sip->sip_request->rq_method != sip_method_bye || server_create(&s, stack->servers, rx, NULL, NULL))
		sip_reply_stateless(stack->sip, rx, 481, NULL, NULL);
	else
		server_reply(s, 200, NULL, NULL, NULL, &stack->parameters.resend);
}

void leg_acknowledge_and_bye(struct stack *stack, const struct received *response)
{
	struct dialog d = {0};

	if (dialog_of_stray(&d, response) == 0) {
		leg_acknowledge(stack, &d, NULL);
		leg_bye(stack, &d, &stack->parameters.resend, NULL, NULL);
	}
	dialog_clear(&d);
}
