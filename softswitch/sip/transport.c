#include "transport.h"

#include "address.h"
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
#include <sofia-sip/su_log.h>
#include <sofia-sip/tport_tag.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/errqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	LISTENERS_MAX = 32,          /* a wildcard address of TCP and UDP may open several */
	SOCKET_BUFFER = 8 << 20,     /* the default overflows in bursts above some hundred calls/s */
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

/** Where the answer to this request goes: its source, but to the port of the Via without rport. */
static void hop_back(
	struct hop *back, struct hop_listener *listener, tport_t *tport, const struct received *rx)
{
	const sip_via_t *via = rx->sip->sip_via;
	uint16_t port;

	*back = (struct hop){.listener = listener};
	memcpy(&back->to, rx->source, address_length(rx->source));
	if (listener->fd < 0) {
		back->connection = tport; /* borrowed; hop_copy() takes a reference */
		return;
	}
	if (!via || via->v_rport)
		return;
	port = address_parse_port(via->v_port, 5060);
	if (rx->source->sa_family == AF_INET6)
		back->to.v6.sin6_port = port;
	else
		back->to.v4.sin_port = port;
}

static int on_message(nta_agent_magic_t *magic, nta_agent_t *agent, msg_t *msg, sip_t *parsed)
{
	struct transport *transport = (struct transport *)magic;
	tport_t *tport = tport_delivered_by(nta_agent_tports(agent), msg);
	struct received rx = {.msg = msg, .sip = parsed, .source = &msg_addr(msg)->su_sa};
	struct hop_listener *listener = tport ? listener_of(transport, tport) : NULL;

	if (listener && transport->handlers.on_request) {
		if (parsed->sip_request) {
			hop_back(&rx.back, listener, tport, &rx);
			transport->handlers.on_request(&rx, transport->arg);
		} else {
			rx.back = (struct hop){
				.listener = listener, .connection = listener->fd < 0 ? tport : NULL};
			memcpy(&rx.back.to, rx.source, address_length(rx.source));
			transport->handlers.on_response(&rx, transport->arg);
		}
	}
	msg_destroy(msg);
	return 0;
}

/** An ICMP error brings back the start of the datagram that caused it. */
static void on_datagram_error(int fd, void *arg)
{
	struct transport *transport = arg;
	char sent[1024], control[512];

	for (;;) {
		struct iovec iov = {.iov_base = sent, .iov_len = sizeof(sent)};
		struct msghdr m = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);

		if (n < 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
			struct sock_extended_err ee;

			if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
				!(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
				continue;
			memcpy(&ee, CMSG_DATA(c), sizeof(ee));
			if (transport->handlers.on_undelivered && ee.ee_errno)
				transport->handlers.on_undelivered(
					sent, (size_t)n, (int)ee.ee_errno, transport->arg);
		}
	}
}

/* Sockets ----------------------------------------------------------------------------------- */

static void quiet(void *stream, char const *format, va_list ap)
{
	(void)stream;
	(void)format;
	(void)ap;
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
		*l = (struct hop_listener){
			.tport = t, .family = ai->ai_family, .fd = -1, .port = address_port(ai->ai_addr)};
		l->transport = !strcasecmp(name, "udp") ? "udp" : !strcasecmp(name, "tls") ? "tls" : "tcp";
		if (!strcmp(l->transport, "udp"))
			l->fd = sofia_port_datagram_socket(
				loop_sofia(transport->loop), ai->ai_addr, (socklen_t)ai->ai_addrlen);
		const char *host = via ? via->v_host : tport_name(t)->tpn_host;

		snprintf(l->host, sizeof(l->host), "%s", host);
		snprintf(l->sent_by, sizeof(l->sent_by), "%s:%u", host, l->port);
		if (!strcmp(l->transport, "udp") && l->fd < 0)
			return -ENOTSOCK;
		transport->n_listeners++;
	}
	return 0;
}

static int open_listener(struct transport *transport, const struct listen *at, const char *tls_dir)
{
	bool v6 = strchr(at->host, ':') != NULL, tls = !strcmp(at->transport, "tls");
	char url[128];

	snprintf(url, sizeof(url), "%s:%s%s%s:%u;transport=%s", tls ? "sips" : "sip", v6 ? "[" : "", at->host,
		v6 ? "]" : "", at->port, at->transport);
	/* A port of 0 is the kernel's choice; the URL says that with an asterisk. */
	if (!at->port)
		snprintf(url, sizeof(url), "%s:%s%s%s:*;transport=%s", tls ? "sips" : "sip", v6 ? "[" : "",
			at->host, v6 ? "]" : "", at->transport);
	return nta_agent_add_tport(transport->agent, URL_STRING_MAKE(url), TPTAG_UDP_RMEM(SOCKET_BUFFER),
		TPTAG_UDP_WMEM(SOCKET_BUFFER), TPTAG_STUN_SERVER(0), TPTAG_IDLE(CONNECTION_IDLE_MS),
		TPTAG_TIMEOUT(CONNECTION_READ_MS), TPTAG_QUEUESIZE(LISTEN_BACKLOG), TPTAG_PONG2PING(1),
		TPTAG_SDWN_ERROR(1) /* a closed connection fails what awaits an answer on it */,
		TAG_IF(tls && tls_dir, TPTAG_CERTIFICATE(tls_dir)), TAG_END());
}

int transport_create(struct transport **out, struct loop *loop, const struct listen *listen, size_t n,
	const char *tls_dir, char *error, size_t error_size)
{
	struct transport *transport = calloc(1, sizeof(*transport));
	int err;

	if (!transport)
		return -ENOMEM;
	transport->loop = loop;
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
		NTATAG_BAD_RESP_MASK(sip_mask_response | sip_mask_ua | sip_mask_100rel | sip_mask_events |
			sip_mask_publish),
		TAG_END());
	if (!transport->agent) {
		err = -ENOMEM;
		goto fail;
	}
	for (size_t i = 0; i < n; i++) {
		if (open_listener(transport, &listen[i], tls_dir) < 0) {
			err = errno ? -errno : -EADDRNOTAVAIL;
			snprintf(error, error_size, "cannot listen on sip:%s:%u;transport=%s: %s",
				listen[i].host, listen[i].port, listen[i].transport, strerror(-err));
			transport_destroy(transport);
			return err;
		}
		err = note_listeners(transport);
		if (err)
			goto fail;
	}
	sofia_port_on_error(loop_sofia(loop), on_datagram_error, transport);
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
	sofia_port_on_error(loop_sofia(transport->loop), NULL, NULL);
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

/*
 * With IP_RECVERR the error of an earlier datagram is reported by whatever send comes next, and is
 * gone then; it says nothing of this datagram.
 */
static int send_datagram(const struct hop *hop, const char *data, size_t len)
{
	int err = 0;

	for (int i = 0; i < 3; i++) {
		if (sendto(hop->listener->fd, data, len, MSG_NOSIGNAL, &hop->to.any,
			    address_length(&hop->to.any)) >= 0)
			return 0;
		err = errno;
		if (err != ECONNREFUSED && err != EHOSTUNREACH && err != ENETUNREACH && err != EINTR)
			break;
	}
	/* A full socket buffer loses a datagram as any network may: it is sent again. */
	return err == EAGAIN || err == ENOBUFS ? 0 : -err;
}

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
	return hop_is_reliable(hop) ? send_stream(hop, data, len, pending) : send_datagram(hop, data, len);
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

struct loop *transport_loop(struct transport *transport)
{
	return transport->loop;
}
