/* Tasks are run in order, so many a second. */
#include "clock.h"
#include "loop.h"
#include "pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TASKS = 20, PER_SECOND = 200 };

struct fixture {
	struct loop *loop;
	struct pace *pace;
	struct counted {
		struct pace_task task; /* first */
		struct fixture *f;
		int number;
	} task[TASKS];
	int ran[TASKS], n, last;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	clock_init();
	*state = f;
	return loop_create(&f->loop) || pace_create(&f->pace, f->loop, PER_SECOND);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	pace_destroy(f->pace);
	loop_destroy(f->loop);
	free(f);
	return 0;
}

static void run(struct pace_task *task)
{
	struct counted *c = (struct counted *)task;
	c->f->ran[c->f->n++] = c->number;
	if (c->number == c->f->last)
		loop_stop(c->f->loop);
}

static void add_all(struct fixture *f)
{
	for (int i = 0; i < TASKS; i++) {
		f->task[i].f = f;
		f->task[i].number = i;
		pace_add(f->pace, &f->task[i].task, run);
	}
	f->last = TASKS - 1;
}

static void they_are_run_in_order_and_not_too_fast(void **state)
{
	struct fixture *f = *state;
	uint64_t began = clock_now_ms();
	add_all(f);
	loop_run(f->loop);
	assert_int_equal(f->n, TASKS);
	for (int i = 0; i < TASKS; i++)
		assert_int_equal(f->ran[i], i);
	assert_true(clock_now_ms() - began >= 1000 * TASKS / PER_SECOND - 1);
}

static void one_that_is_removed_is_not_run(void **state)
{
	struct fixture *f = *state;
	add_all(f);
	pace_remove(&f->task[3].task);
	pace_remove(&f->task[3].task);
	loop_run(f->loop);
	assert_int_equal(f->n, TASKS - 1);
	assert_int_equal(f->ran[3], 4);
	pace_remove(&f->task[5].task); /* it was run */
}

static void what_still_waits_at_the_end_is_run(void **state)
{
	struct fixture *f = *state;
	add_all(f);
	pace_destroy(f->pace);
	f->pace = NULL;
	assert_int_equal(f->n, TASKS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_are_run_in_order_and_not_too_fast),
		TEST(one_that_is_removed_is_not_run),
		TEST(what_still_waits_at_the_end_is_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
