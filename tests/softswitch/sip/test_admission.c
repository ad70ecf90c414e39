#include "admission.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/** Serve what this pass allows. @return how many */
static unsigned serve_pass(struct admission *a, uint64_t pass, bool busy)
{
	struct admission_entry *entry;
	unsigned n = 0;

	while ((entry = admission_next(a, pass, busy))) {
		free(entry);
		n++;
	}
	return n;
}

static void add_waiting(struct admission *a, uint64_t now_ms)
{
	struct admission_entry *entry = malloc(sizeof(*entry));

	assert_non_null(entry);
	admission_wait(a, entry, now_ms);
}

static void a_pass_serves_a_few_and_then_calls_wait(void **state)
{
	struct admission a;
	unsigned served = 0;

	(void)state;
	admission_init(&a);
	while (admission_judge(&a, 1, 0) == ADMISSION_SERVE)
		served++;
	assert_in_range(served, 2, 100);
	assert_int_equal(admission_judge(&a, 1, 0), ADMISSION_WAIT);
	assert_int_equal(admission_judge(&a, 2, 0), ADMISSION_SERVE);
}

static void nobody_overtakes_a_call_that_waits(void **state)
{
	struct admission a;
	struct admission_entry first, second;

	(void)state;
	admission_init(&a);
	admission_wait(&a, &first, 0);
	assert_int_equal(admission_judge(&a, 1, 10), ADMISSION_WAIT);
	admission_wait(&a, &second, 10);
	assert_ptr_equal(admission_next(&a, 1, false), &first);
	assert_ptr_equal(admission_next(&a, 1, false), &second);
	assert_null(admission_next(&a, 1, false));
	assert_int_equal(admission_judge(&a, 1, 10), ADMISSION_SERVE);
}

static void calls_are_refused_once_the_first_one_waits_too_long(void **state)
{
	struct admission a;
	struct admission_entry first, second;

	(void)state;
	admission_init(&a);
	admission_wait(&a, &first, 1000);
	assert_int_equal(admission_judge(&a, 1, 1200), ADMISSION_WAIT);
	admission_wait(&a, &second, 1200);
	assert_int_equal(admission_judge(&a, 1, 1201), ADMISSION_REFUSE);
	assert_ptr_equal(admission_next(&a, 1, false), &first);
	assert_int_equal(admission_judge(&a, 1, 1201), ADMISSION_WAIT);
	assert_false(admission_is_stale(&second, 1201));
	assert_true(admission_is_stale(&second, 1700)); /* resent after 500 ms */
}

static void calls_go_on_while_other_work_does_not_end(void **state)
{
	struct admission a;
	unsigned served;

	(void)state;
	admission_init(&a);
	for (unsigned i = 0; i < 100; i++)
		add_waiting(&a, 0);
	served = serve_pass(&a, 1, true);
	assert_true(served > 0);
	assert_true(serve_pass(&a, 2, false) > served);
	for (uint64_t pass = 3; a.n_waiting; pass++)
		assert_true(serve_pass(&a, pass, true) > 0);
}

static void as_many_as_come_at_once_do_not_fill_the_memory(void **state)
{
	struct admission a;
	enum admission_verdict verdict;

	(void)state;
	admission_init(&a);
	while ((verdict = admission_judge(&a, 1, 0)) != ADMISSION_REFUSE)
		if (verdict == ADMISSION_WAIT)
			add_waiting(&a, 0);
	assert_in_range(a.n_waiting, 100, 10000);
	for (uint64_t pass = 2; a.n_waiting; pass++)
		serve_pass(&a, pass, false);
}

/** A switch that can take one call in a millisecond. */
struct day {
	struct admission admission;
	uint64_t now_ms, pass;
	uint64_t served, refused, longest_ms;
};

static void take(struct day *d, unsigned calls)
{
	for (unsigned i = 0; i < calls; i++) {
		enum admission_verdict verdict = admission_judge(&d->admission, d->pass, d->now_ms);

		d->served += verdict == ADMISSION_SERVE;
		d->refused += verdict == ADMISSION_REFUSE;
		if (verdict == ADMISSION_WAIT)
			add_waiting(&d->admission, d->now_ms);
	}
}

/** Calls come at a rate for so long. @param percent  of what can be taken */
static void let_come(struct day *d, unsigned percent, uint64_t ms)
{
	uint64_t end_ms = d->now_ms + ms, come_ms = d->now_ms;

	while (d->now_ms < end_ms) {
		struct admission_entry *entry;
		uint64_t before = d->served;

		d->pass++;
		take(d, (unsigned)((d->now_ms - come_ms) * percent / 100));
		come_ms = d->now_ms;
		while ((entry = admission_next(&d->admission, d->pass, false))) {
			uint64_t waited_ms = d->now_ms - entry->since_ms;

			d->longest_ms = waited_ms > d->longest_ms ? waited_ms : d->longest_ms;
			d->served++;
			free(entry);
		}
		d->now_ms += d->served > before ? d->served - before : 2; /* else it waits for the next */
	}
}

static void at_twice_the_load_as_many_are_served_and_soon_and_it_ends_at_once(void **state)
{
	struct day d = {.now_ms = 1};

	(void)state;
	admission_init(&d.admission);
	let_come(&d, 50, 10000);
	assert_int_equal(d.refused, 0);
	d.served = 0;
	let_come(&d, 200, 60000);
	assert_in_range(d.served, 59000, 60100);
	assert_in_range(d.refused, 59000, 61000);
	assert_in_range(d.longest_ms, 200, 400); /* before it would be resent */
	let_come(&d, 50, 1000);
	d.refused = d.longest_ms = 0;
	let_come(&d, 50, 10000);
	assert_int_equal(d.refused, 0);
	assert_in_range(d.longest_ms, 0, 20);
	serve_pass(&d.admission, d.pass + 1, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pass_serves_a_few_and_then_calls_wait),
		cmocka_unit_test(nobody_overtakes_a_call_that_waits),
		cmocka_unit_test(calls_are_refused_once_the_first_one_waits_too_long),
		cmocka_unit_test(calls_go_on_while_other_work_does_not_end),
		cmocka_unit_test(as_many_as_come_at_once_do_not_fill_the_memory),
		cmocka_unit_test(at_twice_the_load_as_many_are_served_and_soon_and_it_ends_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
