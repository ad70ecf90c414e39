/** @file session_timer.h  Is the peer of this leg still there? Refreshes, and what happens without them.
 *
 *	session timer, we refresh     refresh at (1 - 1/n) of the interval; failed but not dead: again, until BYE
 *	session timer, peer refreshes BYE min(32 s, interval/3) before the end (RFC 4028 section 10)
 *	no session timer              a re-INVITE every SS_SIP_NO_TIMER_REINVITE_INTERVAL
 *
 * A refresh is an UPDATE where the peer allows that, else a re-INVITE with the description it knows. If it answers that
 * with another description of its own, the other leg gets a re-INVITE, too.
 */
#ifndef SESSION_TIMER_H
#define SESSION_TIMER_H

#include "dialog_request.h"

struct call;

/** What the timer of a leg waits for. */
enum session_due {
	SESSION_IDLE,
	SESSION_REFRESH, /* we refresh */
	SESSION_CHECK,   /* no session timer: we look whether it is there */
	SESSION_END,     /* the session ends */
};

/** Embedded in the call, one for each leg; zeroed = stopped. */
struct session_timer {
	struct call *call;
	struct dialog *leg;
	struct event event;
	enum session_due due;
	uint64_t begun_ms; /* the last refresh, monotonic */
	bool behind;       /* the peer does not know the description of the other side yet */
	struct dialog_request request;
};

/** The session of this leg was set up or refreshed just now: count from here. */
void session_timer_restart(struct session_timer *st, struct call *call, struct dialog *leg);
void session_timer_stop(struct session_timer *st);
/** The description of the other side is not the one this peer knows: a re-INVITE tells it, as soon as that may be sent. */
void session_timer_tell(struct session_timer *st);
/** Is a re-INVITE of ours on its way? */
bool session_timer_is_offering(const struct session_timer *st);

#endif
