#include "transport.h"

#include "address.h"
#include "datagram.h"
#include "intake.h"
#include "listen.h"
#include "loop.h"
#include "message.h"
#include "stream_set.h"
#include "text.h"
#include "tls.h"
#include "token.h"

#include <sofia-sip/su_localinfo.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTENERS_MAX = 32 };

struct transport {
	struct loop *loop;
	struct stream_set *streams;
	struct tls *tls; /* NULL = no listener needs it */
	struct hop_listener listener[LISTENERS_MAX];
	size_t n_listeners;
	struct overload *overload;
	struct transport_handlers handlers;
	void *arg;
};

/* Receiving --------------------------------------------------------------------------------- */

/** Answer somebody who may have forged the source of the request: whoever gets it shall not get more than twice its bytes.
 * @return false when that is why nothing was sent */
static bool send_bounded(const struct received *rx, const struct text *t)
{
	if (rx->size && t->len > 2 * rx->size)
		return false;
	if (!t->full)
		transport_send(&rx->back, t->data, t->len, NULL);
	return true;
}

static bool tell_malformed(const struct transport *transport, const struct received *rx)
{
	return !transport->handlers.on_malformed || transport->handlers.on_malformed(rx, transport->arg);
}

/** Refuse a request that lacks headers: with those it has, unless its sender gets no answers. */
static void refuse_malformed(
	struct transport *transport, const struct received *rx, int status, const char *phrase)
{
	const sip_t *sip = rx->sip;
	const void *one[] = {sip->sip_from, sip->sip_call_id, sip->sip_cseq};
	struct text t = text_scratch();
	char tag[TOKEN_SIZE];

	if (!tell_malformed(transport, rx))
		return;
	message_status(&t, status, phrase);
	for (const sip_via_t *via = sip->sip_via; via; via = via->v_next)
		message_header(&t, (const sip_header_t *)via);
	for (unsigned i = 0; i < sizeof(one) / sizeof(one[0]); i++)
		if (one[i])
			message_header(&t, one[i]);
	token_make(tag);
	if (sip->sip_to)
		message_to(&t, sip->sip_to, tag);
	text_add(&t, "Content-Length: 0\r\n\r\n");
	send_bounded(rx, &t);
}

static void hand_up(struct transport *transport, const struct received *rx)
{
	if (rx->sip->sip_request && transport->handlers.on_request)
		transport->handlers.on_request(rx, transport->arg);
	else if (!rx->sip->sip_request && transport->handlers.on_response)
		transport->handlers.on_response(rx, transport->arg);
}

static void on_datagram(char *data, size_t n, const struct sockaddr *source, void *arg)
{
	struct hop_listener *listener = arg;

	for (; n && (*data == '\r' || *data == '\n'); data++)
		n--; /* keep-alives in front of a message, as over streams (RFC 3261 section 7.5) */
	overload_take(listener->owner->overload, listener, data, n, source);
}

static void take_in(struct transport *transport, struct received *rx, const char *data, size_t n)
{
	char phrase[INTAKE_PHRASE_MAX];
	int status = intake_message(rx, data, n, phrase);

	if (!status)
		hand_up(transport, rx);
	else if (status > 0)
		refuse_malformed(transport, rx, status, phrase);
	else if (rx->msg)
		tell_malformed(transport, rx);
	msg_destroy(rx->msg);
}

static void on_serve(
	struct hop_listener *listener, char *data, size_t n, const struct sockaddr *source, void *arg)
{
	struct received rx = {.source = source, .size = n, .back = {.listener = listener}};

	take_in(arg, &rx, data, n);
}

static enum overload_verdict on_excess(const struct sockaddr *source, const struct scan *via, void *arg)
{
	struct transport *transport = arg;

	return transport->handlers.on_excess ? transport->handlers.on_excess(source, via, transport->arg)
					     : OVERLOAD_DROP;
}

static const struct overload_handlers overload_handlers = {on_serve, on_excess};

static void on_undelivered(const char *sent, size_t n, int error, void *arg)
{
	struct transport *transport = ((struct hop_listener *)arg)->owner;

	if (transport->handlers.on_undelivered)
		transport->handlers.on_undelivered(sent, n, error, transport->arg);
}

static const struct datagram_handlers datagram_handlers = {on_datagram, on_undelivered};

static void on_stream_message(struct received *rx, const char *data, size_t n, void *arg)
{
	take_in(arg, rx, data, n);
}

static void on_stream_refused(struct received *rx, const char *head, size_t n, int status, void *arg)
{
	struct transport *transport = arg;
	char phrase[INTAKE_PHRASE_MAX];

	if (intake_message(rx, head, n, phrase) >= 0 && rx->sip->sip_request) {
		rx->fault = status == 413 ? "size" : "Content-Length";
		refuse_malformed(transport, rx, status, status == 413 ? NULL : "Bad Content-Length Header");
	} else if (rx->msg) {
		tell_malformed(transport, rx);
	}
	msg_destroy(rx->msg);
}

static bool is_known(const struct sockaddr *source, void *arg)
{
	struct transport *transport = arg;

	return transport->handlers.is_known && transport->handlers.is_known(source, transport->arg);
}

static void on_stream_ended(const struct stream *s, void *arg)
{
	const struct transport *transport = arg;

	if (transport->handlers.on_ended)
		transport->handlers.on_ended(s, transport->arg);
}

static const struct stream_set_handlers stream_handlers = {
	on_stream_message, on_stream_refused, is_known, on_stream_ended};

/* Sockets ----------------------------------------------------------------------------------- */

static bool is_wildcard(const struct hop_listener *l)
{
	return l->family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&l->address.v6.sin6_addr)
				     : l->address.v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

/** Of a wildcard: the first address of this machine that others can reach. */
static void own_address(int family, char out[ADDRESS_HOST_MAX])
{
	su_localinfo_t hints = {.li_family = family, .li_scope = LI_SCOPE_GLOBAL | LI_SCOPE_SITE},
		       *found = NULL;

	if (su_getlocalinfo(&hints, &found) || !found)
		snprintf(out, ADDRESS_HOST_MAX, family == AF_INET6 ? "::1" : "127.0.0.1");
	else
		address_host(&found->li_addr->su_sa, out);
	su_freelocalinfo(found);
}

static void name_listener(struct hop_listener *l)
{
	char host[ADDRESS_HOST_MAX], name[ADDRESS_HOST_MAX + 2];
	struct sockaddr_storage local;

	if (l->datagram)
		datagram_local(l->datagram, &local);
	else
		stream_set_local(l->stream, &local);
	l->family = local.ss_family;
	memcpy(&l->address, &local, address_length((struct sockaddr *)&local));
	if (is_wildcard(l))
		own_address(l->family, host);
	else
		address_host(&l->address.any, host);
	snprintf(name, sizeof(name), l->family == AF_INET6 ? "[%s]" : "%s", host);
	hop_listener_name(l, name, address_port(&l->address.any));
}

static int open_listener(struct transport *transport, const struct listen *at)
{
	struct hop_listener *l = &transport->listener[transport->n_listeners];
	int err;

	if (transport->n_listeners == LISTENERS_MAX)
		return -ENOSPC;
	*l = (struct hop_listener){.owner = transport, .transport = at->transport};
	err = strcmp(at->transport, "udp")
		? stream_set_listen(transport->streams, at, transport->tls, l)
		: datagram_open(&l->datagram, loop_base(transport->loop), at, &datagram_handlers, l);
	if (err)
		return err;
	transport->n_listeners++;
	name_listener(l);
	return 0;
}

static bool wants_tls(const struct listen *listen, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(listen[i].transport, "tls"))
			return true;
	return false;
}

int transport_create(struct transport **out, struct loop *loop, const struct listen *listen, size_t n,
	const char *tls_dir, char *error, size_t error_size)
{
	struct transport *transport = calloc(1, sizeof(*transport));
	int err;

	if (!transport)
		return -ENOMEM;
	transport->loop = loop;
	err = overload_create(&transport->overload, loop, &overload_handlers, transport);
	if (!err)
		err = stream_set_create(&transport->streams, loop, &stream_handlers, transport);
	if (err)
		goto fail;
	if (wants_tls(listen, n)) {
		err = tls_create(&transport->tls, tls_dir, error, error_size);
		if (err) {
			transport_destroy(transport);
			return err;
		}
	}
	for (size_t i = 0; i < n; i++) {
		err = open_listener(transport, &listen[i]);
		if (err) {
			snprintf(error, error_size, "cannot listen on sip:%s:%u;transport=%s: %s",
				listen[i].host, listen[i].port, listen[i].transport, strerror(-err));
			transport_destroy(transport);
			return err;
		}
	}
	*out = transport;
	return 0;
fail:
	snprintf(error, error_size, "cannot open the SIP sockets: %s", strerror(-err));
	transport_destroy(transport);
	return err;
}

void transport_destroy(struct transport *transport)
{
	if (!transport)
		return;
	for (size_t i = 0; i < transport->n_listeners; i++)
		datagram_close(transport->listener[i].datagram);
	overload_destroy(transport->overload);
	stream_set_destroy(transport->streams);
	tls_destroy(transport->tls);
	free(transport);
}

void transport_set_handlers(struct transport *transport, const struct transport_handlers *h, void *arg)
{
	transport->handlers = *h;
	transport->arg = arg;
}

void transport_limit_streams(struct transport *transport, const struct stream_set_limits *limits)
{
	stream_set_limit(transport->streams, limits);
}

size_t transport_listeners(const struct transport *transport)
{
	return transport->n_listeners;
}

const struct hop_listener *transport_listener(const struct transport *transport, size_t i)
{
	return &transport->listener[i];
}

struct hop_listener *transport_listener_named(
	struct transport *transport, const char *kind, const char *sent_by)
{
	const int family = sent_by[0] == '[' ? AF_INET6 : AF_INET;
	struct hop_listener *other = NULL;

	for (size_t i = 0; i < transport->n_listeners; i++) {
		struct hop_listener *l = &transport->listener[i];

		if (strcmp(l->transport, kind) != 0 || l->family != family)
			continue;
		if (!strcmp(l->sent_by, sent_by))
			return l;
		other = other ? other : l;
	}
	return other;
}

/** The address the kernel would send from. @return false when it has no way there */
static bool local_address(const struct resolver_address *to, struct sockaddr_storage *out)
{
	socklen_t len = sizeof(*out);
	int fd = socket(to->addr.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, &to->addr.any, to->length) == 0 &&
		getsockname(fd, (struct sockaddr *)out, &len) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

/** How well does this listener fit the address the kernel would send from? The best are bound to it; a wildcard may use it. */
static int fit(const struct hop_listener *l, const struct sockaddr_storage *from)
{
	return address_same_host(&l->address.any, (const struct sockaddr *)from) ? 2 : is_wildcard(l);
}

int transport_hop_from(struct transport *transport, uint16_t local_port,
	const struct resolver_address *address, struct hop *out)
{
	struct hop_listener *chosen = NULL;
	struct sockaddr_storage from = {0};
	bool probed = false;

	for (size_t i = 0; i < transport->n_listeners; i++) {
		struct hop_listener *l = &transport->listener[i];

		if (l->family != address->addr.any.sa_family || strcmp(l->transport, address->transport) ||
			(local_port && l->port != local_port))
			continue;
		if (!chosen) {
			chosen = l;
			continue;
		}
		/* Several: the one on the way there, else the first. */
		if (!probed && !local_address(address, &from))
			break;
		probed = true;
		if (fit(l, &from) > fit(chosen, &from))
			chosen = l;
	}
	if (!chosen)
		return local_port ? -EADDRNOTAVAIL : -EPROTONOSUPPORT;
	*out = (struct hop){.listener = chosen};
	memcpy(&out->to, &address->addr, address->length);
	return 0;
}

int transport_hop_to(struct transport *transport, const struct resolver_address *address, struct hop *out)
{
	return transport_hop_from(transport, 0, address, out);
}

/* Sending ----------------------------------------------------------------------------------- */

int transport_send(const struct hop *hop, const char *data, size_t len, struct stream_pending *pending)
{
	if (hop->listener->datagram)
		return datagram_send(hop->listener->datagram, data, len, &hop->to.any);
	return stream_set_send(hop, data, len, pending);
}

static void request_tag(const sip_t *request, char out[TOKEN_SIZE])
{
	uint64_t h = token_hash(0, request->sip_call_id->i_id);

	h = token_hash(h, request->sip_from->a_tag);
	h = token_hash(h, request->sip_via->v_branch);
	token_hex(out, h, TOKEN_SIZE - 1);
}

/** @return a full text when there is nothing to send: nothing answers an ACK */
static struct text write_reply(
	const struct received *rx, int status, const char *phrase, const char *tag, const char *extra_headers)
{
	struct text t = text_scratch();
	char made[TOKEN_SIZE];

	if (!tag[0])
		request_tag(rx->sip, made);
	message_status(&t, status, phrase);
	message_response_head(&t, rx);
	message_to(&t, rx->sip->sip_to, tag[0] ? tag : made);
	text_add_all(&t, extra_headers ? extra_headers : "", "Content-Length: 0\r\n\r\n", NULL);
	t.full |= rx->sip->sip_request->rq_method == sip_method_ack;
	return t;
}

void transport_reply_tagged(
	const struct received *rx, int status, const char *phrase, const char *tag, const char *extra_headers)
{
	struct text t = write_reply(rx, status, phrase, tag, extra_headers);

	if (!t.full)
		transport_send(&rx->back, t.data, t.len, NULL);
}

bool transport_reply_bounded(
	const struct received *rx, int status, const char *phrase, const char *extra_headers)
{
	struct text t = write_reply(rx, status, phrase, "", extra_headers);

	return send_bounded(rx, &t);
}

void transport_reply_stateless(
	const struct received *rx, int status, const char *phrase, const char *extra_headers)
{
	transport_reply_tagged(rx, status, phrase, "", extra_headers);
}

bool transport_find_name(const struct received *rx, bool (*is)(const char *name, void *arg), void *arg)
{
	const SSL *tls = rx->back.connection ? stream_tls(rx->back.connection) : NULL;

	return tls && tls_find_name(tls, is, arg);
}

uint64_t transport_refused(const struct transport *transport)
{
	return overload_refused(transport->overload);
}

unsigned transport_waiting(const struct transport *transport)
{
	return overload_waiting(transport->overload);
}

size_t transport_connections(const struct transport *transport)
{
	return stream_set_connections(transport->streams);
}

struct loop *transport_loop(struct transport *transport)
{
	return transport->loop;
}
