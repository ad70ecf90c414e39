/** @file stream_set.h  All TCP and TLS connections: listeners, who may open how many, and which one a message takes. */
#ifndef STREAM_SET_H
#define STREAM_SET_H

#include "received.h"
#include "stream.h"

#include <stdbool.h>
#include <stddef.h>

struct stream_set;
struct stream_set_listener;
struct loop;
struct listen;
struct tls;

struct stream_set_handlers {
	/** A message came over a connection. */
	void (*on_message)(struct received *rx, const char *data, size_t n, void *arg);
	/** What came has headers but is refused. */
	void (*on_refused)(struct received *rx, const char *head, size_t n, int status, void *arg);
	/** Is this an address of a gateway or customer of ours? */
	bool (*is_known)(const struct sockaddr *source, void *arg);
	/** A connection takes and brings nothing more. */
	void (*on_ended)(const struct stream *s, void *arg);
};

/** What other sides may open. */
struct stream_set_limits {
	uint32_t timeout_ms; /* for the handshake, for the first message, for each whole message */
	unsigned all;        /* connections; fewer where the process may have too few descriptors */
	unsigned source;     /* of one address nobody knows; of IPv6 one /64 */
};

int stream_set_create(
	struct stream_set **out, struct loop *loop, const struct stream_set_handlers *handlers, void *arg);
/** Closes all connections. NULL is fine. */
void stream_set_destroy(struct stream_set *set);
/** In force for what comes from now on. */
void stream_set_limit(struct stream_set *set, const struct stream_set_limits *limits);

/**
 * Accept connections.
 *
 * @param listener  what they are listed under; its field stream is set; must outlive the set
 * @param tls       must outlive the set; unused for TCP
 * @return 0; -EADDRINUSE or the like
 */
int stream_set_listen(
	struct stream_set *set, const struct listen *at, struct tls *tls, struct hop_listener *listener);

/** For handing it over: leave in the kernel the connections that come, or accept on. */
void stream_set_pause(struct stream_set_listener *l, bool pause);
/**
 * The process is about to end without closing them: take leave of the connections under this listener, as stream_take_leave()
 * does, and leave out the rest when this takes too long.
 *
 * @param until_ms  clock_real_ms()
 */
void stream_set_take_leave(struct stream_set_listener *l, uint64_t until_ms);
/** Its descriptor; borrowed. */
int stream_set_fd(const struct stream_set_listener *l);
/** How many connections there are? */
size_t stream_set_connections(const struct stream_set *set);

/** The address it is bound to, the port the kernel chose included. */
void stream_set_local(const struct stream_set_listener *l, struct sockaddr_storage *out);

/**
 * Send a complete message over the connection of the hop; when that has ended or there is none, over the one that goes
 * to its address, for the same identity, already, or over a new one.
 *
 * @param pending  for requests: cleared and armed; NULL for responses
 * @return 0 when it left or waits in the connection's queue; -errno
 */
int stream_set_send(const struct hop *hop, const char *data, size_t len, struct stream_pending *pending);

#endif
