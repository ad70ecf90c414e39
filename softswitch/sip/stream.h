/** @file stream.h  TCP and TLS: listeners, connections, and the messages that come and go over them.
 *
 * The library's agent is used statelessly: it frames and parses, answers what is malformed with 400, and hands everything
 * else to us.
 */
#ifndef STREAM_H
#define STREAM_H

#include "received.h"

#include <sofia-sip/sip.h>
#include <sofia-sip/tport.h>

#include <stdbool.h>
#include <stddef.h>

struct stream_set;
struct loop;
struct listen;

struct stream_handlers {
	/** A message that is well-formed; nothing was answered or kept yet. */
	void (*on_message)(const struct received *rx, void *arg);
	/** Where to note one more listener; its owner is set. @return NULL when there is no room */
	struct hop_listener *(*on_listener)(void *arg);
};

/** @return 0; -ENOMEM; -EPROTO when the library is not the one we were written for */
int stream_set_create(
	struct stream_set **out, struct loop *loop, const struct stream_handlers *handlers, void *arg);
/** NULL is fine. */
void stream_set_destroy(struct stream_set *set);

/** @param tls_dir  folder with agent.pem and cafile.pem; may be NULL for TCP. @return 0; -EADDRINUSE or the like */
int stream_set_listen(struct stream_set *set, const struct listen *at, const char *tls_dir);

/** A message is on its way over a connection; the handler is told when that breaks. */
struct stream_pending {
	tport_t *tport;
	msg_t *msg;
	int index;
	bool reused; /* the connection stood already: the peer may have closed it meanwhile */
	void (*on_error)(int error, void *arg); /* also while stream_send() sends something else by it */
	void *arg;
};
void stream_pending_clear(struct stream_pending *p);

/**
 * Send a complete message over the connection of the hop, or over one that is found or opened.
 *
 * @param pending  for requests: cleared and armed; NULL for responses
 * @return 0 when it left or waits in the connection's queue; -errno
 */
int stream_send(const struct hop *hop, const char *data, size_t len, struct stream_pending *pending);

#endif
