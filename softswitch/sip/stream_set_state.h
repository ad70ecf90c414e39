/** @file stream_set_state.h  The structs of the connections, private to stream_set*.c. */
#ifndef STREAM_SET_STATE_H
#define STREAM_SET_STATE_H

#include "address.h"
#include "keyed_table.h"
#include "stream_set.h"

#include <event2/event_struct.h>
#include <sys/queue.h>

/** Addresses nobody knows, while they have connections. */
struct stream_set_source {
	unsigned char network[ADDRESS_BYTES];
	unsigned connections;
	UT_hash_handle hh;
};

struct stream_set_key {
	const struct hop_listener *listener;
	const struct tls_identity *identity; /* NULL = whoever it is */
	unsigned char host[ADDRESS_BYTES];
	unsigned port;
};

struct stream_set_connection {
	struct stream_set *set;
	struct hop_listener *listener;
	struct stream *stream;
	bool accepted;
	struct stream_set_source *source; /* NULL = known, or ours */
	TAILQ_ENTRY(stream_set_connection) stranger;
	struct stream_set_connection *next, **link;
	struct stream_set_key key; /* several may have the same: any of them will do */
	UT_hash_handle hh;
};

/** A listening socket. */
struct stream_set_listener {
	struct stream_set *set;
	struct hop_listener *listener;
	int fd;
	struct tls *tls; /* NULL = in clear */
	struct event event, again;
	struct stream_set_listener *next;
};

struct stream_set {
	struct loop *loop;
	const struct stream_set_handlers *handlers;
	void *arg;
	struct stream_set_limits limits;
	unsigned accepted;
	struct stream_set_listener *listeners;
	struct stream_set_connection *all, *by_peer;
	struct stream_set_source *sources;
	TAILQ_HEAD(, stream_set_connection) strangers; /* the oldest first */
	unsigned refused;
	uint64_t refused_logged_ms;
};

/* stream_set.c */

/**
 * Take a connection into the set.
 *
 * @param fd      the connection's, even on failure
 * @param hop     for which we open it; NULL = the other side does
 * @param source  NULL = known, or ours
 * @return 0; -ENOMEM; the error of tls_connect()
 */
int stream_set_add(struct stream_set_connection **out, struct stream_set_listener *at, int fd,
	const struct sockaddr *peer, const struct hop *hop, struct stream_set_source *source);

/* stream_set_accept.c */

/** A connection has ended: it counts no longer for its source. */
void stream_set_leave_source(struct stream_set_connection *c);
void stream_set_close_listener(struct stream_set_listener *l);

#endif
