#include "client_transaction_state.h"

#include "clock.h"
#include "loop.h"
#include "token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char cookie[] = "z9hG4bK"; /* RFC 3261 section 8.1.1.7 */

/** Behind the cookie: the number of the transaction, and of an INVITE that begins a call a mark. Hexadecimal digits. */
enum { COOKIE_LENGTH = sizeof(cookie) - 1, NUMBER_LENGTH = 16, MARK_LENGTH = 8 };
_Static_assert(COOKIE_LENGTH + NUMBER_LENGTH + MARK_LENGTH + 1 == BRANCH_SIZE, "the whole branch fits");

void client_transaction_tell_over(struct client_transaction *c)
{
	const struct client_transaction_over over = client_transaction_take_over(c);

	if (over.on_over)
		over.on_over(over.arg);
}

void client_transaction_free(struct client_transaction *c)
{
	client_transaction_tell_over(c);
	c->set->lingering -= client_transaction_lingers(c);
	if (c->broken)
		LIST_REMOVE(c, link);
	resend_stop(&c->resend);
	stream_pending_clear(&c->pending);
	hop_clear(&c->hop);
	if (c->hh.tbl)
		HASH_DEL(c->set->by_key, c);
	ack_clear(&c->acks);
	free(c->data);
	free(c->cancel_reason);
	free(c);
}

size_t client_transactions_count(const struct client_transactions *set)
{
	return HASH_COUNT(set->by_key) - set->lingering;
}

size_t client_transactions_in_dialogs(const struct client_transactions *set)
{
	size_t n = 0;

	for (const struct client_transaction *c = set->by_key; c; c = c->hh.next)
		n += c->in_dialog && !client_transaction_lingers(c);
	return n;
}

size_t client_transactions_kept(const struct client_transactions *set)
{
	return HASH_COUNT(set->by_key);
}

static struct client_transaction *find(const struct client_transactions *set, uint64_t key)
{
	struct client_transaction *c;

	HASH_FIND(hh, set->by_key, &key, sizeof(key), c);
	return c;
}

uint64_t client_transaction_branch(struct client_transactions *set, char out[BRANCH_SIZE])
{
	uint64_t number;

	do
		number = token_random() & ~UINT64_C(1);
	while (find(set, number));
	memcpy(out, cookie, COOKIE_LENGTH);
	token_hex(out + COOKIE_LENGTH, number, NUMBER_LENGTH);
	return number;
}

static void write_mark(
	const struct client_transactions *set, uint64_t number, const char *user, char out[MARK_LENGTH + 1])
{
	token_hex(out, token_hash_keyed(&set->key, number, user), MARK_LENGTH);
}

uint64_t client_transaction_marked_branch(
	struct client_transactions *set, const char *user, char out[BRANCH_SIZE])
{
	uint64_t number = client_transaction_branch(set, out);

	write_mark(set, number, user, out + COOKIE_LENGTH + NUMBER_LENGTH);
	return number;
}

/** The number in a branch of ours. @return false when it is not ours */
static bool branch_number(const char *branch, uint64_t *number)
{
	char digits[NUMBER_LENGTH + 1], *end;
	size_t n = branch ? strlen(branch) : 0;

	if ((n != COOKIE_LENGTH + NUMBER_LENGTH && n != BRANCH_SIZE - 1) ||
		strncasecmp(branch, cookie, COOKIE_LENGTH))
		return false;
	memcpy(digits, branch + COOKIE_LENGTH, NUMBER_LENGTH);
	digits[NUMBER_LENGTH] = '\0';
	*number = strtoull(digits, &end, 16);
	return end == digits + NUMBER_LENGTH;
}

int client_transaction_resume_branch(
	const struct client_transactions *set, const char *branch, uint64_t *number)
{
	return !branch_number(branch, number) ? -EINVAL : find(set, *number) ? -EEXIST : 0;
}

/* The end ----------------------------------------------------------------------------------- */

static void fail(struct client_transaction *c, int error)
{
	const struct client_transaction_handlers *handlers = c->handlers;
	void *arg = c->arg;

	client_transaction_free(c);
	if (handlers && handlers->on_failure)
		handlers->on_failure(error, arg);
}

void client_transactions_destroy(struct client_transactions *set)
{
	if (!set)
		return;
	while (set->by_key) /* its owner frees itself in on_failure */
		fail(set->by_key, -ECANCELED);
	event_del(&set->soon);
	free(set);
}

/**
 * An INVITE that nothing answered, or whose connection broke, may have arrived all the same: it is cancelled, and what
 * still comes is hung up.
 */
static void give_up(struct client_transaction *c, int error)
{
	const struct client_transaction_handlers *handlers = c->handlers;
	void *owner = c->arg;

	if (!client_transaction_is_invite(c) || client_transaction_lingers(c)) {
		fail(c, error);
		return;
	}
	client_transaction_stop_resending(c);
	client_transaction_cancel(c, NULL);
	client_transaction_forget(c);
	if (handlers && handlers->on_failure)
		handlers->on_failure(error, owner);
}

static int send_again(struct client_transaction *c)
{
	c->again = true;
	return transport_send(&c->hop, c->data, c->len, &c->pending);
}

static void on_due(void *arg)
{
	struct client_transaction *c = arg;

	if (c->lost || !hop_is_reliable(&c->hop))
		c->lost = send_again(c) != 0;
}

static void on_expired(void *arg)
{
	struct client_transaction *c = arg;

	if (client_transaction_lingers(c) && resend_total_ms(&c->resend.schedule) < LINGER_MS)
		client_transaction_linger(c);
	else
		give_up(c, -ETIMEDOUT);
}

static void on_broken(struct client_transaction *c)
{
	int error = c->broken;

	LIST_REMOVE(c, link);
	c->broken = 0;
	/* A cancelled INVITE awaits what may still come; inside a dialog it goes on until its first response. */
	if (c->ringing ||
		(client_transaction_lingers(c) && !(c->in_dialog && c->state == CLIENT_TRANSACTION_CALLING)))
		return;
	hop_disconnect(&c->hop);
	if (c->pending.reused && (c->state == CLIENT_TRANSACTION_CALLING || client_transaction_endures(c)))
		error = send_again(c);
	if (error && client_transaction_endures(c))
		c->lost = true;
	else if (error)
		give_up(c, error);
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct client_transactions *set = arg;
	struct client_transaction *c;

	(void)fd;
	(void)what;
	while ((c = LIST_FIRST(&set->broken)))
		on_broken(c);
}

/** The connection may break while another message is being sent over it, so nothing is freed right now. */
static void on_pending_failure(int error, void *arg)
{
	static const struct timeval now = {0};
	struct client_transaction *c = arg;

	if (!c->broken)
		LIST_INSERT_HEAD(&c->set->broken, c, link);
	c->broken = error;
	event_add(&c->set->soon, &now);
}

const struct resend_handlers client_transaction_resend_handlers = {on_due, on_expired};

int client_transactions_create(
	struct client_transactions **out, struct transport *transport, const struct token_key *key)
{
	struct client_transactions *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->transport = transport;
	set->key = key ? *key : (struct token_key){{token_random(), token_random()}};
	LIST_INIT(&set->broken);
	event_assign(&set->soon, loop_base(transport_loop(transport)), -1, 0, on_soon, set);
	*out = set;
	return 0;
}

/* Sending ----------------------------------------------------------------------------------- */

static uint64_t identity(const char *call_id, const char *from_tag, uint32_t cseq)
{
	return token_hash(token_hash(cseq, call_id), from_tag);
}

int client_transaction_start(struct client_transaction **out, struct client_transactions *set,
	const struct client_transaction_request *request, uint64_t id,
	const struct client_transaction_handlers *handlers, void *arg)
{
	struct resend_schedule schedule;
	struct client_transaction *c;
	int err = -ENOMEM;

	if (request->text->full)
		return -EMSGSIZE;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->set = set;
	c->key = request->branch | !strcmp(request->method, "CANCEL");
	c->method = request->method;
	c->in_dialog = request->in_dialog;
	c->identity = id;
	c->handlers = handlers;
	c->arg = arg;
	c->pending.on_error = on_pending_failure;
	c->pending.arg = c;
	hop_copy(&c->hop, request->hop);
	HASH_ADD(hh, set->by_key, key, sizeof(c->key), c);
	c->len = request->text->len;
	c->data = malloc(c->len);
	if (!c->data || !c->hh.tbl)
		goto fail;
	memcpy(c->data, request->text->data, c->len);
	c->sent_ms = clock_now_ms();
	err = transport_send(&c->hop, c->data, c->len, &c->pending);
	c->lost = err != 0;
	if (err && (err == -EMSGSIZE || !client_transaction_endures(c)))
		goto fail;
	schedule = resend_over(&c->hop, request->resend);
	/* An INVITE over a connection is the affair of its owner, who has timers of its own. */
	if (!hop_is_reliable(&c->hop) || !client_transaction_is_invite(c) || c->in_dialog)
		resend_start(&c->resend, transport_loop(set->transport), &schedule,
			&client_transaction_resend_handlers, c);
	if (out)
		*out = c;
	return 0;
fail:
	client_transaction_free(c);
	return err;
}

int client_transaction_send(struct client_transaction **out, struct client_transactions *set,
	const struct client_transaction_request *request, const struct client_transaction_handlers *handlers,
	void *arg)
{
	return client_transaction_start(out, set, request,
		identity(request->call_id, request->from_tag, request->cseq), handlers, arg);
}

struct client_transaction *client_transaction_by_branch(
	const struct client_transactions *set, const char *branch)
{
	uint64_t key;

	return branch_number(branch, &key) ? find(set, key) : NULL;
}

struct text client_transaction_text(const struct client_transaction *c)
{
	return (struct text){.data = c->data, .len = c->len, .size = c->len};
}

void client_transaction_drop(struct client_transaction *c)
{
	if (c)
		client_transaction_free(c);
}

void client_transaction_on_over(struct client_transaction *c, const struct client_transaction_over *over)
{
	c->over = *over;
}

struct client_transaction_over client_transaction_take_over(struct client_transaction *c)
{
	const struct client_transaction_over over = c->over;

	c->over = (struct client_transaction_over){0};
	return over;
}

void client_transaction_forget(struct client_transaction *c)
{
	if (c)
		c->handlers = NULL;
}

/* Receiving --------------------------------------------------------------------------------- */

static void on_provisional(struct client_transaction *c, const struct received *rx)
{
	bool first = c->state == CLIENT_TRANSACTION_CALLING;

	c->state = CLIENT_TRANSACTION_PROCEEDING;
	c->ringing |= rx->sip->sip_status->st_status == 180;
	if (!client_transaction_is_invite(c))
		resend_slow(&c->resend);
	else if (!c->cancelled)
		resend_stop(&c->resend); /* the owner has timers of its own from here */
	else if (first)
		client_transaction_cancel_now(c);
	if (c->handlers && c->handlers->on_response)
		c->handlers->on_response(rx, c->arg);
}

static void on_final(struct client_transaction *c, const struct received *rx)
{
	const struct client_transaction_handlers *handlers = c->handlers;
	void *arg = c->arg;

	if (!client_transaction_is_invite(c))
		client_transaction_free(c);
	else if (rx->sip->sip_status->st_status < 300)
		client_transaction_accept(c);
	else
		client_transaction_complete(c, rx);
	if (handlers && handlers->on_response)
		handlers->on_response(rx, arg);
}

struct client_transaction *client_transactions_find(const struct client_transactions *set, const sip_t *sip)
{
	struct client_transaction *c;
	uint64_t key;

	/* A response with more Via than ours is not for us (RFC 3261 section 8.1.3.3). */
	if (!sip->sip_via || sip->sip_via->v_next || !branch_number(sip->sip_via->v_branch, &key) ||
		sip->sip_status->st_status > 699)
		return NULL;
	c = find(set, key | !strcmp(sip->sip_cseq->cs_method_name, "CANCEL"));
	return c && !strcmp(c->method, sip->sip_cseq->cs_method_name) &&
			c->identity ==
				identity(sip->sip_call_id->i_id, sip->sip_from->a_tag, sip->sip_cseq->cs_seq)
		? c
		: NULL;
}

const struct hop *client_transaction_hop(const struct client_transaction *c)
{
	return &c->hop;
}

enum client_transaction_match client_transaction_on_response(
	struct client_transaction *c, const struct received *rx)
{
	int status = rx->sip->sip_status->st_status;
	enum client_transaction_match match = CLIENT_TRANSACTION_HANDLED;

	if (!c)
		return CLIENT_TRANSACTION_UNKNOWN;
	if (c->state >= CLIENT_TRANSACTION_COMPLETED)
		return client_transaction_on_repeated(c, rx);
	if (c->state == CLIENT_TRANSACTION_CALLING && !c->again)
		resend_learn(&c->hop, c->sent_ms);
	if (status < 200) {
		on_provisional(c, rx);
		return CLIENT_TRANSACTION_HANDLED;
	}
	if (client_transaction_is_invite(c) && !c->handlers && status < 300)
		match = client_transaction_stray(c);
	on_final(c, rx);
	return match;
}

void client_transactions_on_undelivered(
	struct client_transactions *set, const char *sent, size_t n, int error)
{
	const char *branch = memmem(sent, n, cookie, sizeof(cookie) - 1);
	char copy[BRANCH_SIZE] = "";
	struct client_transaction *c;
	uint64_t key;

	if (!branch || (size_t)(sent + n - branch) < COOKIE_LENGTH + NUMBER_LENGTH)
		return;
	memcpy(copy, branch, COOKIE_LENGTH + NUMBER_LENGTH);
	if (!branch_number(copy, &key))
		return;
	c = find(set, key | (n > 6 && !memcmp(sent, "CANCEL", 6)));
	if (!c || c->state != CLIENT_TRANSACTION_CALLING)
		return;
	if (error == EMSGSIZE &&
		!c->shrunk) { /* IPv6 Packet Too Big: now the kernel knows into what to cut it */
		c->shrunk = true;
		on_due(c);
	} else if (error != EMSGSIZE && !client_transaction_lingers(c) && !client_transaction_endures(c)) {
		if (c->resend.done)
			give_up(c, -error);
		else
			fail(c, -error); /* it was sent once and did not arrive */
	}
}

/** Did we put this branch into an INVITE to that user? */
static bool is_marked(const struct client_transactions *set, const sip_via_t *via, const char *user)
{
	char mark[MARK_LENGTH + 1];
	uint64_t number;

	if (!branch_number(via->v_branch, &number) || strlen(via->v_branch) != BRANCH_SIZE - 1)
		return false;
	write_mark(set, number, user, mark);
	return !strcasecmp(via->v_branch + COOKIE_LENGTH + NUMBER_LENGTH, mark);
}

bool client_transactions_is_loop(const struct client_transactions *set, const sip_t *invite)
{
	for (const sip_via_t *via = invite->sip_via; via; via = via->v_next)
		if (is_marked(set, via, invite->sip_request->rq_url->url_user))
			return true;
	return false;
}

bool client_transactions_is_ours(const struct client_transactions *set, const sip_t *response)
{
	const sip_via_t *via = response->sip_via;
	uint64_t number;

	return via && !via->v_next && branch_number(via->v_branch, &number) && !find(set, number) &&
		is_marked(set, via, response->sip_to->a_url->url_user);
}
