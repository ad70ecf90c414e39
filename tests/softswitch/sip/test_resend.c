#include "resend.h"

#include "clock.h"
#include "hop.h"
#include "loop.h"
#include "response_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LATE_MS = 60 }; /* a loaded machine */

/** What happened to one message, in ms after it was sent. */
struct seen {
	struct loop *loop;
	struct resend resend;
	uint64_t start_ms, due_ms[16], expired_ms;
	unsigned n;
	unsigned stop_after, slow_after; /* 0 = never */
};

static void on_due(void *arg)
{
	struct seen *s = arg;

	s->due_ms[s->n++] = clock_now_ms() - s->start_ms;
	if (s->n == s->slow_after)
		resend_slow(&s->resend);
	if (s->n == s->stop_after) {
		resend_stop(&s->resend);
		loop_stop(s->loop);
	}
}

static void on_expired(void *arg)
{
	struct seen *s = arg;

	s->expired_ms = clock_now_ms() - s->start_ms;
	loop_stop(s->loop);
}

static const struct resend_handlers handlers = {on_due, on_expired};

static void run(struct seen *s, const struct resend_schedule *schedule)
{
	assert_int_equal(loop_create(&s->loop), 0);
	s->start_ms = clock_now_ms();
	resend_start(&s->resend, s->loop, schedule, &handlers, s);
	loop_run(s->loop);
	assert_false(s->resend.running);
	loop_destroy(s->loop);
}

static void assert_at(uint64_t got_ms, uint64_t wanted_ms)
{
	assert_in_range(got_ms, wanted_ms - 1, wanted_ms + LATE_MS); /* our clock cuts off below 1 ms */
}

static void each_interval_is_waited_before_its_retransmission(void **state)
{
	static const struct resend_schedule iv = {.wait_ms = {30, 60, 90}, .n = 3};
	struct seen s = {0};

	(void)state;
	run(&s, &iv);
	assert_int_equal(s.n, 3);
	assert_at(s.due_ms[0], 30);
	assert_at(s.due_ms[1], 90);
	assert_at(s.due_ms[2], 180);
	assert_at(s.expired_ms, 210); /* the first interval once more */
	assert_int_equal(resend_total_ms(&iv), 210);
}

static void over_a_connection_it_is_always_the_same_32_s(void **state)
{
	static const struct resend_schedule iv = {.wait_ms = {20, 40}, .n = 2};
	struct hop_listener tcp = {.transport = "tcp"};
	struct resend_schedule over = resend_over(&(struct hop){.listener = &tcp}, &iv);

	(void)state;
	assert_int_equal(resend_total_ms(&over), 32000);
	assert_int_equal(over.wait_ms[0], 500);
}

static void auto_follows_the_response_time_of_the_peer(void **state)
{
	const struct sockaddr_in address = {.sin_family = AF_INET};
	struct hop_listener udp = {.transport = "udp", .datagram = (struct datagram *)state};
	struct hop hop = {.listener = &udp};
	struct resend_schedule automatic = resend_schedule_auto(0), made = resend_over(&hop, &automatic);
	struct response_time *row = NULL;

	assert_int_equal(made.wait_ms[0], 500); /* nobody knows the peer */
	hop.peer = hop_peer_create("peer", (const struct sockaddr *)&address);
	made = resend_over(&hop, &automatic);
	assert_int_equal(made.wait_ms[0], 500);
	hop.peer->response_time = response_time_ref(response_time_of(&row));
	response_time_learn(row, 600);
	resend_schedule_limit(&automatic, 4); /* SS_SIP_SEND_RETRY */
	made = resend_over(&hop, &automatic);
	assert_int_equal(made.wait_ms[0], 1200);
	assert_int_equal(made.wait_ms[1], 2400);
	assert_int_equal(made.n, 4);
	hop_peer_unref(hop.peer);
	response_time_unref(row);
}

static void without_retransmissions_the_first_interval_is_waited(void **state)
{
	static const struct resend_schedule iv = {.wait_ms = {30}, .n = 0}; /* SS_SIP_SEND_RETRY 0 */
	struct seen s = {0};

	(void)state;
	run(&s, &iv);
	assert_int_equal(s.n, 0);
	assert_at(s.expired_ms, 30);
}

static void a_provisional_answer_goes_on_at_the_last_interval(void **state)
{
	static const struct resend_schedule iv = {.wait_ms = {10, 10, 10, 50}, .n = 4};
	struct seen s = {.slow_after = 1};

	(void)state;
	run(&s, &iv);
	assert_int_equal(s.n, 4);
	assert_at(s.due_ms[1], 20); /* was under way already */
	assert_at(s.due_ms[2], 70);
	assert_at(s.due_ms[3], 120);
}

static void stopped_from_its_own_handler_nothing_follows(void **state)
{
	static const struct resend_schedule iv = {.wait_ms = {5, 5, 5}, .n = 3};
	struct seen s = {.stop_after = 2};

	(void)state;
	run(&s, &iv);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.expired_ms, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_interval_is_waited_before_its_retransmission),
		cmocka_unit_test(over_a_connection_it_is_always_the_same_32_s),
		cmocka_unit_test(auto_follows_the_response_time_of_the_peer),
		cmocka_unit_test(without_retransmissions_the_first_interval_is_waited),
		cmocka_unit_test(a_provisional_answer_goes_on_at_the_last_interval),
		cmocka_unit_test(stopped_from_its_own_handler_nothing_follows),
	};

	clock_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
