#include "gateway_stats.h"

#include "gateways.h"
#include "unit.h"

#include <stdlib.h>

enum { PERIOD = GATEWAY_STATS_PERIOD_MS, WINDOW = GATEWAY_STATS_PERIODS * PERIOD };

struct fixture {
	struct gateways *set;
	struct gateway *gw;
	struct gateway_stats_figures window, total;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct db_gateway row = unit_gateway("a");

	assert_non_null(f);
	assert_int_equal(gateways_create(&f->set), 0);
	assert_int_equal(gateways_apply(f->set, &row, 1), 0);
	f->gw = gateways_find(f->set, "a");
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

static void ended(
	struct fixture *f, enum gateway_result_outcome outcome, int code, int32_t pdd_ms, uint64_t now_ms)
{
	static const struct parameters p = {.breaker_window = 20};
	struct call_limits_channel ch = {0};
	struct gateway_result r = {.channel = &ch, .outcome = outcome, .sip_code = code, .pdd_ms = pdd_ms};

	assert_int_equal(gateway_seize(f->gw, &ch, now_ms), GATEWAY_VERDICT_USABLE);
	gateway_on_result(f->gw, &r, &p, now_ms);
	call_limits_release(&ch);
}

static void look(struct fixture *f, uint64_t now_ms)
{
	gateway_figures(f->gw, now_ms, &f->window, &f->total);
}

static void nothing_is_known_of_an_idle_gateway(void **state)
{
	struct fixture *f = *state;

	look(f, 1000);
	assert_int_equal(f->total.attempts, 0);
	assert_int_equal(f->total.asr_percent, -1);
	assert_int_equal(f->total.ner_percent, -1);
	assert_int_equal(f->total.acd_ms, -1);
	assert_int_equal(f->total.pdd_median_ms, -1);
	assert_int_equal(f->total.pdd_95_ms, -1);
	assert_int_equal(f->total.n_failures, 0);
	assert_int_equal(f->window.attempts, 0);
}

static void asr_is_the_share_of_answered_attempts(void **state)
{
	struct fixture *f = *state;

	ended(f, GATEWAY_RESULT_ANSWERED, 200, 10, 1000);
	ended(f, GATEWAY_RESULT_REFUSED, 503, -1, 1000);
	ended(f, GATEWAY_RESULT_ABANDONED, 0, -1, 1000);
	look(f, 1000);
	assert_int_equal(f->total.attempts, 3);
	assert_int_equal(f->total.answered, 1);
	assert_int_equal(f->total.asr_percent, 33);
	ended(f, GATEWAY_RESULT_ANSWERED, 200, 10, 1000);
	ended(f, GATEWAY_RESULT_ANSWERED, 200, 10, 1000);
	ended(f, GATEWAY_RESULT_ANSWERED, 200, 10, 1000);
	look(f, 1000);
	assert_int_equal(f->total.asr_percent, 67);
}

/* Does it count as effective? */
static bool effective(struct fixture *f, enum gateway_result_outcome outcome, int code, int32_t pdd_ms)
{
	uint64_t before;

	look(f, 1000);
	before = f->total.effective;
	ended(f, outcome, code, pdd_ms, 1000);
	look(f, 1000);
	return f->total.effective > before;
}

static void what_the_callee_ended_counts_as_effective(void **state)
{
	static const int callees[] = {404, 410, 480, 484, 486, 487, 600, 603, 604};
	struct fixture *f = *state;
	unsigned next = 0;

	for (int code = 300; code < 700; code++) {
		const bool expected = next < 9 && code == callees[next];

		next += expected;
		assert_int_equal(effective(f, GATEWAY_RESULT_REFUSED, code, -1), expected);
		assert_int_equal(effective(f, GATEWAY_RESULT_REFUSED, code, 0), expected || code == 408);
	}
	assert_true(effective(f, GATEWAY_RESULT_ANSWERED, 200, 10));
	assert_false(effective(f, GATEWAY_RESULT_TRANSPORT, 0, -1));
	assert_false(effective(f, GATEWAY_RESULT_TRANSPORT, 0, 10));
}

static void a_phone_that_rang_in_vain_counts_as_effective(void **state)
{
	struct fixture *f = *state;

	assert_false(effective(f, GATEWAY_RESULT_TIMEOUT, 0, -1));
	assert_true(effective(f, GATEWAY_RESULT_TIMEOUT, 0, 10));
	assert_false(effective(f, GATEWAY_RESULT_ABANDONED, 0, -1));
	assert_true(effective(f, GATEWAY_RESULT_ABANDONED, 0, 10));
	look(f, 1000);
	assert_int_equal(f->total.ner_percent, 50);
}

static void acd_is_the_mean_of_calls_that_are_over(void **state)
{
	struct fixture *f = *state;

	ended(f, GATEWAY_RESULT_ANSWERED, 200, 10, 1000);
	look(f, 1000);
	assert_int_equal(f->total.acd_ms, -1);
	gateway_on_call_end(f->gw, 1000, 2000);
	gateway_on_call_end(f->gw, 4000, 5000);
	look(f, 5000);
	assert_int_equal(f->total.acd_ms, 2500);
	assert_int_equal(f->window.acd_ms, 2500);
}

static void pdd_is_told_to_an_eighth_of_the_value(void **state)
{
	struct fixture *f = *state;
	uint64_t now = 1000;

	for (int32_t ms = 0; ms < 131072; ms += 1 + ms / 50, now += WINDOW) {
		ended(f, GATEWAY_RESULT_ANSWERED, 200, ms, now);
		look(f, now);
		assert_in_range(f->window.pdd_median_ms, ms - ms / 8, ms + ms / 8);
		assert_int_equal(f->window.pdd_95_ms, f->window.pdd_median_ms);
	}
	ended(f, GATEWAY_RESULT_ANSWERED, 200, INT32_MAX, now);
	look(f, now);
	assert_in_range(f->window.pdd_median_ms, 114688, 131072); /* the last bin */
}

static void median_and_95_percent_are_those_of_all_delays(void **state)
{
	struct fixture *f = *state;

	for (int32_t ms = 1; ms <= 100; ms++)
		ended(f, GATEWAY_RESULT_ANSWERED, 200, ms * 100, 1000);
	ended(f, GATEWAY_RESULT_TIMEOUT, 0, -1, 1000); /* has none */
	look(f, 1000);
	assert_in_range(f->total.pdd_median_ms, 5000 * 7 / 8, 5000 * 9 / 8);
	assert_in_range(f->total.pdd_95_ms, 9500 * 7 / 8, 9500 * 9 / 8);
}

static void half_of_the_delays_are_not_above_the_median(void **state)
{
	struct fixture *f = *state;

	ended(f, GATEWAY_RESULT_ANSWERED, 200, 1, 1000);
	ended(f, GATEWAY_RESULT_ANSWERED, 200, 5, 1000);
	look(f, 1000);
	assert_int_equal(f->total.pdd_median_ms, 1);
	assert_int_equal(f->total.pdd_95_ms, 5);
	ended(f, GATEWAY_RESULT_ANSWERED, 200, 5, 1000);
	look(f, 1000);
	assert_int_equal(f->total.pdd_median_ms, 5);
}

/* Below 8 ms the value is exact, so it is seen which of them was taken. */
static void of_100_delays_the_50th_and_the_95th_count(void **state)
{
	struct fixture *f = *state;

	for (int i = 1; i <= 100; i++)
		ended(f, GATEWAY_RESULT_ANSWERED, 200,
			i < 50            ? 1
				: i == 50 ? 2
				: i < 95  ? 3
				: i == 95 ? 4
					  : 5,
			1000);
	look(f, 1000);
	assert_int_equal(f->total.pdd_median_ms, 2);
	assert_int_equal(f->total.pdd_95_ms, 4);
}

static void failures_are_told_by_kind(void **state)
{
	struct fixture *f = *state;

	ended(f, GATEWAY_RESULT_REFUSED, 503, -1, 1000);
	ended(f, GATEWAY_RESULT_REFUSED, 486, -1, 1000);
	ended(f, GATEWAY_RESULT_REFUSED, 503, -1, 1000);
	ended(f, GATEWAY_RESULT_TIMEOUT, 0, -1, 1000);
	ended(f, GATEWAY_RESULT_TRANSPORT, 0, -1, 1000);
	ended(f, GATEWAY_RESULT_ABANDONED, 0, -1, 1000);
	ended(f, GATEWAY_RESULT_ANSWERED, 200, 1, 1000);
	look(f, 1000);
	assert_int_equal(f->total.n_failures, 4);
	assert_int_equal(f->total.failures[0].outcome, GATEWAY_RESULT_TIMEOUT);
	assert_int_equal(f->total.failures[1].outcome, GATEWAY_RESULT_TRANSPORT);
	assert_int_equal(f->total.failures[2].sip_code, 503);
	assert_int_equal(f->total.failures[2].count, 2);
	assert_int_equal(f->total.failures[3].sip_code, 486);
	assert_int_equal(f->total.failures[3].count, 1);
}

static void after_sixteen_codes_the_others_are_one(void **state)
{
	struct fixture *f = *state;

	for (int code = 400; code < 420; code++)
		ended(f, GATEWAY_RESULT_REFUSED, code, -1, 1000);
	ended(f, GATEWAY_RESULT_REFUSED, 415, -1, 1000);
	ended(f, GATEWAY_RESULT_REFUSED, 416, -1, 1000);
	look(f, 1000);
	assert_int_equal(f->total.n_failures, 17);
	assert_int_equal(f->total.failures[15].sip_code, 415);
	assert_int_equal(f->total.failures[15].count, 2);
	assert_int_equal(f->total.failures[16].outcome, GATEWAY_RESULT_REFUSED);
	assert_int_equal(f->total.failures[16].sip_code, 0);
	assert_int_equal(f->total.failures[16].count, 5);
}

static void the_window_moves_on_by_periods(void **state)
{
	struct fixture *f = *state;
	const uint64_t begin = 1000ull * WINDOW;

	for (unsigned i = 0; i < 10; i++)
		ended(f, GATEWAY_RESULT_ANSWERED, 200, 1, begin + (uint64_t)i * PERIOD);
	look(f, begin + WINDOW - 1);
	assert_int_equal(f->window.attempts, 10);
	look(f, begin + WINDOW);
	assert_int_equal(f->window.attempts, 9);
	look(f, begin + WINDOW + 5 * PERIOD);
	assert_int_equal(f->window.attempts, 4);
	look(f, begin + 2 * WINDOW);
	assert_int_equal(f->window.attempts, 0);
	assert_int_equal(f->total.attempts, 10);
}

static void an_old_period_is_empty_when_it_comes_round_again(void **state)
{
	struct fixture *f = *state;

	ended(f, GATEWAY_RESULT_REFUSED, 500, 3, 1000);
	gateway_on_call_end(f->gw, 7, 1000);
	ended(f, GATEWAY_RESULT_ANSWERED, 200, -1, 1000 + WINDOW);
	look(f, 1000 + WINDOW);
	assert_int_equal(f->window.attempts, 1);
	assert_int_equal(f->window.answered, 1);
	assert_int_equal(f->window.acd_ms, -1);
	assert_int_equal(f->window.pdd_median_ms, -1);
	assert_int_equal(f->window.n_failures, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_known_of_an_idle_gateway),
		TEST(asr_is_the_share_of_answered_attempts),
		TEST(what_the_callee_ended_counts_as_effective),
		TEST(a_phone_that_rang_in_vain_counts_as_effective),
		TEST(acd_is_the_mean_of_calls_that_are_over),
		TEST(pdd_is_told_to_an_eighth_of_the_value),
		TEST(median_and_95_percent_are_those_of_all_delays),
		TEST(half_of_the_delays_are_not_above_the_median),
		TEST(of_100_delays_the_50th_and_the_95th_count),
		TEST(failures_are_told_by_kind),
		TEST(after_sixteen_codes_the_others_are_one),
		TEST(the_window_moves_on_by_periods),
		TEST(an_old_period_is_empty_when_it_comes_round_again),
	};

	return cmocka_run_group_tests_name("gateway_stats", tests, NULL, NULL);
}
