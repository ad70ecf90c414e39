#include "stream_set_state.h"

#include "address.h"
#include "clock.h"
#include "listen.h"
#include "log.h"
#include "loop.h"

#include <event2/event.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	ACCEPTS = 16,       /* before other sockets and timers have their turn */
	RESERVE = 256,      /* descriptors for everything but connections of others */
	SHORTAGE_MS = 1000, /* out of descriptors: accept nothing for so long */
	REFUSED_LOG_MS = 60 * 1000
};

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
static struct stream_set_source *source_of(struct stream_set *set, const struct sockaddr *peer)
{
	unsigned char network[ADDRESS_BYTES];
	struct stream_set_source *source;

	address_network(peer, network);
	HASH_FIND(hh, set->sources, network, sizeof(network), source);
	if (source)
		return source;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	memcpy(source->network, network, sizeof(network));
	HASH_ADD(hh, set->sources, network, sizeof(source->network), source);
	if (source->hh.tbl)
		return source;
	free(source);
	return NULL;
}

void stream_set_leave_source(struct stream_set_connection *c)
{
	struct stream_set_source *source = c->source;

	if (!source)
		return;
	TAILQ_REMOVE(&c->set->strangers, c, stranger);
	if (--source->connections == 0) {
		HASH_DEL(c->set->sources, source);
		free(source);
	}
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
	struct stream_set_connection *c = TAILQ_FIRST(&set->strangers);

	if (!c)
		return false;
	note_refused(set, stream_peer(c->stream), "displaced");
	stream_close(c->stream, -ECONNABORTED);
	return true;
}

/** @return why it may not come in; NULL = it may */
static const char *objection(struct stream_set *set, bool known, const struct stream_set_source *source)
{
	if (!known && (!source || source->connections >= set->limits.source))
		return "source";
	if (set->accepted >= limit_of_all(set) && (!known || !displace_stranger(set)))
		return "all";
	return NULL;
}

static void admit(struct stream_set_listener *at, int fd, const struct sockaddr *peer)
{
	struct stream_set *set = at->set;
	static const struct linger at_once = {.l_onoff = 1};
	bool known = set->handlers->is_known(peer, set->arg);
	struct stream_set_source *source = known ? NULL : source_of(set, peer);
	const char *reason = objection(set, known, source);
	struct stream_set_connection *c;

	if (!reason) {
		stream_set_add(&c, at, fd, peer, NULL, source);
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
	struct stream_set_listener *at = arg;

	(void)fd;
	(void)what;
	event_add(&at->event, NULL);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct stream_set_listener *at = arg;

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

int stream_set_listen(
	struct stream_set *set, const struct listen *at, struct tls *tls, struct hop_listener *listener)
{
	struct stream_set_listener *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->fd = listen_open(at);
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

void stream_set_pause(struct stream_set_listener *l, bool pause)
{
	event_del(&l->again);
	if (pause)
		event_del(&l->event);
	else
		event_add(&l->event, NULL);
}

int stream_set_fd(const struct stream_set_listener *l)
{
	return l->fd;
}

void stream_set_local(const struct stream_set_listener *l, struct sockaddr_storage *out)
{
	socklen_t n = sizeof(*out);

	memset(out, 0, sizeof(*out));
	getsockname(l->fd, (struct sockaddr *)out, &n);
}

void stream_set_close_listener(struct stream_set_listener *l)
{
	event_del(&l->event);
	event_del(&l->again);
	close(l->fd);
	free(l);
}
