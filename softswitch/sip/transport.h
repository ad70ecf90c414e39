/** @file transport.h  The SIP sockets: Sofia-SIP's agent receives and parses, we send.
 *
 * The agent is used statelessly: it owns the transports (UDP, TCP, TLS), frames and parses, answers
 * what is malformed with 400, and hands everything else to us. Transactions are ours (client_transaction.h,
 * server_transaction.h): the library's hold 9 KB for 32 s each, retransmit by a fixed law, and assert.
 */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "resolver.h"

#include <sofia-sip/sip.h>
#include <sofia-sip/tport.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transport;
struct loop;
struct listen;

/** One local socket. */
struct listener {
	const char *transport; /* "udp", "tcp", "tls" */
	int family;            /* AF_INET, AF_INET6 */
	int fd;                /* UDP: what we send from; else -1 */
	tport_t *tport;
	char host[64];    /* as in URIs: IPv6 in brackets */
	char sent_by[80]; /* host:port, for Via and Contact */
	uint16_t port;
};

/** Where a message goes, and from where. A connection is a reference: hop_copy(), hop_clear(). */
struct hop {
	struct listener *listener;
	tport_t *connection; /* TCP, TLS: by which it came; NULL = find or open one */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
};
void hop_copy(struct hop *to, const struct hop *from);
void hop_clear(struct hop *hop);
/** "192.0.2.1:5060", "[2001:db8::1]:5060" */
enum { HOP_NAME_MAX = 64 };
void address_name(const struct sockaddr *sa, char out[HOP_NAME_MAX]);
/** A gateway's host (IPv6 without brackets) and port for a URI; no port when that is 0. */
enum { HOST_PORT_MAX = 264 };
void address_host_port(char out[HOST_PORT_MAX], const char *host, uint16_t port);
bool address_same_host(const struct sockaddr *a, const struct sockaddr *b);
/** The port of a URI or Via in network order; the fallback when it has none or nonsense. */
uint16_t address_parse_port(const char *text, uint16_t fallback);
static inline bool hop_is_reliable(const struct hop *hop)
{
	return hop->listener->fd < 0;
}

/** A received message; everything in it is gone after the handler. */
struct received {
	msg_t *msg;
	const sip_t *sip;
	const struct sockaddr *source;
	struct hop
		back; /* of a request: where the answer goes (RFC 3261 section 18.2.2, RFC 3581); of a response: where it came
	                    from. Copy it to keep it */
};

struct transport_handlers {
	/** A request that is well-formed; nothing was answered or kept yet. */
	void (*on_request)(const struct received *rx, void *arg);
	void (*on_response)(const struct received *rx, void *arg);
	/**
	 * A datagram of ours could not be delivered (ICMP).
	 *
	 * @param sent,n  the first bytes of it, as the error brought them back
	 */
	void (*on_undelivered)(const char *sent, size_t n, int error, void *arg);
};

/**
 * Open the sockets.
 *
 * @param tls_dir   folder with agent.pem and cafile.pem; may be NULL without TLS listener
 * @param error     receives one plain line when the result is not 0
 * @return 0; -EADDRINUSE or the like; -ENOMEM
 */
int transport_create(struct transport **out, struct loop *loop, const struct listen *listen, size_t n,
	const char *tls_dir, char *error, size_t error_size);
void transport_destroy(struct transport *sip);
void transport_set_handlers(struct transport *sip, const struct transport_handlers *h, void *arg);

size_t transport_listeners(const struct transport *sip);
const struct listener *transport_listener(const struct transport *sip, size_t i);

/** A hop to a resolved address; of several listeners the one the kernel would send from. @return 0; -EPROTONOSUPPORT without a listener of that transport and family */
int transport_hop_to(struct transport *sip, const struct resolver_address *address, struct hop *out);
/** The same from a listener with this port, 0 = any. @return -EADDRNOTAVAIL when none of the right kind has it */
int transport_hop_from(
	struct transport *sip, uint16_t local_port, const struct resolver_address *address, struct hop *out);

/** A message is on its way over a connection; the handler is told when that breaks. */
struct transport_pending {
	tport_t *tport;
	msg_t *msg;
	int index;
	bool reused; /* the connection stood already: the peer may have closed it meanwhile */
	void (*on_error)(int error, void *arg); /* also while transport_send() sends something else by it */
	void *arg;
};
void transport_pending_clear(struct transport_pending *p);

/**
 * Send a complete message.
 *
 * @param pending  for requests over connections: cleared and armed; NULL for responses; unused for UDP
 * @return 0 when it left or waits in the connection's queue; -errno
 */
int transport_send(const struct hop *hop, const char *data, size_t len, struct transport_pending *pending);

/** Answer a request without keeping anything (gate before state). */
void transport_reply_stateless(struct transport *sip, const struct received *rx, int status,
	const char *phrase, const char *extra_headers);
/** The same with a tag for To; "" = one made of the request, the same for each repetition (RFC 3261 section 8.2.7). */
void transport_reply_tagged(struct transport *sip, const struct received *rx, int status, const char *phrase,
	const char *tag, const char *extra_headers);

struct loop *transport_loop(struct transport *sip);
/** Random text for tags, branches and Call-IDs: 16 hexadecimal digits. */
enum { TOKEN_SIZE = 17 };
void token_token(struct transport *sip, char out[TOKEN_SIZE]);
uint64_t token_random(struct transport *sip);
/** Hash of a string under a secret of this process, going on from h. */
uint64_t token_hash(const struct transport *sip, uint64_t h, const char *s);

#endif
