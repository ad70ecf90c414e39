/** @file resend.h  The one resend schedule for whatever awaits an answer over UDP (behaviour.md section 2). */
#ifndef RESEND_H
#define RESEND_H

#include "resend_schedule.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

struct loop;

struct resend_handlers {
	void (*on_due)(void *arg);     /* send the same bytes once more */
	void (*on_expired)(void *arg); /* nothing came after the last one: unanswered */
};

/** Embedded in what is resent. Zeroed = stopped. */
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
 * The message was sent just now: wait for its answer. Retransmission i is due after interval i; after
 * the last one the first interval is waited once more.
 *
 * @param reliable  sent over TCP or TLS: only on_expired is called, when the schedule is used up
 * @param handlers,arg  borrowed until resend_stop()
 */
void resend_start(struct resend *r, struct loop *loop, const struct resend_schedule *schedule, bool reliable,
	const struct resend_handlers *handlers, void *arg);
/** A provisional answer to a request other than INVITE: go on at the last interval (RFC 3261 section 17.1.2.2). */
void resend_slow(struct resend *r);
/** Stop; a stopped one is left alone. */
void resend_stop(struct resend *r);

/** How long a message is tried before it counts as unanswered, ms. */
uint32_t resend_total_ms(const struct resend_schedule *schedule);

#endif
