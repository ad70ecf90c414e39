/** @file session_timer.h  Is the peer of this leg still there? Refreshes, and what happens without them.
 *
 *	session timer, we refresh     refresh in time (session_refresh_ms()); failed but not dead: again, until BYE
 *	session timer, peer refreshes BYE min(32 s, interval/3) before the end (RFC 4028 section 10)
 *	no session timer              a re-INVITE every SS_SIP_NO_TIMER_REINVITE_INTERVAL
 *
 * A refresh is an UPDATE where the peer allows that, else a re-INVITE with the description it knows. If it answers that
 * with another description of its own, the other leg gets a re-INVITE, too.
 */
#ifndef SESSION_TIMER_H
#define SESSION_TIMER_H

#include "bridge.h"

/** What the timer of a leg waits for. */
enum session_timer_due {
	SESSION_IDLE,
	SESSION_REFRESH, /* we refresh */
	SESSION_CHECK,   /* no session timer: we look whether it is there */
	SESSION_END,     /* the session ends */
};

/** The timers of both legs, embedded in the call; zeroed = stopped. */
struct session_timers {
	struct bridge *bridge;
	struct session_timer {
		struct session_timers *both;
		struct event event;
		enum bridge_side side;
		enum session_timer_due due;
		uint64_t begun_ms; /* the last refresh, monotonic */
		bool stale;        /* the peer does not know the current description of the other side yet */
	} leg[2];                  /* by side */
};

/** Nothing runs yet. @param b  borrowed until session_timers_stop() */
void session_timers_init(struct session_timers *set, struct bridge *b);
void session_timers_stop(struct session_timers *set);

/** Go on in another process, from begun_ms and stale; what is overdue is done soon. */
void session_timer_resume(struct session_timers *set, enum bridge_side side);
/** The session of this leg was set up or refreshed just now: count from here. */
void session_timer_restart(struct session_timers *set, enum bridge_side side);
/** The description of the other side is not the one this peer knows: a re-INVITE tells it, as soon as that may be sent. */
void session_timer_tell(struct session_timers *set, enum bridge_side side);

#endif
