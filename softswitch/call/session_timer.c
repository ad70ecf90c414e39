#include "session_timer.h"

#include "call.h"
#include "clock.h"
#include "headers.h"
#include "leg.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "relay.h"
#include "token.h"

#include <event2/event.h>

#include <string.h>

enum {
	FAREWELL_MAX_MS =
		32000, /* so long at most before the end of a session its BYE goes out (RFC 4028 section 10) */
	AGAIN_MIN_MS = 2000, /* least wait after a refresh that failed */
	LOOK_MS = 600000,    /* a leg without timer: has SS_SIP_NO_TIMER_REINVITE_INTERVAL been changed? */
};

static const struct parameters *parameters(const struct session_timer *st)
{
	return &call_stack(st->call)->parameters;
}

/** After a delay that many legs have: they share a queue of timers. What a peer chose does not take one. */
static void set(struct session_timer *st, enum session_due due, uint64_t delay_ms)
{
	struct loop *loop = call_stack(st->call)->loop;
	uint32_t interval = st->leg->session.interval_s, ms = (uint32_t)delay_ms;
	bool usual = !interval || interval == parameters(st)->session_ttl_s;
	struct timeval tv;

	st->due = due;
	event_add(&st->event, usual ? loop_delay(loop, ms, &tv) : loop_delay_once(loop, ms, &tv));
}

/** After a delay that chance gives. */
static void set_once(struct session_timer *st, enum session_due due, uint64_t delay_ms)
{
	struct timeval tv;

	st->due = due;
	event_add(&st->event, loop_delay_once(call_stack(st->call)->loop, (uint32_t)delay_ms, &tv));
}

/** When the session ends for want of a refresh, monotonic. */
static uint64_t end_ms(const struct session_timer *st)
{
	uint64_t interval = 1000 * (uint64_t)st->leg->session.interval_s;

	return st->begun_ms + interval - (interval / 3 < FAREWELL_MAX_MS ? interval / 3 : FAREWELL_MAX_MS);
}

/* Refreshing -------------------------------------------------------------------------------- */

static void refresh(struct session_timer *st);

/** The peer refused, but is there: try again while the session lasts. */
static void try_later(struct session_timer *st)
{
	uint64_t now = clock_now_ms(), end = end_ms(st);

	if (!st->leg->session.interval_s) {
		session_timer_restart(st, st->call, st->leg);
		return;
	}
	if (end <= now) /* a short rest: use all of it */
		end = st->begun_ms + 1000 * (uint64_t)st->leg->session.interval_s;
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

	if (st->leg->session.interval_s && end_ms(st) <= clock_now_ms())
		try_later(st); /* the session ends all the same */
	else
		set_once(st, st->leg->session.interval_s ? SESSION_REFRESH : SESSION_CHECK,
			call_is_caller(st->call, st->leg) ? 10 * (random % 201) : 2100 + 10 * (random % 191));
}

static bool by(const struct session_timer *st, const char *method)
{
	return !strcmp(st->request.method, method);
}

static void write_refresh(struct text *t, void *arg)
{
	struct session_timer *st = arg;

	if (!by(st, "OPTIONS"))
		session_propose(&st->leg->session, parameters(st), t);
	text_add(t, headers_allow);
	if (by(st, "INVITE"))
		dialog_present(st->leg, t, &call_other_leg(st->call, st->leg)->session);
	else
		message_end(t, NULL);
}

/** Its media may have moved: the other leg has to know. What answers such news is no news itself. */
static void pass_on(struct session_timer *st, bool news, const sip_t *answer)
{
	if (session_is_same(&st->leg->session, answer) || session_describe(&st->leg->session, answer) || news)
		return;
	call_tell_other(st->call, st->leg);
}

static void on_refreshed(struct session_timer *st, const struct received *rx)
{
	bool news = st->behind;

	session_learn(&st->leg->session, rx->sip);
	if (!by(st, "OPTIONS")) {
		dialog_refresh_target(st->leg, rx->sip);
		session_granted(&st->leg->session, rx->sip);
	}
	if (by(st, "INVITE")) {
		st->behind = false;
		leg_acknowledge(call_stack(st->call), st->leg, NULL);
	}
	session_timer_restart(st, st->call, st->leg);
	if (by(st, "INVITE"))
		pass_on(st, news, rx->sip);
	else if (st->behind)
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
		call_leg_gone(st->call, st->leg);
	} else if (status == 408) {
		call_leg_lost(st->call, st->leg, CAUSE_REFRESH_FAILED);
	} else if (status == 491) {
		try_after_glare(st);
	} else if (by(st, "UPDATE") && (status == 405 || status == 501)) {
		st->leg->session.allows_update = false;
		refresh(st);
	} else {
		st->behind &= !by(st, "INVITE"); /* it does not want to know */
		try_later(st);
	}
}

static void on_failure(int error, void *arg)
{
	struct session_timer *st = arg;

	(void)error;
	call_leg_lost(st->call, st->leg, CAUSE_REFRESH_FAILED);
}

static const struct dialog_request_handlers request_handlers = {write_refresh, on_response, on_failure};

/** A leg that never had a description is asked with what needs none. */
static const char *choose_method(const struct session_timer *st)
{
	const struct dialog *other = call_other_leg(st->call, st->leg);

	if (st->leg->session.interval_s && st->leg->session.allows_update && !st->behind)
		return "UPDATE";
	return other && other->session.theirs.len ? "INVITE" : "OPTIONS";
}

static void refresh(struct session_timer *st)
{
	const char *method = choose_method(st);

	/* A request that overtakes a re-INVITE that was lost makes it out of order for the peer (RFC 3261 section 12.2.2). */
	if (call_offer_pending(st->call)) {
		try_after_glare(st);
		return;
	}
	log_debug(st->leg->call_id, "session refresh method=%s", method);
	st->request = (struct dialog_request){.stack = call_stack(st->call),
		.dialog = st->leg,
		.method = method,
		.resend = call_resend(st->call, st->leg),
		.max_forwards = MAX_FORWARDS,
		.handlers = &request_handlers,
		.arg = st};
	if (dialog_request_start(&st->request))
		call_leg_lost(st->call, st->leg, CAUSE_REFRESH_FAILED);
}

void session_timer_tell(struct session_timer *st)
{
	st->behind = true;
	if (!dialog_request_is_under_way(&st->request))
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
		if (!dialog_request_is_under_way(&st->request))
			refresh(st);
		return;
	case SESSION_CHECK:
		if (until_check_ms(st) && !st->behind)
			wait_for_check(st);
		else if (!dialog_request_is_under_way(&st->request))
			refresh(st);
		return;
	case SESSION_END:
		if (relay_is_refreshing(
			    call_relays(st->call), st->leg)) /* not silent: the other leg takes its time */
			set_once(st, SESSION_END, AGAIN_MIN_MS);
		else
			call_leg_lost(st->call, st->leg, CAUSE_SESSION_EXPIRED);
		return;
	}
}

void session_timer_restart(struct session_timer *st, struct call *call, struct dialog *leg)
{
	const struct session *s = &leg->session;
	uint64_t interval = 1000 * (uint64_t)s->interval_s, now = clock_now_ms();

	if (!st->call)
		event_assign(&st->event, loop_base(call_stack(call)->loop), -1, 0, on_due, st);
	st->call = call;
	st->leg = leg;
	st->begun_ms = now;
	if (s->refresher == SESSION_US)
		set(st, SESSION_REFRESH, interval - interval / parameters(st)->session_update_segment);
	else if (interval)
		set(st, SESSION_END, end_ms(st) - now);
	else
		wait_for_check(st);
}

void session_timer_stop(struct session_timer *st)
{
	if (!st->call)
		return;
	event_del(&st->event);
	st->due = SESSION_IDLE;
	dialog_request_stop(&st->request);
}

bool session_timer_is_offering(const struct session_timer *st)
{
	return dialog_request_is_under_way(&st->request) && by(st, "INVITE");
}
