#include "dialog_request.h"

#include "loop.h"
#include "message.h"
#include "resend.h"

#include <event2/event.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct client_transaction_handlers client_handlers;

static bool is_invite(const struct dialog_request *x)
{
	return !strcmp(x->method, "INVITE");
}

static int send_request(struct dialog_request *x)
{
	struct stack *stack = x->stack;
	struct dialog *d = x->dialog;
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	struct client_transaction_request request = {
		.method = x->method, .text = &t, .hop = &d->hop, .resend = &x->resend, .in_dialog = true};

	request.branch = client_transaction_branch(stack->client_transactions, branch);
	dialog_write_request(d, &t, x->method, branch, 0, x->max_forwards);
	request.call_id = d->call_id;
	request.from_tag = d->local_tag;
	request.cseq = d->local_seq;
	if (dialog_is_target_refresh(x->method))
		dialog_write_contact(d, &t);
	if (is_invite(x))
		request_retry_write_invite(&x->retry, d, &t);
	else
		request_retry_write(&x->retry, &t);
	x->handlers->write(&t, x->arg);
	return client_transaction_send(&x->client, stack->client_transactions, &request, &client_handlers, x);
}

static void end(struct dialog_request *x)
{
	x->client = NULL;
	event_del(&x->silence);
	request_retry_clear(&x->retry);
}

/** Send it again if the response asks for that. @return true when it was sent */
static bool send_again(struct dialog_request *x, const sip_t *response)
{
	return request_retry_decide_in_dialog(&x->retry, x->dialog, x->method, response) ==
		REQUEST_RETRY_AGAIN &&
		send_request(x) == 0;
}

static void on_response(const struct received *rx, void *arg)
{
	struct dialog_request *x = arg;
	int status = rx->sip->sip_status->st_status;
	struct timeval tv;

	if (status < 200 && x->cancelled)
		return;
	if (status < 200) {
		if (is_invite(x))
			event_add(&x->silence,
				loop_delay(x->stack->loop, x->stack->parameters.timeout_trying_ms, &tv));
		if (status > 100)
			x->handlers->on_response(rx, x->arg);
		return;
	}
	event_del(&x->silence);
	if (!x->cancelled && send_again(x, rx->sip))
		return;
	if (status < 300)
		request_retry_accepted(&x->retry, x->dialog->account, rx->sip);
	end(x);
	x->handlers->on_response(rx, x->arg);
}

static void on_failure(int error, void *arg)
{
	struct dialog_request *x = arg;

	end(x);
	x->handlers->on_failure(error, x->arg);
}

static const struct client_transaction_handlers client_handlers = {on_response, on_failure};

static void on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct dialog_request *x = arg;

	(void)fd;
	(void)what;
	dialog_request_stop(x);
	x->handlers->on_failure(-ETIMEDOUT, x->arg);
}

int dialog_request_start(struct dialog_request *x)
{
	x->client = NULL;
	x->cancelled = false;
	event_assign(&x->silence, loop_base(x->stack->loop), -1, 0, on_silence, x);
	request_retry_begin_in_dialog(&x->retry, x->dialog, x->method);
	return send_request(x);
}

void dialog_request_cancel(struct dialog_request *x)
{
	struct resend_schedule schedule = resend_over(&x->dialog->hop, &x->resend);
	struct timeval tv;

	if (!x->client || x->cancelled)
		return;
	x->cancelled = true;
	client_transaction_cancel(x->client, NULL);
	event_add(&x->silence, loop_delay(x->stack->loop, resend_total_ms(&schedule), &tv));
}

void dialog_request_stop(struct dialog_request *x)
{
	if (!x->client)
		return;
	if (is_invite(x))
		client_transaction_cancel(x->client, NULL);
	client_transaction_forget(x->client);
	end(x);
}
