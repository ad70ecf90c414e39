/** @file stream.h  One TCP or TLS connection: whole messages come in, whole messages go out, and nothing of it lasts for ever.
 *
 * Opening it, its TLS handshake, its first message, and each message from its first byte to its last have to be done in
 * time, and so has the peer to read something of what waits for it; else it may be idle for ten minutes, or for as long as
 * somebody holds a reference.
 */
#ifndef STREAM_H
#define STREAM_H

#include "stream_io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct stream;
struct loop;

enum {
	STREAM_MESSAGE_MAX = 65535, /* bytes of a message that comes in */
	STREAM_UNREAD_MAX =
		1024 * 1024 /* bytes that the peer may leave unread besides what the kernel holds */
};

struct stream_handlers {
	/** A whole message came; its bytes are the connection's and gone afterwards. */
	void (*on_message)(struct stream *s, const char *data, size_t n, void *arg);
	/**
	 * What came has headers but is refused; the connection ends after this.
	 *
	 * @param status  400, 413
	 */
	void (*on_refused)(struct stream *s, const char *head, size_t n, int status, void *arg);
	/** It takes and brings nothing more; called once. What waits for answers is told right after this. */
	void (*on_ended)(struct stream *s, void *arg);
	/** Its descriptor is closed; called once. */
	void (*on_closed)(struct stream *s, void *arg);
};

/** What a connection is made of. */
struct stream_config {
	struct loop *loop;
	int fd;      /* not blocking; the connection's from now on, even on failure */
	bool opened; /* by the other side; else connect() is under way */
	SSL *tls;    /* NULL = in clear; the connection's, as fd is */
	const struct sockaddr *peer;
	uint32_t timeout_ms;
	const struct stream_handlers *handlers;
	void *arg;
};

/** The caller has the first reference. @return 0; -ENOMEM */
int stream_create(struct stream **out, const struct stream_config *config);
struct stream *stream_ref(struct stream *s);
/** NULL is fine. */
void stream_unref(struct stream *s);

/** It can still be written to. */
bool stream_is_open(const struct stream *s);
const struct sockaddr *stream_peer(const struct stream *s);
void *stream_arg(const struct stream *s);
/** NULL = in clear, or closed. */
SSL *stream_tls(const struct stream *s);

/** A message is on its way; the handler is told when the connection ends before it is cleared. */
struct stream_pending {
	struct stream *stream;
	struct stream_pending *next, **link;
	bool reused; /* the connection stood already and the peer has closed it: a new one may do better */
	void (*on_error)(int error, void *arg);
	void *arg;
};
void stream_pending_clear(struct stream_pending *p);

/**
 * Send a complete message.
 *
 * @param pending  armed when the result is 0; may be NULL
 * @return 0 when it left or waits until it can; -ENOBUFS when the peer leaves too much unread, and the connection has
 *         ended if the peer opened it; another -errno when it has ended
 */
int stream_send(struct stream *s, const char *data, size_t n, struct stream_pending *pending);

/** The process is about to close its descriptor with all others: over TLS, say so. Whatever is sent after this fails. */
void stream_take_leave(struct stream *s);
/** End it at once. @param error  what pending messages are told, negative */
void stream_close(struct stream *s, int error);

#endif
