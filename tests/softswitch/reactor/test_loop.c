#include "loop.h"

#include "clock.h"

#include <event2/event.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>

#include <cmocka.h>

enum { DELAYS = 200 }; /* more than get a shared queue */

struct fixture {
	struct loop *loop;
	unsigned passes, fired;
};

struct timer {
	struct fixture *f;
	uint64_t due_ms;
	struct event *event;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	clock_init();
	*state = f;
	return loop_create(&f->loop);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	loop_destroy(f->loop);
	free(f);
	return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;
	(void)fd;
	(void)what;
	assert_true(clock_now_ms() >= t->due_ms);
	if (++t->f->fired == DELAYS)
		loop_stop(t->f->loop);
}

static void on_pass(void *arg)
{
	struct fixture *f = arg;
	f->passes++;
}

static void no_timer_is_lost_or_early(void **state)
{
	struct fixture *f = *state;
	struct timer timer[DELAYS];
	struct timeval storage;
	loop_on_pass(f->loop, on_pass, f);
	for (unsigned i = DELAYS; i-- > 0;) {
		timer[i] = (struct timer){.f = f, .due_ms = clock_now_ms() + 2 * i};
		timer[i].event = evtimer_new(loop_base(f->loop), on_timer, &timer[i]);
		assert_non_null(timer[i].event);
		evtimer_add(timer[i].event,
			i % 2 ? loop_delay(f->loop, 2 * i, &storage)
			      : loop_delay_once(f->loop, 2 * i, &storage));
	}
	loop_run(f->loop);
	assert_int_equal(f->fired, DELAYS);
	assert_true(f->passes > 0);
	for (unsigned i = 0; i < DELAYS; i++)
		event_free(timer[i].event);
}

static void equal_delays_share_a_queue(void **state)
{
	struct fixture *f = *state;
	struct timeval first, second;
	assert_ptr_equal(loop_delay(f->loop, 500, &first), loop_delay(f->loop, 500, &second));
	assert_ptr_equal(loop_delay_once(f->loop, 777, &first), &first);
}

static void too_many_delays_still_get_their_time(void **state)
{
	struct fixture *f = *state;
	struct timeval storage;
	const struct timeval *last = NULL;
	for (uint32_t ms = 1; ms <= 1000; ms++)
		last = loop_delay(f->loop, ms, &storage);
	assert_ptr_equal(last, &storage);
	assert_int_equal(storage.tv_sec, 1);
	assert_int_equal(storage.tv_usec, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_timer_is_lost_or_early, set_up, tear_down),
		cmocka_unit_test_setup_teardown(equal_delays_share_a_queue, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many_delays_still_get_their_time, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
