/** @file keep_alive.h  CRLF CRLF to a registrar, so that NATs and firewalls keep the way to us open (RFC 5626 section 3.5.1).
 *
 * A connection that has ended shows at the next turn; over UDP nothing does, since nobody has to answer.
 */
#ifndef KEEP_ALIVE_H
#define KEEP_ALIVE_H

#include "hop.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdint.h>

struct loop;

/** Zeroed, then keep_alive_init(). */
struct keep_alive {
	struct loop *loop;
	struct event timer;
	struct hop to;
	uint32_t period_s; /* 0 = it does not run */
	void (*on_lost)(void *arg);
	void *arg;
};

/** @param on_lost  the connection has ended, and with it the keep-alive */
void keep_alive_init(struct keep_alive *k, struct loop *loop, void (*on_lost)(void *arg), void *arg);
/** Stop, and let go of the connection. */
void keep_alive_clear(struct keep_alive *k);

/**
 * Where it goes from now on.
 *
 * @param connection  TCP, TLS: by which the answer came; NULL for UDP
 */
void keep_alive_bind(struct keep_alive *k, const struct hop *to, struct stream *connection);
/** Send one each period, the first after a whole one. What runs with this period already runs on. @param period_s  0 = none */
void keep_alive_run(struct keep_alive *k, uint32_t period_s);

#endif
