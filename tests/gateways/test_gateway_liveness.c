#include "gateways.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct parameters p = {
	.options_down = 2,
	.options_up = 1,
	.breaker_failures = 5,
	.breaker_window = 20,
	.breaker_rate = 80,
	.breaker_time_ms = 30000,
	.breaker_successes = 1,
	.breaker_ramp_ms = 10000,
	.breaker_on = {.timeout = true, .transport = true, .codes = {.code = {503}, .n = 1}},
};

/* One gateway "a" in a set, and what was told of its changes: "up>down " for each. */
struct fixture {
	struct gateways *set;
	struct db_gateway row;
	struct gateway *gw;
	char changes[512];
};

static void on_change(
	const struct gateway *gw, enum gateway_state old, const struct gateway_state_info *health, void *arg)
{
	struct fixture *f = arg;
	const size_t n = strlen(f->changes);

	assert_string_equal(gateway_name(gw), "a");
	snprintf(f->changes + n, sizeof(f->changes) - n, "%s>%s ", gateway_state_name(old),
		gateway_state_name(health->state));
}

static void apply(struct fixture *f, uint64_t now_ms)
{
	assert_int_equal(gateways_apply(f->set, &f->row, 1), 0);
	gateways_update_states(f->set, now_ms);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(gateways_create(&f->set), 0);
	gateways_on_change(f->set, on_change, f);
	f->row = unit_gateway("a");
	f->row.options_check = true;
	apply(f, 1000);
	f->gw = gateways_find(f->set, "a");
	assert_non_null(f->gw);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	gateways_destroy(f->set);
	free(f);
	return 0;
}

static void assert_health(struct fixture *f, uint64_t now_ms, enum gateway_state state, uint64_t since_ms,
	const char *reason, const char *until)
{
	struct gateway_state_info health;

	gateway_info(f->gw, now_ms, &health);
	assert_int_equal(health.state, state);
	assert_string_equal(health.reason, reason);
	assert_string_equal(health.until, until);
	assert_int_equal(health.since_ms, since_ms);
}

static void assert_verdict(
	struct fixture *f, uint64_t now_ms, enum gateway_verdict expected, const char *words)
{
	char text[GATEWAY_STATE_WORDS_MAX];

	assert_int_equal(gateway_check(f->gw, now_ms), expected);
	gateway_explain(f->gw, expected, now_ms, text, sizeof(text));
	assert_string_equal(text, words);
}

static void assert_up(struct fixture *f, uint64_t now_ms)
{
	assert_verdict(f, now_ms, GATEWAY_VERDICT_USABLE, "usable");
}

/* One attempt from begin to end; a gateway that is down is forced. */
static void attempt(
	struct fixture *f, enum gateway_result_outcome outcome, int code, int32_t pdd_ms, uint64_t now_ms)
{
	struct call_limits_channel ch = {0};
	struct gateway_result r = {.channel = &ch, .outcome = outcome, .sip_code = code, .pdd_ms = pdd_ms};

	if (gateway_seize(f->gw, &ch, now_ms) != GATEWAY_VERDICT_USABLE)
		assert_int_equal(gateway_seize_forced(f->gw, &ch, now_ms), GATEWAY_VERDICT_USABLE);
	gateway_on_result(f->gw, &r, &p, now_ms);
	call_limits_release(&ch);
}

static void time_out(struct fixture *f, unsigned n, uint64_t now_ms)
{
	while (n--)
		attempt(f, GATEWAY_RESULT_TIMEOUT, 0, -1, now_ms);
}

static void assert_untried(struct fixture *f, uint64_t now_ms, uint64_t since_ms)
{
	assert_health(
		f, now_ms, GATEWAY_STATE_UNTRIED, since_ms, "", "the first answer to a call or to OPTIONS");
	assert_up(f, now_ms);
	assert_int_equal(gateway_failed_ms(f->gw, now_ms), 0);
}

static void a_new_gateway_is_untried_and_gets_calls(void **state)
{
	struct fixture *f = *state;

	assert_untried(f, 5000, 1000);
	assert_string_equal(f->changes, "");
}

static void silence_leaves_it_untried(void **state)
{
	struct fixture *f = *state;

	gateway_on_probe(f->gw, 0, "timeout", 0, &p, 2000);
	attempt(f, GATEWAY_RESULT_TIMEOUT, 0, -1, 2000);
	attempt(f, GATEWAY_RESULT_TRANSPORT, 0, -1, 2000);
	attempt(f, GATEWAY_RESULT_ABANDONED, 0, -1, 2000);
	assert_untried(f, 5000, 1000);
}

static void the_first_answer_makes_it_up(void **state)
{
	static const struct {
		enum gateway_result_outcome outcome;
		int code;
		int32_t pdd_ms;
	} answers[] = {{GATEWAY_RESULT_ANSWERED, 200, 100}, {GATEWAY_RESULT_REFUSED, 486, -1},
		{GATEWAY_RESULT_REFUSED, 503, -1}, {GATEWAY_RESULT_TIMEOUT, 0, 100 /* it rang */}};
	struct fixture *f = *state;
	struct call_limits_channel ch = {0};

	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		attempt(f, answers[i].outcome, answers[i].code, answers[i].pdd_ms, 2000);
		assert_health(f, 2000, GATEWAY_STATE_UP, 2000, "", "");
		f->row.port++; /* begin again */
		apply(f, 2000);
	}
	gateway_on_probe(f->gw, 404, "", 7, &p, 3000);
	assert_health(f, 3000, GATEWAY_STATE_UP, 3000, "", "");
	f->row.port++;
	apply(f, 3000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_OPEN, 4000);
	assert_health(f, 4000, GATEWAY_STATE_UP, 4000, "", "");
	f->row.port++;
	apply(f, 4000);
	assert_int_equal(gateway_seize(f->gw, &ch, 5000), GATEWAY_VERDICT_USABLE);
	gateway_on_progress(f->gw, &ch, &p, 5000);
	assert_health(f, 5000, GATEWAY_STATE_UP, 5000, "", "");
	call_limits_release(&ch);
}

/* Nor does a call that began there. */
static void what_the_old_address_answered_says_nothing_of_the_new_one(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel ch = {0};
	const struct gateway_result answered = {
		.channel = &ch, .outcome = GATEWAY_RESULT_ANSWERED, .sip_code = 200, .pdd_ms = 100};

	assert_int_equal(gateway_seize(f->gw, &ch, 2000), GATEWAY_VERDICT_USABLE);
	f->row.port++;
	apply(f, 3000);
	gateway_on_progress(f->gw, &ch, &p, 3000);
	gateway_on_result(f->gw, &answered, &p, 3000);
	assert_untried(f, 3000, 1000);
	call_limits_release(&ch);
}

static void a_new_gateway_is_in_its_state_since_it_came(void **state)
{
	struct fixture *f = *state;
	struct db_gateway rows[] = {f->row, unit_gateway("b")};

	rows[1].enabled = false;
	assert_int_equal(gateways_apply(f->set, rows, 2), 0);
	gateways_update_states(f->set, 4000);
	f->gw = gateways_find(f->set, "b");
	assert_health(
		f, 5000, GATEWAY_STATE_DISABLED, 4000, "disabled by operator", "enabled = 1 in its row");
	assert_string_equal(f->changes, "");
}

/* OPTIONS */

static void failed_probes_in_a_row_take_it_down_and_one_answer_up(void **state)
{
	struct fixture *f = *state;

	gateway_on_probe(f->gw, 0, "timeout", 0, &p, 2000);
	gateway_on_probe(f->gw, 200, "", 7, &p, 3000);
	gateway_on_probe(f->gw, 0, "timeout", 0, &p, 4000);
	assert_up(f, 4000);
	gateway_on_probe(f->gw, 0, "timeout", 0, &p, 5000);
	assert_health(f, 6000, GATEWAY_STATE_DOWN, 5000, "OPTIONS timeout", "a good answer to OPTIONS");
	assert_verdict(f, 47000, GATEWAY_VERDICT_OPTIONS_DOWN, "down: OPTIONS timeout for 42 s");
	gateway_on_probe(f->gw, 503, "", 7, &p, 6000);
	assert_health(f, 6000, GATEWAY_STATE_DOWN, 5000, "OPTIONS answered 503", "a good answer to OPTIONS");
	gateway_on_probe(f->gw, 404, "", 7, &p, 7000);
	assert_health(f, 7000, GATEWAY_STATE_UP, 7000, "", "");
	assert_string_equal(f->changes, "untried>up up>down down>up ");
}

static void the_thresholds_of_probes_are_those_of_the_parameters(void **state)
{
	struct fixture *f = *state;
	struct parameters own = p;

	own.options_down = 3;
	own.options_up = 2;
	gateway_on_probe(f->gw, 0, "timeout", 0, &own, 2000);
	gateway_on_probe(f->gw, 0, "timeout", 0, &own, 2000);
	assert_up(f, 2000);
	gateway_on_probe(f->gw, 0, "timeout", 0, &own, 2000);
	gateway_on_probe(f->gw, 200, "", 1, &own, 2000);
	gateway_on_probe(f->gw, 0, "timeout", 0, &own, 2000);
	gateway_on_probe(f->gw, 200, "", 1, &own, 2000);
	assert_int_equal(gateway_check(f->gw, 2000), GATEWAY_VERDICT_OPTIONS_DOWN);
	gateway_on_probe(f->gw, 200, "", 1, &own, 2000);
	assert_up(f, 2000);
}

/* Two such answers in a row. */
static bool alive_with(struct fixture *f, int code)
{
	gateway_on_probe(f->gw, code, "timeout", 1, &p, 2000);
	gateway_on_probe(f->gw, code, "timeout", 1, &p, 2000);
	return gateway_check(f->gw, 2000) == GATEWAY_VERDICT_USABLE;
}

static void any_answer_but_408_and_503_means_alive(void **state)
{
	struct fixture *f = *state;

	for (int code = 200; code < 700; code++)
		assert_int_equal(alive_with(f, code), code != 408 && code != 503);
}

static void the_codes_that_mean_alive_can_be_its_own(void **state)
{
	struct fixture *f = *state;

	f->row.options_alive_codes.set = true;
	f->row.options_alive_codes.value = (struct parameter_codes){.code = {200, 503}, .n = 2};
	apply(f, 2000);
	assert_true(alive_with(f, 200));
	assert_true(alive_with(f, 503));
	assert_false(alive_with(f, 404));
	assert_false(alive_with(f, 0));
}

static void probes_are_forgotten_when_they_end(void **state)
{
	struct fixture *f = *state;

	assert_false(alive_with(f, 0));
	f->row.options_check = false;
	apply(f, 3000);
	assert_up(f, 3000);
	f->row.options_check = true;
	apply(f, 3000);
	gateway_on_probe(f->gw, 0, "timeout", 0, &p, 3000);
	assert_up(f, 3000);
	assert_false(alive_with(f, 0));
	gateway_on_probe_end(f->gw, 4000);
	assert_up(f, 4000);
	assert_string_equal(f->changes, "untried>down down>untried untried>down down>untried ");
}

/* PUBLISH */

static void closed_takes_it_down_until_open_or_removed(void **state)
{
	struct fixture *f = *state;

	gateway_on_publication(f->gw, PUBLICATION_STATE_OPEN, 2000);
	assert_up(f, 2000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_CLOSED, 3000);
	assert_health(f, 3000, GATEWAY_STATE_DOWN, 3000, "PUBLISH says closed", "a PUBLISH that says open");
	assert_verdict(f, 8000, GATEWAY_VERDICT_CLOSED, "down: PUBLISH says closed for 5 s");
	gateway_on_publication(f->gw, PUBLICATION_STATE_OPEN, 9000);
	assert_up(f, 9000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_CLOSED, 10000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_NONE, 11000);
	assert_up(f, 11000);
}

static void an_expired_publication_takes_it_down_until_the_next_one(void **state)
{
	struct fixture *f = *state;

	gateway_on_publication(f->gw, PUBLICATION_STATE_OPEN, 2000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_EXPIRED, 3000);
	assert_health(f, 3000, GATEWAY_STATE_DOWN, 3000, "publication expired", "a PUBLISH that says open");
	gateway_on_publication(f->gw, PUBLICATION_STATE_OPEN, 4000);
	assert_up(f, 4000);
}

/* Registration */

static void one_that_names_a_registration_is_unusable_until_registered(void **state)
{
	struct fixture *f = *state;

	f->row.registration = "trunk";
	apply(f, 2000);
	assert_health(f, 2000, GATEWAY_STATE_DOWN, 2000, "not registered", "a registration that succeeds");
	gateway_on_registration(f->gw, false, "403 Forbidden", 2500);
	assert_verdict(f, 2500, GATEWAY_VERDICT_NOT_REGISTERED, "not registered: 403 Forbidden");
	gateway_on_registration(f->gw, true, "", 3000);
	assert_up(f, 3000);
	gateway_on_registration(f->gw, false, "timeout", 4000);
	assert_health(
		f, 4000, GATEWAY_STATE_DOWN, 4000, "not registered: timeout", "a registration that succeeds");
}

static void another_registration_is_another_state(void **state)
{
	struct fixture *f = *state;

	f->row.registration = "trunk";
	apply(f, 2000);
	gateway_on_registration(f->gw, true, "", 3000);
	f->row.capacity = 7;
	apply(f, 3000);
	assert_up(f, 3000);
	f->row.registration = "other";
	apply(f, 4000);
	assert_verdict(f, 4000, GATEWAY_VERDICT_NOT_REGISTERED, "not registered");
	f->row.registration = "";
	apply(f, 5000);
	assert_up(f, 5000);
}

static void without_a_name_a_registration_counts_for_nothing(void **state)
{
	struct fixture *f = *state;

	gateway_on_registration(f->gw, false, "timeout", 2000);
	assert_up(f, 2000);
}

static void one_that_is_an_endpoint_is_unusable_until_bound(void **state)
{
	struct fixture *f = *state;

	f->row.host = "";
	f->row.endpoint = "pbx";
	apply(f, 2000);
	assert_health(
		f, 2000, GATEWAY_STATE_DOWN, 2000, "not registered with us", "a REGISTER of its endpoint");
	assert_verdict(f, 2500, GATEWAY_VERDICT_NOT_BOUND, "not registered with us");
	assert_int_equal(gateway_check_forced(f->gw, 2500), GATEWAY_VERDICT_NOT_BOUND);
	gateway_on_binding(f->gw, true, 3000);
	assert_int_equal(gateway_check(f->gw, 3000), GATEWAY_VERDICT_USABLE);
	f->row.capacity = 7;
	apply(f, 3500);
	assert_int_equal(gateway_check(f->gw, 3500), GATEWAY_VERDICT_USABLE);
	gateway_on_binding(f->gw, false, 4000);
	assert_health(
		f, 4000, GATEWAY_STATE_DOWN, 4000, "not registered with us", "a REGISTER of its endpoint");
	gateway_on_binding(f->gw, true, 5000);
	f->row.endpoint = "other";
	apply(f, 6000);
	assert_verdict(f, 6000, GATEWAY_VERDICT_NOT_BOUND, "not registered with us");
	f->row.endpoint = "";
	f->row.host = "127.0.0.1";
	apply(f, 7000);
	assert_int_equal(gateway_check(f->gw, 7000), GATEWAY_VERDICT_USABLE);
}

/* The operator */

static void draining_keeps_calls_and_takes_no_new_ones(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel ch = {0};

	assert_int_equal(gateway_seize(f->gw, &ch, 1000), GATEWAY_VERDICT_USABLE);
	f->row.draining = true;
	apply(f, 2000);
	assert_health(
		f, 2000, GATEWAY_STATE_DRAINING, 2000, "draining by operator", "draining = 0 in its row");
	assert_verdict(f, 2000, GATEWAY_VERDICT_DRAINING, "draining");
	assert_int_equal(gateway_calls(f->gw), 1);
	call_limits_release(&ch);
	f->row.draining = false;
	apply(f, 3000);
	assert_up(f, 3000);
	assert_string_equal(f->changes, "untried>draining draining>untried ");
}

static void disabled_comes_before_draining(void **state)
{
	struct fixture *f = *state;

	f->row.draining = true;
	f->row.enabled = false;
	apply(f, 2000);
	assert_health(
		f, 2000, GATEWAY_STATE_DISABLED, 2000, "disabled by operator", "enabled = 1 in its row");
}

/* Calls */

static void timeouts_in_a_row_open_the_breaker(void **state)
{
	struct fixture *f = *state;

	time_out(f, 4, 2000);
	assert_up(f, 2000);
	time_out(f, 1, 2000);
	assert_health(f, 3000, GATEWAY_STATE_DOWN, 2000, "5 calls in a row failed", "in 29 s a test call");
	assert_verdict(f, 20000, GATEWAY_VERDICT_BREAKER_OPEN, "down: 5 calls in a row failed for 18 s");
	assert_health(f, 99000, GATEWAY_STATE_PROBING, 32000, "5 calls in a row failed",
		"the next call, as a test");
	assert_up(f, 32000);
	attempt(f, GATEWAY_RESULT_ANSWERED, 200, 100, 40000);
	assert_health(f, 44000, GATEWAY_STATE_UP, 40000, "ramping up 40 %", "in 6 s all calls");
	assert_verdict(f, 44000, GATEWAY_VERDICT_RAMPING, "ramping up 40 %");
	assert_health(f, 50000, GATEWAY_STATE_UP, 40000, "", "");
	assert_string_equal(f->changes, "untried>down down>probing probing>up ");
}

static void half_open_takes_one_call_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel ch = {0};

	time_out(f, 5, 2000);
	assert_int_equal(gateway_seize(f->gw, &ch, 40000), GATEWAY_VERDICT_USABLE);
	assert_verdict(f, 40000, GATEWAY_VERDICT_PROBING, "probing: test call under way");
	assert_health(f, 40000, GATEWAY_STATE_PROBING, 32000, "5 calls in a row failed",
		"the result of the test call under way");
	call_limits_release(&ch); /* never told how it ended */
	assert_up(f, 40000);
}

static void a_test_call_that_rings_closes_the_breaker(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel ch = {0};

	time_out(f, 5, 2000);
	assert_int_equal(gateway_seize(f->gw, &ch, 40000), GATEWAY_VERDICT_USABLE);
	gateway_on_progress(f->gw, &ch, &p, 40000);
	assert_health(f, 40000, GATEWAY_STATE_UP, 40000, "ramping up 10 %", "in 10 s all calls");
	call_limits_release(&ch);
}

/* How many of so many calls are let through? */
static unsigned let_through(struct fixture *f, unsigned calls, uint64_t now_ms)
{
	unsigned n = 0;

	while (calls--) {
		struct call_limits_channel ch = {0};

		n += gateway_seize(f->gw, &ch, now_ms) == GATEWAY_VERDICT_USABLE;
		call_limits_release(&ch);
	}
	return n;
}

static void a_ramp_lets_a_share_of_the_calls_through(void **state)
{
	struct fixture *f = *state;

	time_out(f, 5, 2000);
	attempt(f, GATEWAY_RESULT_ANSWERED, 200, 100, 40000);
	assert_int_equal(let_through(f, 100, 41000), 10);
	assert_int_equal(let_through(f, 100, 45000), 50);
	assert_int_equal(let_through(f, 100, 50000), 100);
}

static void a_call_that_does_not_fit_does_not_move_the_ramp(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel ch = {0};

	time_out(f, 5, 2000);
	attempt(f, GATEWAY_RESULT_ANSWERED, 200, 100, 40000);
	assert_int_equal(let_through(f, 9, 41000), 0); /* the next one is let through */
	f->row.capacity = 1;
	apply(f, 41000);
	assert_int_equal(gateway_seize(f->gw, &ch, 41000), GATEWAY_VERDICT_USABLE);
	assert_int_equal(let_through(f, 9, 41000), 0);
	assert_int_equal(gateway_check(f->gw, 41000), GATEWAY_VERDICT_FULL);
	assert_int_equal(let_through(f, 100, 41000), 0);
	call_limits_release(&ch);
	assert_int_equal(let_through(f, 10, 41000), 1);
}

/* Does such an end of five attempts open it? */
static bool opens_with(struct fixture *f, enum gateway_result_outcome outcome, int code, int32_t pdd_ms)
{
	bool open;

	for (unsigned i = 0; i < 5; i++)
		attempt(f, outcome, code, pdd_ms, 2000);
	open = gateway_check(f->gw, 2000) == GATEWAY_VERDICT_BREAKER_OPEN;
	f->row.port++; /* another machine */
	apply(f, 2000);
	return open;
}

static void what_counts_as_failure_is_that_of_the_parameters(void **state)
{
	struct fixture *f = *state;

	assert_true(opens_with(f, GATEWAY_RESULT_TIMEOUT, 0, -1));
	assert_false(opens_with(f, GATEWAY_RESULT_TIMEOUT, 0, 100)); /* it rang in vain */
	assert_true(opens_with(f, GATEWAY_RESULT_TRANSPORT, 0, -1));
	assert_false(opens_with(f, GATEWAY_RESULT_ABANDONED, 0, -1));
	assert_false(opens_with(f, GATEWAY_RESULT_ANSWERED, 503, 100));
	for (int code = 300; code < 700; code++)
		assert_int_equal(opens_with(f, GATEWAY_RESULT_REFUSED, code, -1), code == 503);
}

static void what_counts_as_failure_can_be_its_own(void **state)
{
	struct fixture *f = *state;

	f->row.breaker_on.set = true;
	f->row.breaker_on.value = (struct parameter_breaker_on){.codes = {.code = {500, 502}, .n = 2}};
	apply(f, 2000);
	assert_false(opens_with(f, GATEWAY_RESULT_TIMEOUT, 0, -1));
	assert_false(opens_with(f, GATEWAY_RESULT_TRANSPORT, 0, -1));
	for (int code = 300; code < 700; code++)
		assert_int_equal(opens_with(f, GATEWAY_RESULT_REFUSED, code, -1), code == 500 || code == 502);
}

static void silence_that_does_not_count_is_no_success(void **state)
{
	struct fixture *f = *state;

	f->row.breaker_on.set = true;
	f->row.breaker_on.value = (struct parameter_breaker_on){.codes = {.code = {500}, .n = 1}};
	apply(f, 2000);
	for (unsigned i = 0; i < 5; i++) {
		attempt(f, GATEWAY_RESULT_REFUSED, 500, -1, 2000);
		attempt(f, GATEWAY_RESULT_TIMEOUT, 0, -1, 2000);
		attempt(f, GATEWAY_RESULT_TRANSPORT, 0, -1, 2000);
		attempt(f, GATEWAY_RESULT_ABANDONED, 0, -1, 2000);
	}
	assert_verdict(f, 2000, GATEWAY_VERDICT_BREAKER_OPEN, "down: 5 calls in a row failed for 0 s");
	attempt(f, GATEWAY_RESULT_TIMEOUT, 0, -1, 40000); /* neither closes nor opens */
	assert_up(f, 40000);
	assert_health(f, 40000, GATEWAY_STATE_PROBING, 32000, "5 calls in a row failed",
		"the next call, as a test");
}

/* Between inputs */

static void good_news_of_one_input_does_not_hide_bad_news_of_another(void **state)
{
	struct fixture *f = *state;

	assert_false(alive_with(f, 0));
	attempt(f, GATEWAY_RESULT_ANSWERED, 200, 100, 3000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_OPEN, 3000);
	assert_int_equal(gateway_check(f->gw, 3000), GATEWAY_VERDICT_OPTIONS_DOWN);
	gateway_on_publication(f->gw, PUBLICATION_STATE_CLOSED, 4000);
	gateway_on_probe(f->gw, 200, "", 1, &p, 4000);
	assert_int_equal(gateway_check(f->gw, 4000), GATEWAY_VERDICT_CLOSED);
	gateway_on_publication(f->gw, PUBLICATION_STATE_OPEN, 5000);
	assert_up(f, 5000);
}

static void a_machine_that_is_back_is_worth_a_test_call_at_once(void **state)
{
	struct fixture *f = *state;

	assert_false(alive_with(f, 0));
	time_out(f, 5, 2000);
	gateway_on_probe(f->gw, 200, "", 1, &p, 3000);
	assert_health(
		f, 3000, GATEWAY_STATE_PROBING, 3000, "5 calls in a row failed", "the next call, as a test");
	attempt(f, GATEWAY_RESULT_TIMEOUT, 0, -1, 4000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_CLOSED, 5000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_OPEN, 6000);
	assert_health(f, 6000, GATEWAY_STATE_PROBING, 6000, "a test call failed", "the next call, as a test");
}

static void an_answered_probe_that_is_no_news_leaves_the_breaker_open(void **state)
{
	struct fixture *f = *state;

	time_out(f, 5, 2000);
	gateway_on_probe(f->gw, 200, "", 1, &p, 3000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_OPEN, 3000);
	assert_int_equal(gateway_check(f->gw, 3000), GATEWAY_VERDICT_BREAKER_OPEN);
}

/* All inputs are bad; one after the other, from the top of the table, is put right. */
static void the_table_is_read_from_the_top(void **state)
{
	struct fixture *f = *state;

	time_out(f, 5, 1000);
	assert_false(alive_with(f, 0));
	gateway_on_publication(f->gw, PUBLICATION_STATE_CLOSED, 2000);
	gateway_retry_after(f->gw, 10, 2000);
	f->row.registration = "trunk";
	f->row.enabled = false;
	f->row.draining = true;
	gateway_ref(f->gw);
	apply(f, 2000);
	assert_int_equal(gateways_apply(f->set, NULL, 0), 0);
	assert_verdict(f, 2000, GATEWAY_VERDICT_REMOVED, "removed");
	assert_health(f, 2000, GATEWAY_STATE_DISABLED, 2000, "its row is gone", "a row of this name");
	apply(f, 2000);
	assert_verdict(f, 2000, GATEWAY_VERDICT_DISABLED, "disabled");
	f->row.enabled = true;
	apply(f, 2000);
	assert_verdict(f, 2000, GATEWAY_VERDICT_DRAINING, "draining");
	f->row.draining = false;
	apply(f, 2000);
	assert_verdict(f, 2000, GATEWAY_VERDICT_NOT_REGISTERED, "not registered");
	gateway_on_registration(f->gw, true, "", 2000);
	assert_verdict(f, 2000, GATEWAY_VERDICT_RETRY_AFTER, "Retry-After, 10 s left");
	assert_health(f, 2000, GATEWAY_STATE_DOWN, 2000, "Retry-After", "in 10 s calls again");
	assert_verdict(f, 12000, GATEWAY_VERDICT_CLOSED, "down: PUBLISH says closed for 0 s");
	gateway_on_publication(f->gw, PUBLICATION_STATE_NONE, 12000);
	assert_verdict(f, 12000, GATEWAY_VERDICT_OPTIONS_DOWN, "down: OPTIONS timeout for 0 s");
	gateway_on_probe_end(f->gw, 12000);
	assert_verdict(f, 12000, GATEWAY_VERDICT_BREAKER_OPEN, "down: 5 calls in a row failed for 0 s");
	assert_up(f, 31000);
	gateway_unref(f->gw);
}

static void capacity_is_looked_at_last(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel ch = {0};

	f->row.capacity = 1;
	apply(f, 1000);
	assert_int_equal(gateway_seize(f->gw, &ch, 1000), GATEWAY_VERDICT_USABLE);
	assert_verdict(f, 1000, GATEWAY_VERDICT_FULL, "full 1/1");
	assert_false(alive_with(f, 0));
	assert_verdict(f, 2000, GATEWAY_VERDICT_OPTIONS_DOWN, "down: OPTIONS timeout for 0 s");
	assert_int_equal(gateway_check_forced(f->gw, 2000), GATEWAY_VERDICT_FULL);
	call_limits_release(&ch);
}

/* The state */

static void what_time_ends_ended_on_time_however_late_one_looks(void **state)
{
	struct fixture *f = *state;

	gateway_retry_after(f->gw, 10, 2000);
	assert_health(f, 3000, GATEWAY_STATE_DOWN, 2000, "Retry-After", "in 9 s calls again");
	assert_untried(f, 500000, 12000);
	assert_string_equal(f->changes, "untried>down ");
	gateways_update_states(f->set, 600000);
	assert_string_equal(f->changes, "untried>down down>untried ");
	assert_untried(f, 700000, 12000);
}

static void one_end_can_reveal_another_reason(void **state)
{
	struct fixture *f = *state;

	time_out(f, 5, 2000); /* until 32000 */
	gateway_retry_after(f->gw, 10, 2000);
	assert_health(f, 20000, GATEWAY_STATE_DOWN, 12000, "5 calls in a row failed", "in 12 s a test call");
	assert_health(f, 500000, GATEWAY_STATE_PROBING, 32000, "5 calls in a row failed",
		"the next call, as a test");
}

static void a_change_is_told_once_and_another_reason_is_one(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 9; i++) {
		gateway_on_probe(f->gw, 0, "timeout", 0, &p, 2000 + i);
		gateways_update_states(f->set, 2000 + i);
	}
	assert_string_equal(f->changes, "untried>down ");
	gateway_on_publication(f->gw, PUBLICATION_STATE_CLOSED, 3000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_CLOSED, 3000);
	assert_string_equal(f->changes, "untried>down down>down ");
	gateways_on_change(f->set, NULL, NULL);
	gateway_on_publication(f->gw, PUBLICATION_STATE_OPEN, 3000);
	assert_string_equal(f->changes, "untried>down down>down ");
}

static void the_facts_are_told_whatever_decides(void **state)
{
	struct fixture *f = *state;
	struct gateway_state_info health;

	gateway_info(f->gw, 1000, &health);
	assert_string_equal(health.options, "");
	assert_string_equal(health.publication, "");
	assert_string_equal(health.registration, "");
	f->row.registration = "trunk";
	f->row.enabled = false;
	apply(f, 2000);
	gateway_on_registration(f->gw, true, "", 2000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_EXPIRED, 2000);
	gateway_on_probe(f->gw, 200, "", 12, &p, 2000);
	gateway_info(f->gw, 2000, &health);
	assert_string_equal(health.options, "200 in 12 ms");
	assert_string_equal(health.publication, "expired");
	assert_string_equal(health.registration, "registered");
	gateway_on_registration(f->gw, false, "423 Interval Too Brief", 2000);
	gateway_on_probe(f->gw, 0, "timeout", 0, &p, 2000);
	gateway_on_probe(f->gw, 0, "timeout", 0, &p, 2000);
	gateway_on_probe(f->gw, 0, "name not found", 0, &p, 2000);
	gateway_info(f->gw, 2000, &health);
	assert_string_equal(health.options, "name not found, 3 in a row");
	assert_string_equal(health.registration, "423 Interval Too Brief");
}

static void another_address_is_another_machine(void **state)
{
	struct fixture *f = *state;

	gateway_on_publication(f->gw, PUBLICATION_STATE_CLOSED, 2000);
	assert_false(alive_with(f, 0));
	time_out(f, 5, 2000);
	gateway_retry_after(f->gw, 100, 2000);
	f->row.capacity = 5;
	apply(f, 3000);
	assert_int_equal(gateway_check(f->gw, 3000), GATEWAY_VERDICT_RETRY_AFTER);
	f->row.port = 5070;
	apply(f, 3000);
	assert_untried(f, 3000, 3000);
	time_out(f, 4, 3000);
	assert_up(f, 3000);
}

static void attempts_at_the_former_address_count_no_more(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel ch[5] = {0};

	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(gateway_seize(f->gw, &ch[i], 1000), GATEWAY_VERDICT_USABLE);
	f->row.host = "127.0.0.2";
	apply(f, 2000);
	for (unsigned i = 0; i < 5; i++) {
		struct gateway_result r = {
			.channel = &ch[i], .outcome = GATEWAY_RESULT_TIMEOUT, .pdd_ms = -1};

		gateway_on_result(f->gw, &r, &p, 3000);
		call_limits_release(&ch[i]);
	}
	assert_up(f, 3000);
}

/* For want of a better one */

static void only_what_is_merely_down_may_be_forced(void **state)
{
	struct fixture *f = *state;

	gateway_on_publication(f->gw, PUBLICATION_STATE_CLOSED, 2000);
	assert_int_equal(gateway_check_forced(f->gw, 2000), GATEWAY_VERDICT_USABLE);
	assert_false(alive_with(f, 0));
	time_out(f, 5, 2000);
	assert_int_equal(gateway_check_forced(f->gw, 2000), GATEWAY_VERDICT_USABLE);
	gateway_retry_after(f->gw, 10, 2000);
	assert_int_equal(gateway_check_forced(f->gw, 2000), GATEWAY_VERDICT_RETRY_AFTER);
	f->row.registration = "trunk";
	apply(f, 12000);
	assert_int_equal(gateway_check_forced(f->gw, 12000), GATEWAY_VERDICT_NOT_REGISTERED);
	f->row.draining = true;
	apply(f, 12000);
	assert_int_equal(gateway_check_forced(f->gw, 12000), GATEWAY_VERDICT_DRAINING);
	f->row.enabled = false;
	apply(f, 12000);
	assert_int_equal(gateway_check_forced(f->gw, 12000), GATEWAY_VERDICT_DISABLED);
}

static void a_gateway_under_test_or_ramping_may_be_forced(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel ch = {0};

	time_out(f, 5, 2000);
	assert_int_equal(gateway_seize(f->gw, &ch, 40000), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateway_check(f->gw, 40000), GATEWAY_VERDICT_PROBING);
	assert_int_equal(gateway_check_forced(f->gw, 40000), GATEWAY_VERDICT_USABLE);
	gateway_on_progress(f->gw, &ch, &p, 40000);
	assert_int_equal(gateway_check(f->gw, 40000), GATEWAY_VERDICT_RAMPING);
	assert_int_equal(gateway_check_forced(f->gw, 40000), GATEWAY_VERDICT_USABLE);
	call_limits_release(&ch);
}

static void the_last_failure_is_remembered_while_it_is_not_up(void **state)
{
	struct fixture *f = *state;

	gateway_on_probe(f->gw, 0, "timeout", 0, &p, 2000);
	assert_int_equal(gateway_failed_ms(f->gw, 2000), 0); /* still up */
	gateway_on_probe(f->gw, 0, "timeout", 0, &p, 3000);
	assert_int_equal(gateway_failed_ms(f->gw, 9000), 3000);
	time_out(f, 1, 4000);
	assert_int_equal(gateway_failed_ms(f->gw, 9000), 4000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_CLOSED, 5000);
	assert_int_equal(gateway_failed_ms(f->gw, 9000), 5000);
	gateway_on_publication(f->gw, PUBLICATION_STATE_NONE, 6000);
	gateway_on_probe(f->gw, 200, "", 1, &p, 6000);
	assert_int_equal(gateway_failed_ms(f->gw, 9000), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_new_gateway_is_untried_and_gets_calls),
		TEST(silence_leaves_it_untried),
		TEST(the_first_answer_makes_it_up),
		TEST(what_the_old_address_answered_says_nothing_of_the_new_one),
		TEST(a_new_gateway_is_in_its_state_since_it_came),
		TEST(failed_probes_in_a_row_take_it_down_and_one_answer_up),
		TEST(the_thresholds_of_probes_are_those_of_the_parameters),
		TEST(any_answer_but_408_and_503_means_alive),
		TEST(the_codes_that_mean_alive_can_be_its_own),
		TEST(probes_are_forgotten_when_they_end),
		TEST(closed_takes_it_down_until_open_or_removed),
		TEST(an_expired_publication_takes_it_down_until_the_next_one),
		TEST(one_that_names_a_registration_is_unusable_until_registered),
		TEST(another_registration_is_another_state),
		TEST(without_a_name_a_registration_counts_for_nothing),
		TEST(one_that_is_an_endpoint_is_unusable_until_bound),
		TEST(draining_keeps_calls_and_takes_no_new_ones),
		TEST(disabled_comes_before_draining),
		TEST(timeouts_in_a_row_open_the_breaker),
		TEST(half_open_takes_one_call_at_a_time),
		TEST(a_test_call_that_rings_closes_the_breaker),
		TEST(a_ramp_lets_a_share_of_the_calls_through),
		TEST(a_call_that_does_not_fit_does_not_move_the_ramp),
		TEST(what_counts_as_failure_is_that_of_the_parameters),
		TEST(what_counts_as_failure_can_be_its_own),
		TEST(silence_that_does_not_count_is_no_success),
		TEST(good_news_of_one_input_does_not_hide_bad_news_of_another),
		TEST(a_machine_that_is_back_is_worth_a_test_call_at_once),
		TEST(an_answered_probe_that_is_no_news_leaves_the_breaker_open),
		TEST(the_table_is_read_from_the_top),
		TEST(capacity_is_looked_at_last),
		TEST(what_time_ends_ended_on_time_however_late_one_looks),
		TEST(one_end_can_reveal_another_reason),
		TEST(a_change_is_told_once_and_another_reason_is_one),
		TEST(the_facts_are_told_whatever_decides),
		TEST(another_address_is_another_machine),
		TEST(attempts_at_the_former_address_count_no_more),
		TEST(only_what_is_merely_down_may_be_forced),
		TEST(a_gateway_under_test_or_ramping_may_be_forced),
		TEST(the_last_failure_is_remembered_while_it_is_not_up),
	};

	return cmocka_run_group_tests_name("gateway_liveness", tests, NULL, NULL);
}
