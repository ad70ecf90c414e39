#include "overload.h"

#include "address.h"
#include "clock.h"
#include "datagram.h"
#include "log.h"
#include "loop.h"
#include "text.h"
#include "token.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
	CALLS_PER_PASS = 16, /* new ones, before what belongs to others has its turn */
	WAIT_MAX_MS = 80,    /* the first one has waited so long: the next ones are refused */
	STALE_MS = 400,      /* it was resent by now: no use to answer it */
	WAITING_MAX = 4096,  /* INVITEs */
	RETRY_AFTER_S = 5,
	QUIET_MS = 2000, /* overload is over when nothing was refused for so long */
};

/** To tags of our refusals begin so: their ACKs need no look. No dialog of ours has such a tag. */
static const char refusal_tag[] = "busy-";

struct waiting {
	STAILQ_ENTRY(waiting) link;
	struct hop_listener *listener;
	struct sockaddr_storage source;
	uint64_t since_ms;
	size_t n;
	char data[];
};

struct overload {
	struct loop *loop;
	const struct overload_handlers *handlers;
	void *arg;
	STAILQ_HEAD(, waiting) waiting;
	unsigned n_waiting, served; /* served: in this pass */
	uint64_t pass;
	struct event serve, quiet;
	uint64_t refused, refused_before; /* in all; when this overload began */
};

/* Refusing ---------------------------------------------------------------------------------- */

static void add_span(struct text *t, const char *name, const struct scan *value)
{
	text_add(t, name);
	text_add_bytes(t, value->data, value->n);
}

/** Behind ";rport" in the first Via of a value; NULL = it has none, or one with a value. */
static const char *find_rport(const struct scan *via)
{
	static const char name[] = ";rport";
	const size_t n = sizeof(name) - 1;

	for (size_t i = 0; i + n <= via->n && via->data[i] != ','; i++)
		if (!strncasecmp(via->data + i, name, n) &&
			(i + n == via->n || strchr(";, \t", via->data[i + n])))
			return via->data + i + n;
	return NULL;
}

/** The topmost Via with the source it came from (RFC 3261 section 18.2.1, RFC 3581 section 4). */
static void add_via(struct text *t, const struct scan *via, const struct sockaddr *source)
{
	char host[ADDRESS_HOST_MAX];
	const char *rport = find_rport(via), *end = memchr(via->data, ',', via->n);
	struct scan first = {.data = via->data, .n = end ? (size_t)(end - via->data) : via->n};

	address_host(source, host);
	text_add(t, "Via: ");
	text_add_bytes(t, first.data, rport ? (size_t)(rport - first.data) : first.n);
	if (rport) {
		text_add(t, "=");
		text_add_number(t, address_port(source));
		text_add_bytes(t, rport, first.n - (size_t)(rport - first.data));
	}
	text_add_all(t, ";received=", host, NULL);
	if (end)
		text_add_bytes(t, end, via->n - first.n);
	text_add(t, "\r\n");
}

/** Where the answer goes: to the source, but to the port of the Via without rport (RFC 3261 section 18.2.2). */
static void answer_address(
	const struct scan *via, const struct sockaddr *source, struct sockaddr_storage *out)
{
	char text[8] = "";
	struct scan host, port;

	memcpy(out, source, address_length(source));
	if (find_rport(via) || !scan_sent_by(via, &host, &port))
		return;
	if (port.n < sizeof(text))
		memcpy(text, port.data, port.n);
	address_set_port((struct sockaddr *)out, address_parse_port(text, 5060));
}

static void refuse(
	struct hop_listener *l, const struct scan *s, const struct scan *via, const struct sockaddr *source)
{
	struct scan value, from, to, call_id, cseq;
	struct sockaddr_storage back;
	struct text t = text_scratch();
	char tag[2 * TOKEN_SIZE];
	size_t at = 0;

	text_add(&t, "SIP/2.0 503 Service Unavailable\r\n");
	add_via(&t, via, source);
	for (scan_header(s, "Via", 'v', &at, &value); scan_header(s, "Via", 'v', &at, &value);)
		add_span(&t, "Via: ", &value), text_add(&t, "\r\n");
	if (!scan_header(s, "From", 'f', &(size_t){0}, &from) ||
		!scan_header(s, "To", 't', &(size_t){0}, &to) ||
		!scan_header(s, "Call-ID", 'i', &(size_t){0}, &call_id) ||
		!scan_header(s, "CSeq", 0, &(size_t){0}, &cseq))
		return;
	snprintf(tag, sizeof(tag), "%s%08x", refusal_tag, (unsigned)(token_random() & 0xffffffff));
	add_span(&t, "From: ", &from);
	add_span(&t, "\r\nTo: ", &to);
	text_add_all(&t, ";tag=", tag, NULL);
	add_span(&t, "\r\nCall-ID: ", &call_id);
	add_span(&t, "\r\nCSeq: ", &cseq);
	text_add(&t, "\r\nRetry-After: ");
	text_add_number(&t, RETRY_AFTER_S);
	text_add(&t, "\r\nContent-Length: 0\r\n\r\n");
	answer_address(via, source, &back);
	if (!t.full && t.len <= 2 * s->n) /* its source may be forged */
		datagram_send_soon(l->datagram, t.data, t.len, (struct sockaddr *)&back);
}

static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
	struct overload *o = arg;

	(void)fd;
	(void)what;
	log_warning(
		NULL, "overload is over refused=%llu", (unsigned long long)(o->refused - o->refused_before));
}

static void note_refusal(struct overload *o)
{
	struct timeval tv;

	if (!event_pending(&o->quiet, EV_TIMEOUT, NULL)) {
		o->refused_before = o->refused;
		log_warning(NULL, "overloaded, new calls are refused with 503 waiting=%u", o->n_waiting);
	}
	o->refused++;
	event_add(&o->quiet, loop_delay(o->loop, QUIET_MS, &tv));
}

/** One too much. @return false when it has to be served all the same */
static bool turn_away(
	struct overload *o, struct hop_listener *l, const struct scan *s, const struct sockaddr *source)
{
	struct scan via;

	if (!scan_header(s, "Via", 'v', &(size_t){0}, &via))
		return false;
	switch (o->handlers->on_excess(source, &via, o->arg)) {
	case OVERLOAD_SERVE:
		return false;
	case OVERLOAD_REFUSE:
		refuse(l, s, &via, source);
		break;
	case OVERLOAD_DROP:
		break;
	}
	note_refusal(o);
	return true;
}

/* Waiting ----------------------------------------------------------------------------------- */

static bool may_serve(struct overload *o)
{
	uint64_t pass = loop_passes(o->loop);

	if (pass != o->pass)
		o->served = 0;
	o->pass = pass;
	return o->served < CALLS_PER_PASS;
}

static void on_serve(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval now = {0};
	struct overload *o = arg;
	struct waiting *w;

	(void)fd;
	(void)what;
	while ((w = STAILQ_FIRST(&o->waiting)) && may_serve(o)) {
		struct scan s = {.data = w->data, .n = w->n};
		const struct sockaddr *source = (struct sockaddr *)&w->source;

		STAILQ_REMOVE_HEAD(&o->waiting, link);
		o->n_waiting--;
		if (clock_real_ms() - w->since_ms < STALE_MS || !turn_away(o, w->listener, &s, source)) {
			o->served++;
			o->handlers->on_serve(w->listener, w->data, w->n, source, o->arg);
		}
		free(w);
	}
	if (w)
		event_add(&o->serve, &now);
}

/** @return false when there is no room */
static bool wait(
	struct overload *o, struct hop_listener *l, const char *data, size_t n, const struct sockaddr *source)
{
	static const struct timeval now = {0};
	const struct waiting *first = STAILQ_FIRST(&o->waiting);
	struct waiting *w;

	if (o->n_waiting >= WAITING_MAX || (first && clock_real_ms() - first->since_ms > WAIT_MAX_MS))
		return false;
	w = malloc(sizeof(*w) + n + 1);
	if (!w)
		return false;
	w->listener = l;
	memcpy(&w->source, source, address_length(source));
	w->since_ms = clock_real_ms();
	w->n = n;
	memcpy(w->data, data, n);
	STAILQ_INSERT_TAIL(&o->waiting, w, link);
	o->n_waiting++;
	event_add(&o->serve, &now);
	return true;
}

static bool has_tag(const struct scan *s, struct scan *tag)
{
	struct scan to;

	return scan_header(s, "To", 't', &(size_t){0}, &to) && scan_parameter(&to, "tag", tag);
}

void overload_take(
	struct overload *o, struct hop_listener *l, char *data, size_t n, const struct sockaddr *source)
{
	struct scan s = {.data = data, .n = n}, tag;
	bool invite = scan_is_request(&s, "INVITE");

	if (scan_is_request(&s, "ACK") && has_tag(&s, &tag) && tag.n > sizeof(refusal_tag) - 1 &&
		!memcmp(tag.data, refusal_tag, sizeof(refusal_tag) - 1))
		return;
	if (!invite || has_tag(&s, &tag) || scan_uri_begins(&s, "urn:service:sos")) {
		o->handlers->on_serve(l, data, n, source, o->arg);
		return;
	}
	if (STAILQ_EMPTY(&o->waiting) && may_serve(o)) {
		o->served++;
		o->handlers->on_serve(l, data, n, source, o->arg);
	} else if (!wait(o, l, data, n, source) && !turn_away(o, l, &s, source)) {
		o->handlers->on_serve(l, data, n, source, o->arg);
	}
}

/* Life -------------------------------------------------------------------------------------- */

int overload_create(
	struct overload **out, struct loop *loop, const struct overload_handlers *handlers, void *arg)
{
	struct overload *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->loop = loop;
	o->handlers = handlers;
	o->arg = arg;
	STAILQ_INIT(&o->waiting);
	event_assign(&o->serve, loop_base(loop), -1, 0, on_serve, o);
	event_assign(&o->quiet, loop_base(loop), -1, 0, on_quiet, o);
	*out = o;
	return 0;
}

void overload_destroy(struct overload *o)
{
	struct waiting *w;

	if (!o)
		return;
	event_del(&o->serve);
	event_del(&o->quiet);
	while ((w = STAILQ_FIRST(&o->waiting))) {
		STAILQ_REMOVE_HEAD(&o->waiting, link);
		free(w);
	}
	free(o);
}

uint64_t overload_refused(const struct overload *o)
{
	return o->refused;
}
