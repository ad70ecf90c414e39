/* Times of another process on our clock. */
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HOUR_MS = 3600000, SLACK_MS = 500 };

static void within_one_boot_times_stay_as_they_are(void **state)
{
	struct clock_moment noted;
	(void)state;
	clock_note(&noted);
	assert_int_not_equal(noted.boot, 0);
	assert_int_equal(clock_shift(&noted), 0);
	noted.epoch_ms -= HOUR_MS; /* the wall clock was set */
	assert_int_equal(clock_shift(&noted), 0);
}

/* Where is a moment on our clock that was `age` ms before the noted one on its clock? */
static uint64_t age_now(const struct clock_moment *noted, uint64_t age)
{
	return clock_now_ms() - (noted->now_ms - age + clock_shift(noted));
}

static void after_a_reboot_the_wall_clock_tells_what_has_passed(void **state)
{
	(void)state;
	struct clock_moment noted;
	clock_note(&noted);
	noted.boot++;
	noted.now_ms = clock_now_ms() + 100 * (uint64_t)HOUR_MS; /* it had run for longer */
	noted.epoch_ms -= HOUR_MS;
	assert_in_range(age_now(&noted, 5000), HOUR_MS + 5000, HOUR_MS + 5000 + SLACK_MS);
	noted.epoch_ms += 2 * HOUR_MS; /* set back meanwhile: nothing has passed, as far as we know */
	assert_in_range(age_now(&noted, 5000), 5000, 5000 + SLACK_MS);
}

static void what_was_before_the_boot_has_a_time(void **state)
{
	(void)state;
	assert_true(clock_now_ms() > 365 * 24 * (uint64_t)HOUR_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(within_one_boot_times_stay_as_they_are),
		cmocka_unit_test(after_a_reboot_the_wall_clock_tells_what_has_passed),
		cmocka_unit_test(what_was_before_the_boot_has_a_time),
	};
	clock_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
