#include "bye.h"

#include "digest.h"
#include "headers.h"
#include "message.h"
#include "request_retries.h"

#include <errno.h>
#include <stdlib.h>

/** A dialog whose BYE is on its way. */
struct farewell {
	struct dialog dialog;
	struct stack *stack;
	struct resend_schedule resend;
	struct digest_tries challenges;
	char *lines; /* headers of the BYE that waits for an ACK; else NULL */
};

static void farewell_end(struct farewell *f)
{
	dialog_clear(&f->dialog);
	free(f->lines);
	free(f);
}

static const struct client_transaction_handlers bye_handlers;

/** @param lines  headers to add, "" = none. @param carries  whose headers and body are passed on, or NULL */
static void send_bye(struct farewell *f, const char *lines, const sip_t *carries)
{
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	struct client_transaction_request bye = {
		.method = "BYE", .text = &t, .hop = &f->dialog.hop, .resend = &f->resend};
	int err;

	bye.branch = client_transaction_branch(f->stack->client_transactions, branch);
	dialog_write_request(&f->dialog, &t, "BYE", branch, 0, MAX_FORWARDS);
	bye.call_id = f->dialog.call_id;
	bye.from_tag = f->dialog.local_tag;
	bye.cseq = f->dialog.local_seq;
	text_add(&t, lines);
	if (carries)
		headers_pass(&t, carries, HEADERS_REQUEST);
	dialog_end(&f->dialog, &t, carries);
	err = client_transaction_send(NULL, f->stack->client_transactions, &bye, &bye_handlers, f);
	if (err == -EMSGSIZE && carries)
		send_bye(f, lines, NULL); /* it must end, whatever the other side had to say */
	else if (err)
		farewell_end(f);
}

static void on_bye_response(const struct received *rx, void *arg)
{
	struct farewell *f = arg;
	int status = rx->sip->sip_status->st_status;
	char line[2048];
	struct text t = {.data = line, .size = sizeof(line) - 1};

	if (status < 200)
		return;
	if ((status == 401 || status == 407) && digest_may_answer(&f->challenges, rx->sip) &&
		!leg_answer_challenge(&f->dialog, rx->sip, "BYE", &t) && !t.full) {
		line[t.len] = '\0';
		send_bye(f, line, NULL);
	} else {
		farewell_end(f);
	}
}

static void on_bye_failure(int error, void *arg)
{
	(void)error;
	farewell_end(arg);
}

static const struct client_transaction_handlers bye_handlers = {on_bye_response, on_bye_failure};

static struct farewell *farewell_begin(
	struct stack *stack, struct dialog *d_take, const struct resend_schedule *resend)
{
	struct farewell *f = calloc(1, sizeof(*f));

	if (!f) {
		dialog_clear(d_take);
		return NULL;
	}
	dialog_move(&f->dialog, d_take);
	f->dialog.owner = NULL;
	f->stack = stack;
	f->resend = *resend;
	return f;
}

void leg_bye(struct stack *stack, struct dialog *d_take, const struct resend_schedule *resend,
	const char *reason_header, const sip_t *carries)
{
	struct farewell *f = farewell_begin(stack, d_take, resend);

	if (f)
		send_bye(f, reason_header ? reason_header : "", carries);
}

static void on_late_ack(void *arg)
{
	struct farewell *f = arg;

	send_bye(f, f->lines ? f->lines : "", NULL);
}

static const struct server_transaction_handlers late_ack_handlers = {
	.on_unacknowledged = on_late_ack, .on_late_ack = on_late_ack};

void leg_bye_after_ack(struct stack *stack, struct dialog *d_take, struct server_transaction *answered_take,
	const struct resend_schedule *resend, const char *reason_header, const sip_t *carries)
{
	struct text t = text_scratch();
	struct farewell *f = farewell_begin(stack, d_take, resend);

	server_transaction_hand_over(answered_take, f ? &late_ack_handlers : NULL, f);
	if (!f)
		return;
	text_add(&t, reason_header ? reason_header : "");
	if (carries)
		headers_pass(&t, carries, HEADERS_REQUEST);
	f->lines = carries && message_body(carries).len ? NULL : text_copy(&t);
}

void leg_on_crossing(struct stack *stack, const struct received *rx)
{
	sip_method_t method = rx->sip->sip_request->rq_method;

	if (method != sip_method_ack)
		server_transaction_answer(stack->server_transactions, rx,
			method == sip_method_bye ? 200 : 481, NULL, &stack->parameters.resend);
}
