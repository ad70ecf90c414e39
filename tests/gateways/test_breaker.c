#include "breaker.h"

#include "unit.h"

#include "parameters.h"

#include <stdlib.h>

/* One breaker whose calls take a channel each. */
struct fixture {
	struct breaker breaker;
	struct call_limits limits;
	struct parameters p;
	struct call_limits_channel ch[128];
	unsigned n;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->p = (struct parameters){.breaker_failures = 5,
		.breaker_window = 20,
		.breaker_rate = 80,
		.breaker_time_ms = 30000,
		.breaker_successes = 1,
		.breaker_ramp_ms = 10000};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < f->n; i++)
		call_limits_release(&f->ch[i]);
	call_limits_clear(&f->limits);
	free(f);
	return 0;
}

static struct call_limits_channel *begin(struct fixture *f, uint64_t now_ms)
{
	struct call_limits_channel *ch = &f->ch[f->n++];

	assert_in_range(f->n, 1, 128);
	assert_int_equal(call_limits_seize(&f->limits, ch, now_ms), 0);
	breaker_on_seized(&f->breaker, ch, now_ms);
	return ch;
}

/* One call, from begin to result, in no time. */
static void call(struct fixture *f, bool failed, uint64_t now_ms)
{
	breaker_on_result(&f->breaker, begin(f, now_ms), failed, &f->p, now_ms);
}

static void calls(struct fixture *f, const char *results, uint64_t now_ms)
{
	for (; *results; results++)
		call(f, *results == 'x', now_ms);
}

static void assert_state(struct fixture *f, enum breaker_state expected, uint64_t now_ms)
{
	assert_int_equal(breaker_state(&f->breaker, now_ms), expected);
}

static void assert_words(struct fixture *f, const char *expected)
{
	char words[64];

	breaker_explain(&f->breaker, words, sizeof(words));
	assert_string_equal(words, expected);
}

/* Trip it at 1000, so that it is half open from 31000 on. */
static void trip(struct fixture *f)
{
	calls(f, "xxxxx", 1000);
	assert_state(f, BREAKER_OPEN, 1000);
}

static void failures_in_a_row_open_it(void **state)
{
	struct fixture *f = *state;

	calls(f, "xxxx", 1000);
	assert_state(f, BREAKER_CLOSED, 1000);
	assert_true(breaker_lets_through(&f->breaker, 1000));
	calls(f, "x", 1000);
	assert_state(f, BREAKER_OPEN, 1000);
	assert_false(breaker_lets_through(&f->breaker, 1000));
	assert_words(f, "5 calls in a row failed");
}

static void a_success_between_restarts_the_count(void **state)
{
	struct fixture *f = *state;

	calls(f, "xxxx.xxxx", 1000);
	assert_state(f, BREAKER_CLOSED, 1000);
	calls(f, "x", 1000);
	assert_state(f, BREAKER_OPEN, 1000);
}

static void a_single_failure_opens_it_when_told_so(void **state)
{
	struct fixture *f = *state;

	f->p.breaker_failures = 1;
	calls(f, "x", 1000);
	assert_state(f, BREAKER_OPEN, 1000);
	assert_words(f, "1 call failed");
}

static void the_share_of_failures_opens_it_once_the_window_is_full(void **state)
{
	struct fixture *f = *state;

	calls(f, "xxxx.xxxx.xxxx.xxx", 1000); /* 15 of 18 */
	calls(f, ".", 1000);
	assert_state(f, BREAKER_CLOSED, 1000);
	calls(f, "x", 1000); /* 16 of 20 */
	assert_state(f, BREAKER_OPEN, 1000);
	assert_words(f, "16 of the last 20 calls failed");
}

static void what_left_the_window_counts_no_more(void **state)
{
	struct fixture *f = *state;

	calls(f, "xxxx.xxxx.xxxx.", 1000); /* 12 failures */
	calls(f, "....................", 1000);
	calls(f, "xxxx.xxxx.xxxx.xxx.", 1000); /* 15 of 19, and the one before is a success */
	assert_state(f, BREAKER_CLOSED, 1000);
	calls(f, "x", 1000);
	assert_state(f, BREAKER_OPEN, 1000);
}

static void the_window_can_be_64_calls(void **state)
{
	struct fixture *f = *state;

	f->p.breaker_window = 64;
	f->p.breaker_rate = 50;
	for (unsigned i = 0; i < 31; i++)
		calls(f, ".x", 1000);
	calls(f, ".", 1000);
	assert_state(f, BREAKER_CLOSED, 1000); /* 31 of 63 */
	calls(f, "x", 1000);
	assert_words(f, "32 of the last 64 calls failed");
}

static void none_and_none_never_open_it(void **state)
{
	struct fixture *f = *state;

	f->p.breaker_failures = 0;
	f->p.breaker_rate = 0;
	for (unsigned i = 0; i < 100; i++)
		call(f, true, 1000);
	assert_state(f, BREAKER_CLOSED, 1000);
}

static void without_a_row_the_share_still_counts(void **state)
{
	struct fixture *f = *state;

	f->p.breaker_failures = 0;
	calls(f, "xxxxxxxxxxxxxxxxxxx", 1000);
	assert_state(f, BREAKER_CLOSED, 1000);
	calls(f, "x", 1000);
	assert_state(f, BREAKER_OPEN, 1000);
}

static void open_ends_on_time_and_lets_one_call_through(void **state)
{
	struct fixture *f = *state;

	trip(f);
	assert_state(f, BREAKER_OPEN, 30999);
	assert_state(f, BREAKER_HALF_OPEN, 31000);
	assert_true(breaker_lets_through(&f->breaker, 31000));
	begin(f, 31000);
	assert_false(breaker_lets_through(&f->breaker, 31000));
	assert_false(breaker_lets_through(&f->breaker, 9999999));
}

static void a_test_that_fails_opens_it_again(void **state)
{
	struct fixture *f = *state;

	trip(f);
	call(f, true, 40000);
	assert_state(f, BREAKER_OPEN, 69999);
	assert_state(f, BREAKER_HALF_OPEN, 70000);
	assert_words(f, "a test call failed");
	assert_true(breaker_lets_through(&f->breaker, 70000));
}

static void a_test_that_succeeds_closes_it_by_way_of_the_ramp(void **state)
{
	struct fixture *f = *state;

	trip(f);
	call(f, false, 31000);
	assert_state(f, BREAKER_RAMPING, 31000);
	assert_state(f, BREAKER_RAMPING, 40999);
	assert_state(f, BREAKER_CLOSED, 41000);
}

static void without_a_ramp_it_is_closed_at_once(void **state)
{
	struct fixture *f = *state;

	f->p.breaker_ramp_ms = 0;
	trip(f);
	call(f, false, 31000);
	assert_state(f, BREAKER_CLOSED, 31000);
	assert_true(breaker_lets_through(&f->breaker, 31000));
}

static void several_tests_must_succeed_in_a_row_when_told_so(void **state)
{
	struct fixture *f = *state;

	f->p.breaker_successes = 3;
	trip(f);
	calls(f, "..", 31000);
	assert_state(f, BREAKER_HALF_OPEN, 31000);
	calls(f, "x", 31000);
	assert_state(f, BREAKER_OPEN, 31000);
	calls(f, "..", 61000);
	assert_state(f, BREAKER_HALF_OPEN, 61000);
	calls(f, ".", 61000);
	assert_state(f, BREAKER_RAMPING, 61000);
}

static void calls_that_began_before_it_opened_do_not_close_it(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel *early = begin(f, 900);

	trip(f);
	breaker_on_result(&f->breaker, early, false, &f->p, 31000);
	assert_state(f, BREAKER_HALF_OPEN, 31000);
}

static void calls_that_began_before_it_closed_do_not_count(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel *early[6];

	for (unsigned i = 0; i < 6; i++)
		early[i] = begin(f, 900);
	trip(f);
	call(f, false, 31000);
	for (unsigned i = 0; i < 6; i++)
		breaker_on_result(&f->breaker, early[i], true, &f->p, 31001);
	assert_state(f, BREAKER_RAMPING, 31001);
	trip(f); /* later ones do */
}

static void a_test_without_result_leaves_its_place_to_the_next(void **state)
{
	struct fixture *f = *state;

	trip(f);
	breaker_on_released(&f->breaker, begin(f, 31000));
	assert_state(f, BREAKER_HALF_OPEN, 31000);
	assert_true(breaker_lets_through(&f->breaker, 31000));
	call(f, false, 31000);
	assert_state(f, BREAKER_RAMPING, 31000);
}

static void only_the_test_gives_its_place_back(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel *early = begin(f, 900);

	trip(f);
	begin(f, 31000);
	breaker_on_released(&f->breaker, early);
	assert_false(breaker_lets_through(&f->breaker, 31000));
}

static void a_test_that_rings_has_succeeded(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel *test, *early = begin(f, 900);

	trip(f);
	test = begin(f, 31000);
	breaker_on_progress(&f->breaker, early, &f->p, 31000);
	assert_state(f, BREAKER_HALF_OPEN, 31000);
	breaker_on_progress(&f->breaker, test, &f->p, 31000);
	assert_state(f, BREAKER_RAMPING, 31000);
	f->p.breaker_failures = 1;
	breaker_on_result(&f->breaker, test, true, &f->p, 31001); /* it counted already */
	assert_state(f, BREAKER_RAMPING, 31001);
}

static void ringing_and_answer_of_one_test_are_one_success(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel *test;

	f->p.breaker_successes = 2;
	trip(f);
	test = begin(f, 31000);
	breaker_on_progress(&f->breaker, test, &f->p, 31000);
	breaker_on_progress(&f->breaker, test, &f->p, 31000);
	breaker_on_result(&f->breaker, test, false, &f->p, 31000);
	assert_state(f, BREAKER_HALF_OPEN, 31000);
}

static void a_forced_call_is_a_test(void **state)
{
	struct fixture *f = *state;

	trip(f);
	call(f, true, 11000); /* it is open for 30 s from here */
	assert_state(f, BREAKER_OPEN, 40999);
	call(f, false, 12000);
	assert_state(f, BREAKER_RAMPING, 12000);
}

static void of_several_forced_calls_one_is_the_test(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel *first, *second;

	trip(f);
	first = begin(f, 2000);
	second = begin(f, 2000);
	breaker_on_result(&f->breaker, second, false, &f->p, 2000);
	assert_state(f, BREAKER_OPEN, 2000);
	breaker_on_result(&f->breaker, first, false, &f->p, 2000);
	assert_state(f, BREAKER_RAMPING, 2000);
}

static void good_news_from_elsewhere_ends_open_but_does_not_close(void **state)
{
	struct fixture *f = *state;

	breaker_half_open(&f->breaker, 500);
	assert_state(f, BREAKER_CLOSED, 500);
	trip(f);
	breaker_half_open(&f->breaker, 2000);
	assert_state(f, BREAKER_HALF_OPEN, 2000);
	breaker_half_open(&f->breaker, 3000);
	assert_state(f, BREAKER_HALF_OPEN, 2500);
}

static void the_ramp_lets_a_growing_share_through(void **state)
{
	struct fixture *f = *state;
	unsigned passed[10] = {0};

	trip(f);
	call(f, false, 31000);
	for (uint64_t now = 31000; now < 41000; now += 10)
		if (!breaker_lets_through(&f->breaker, now)) {
			breaker_on_passed_over(&f->breaker, now);
		} else {
			struct call_limits_channel ch = {.serial = 1000};

			breaker_on_seized(&f->breaker, &ch, now);
			passed[(now - 31000) / 1000]++;
		}
	for (unsigned i = 0; i < 10; i++) /* of 100 in each second: the share in the middle of it */
		assert_in_range(passed[i], i ? i * 10 + 3 : 9, i ? i * 10 + 6 : 11);
	assert_int_equal(breaker_share(&f->breaker, 31000), 10);
	assert_int_equal(breaker_share(&f->breaker, 35000), 40);
	assert_int_equal(breaker_share(&f->breaker, 41000), 100);
}

static void only_who_was_passed_over_earns_credit(void **state)
{
	struct fixture *f = *state;

	trip(f);
	call(f, false, 31000);
	for (unsigned i = 0; i < 9; i++) {
		assert_false(breaker_lets_through(&f->breaker, 31000));
		assert_false(breaker_lets_through(&f->breaker, 31000));
		breaker_on_passed_over(&f->breaker, 31000);
	}
	assert_true(breaker_lets_through(&f->breaker, 31000));
	begin(f, 31000);
	assert_false(breaker_lets_through(&f->breaker, 31000));
}

static void failures_while_ramping_open_it_again(void **state)
{
	struct fixture *f = *state;

	trip(f);
	call(f, false, 31000);
	calls(f, "xxxx", 32000);
	assert_state(f, BREAKER_RAMPING, 32000);
	calls(f, "x", 32000);
	assert_state(f, BREAKER_OPEN, 32000);
}

static void a_reset_forgets_all_and_what_is_under_way(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel *early[5];

	for (unsigned i = 0; i < 5; i++)
		early[i] = begin(f, 900);
	trip(f);
	breaker_reset(&f->breaker, f->limits.total);
	assert_state(f, BREAKER_CLOSED, 1000);
	for (unsigned i = 0; i < 5; i++)
		breaker_on_result(&f->breaker, early[i], true, &f->p, 1000);
	assert_state(f, BREAKER_CLOSED, 1000);
	trip(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(failures_in_a_row_open_it),
		TEST(a_success_between_restarts_the_count),
		TEST(a_single_failure_opens_it_when_told_so),
		TEST(the_share_of_failures_opens_it_once_the_window_is_full),
		TEST(what_left_the_window_counts_no_more),
		TEST(the_window_can_be_64_calls),
		TEST(none_and_none_never_open_it),
		TEST(without_a_row_the_share_still_counts),
		TEST(open_ends_on_time_and_lets_one_call_through),
		TEST(a_test_that_fails_opens_it_again),
		TEST(a_test_that_succeeds_closes_it_by_way_of_the_ramp),
		TEST(without_a_ramp_it_is_closed_at_once),
		TEST(several_tests_must_succeed_in_a_row_when_told_so),
		TEST(calls_that_began_before_it_opened_do_not_close_it),
		TEST(calls_that_began_before_it_closed_do_not_count),
		TEST(a_test_without_result_leaves_its_place_to_the_next),
		TEST(only_the_test_gives_its_place_back),
		TEST(a_test_that_rings_has_succeeded),
		TEST(ringing_and_answer_of_one_test_are_one_success),
		TEST(a_forced_call_is_a_test),
		TEST(of_several_forced_calls_one_is_the_test),
		TEST(good_news_from_elsewhere_ends_open_but_does_not_close),
		TEST(the_ramp_lets_a_growing_share_through),
		TEST(only_who_was_passed_over_earns_credit),
		TEST(failures_while_ramping_open_it_again),
		TEST(a_reset_forgets_all_and_what_is_under_way),
	};

	return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
