#include "bye.h"

#include "dialog_request.h"
#include "headers.h"
#include "message.h"

#include <errno.h>
#include <stdlib.h>

/** A dialog whose BYE is under way, or waits for the ACK of the caller. */
struct bye_transaction {
	struct dialog dialog;
	struct dialog_request request;
	const char *reason;   /* a line of the BYE when it is sent for the first time; NULL = none */
	const sip_t *carries; /* the other leg's BYE, likewise */
	char *lines;          /* the lines of both, while the BYE waits for an ACK; else NULL */
	void (*on_end)(void *arg);
	void *arg;
};

static void bye_end(struct bye_transaction *b)
{
	if (b->on_end)
		b->on_end(b->arg);
	dialog_clear(&b->dialog);
	free(b->lines);
	free(b);
}

static void write_bye(struct text *t, void *arg)
{
	struct bye_transaction *b = arg;

	if (b->reason)
		text_add(t, b->reason);
	if (b->carries)
		headers_pass(t, b->carries, HEADERS_REQUEST, b->dialog.pass_headers);
	dialog_write_body(&b->dialog, t, b->carries);
}

static void on_response(const struct received *rx, void *arg)
{
	if (rx->sip->sip_status->st_status >= 200)
		bye_end(arg);
}

static void on_failure(int error, void *arg)
{
	(void)error;
	bye_end(arg);
}

static const struct dialog_request_handlers handlers = {write_bye, on_response, on_failure};

static struct bye_transaction *bye_begin(struct stack *stack, struct dialog *d_take, const struct bye *bye)
{
	struct bye_transaction *b = calloc(1, sizeof(*b));

	if (!b) {
		if (bye->on_end)
			bye->on_end(bye->arg);
		dialog_clear(d_take);
		return NULL;
	}
	b->on_end = bye->on_end;
	b->arg = bye->arg;
	dialog_move(&b->dialog, d_take);
	b->dialog.owner = NULL;
	b->request = (struct dialog_request){.stack = stack,
		.dialog = &b->dialog,
		.method = "BYE",
		.resend = *bye->resend,
		.max_forwards = MAX_FORWARDS,
		.handlers = &handlers,
		.arg = b};
	return b;
}

static void start(struct bye_transaction *b, const char *reason, const sip_t *carries)
{
	int err;

	b->reason = reason;
	b->carries = carries;
	err = dialog_request_start(&b->request);
	b->carries = NULL;
	if (err == -EMSGSIZE && carries) /* the call must end, with or without those headers */
		err = dialog_request_start(&b->request);
	b->reason = NULL;
	if (err)
		bye_end(b);
}

void bye_send(struct stack *stack, struct dialog *d_take, const struct bye *bye)
{
	struct bye_transaction *b = bye_begin(stack, d_take, bye);

	if (b)
		start(b, bye->reason_header, bye->carries);
}

static void on_late_ack(void *arg)
{
	struct bye_transaction *b = arg;

	start(b, b->lines, NULL);
}

static const struct server_transaction_handlers late_ack_handlers = {
	.on_unacknowledged = on_late_ack, .on_late_ack = on_late_ack};

void bye_send_after_ack(struct stack *stack, struct dialog *d_take, struct server_transaction *answered_take,
	const struct bye *bye)
{
	struct text t = text_scratch();
	struct bye_transaction *b = bye_begin(stack, d_take, bye);

	server_transaction_hand_over(answered_take, b ? &late_ack_handlers : NULL, b);
	if (!b)
		return;
	text_add(&t, bye->reason_header ? bye->reason_header : "");
	if (bye->carries)
		headers_pass(&t, bye->carries, HEADERS_REQUEST, b->dialog.pass_headers);
	b->lines = bye->carries && message_body(bye->carries).len ? NULL : text_copy(&t);
}

void bye_on_crossing(struct stack *stack, const struct received *rx)
{
	sip_method_t method = rx->sip->sip_request->rq_method;

	if (method != sip_method_ack)
		server_transaction_answer(stack->server_transactions, rx,
			method == sip_method_bye ? 200 : 481, NULL, &stack->parameters.resend);
}
