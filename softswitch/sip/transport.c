#include "transport.h"

#include "address.h"
#include "datagram.h"
#include "intake.h"
#include "listen.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "sofia_workaround.h"
#include "sofia_port.h"
#include "text.h"
#include "token.h"

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/su_localinfo.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/tport_tag.h>

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LISTENERS_MAX = 32,          /* a wildcard address of TCP and UDP may open several */
	MESSAGE_MAX = 65535,         /* of what we take in, bytes */
	CONNECTION_IDLE_MS = 600000, /* a connection nobody uses is closed */
	CONNECTION_READ_MS = 20000,  /* a message must be complete after so long */
	LISTEN_BACKLOG = 256
};

struct transport {
	struct loop *loop;
	nta_agent_t *agent;
	struct hop_listener listener[LISTENERS_MAX];
	size_t n_listeners;
	struct overload *overload;
	struct transport_handlers handlers;
	void *arg;
};

/* Receiving --------------------------------------------------------------------------------- */

static struct hop_listener *listener_of(struct transport *transport, const tport_t *tport)
{
	const tport_t *primary = tport_parent(tport);

	for (size_t i = 0; i < transport->n_listeners; i++)
		if (transport->listener[i].tport == primary)
			return &transport->listener[i];
	return NULL;
}

/** Refuse a request that lacks headers: with those it has. */
static void reply_malformed(const struct received *rx, int status, const char *phrase)
{
	const sip_t *sip = rx->sip;
	const void *one[] = {sip->sip_from, sip->sip_call_id, sip->sip_cseq};
	struct text t = text_scratch();
	char tag[TOKEN_SIZE];

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
	if (!t.full)
		transport_send(&rx->back, t.data, t.len, NULL);
}

static void hand_up(struct transport *transport, const struct received *rx)
{
	if (rx->sip->sip_request && transport->handlers.on_request)
		transport->handlers.on_request(rx, transport->arg);
	else if (!rx->sip->sip_request && transport->handlers.on_response)
		transport->handlers.on_response(rx, transport->arg);
}

/** The library has a message that came over a connection. */
static int on_message(nta_agent_magic_t *magic, nta_agent_t *agent, msg_t *msg, sip_t *parsed)
{
	struct transport *transport = (struct transport *)magic;
	tport_t *tport = tport_delivered_by(nta_agent_tports(agent), msg);
	struct hop_listener *listener = tport ? listener_of(transport, tport) : NULL;
	struct received rx = {.msg = msg,
		.sip = parsed,
		.source = &msg_addr(msg)->su_sa,
		.back = {.listener = listener,
			.connection = tport}}; /* borrowed; hop_copy() takes a reference */

	if (listener) {
		memcpy(&rx.back.to, rx.source, address_length(rx.source));
		hand_up(transport, &rx);
	}
	msg_destroy(msg);
	return 0;
}

static void on_datagram(char *data, size_t n, const struct sockaddr *source, void *arg)
{
	struct hop_listener *listener = arg;

	overload_take(listener->owner->overload, listener, data, n, source);
}

static void on_serve(
	struct hop_listener *listener, char *data, size_t n, const struct sockaddr *source, void *arg)
{
	struct received rx = {.source = source, .back = {.listener = listener}};
	char phrase[INTAKE_PHRASE_MAX];
	int status = intake_datagram(&rx, data, n, phrase);

	if (status < 0)
		return;
	if (status)
		reply_malformed(&rx, status, phrase);
	else
		hand_up(arg, &rx);
	msg_destroy(rx.msg);
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

/* Sockets ----------------------------------------------------------------------------------- */

static void quiet(void *stream, char const *format, va_list ap)
{
	(void)stream;
	(void)format;
	(void)ap;
}

static void name_listener(struct hop_listener *l, const char *host, uint16_t port)
{
	l->port = port;
	snprintf(l->host, sizeof(l->host), "%s", host);
	snprintf(l->sent_by, sizeof(l->sent_by), "%s:%u", host, port);
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

static int open_datagram_listener(struct transport *transport, const struct listen *at)
{
	struct hop_listener *l = &transport->listener[transport->n_listeners];
	char host[ADDRESS_HOST_MAX], name[ADDRESS_HOST_MAX + 2];
	struct sockaddr_storage local;
	int err;

	if (transport->n_listeners == LISTENERS_MAX)
		return -ENOSPC;
	*l = (struct hop_listener){.owner = transport, .transport = "udp"};
	err = datagram_open(&l->datagram, loop_base(transport->loop), at, &datagram_handlers, l);
	if (err)
		return err;
	transport->n_listeners++;
	datagram_local(l->datagram, &local);
	l->family = local.ss_family;
	address_host((struct sockaddr *)&local, host);
	if (!strcmp(host, "0.0.0.0") || !strcmp(host, "::"))
		own_address(l->family, host);
	snprintf(name, sizeof(name), l->family == AF_INET6 ? "[%s]" : "%s", host);
	name_listener(l, name, address_port((struct sockaddr *)&local));
	return 0;
}

/** Take note of the agent's sockets that are not known yet. */
static int note_listeners(struct transport *transport)
{
	for (tport_t *t = tport_primaries(nta_agent_tports(transport->agent)); t; t = tport_next(t)) {
		struct hop_listener *l = &transport->listener[transport->n_listeners];
		const su_addrinfo_t *ai = tport_get_address(t);
		const sip_via_t *via = (const sip_via_t *)tport_magic(t);
		const char *name = tport_name(t)->tpn_proto;

		if (listener_of(transport, t))
			continue;
		if (transport->n_listeners == LISTENERS_MAX)
			return -ENOSPC;
		*l = (struct hop_listener){.owner = transport,
			.tport = t,
			.family = ai->ai_family,
			.transport = strcasecmp(name, "tls") ? "tcp" : "tls"};
		name_listener(l, via ? via->v_host : tport_name(t)->tpn_host, address_port(ai->ai_addr));
		transport->n_listeners++;
	}
	return 0;
}

static int open_stream_listener(struct transport *transport, const struct listen *at, const char *tls_dir)
{
	bool v6 = strchr(at->host, ':') != NULL, tls = !strcmp(at->transport, "tls");
	char url[128];

	snprintf(url, sizeof(url), "%s:%s%s%s:%u;transport=%s", tls ? "sips" : "sip", v6 ? "[" : "", at->host,
		v6 ? "]" : "", at->port, at->transport);
	/* A port of 0 is the kernel's choice; the URL says that with an asterisk. */
	if (!at->port)
		snprintf(url, sizeof(url), "%s:%s%s%s:*;transport=%s", tls ? "sips" : "sip", v6 ? "[" : "",
			at->host, v6 ? "]" : "", at->transport);
	if (nta_agent_add_tport(transport->agent, URL_STRING_MAKE(url), TPTAG_STUN_SERVER(0),
		    TPTAG_IDLE(CONNECTION_IDLE_MS), TPTAG_TIMEOUT(CONNECTION_READ_MS),
		    TPTAG_QUEUESIZE(LISTEN_BACKLOG), TPTAG_PONG2PING(1),
		    TPTAG_SDWN_ERROR(1) /* a closed connection fails what awaits an answer on it */,
		    TAG_IF(tls && tls_dir, TPTAG_CERTIFICATE(tls_dir)), TAG_END()) < 0)
		return errno ? -errno : -EADDRNOTAVAIL;
	return note_listeners(transport);
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
		err = sofia_workaround_check();
	if (err)
		goto fail;
	su_log_redirect(su_log_default, quiet, NULL);
	su_log_set_level(NULL, 0);
	/*
	 * EXTRACT_COPY keeps each header's bytes as they came: what passes, passes unchanged. An answer whose
	 * Session-Expires or Min-SE cannot be read is taken as one without.
	 */
	transport->agent = nta_agent_create(sofia_port_root(loop_sofia(loop)),
		(url_string_t *)-1 /* no socket yet */, on_message, (nta_agent_magic_t *)transport,
		NTATAG_UA(0), NTATAG_SERVER_RPORT(1), NTATAG_MAXSIZE(MESSAGE_MAX),
		NTATAG_SIPFLAGS(MSG_DO_EXTRACT_COPY), NTATAG_USE_NAPTR(0), NTATAG_USE_SRV(0),
		NTATAG_BAD_RESP_MASK(intake_response_errors), TAG_END());
	if (!transport->agent) {
		err = -ENOMEM;
		goto fail;
	}
	for (size_t i = 0; i < n; i++) {
		err = strcmp(listen[i].transport, "udp")
			? open_stream_listener(transport, &listen[i], tls_dir)
			: open_datagram_listener(transport, &listen[i]);
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
	nta_agent_destroy(transport->agent);
	free(transport);
}

void transport_set_handlers(struct transport *transport, const struct transport_handlers *h, void *arg)
{
	transport->handlers = *h;
	transport->arg = arg;
}

size_t transport_listeners(const struct transport *transport)
{
	return transport->n_listeners;
}

const struct hop_listener *transport_listener(const struct transport *transport, size_t i)
{
	return &transport->listener[i];
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

static bool listens_at(const struct hop_listener *l, const struct sockaddr_storage *address)
{
	char host[ADDRESS_HOST_MAX];

	address_host((const struct sockaddr *)address, host);
	return strstr(l->host, host) != NULL && strlen(l->host) <= strlen(host) + 2; /* brackets */
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
		if (listens_at(chosen, &from))
			break;
		if (listens_at(l, &from))
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

static void on_pending_error(tp_stack_t *stack, tp_client_t *client, tport_t *tport, msg_t *msg, int error)
{
	struct transport_pending *p = (struct transport_pending *)client;

	(void)stack;
	(void)tport;
	(void)msg;
	p->on_error(error ? -error : -ECONNRESET, p->arg);
}

void transport_pending_clear(struct transport_pending *p)
{
	if (p->tport && p->index > 0)
		tport_release(p->tport, p->index, p->msg, NULL, (tp_client_t *)p, 0);
	if (p->tport)
		tport_unref(p->tport);
	if (p->msg)
		msg_destroy(p->msg);
	p->tport = NULL;
	p->msg = NULL;
	p->index = 0;
}

static int send_stream(const struct hop *hop, const char *data, size_t len, struct transport_pending *pending)
{
	char host[ADDRESS_HOST_MAX], port[8];
	tp_name_t name = {
		.tpn_proto = hop->listener->transport, .tpn_canon = host, .tpn_host = host, .tpn_port = port};
	msg_t *msg = msg_make(sip_default_mclass(), MSG_DO_EXTRACT_COPY, data, (ssize_t)len);
	tport_t *tport;
	int err;

	if (!msg)
		return -ENOMEM;
	address_host(&hop->to.any, host);
	snprintf(port, sizeof(port), "%u", address_port(&hop->to.any));
	tport = tport_tsend(hop->connection ? hop->connection : hop->listener->tport, msg, &name,
		TPTAG_MTU(INT_MAX), TAG_END());
	if (!tport && (pending || !hop->connection)) /* the standing connection broke just now: a new one */
		tport = tport_tsend(
			hop->listener->tport, msg, &name, TPTAG_MTU(INT_MAX), TPTAG_FRESH(1), TAG_END());
	if (!tport) {
		err = msg_errno(msg) ? -msg_errno(msg) : -ECONNREFUSED;
		msg_destroy(msg);
		return err;
	}
	if (!pending) {
		msg_destroy(msg);
		return 0;
	}
	transport_pending_clear(pending);
	pending->reused = tport_is_connected(tport);
	pending->tport = tport_ref(tport);
	pending->msg = msg;
	pending->index = tport_pend(tport, msg, on_pending_error, (tp_client_t *)pending);
	return 0;
}

int transport_send(const struct hop *hop, const char *data, size_t len, struct transport_pending *pending)
{
	if (hop->listener->datagram)
		return datagram_send(hop->listener->datagram, data, len, &hop->to.any);
	return send_stream(hop, data, len, pending);
}

static void request_tag(const sip_t *request, char out[TOKEN_SIZE])
{
	uint64_t h = token_hash(0, request->sip_call_id->i_id);

	h = token_hash(h, request->sip_from->a_tag);
	h = token_hash(h, request->sip_via->v_branch);
	snprintf(out, TOKEN_SIZE, "%016llx", (unsigned long long)h);
}

void transport_reply_tagged(
	const struct received *rx, int status, const char *phrase, const char *tag, const char *extra_headers)
{
	struct text t = text_scratch();
	char made[TOKEN_SIZE];

	if (rx->sip->sip_request->rq_method == sip_method_ack)
		return;
	if (!tag[0])
		request_tag(rx->sip, made);
	message_status(&t, status, phrase);
	message_response_head(&t, rx);
	message_to(&t, rx->sip->sip_to, tag[0] ? tag : made);
	text_add_all(&t, extra_headers ? extra_headers : "", "Content-Length: 0\r\n\r\n", NULL);
	if (!t.full)
		transport_send(&rx->back, t.data, t.len, NULL);
}

void transport_reply_stateless(
	const struct received *rx, int status, const char *phrase, const char *extra_headers)
{
	transport_reply_tagged(rx, status, phrase, "", extra_headers);
}

uint64_t transport_refused(const struct transport *transport)
{
	return overload_refused(transport->overload);
}

struct loop *transport_loop(struct transport *transport)
{
	return transport->loop;
}
