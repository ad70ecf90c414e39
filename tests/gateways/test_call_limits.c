#include "call_limits.h"

#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void zeroed_limits_are_unlimited(void **unused)
{
	struct call_limits l = {0};
	struct call_limits_channel ch[1000] = {0};

	(void)unused;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(call_limits_seize(&l, &ch[i], 0), 0);
	assert_int_equal(l.in_use, 1000);
	for (unsigned i = 0; i < 1000; i++)
		call_limits_release(&ch[i]);
	assert_int_equal(l.in_use, 0);
	assert_int_equal(l.total, 1000);
	call_limits_clear(&l);
}

static void capacity_counts_channels_in_use(void **unused)
{
	struct call_limits l = {0};
	struct call_limits_channel a = {0}, b = {0}, c = {0};

	(void)unused;
	assert_int_equal(call_limits_set(&l, 2, 0), 0);
	assert_int_equal(call_limits_seize(&l, &a, 0), 0);
	assert_int_equal(call_limits_seize(&l, &b, 0), 0);
	assert_int_equal(call_limits_check(&l, 0), -EBUSY);
	assert_int_equal(call_limits_seize(&l, &c, 0), -EBUSY);
	assert_null(c.limits);
	assert_int_equal(l.in_use, 2);
	assert_int_equal(l.total, 2);
	call_limits_release(&a);
	assert_int_equal(call_limits_seize(&l, &c, 0), 0);
	call_limits_release(&b);
	call_limits_release(&c);
	call_limits_clear(&l);
}

static void a_call_of_the_process_before_needs_no_room(void **unused)
{
	struct call_limits l = {0};
	struct call_limits_channel a = {0}, b = {0}, c = {0};

	(void)unused;
	assert_int_equal(call_limits_set(&l, 1, 1), 0);
	call_limits_resume(&l, &a);
	call_limits_resume(&l, &b);
	assert_int_equal(l.in_use, 2);
	assert_int_equal(l.total, 0);
	assert_int_equal(call_limits_seize(&l, &c, 0), -EBUSY);
	call_limits_release(&a);
	call_limits_release(&b);
	assert_int_equal(call_limits_seize(&l, &c, 0), 0); /* nor did it count as a call of this second */
	call_limits_release(&c);
	call_limits_clear(&l);
}

static void a_channel_is_given_back_once(void **unused)
{
	struct call_limits l = {0};
	struct call_limits_channel a = {0}, b = {0}, never = {0};

	(void)unused;
	assert_int_equal(call_limits_seize(&l, &a, 0), 0);
	assert_int_equal(call_limits_seize(&l, &b, 0), 0);
	call_limits_release(&a);
	call_limits_release(&a);
	call_limits_release(&never);
	assert_int_equal(l.in_use, 1);
	assert_int_equal(call_limits_seize(&l, &a, 0), 0);
	call_limits_release(&a);
	call_limits_release(&b);
	assert_int_equal(l.in_use, 0);
	call_limits_clear(&l);
}

/* A smaller capacity touches no call that is up; new ones wait until enough are gone. */
static void capacity_below_the_channels_in_use(void **unused)
{
	struct call_limits l = {0};
	struct call_limits_channel ch[4] = {0};

	(void)unused;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(call_limits_seize(&l, &ch[i], 0), 0);
	assert_int_equal(call_limits_set(&l, 2, 0), 0);
	assert_int_equal(l.in_use, 3);
	assert_int_equal(call_limits_seize(&l, &ch[3], 0), -EBUSY);
	call_limits_release(&ch[0]);
	assert_int_equal(call_limits_seize(&l, &ch[3], 0), -EBUSY);
	call_limits_release(&ch[1]);
	assert_int_equal(call_limits_seize(&l, &ch[3], 0), 0);
	call_limits_release(&ch[2]);
	call_limits_release(&ch[3]);
	call_limits_clear(&l);
}

static int seize_and_release(struct call_limits *l, uint64_t now_ms)
{
	struct call_limits_channel ch = {0};
	const int err = call_limits_seize(l, &ch, now_ms);

	call_limits_release(&ch);
	return err;
}

static void the_second_slides(void **unused)
{
	struct call_limits l = {0};

	(void)unused;
	assert_int_equal(call_limits_set(&l, 0, 2), 0);
	assert_int_equal(seize_and_release(&l, 900), 0);
	assert_int_equal(seize_and_release(&l, 1100), 0);
	assert_int_equal(seize_and_release(&l, 1100), -EAGAIN);
	assert_int_equal(seize_and_release(&l, 1899), -EAGAIN);
	assert_int_equal(seize_and_release(&l, 1900), 0);
	assert_int_equal(seize_and_release(&l, 2099), -EAGAIN);
	assert_int_equal(seize_and_release(&l, 2100), 0);
	call_limits_clear(&l);
}

static void the_clock_may_start_at_0(void **unused)
{
	struct call_limits l = {0};

	(void)unused;
	assert_int_equal(call_limits_set(&l, 0, 1), 0);
	assert_int_equal(seize_and_release(&l, 0), 0);
	assert_int_equal(seize_and_release(&l, 999), -EAGAIN);
	assert_int_equal(seize_and_release(&l, 1000), 0);
	call_limits_clear(&l);
}

enum { STEPS = 100000, CPS_MAX = 12 };

/* Seizures of the second that ends now. */
static unsigned recent(const uint64_t *seized, unsigned n, uint64_t now_ms)
{
	unsigned count = 0;

	while (n && seized[n - 1] + 1000 > now_ms) {
		count++;
		n--;
	}
	return count;
}

/* The whole history is the model: at every instant, and however the limit changes. */
static void no_second_ever_holds_more_and_none_is_refused_early(void **unused)
{
	uint64_t *seized = calloc(STEPS, sizeof(*seized));
	uint64_t now_ms = 0, state = 7;
	struct call_limits l = {0};
	unsigned n = 0, cps = 3, refused = 0;

	(void)unused;
	assert_non_null(seized);
	assert_int_equal(call_limits_set(&l, 0, cps), 0);
	for (unsigned i = 0; i < STEPS; i++) {
		now_ms += unit_random_below(&state, 3) ? unit_random_below(&state, 4)
						       : unit_random_below(&state, 300);
		if (unit_random_below(&state, 50) == 0) {
			cps = 1 + unit_random_below(&state, CPS_MAX);
			assert_int_equal(call_limits_set(&l, 0, cps), 0);
		}
		const bool fits = recent(seized, n, now_ms) < cps;
		assert_int_equal(call_limits_check(&l, now_ms), fits ? 0 : -EAGAIN);
		assert_int_equal(seize_and_release(&l, now_ms), fits ? 0 : -EAGAIN);
		if (fits)
			seized[n++] = now_ms;
		refused += !fits;
	}
	assert_int_equal(l.total, n);
	assert_true(n > STEPS / 20 && refused > STEPS / 20);
	call_limits_clear(&l);
	free(seized);
}

static void limits_are_explained_with_their_figures(void **unused)
{
	struct call_limits l = {0};
	struct call_limits_channel ch[3] = {0};
	char text[32];

	(void)unused;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(call_limits_seize(&l, &ch[i], 0), 0);
	assert_int_equal(call_limits_set(&l, 2, 10), 0);
	call_limits_explain(&l, -EBUSY, text, sizeof(text));
	assert_string_equal(text, "full 3/2");
	call_limits_explain(&l, -EAGAIN, text, sizeof(text));
	assert_string_equal(text, "cps 10/10");
	call_limits_explain(&l, 0, text, sizeof(text));
	assert_string_equal(text, "usable");
	call_limits_explain(&l, -EBUSY, text, 5);
	assert_string_equal(text, "full");
	for (unsigned i = 0; i < 3; i++)
		call_limits_release(&ch[i]);
	call_limits_clear(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_limits_are_unlimited),
		cmocka_unit_test(capacity_counts_channels_in_use),
		cmocka_unit_test(a_call_of_the_process_before_needs_no_room),
		cmocka_unit_test(a_channel_is_given_back_once),
		cmocka_unit_test(capacity_below_the_channels_in_use),
		cmocka_unit_test(the_second_slides),
		cmocka_unit_test(the_clock_may_start_at_0),
		cmocka_unit_test(no_second_ever_holds_more_and_none_is_refused_early),
		cmocka_unit_test(limits_are_explained_with_their_figures),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
