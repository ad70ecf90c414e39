#include "session_timer.h"

#include "bridge_request.h"
#include "clock.h"
#include "headers.h"
#include "leg.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "offer.h"
#include "token.h"

#include <event2/event.h>

#include <string.h>

enum {
	FAREWELL_MAX_MS =
		32000, /* so long at most before the end of a session its BYE goes out (RFC 4028 section 10) */
	AGAIN_MIN_MS = 2000, /* least wait after a refresh that failed */
	LOOK_MS = 600000,    /* a leg without timer: has SS_SIP_NO_TIMER_REINVITE_INTERVAL been changed? */
};

static struct bridge *bridge_of(const struct session_timer *st)
{
	return st->both->bridge;
}

static struct dialog *leg_of(const struct session_timer *st)
{
	return bridge_of(st)->leg[st->side];
}

static struct dialog *other_leg_of(const struct session_timer *st)
{
	return bridge_other_leg(bridge_of(st), leg_of(st));
}

static struct dialog_request *request_of(const struct session_timer *st)
{
	return &bridge_of(st)->refresh[st->side];
}

static const struct parameters *parameters(const struct session_timer *st)
{
	return &bridge_of(st)->stack->parameters;
}

static void report_gone(struct session_timer *st)
{
	struct bridge *b = bridge_of(st);

	b->handlers->on_gone(leg_of(st), b->arg);
}

static void report_lost(struct session_timer *st, enum cause cause)
{
	struct bridge *b = bridge_of(st);

	b->handlers->on_lost(leg_of(st), cause, b->arg);
}

/** After a delay that many legs have: they share a queue of timers. What a peer chose does not take one. */
static void set(struct session_timer *st, enum session_timer_due due, uint64_t delay_ms)
{
	struct loop *loop = bridge_of(st)->stack->loop;
	uint32_t interval = leg_of(st)->session.interval_s, ms = (uint32_t)delay_ms;
	bool usual = !interval || interval == parameters(st)->session_ttl_s;
	struct timeval tv;

	st->due = due;
	event_add(&st->event, usual ? loop_delay(loop, ms, &tv) : loop_delay_once(loop, ms, &tv));
}

/** After a delay that chance gives. */
static void set_once(struct session_timer *st, enum session_timer_due due, uint64_t delay_ms)
{
	struct timeval tv;

	st->due = due;
	event_add(&st->event, loop_delay_once(bridge_of(st)->stack->loop, (uint32_t)delay_ms, &tv));
}

/** When the session ends for want of a refresh, monotonic. */
static uint64_t end_ms(const struct session_timer *st)
{
	uint64_t interval = 1000 * (uint64_t)leg_of(st)->session.interval_s;

	return st->begun_ms + interval - (interval / 3 < FAREWELL_MAX_MS ? interval / 3 : FAREWELL_MAX_MS);
}

/* Refreshing -------------------------------------------------------------------------------- */

static void refresh(struct session_timer *st);
static void restart(struct session_timer *st);

/** The peer refused, but is there: try again while the session lasts. */
static void try_later(struct session_timer *st)
{
	uint64_t now = clock_now_ms(), end = end_ms(st);

	if (!leg_of(st)->session.interval_s) {
		restart(st);
		return;
	}
	if (end <= now) /* a short rest: use all of it */
		end = st->begun_ms + 1000 * (uint64_t)leg_of(st)->session.interval_s;
	uint64_t left = end > now ? end - now : 0;
	if (left / 2 < AGAIN_MIN_MS)
		set_once(st, SESSION_END, left);
	else
		set_once(st, SESSION_REFRESH, left / 2);
}

/**
 * Two re-INVITEs have crossed: who owns the Call-ID, because it made it, waits 2.1-4 s, the other one 0-2 s (RFC 3261
 * section 14.1).
 */
static void try_after_glare(struct session_timer *st)
{
	uint64_t random = token_random();

	if (leg_of(st)->session.interval_s && end_ms(st) <= clock_now_ms())
		try_later(st); /* the session ends all the same */
	else
		set_once(st, leg_of(st)->session.interval_s ? SESSION_REFRESH : SESSION_CHECK,
			st->side == BRIDGE_CALLER ? 10 * (random % 201) : 2100 + 10 * (random % 191));
}

static bool by(const struct session_timer *st, const char *method)
{
	return !strcmp(request_of(st)->method, method);
}

static void write_refresh(struct text *t, void *arg)
{
	struct session_timer *st = arg;

	if (!by(st, "OPTIONS"))
		session_propose(&leg_of(st)->session, parameters(st), t);
	text_add(t, headers_allow);
	if (by(st, "INVITE"))
		dialog_present(leg_of(st), t, &other_leg_of(st)->session);
	else
		message_end(t, NULL);
}

/** Its media may have moved: the other leg has to know. What answers such news is no news itself. */
static void pass_on(struct session_timer *st, bool news, const sip_t *answer)
{
	if (session_is_same(&leg_of(st)->session, answer) || session_describe(&leg_of(st)->session, answer) ||
		news)
		return;
	session_timer_tell(st->both, st->side == BRIDGE_CALLER ? BRIDGE_GATEWAY : BRIDGE_CALLER);
}

static void on_refreshed(struct session_timer *st, const struct received *rx)
{
	bool news = st->stale;

	session_learn(&leg_of(st)->session, rx->sip);
	if (!by(st, "OPTIONS")) {
		dialog_refresh_target(leg_of(st), rx->sip);
		session_granted(&leg_of(st)->session, rx->sip);
	}
	if (by(st, "INVITE")) {
		st->stale = false;
		leg_acknowledge(bridge_of(st)->stack, leg_of(st), NULL);
	}
	restart(st);
	if (by(st, "INVITE"))
		pass_on(st, news, rx->sip);
	else if (st->stale)
		refresh(st);
}

static void on_response(const struct received *rx, void *arg)
{
	struct session_timer *st = arg;
	int status = rx->sip->sip_status->st_status;

	if (status < 200)
		return;
	if (status < 300) {
		on_refreshed(st, rx);
	} else if (status == 481) {
		report_gone(st);
	} else if (status == 408) {
		report_lost(st, CAUSE_REFRESH_FAILED);
	} else if (status == 491) {
		try_after_glare(st);
	} else if (by(st, "UPDATE") && (status == 405 || status == 501)) {
		leg_of(st)->session.allows_update = false;
		refresh(st);
	} else {
		st->stale &= !by(st, "INVITE"); /* it does not want to know */
		try_later(st);
	}
}

static void on_failure(int error, void *arg)
{
	struct session_timer *st = arg;

	(void)error;
	report_lost(st, CAUSE_REFRESH_FAILED);
}

static const struct dialog_request_handlers request_handlers = {write_refresh, on_response, on_failure};

/** A leg that never had a description is asked with what needs none. */
static const char *choose_method(const struct session_timer *st)
{
	const struct dialog *other = other_leg_of(st);

	if (leg_of(st)->session.interval_s && leg_of(st)->session.allows_update && !st->stale)
		return "UPDATE";
	return other && other->session.theirs.len ? "INVITE" : "OPTIONS";
}

static void refresh(struct session_timer *st)
{
	const char *method = choose_method(st);

	/* A request that overtakes a re-INVITE that was lost makes it out of order for the peer (RFC 3261 section 12.2.2). */
	if (offer_is_open(bridge_of(st))) {
		try_after_glare(st);
		return;
	}
	log_debug(leg_of(st)->call_id, "session refresh method=%s", method);
	*request_of(st) = (struct dialog_request){.stack = bridge_of(st)->stack,
		.dialog = leg_of(st),
		.method = method,
		.resend = bridge_resend(bridge_of(st), leg_of(st)),
		.max_forwards = MAX_FORWARDS,
		.handlers = &request_handlers,
		.arg = st};
	if (dialog_request_start(request_of(st)))
		report_lost(st, CAUSE_REFRESH_FAILED);
}

void session_timer_tell(struct session_timers *set, enum bridge_side side)
{
	struct session_timer *st = &set->leg[side];

	st->stale = true;
	if (!dialog_request_is_under_way(request_of(st)))
		refresh(st);
}

/* The timer --------------------------------------------------------------------------------- */

/** So long until this leg is to be checked; SS_SIP_NO_TIMER_REINVITE_INTERVAL may be changed under a call. */
static uint32_t until_check_ms(const struct session_timer *st)
{
	uint32_t interval = parameters(st)->no_timer_reinvite_ms;
	uint64_t passed = clock_now_ms() - st->begun_ms;

	return !interval ? LOOK_MS : interval > passed ? interval - (uint32_t)passed : 0;
}

static void wait_for_check(struct session_timer *st)
{
	uint32_t interval = parameters(st)->no_timer_reinvite_ms, left = until_check_ms(st);
	uint32_t step = interval && interval < LOOK_MS ? interval : LOOK_MS;

	if (left + 1000 < step) /* the rest of a longer interval, or of one that was changed */
		set_once(st, SESSION_CHECK, left);
	else
		set(st, SESSION_CHECK, step);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct session_timer *st = arg;

	(void)fd;
	(void)what;
	switch (st->due) {
	case SESSION_IDLE:
		return;
	case SESSION_REFRESH:
		if (!dialog_request_is_under_way(request_of(st)))
			refresh(st);
		return;
	case SESSION_CHECK:
		if (until_check_ms(st) && !st->stale)
			wait_for_check(st);
		else if (!dialog_request_is_under_way(request_of(st)))
			refresh(st);
		return;
	case SESSION_END:
		if (bridge_request_is_refreshing(
			    bridge_of(st), leg_of(st))) /* not silent: the other leg takes its time */
			set_once(st, SESSION_END, AGAIN_MIN_MS);
		else
			report_lost(st, CAUSE_SESSION_EXPIRED);
		return;
	}
}

static void restart(struct session_timer *st)
{
	const struct session *s = &leg_of(st)->session;
	uint64_t interval = 1000 * (uint64_t)s->interval_s;

	st->begun_ms = clock_now_ms();
	if (s->refresher == SESSION_US)
		set(st, SESSION_REFRESH, interval - interval / parameters(st)->session_update_segment);
	else if (interval)
		set(st, SESSION_END, end_ms(st) - st->begun_ms);
	else
		wait_for_check(st);
}

void session_timer_restart(struct session_timers *set, enum bridge_side side)
{
	restart(&set->leg[side]);
}

void session_timers_init(struct session_timers *set, struct bridge *b)
{
	set->bridge = b;
	for (enum bridge_side side = BRIDGE_CALLER; side <= BRIDGE_GATEWAY; side++) {
		struct session_timer *st = &set->leg[side];

		*st = (struct session_timer){.both = set, .side = side};
		event_assign(&st->event, loop_base(b->stack->loop), -1, 0, on_due, st);
	}
}

void session_timers_stop(struct session_timers *set)
{
	for (enum bridge_side side = BRIDGE_CALLER; side <= BRIDGE_GATEWAY; side++) {
		struct session_timer *st = &set->leg[side];

		event_del(&st->event);
		st->due = SESSION_IDLE;
		dialog_request_stop(request_of(st));
	}
}
