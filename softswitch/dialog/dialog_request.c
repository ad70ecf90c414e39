#include "dialog_request.h"

#include "loop.h"
#include "message.h"
#include "request_retries.h"
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

/** The ACK of a 2xx repeats the credentials of its INVITE (RFC 3261 section 22.3). */
static void keep_credentials(struct dialog_request *x, const char *authorization)
{
	if (!is_invite(x))
		return;
	free(x->dialog->credentials);
	x->dialog->credentials = authorization[0] ? strdup(authorization) : NULL;
}

/** @param authorization  a line, "" = none */
static int send_request(struct dialog_request *x, const char *authorization)
{
	struct stack *stack = x->stack;
	struct dialog *d = x->dialog;
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	struct client_transaction_request request = {
		.method = x->method, .text = &t, .hop = &d->hop, .resend = &x->resend, .inside = true};

	request.branch = client_transaction_branch(stack->client_transactions, branch);
	dialog_write_request(d, &t, x->method, branch, 0, x->max_forwards);
	request.call_id = d->call_id;
	request.from_tag = d->local_tag;
	request.cseq = d->local_seq;
	dialog_contact(d, &t);
	text_add(&t, authorization);
	keep_credentials(x, authorization);
	x->handlers->write(&t, x->arg);
	return client_transaction_send(&x->client, stack->client_transactions, &request, &client_handlers, x);
}

static void end(struct dialog_request *x)
{
	x->client = NULL;
	event_del(&x->silence);
}

/** @return true when the request was sent again with credentials */
static bool answer_challenge(struct dialog_request *x, const struct received *rx)
{
	int status = rx->sip->sip_status->st_status;
	char line[2048];
	struct text t = {.data = line, .size = sizeof(line) - 1};

	if ((status != 401 && status != 407) || !digest_may_answer(&x->challenges, rx->sip) ||
		leg_answer_challenge(x->dialog, rx->sip, x->method, &t) || t.full)
		return false;
	line[t.len] = '\0';
	return send_request(x, line) == 0;
}

/** It is another request then, and may be challenged like the first. */
static bool ask_for_longer(struct dialog_request *x, const struct received *rx)
{
	if (rx->sip->sip_status->st_status != 422 || !session_lengthen(&x->dialog->session, rx->sip))
		return false;
	x->challenges = (struct digest_tries){0};
	return send_request(x, "") == 0;
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
	end(x);
	if (x->cancelled || (!answer_challenge(x, rx) && !ask_for_longer(x, rx)))
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
	x->challenges = (struct digest_tries){0};
	event_assign(&x->silence, loop_base(x->stack->loop), -1, 0, on_silence, x);
	return send_request(x, "");
}

void dialog_request_cancel(struct dialog_request *x)
{
	struct timeval tv;

	if (!x->client || x->cancelled)
		return;
	x->cancelled = true;
	client_transaction_cancel(x->client, NULL);
	event_add(&x->silence, loop_delay(x->stack->loop, resend_total_ms(&x->resend), &tv));
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
