#include "server_transaction_state.h"

#include "clock.h"
#include "message.h"

#include <sofia-sip/sip_status.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEY_SIZE = 1 << 18, /* more than a message holds */
	OWN_MAX = 4096,     /* room for what we add to a response, bytes */
	TIMER_I_MS = 5000,  /* after the ACK, for repetitions of INVITE and ACK (RFC 3261 section 17.2.1) */
	TIMER_J_MS = 32000  /* after the final response to another request (RFC 3261 section 17.2.2) */
};

static uint16_t *invites(struct server_transaction *s)
{
	return &s->set->invites[s->hh.hashv % SERVER_TRANSACTION_INVITES];
}

int server_transactions_create(struct server_transactions **out, struct transport *transport)
{
	struct server_transactions *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->transport = transport;
	*out = set;
	return 0;
}

const struct hop *server_transaction_hop(const struct server_transaction *s)
{
	return &s->hop;
}

struct text server_transaction_response(const struct server_transaction *s)
{
	return (struct text){.data = s->response, .len = s->response_len, .size = s->response_len};
}

static void tell_over(struct server_transaction *s)
{
	const struct server_transaction_handlers *handlers = s->handlers;

	s->handlers = NULL;
	if (s->state == SERVER_TRANSACTION_COMPLETED && handlers && handlers->on_over)
		handlers->on_over(s->arg);
}

static void server_transaction_free(struct server_transaction *s)
{
	tell_over(s);
	s->set->done -= s->state == SERVER_TRANSACTION_CONFIRMED;
	resend_stop(&s->resend);
	stream_pending_clear(&s->pending);
	hop_clear(&s->hop);
	if (s->hh.tbl) {
		*invites(s) -= s->invite;
		HASH_DEL(s->set->by_key, s);
	}
	if (s->by_merge.tbl)
		HASH_DELETE(by_merge, s->set->by_merge, s);
	free(s->key);
	free(s->merge);
	free(s->head);
	free(s->to);
	free(s->timestamp);
	free(s->response);
	free(s);
}

void server_transactions_destroy(struct server_transactions *set)
{
	struct server_transaction *s, *next;

	if (!set)
		return;
	HASH_ITER (hh, set->by_key, s, next)
		server_transaction_free(s);
	free(set);
}

size_t server_transactions_count(const struct server_transactions *set)
{
	return HASH_COUNT(set->by_key) - set->done;
}

size_t server_transactions_kept(const struct server_transactions *set)
{
	return HASH_COUNT(set->by_key);
}

/* Recognizing ------------------------------------------------------------------------------- */

static void add_call(struct text *t, const sip_t *sip)
{
	text_add_all(
		t, sip->sip_call_id->i_id, " ", sip->sip_from->a_tag ? sip->sip_from->a_tag : "", " ", NULL);
}

/** RFC 3261 section 17.2.3; without the magic cookie, Call-ID, From tag and CSeq take the place of the branch. */
static const char *make_key(const sip_t *sip, const char *method)
{
	static char key[KEY_SIZE];
	const sip_via_t *via = sip->sip_via;
	struct text t = {.data = key, .size = sizeof(key)};

	if (via->v_branch && !strncasecmp(via->v_branch, "z9hG4bK", 7)) {
		text_add(&t, via->v_branch);
	} else {
		add_call(&t, sip);
		text_add_number(&t, sip->sip_cseq->cs_seq);
	}
	text_add_all(&t, " ", via->v_host, ":", via->v_port ? via->v_port : "", " ", method, NULL);
	key[t.len] = '\0';
	return key;
}

static const char *make_merge_key(const sip_t *sip, const char *method)
{
	static char key[KEY_SIZE];
	struct text t = {.data = key, .size = sizeof(key)};

	add_call(&t, sip);
	text_add_number(&t, sip->sip_cseq->cs_seq);
	text_add_all(&t, " ", method, NULL);
	key[t.len] = '\0';
	return key;
}

static struct server_transaction *find(
	const struct server_transactions *set, const sip_t *sip, const char *method)
{
	const char *key = make_key(sip, method);
	struct server_transaction *s;

	HASH_FIND_STR(set->by_key, key, s);
	return s;
}

static struct server_transaction *find_merged(
	const struct server_transactions *set, const sip_t *sip, const char *method)
{
	const char *key = make_merge_key(sip, method);
	struct server_transaction *s;

	HASH_FIND(by_merge, set->by_merge, key, strlen(key), s);
	return s;
}

bool server_transactions_merged(const struct server_transactions *set, const struct received *rx)
{
	const struct server_transaction *s = find_merged(set, rx->sip, rx->sip->sip_request->rq_method_name);

	/* Only one that goes on counts: a proxy that forks serially tries the next branch when this one has failed. */
	return s && !s->failed;
}

bool server_transactions_has_invite(const struct server_transactions *set, const struct scan *via)
{
	const struct server_transaction *s = NULL;
	struct scan branch, host, port;
	static char key[KEY_SIZE];
	struct text t = {.data = key, .size = sizeof(key)};
	unsigned hash;

	if (!scan_parameter(via, "branch", &branch) || !scan_sent_by(via, &host, &port))
		return false;
	text_add_bytes(&t, branch.data, branch.n);
	text_add(&t, " ");
	text_add_bytes(&t, host.data, host.n);
	text_add(&t, ":");
	text_add_bytes(&t, port.data, port.n);
	text_add(&t, " INVITE");
	if (t.full)
		return false;
	HASH_VALUE(key, t.len, hash);
	if (set->invites[hash % SERVER_TRANSACTION_INVITES])
		HASH_FIND_BYHASHVALUE(hh, set->by_key, key, t.len, hash, s);
	return s;
}

static void on_pending_failure(int error, void *arg)
{
	struct server_transaction *s = arg;

	(void)error;
	s->lost = true;
}

static void send_bytes(struct server_transaction *s, const char *data, size_t n)
{
	s->lost = transport_send(&s->hop, data, n, s->invite ? &s->pending : NULL) != 0;
}

static void send_again(struct server_transaction *s)
{
	s->again = true;
	if (s->response)
		send_bytes(s, s->response, s->response_len);
}

void server_transaction_learn(const struct server_transaction *s)
{
	if (!s->again)
		resend_learn(&s->hop, s->sent_ms);
}

void server_transaction_resend(struct server_transaction *s)
{
	if (s->lost || !hop_is_reliable(&s->hop))
		send_again(s);
}

/** Absorb repetitions of this request for a while. */
static void linger(struct server_transaction *s, uint32_t ms);

/** @param s  the INVITE of the same branch, if any */
static bool on_ack(struct server_transactions *set, struct server_transaction *s, const sip_t *sip)
{
	const struct server_transaction_handlers *handlers;
	void *arg;

	if (s && s->state == SERVER_TRANSACTION_COMPLETED) {
		server_transaction_learn(s);
		linger(s, TIMER_I_MS);
	}
	if (s && s->state != SERVER_TRANSACTION_ACCEPTED)
		return true;
	/* The ACK to a 2xx has its own branch and belongs to the dialog; it is for us where the dialog has no call any more. */
	s = find_merged(set, sip, "INVITE");
	if (!s || s->state != SERVER_TRANSACTION_ACCEPTED || (s->handlers && !s->handlers->on_late_ack))
		return false;
	handlers = s->handlers;
	arg = s->arg;
	server_transaction_acknowledge(s);
	if (handlers)
		handlers->on_late_ack(arg);
	return true;
}

struct server_transaction *server_transactions_find(const struct server_transactions *set, const sip_t *sip)
{
	sip_method_t method = sip->sip_request->rq_method;
	bool for_invite = method == sip_method_ack || method == sip_method_cancel;

	return find(set, sip, for_invite ? "INVITE" : sip->sip_request->rq_method_name);
}

bool server_transactions_on_request(
	struct server_transactions *set, struct server_transaction *s, const struct received *rx)
{
	const sip_t *sip = rx->sip;
	sip_method_t method = sip->sip_request->rq_method;

	if (method == sip_method_ack)
		return on_ack(set, s, sip);
	if (!s)
		return false;
	if (method == sip_method_cancel) {
		transport_reply_tagged(rx, SIP_200_OK, s->tag, NULL); /* RFC 3261 section 9.2 */
		if (s->state == SERVER_TRANSACTION_PROCEEDING && s->handlers && s->handlers->on_cancel)
			s->handlers->on_cancel(rx, s->arg);
		return true;
	}
	send_again(s);
	return true;
}

/* Answering --------------------------------------------------------------------------------- */

static void on_due(void *arg)
{
	server_transaction_resend(arg);
}

static void on_expired(void *arg)
{
	struct server_transaction *s = arg;
	const struct server_transaction_handlers *handlers =
		s->state == SERVER_TRANSACTION_ACCEPTED ? s->handlers : NULL;
	void *owner = s->arg;

	server_transaction_free(s);
	if (handlers && handlers->on_unacknowledged)
		handlers->on_unacknowledged(owner);
}

static const struct resend_handlers resend_handlers = {on_due, on_expired};

static void linger(struct server_transaction *s, uint32_t ms)
{
	struct resend_schedule wait = {.wait_ms = {ms}};

	tell_over(s);
	s->set->done += s->state != SERVER_TRANSACTION_CONFIRMED;
	s->state = SERVER_TRANSACTION_CONFIRMED;
	stream_pending_clear(&s->pending);
	if (hop_is_reliable(&s->hop)) {
		resend_stop(&s->resend);
		hop_disconnect(&s->hop); /* nothing is repeated over a connection; let it be closed */
	}
	resend_start(&s->resend, transport_loop(s->set->transport), &wait, &resend_handlers, s);
}

void server_transaction_free_unlisted(struct server_transaction *s)
{
	hop_clear(&s->hop);
	free(s->head);
	free(s->to);
	free(s->timestamp);
	free(s->key);
	free(s->merge);
	free(s);
}

int server_transaction_enlist(struct server_transaction *s, struct server_transactions *set,
	const struct server_transaction_handlers *handlers, void *arg)
{
	s->set = set;
	s->handlers = handlers;
	s->arg = arg;
	s->pending.on_error = on_pending_failure;
	s->pending.arg = s;
	HASH_ADD_KEYPTR(hh, set->by_key, s->key, strlen(s->key), s);
	if (s->hh.tbl)
		*invites(s) += s->invite;
	HASH_ADD_KEYPTR(by_merge, set->by_merge, s->merge, strlen(s->merge), s);
	if (s->hh.tbl && s->by_merge.tbl)
		return 0;
	server_transaction_free(s);
	return -ENOMEM;
}

int server_transaction_create(struct server_transaction **out, struct server_transactions *set,
	const struct received *rx, const struct server_transaction_handlers *handlers, void *arg)
{
	struct server_transaction *s = calloc(1, sizeof(*s));
	struct text head = text_scratch(), to;

	if (!s)
		return -ENOMEM;
	message_response_head(&head, rx);
	message_header(&head, (const sip_header_t *)rx->sip->sip_to);
	if (head.full || head.len > TEXT_MAX - OWN_MAX) { /* no response would fit */
		free(s);
		return -EMSGSIZE;
	}
	head = text_scratch();
	message_response_head(&head, rx);
	s->head = text_copy(&head);
	to = text_scratch();
	message_header(&to, (const sip_header_t *)rx->sip->sip_to);
	text_strip_line_end(&to);
	s->to = text_copy(&to);
	if (rx->sip->sip_timestamp) {
		head = text_scratch();
		message_header(&head, (const sip_header_t *)rx->sip->sip_timestamp);
		s->timestamp = text_copy(&head);
	}
	s->key = strdup(make_key(rx->sip, rx->sip->sip_request->rq_method_name));
	s->merge = strdup(make_merge_key(rx->sip, rx->sip->sip_request->rq_method_name));
	if (!s->head || !s->to || !s->key || !s->merge) {
		server_transaction_free_unlisted(s);
		return -ENOMEM;
	}
	s->invite = rx->sip->sip_request->rq_method == sip_method_invite;
	s->cseq = rx->sip->sip_cseq->cs_seq;
	hop_copy(&s->hop, &rx->back);
	if (server_transaction_enlist(s, set, handlers, arg))
		return -ENOMEM;
	*out = s;
	return 0;
}

void server_transaction_set_tag(struct server_transaction *s, const char *to_tag)
{
	text_fit(s->tag, sizeof(s->tag), to_tag);
}

void server_transaction_begin(
	struct server_transaction *s, struct text *t, int status, const char *phrase, const char *to_tag)
{
	if (to_tag && !s->tag[0])
		text_fit(s->tag, sizeof(s->tag), to_tag);
	message_status(t, status, phrase);
	text_add_all(t, s->head, s->to, NULL);
	if (to_tag && status > 100)
		text_add_all(t, ";tag=", to_tag, NULL);
	text_add(t, "\r\n");
	if (status == 100 && s->timestamp) /* RFC 3261 section 8.2.6.1; there was no delay to add */
		text_add(t, s->timestamp);
}

void server_transaction_send(
	struct server_transaction *s, const struct text *t, int status, const struct resend_schedule *resend)
{
	struct text shorter = text_scratch();
	struct resend_schedule schedule;

	if (t->full && status < 200)
		return;
	if (t->full) { /* what we pass on does not fit */
		status = 513;
		server_transaction_begin(s, &shorter, status, NULL, s->tag[0] ? s->tag : NULL);
		message_end(&shorter, NULL);
		t = &shorter;
	}
	free(s->response);
	s->response = text_copy(t);
	s->response_len = t->len;
	s->again = false;
	s->sent_ms = clock_now_ms();
	send_bytes(s, t->data, t->len);
	if (status < 200)
		return;
	s->failed = status >= 300;
	free(s->head);
	free(s->to);
	s->head = s->to = NULL;
	if (!s->invite) {
		linger(s, TIMER_J_MS);
		return;
	}
	s->state = status < 300 ? SERVER_TRANSACTION_ACCEPTED : SERVER_TRANSACTION_COMPLETED;
	schedule = resend_over(&s->hop, resend);
	resend_start(&s->resend, transport_loop(s->set->transport), &schedule, &resend_handlers, s);
}

void server_transaction_reply(struct server_transaction *s, int status, const char *phrase,
	const char *to_tag, const char *extra_headers, const struct resend_schedule *resend)
{
	struct text t = text_scratch();

	server_transaction_begin(s, &t, status, phrase, to_tag);
	if (extra_headers)
		text_add(&t, extra_headers);
	message_end(&t, NULL);
	server_transaction_send(s, &t, status, resend);
}

void server_transaction_answer(struct server_transactions *set, const struct received *rx, int status,
	const char *headers, const struct resend_schedule *resend)
{
	struct server_transaction *s;

	if (server_transaction_create(&s, set, rx, NULL, NULL))
		transport_reply_stateless(rx, 500, NULL, NULL);
	else
		server_transaction_reply(s, status, NULL, NULL, headers, resend);
}

uint32_t server_transaction_cseq(const struct server_transaction *s)
{
	return s->cseq;
}

void server_transaction_acknowledge(struct server_transaction *s)
{
	server_transaction_learn(s);
	free(s->response);
	s->response = NULL;
	linger(s, TIMER_I_MS);
}

void server_transaction_hand_over(
	struct server_transaction *s, const struct server_transaction_handlers *handlers, void *arg)
{
	if (!s)
		return;
	s->handlers = handlers;
	s->arg = arg;
}

void server_transaction_forget(struct server_transaction *s)
{
	server_transaction_hand_over(s, NULL, NULL);
}
