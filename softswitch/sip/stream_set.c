#include "stream_set_state.h"

#include "address.h"
#include "clock.h"
#include "loop.h"
#include "tls.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	SEND_BUFFER = 128 * 1024, /* bytes; the kernel would take megabytes that nobody reads */
	DESCRIPTORS_MAX = 128 * 1024
};

/* Connections ------------------------------------------------------------------------------- */

static void set_key(struct stream_set_key *key, const struct stream_set_listener *at,
	const struct sockaddr *peer, const struct tls_identity *identity)
{
	memset(key, 0, sizeof(*key));
	key->listener = at->listener;
	key->identity = at->tls ? identity : NULL;
	key->port = address_port(peer);
	address_bytes(peer, key->host);
}

static struct stream_set_connection *find(const struct hop *hop)
{
	const struct stream_set_listener *at = hop->listener->stream;
	struct stream_set_key key;
	struct stream_set_connection *c;

	set_key(&key, at, &hop->to.any, hop->identity);
	HASH_FIND(hh, at->set->by_peer, &key, sizeof(key), c);
	return c;
}

static struct received received_over(struct stream *s)
{
	struct stream_set_connection *c = stream_arg(s);
	struct received rx = {.source = stream_peer(s),
		.back = {.listener = c->listener, .connection = s, .identity = c->key.identity}};

	memcpy(&rx.back.to, rx.source, address_length(rx.source));
	return rx; /* the connection is borrowed; hop_copy() takes a reference */
}

static void on_message(struct stream *s, const char *data, size_t n, void *arg)
{
	struct stream_set_connection *c = arg;
	struct received rx = received_over(s);

	c->set->handlers->on_message(&rx, data, n, c->set->arg);
}

static void on_refused(struct stream *s, const char *head, size_t n, int status, void *arg)
{
	struct stream_set_connection *c = arg;
	struct received rx = received_over(s);

	c->set->handlers->on_refused(&rx, head, n, status, c->set->arg);
}

static void on_ended(struct stream *s, void *arg)
{
	struct stream_set_connection *c = arg;

	if (c->hh.tbl)
		HASH_DEL(c->set->by_peer, c);
	c->set->handlers->on_ended(s, c->set->arg);
}

static void on_closed(struct stream *s, void *arg)
{
	struct stream_set_connection *c = arg;

	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	stream_set_leave_source(c);
	c->set->accepted -= c->accepted;
	free(c);
	stream_unref(s);
}

static const struct stream_handlers stream_handlers = {on_message, on_refused, on_ended, on_closed};

/** @param hop  NULL = the other side opens it. @return 0; the error of tls_connect() */
static int start_tls(SSL **out, struct tls *tls, const struct hop *hop)
{
	if (hop)
		return tls_connect(out, tls, hop->identity);
	*out = tls_accept(tls);
	return *out ? 0 : -ENOMEM;
}

int stream_set_add(struct stream_set_connection **out, struct stream_set_listener *at, int fd,
	const struct sockaddr *peer, const struct hop *hop, struct stream_set_source *source)
{
	struct stream_set *set = at->set;
	static const int one = 1, buffer = SEND_BUFFER;
	struct stream_config config = {.loop = set->loop,
		.fd = fd,
		.opened = !hop,
		.peer = peer,
		.timeout_ms = set->limits.timeout_ms,
		.handlers = &stream_handlers};
	struct stream_set_connection *c = calloc(1, sizeof(*c));
	int err = !c ? -ENOMEM : at->tls ? start_tls(&config.tls, at->tls, hop) : 0;

	if (err) {
		close(fd);
		free(c);
		return err;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &set->limits.timeout_ms, sizeof(unsigned));
	config.arg = c;
	err = stream_create(&c->stream, &config);
	if (err) {
		free(c);
		return err;
	}
	c->set = set;
	c->listener = at->listener;
	c->accepted = !hop;
	set->accepted += c->accepted;
	c->source = source;
	if (source) {
		source->connections++;
		TAILQ_INSERT_TAIL(&set->strangers, c, stranger);
	}
	c->next = set->all;
	c->link = &set->all;
	if (c->next)
		c->next->link = &c->next;
	set->all = c;
	set_key(&c->key, at, peer, hop ? hop->identity : NULL);
	HASH_ADD(hh, set->by_peer, key, sizeof(c->key),
		c); /* without memory it serves what came over it, and nothing new */
	*out = c;
	return 0;
}

/* Sending ----------------------------------------------------------------------------------- */

/** From the listener's own address, so that the other side knows us by it. */
static int open_connection(const struct hop *hop, struct stream_set_connection **out)
{
	struct stream_set_listener *at = hop->listener->stream;
	struct sockaddr_storage local;
	static const int one = 1;
	int err, fd = socket(hop->to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	stream_set_local(at, &local);
	address_set_port((struct sockaddr *)&local, 0);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&local, address_length((struct sockaddr *)&local)) < 0 ||
		(connect(fd, &hop->to.any, address_length(&hop->to.any)) < 0 && errno != EINPROGRESS)) {
		err = -errno;
		close(fd);
		return err;
	}
	return stream_set_add(out, at, fd, &hop->to.any, hop, NULL);
}

int stream_set_send(const struct hop *hop, const char *data, size_t len, struct stream_pending *pending)
{
	struct stream *s = hop->connection && stream_is_open(hop->connection) ? hop->connection : NULL;
	struct stream_set_connection *c = s ? NULL : find(hop);
	int err;

	if (pending)
		stream_pending_clear(pending);
	if (c)
		s = c->stream;
	if (s) {
		err = stream_send(s, data, len, pending);
		if (!err || err == -ENOBUFS)
			return err;
	}
	/* There is none, or it broke just now. */
	c = NULL;
	err = open_connection(hop, &c);
	return err || !c ? err : stream_send(c->stream, data, len, pending);
}

void stream_set_take_leave(struct stream_set_listener *l, uint64_t until_ms)
{
	for (struct stream_set_connection *c = l->set->all; c && clock_real_ms() < until_ms; c = c->next)
		if (c->listener == l->listener)
			stream_take_leave(c->stream);
}

size_t stream_set_connections(const struct stream_set *set)
{
	size_t n = 0;

	for (const struct stream_set_connection *c = set->all; c; c = c->next)
		n++;
	return n;
}

/* Life -------------------------------------------------------------------------------------- */

/** As many as the system lets us have. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int stream_set_create(
	struct stream_set **out, struct loop *loop, const struct stream_set_handlers *handlers, void *arg)
{
	struct stream_set *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->loop = loop;
	set->handlers = handlers;
	set->arg = arg;
	set->limits = (struct stream_set_limits){.timeout_ms = 30000, .all = 1024, .source = 32};
	TAILQ_INIT(&set->strangers);
	raise_descriptors();
	*out = set;
	return 0;
}

void stream_set_destroy(struct stream_set *set)
{
	if (!set)
		return;
	while (set->all)
		stream_close(set->all->stream, -ESHUTDOWN);
	while (set->listeners) {
		struct stream_set_listener *l = set->listeners;

		set->listeners = l->next;
		stream_set_close_listener(l);
	}
	free(set);
}

void stream_set_limit(struct stream_set *set, const struct stream_set_limits *limits)
{
	set->limits = *limits;
}
