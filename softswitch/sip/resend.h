/** @file resend.h  Resends by the one schedule whatever awaits an answer over UDP (docs/behaviour.md). */
#ifndef RESEND_H
#define RESEND_H

#include "resend_schedule.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

struct loop;

struct resend_handlers {
	void (*on_due)(void *arg);     /* send the same bytes again */
	void (*on_expired)(void *arg); /* the last wait is over: unanswered */
};

/** Embedded in its owner. Zeroed = stopped. */
struct resend {
	struct event event;
	struct loop *loop;
	const struct resend_handlers *handlers;
	void *arg;
	struct resend_schedule schedule;
	unsigned done; /* retransmissions so far */
	bool reliable; /* over a connection nothing is resent, the time runs all the same */
	bool running;
};

/**
 * Start after the message was sent once. Retransmission i is due after wait i of the schedule; after the last one the
 * first wait is waited once more.
 *
 * @param reliable  sent over TCP or TLS: nothing is due, but on_expired is called in the end
 * @param handlers,arg  borrowed until resend_stop()
 */
void resend_start(struct resend *r, struct loop *loop, const struct resend_schedule *schedule, bool reliable,
	const struct resend_handlers *handlers, void *arg);
/** After a provisional response to a request other than INVITE: go on with the last wait (RFC 3261 section 17.1.2.2). */
void resend_slow(struct resend *r);
/** Stop; nothing if it is stopped. */
void resend_stop(struct resend *r);

/** How long a message is tried before it counts as unanswered, ms. */
uint32_t resend_total_ms(const struct resend_schedule *schedule);

#endif
