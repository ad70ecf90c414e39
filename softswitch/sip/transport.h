/** @file transport.h  The SIP sockets: what comes in is parsed and handed up, what goes out is sent.
 *
 * Over UDP (datagram.h, intake.h), TCP and TLS (stream_set.h). Transactions are ours (client_transaction.h,
 * server_transaction.h): the library's hold 9 KB for 32 s each, retransmit by a fixed law, and assert.
 */
#ifndef TRANSPORT_H
#define TRANSPORT_H

#include "overload.h"
#include "received.h"
#include "resolver.h"
#include "stream_set.h"

#include <sofia-sip/sip.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transport;
struct loop;
struct listen;

struct transport_handlers {
	/** A request that can be served; nothing was answered or kept yet. What could not be read of it: rx->fault. */
	void (*on_request)(const struct received *rx, void *arg);
	void (*on_response)(const struct received *rx, void *arg);
	/**
	 * A datagram of ours could not be delivered (ICMP).
	 *
	 * @param sent,n  the first bytes of it, as the error brought them back
	 */
	void (*on_undelivered)(const char *sent, size_t n, int error, void *arg);
	/** A new INVITE comes in overload: what to do with it? @param via  value of its topmost Via */
	enum overload_verdict (*on_excess)(const struct sockaddr *source, const struct scan *via, void *arg);
	/** A message that cannot be read: rx->fault says why; what it lacks is NULL. @return whether to answer a request */
	bool (*on_malformed)(const struct received *rx, void *arg);
	/** Is this an address of a gateway, customer or registrar of ours? Others may open few connections. */
	bool (*is_known)(const struct sockaddr *source, void *arg);
	/** A TCP or TLS connection takes and brings nothing more. */
	void (*on_ended)(const struct stream *connection, void *arg);
};

/**
 * Open the sockets.
 *
 * @param tls_dir   folder with agent.pem and perhaps cafile.pem (tls.h); may be NULL without TLS listener
 * @param error     receives one plain line when the result is not 0
 * @return 0; -EADDRINUSE or the like; -ENOMEM
 */
int transport_create(struct transport **out, struct loop *loop, const struct listen *listen, size_t n,
	const char *tls_dir, char *error, size_t error_size);
void transport_destroy(struct transport *transport);
void transport_set_handlers(struct transport *transport, const struct transport_handlers *h, void *arg);

/** What other sides may open over TCP and TLS. */
void transport_limit_streams(struct transport *transport, const struct stream_set_limits *limits);

size_t transport_listeners(const struct transport *transport);
const struct hop_listener *transport_listener(const struct transport *transport, size_t i);

/** The listener of this transport with this name (hop.h: sent_by), or else one of the same family. @return NULL without one */
struct hop_listener *transport_listener_named(
	struct transport *transport, const char *kind, const char *sent_by);
/** A hop to a resolved address; of several listeners the one the kernel would send from. @return 0; -EPROTONOSUPPORT without a listener of that transport and family */
int transport_hop_to(struct transport *transport, const struct resolver_address *address, struct hop *out);
/** The same from a listener with this port, 0 = any. @return -EADDRNOTAVAIL when none of the right kind has it */
int transport_hop_from(struct transport *transport, uint16_t local_port,
	const struct resolver_address *address, struct hop *out);

/**
 * Send a complete message.
 *
 * @param pending  for requests over connections: cleared and armed; NULL for responses; unused for UDP
 * @return 0 when it left or waits in the connection's queue; -errno
 */
int transport_send(const struct hop *hop, const char *data, size_t len, struct stream_pending *pending);

/** Answer a request without keeping anything (gate before state). */
void transport_reply_stateless(
	const struct received *rx, int status, const char *phrase, const char *extra_headers);
/**
 * The same to somebody who may have forged the source: silence if that took more than twice the bytes of the request.
 *
 * @return false when it would have taken more
 */
bool transport_reply_bounded(
	const struct received *rx, int status, const char *phrase, const char *extra_headers);
/** As transport_reply_stateless() with a tag for To; "" = one made of the request, the same for each repetition (RFC 3261 section 8.2.7). */
void transport_reply_tagged(const struct received *rx, int status, const char *phrase, const char *tag,
	const char *extra_headers);

/** The names in the certificate of its sender, as tls_find_name() has them; none unless it came over TLS. */
bool transport_find_name(const struct received *rx, bool (*is)(const char *name, void *arg), void *arg);

/** New calls refused because of overload, since the start. */
uint64_t transport_refused(const struct transport *transport);

/** Datagrams that were read and wait for their turn. */
unsigned transport_waiting(const struct transport *transport);
/** TCP and TLS connections. */
size_t transport_connections(const struct transport *transport);

struct loop *transport_loop(struct transport *transport);

#endif
