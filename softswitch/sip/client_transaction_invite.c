#include "client_transaction_state.h"

#include "message.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What only INVITE transactions have: ACK, CANCEL, and the states Completed and Accepted (RFC 3261 section 17.1.1, RFC
 * 6026).
 */

/* ACK to a failure, and CANCEL -------------------------------------------------------------- */

/** Copy the header lines of our INVITE that start like this. */
static void copy_lines(struct text *t, const struct client_transaction *c, const char *name)
{
	const char *line = c->data, *end = c->data + c->len;
	size_t n = strlen(name);

	while (line < end && *line != '\r') {
		const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);

		if (!next)
			return;
		next += 2;
		if ((size_t)(end - line) > n && !strncasecmp(line, name, n))
			text_add_bytes(t, line, (size_t)(next - line));
		line = next;
	}
}

/**
 * Write the ACK to a failure, or the CANCEL: Request-URI, Via, Route, From, Call-ID and the number of CSeq are those of
 * the INVITE (RFC 3261 sections 9.1 and 17.1.1.3).
 *
 * @param to  of the response; NULL = of the INVITE
 */
static void hop_by_hop(struct text *t, const struct client_transaction *c, const char *method,
	const sip_to_t *to, const char *extra)
{
	const char *uri = c->data + strlen("INVITE"), *via = memmem(c->data, c->len, "\r\n", 2);
	const char *cseq = memmem(c->data, c->len, "\r\nCSeq: ", 8);

	assert(via && cseq); /* we wrote it */
	text_add(t, method);
	text_add_bytes(t, uri, (size_t)(via + 2 - uri));
	copy_lines(t, c, "Via:");
	copy_lines(t, c, "Route:");
	copy_lines(t, c, "From:");
	if (to)
		message_header(t, (const sip_header_t *)to);
	else
		copy_lines(t, c, "To:");
	copy_lines(t, c, "Call-ID:");
	text_add(t, "CSeq: ");
	text_add_number(t, strtoul(cseq + 8, NULL, 10));
	text_add_all(t, " ", method, "\r\nMax-Forwards: ", NULL);
	text_add_number(t, MAX_FORWARDS);
	text_add_all(t, "\r\n", extra ? extra : "", NULL);
	message_end(t, NULL);
}

/* Lingering --------------------------------------------------------------------------------- */

void client_transaction_linger(struct client_transaction *c)
{
	struct resend_schedule wait = {.wait_ms = {LINGER_MS}};

	if (c->state < CLIENT_TRANSACTION_COMPLETED && resend_total_ms(&c->resend.schedule) > LINGER_MS)
		wait.wait_ms[0] = resend_total_ms(&c->resend.schedule);
	resend_start(
		&c->resend, transport_loop(c->set->transport), &wait, &client_transaction_resend_handlers, c);
}

static void set_lingering(struct client_transaction *c, enum client_transaction_state state)
{
	c->set->lingering += !client_transaction_lingers(c);
	c->state = state;
	if (c->handlers || state != CLIENT_TRANSACTION_ACCEPTED) /* else the 2xx is stray */
		client_transaction_tell_over(c);
	c->handlers = NULL;
	stream_pending_clear(&c->pending);
	client_transaction_linger(c);
}

void client_transaction_complete(struct client_transaction *c, const struct received *rx)
{
	struct text t = text_scratch();
	char *ack;

	hop_by_hop(&t, c, "ACK", rx->sip->sip_to, NULL);
	if (!t.full)
		transport_send(&c->hop, t.data, t.len, NULL);
	ack = t.full ? NULL : malloc(t.len); /* it may be lost with a connection, too */
	if (!ack) {
		client_transaction_free(c);
		return;
	}
	memcpy(ack, t.data, t.len);
	free(c->data);
	c->data = ack;
	c->len = t.len;
	set_lingering(c, CLIENT_TRANSACTION_COMPLETED);
}

void client_transaction_accept(struct client_transaction *c)
{
	free(c->data);
	c->data = NULL;
	set_lingering(c, CLIENT_TRANSACTION_ACCEPTED);
}

/* CANCEL ------------------------------------------------------------------------------------ */

static void send_cancel(struct client_transaction *c, const struct resend_schedule *resend)
{
	struct text t = text_scratch();
	struct client_transaction_request cancel = {
		.method = "CANCEL", .branch = c->key, .text = &t, .hop = &c->hop, .resend = resend};

	hop_by_hop(&t, c, "CANCEL", NULL, c->cancel_reason);
	client_transaction_start(NULL, c->set, &cancel, c->identity, NULL, NULL);
}

void client_transaction_cancel_now(struct client_transaction *c)
{
	send_cancel(c, &c->cancel_resend);
	client_transaction_linger(c);
}

void client_transaction_stop_resending(struct client_transaction *c)
{
	resend_stop(&c->resend);
}

void client_transaction_cancel(struct client_transaction *c, const char *reason_header)
{
	if (client_transaction_lingers(c))
		return;
	c->cancelled = true;
	c->set->lingering++;
	c->cancel_reason = reason_header ? strdup(reason_header) : NULL;
	c->cancel_resend = c->resend.schedule;
	if (c->state == CLIENT_TRANSACTION_PROCEEDING)
		client_transaction_cancel_now(c);
	else if (!c->resend.running)
		client_transaction_linger(c);
}

void client_transaction_acknowledge(struct client_transactions *set, const char *branch, const char *to_tag,
	const struct hop *hop, const struct text *ack)
{
	struct client_transaction *c = client_transaction_by_branch(set, branch);

	if (ack->full)
		return;
	transport_send(hop, ack->data, ack->len, NULL);
	if (c)
		ack_keep(&c->acks, to_tag, hop, ack);
}

/* Repetitions ------------------------------------------------------------------------------- */

enum client_transaction_match client_transaction_on_repeated(
	struct client_transaction *c, const struct received *rx)
{
	int status = rx->sip->sip_status->st_status;

	if (c->state == CLIENT_TRANSACTION_ACCEPTED)
		/* Of more forks than we keep ACKs of, each repeated 2xx would be a new one. */
		return status < 200 || status >= 300 || ack_repeat(&c->acks, rx->sip->sip_to->a_tag) ||
				ack_is_full(&c->acks)
			? CLIENT_TRANSACTION_HANDLED
			: client_transaction_stray(c);
	if (status >= 300)
		transport_send(&c->hop, c->data, c->len, NULL);
	return CLIENT_TRANSACTION_HANDLED;
}
