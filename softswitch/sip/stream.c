#include "stream.h"

#include "address.h"
#include "loop.h"
#include "stream_frame.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	IDLE_MS = 600000, /* between messages */
	LINGER_MS = 1000, /* for the peer to read why its connection ends */
	CHUNK = 16384,    /* bytes read at a time */
	CHUNKS = 4        /* before other sockets and timers have their turn */
};

enum stream_state {
	STREAM_CONNECTING,
	STREAM_HANDSHAKE,
	STREAM_OPEN,
	STREAM_LINGERING, /* nothing is taken or sent any more; the peer may read the last of it */
	STREAM_CLOSED
};

struct stream {
	struct loop *loop;
	struct stream_io io;
	enum stream_state state;
	unsigned refs;
	uint32_t timeout_ms;
	bool opened; /* by the other side */
	bool served; /* a whole message has come, or the connection is ours: it may be idle */
	bool inside; /* the present message has begun to come */
	struct event on_read, on_write, timer;
	struct evbuffer *in, *out;
	struct stream_frame frame;
	struct stream_pending *pending;
	const struct stream_handlers *handlers;
	void *arg;
	struct sockaddr_storage peer;
};

static void set_timer(struct stream *s, uint32_t ms)
{
	struct timeval storage;

	event_add(&s->timer, loop_delay(s->loop, ms, &storage));
}

/* The end ----------------------------------------------------------------------------------- */

/** @param error  what pending messages are told, negative */
static void end(struct stream *s, int error)
{
	bool ours = error == -ENOBUFS || error == -ETIMEDOUT;

	s->handlers->on_ended(s, s->arg);
	while (s->pending) {
		struct stream_pending *p = s->pending;

		stream_pending_clear(p);
		if (ours)
			p->reused = false;
		p->on_error(error, p->arg);
	}
}

void stream_close(struct stream *s, int error)
{
	bool ended = s->state == STREAM_LINGERING;

	if (s->state == STREAM_CLOSED)
		return;
	s->state = STREAM_CLOSED;
	stream_ref(s);
	event_del(&s->on_read);
	event_del(&s->on_write);
	event_del(&s->timer);
	stream_io_close(&s->io);
	if (!ended)
		end(s, error);
	s->handlers->on_closed(s, s->arg);
	stream_unref(s);
}

/** Closing a socket with bytes unread resets the connection, and the peer may lose our last answer. */
static void linger(struct stream *s, int error)
{
	if (s->state != STREAM_OPEN)
		return;
	s->state = STREAM_LINGERING;
	stream_io_shut_down(&s->io);
	event_del(&s->on_write);
	set_timer(s, LINGER_MS);
	end(s, error);
}

void stream_take_leave(struct stream *s)
{
	if (s->io.ssl && s->state == STREAM_OPEN)
		stream_io_shut_down(&s->io);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = arg;
	bool idle = s->state == STREAM_OPEN && s->served && !s->inside;

	(void)fd;
	(void)what;
	if (idle && s->refs > 1)
		set_timer(s, IDLE_MS);
	else
		stream_close(s, -ETIMEDOUT);
}

/* Sending ----------------------------------------------------------------------------------- */

/** Go on once the socket takes bytes; a peer that takes none for too long is given up. */
static void await_writable(struct stream *s)
{
	struct timeval storage;

	if (!event_pending(&s->on_write, EV_WRITE, NULL))
		event_add(&s->on_write, loop_delay(s->loop, s->timeout_ms, &storage));
}

static void flush(struct stream *s)
{
	while (s->state == STREAM_OPEN && evbuffer_get_length(s->out)) {
		struct evbuffer_iovec piece;
		ssize_t n;

		evbuffer_peek(s->out, -1, NULL, &piece, 1);
		n = stream_io_write(&s->io, piece.iov_base, piece.iov_len);
		if (n == -EAGAIN) {
			if (!s->io.ssl || s->io.wants_write)
				await_writable(s);
			return;
		}
		if (n < 0) {
			stream_close(s, (int)n);
			return;
		}
		evbuffer_drain(s->out, (size_t)n);
	}
}

void stream_pending_clear(struct stream_pending *p)
{
	if (!p->link)
		return;
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	p->next = NULL;
	p->link = NULL;
	stream_unref(p->stream);
	p->stream = NULL;
}

static void arm(struct stream *s, struct stream_pending *p)
{
	p->reused = s->state == STREAM_OPEN;
	p->stream = stream_ref(s);
	p->next = s->pending;
	p->link = &s->pending;
	if (p->next)
		p->next->link = &p->next;
	s->pending = p;
}

int stream_send(struct stream *s, const char *data, size_t n, struct stream_pending *pending)
{
	bool waits, open;

	if (!stream_is_open(s))
		return -ECONNRESET;
	waits = evbuffer_get_length(s->out) > 0;
	if (evbuffer_get_length(s->out) + n > STREAM_UNREAD_MAX) {
		if (s->opened) /* one of ours stays, lest a new one takes as much and more */
			stream_close(s, -ENOBUFS);
		return -ENOBUFS;
	}
	if (evbuffer_add(s->out, data, n) < 0) {
		stream_close(s, -ENOMEM);
		return -ENOMEM;
	}
	if (s->state == STREAM_OPEN && s->served && !s->inside)
		set_timer(s, IDLE_MS);
	stream_ref(s);
	if (!waits)
		flush(s);
	open = stream_is_open(s);
	if (open && pending)
		arm(s, pending);
	stream_unref(s);
	return open ? 0 : -ECONNRESET;
}

/* Receiving --------------------------------------------------------------------------------- */

static void refuse(struct stream *s, char *data, int error)
{
	size_t n = s->frame.head;

	if (error != -EPROTO && n) {
		stream_frame_hide_length(data, n);
		s->handlers->on_refused(s, data, n, error == -EMSGSIZE ? 413 : 400, s->arg);
	}
	linger(s, error);
}

/** Between messages: line ends, and pings that want a pong (RFC 5626 section 3.5.1). */
static void skip_line_ends(struct stream *s)
{
	size_t n = evbuffer_get_length(s->in);
	unsigned pings;
	size_t skip = n ? stream_frame_skip((char *)evbuffer_pullup(s->in, -1), n, &pings) : 0;

	if (!skip)
		return;
	evbuffer_drain(s->in, skip);
	for (; pings && s->state == STREAM_OPEN; pings--)
		stream_send(s, "\r\n", 2, NULL);
}

/** @return false when the next message is not complete, or there will be none */
static bool take_message(struct stream *s)
{
	size_t n;
	char *data;
	int result;

	if (!s->frame.at)
		skip_line_ends(s);
	n = evbuffer_get_length(s->in);
	if (s->state != STREAM_OPEN || !n)
		return false;
	data = (char *)evbuffer_pullup(s->in, -1);
	if (!s->frame.at && n < 4 && data[0] == '\r')
		return false; /* half a ping */
	result = stream_frame_read(&s->frame, data, n, STREAM_MESSAGE_MAX);
	if (result < 0) {
		refuse(s, data, result);
		return false;
	}
	if (!result) {
		if (!s->inside && s->served)
			set_timer(s, s->timeout_ms);
		s->inside = true;
		return false;
	}
	n = s->frame.head + s->frame.body;
	s->handlers->on_message(s, data, n, s->arg);
	evbuffer_drain(s->in, n);
	s->frame = (struct stream_frame){0};
	s->inside = false;
	s->served = true;
	if (s->state == STREAM_OPEN)
		set_timer(s, IDLE_MS);
	return s->state == STREAM_OPEN;
}

static void read_more(struct stream *s)
{
	static char chunk[CHUNK];

	/* What TLS has read from the socket already does not wake the loop. */
	for (int i = 0; i < CHUNKS || (s->io.ssl && SSL_pending(s->io.ssl)); i++) {
		ssize_t n = stream_io_read(&s->io, chunk, sizeof(chunk));

		if (n == -EAGAIN) {
			if (s->io.wants_write)
				await_writable(s);
			return;
		}
		if (n <= 0) {
			stream_close(s, n ? (int)n : -ECONNRESET);
			return;
		}
		if (s->state == STREAM_LINGERING)
			continue;
		if (evbuffer_add(s->in, chunk, (size_t)n) < 0) {
			stream_close(s, -ENOMEM);
			return;
		}
		while (take_message(s))
			;
		if (s->state == STREAM_CLOSED)
			return;
	}
}

/** Connected: go on as far as it goes. */
static void proceed(struct stream *s)
{
	int result = s->state == STREAM_HANDSHAKE ? stream_io_handshake(&s->io) : 0;

	if (result == -EAGAIN) {
		if (s->io.wants_write)
			await_writable(s);
		return;
	}
	if (result) {
		stream_close(s, result);
		return;
	}
	if (s->state == STREAM_HANDSHAKE) {
		s->state = STREAM_OPEN;
		s->served = !s->opened;
		set_timer(s, s->served ? IDLE_MS : s->timeout_ms);
	}
	flush(s);
}

/* The handler holds a reference, so what closes the stream meanwhile does not free it; the analyzer cannot count. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc) */
static void on_write(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = stream_ref(arg);
	int error = 0;
	socklen_t size = sizeof(error);

	if (what & EV_TIMEOUT) {
		stream_close(s, -ETIMEDOUT);
	} else if (s->state == STREAM_CONNECTING) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error) {
			stream_close(s, -error);
		} else {
			s->state = STREAM_HANDSHAKE;
			event_add(&s->on_read, NULL);
		}
	}
	if (s->state != STREAM_CLOSED)
		proceed(s);
	stream_unref(s);
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
	struct stream *s = stream_ref(arg);

	(void)fd;
	(void)what;
	if (s->state == STREAM_HANDSHAKE || s->io.ssl)
		proceed(s);
	if (s->state == STREAM_OPEN || s->state == STREAM_LINGERING)
		read_more(s);
	stream_unref(s);
}

/* NOLINTEND(clang-analyzer-unix.Malloc) */

/* Life -------------------------------------------------------------------------------------- */

int stream_create(struct stream **out, const struct stream_config *config)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct event_base *base = loop_base(config->loop);
	bool failed;

	if (!s) {
		SSL_free(config->tls);
		close(config->fd);
		return -ENOMEM;
	}
	s->refs = 1;
	s->loop = config->loop;
	s->io.fd = config->fd;
	s->io.ssl = config->tls;
	s->opened = config->opened;
	s->timeout_ms = config->timeout_ms;
	s->handlers = config->handlers;
	s->arg = config->arg;
	memcpy(&s->peer, config->peer, address_length(config->peer));
	s->in = evbuffer_new();
	s->out = evbuffer_new();
	failed = !s->in || !s->out || (s->io.ssl && SSL_set_fd(s->io.ssl, s->io.fd) != 1);
	if (failed) {
		stream_io_close(&s->io);
		s->state = STREAM_CLOSED;
		stream_unref(s);
		return -ENOMEM;
	}
	s->state = !config->opened ? STREAM_CONNECTING : config->tls ? STREAM_HANDSHAKE : STREAM_OPEN;
	event_assign(&s->on_read, base, s->io.fd, EV_READ | EV_PERSIST, on_read, s);
	event_assign(&s->on_write, base, s->io.fd, EV_WRITE, on_write, s);
	event_assign(&s->timer, base, -1, 0, on_timer, s);
	set_timer(s, s->timeout_ms);
	if (config->opened)
		event_add(&s->on_read, NULL);
	else
		await_writable(s);
	*out = s;
	return 0;
}

struct stream *stream_ref(struct stream *s)
{
	s->refs++;
	return s;
}

void stream_unref(struct stream *s)
{
	if (!s || --s->refs)
		return;
	if (s->in)
		evbuffer_free(s->in);
	if (s->out)
		evbuffer_free(s->out);
	free(s);
}

bool stream_is_open(const struct stream *s)
{
	return s->state < STREAM_LINGERING;
}

const struct sockaddr *stream_peer(const struct stream *s)
{
	return (const struct sockaddr *)&s->peer;
}

void *stream_arg(const struct stream *s)
{
	return s->arg;
}

SSL *stream_tls(const struct stream *s)
{
	return s->io.ssl;
}
