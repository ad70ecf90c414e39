#include "set_aside.h"

#include "unit.h"

#include <arpa/inet.h>
#include <stdlib.h>

enum { T0 = 1000000, SERVERS = 16 };

static void add(struct set_aside **set, uint16_t port, uint32_t seconds, uint64_t now_ms)
{
	const struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};

	set_aside_add(set, (const struct sockaddr *)&server, seconds, now_ms);
}

static uint32_t left(const struct set_aside *set, uint16_t port, uint64_t now_ms)
{
	const struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};

	return set_aside_left_ms(set, (const struct sockaddr *)&server, now_ms);
}

static void a_server_is_set_aside_and_the_others_are_not(void **state)
{
	struct set_aside *set = NULL;

	(void)state;
	assert_int_equal(left(set, 5060, T0), 0);
	add(&set, 5060, 30, T0);
	assert_int_equal(left(set, 5060, T0), 30000);
	assert_int_equal(left(set, 5060, T0 + 29999), 1);
	assert_int_equal(left(set, 5060, T0 + 30000), 0);
	assert_int_equal(left(set, 5061, T0), 0);
	free(set);
}

static void of_two_waits_the_later_end_counts(void **state)
{
	struct set_aside *set = NULL;

	(void)state;
	add(&set, 5060, 30, T0);
	add(&set, 5060, 10, T0 + 1000);
	assert_int_equal(left(set, 5060, T0 + 1000), 29000);
	add(&set, 5060, 40, T0 + 1000);
	assert_int_equal(left(set, 5060, T0 + 1000), 40000);
	free(set);
}

static void a_wait_is_one_second_to_two_minutes(void **state)
{
	struct set_aside *set = NULL;

	(void)state;
	add(&set, 5060, 0, T0);
	add(&set, 5061, UINT32_MAX, T0);
	assert_int_equal(left(set, 5060, T0), 1000);
	assert_int_equal(left(set, 5061, T0), 120000);
	free(set);
}

static void of_too_many_the_first_to_be_back_makes_room(void **state)
{
	struct set_aside *set = NULL;

	(void)state;
	for (int i = 0; i < SERVERS; i++)
		add(&set, (uint16_t)(6000 + i), i == 3 ? 20 : 60, T0);
	add(&set, 7000, 60, T0);
	assert_int_equal(left(set, 6003, T0), 0);
	assert_int_equal(left(set, 6004, T0), 60000);
	assert_int_equal(left(set, 7000, T0), 60000);
	free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_set_aside_and_the_others_are_not),
		cmocka_unit_test(of_two_waits_the_later_end_counts),
		cmocka_unit_test(a_wait_is_one_second_to_two_minutes),
		cmocka_unit_test(of_too_many_the_first_to_be_back_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
