#include "datagram.h"

#include "address.h"
#include "listen.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH = 32,              /* datagrams read by one system call */
	ROUNDS = 4,              /* such calls before other sockets and timers have their turn */
	DATAGRAM_MAX = 65535,    /* bytes */
	STAGGER = 33 * 64,       /* so that buffers of one size do not all want the same lines of the cache */
	SOCKET_BUFFER = 8 << 20, /* the default overflows in bursts above some hundred calls/s */
	QUEUED_MAX = 32 * 1024,  /* bytes that wait to be sent together */
};

/** Datagrams that leave together. */
struct queued {
	unsigned n;
	size_t size;
	struct sockaddr_storage to[BATCH];
	struct iovec iov[BATCH];
	char data[QUEUED_MAX];
};

struct datagram {
	int fd;
	struct event event;
	const struct datagram_handlers *handlers;
	void *arg;
	bool more;   /* when it was read last, not all was taken */
	bool errors; /* a send was told of an ICMP error: the socket's error queue holds it */
	struct event flush;
	struct queued queued;
};

/* Receiving --------------------------------------------------------------------------------- */

/** An ICMP error brings back the start of the datagram that caused it. */
static void read_errors(struct datagram *d)
{
	char sent[1024], control[512];

	d->errors = false;
	for (;;) {
		struct iovec iov = {.iov_base = sent, .iov_len = sizeof(sent)};
		struct msghdr m = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(d->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);

		if (n < 0)
			return;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
			struct sock_extended_err ee;

			if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
				!(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
				continue;
			memcpy(&ee, CMSG_DATA(c), sizeof(ee));
			if (ee.ee_errno)
				d->handlers->on_undelivered(sent, (size_t)n, (int)ee.ee_errno, d->arg);
		}
	}
}

/** @return how many came */
static int read_batch(struct datagram *d)
{
	static char data[BATCH][DATAGRAM_MAX + 1 + STAGGER];
	struct sockaddr_storage source[BATCH];
	struct iovec iov[BATCH];
	struct mmsghdr m[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){.iov_base = data[i], .iov_len = DATAGRAM_MAX};
		m[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_name = &source[i],
			.msg_namelen = sizeof(source[i])};
	}
	n = recvmmsg(d->fd, m, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		d->handlers->on_datagram(data[i], m[i].msg_len, (struct sockaddr *)&source[i], d->arg);
	return n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct datagram *d = arg;
	int n = BATCH;

	(void)fd;
	(void)what;
	for (int i = 0; i < ROUNDS && n == BATCH; i++)
		n = read_batch(d);
	d->more = n == BATCH;
	/* An ICMP error makes the socket readable, too; with IP_RECVERR it is reported once, to whichever call comes next. */
	if (n <= 0 || d->errors)
		read_errors(d);
}

/* Sending ----------------------------------------------------------------------------------- */

/**
 * With IP_RECVERR the error of an earlier datagram, be it unreachable or too big, is reported by whatever send comes
 * next, and is gone then; it says nothing of this datagram.
 *
 * @return false when the buffer of the socket is full, which loses a datagram as any network may: it is sent again
 */
static bool is_of_another(struct datagram *d, int err)
{
	if (err == EAGAIN || err == ENOBUFS)
		return false;
	d->errors = true;
	return true;
}

int datagram_send(struct datagram *d, const char *data, size_t n, const struct sockaddr *to)
{
	int err = 0;

	for (int i = 0; i < 3; i++) {
		if (sendto(d->fd, data, n, MSG_NOSIGNAL, to, address_length(to)) >= 0)
			return 0;
		err = errno;
		if (!is_of_another(d, err))
			return 0;
	}
	return -err;
}

static void flush(struct datagram *d)
{
	struct queued *q = &d->queued;
	struct mmsghdr m[BATCH] = {0};
	unsigned sent = 0, errors = 0;

	for (unsigned i = 0; i < q->n; i++)
		m[i].msg_hdr = (struct msghdr){.msg_name = &q->to[i],
			.msg_namelen = address_length((struct sockaddr *)&q->to[i]),
			.msg_iov = &q->iov[i],
			.msg_iovlen = 1};
	while (sent < q->n) {
		int n = sendmmsg(d->fd, m + sent, q->n - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (unsigned)n;
		else if (!is_of_another(d, errno) || ++errors == 3)
			sent++, errors = 0; /* this one is lost */
	}
	q->n = 0;
	q->size = 0;
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

void datagram_send_soon(struct datagram *d, const char *data, size_t n, const struct sockaddr *to)
{
	struct queued *q = &d->queued;

	if (n > sizeof(q->data))
		return;
	if (q->n == BATCH || n > sizeof(q->data) - q->size)
		flush(d);
	if (!q->n)
		event_active(&d->flush, EV_TIMEOUT, 0);
	memcpy(q->data + q->size, data, n);
	memcpy(&q->to[q->n], to, address_length(to));
	q->iov[q->n++] = (struct iovec){.iov_base = q->data + q->size, .iov_len = n};
	q->size += n;
}

/* Life -------------------------------------------------------------------------------------- */

static void set_options(int fd, int family)
{
	static const int one = 1, buffer = SOCKET_BUFFER, fragment = IP_PMTUDISC_DONT;

	/* What the kernel refuses, buffers above its limit for one, leaves its default. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	if (family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
	} else {
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &fragment, sizeof(fragment));
	}
}

int datagram_open(struct datagram **out, struct event_base *base, const struct listen *at,
	const struct datagram_handlers *handlers, void *arg)
{
	struct datagram *d = calloc(1, sizeof(*d));
	struct sockaddr_storage local;
	int err;

	if (!d)
		return -ENOMEM;
	d->handlers = handlers;
	d->arg = arg;
	d->fd = listen_open(at);
	if (d->fd < 0) {
		err = d->fd;
		free(d);
		return err;
	}
	datagram_local(d, &local);
	set_options(d->fd, local.ss_family);
	event_assign(&d->event, base, d->fd, EV_READ | EV_PERSIST, on_readable, d);
	event_assign(&d->flush, base, -1, 0, on_flush, d);
	if (event_add(&d->event, NULL) < 0) {
		datagram_close(d);
		return -ENOMEM;
	}
	*out = d;
	return 0;
}

void datagram_close(struct datagram *d)
{
	if (!d)
		return;
	event_del(&d->event);
	event_del(&d->flush);
	close(d->fd);
	free(d);
}

void datagram_pause(struct datagram *d, bool pause)
{
	if (pause) {
		event_del(&d->event);
		d->more = false;
	} else {
		event_add(&d->event, NULL);
	}
}

int datagram_fd(const struct datagram *d)
{
	return d->fd;
}

bool datagram_has_more(const struct datagram *d)
{
	return d->more;
}

void datagram_local(const struct datagram *d, struct sockaddr_storage *out)
{
	socklen_t n = sizeof(*out);

	memset(out, 0, sizeof(*out));
	getsockname(d->fd, (struct sockaddr *)out, &n);
}
