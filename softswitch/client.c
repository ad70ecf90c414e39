#include "client.h"

#include "ack.h"
#include "loop.h"
#include "message.h"
#include "resend.h"

#include <uthash.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char cookie[] = "z9hG4bK"; /* RFC 3261 section 8.1.1.7 */

/*
 * How long repeated final answers to an INVITE are recognized (timer D of RFC 3261 section 17.1.1.2, timer M of RFC
 * 6026), and how long at least the answer to an INVITE nobody wants is waited for.
 */
enum { LINGER_MS = 32000 };

enum client_state {
	CLIENT_CALLING,    /* no answer yet */
	CLIENT_PROCEEDING, /* a provisional answer */
	CLIENT_REFUSED,    /* INVITE: the bytes are those of the ACK now */
	CLIENT_ACCEPTED    /* INVITE: kept to tell a repeated 2xx from a stranger's */
};

struct client {
	UT_hash_handle hh;
	uint64_t key; /* the number of the branch; its lowest bit is set for CANCEL */
	struct clients *set;
	const char *method;
	enum client_state state;
	uint64_t identity; /* hash of Call-ID, tag and CSeq: a branch alone can be read by whoever it was sent to */
	bool unwanted;     /* to be cancelled, or cancelled: the timer runs for the last answer */
	bool inside;       /* a re-INVITE */
	bool ringing;      /* 180 came: its answer may come by another connection */
	char *cancel_reason;
	struct intervals cancel_resend;
	struct acks acks;
	struct hop hop;
	char *data;
	size_t len;
	struct resend resend;
	struct pending pending;
	int broken; /* its connection broke with this error, and it is in the list of those */
	LIST_ENTRY(client) link;
	const struct client_handlers *handlers; /* NULL: forgotten */
	void *arg;
};

struct clients {
	struct sip *sip;
	struct client *by_key;
	size_t lingering; /* of them nobody waits for */
	LIST_HEAD(, client) broken;
	struct event soon; /* to look after those */
};

/** Nobody waits for it: it only recognizes what still comes. */
static bool lingers(const struct client *c)
{
	return c->state >= CLIENT_REFUSED || c->unwanted;
}

static void client_free(struct client *c)
{
	c->set->lingering -= lingers(c);
	if (c->broken)
		LIST_REMOVE(c, link);
	resend_stop(&c->resend);
	pending_clear(&c->pending);
	hop_clear(&c->hop);
	HASH_DEL(c->set->by_key, c);
	acks_clear(&c->acks);
	free(c->data);
	free(c->cancel_reason);
	free(c);
}

size_t clients_count(const struct clients *set)
{
	return HASH_COUNT(set->by_key) - set->lingering;
}

size_t clients_kept(const struct clients *set)
{
	return HASH_COUNT(set->by_key);
}

static struct client *find(const struct clients *set, uint64_t key)
{
	struct client *c;

	HASH_FIND(hh, set->by_key, &key, sizeof(key), c);
	return c;
}

uint64_t client_branch(struct clients *set, char out[BRANCH_SIZE])
{
	uint64_t number;

	do
		number = sip_random(set->sip) & ~UINT64_C(1);
	while (find(set, number));
	snprintf(out, BRANCH_SIZE, "%s%016llx", cookie, (unsigned long long)number);
	return number;
}

/** The number in a branch of ours. @return false when it is not ours */
static bool branch_number(const char *branch, uint64_t *number)
{
	char *end;

	if (!branch || strncasecmp(branch, cookie, sizeof(cookie) - 1))
		return false;
	*number = strtoull(branch + sizeof(cookie) - 1, &end, 16);
	return end == branch + sizeof(cookie) - 1 + 16;
}

static bool is_invite(const struct client *c)
{
	return !strcmp(c->method, "INVITE");
}

/* The end ----------------------------------------------------------------------------------- */

static void fail(struct client *c, int error)
{
	const struct client_handlers *handlers = c->handlers;
	void *arg = c->arg;

	client_free(c);
	if (handlers && handlers->on_failure)
		handlers->on_failure(error, arg);
}

void clients_destroy(struct clients *set)
{
	if (!set)
		return;
	while (set->by_key) /* what still waits for an answer goes with its owner */
		fail(set->by_key, -ECANCELED);
	event_del(&set->soon);
	free(set);
}

/** Stay for a while without sending anything. */
static void linger(struct client *c);

static void on_due(void *arg)
{
	struct client *c = arg;

	sip_send(&c->hop, c->data, c->len, NULL);
}

static void on_expired(void *arg)
{
	struct client *c = arg;

	const struct client_handlers *handlers = c->handlers;
	void *owner = c->arg;

	if (lingers(c) && resend_total_ms(&c->resend.intervals) < LINGER_MS) {
		linger(c);
	} else if (is_invite(c) && !lingers(c)) { /* it may ring all the same */
		client_cancel(c, NULL);
		client_forget(c);
		if (handlers && handlers->on_failure)
			handlers->on_failure(-ETIMEDOUT, owner);
	} else {
		fail(c, -ETIMEDOUT);
	}
}

static void on_broken(struct client *c)
{
	int error = c->broken;

	LIST_REMOVE(c, link);
	c->broken = 0;
	if (c->state >= CLIENT_REFUSED || c->ringing)
		return;
	if (c->state == CLIENT_CALLING && c->pending.reused) {
		hop_clear(&c->hop);
		error = sip_send(&c->hop, c->data, c->len, &c->pending);
	}
	if (error)
		fail(c, error);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct clients *set = arg;
	struct client *c;

	(void)fd;
	(void)what;
	while ((c = LIST_FIRST(&set->broken)))
		on_broken(c);
}

/** The connection may break while something else is sent over it: whoever sends must not lose his call to that. */
static void on_pending_failure(int error, void *arg)
{
	static const struct timeval now = {0};
	struct client *c = arg;

	if (!c->broken)
		LIST_INSERT_HEAD(&c->set->broken, c, link);
	c->broken = error;
	event_add(&c->set->soon, &now);
}

static const struct resend_handlers resend_handlers = {on_due, on_expired};

int clients_create(struct clients **out, struct sip *sip)
{
	struct clients *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->sip = sip;
	LIST_INIT(&set->broken);
	event_assign(&set->soon, loop_base(sip_loop(sip)), -1, 0, on_soon, set);
	*out = set;
	return 0;
}

/* Sending ----------------------------------------------------------------------------------- */

static uint64_t identity(const struct clients *set, const char *call_id, const char *from_tag, uint32_t cseq)
{
	return sip_hash(set->sip, sip_hash(set->sip, cseq, call_id), from_tag);
}

static int start(struct client **out, struct clients *set, const struct client_request *request,
	uint64_t id, const struct client_handlers *handlers, void *arg)
{
	struct client *c;
	int err = -ENOMEM;

	if (request->text->full)
		return -EMSGSIZE;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->set = set;
	c->key = request->branch | !strcmp(request->method, "CANCEL");
	c->method = request->method;
	c->inside = request->inside;
	c->identity = id;
	c->handlers = handlers;
	c->arg = arg;
	c->pending.on_error = on_pending_failure;
	c->pending.arg = c;
	hop_copy(&c->hop, request->hop);
	HASH_ADD(hh, set->by_key, key, sizeof(c->key), c);
	c->len = request->text->len;
	c->data = malloc(c->len);
	if (!c->data)
		goto fail;
	memcpy(c->data, request->text->data, c->len);
	err = sip_send(&c->hop, c->data, c->len, &c->pending);
	if (err)
		goto fail;
	resend_start(&c->resend, sip_loop(set->sip), request->resend, hop_is_reliable(&c->hop),
		&resend_handlers, c);
	if (out)
		*out = c;
	return 0;
fail:
	client_free(c);
	return err;
}

int client_send(struct client **out, struct clients *set, const struct client_request *request,
	const struct client_handlers *handlers, void *arg)
{
	return start(out, set, request, identity(set, request->call_id, request->from_tag, request->cseq), handlers, arg);
}

void client_drop(struct client *c)
{
	if (c)
		client_free(c);
}

void client_forget(struct client *c)
{
	if (c)
		c->handlers = NULL;
}

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

static void linger(struct client *c)
{
	struct intervals wait = {.wait_ms = {LINGER_MS}};

	if (c->state < CLIENT_REFUSED && resend_total_ms(&c->resend.intervals) > LINGER_MS)
		wait.wait_ms[0] = resend_total_ms(&c->resend.intervals);
	resend_start(&c->resend, sip_loop(c->set->sip), &wait, true, &resend_handlers, c);
}

static void send_cancel(struct client *c, const struct intervals *resend)
{
	struct text t = text_scratch();
	struct client_request cancel = {.method = "CANCEL", .branch = c->key, .text = &t, .hop = &c->hop,
		.resend = resend};

	hop_by_hop(&t, c, "CANCEL", NULL, c->cancel_reason);
	start(NULL, c->set, &cancel, c->identity, NULL, NULL);
}

static void cancel_now(struct client *c)
{
	send_cancel(c, &c->cancel_resend);
	linger(c);
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
		cancel_now(c);
	else if (!c->resend.running)
		linger(c);
}

void client_acknowledge(struct clients *set, const char *branch, const char *to_tag, const struct hop *hop,
	const struct text *ack)
{
	uint64_t key;
	struct client *c = branch_number(branch, &key) ? find(set, key) : NULL;

	if (ack->full)
		return;
	sip_send(hop, ack->data, ack->len, NULL);
	if (c)
		acks_keep(&c->acks, to_tag, hop, ack);
}

/* Receiving --------------------------------------------------------------------------------- */

static void set_lingering(struct client *c, enum client_state state)
{
	c->set->lingering += !lingers(c);
	c->state = state;
	c->handlers = NULL;
	pending_clear(&c->pending);
	linger(c);
}

/** The INVITE was refused: acknowledge, and keep the ACK for repetitions of the answer. */
static void refuse_invite(struct client *c, const struct received *rx)
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

static void accept_invite(struct client *c)
{
	free(c->data);
	c->data = NULL;
	set_lingering(c, CLIENT_ACCEPTED);
}

static void on_provisional(struct client *c, const struct received *rx)
{
	bool first = c->state == CLIENT_CALLING;

	c->state = CLIENT_PROCEEDING;
	c->ringing |= rx->sip->sip_status->st_status == 180;
	if (!is_invite(c))
		resend_slow(&c->resend);
	else if (!c->unwanted)
		resend_stop(&c->resend); /* the stage timeouts of the call take over */
	else if (first)
		cancel_now(c);
	if (c->handlers && c->handlers->on_response)
		c->handlers->on_response(rx, c->arg);
}

static void on_final(struct client *c, const struct received *rx)
{
	const struct client_handlers *handlers = c->handlers;
	void *arg = c->arg;

	if (!is_invite(c))
		client_free(c);
	else if (rx->sip->sip_status->st_status < 300)
		accept_invite(c);
	else
		refuse_invite(c, rx);
	if (handlers && handlers->on_response)
		handlers->on_response(rx, arg);
}

/** A 2xx that somebody else has to acknowledge. */
static enum client_match answered(const struct client *c)
{
	return c->inside ? CLIENT_ANSWERED_INSIDE : CLIENT_ANSWERED;
}

enum client_match clients_on_response(struct clients *set, const struct received *rx)
{
	const sip_t *sip = rx->sip;
	int status = sip->sip_status->st_status;
	struct client *c;
	uint64_t key;
	enum client_match match = CLIENT_TAKEN;

	/* Exactly one Via, ours: what carries more was not meant to end here (RFC 3261 section 8.1.3.3). */
	if (!sip->sip_via || sip->sip_via->v_next || !branch_number(sip->sip_via->v_branch, &key) || status > 699)
		return CLIENT_STRANGE;
	c = find(set, key | !strcmp(sip->sip_cseq->cs_method_name, "CANCEL"));
	if (!c || strcmp(c->method, sip->sip_cseq->cs_method_name) ||
		c->identity != identity(set, sip->sip_call_id->i_id, sip->sip_from->a_tag, sip->sip_cseq->cs_seq))
		return CLIENT_STRANGE;
	if (c->state == CLIENT_ACCEPTED)
		return status < 200 || status >= 300 || acks_repeat(&c->acks, sip->sip_to->a_tag) ? match : answered(c);
	if (c->state == CLIENT_REFUSED) {
		if (status >= 300)
			sip_send(&c->hop, c->data, c->len, NULL);
		return CLIENT_TAKEN;
	}
	if (status < 200) {
		on_provisional(c, rx);
		return CLIENT_TAKEN;
	}
	if (is_invite(c) && !c->handlers && status < 300)
		match = answered(c);
	on_final(c, rx);
	return match;
}

void clients_on_undelivered(struct clients *set, const char *sent, size_t n, int error)
{
	const char *branch = memmem(sent, n, cookie, sizeof(cookie) - 1);
	char copy[BRANCH_SIZE] = "";
	struct client *c;
	uint64_t key;

	if (!branch || (size_t)(sent + n - branch) < BRANCH_SIZE - 1)
		return;
	memcpy(copy, branch, BRANCH_SIZE - 1);
	if (!branch_number(copy, &key))
		return;
	c = find(set, key | (n > 6 && !memcmp(sent, "CANCEL", 6)));
	if (c && c->state == CLIENT_CALLING)
		fail(c, -error);
}

bool clients_own(const struct clients *set, const sip_via_t *via)
{
	uint64_t key;

	return via && branch_number(via->v_branch, &key) && find(set, key);
}
