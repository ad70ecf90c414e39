#include "stream.h"

#include "address.h"
#include "intake.h"
#include "listen.h"
#include "loop.h"
#include "message.h"
#include "sofia_port.h"
#include "sofia_workaround.h"

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/nta.h>
#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/nta_tport.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/su_log.h>
#include <sofia-sip/tport_tag.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LISTENERS_MAX = 32,          /* a wildcard address may open several */
	MESSAGE_MAX = 65535,         /* of what we take in, bytes */
	CONNECTION_IDLE_MS = 600000, /* a connection nobody uses is closed */
	CONNECTION_READ_MS = 20000,  /* a message must be complete after so long */
	LISTEN_BACKLOG = 256
};

struct stream_set {
	nta_agent_t *agent;
	struct hop_listener *listener[LISTENERS_MAX];
	size_t n_listeners;
	const struct stream_handlers *handlers;
	void *arg;
};

/* Receiving --------------------------------------------------------------------------------- */

static struct hop_listener *listener_of(struct stream_set *set, const tport_t *tport)
{
	const tport_t *primary = tport_parent(tport);

	for (size_t i = 0; i < set->n_listeners; i++)
		if (set->listener[i]->tport == primary)
			return set->listener[i];
	return NULL;
}

/** The library has a message that came over a connection. */
static int on_message(nta_agent_magic_t *magic, nta_agent_t *agent, msg_t *msg, sip_t *parsed)
{
	struct stream_set *set = (struct stream_set *)magic;
	tport_t *tport = tport_delivered_by(nta_agent_tports(agent), msg);
	struct hop_listener *listener = tport ? listener_of(set, tport) : NULL;
	struct received rx = {.msg = msg,
		.sip = parsed,
		.source = &msg_addr(msg)->su_sa,
		.back = {.listener = listener,
			.connection = tport}}; /* borrowed; hop_copy() takes a reference */

	if (listener) {
		memcpy(&rx.back.to, rx.source, address_length(rx.source));
		set->handlers->on_message(&rx, set->arg);
	}
	msg_destroy(msg);
	return 0;
}

/* Sockets ----------------------------------------------------------------------------------- */

/** Take note of the agent's sockets that are not known yet. */
static int note_listeners(struct stream_set *set)
{
	for (tport_t *t = tport_primaries(nta_agent_tports(set->agent)); t; t = tport_next(t)) {
		const sip_via_t *via = (const sip_via_t *)tport_magic(t);
		const tp_name_t *name = tport_name(t);
		const su_addrinfo_t *ai = tport_get_address(t);
		struct hop_listener *l;

		if (listener_of(set, t))
			continue;
		l = set->n_listeners < LISTENERS_MAX ? set->handlers->on_listener(set->arg) : NULL;
		if (!l)
			return -ENOSPC;
		l->tport = t;
		l->family = ai->ai_family;
		l->transport = strcasecmp(name->tpn_proto, "tls") ? "tcp" : "tls";
		hop_listener_name(l, via ? via->v_host : name->tpn_host, address_port(ai->ai_addr));
		set->listener[set->n_listeners++] = l;
	}
	return 0;
}

int stream_set_listen(struct stream_set *set, const struct listen *at, const char *tls_dir)
{
	bool v6 = strchr(at->host, ':') != NULL, tls = !strcmp(at->transport, "tls");
	char url[128];

	snprintf(url, sizeof(url), "%s:%s%s%s:%u;transport=%s", tls ? "sips" : "sip", v6 ? "[" : "", at->host,
		v6 ? "]" : "", at->port, at->transport);
	/* A port of 0 is the kernel's choice; the URL says that with an asterisk. */
	if (!at->port)
		snprintf(url, sizeof(url), "%s:%s%s%s:*;transport=%s", tls ? "sips" : "sip", v6 ? "[" : "",
			at->host, v6 ? "]" : "", at->transport);
	if (nta_agent_add_tport(set->agent, URL_STRING_MAKE(url), TPTAG_STUN_SERVER(0),
		    TPTAG_IDLE(CONNECTION_IDLE_MS), TPTAG_TIMEOUT(CONNECTION_READ_MS),
		    TPTAG_QUEUESIZE(LISTEN_BACKLOG), TPTAG_PONG2PING(1),
		    TPTAG_SDWN_ERROR(1) /* a closed connection fails what awaits an answer on it */,
		    TAG_IF(tls && tls_dir, TPTAG_CERTIFICATE(tls_dir)), TAG_END()) < 0)
		return errno ? -errno : -EADDRNOTAVAIL;
	return note_listeners(set);
}

static void quiet(void *stream, char const *format, va_list ap)
{
	(void)stream;
	(void)format;
	(void)ap;
}

int stream_set_create(
	struct stream_set **out, struct loop *loop, const struct stream_handlers *handlers, void *arg)
{
	struct stream_set *set;

	if (sofia_workaround_check())
		return -EPROTO;
	set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->handlers = handlers;
	set->arg = arg;
	su_log_redirect(su_log_default, quiet, NULL);
	su_log_set_level(NULL, 0);
	/*
	 * EXTRACT_COPY keeps each header's bytes as they came: what passes, passes unchanged. An answer whose
	 * Session-Expires or Min-SE cannot be read is taken as one without.
	 */
	set->agent = nta_agent_create(sofia_port_root(loop_sofia(loop)),
		(url_string_t *)-1 /* no socket yet */, on_message, (nta_agent_magic_t *)set, NTATAG_UA(0),
		NTATAG_SERVER_RPORT(1), NTATAG_MAXSIZE(MESSAGE_MAX), NTATAG_SIPFLAGS(MSG_DO_EXTRACT_COPY),
		NTATAG_USE_NAPTR(0), NTATAG_USE_SRV(0), NTATAG_BAD_RESP_MASK(intake_response_errors),
		TAG_END());
	if (!set->agent) {
		free(set);
		return -ENOMEM;
	}
	*out = set;
	return 0;
}

void stream_set_destroy(struct stream_set *set)
{
	if (!set)
		return;
	nta_agent_destroy(set->agent);
	free(set);
}

/* Sending ----------------------------------------------------------------------------------- */

static void on_pending_error(tp_stack_t *stack, tp_client_t *client, tport_t *tport, msg_t *msg, int error)
{
	struct stream_pending *p = (struct stream_pending *)client;

	(void)stack;
	(void)tport;
	(void)msg;
	p->on_error(error ? -error : -ECONNRESET, p->arg);
}

void stream_pending_clear(struct stream_pending *p)
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

int stream_send(const struct hop *hop, const char *data, size_t len, struct stream_pending *pending)
{
	char host[ADDRESS_HOST_MAX], port[8];
	tp_name_t name = {
		.tpn_proto = hop->listener->transport, .tpn_canon = host, .tpn_host = host, .tpn_port = port};
	msg_t *msg;
	tport_t *tport;
	int err = message_parse(&msg, data, len);

	if (err)
		return err;
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
	stream_pending_clear(pending);
	pending->reused = tport_is_connected(tport);
	pending->tport = tport_ref(tport);
	pending->msg = msg;
	pending->index = tport_pend(tport, msg, on_pending_error, (tp_client_t *)pending);
	return 0;
}
