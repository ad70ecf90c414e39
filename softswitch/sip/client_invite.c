#include "client_state.h"

#include "message.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What an INVITE has that other requests have not: ACK, CANCEL, and a life after its final answer (RFC 3261 section
 * 17.1.1, RFC 6026).
 */

/* What repeats the INVITE ------------------------------------------------------------------- */

/** Copies the lines of our own INVITE whose names start like this. */
static void copy_lines(struct text *t, const struct client *c, const char *name)
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
 * The ACK to a failure, or the CANCEL: Request-URI, Via, Route, From, Call-ID and the number of CSeq
 * are those of the INVITE (RFC 3261 sections 9.1 and 17.1.1.3).
 */
static void hop_by_hop(struct text *t, const struct client *c, const char *method, const sip_to_t *to,
	const char *extra)
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

void client_linger(struct client *c)
{
	struct intervals wait = {.wait_ms = {LINGER_MS}};

	if (c->state < CLIENT_REFUSED && resend_total_ms(&c->resend.intervals) > LINGER_MS)
		wait.wait_ms[0] = resend_total_ms(&c->resend.intervals);
	resend_start(&c->resend, sip_loop(c->set->sip), &wait, true, &client_resend_handlers, c);
}

static void set_lingering(struct client *c, enum client_state state)
{
	c->set->lingering += !lingers(c);
	c->state = state;
	c->handlers = NULL;
	pending_clear(&c->pending);
	client_linger(c);
}

void client_refused(struct client *c, const struct received *rx)
{
	struct text t = text_scratch();
	char *ack;

	hop_by_hop(&t, c, "ACK", rx->sip->sip_to, NULL);
	if (!t.full)
		sip_send(&c->hop, t.data, t.len, NULL);
	ack = t.full || hop_is_reliable(&c->hop) ? NULL : malloc(t.len);
	if (!ack) {
		client_free(c);
		return;
	}
	memcpy(ack, t.data, t.len);
	free(c->data);
	c->data = ack;
	c->len = t.len;
	set_lingering(c, CLIENT_REFUSED);
}

void client_accepted(struct client *c)
{
	free(c->data);
	c->data = NULL;
	set_lingering(c, CLIENT_ACCEPTED);
}

/* CANCEL ------------------------------------------------------------------------------------ */

static void send_cancel(struct client *c, const struct intervals *resend)
{
	struct text t = text_scratch();
	struct client_request cancel = {.method = "CANCEL", .branch = c->key, .text = &t, .hop = &c->hop,
		.resend = resend};

	hop_by_hop(&t, c, "CANCEL", NULL, c->cancel_reason);
	client_start(NULL, c->set, &cancel, c->identity, NULL, NULL);
}

void client_cancel_now(struct client *c)
{
	send_cancel(c, &c->cancel_resend);
	client_linger(c);
}

void client_rest(struct client *c)
{
	resend_stop(&c->resend);
}

void client_cancel(struct client *c, const char *reason_header)
{
	if (lingers(c))
		return;
	c->unwanted = true;
	c->set->lingering++;
	c->cancel_reason = reason_header ? strdup(reason_header) : NULL;
	c->cancel_resend = c->resend.intervals;
	if (c->state == CLIENT_PROCEEDING)
		client_cancel_now(c);
	else if (!c->resend.running)
		client_linger(c);
}

void client_acknowledge(struct clients *set, const char *branch, const char *to_tag, const struct hop *hop,
	const struct text *ack)
{
	struct client *c = client_by_branch(set, branch);

	if (ack->full)
		return;
	sip_send(hop, ack->data, ack->len, NULL);
	if (c)
		acks_keep(&c->acks, to_tag, hop, ack);
}

/* Repetitions ------------------------------------------------------------------------------- */

enum client_match client_on_repeated(struct client *c, const struct received *rx)
{
	int status = rx->sip->sip_status->st_status;

	if (c->state == CLIENT_ACCEPTED)
		return status < 200 || status >= 300 || acks_repeat(&c->acks, rx->sip->sip_to->a_tag) ? CLIENT_TAKEN
												     : client_answered(c);
	if (status >= 300)
		sip_send(&c->hop, c->data, c->len, NULL);
	return CLIENT_TAKEN;
}
