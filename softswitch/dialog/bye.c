#include "bye.h"

#include "digest.h"
#include "headers.h"
#include "message.h"
#include "request_retries.h"

#include <errno.h>
#include <stdlib.h>

/** A dialog whose BYE is on its way. */
struct bye_transaction {
	struct dialog dialog;
	struct stack *stack;
	struct resend_schedule resend;
	struct digest_tries challenges;
	char *lines; /* headers of the BYE that waits for an ACK; else NULL */
};

static void bye_end(struct bye_transaction *b)
{
	dialog_clear(&b->dialog);
	free(b->lines);
	free(b);
}

static const struct client_transaction_handlers bye_handlers;

/** @param lines  headers to add, "" = none. @param carries  whose headers and body are passed on, or NULL */
static void send_bye(struct bye_transaction *b, const char *lines, const sip_t *carries)
{
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	struct client_transaction_request bye = {
		.method = "BYE", .text = &t, .hop = &b->dialog.hop, .resend = &b->resend};
	int err;

	bye.branch = client_transaction_branch(b->stack->client_transactions, branch);
	dialog_write_request(&b->dialog, &t, "BYE", branch, 0, MAX_FORWARDS);
	bye.call_id = b->dialog.call_id;
	bye.from_tag = b->dialog.local_tag;
	bye.cseq = b->dialog.local_seq;
	text_add(&t, lines);
	if (carries)
		headers_pass(&t, carries, HEADERS_REQUEST);
	dialog_end(&b->dialog, &t, carries);
	err = client_transaction_send(NULL, b->stack->client_transactions, &bye, &bye_handlers, b);
	if (err == -EMSGSIZE && carries)
		send_bye(b, lines, NULL); /* it must end, whatever the other side had to say */
	else if (err)
		bye_end(b);
}

static void on_bye_response(const struct received *rx, void *arg)
{
	struct bye_transaction *b = arg;
	int status = rx->sip->sip_status->st_status;
	char line[2048];
	struct text t = {.data = line, .size = sizeof(line) - 1};

	if (status < 200)
		return;
	if ((status == 401 || status == 407) && digest_may_answer(&b->challenges, rx->sip) &&
		!leg_answer_challenge(&b->dialog, rx->sip, "BYE", &t) && !t.full) {
		line[t.len] = '\0';
		send_bye(b, line, NULL);
	} else {
		bye_end(b);
	}
}

static void on_bye_failure(int error, void *arg)
{
	(void)error;
	bye_end(arg);
}

static const struct client_transaction_handlers bye_handlers = {on_bye_response, on_bye_failure};

static struct bye_transaction *bye_begin(
	struct stack *stack, struct dialog *d_take, const struct resend_schedule *resend)
{
	struct bye_transaction *b = calloc(1, sizeof(*b));

	if (!b) {
		dialog_clear(d_take);
		return NULL;
	}
	dialog_move(&b->dialog, d_take);
	b->dialog.owner = NULL;
	b->stack = stack;
	b->resend = *resend;
	return b;
}

void bye_send(struct stack *stack, struct dialog *d_take, const struct resend_schedule *resend,
	const char *reason_header, const sip_t *carries)
{
	struct bye_transaction *b = bye_begin(stack, d_take, resend);

	if (b)
		send_bye(b, reason_header ? reason_header : "", carries);
}

static void on_late_ack(void *arg)
{
	struct bye_transaction *b = arg;

	send_bye(b, b->lines ? b->lines : "", NULL);
}

static const struct server_transaction_handlers late_ack_handlers = {
	.on_unacknowledged = on_late_ack, .on_late_ack = on_late_ack};

void bye_send_after_ack(struct stack *stack, struct dialog *d_take, struct server_transaction *answered_take,
	const struct resend_schedule *resend, const char *reason_header, const sip_t *carries)
{
	struct text t = text_scratch();
	struct bye_transaction *b = bye_begin(stack, d_take, resend);

	server_transaction_hand_over(answered_take, b ? &late_ack_handlers : NULL, b);
	if (!b)
		return;
	text_add(&t, reason_header ? reason_header : "");
	if (carries)
		headers_pass(&t, carries, HEADERS_REQUEST);
	b->lines = carries && message_body(carries).len ? NULL : text_copy(&t);
}

void bye_on_crossing(struct stack *stack, const struct received *rx)
{
	sip_method_t method = rx->sip->sip_request->rq_method;

	if (method != sip_method_ack)
		server_transaction_answer(stack->server_transactions, rx,
			method == sip_method_bye ? 200 : 481, NULL, &stack->parameters.resend);
}
