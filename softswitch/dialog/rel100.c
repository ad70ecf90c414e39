#include "rel100.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PROVISIONAL = 183 }; /* server_transaction_send() treats 101-199 alike */
enum { WAITING_MAX = sizeof(((struct rel100 *)0)->waiting) / sizeof(struct rel100_waiting) };

bool rel100_is_offered(const sip_t *invite)
{
	return sip_has_feature(invite->sip_supported, "100rel") ||
		sip_has_feature(invite->sip_require, "100rel");
}

static void on_due(void *arg)
{
	struct rel100 *r = arg;

	server_transaction_resend(r->invite);
}

static void on_expired(void *arg)
{
	struct rel100 *r = arg;

	r->handlers->on_unacknowledged(r->arg);
}

static const struct resend_handlers resend_handlers = {on_due, on_expired};

void rel100_start(struct rel100 *r, struct loop *loop, uint32_t cseq, uint32_t first,
	const struct resend_schedule *schedule, const struct rel100_handlers *handlers, void *arg)
{
	*r = (struct rel100){.loop = loop,
		.schedule = schedule,
		.handlers = handlers,
		.arg = arg,
		.on = true,
		.cseq = cseq,
		.rseq = first & 0x3fffffff}; /* so that the first, one more, is far below 2^31 */
}

/* Sending ----------------------------------------------------------------------------------- */

/** Does the next response replace the last one in the queue? */
static bool replaces_last(const struct rel100 *r, bool sdp)
{
	return r->n_waiting && (r->n_waiting == WAITING_MAX || (!sdp && !r->waiting[r->n_waiting - 1].sdp));
}

void rel100_headers(const struct rel100 *r, struct text *t, bool sdp)
{
	if (!r->on)
		return;
	text_add(t, "Require: 100rel\r\nRSeq: ");
	text_add_number(t, r->rseq + r->n_waiting + !replaces_last(r, sdp));
	text_add(t, "\r\n");
}

static void send_now(struct rel100 *r, const struct text *t, bool sdp)
{
	struct resend_schedule schedule = resend_over(server_transaction_hop(r->invite), r->schedule);

	r->rseq++;
	r->outstanding = true;
	r->sdp = sdp;
	server_transaction_send(r->invite, t, PROVISIONAL, NULL);
	resend_start(&r->resend, r->loop, &schedule, &resend_handlers, r);
}

void rel100_resume(struct rel100 *r, struct server_transaction *invite, uint32_t rseq,
	const struct text *outstanding, bool sdp)
{
	r->invite = invite;
	r->rseq = rseq - (outstanding->len != 0);
	if (outstanding->len)
		send_now(r, outstanding, sdp);
}

static void wait_turn(struct rel100 *r, const struct text *t, bool sdp)
{
	char *data = text_copy(t);
	struct rel100_waiting *w;

	if (!data)
		return;
	if (replaces_last(r, sdp))
		free(r->waiting[--r->n_waiting].data);
	w = &r->waiting[r->n_waiting++];
	*w = (struct rel100_waiting){data, t->len, sdp};
}

void rel100_send(struct rel100 *r, struct server_transaction *invite, const struct text *t, bool sdp)
{
	r->invite = invite;
	if (!r->on)
		server_transaction_send(invite, t, PROVISIONAL, NULL);
	else if (!t->full && r->outstanding)
		wait_turn(r, t, sdp);
	else if (!t->full)
		send_now(r, t, sdp);
}

void rel100_next(struct rel100 *r)
{
	struct rel100_waiting first = r->waiting[0];
	struct text t = {.data = first.data, .len = first.len, .size = first.len};

	if (!r->n_waiting)
		return;
	memmove(r->waiting, r->waiting + 1, --r->n_waiting * sizeof(first));
	send_now(r, &t, first.sdp);
	free(first.data);
}

/* PRACK ------------------------------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_spaces(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

/** Read a number and the space after it. @return what follows; NULL when there is no number, or it is above 2^32-1 */
static const char *read_number(const char *at, const char *end, uint32_t *out)
{
	uint64_t n = 0;

	for (; at < end && *at >= '0' && *at <= '9' && n <= UINT32_MAX; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	*out = (uint32_t)n;
	return n > UINT32_MAX || at == end || !is_space(*at) ? NULL : skip_spaces(at, end);
}

/** RAck as it came (RFC 3262 section 7.2): the library truncates numbers that are too large. */
static int read_rack(const sip_t *prack, uint32_t *rseq, uint32_t *cseq, bool *invite)
{
	const sip_rack_t *rack = prack->sip_rack;
	const char *at = rack ? rack->ra_common.h_data : NULL;
	const char *end = at ? at + rack->ra_common.h_len : NULL;

	at = at ? memchr(at, ':', (size_t)(end - at)) : NULL;
	if (at)
		at = read_number(skip_spaces(at + 1, end), end, rseq);
	if (at)
		at = read_number(at, end, cseq);
	*invite = at && rack->ra_method == sip_method_invite;
	return at ? 0 : -EINVAL;
}

int rel100_acknowledge(struct rel100 *r, const sip_t *prack, bool *sdp)
{
	uint32_t rseq, cseq;
	bool invite;

	if (read_rack(prack, &rseq, &cseq, &invite))
		return -EINVAL;
	if (!r->outstanding || !invite || cseq != r->cseq || rseq != r->rseq)
		return -ENOENT;
	if (r->resend.running) /* then the transaction is still there */
		server_transaction_learn(r->invite);
	resend_stop(&r->resend);
	r->outstanding = false;
	*sdp = r->sdp;
	return 0;
}

/* The end ----------------------------------------------------------------------------------- */

void rel100_drop_waiting(struct rel100 *r)
{
	while (r->n_waiting)
		free(r->waiting[--r->n_waiting].data);
}

void rel100_stop(struct rel100 *r)
{
	resend_stop(&r->resend);
	rel100_drop_waiting(r);
}
