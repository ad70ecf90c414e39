/*
 * A day of calls and of everything else that happens to gateways, at random, against the state machine. What must be
 * true is computed from scratch at each check from what happened (lists of events), never carried along as the gateways do.
 */
#include "gateway_stats.h"
#include "gateways.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	GATEWAYS = 3,
	CALLS_MAX = 150,
	EVENTS_MAX = 200000,
	DAY_MS = 24 * 3600 * 1000,
	STEP_MS = 1500,
	LOOK_EVERY = 200,
	LEAD_OUT_EVERY = 1000,
	WINDOW_MS = GATEWAY_STATS_PERIODS * GATEWAY_STATS_PERIOD_MS,
};

static const struct parameters p = {
	.options_down = 2,
	.options_up = 2,
	.breaker_failures = 4,
	.breaker_window = 10,
	.breaker_rate = 60,
	.breaker_time_ms = 30000,
	.breaker_successes = 2,
	.breaker_ramp_ms = 20000,
	.breaker_on = {.timeout = true, .transport = true, .codes = {.code = {503}, .n = 1}},
};

struct call {
	struct call_limits_channel ch;
	int gateway;         /* -1 = free */
	unsigned round;      /* of the model's breaker when it began */
	unsigned moves;      /* of the gateway */
	bool answered, told; /* told: its result */
	int32_t pdd_ms;
	uint64_t answer_ms;
};

/* What happened, in order. */
struct event {
	uint64_t at_ms;
	enum { RESULT, HOLD } kind;
	struct gateway_result result;
	uint64_t hold_ms;
};

struct model {
	struct event *event;
	unsigned n_events;
	bool probe[EVENTS_MAX / 10]; /* since they were last forgotten */
	unsigned n_probes;
	bool result[EVENTS_MAX / 10]; /* failed? that count for the breaker, since it closed */
	unsigned n_results;
	bool tripped;
	uint64_t open_end_ms, ramp_end_ms;
	unsigned tests_passed, round;
	const struct call *test;
	bool registered, bound, removed, answered;
	unsigned moves;
	enum publication_state publication;
	uint64_t retry_after_end_ms;
	enum gateway_state told; /* by the handler, last */
};

struct day {
	uint64_t random, now_ms;
	struct gateways *set;
	struct db_gateway row[GATEWAYS];
	struct gateway *gw[GATEWAYS]; /* references */
	struct model *model;          /* of each */
	struct call call[CALLS_MAX];
	unsigned verdicts[GATEWAY_VERDICT_RAMPING + 1]; /* how often each was seen */
	unsigned forced, led_out;
};

static const char *const names[GATEWAYS] = {"a", "b", "c"};

static unsigned below(struct day *d, unsigned n)
{
	return unit_random_below(&d->random, n);
}

static bool chance(struct day *d, unsigned percent)
{
	return below(d, 100) < percent;
}

/* Of a millisecond or a minute, all magnitudes alike. */
static int32_t some_delay(struct day *d)
{
	return (int32_t)below(d, 1u << below(d, 17));
}

/* The model --------------------------------------------------------------------------------- */

/* The last run of two equal probes decides. */
static bool model_options_down(const struct model *m)
{
	for (unsigned i = m->n_probes; i >= 2; i--)
		if (m->probe[i - 1] == m->probe[i - 2])
			return !m->probe[i - 1];
	return false;
}

static bool model_too_many_failures(const struct model *m)
{
	unsigned row = 0, failed = 0;

	while (row < m->n_results && m->result[m->n_results - 1 - row])
		row++;
	for (unsigned i = 0; i < 10 && i < m->n_results; i++)
		failed += m->result[m->n_results - 1 - i];
	return row >= 4 || (m->n_results >= 10 && failed >= 6);
}

static void model_trip(struct model *m, uint64_t now_ms)
{
	m->tripped = true;
	m->open_end_ms = now_ms + 30000;
	m->tests_passed = 0;
	m->test = NULL;
}

static void model_close(struct model *m)
{
	m->tripped = false;
	m->test = NULL;
	m->n_results = 0;
	m->round++;
}

static void model_test_over(struct model *m, bool failed, uint64_t now_ms)
{
	m->test = NULL;
	if (failed) {
		model_trip(m, now_ms);
	} else if (++m->tests_passed == 2) {
		model_close(m);
		m->ramp_end_ms = now_ms + 20000;
	}
}

static void model_result(struct model *m, const struct call *c, bool failed, uint64_t now_ms)
{
	if (m->tripped && c == m->test) {
		model_test_over(m, failed, now_ms);
	} else if (!m->tripped && c->round == m->round) {
		m->result[m->n_results++] = failed;
		if (failed && model_too_many_failures(m))
			model_trip(m, now_ms);
	}
}

static void model_good_news(struct model *m, uint64_t now_ms)
{
	if (m->tripped && m->open_end_ms > now_ms)
		m->open_end_ms = now_ms;
}

/* Later lines override earlier ones: the table of gateway_state.c from its end. */
static enum gateway_verdict model_verdict(const struct day *d, int g, bool *ramping)
{
	const struct model *m = &d->model[g];
	enum gateway_verdict v = GATEWAY_VERDICT_USABLE;

	*ramping = !m->tripped && d->now_ms < m->ramp_end_ms;
	if (m->tripped && m->test)
		v = GATEWAY_VERDICT_PROBING;
	if (m->tripped && d->now_ms < m->open_end_ms)
		v = GATEWAY_VERDICT_BREAKER_OPEN;
	if (model_options_down(m))
		v = GATEWAY_VERDICT_OPTIONS_DOWN;
	if (m->publication == PUBLICATION_STATE_CLOSED || m->publication == PUBLICATION_STATE_EXPIRED)
		v = GATEWAY_VERDICT_CLOSED;
	if (d->now_ms < m->retry_after_end_ms)
		v = GATEWAY_VERDICT_RETRY_AFTER;
	if (d->row[g].endpoint[0] && !m->bound)
		v = GATEWAY_VERDICT_NOT_BOUND;
	if (d->row[g].registration[0] && !m->registered)
		v = GATEWAY_VERDICT_NOT_REGISTERED;
	if (d->row[g].draining)
		v = GATEWAY_VERDICT_DRAINING;
	if (!d->row[g].enabled)
		v = GATEWAY_VERDICT_DISABLED;
	if (m->removed)
		v = GATEWAY_VERDICT_REMOVED;
	return v;
}

static enum gateway_state state_of(const struct model *m, enum gateway_verdict v)
{
	switch (v) {
	case GATEWAY_VERDICT_REMOVED:
	case GATEWAY_VERDICT_DISABLED:
		return GATEWAY_STATE_DISABLED;
	case GATEWAY_VERDICT_DRAINING:
		return GATEWAY_STATE_DRAINING;
	case GATEWAY_VERDICT_USABLE:
	case GATEWAY_VERDICT_RAMPING:
	case GATEWAY_VERDICT_PROBING:
		return m->tripped     ? GATEWAY_STATE_PROBING
			: m->answered ? GATEWAY_STATE_UP
				      : GATEWAY_STATE_UNTRIED;
	default:
		return GATEWAY_STATE_DOWN;
	}
}

/* Looks ------------------------------------------------------------------------------------- */

static void check_state(struct day *d, int g)
{
	struct gateway_state_info health;
	bool ramping;
	enum gateway_verdict expected = model_verdict(d, g, &ramping),
			     actual = gateway_check(d->gw[g], d->now_ms);

	d->verdicts[actual]++;
	if (actual == GATEWAY_VERDICT_RAMPING && ramping && expected == GATEWAY_VERDICT_USABLE)
		expected = actual; /* which calls of a ramp pass is not modelled */
	assert_int_equal(actual, expected);
	gateway_info(d->gw[g], d->now_ms, &health);
	assert_int_equal(health.state, state_of(&d->model[g], expected));
	assert_in_range(health.since_ms, 0, d->now_ms);
	assert_int_equal(health.until[0] == '\0', health.state == GATEWAY_STATE_UP && !ramping);
}

static void check_channels(const struct day *d, int g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CALLS_MAX; i++)
		n += d->call[i].gateway == g;
	assert_int_equal(gateway_calls(d->gw[g]), n);
}

static int by_value(const void *a, const void *b)
{
	return *(const int32_t *)a < *(const int32_t *)b ? -1 : *(const int32_t *)a > *(const int32_t *)b;
}

static void check_delays(int32_t *pdd, unsigned n, const struct gateway_stats_figures *f)
{
	int64_t median, high;

	if (!n) {
		assert_int_equal(f->pdd_median_ms, -1);
		return;
	}
	qsort(pdd, n, sizeof(*pdd), by_value);
	median = pdd[(n + 1) / 2 - 1];
	high = pdd[(n * 95 + 99) / 100 - 1];
	assert_in_range(f->pdd_median_ms, median - median / 8, median + median / 8);
	assert_in_range(f->pdd_95_ms, high - high / 8, high + high / 8);
}

static uint64_t count_of(const struct gateway_stats_figures *f, enum gateway_result_outcome outcome, int code)
{
	for (unsigned i = 0; i < f->n_failures; i++)
		if (f->failures[i].outcome == outcome && f->failures[i].sip_code == code)
			return f->failures[i].count;
	return 0;
}

/* The figures of the events from a moment on, counted from the list. */
static void check_figures(const struct model *m, uint64_t from_ms, const struct gateway_stats_figures *f)
{
	static int32_t pdd[EVENTS_MAX];
	uint64_t attempts = 0, answered = 0, timeouts = 0, busy = 0, unavailable = 0, calls = 0, hold_ms = 0;
	unsigned n_pdd = 0;

	for (unsigned i = 0; i < m->n_events; i++) {
		const struct event *e = &m->event[i];

		if (e->at_ms < from_ms)
			continue;
		if (e->kind == HOLD) {
			calls++;
			hold_ms += e->hold_ms;
			continue;
		}
		attempts++;
		answered += e->result.outcome == GATEWAY_RESULT_ANSWERED;
		timeouts += e->result.outcome == GATEWAY_RESULT_TIMEOUT;
		busy += e->result.outcome == GATEWAY_RESULT_REFUSED && e->result.sip_code == 486;
		unavailable += e->result.outcome == GATEWAY_RESULT_REFUSED && e->result.sip_code == 503;
		if (e->result.pdd_ms >= 0)
			pdd[n_pdd++] = e->result.pdd_ms;
	}
	assert_int_equal(f->attempts, attempts);
	assert_int_equal(f->answered, answered);
	assert_int_equal(f->acd_ms, calls ? (int64_t)(hold_ms / calls) : -1);
	assert_int_equal(count_of(f, GATEWAY_RESULT_TIMEOUT, 0), timeouts);
	assert_int_equal(count_of(f, GATEWAY_RESULT_REFUSED, 486), busy);
	assert_int_equal(count_of(f, GATEWAY_RESULT_REFUSED, 503), unavailable);
	check_delays(pdd, n_pdd, f);
}

static void look(struct day *d)
{
	const uint64_t period = d->now_ms / GATEWAY_STATS_PERIOD_MS;

	for (int g = 0; g < GATEWAYS; g++) {
		struct gateway_stats_figures window, total;

		check_channels(d, g);
		gateway_figures(d->gw[g], d->now_ms, &window, &total);
		check_figures(&d->model[g], 0, &total);
		check_figures(&d->model[g], (period - GATEWAY_STATS_PERIODS + 1) * GATEWAY_STATS_PERIOD_MS,
			&window);
	}
}

static void on_change(
	const struct gateway *gw, enum gateway_state old, const struct gateway_state_info *health, void *arg)
{
	struct day *d = arg;
	struct model *m = &d->model[gateway_name(gw)[0] - 'a'];

	assert_int_equal(old, m->told);
	assert_true(old != health->state || old == GATEWAY_STATE_DOWN);
	m->told = health->state;
}

/* What happens ------------------------------------------------------------------------------ */

static void note(struct model *m, const struct event *e)
{
	assert_in_range(m->n_events, 0, EVENTS_MAX - 1);
	m->event[m->n_events++] = *e;
}

static void release(struct day *d, struct call *c)
{
	struct model *m = &d->model[c->gateway];

	if (m->test == c)
		m->test = NULL;
	if (c->answered) {
		const struct event e = {
			.at_ms = d->now_ms, .kind = HOLD, .hold_ms = d->now_ms - c->answer_ms};

		gateway_on_call_end(d->gw[c->gateway], e.hold_ms, d->now_ms);
		note(m, &e);
	}
	call_limits_release(&c->ch);
	c->gateway = -1;
}

static void begin_call(struct day *d, int g)
{
	struct call *c = d->call;
	enum gateway_verdict v;

	while (c < d->call + CALLS_MAX && c->gateway >= 0)
		c++;
	if (c == d->call + CALLS_MAX)
		return;
	v = gateway_seize(d->gw[g], &c->ch, d->now_ms);
	if (v != GATEWAY_VERDICT_USABLE && chance(d, 20)) {
		v = gateway_seize_forced(d->gw[g], &c->ch, d->now_ms);
		d->forced += v == GATEWAY_VERDICT_USABLE;
	}
	if (v != GATEWAY_VERDICT_USABLE)
		return;
	c->gateway = g;
	c->round = d->model[g].round;
	c->moves = d->model[g].moves;
	c->answered = c->told = false;
	c->pdd_ms = -1;
	if (d->model[g].tripped && !d->model[g].test)
		d->model[g].test = c;
}

static void ring(struct day *d, struct call *c)
{
	struct model *m = &d->model[c->gateway];

	if (c->told)
		return;
	if (c->pdd_ms < 0)
		c->pdd_ms = some_delay(d);
	gateway_on_progress(d->gw[c->gateway], &c->ch, &p, d->now_ms);
	m->answered |= c->moves == m->moves;
	if (m->tripped && m->test == c)
		model_test_over(m, false, d->now_ms);
}

static void tell(struct day *d, struct call *c, enum gateway_result_outcome outcome, int code)
{
	struct model *m = &d->model[c->gateway];
	struct gateway_result r = {
		.channel = &c->ch, .outcome = outcome, .sip_code = code, .pdd_ms = c->pdd_ms};
	const struct event e = {.at_ms = d->now_ms, .kind = RESULT, .result = r};
	const bool failed = outcome == GATEWAY_RESULT_TRANSPORT ||
		(outcome == GATEWAY_RESULT_TIMEOUT && c->pdd_ms < 0) ||
		(outcome == GATEWAY_RESULT_REFUSED && code == 503);

	c->told = true;
	gateway_on_result(d->gw[c->gateway], &r, &p, d->now_ms);
	note(m, &e);
	if (outcome == GATEWAY_RESULT_REFUSED || (!failed && outcome != GATEWAY_RESULT_ABANDONED))
		m->answered |= c->moves == m->moves;
	if (outcome != GATEWAY_RESULT_ABANDONED)
		model_result(m, c, failed, d->now_ms);
	else if (m->test == c)
		m->test = NULL;
}

/* Bad hours and good ones, each gateway has its own. */
static void end_attempt(struct day *d, struct call *c)
{
	const bool bad_hour = (d->now_ms / 3600000 + (unsigned)c->gateway) % 3 == 0;

	if (chance(d, 3)) { /* the caller's memory was short: never told */
		release(d, c);
		return;
	}
	if (chance(d, bad_hour ? 80 : 15)) {
		const unsigned how = below(d, 3);

		tell(d, c,
			how == 0           ? GATEWAY_RESULT_TIMEOUT
				: how == 1 ? GATEWAY_RESULT_TRANSPORT
					   : GATEWAY_RESULT_REFUSED,
			how == 2 ? 503 : 0);
		release(d, c);
	} else if (chance(d, 30)) {
		tell(d, c, chance(d, 50) ? GATEWAY_RESULT_REFUSED : GATEWAY_RESULT_ABANDONED, 486);
		release(d, c);
	} else {
		if (c->pdd_ms < 0)
			c->pdd_ms = some_delay(d);
		tell(d, c, GATEWAY_RESULT_ANSWERED, 200);
		c->answered = true;
		c->answer_ms = d->now_ms;
	}
}

static void call_event(struct day *d)
{
	struct call *c = &d->call[below(d, CALLS_MAX)];

	if (c->gateway < 0)
		begin_call(d, (int)below(d, GATEWAYS));
	else if (c->told)
		release(d, c); /* answered, and over now */
	else if (chance(d, 40))
		ring(d, c);
	else
		end_attempt(d, c);
}

static void probe(struct day *d, int g, bool alive)
{
	struct model *m = &d->model[g];
	const bool down = model_options_down(m);

	gateway_on_probe(d->gw[g], alive ? 200 : 0, "timeout", 20, &p, d->now_ms);
	m->probe[m->n_probes++] = alive;
	m->answered |= alive;
	if (down && !model_options_down(m))
		model_good_news(m, d->now_ms);
}

static void publish(struct day *d, int g, enum publication_state publication)
{
	struct model *m = &d->model[g];
	const bool closed =
		m->publication == PUBLICATION_STATE_CLOSED || m->publication == PUBLICATION_STATE_EXPIRED;

	gateway_on_publication(d->gw[g], publication, d->now_ms);
	m->publication = publication;
	m->answered |= publication == PUBLICATION_STATE_OPEN;
	if (closed && publication == PUBLICATION_STATE_OPEN)
		model_good_news(m, d->now_ms);
}

static void reload(struct day *d)
{
	struct db_gateway rows[GATEWAYS];
	size_t n = 0;

	for (int g = 0; g < GATEWAYS; g++)
		if (!d->model[g].removed)
			rows[n++] = d->row[g];
	assert_int_equal(gateways_apply(d->set, rows, n), 0);
	gateways_update_states(d->set, d->now_ms);
}

static void move(struct day *d, int g)
{
	struct model *m = &d->model[g];

	d->row[g].port++;
	m->moves++;
	m->answered = false;
	model_close(m);
	m->ramp_end_ms = 0;
	m->n_probes = 0;
	m->publication = PUBLICATION_STATE_NONE;
	m->retry_after_end_ms = 0;
}

static void operator_event(struct day *d, int g)
{
	struct model *m = &d->model[g];

	switch (m->removed ? 6 : below(d, 7)) {
	case 0:
		d->row[g].enabled = !d->row[g].enabled;
		break;
	case 1:
		d->row[g].draining = !d->row[g].draining;
		break;
	case 2:
		d->row[g].registration = d->row[g].registration[0] ? "" : "trunk";
		m->registered = false;
		break;
	case 3:
		d->row[g].options_check = !d->row[g].options_check;
		m->n_probes = 0;
		break;
	case 4:
		move(d, g);
		break;
	case 5:
		move(d, g);
		d->row[g].endpoint = d->row[g].endpoint[0] ? "" : "pbx";
		m->bound = false;
		break;
	default:
		m->removed = !m->removed;
		break;
	}
	reload(d);
}

static void other_event(struct day *d)
{
	const int g = (int)below(d, GATEWAYS);
	struct model *m = &d->model[g];
	const bool bad_hour = (d->now_ms / 3600000 + (unsigned)g) % 4 == 0;
	uint64_t end_ms;
	unsigned s;

	switch (below(d, 8)) {
	case 0:
	case 1:
	case 2:
		if (d->row[g].options_check)
			probe(d, g, !chance(d, bad_hour ? 70 : 5));
		break;
	case 3:
		publish(d, g, bad_hour || chance(d, 30) ? below(d, 4) : PUBLICATION_STATE_OPEN);
		break;
	case 4:
		m->registered = chance(d, 70);
		gateway_on_registration(d->gw[g], m->registered, "403 Forbidden", d->now_ms);
		m->bound = chance(d, 70);
		gateway_on_binding(d->gw[g], m->bound, d->now_ms);
		break;
	case 5:
		s = below(d, 200);
		end_ms = d->now_ms + 1000 * (uint64_t)(s < 1 ? 1 : s > 120 ? 120 : s);
		gateway_retry_after(d->gw[g], s, d->now_ms);
		if (end_ms > m->retry_after_end_ms)
			m->retry_after_end_ms = end_ms;
		break;
	case 6:
		gateway_on_probe_end(d->gw[g], d->now_ms);
		m->n_probes = 0;
		break;
	default:
		if (chance(d, 30))
			operator_event(d, g);
	}
}

/* The way out ------------------------------------------------------------------------------- */

/* "in 12 s ..." comes true. */
static void wait_until(struct day *d, const char *until)
{
	unsigned seconds = 0;

	assert_int_equal(sscanf(until, "in %u s", &seconds), 1);
	d->now_ms += 1000ull * seconds;
}

static void end_tests(struct day *d, int g)
{
	struct call *c = d->call;

	while (c != d->model[g].test)
		c++;
	tell(d, c, GATEWAY_RESULT_REFUSED, 486); /* the callee is busy: the gateway works */
	release(d, c);
}

/* Do what `until` promises to change the state. */
static void take_the_way_out(struct day *d, int g, enum gateway_verdict v, const char *until)
{
	switch (v) {
	case GATEWAY_VERDICT_REMOVED:
		d->model[g].removed = false;
		reload(d);
		return;
	case GATEWAY_VERDICT_DISABLED:
		d->row[g].enabled = true;
		reload(d);
		return;
	case GATEWAY_VERDICT_DRAINING:
		d->row[g].draining = false;
		reload(d);
		return;
	case GATEWAY_VERDICT_NOT_REGISTERED:
		d->model[g].registered = true;
		gateway_on_registration(d->gw[g], true, "", d->now_ms);
		return;
	case GATEWAY_VERDICT_NOT_BOUND:
		d->model[g].bound = true;
		gateway_on_binding(d->gw[g], true, d->now_ms);
		return;
	case GATEWAY_VERDICT_CLOSED:
		publish(d, g, PUBLICATION_STATE_OPEN);
		return;
	case GATEWAY_VERDICT_OPTIONS_DOWN:
		probe(d, g, true);
		probe(d, g, true);
		return;
	case GATEWAY_VERDICT_RETRY_AFTER:
	case GATEWAY_VERDICT_BREAKER_OPEN:
	case GATEWAY_VERDICT_RAMPING:
		wait_until(d, until);
		return;
	case GATEWAY_VERDICT_PROBING:
		end_tests(d, g);
		return;
	case GATEWAY_VERDICT_USABLE: /* half open, untried, or ramping */
		if (d->model[g].tripped)
			begin_call(d, g);
		else if (!d->model[g].answered)
			probe(d, g, true);
		else
			wait_until(d, until);
		return;
	case GATEWAY_VERDICT_FULL: /* no limits here */
	case GATEWAY_VERDICT_CPS:
		fail();
	}
}

/* Whatever state it is in, the documented exits lead to up, and none is needed often. */
static void lead_out(struct day *d, int g)
{
	struct gateway_state_info health;

	for (unsigned step = 0;; step++) {
		assert_in_range(step, 0, 16);
		check_state(d, g);
		gateway_info(d->gw[g], d->now_ms, &health);
		if (health.state == GATEWAY_STATE_UP && !health.until[0])
			break;
		take_the_way_out(d, g, gateway_check(d->gw[g], d->now_ms), health.until);
		d->led_out++;
	}
	assert_int_equal(gateway_check(d->gw[g], d->now_ms), GATEWAY_VERDICT_USABLE);
}

/* The day ----------------------------------------------------------------------------------- */

static void begin_day(struct day *d, uint64_t seed)
{
	*d = (struct day){.random = seed, .now_ms = 100 * WINDOW_MS};
	d->model = calloc(GATEWAYS, sizeof(*d->model));
	assert_non_null(d->model);
	for (int g = 0; g < GATEWAYS; g++)
		d->model[g].told = GATEWAY_STATE_UNTRIED;
	assert_int_equal(gateways_create(&d->set), 0);
	gateways_on_change(d->set, on_change, d);
	for (unsigned i = 0; i < CALLS_MAX; i++)
		d->call[i].gateway = -1;
	for (int g = 0; g < GATEWAYS; g++) {
		d->row[g] = unit_gateway(names[g]);
		d->row[g].options_check = true;
		d->model[g].event = calloc(EVENTS_MAX, sizeof(struct event));
		assert_non_null(d->model[g].event);
	}
	reload(d);
	for (int g = 0; g < GATEWAYS; g++)
		d->gw[g] = gateway_ref(gateways_find(d->set, names[g]));
}

static void end_day(struct day *d)
{
	for (unsigned i = 0; i < CALLS_MAX; i++)
		if (d->call[i].gateway >= 0)
			release(d, &d->call[i]);
	look(d);
	for (int g = 0; g < GATEWAYS; g++) {
		assert_int_equal(gateway_calls(d->gw[g]), 0);
		gateway_unref(d->gw[g]);
		free(d->model[g].event);
	}
	gateways_destroy(d->set);
	free(d->model);
}

static void run_day(struct day *d, uint64_t seed)
{
	begin_day(d, seed);
	for (unsigned step = 1; d->now_ms < 100 * WINDOW_MS + DAY_MS; step++) {
		d->now_ms += below(d, 2 * STEP_MS);
		if (chance(d, 90))
			call_event(d);
		else
			other_event(d);
		if (chance(d, 5))
			gateways_update_states(d->set, d->now_ms);
		for (int g = 0; g < GATEWAYS; g++)
			check_state(d, g);
		if (step % LOOK_EVERY == 0)
			look(d);
		if (step % LEAD_OUT_EVERY == 0)
			for (int g = 0; g < GATEWAYS; g++)
				lead_out(d, g);
	}
	end_day(d);
}

static void a_day_of_random_events_leaves_counts_exact_and_no_state_without_a_way_out(void **state)
{
	struct day *d = malloc(sizeof(*d));

	(void)state;
	assert_non_null(d);
	for (uint64_t seed = 1; seed <= 5; seed++) {
		run_day(d, seed);
		for (unsigned v = 0; v <= GATEWAY_VERDICT_RAMPING; v++)
			assert_true(
				v == GATEWAY_VERDICT_FULL || v == GATEWAY_VERDICT_CPS || d->verdicts[v] > 20);
		assert_true(d->forced > 20 && d->led_out > 20);
	}
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_of_random_events_leaves_counts_exact_and_no_state_without_a_way_out),
	};

	return cmocka_run_group_tests_name("gateway_day", tests, NULL, NULL);
}
