/** @file resend.h  Resends by the one schedule whatever awaits an answer (docs/behaviour.md). */
#ifndef RESEND_H
#define RESEND_H

#include "resend_schedule.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>

struct hop;
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
	bool running;
};

/**
 * Start after the message was sent once. Retransmission i is due after wait i of the schedule; after the last one the
 * first wait is waited once more.
 *
 * @param handlers,arg  borrowed until resend_stop()
 */
void resend_start(struct resend *r, struct loop *loop, const struct resend_schedule *schedule,
	const struct resend_handlers *handlers, void *arg);
/** After a provisional response to a request other than INVITE: go on with the last wait (RFC 3261 section 17.1.2.2). */
void resend_slow(struct resend *r);
/** Stop; nothing if it is stopped. */
void resend_stop(struct resend *r);

/**
 * The schedule for what is sent over this hop. Over TCP and TLS it is always the same 32 s: nothing is resent there, but
 * what is due is sent again if its connection has been lost.
 *
 * @param wanted  for UDP; `auto` is made of the response time of the peer
 */
struct resend_schedule resend_over(const struct hop *hop, const struct resend_schedule *wanted);
/** What was sent over this hop once, and not again, was answered now. @param sent_ms  monotonic */
void resend_learn(const struct hop *hop, uint64_t sent_ms);

/** How long a message is tried before it counts as unanswered, ms. */
uint32_t resend_total_ms(const struct resend_schedule *schedule);

#endif
