#include "stream_set.h"

#include "address.h"
#include "clock.h"
#include "keyed_table.h"
#include "listen.h"
#include "log.h"
#include "loop.h"
#include "tls.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	BACKLOG = 256,
	ACCEPTS = 16,             /* before other sockets and timers have their turn */
	SEND_BUFFER = 128 * 1024, /* bytes; the kernel would take megabytes that nobody reads */
	RESERVE = 256,            /* descriptors for everything but connections of others */
	DESCRIPTORS_MAX = 128 * 1024,
	SHORTAGE_MS = 1000, /* out of descriptors: accept nothing for so long */
	REFUSED_LOG_MS = 60 * 1000
};

/** Addresses nobody knows, while they have connections. */
struct source {
	unsigned char prefix[16];
	unsigned connections;
	UT_hash_handle hh;
};

struct connection_key {
	const struct hop_listener *listener;
	const struct tls_identity *identity; /* NULL = whoever it is */
	unsigned char host[16];
	unsigned port;
};

struct connection {
	struct stream_set *set;
	struct hop_listener *listener;
	struct stream *stream;
	bool accepted;
	struct source *source; /* NULL = known, or ours */
	TAILQ_ENTRY(connection) stranger;
	struct connection *next, **link;
	struct connection_key key; /* several may have the same: any of them will do */
	UT_hash_handle hh;
};

/** A listening socket. */
struct stream_listener {
	struct stream_set *set;
	struct hop_listener *listener;
	int fd;
	struct tls *tls; /* NULL = in clear */
	struct event event, again;
	struct stream_listener *next;
};

struct stream_set {
	struct loop *loop;
	const struct stream_set_handlers *handlers;
	void *arg;
	struct stream_set_limits limits;
	unsigned accepted;
	struct stream_listener *listeners;
	struct connection *all, *by_peer;
	struct source *sources;
	TAILQ_HEAD(, connection) strangers; /* the oldest first */
	unsigned refused;
	uint64_t refused_logged_ms;
};

/* Connections ------------------------------------------------------------------------------- */

static void address_bytes(const struct sockaddr *sa, unsigned char out[16])
{
	memset(out, 0, 16);
	if (sa->sa_family == AF_INET6)
		memcpy(out, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
	else
		memcpy(out, &((const struct sockaddr_in *)sa)->sin_addr, 4);
}

static void set_key(struct connection_key *key, const struct stream_listener *at, const struct sockaddr *peer,
	const struct tls_identity *identity)
{
	memset(key, 0, sizeof(*key));
	key->listener = at->listener;
	key->identity = at->tls ? identity : NULL;
	key->port = address_port(peer);
	address_bytes(peer, key->host);
}

static struct connection *find(const struct hop *hop)
{
	const struct stream_listener *at = hop->listener->stream;
	struct connection_key key;
	struct connection *c;

	set_key(&key, at, &hop->to.any, hop->identity);
	HASH_FIND(hh, at->set->by_peer, &key, sizeof(key), c);
	return c;
}

static struct received received_over(struct stream *s)
{
	struct connection *c = stream_arg(s);
	struct received rx = {.source = stream_peer(s),
		.back = {.listener = c->listener, .connection = s, .identity = c->key.identity}};

	memcpy(&rx.back.to, rx.source, address_length(rx.source));
	return rx; /* the connection is borrowed; hop_copy() takes a reference */
}

static void on_message(struct stream *s, const char *data, size_t n, void *arg)
{
	struct connection *c = arg;
	struct received rx = received_over(s);

	c->set->handlers->on_message(&rx, data, n, c->set->arg);
}

static void on_refused(struct stream *s, const char *head, size_t n, int status, void *arg)
{
	struct connection *c = arg;
	struct received rx = received_over(s);

	c->set->handlers->on_refused(&rx, head, n, status, c->set->arg);
}

static void on_ended(struct stream *s, void *arg)
{
	struct connection *c = arg;

	(void)s;
	if (c->hh.tbl)
		HASH_DEL(c->set->by_peer, c);
}

static void leave_source(struct connection *c)
{
	struct source *source = c->source;

	if (!source)
		return;
	TAILQ_REMOVE(&c->set->strangers, c, stranger);
	if (--source->connections == 0) {
		HASH_DEL(c->set->sources, source);
		free(source);
	}
}

static void on_closed(struct stream *s, void *arg)
{
	struct connection *c = arg;

	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	leave_source(c);
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

/**
 * @param hop     for which we open it; NULL = the other side does
 * @param source  NULL = known, or ours
 * @return 0; -ENOMEM; the error of tls_connect()
 */
static int add(struct connection **out, struct stream_listener *at, int fd, const struct sockaddr *peer,
	const struct hop *hop, struct source *source)
{
	struct stream_set *set = at->set;
	static const int one = 1, buffer = SEND_BUFFER;
	struct stream_config config = {.loop = set->loop,
		.fd = fd,
		.opened = !hop,
		.peer = peer,
		.timeout_ms = set->limits.timeout_ms,
		.handlers = &stream_handlers};
	struct connection *c = calloc(1, sizeof(*c));
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

/* Accepting --------------------------------------------------------------------------------- */

/** One line for the first, then one a minute. @param source  NULL = not known */
static void note_refused(struct stream_set *set, const struct sockaddr *source, const char *reason)
{
	uint64_t now_ms = clock_now_ms();
	char host[ADDRESS_HOST_MAX] = "";

	set->refused++;
	if (set->refused_logged_ms && now_ms - set->refused_logged_ms < REFUSED_LOG_MS)
		return;
	if (source)
		address_host(source, host);
	log_warning(NULL, "connections refused count=%u last_source=%s reason=%s open=%u", set->refused, host,
		reason, set->accepted);
	set->refused = 0;
	set->refused_logged_ms = now_ms;
}

/** The entry of an address nobody knows. @return NULL when memory is short */
static struct source *source_of(struct stream_set *set, const struct sockaddr *peer)
{
	unsigned char prefix[16];
	struct source *source;

	address_bytes(peer, prefix);
	if (peer->sa_family == AF_INET6)
		memset(prefix + 8, 0, 8);
	HASH_FIND(hh, set->sources, prefix, sizeof(prefix), source);
	if (source)
		return source;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	memcpy(source->prefix, prefix, sizeof(prefix));
	HASH_ADD(hh, set->sources, prefix, sizeof(source->prefix), source);
	if (source->hh.tbl)
		return source;
	free(source);
	return NULL;
}

/** Some descriptors are kept for control, files, and connections of our own. */
static unsigned limit_of_all(const struct stream_set *set)
{
	struct rlimit limit;
	rlim_t left;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return set->limits.all;
	left = limit.rlim_cur > 2 * RESERVE ? limit.rlim_cur - RESERVE : limit.rlim_cur / 2;
	return set->limits.all < left ? set->limits.all : (unsigned)left;
}

/** Whoever we know takes the place of the stranger that has been here longest. @return false when there is none */
static bool displace_stranger(struct stream_set *set)
{
	struct connection *c = TAILQ_FIRST(&set->strangers);

	if (!c)
		return false;
	note_refused(set, stream_peer(c->stream), "displaced");
	stream_close(c->stream, -ECONNABORTED);
	return true;
}

/** @return why it may not come in; NULL = it may */
static const char *objection(struct stream_set *set, bool known, const struct source *source)
{
	if (!known && (!source || source->connections >= set->limits.source))
		return "source";
	if (set->accepted >= limit_of_all(set) && (!known || !displace_stranger(set)))
		return "all";
	return NULL;
}

static void admit(struct stream_listener *at, int fd, const struct sockaddr *peer)
{
	struct stream_set *set = at->set;
	static const struct linger at_once = {.l_onoff = 1};
	bool known = set->handlers->is_known(peer, set->arg);
	struct source *source = known ? NULL : source_of(set, peer);
	const char *reason = objection(set, known, source);
	struct connection *c;

	if (!reason) {
		add(&c, at, fd, peer, NULL, source);
	} else {
		note_refused(set, peer, reason);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(fd);
	}
	if (source && !source->connections) {
		HASH_DEL(set->sources, source);
		free(source);
	}
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct stream_listener *at = arg;

	(void)fd;
	(void)what;
	event_add(&at->event, NULL);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct stream_listener *at = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t size = sizeof(peer);
		struct timeval storage;
		int got = accept4(fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (got >= 0) {
			admit(at, got, (struct sockaddr *)&peer);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			/* The socket stays readable: without a pause the loop would spin. */
			note_refused(at->set, NULL, strerror(errno));
			event_del(&at->event);
			event_add(&at->again, loop_delay(at->set->loop, SHORTAGE_MS, &storage));
			return;
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

/* Listeners --------------------------------------------------------------------------------- */

static int open_socket(const struct listen *at)
{
	static const int one = 1;
	struct sockaddr_storage local;
	int fd, err;

	listen_address(at, &local);
	fd = socket(local.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (local.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&local, address_length((struct sockaddr *)&local)) == 0 &&
		listen(fd, BACKLOG) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int stream_set_listen(
	struct stream_set *set, const struct listen *at, struct tls *tls, struct hop_listener *listener)
{
	struct stream_listener *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->fd = open_socket(at);
	if (l->fd < 0) {
		int err = l->fd;

		free(l);
		return err;
	}
	l->set = set;
	l->tls = strcmp(at->transport, "tls") ? NULL : tls;
	l->listener = listener;
	l->next = set->listeners;
	set->listeners = l;
	listener->stream = l;
	event_assign(&l->event, loop_base(set->loop), l->fd, EV_READ | EV_PERSIST, on_acceptable, l);
	event_assign(&l->again, loop_base(set->loop), -1, 0, on_again, l);
	return event_add(&l->event, NULL) ? -ENOMEM : 0;
}

void stream_set_local(const struct stream_listener *l, struct sockaddr_storage *out)
{
	socklen_t n = sizeof(*out);

	memset(out, 0, sizeof(*out));
	getsockname(l->fd, (struct sockaddr *)out, &n);
}

static void close_listener(struct stream_listener *l)
{
	event_del(&l->event);
	event_del(&l->again);
	close(l->fd);
	free(l);
}

/* Sending ----------------------------------------------------------------------------------- */

/** From the listener's own address, so that the other side knows us by it. */
static int open_connection(const struct hop *hop, struct connection **out)
{
	struct stream_listener *at = hop->listener->stream;
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
	return add(out, at, fd, &hop->to.any, hop, NULL);
}

int stream_set_send(const struct hop *hop, const char *data, size_t len, struct stream_pending *pending)
{
	struct stream *s = hop->connection && stream_is_open(hop->connection) ? hop->connection : NULL;
	struct connection *c = s ? NULL : find(hop);
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
		struct stream_listener *l = set->listeners;

		set->listeners = l->next;
		close_listener(l);
	}
	free(set);
}

void stream_set_limit(struct stream_set *set, const struct stream_set_limits *limits)
{
	set->limits = *limits;
}
