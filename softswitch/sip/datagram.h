/** @file datagram.h  A UDP socket of ours: many datagrams are read at a time, and ICMP errors come back. */
#ifndef DATAGRAM_H
#define DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct datagram;
struct event_base;
struct listen;

struct datagram_handlers {
	/** One came in; data and source are the socket's and gone afterwards. */
	void (*on_datagram)(char *data, size_t n, const struct sockaddr *source, void *arg);
	/**
	 * One of ours could not be delivered (ICMP).
	 *
	 * @param sent,n  the first bytes of it, as the error brought them back
	 */
	void (*on_undelivered)(const char *sent, size_t n, int error, void *arg);
};

/** @param handlers,arg  borrowed. @return 0; -EADDRINUSE or the like; -ENOMEM */
int datagram_open(struct datagram **out, struct event_base *base, const struct listen *at,
	const struct datagram_handlers *handlers, void *arg);
/** NULL is fine. */
void datagram_close(struct datagram *d);

/** The address it is bound to, the port the kernel chose included. */
void datagram_local(const struct datagram *d, struct sockaddr_storage *out);

/** For handing it over: leave in the kernel what comes, or read on. */
void datagram_pause(struct datagram *d, bool pause);
/** Its descriptor; borrowed. */
int datagram_fd(const struct datagram *d);

/** Was there more than could be handled in this pass of the loop? */
bool datagram_has_more(const struct datagram *d);

/** @return 0 when it left, or was lost because the socket's buffer is full; -EMSGSIZE or another error that concerns it */
int datagram_send(struct datagram *d, const char *data, size_t n, const struct sockaddr *to);
/**
 * Send what may be lost: it leaves with others in one system call, in this pass of the loop at the latest.
 *
 * @param n  up to 32 KiB, else it is lost
 */
void datagram_send_soon(struct datagram *d, const char *data, size_t n, const struct sockaddr *to);

#endif
