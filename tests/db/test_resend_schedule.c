#include "resend_schedule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct resend_schedule parsed(const char *text)
{
	struct resend_schedule iv = {.n = 99};
	if (resend_schedule_parse(&iv, text))
		fail_msg("refused: %s", text);
	return iv;
}

static void the_default_list_is_read_in_milliseconds(void **state)
{
	(void)state;
	static const uint32_t wanted[] = {500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000};
	struct resend_schedule iv = parsed("0.5,1,2,4,4,4,4,4,4,4");
	assert_int_equal(iv.n, RESEND_SCHEDULE_MAX);
	assert_false(iv.automatic);
	assert_memory_equal(iv.wait_ms, wanted, sizeof(wanted));
}

static void bounds_and_decimals_are_exact(void **state)
{
	(void)state;
	assert_int_equal(parsed("0.001").wait_ms[0], 1);
	assert_int_equal(parsed("0.01").wait_ms[0], 10);
	assert_int_equal(parsed("0.123").wait_ms[0], 123);
	assert_int_equal(parsed("1.0").wait_ms[0], 1000);
	assert_int_equal(parsed("600").wait_ms[0], 600000);
	assert_int_equal(parsed("599.999").wait_ms[0], 599999);
	assert_int_equal(parsed("7").n, 1);
	assert_int_equal(parsed("7,8").wait_ms[1], 8000);
}

static void anything_else_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		",",
		"1,",
		",1",
		"1,,2",
		" 1",
		"1 ",
		"1, 2",
		"0",
		"0.0",
		"0.000",
		"0.0001",
		"1.2345",
		"-1",
		"+1",
		"1e1",
		"0x1",
		".5",
		"5.",
		"1.5.2",
		"05",
		"00.5",
		"600.001",
		"601",
		"99999999999999999999",
		"Auto",
		"AUTO",
		"auto,1",
		"1,auto",
		"auto ",
		"nan",
		"inf",
		"1,2,3,4,5,6,7,8,9,10,11",
		"1;2",
		"1\n",
		"\xff",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct resend_schedule iv = {.wait_ms = {42}, .n = 1};
		if (resend_schedule_parse(&iv, bad[i]) != -EINVAL)
			fail_msg("taken: \"%s\"", bad[i]);
		assert_int_equal(iv.n, 1);
		assert_int_equal(iv.wait_ms[0], 42);
	}
}

static void auto_doubles_the_response_time_three_times(void **state)
{
	(void)state;
	static const uint32_t wanted[] = {1200, 2400, 4800, 9600, 9600, 9600, 9600, 9600, 9600, 9600};
	struct resend_schedule iv = resend_schedule_auto(600);
	assert_true(iv.automatic);
	assert_int_equal(iv.n, RESEND_SCHEDULE_MAX);
	assert_memory_equal(iv.wait_ms, wanted, sizeof(wanted));
}

static void auto_begins_at_half_a_second_at_least(void **state)
{
	(void)state;
	assert_int_equal(resend_schedule_auto(0).wait_ms[0], 500);
	assert_int_equal(resend_schedule_auto(250).wait_ms[0], 500);
	assert_int_equal(resend_schedule_auto(251).wait_ms[0], 502);
	assert_int_equal(resend_schedule_auto(0).wait_ms[9], 4000);
	struct resend_schedule iv = parsed("auto");
	assert_true(iv.automatic);
	assert_int_equal(iv.wait_ms[1], 1000);
}

static void auto_of_an_absurd_response_time_stays_in_the_range_of_a_list(void **state)
{
	(void)state;
	assert_int_equal(resend_schedule_auto(UINT32_MAX).wait_ms[9], 600000);
	assert_int_equal(resend_schedule_auto(37500).wait_ms[9], 600000);
	assert_int_equal(resend_schedule_auto(37499).wait_ms[9], 599984);
}

static void a_limit_cuts_and_never_lengthens(void **state)
{
	(void)state;
	struct resend_schedule iv = parsed("1,2,3");
	resend_schedule_limit(&iv, 10);
	assert_int_equal(iv.n, 3);
	resend_schedule_limit(&iv, 2);
	assert_int_equal(iv.n, 2);
	assert_int_equal(iv.wait_ms[1], 2000);
	resend_schedule_limit(&iv, 0);
	assert_int_equal(iv.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_list_is_read_in_milliseconds),
		cmocka_unit_test(bounds_and_decimals_are_exact),
		cmocka_unit_test(anything_else_is_refused_and_changes_nothing),
		cmocka_unit_test(auto_doubles_the_response_time_three_times),
		cmocka_unit_test(auto_begins_at_half_a_second_at_least),
		cmocka_unit_test(auto_of_an_absurd_response_time_stays_in_the_range_of_a_list),
		cmocka_unit_test(a_limit_cuts_and_never_lengthens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
