#include "response_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* RFC 6298 section 2: the first value as it is, each later one weighs an eighth. */
static void it_is_smoothed(void **state)
{
	struct response_time *row = NULL, *t = response_time_of(&row);
	double srtt;

	(void)state;
	assert_int_equal(response_time_ms(t), 0);
	response_time_learn(t, 800);
	assert_int_equal(response_time_ms(t), 800);
	response_time_learn(t, 0);
	assert_in_range(response_time_ms(t), 700, 701);
	srtt = 700;
	for (unsigned i = 0; i < 100; i++) {
		const unsigned rtt = i % 2 ? 37 : 1500 - i;

		response_time_learn(t, rtt);
		srtt = srtt * 7 / 8 + rtt / 8.0;
		assert_in_range(response_time_ms(t), (unsigned)srtt - 2, (unsigned)srtt + 2);
	}
	for (unsigned i = 0; i < 200; i++)
		response_time_learn(t, 0);
	assert_in_range(response_time_ms(t), 1, 2); /* known, so not 0 */
	for (unsigned i = 0; i < 400; i++)
		response_time_learn(t, UINT64_MAX);
	assert_in_range(response_time_ms(t), UINT32_MAX - 1, UINT32_MAX);
	response_time_unref(row);
}

static void who_holds_it_may_outlive_the_row(void **state)
{
	struct response_time *row = NULL, *leg = response_time_ref(response_time_of(&row));

	(void)state;
	assert_ptr_equal(response_time_of(&row), leg);
	response_time_unref(row);
	response_time_learn(leg, 70);
	assert_int_equal(response_time_ms(leg), 70);
	response_time_unref(leg);
}

static void nothing_is_learnt_where_there_is_none(void **state)
{
	(void)state;
	response_time_learn(NULL, 70);
	assert_int_equal(response_time_ms(NULL), 0);
	assert_null(response_time_ref(NULL));
	response_time_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_smoothed),
		cmocka_unit_test(who_holds_it_may_outlive_the_row),
		cmocka_unit_test(nothing_is_learnt_where_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
