#include "session_timer.h"

#include "bridge_request.h"
#include "clock.h"
#include "dialog_ack.h"
#include "headers.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "offer.h"
#include "request_retry.h"
#include "token.h"

#include <event2/event.h>

#include <string.h>

enum {
	RETRY_MIN_MS = 2000, /* shortest wait after a refresh that failed */
	RESUME_MS = 5000,    /* shortest wait for a refresh of the peer after a restart */
	LOOK_MS =
		600000, /* on a leg without timer: how often SS_SIP_NO_TIMER_REINVITE_INTERVAL is read again */
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

static void report_failed(struct session_timer *st)
{
	struct bridge *b = bridge_of(st);

	b->handlers->on_refresh_failed(leg_of(st), b->arg);
}

static void report_expired(struct session_timer *st)
{
	struct bridge *b = bridge_of(st);

	b->handlers->on_expired(leg_of(st), b->arg);
}

/** Start the timer with a delay that many legs share: it goes into a common queue, unless a peer has chosen it. */
static void set(struct session_timer *st, enum session_timer_due due, uint64_t delay_ms)
{
	struct loop *loop = bridge_of(st)->stack->loop;
	uint32_t interval = leg_of(st)->session.interval_s, ms = (uint32_t)delay_ms;
	bool usual = !interval || interval == parameters(st)->session_ttl_s;
	struct timeval tv;

	st->due = due;
	event_add(&st->event, usual ? loop_delay(loop, ms, &tv) : loop_delay_once(loop, ms, &tv));
}

/** Start the timer with a delay that no other leg has. */
static void set_once(struct session_timer *st, enum session_timer_due due, uint64_t delay_ms)
{
	struct timeval tv;

	st->due = due;
	event_add(&st->event, loop_delay_once(bridge_of(st)->stack->loop, (uint32_t)delay_ms, &tv));
}

/** When the session is ended because no refresh came, monotonic. */
static uint64_t end_ms(const struct session_timer *st)
{
	return st->begun_ms + session_end_ms(&leg_of(st)->session);
}

/* Refreshing -------------------------------------------------------------------------------- */

static void refresh(struct session_timer *st);
static void restart(struct session_timer *st);

/** The peer refused, so it is there: try again while the session lasts. */
static void try_later(struct session_timer *st)
{
	uint64_t now = clock_now_ms(), end = end_ms(st);

	if (!leg_of(st)->session.interval_s) {
		restart(st);
		return;
	}
	if (end <= now) /* little is left: use all of it */
		end = st->begun_ms + 1000 * (uint64_t)leg_of(st)->session.interval_s;
	uint64_t left = end > now ? end - now : 0;
	if (left / 2 < RETRY_MIN_MS)
		set_once(st, SESSION_END, left);
	else
		set_once(st, SESSION_REFRESH, left / 2);
}

/** Two re-INVITEs have crossed. The Call-ID of the leg to the gateway is ours. */
static void try_after_glare(struct session_timer *st)
{
	if (leg_of(st)->session.interval_s && end_ms(st) <= clock_now_ms())
		try_later(st); /* the session would end meanwhile */
	else
		set_once(st, leg_of(st)->session.interval_s ? SESSION_REFRESH : SESSION_CHECK,
			request_retry_glare_ms(st->side != BRIDGE_CALLER, token_random()));
}

static bool by(const struct session_timer *st, const char *method)
{
	return !strcmp(request_of(st)->method, method);
}

static void write_refresh(struct text *t, void *arg)
{
	struct session_timer *st = arg;

	if (!by(st, "OPTIONS"))
		session_propose(&leg_of(st)->session, parameters(st), false, t);
	text_add(t, session_allow(&other_leg_of(st)->session));
	if (by(st, "INVITE"))
		dialog_write_description(leg_of(st), t, &other_leg_of(st)->session);
	else
		message_end(t, NULL);
}

/**
 * The peer has answered with another description: its media may have moved, so the other leg is told.
 *
 * @param told  the re-INVITE itself told this peer of the other leg's media: its answer is not passed back
 */
static void pass_on(struct session_timer *st, bool told, const sip_t *answer)
{
	if (session_is_same(&leg_of(st)->session, answer) || session_describe(&leg_of(st)->session, answer) ||
		told)
		return;
	session_timer_tell(st->both, st->side == BRIDGE_CALLER ? BRIDGE_GATEWAY : BRIDGE_CALLER);
}

static void on_refreshed(struct session_timer *st, const struct received *rx)
{
	bool told = st->stale;

	session_learn(&leg_of(st)->session, rx->sip);
	if (!by(st, "OPTIONS")) {
		dialog_refresh_target(leg_of(st), rx);
		session_granted(&leg_of(st)->session, rx->sip);
	}
	if (by(st, "INVITE")) {
		st->stale = false;
		dialog_ack(bridge_of(st)->stack, leg_of(st), NULL);
	}
	bridge_of(st)->handlers->on_refreshed(leg_of(st), bridge_of(st)->arg);
	if (by(st, "INVITE"))
		pass_on(st, told, rx->sip);
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
		report_failed(st);
	} else if (status == 491) {
		try_after_glare(st);
	} else if (by(st, "UPDATE") && (status == 405 || status == 501)) {
		leg_of(st)->session.update = SESSION_UPDATE_REFUSED;
		refresh(st);
	} else {
		st->stale &= !by(st, "INVITE"); /* it refuses to be told */
		try_later(st);
	}
}

static void on_failure(int error, void *arg)
{
	struct session_timer *st = arg;

	(void)error;
	report_failed(st);
}

static const struct dialog_request_handlers request_handlers = {write_refresh, on_response, on_failure};

/** A re-INVITE needs a description of the other side; without one OPTIONS asks whether the peer is there. */
static const char *choose_method(const struct session_timer *st)
{
	const struct dialog *other = other_leg_of(st);

	if (leg_of(st)->session.interval_s && leg_of(st)->session.update == SESSION_UPDATE_TAKEN &&
		!st->stale)
		return "UPDATE";
	return other && other->session.theirs.len ? "INVITE" : "OPTIONS";
}

static void refresh(struct session_timer *st)
{
	const char *method = choose_method(st);

	/* A request sent now would overtake a lost re-INVITE and put that out of order (RFC 3261 section 12.2.2). */
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
		report_failed(st);
}

void session_timer_tell(struct session_timers *set, enum bridge_side side)
{
	struct session_timer *st = &set->leg[side];

	st->stale = true;
	if (!dialog_request_is_under_way(request_of(st)))
		refresh(st);
}

/* The timer --------------------------------------------------------------------------------- */

/** Time until this leg is to be checked; SS_SIP_NO_TIMER_REINVITE_INTERVAL may change during the call. */
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
		/* Not silent: it has sent a refresh that the other leg still has to answer. */
		if (bridge_request_is_refreshing(bridge_of(st), leg_of(st)))
			set_once(st, SESSION_END, RETRY_MIN_MS);
		else
			report_expired(st);
		return;
	}
}

static void restart(struct session_timer *st)
{
	const struct session *s = &leg_of(st)->session;

	st->begun_ms = clock_now_ms();
	if (s->refresher == SESSION_US)
		set(st, SESSION_REFRESH, session_refresh_ms(s, parameters(st)->session_update_segment));
	else if (s->interval_s)
		set(st, SESSION_END, session_end_ms(s));
	else
		wait_for_check(st);
}

void session_timer_restart(struct session_timers *set, enum bridge_side side)
{
	restart(&set->leg[side]);
}

/** A refresh that the peer sent while we were gone comes again after T2 (4 s) at the latest (RFC 3261 section 17.1.2.2). */
static void resume(struct session_timer *st)
{
	const struct session *s = &leg_of(st)->session;
	const bool ours = s->refresher == SESSION_US;
	const uint64_t now = clock_now_ms();
	uint64_t due, left;

	if (!s->interval_s) {
		wait_for_check(st);
		return;
	}
	due = st->begun_ms +
		(ours ? session_refresh_ms(s, parameters(st)->session_update_segment) : session_end_ms(s));
	left = due > now ? due - now : 0;
	set_once(st, ours ? SESSION_REFRESH : SESSION_END, ours || left > RESUME_MS ? left : RESUME_MS);
}

void session_timer_resume(struct session_timers *set, enum bridge_side side)
{
	struct session_timer *st = &set->leg[side];

	resume(st);
	if (st->stale)
		session_timer_tell(set, side);
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
