#include "suspensions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "place.h"

static const struct suspensions_limits limits = {.retries = 3, .length_ms = 180000};
static const uint64_t now = UINT64_C(1) << 40;

static char ended[64]; /* whose suspension has ended last */
static unsigned ends;

static void on_ended(const char *user, const struct sockaddr *source, void *arg)
{
	(void)source;
	(void)arg;
	snprintf(ended, sizeof(ended), "%s", user);
	ends++;
}

static struct suspensions *create(void)
{
	struct suspensions *set;

	assert_int_equal(suspensions_create(&set, on_ended, NULL), 0);
	*ended = '\0';
	ends = 0;
	return set;
}

static struct suspensions_pair pair(struct place *room, const char *host, const char *user)
{
	return (struct suspensions_pair){place_at(room, host, 5060), user};
}

static bool wrong(struct suspensions *set, const char *host, const char *user, uint64_t now_ms)
{
	struct place room;
	struct suspensions_pair p = pair(&room, host, user);

	return suspensions_on_wrong(set, &p, &limits, now_ms);
}

static bool has(const struct suspensions *set, const char *host, const char *user, uint64_t now_ms)
{
	struct place room;
	struct suspensions_pair p = pair(&room, host, user);

	return suspensions_has(set, &p, now_ms);
}

static void the_last_wrong_answer_suspends_the_pair(void **state)
{
	struct suspensions *set = create();

	(void)state;
	assert_false(wrong(set, "192.0.2.1", "1001", now));
	assert_false(wrong(set, "192.0.2.1", "1001", now + 1));
	assert_false(has(set, "192.0.2.1", "1001", now + 1));
	assert_true(wrong(set, "192.0.2.1", "1001", now + 2));
	assert_true(has(set, "192.0.2.1", "1001", now + 2));
	assert_false(has(set, "192.0.2.1", "1002", now + 2));
	assert_false(has(set, "192.0.2.2", "1001", now + 2));
	assert_true(has(set, "192.0.2.1", "1001", now + 2 + 179999));
	assert_false(has(set, "192.0.2.1", "1001", now + 2 + 180000));
	assert_int_equal(ends, 0);
	assert_false(wrong(set, "192.0.2.1", "1001", now + 2 + 180000)); /* counted from the beginning */
	assert_string_equal(ended, "1001");
	assert_int_equal(ends, 1);
	suspensions_destroy(set);
}

static void a_right_answer_forgives_those_before(void **state)
{
	struct suspensions *set = create();
	struct place room;
	struct suspensions_pair p = pair(&room, "192.0.2.1", "1001");

	(void)state;
	wrong(set, "192.0.2.1", "1001", now);
	wrong(set, "192.0.2.1", "1001", now);
	suspensions_on_right(set, &p);
	assert_false(wrong(set, "192.0.2.1", "1001", now));
	assert_false(wrong(set, "192.0.2.1", "1001", now));
	assert_true(wrong(set, "192.0.2.1", "1001", now));
	suspensions_destroy(set);
}

static void old_wrong_answers_are_forgotten(void **state)
{
	struct suspensions *set = create();

	(void)state;
	wrong(set, "192.0.2.1", "1001", now);
	wrong(set, "192.0.2.1", "1001", now);
	assert_false(wrong(set, "192.0.2.1", "1001", now + 180000));
	assert_false(wrong(set, "192.0.2.1", "1001", now + 180000 + 179999));
	assert_true(wrong(set, "192.0.2.1", "1001", now + 180000 + 2 * 179999));
	suspensions_destroy(set);
}

static void of_ipv6_the_first_half_counts(void **state)
{
	struct suspensions *set = create();

	(void)state;
	wrong(set, "2001:db8::1", "1001", now);
	wrong(set, "2001:db8::2", "1001", now);
	assert_true(wrong(set, "2001:db8::3", "1001", now));
	assert_true(has(set, "2001:db8::4", "1001", now));
	assert_false(has(set, "2001:db8:0:1::1", "1001", now));
	assert_false(has(set, "32.1.13.184", "1001", now));
	suspensions_destroy(set);
}

static void ipv4_is_the_same_over_a_socket_of_ipv6(void **state)
{
	struct suspensions *set = create();

	(void)state;
	wrong(set, "::ffff:192.0.2.1", "1001", now);
	wrong(set, "192.0.2.1", "1001", now);
	assert_false(wrong(set, "::ffff:192.0.2.2", "1001", now));
	assert_true(wrong(set, "::ffff:192.0.2.1", "1001", now));
	suspensions_destroy(set);
}

static void note(const struct suspensions_entry *entry, void *arg)
{
	char *out = arg;

	snprintf(out + strlen(out), 100, "%s %llu\n", entry->user,
		(unsigned long long)(entry->until_ms - now));
}

static void suspensions_are_listed_added_and_lifted(void **state)
{
	struct suspensions *set = create();
	struct place room;
	struct suspensions_pair p = pair(&room, "192.0.2.1", "1002");
	char listed[1000] = "";

	(void)state;
	wrong(set, "192.0.2.1", "1000", now);
	for (unsigned i = 0; i < 3; i++)
		wrong(set, "192.0.2.1", "1001", now);
	assert_int_equal(suspensions_add(set, &p, now + 5), 0);
	suspensions_each(set, now, note, listed);
	assert_string_equal(listed, "1002 5\n1001 180000\n");
	assert_true(suspensions_lift(set, &p, now));
	assert_false(suspensions_lift(set, &p, now));
	*listed = '\0';
	suspensions_each(set, now, note, listed);
	assert_string_equal(listed, "1001 180000\n");
	*listed = '\0';
	suspensions_each(set, now + 180000, note, listed);
	assert_string_equal(listed, "");
	suspensions_destroy(set);
}

/** A flood of users must not make room by lifting suspensions as long as there is something else to forget. */
static void a_full_table_forgets_suspensions_last(void **state)
{
	struct suspensions *set = create();
	char user[16];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		wrong(set, "192.0.2.1", "1001", now);
	for (unsigned i = 0; i < 2 * SUSPENSIONS_MAX; i++) {
		snprintf(user, sizeof(user), "u%u", i);
		wrong(set, "192.0.2.1", user, now);
	}
	assert_true(has(set, "192.0.2.1", "1001", now));
	assert_false(wrong(set, "192.0.2.1", user, now));
	assert_true(wrong(set, "192.0.2.1", user, now)); /* its first one is still counted */
	suspensions_destroy(set);
}

/** Whoever keeps suspensions elsewhere keeps no more of them than there are here. */
static void each_suspension_that_is_forgotten_is_told(void **state)
{
	struct suspensions *set = create();
	char user[16];

	(void)state;
	for (unsigned i = 0; i < SUSPENSIONS_MAX + 10; i++) {
		snprintf(user, sizeof(user), "u%u", i);
		for (unsigned n = 0; n < 3; n++)
			wrong(set, "192.0.2.1", user, now);
	}
	assert_int_equal(ends, 10);
	assert_string_equal(ended, "u9");
	suspensions_destroy(set);
	assert_int_equal(ends, 10);
}

/** Any order of events: the table says what a list of all of them says. */
static void a_model_agrees(void **state)
{
	enum { PAIRS = 6, STEPS = 20000 };
	struct suspensions *set = create();
	struct {
		unsigned wrong;
		uint64_t last, until;
	} model[PAIRS] = {0};
	static const char *const users[PAIRS] = {"1", "2", "3", "4", "5", "6"};
	uint64_t at = now;
	unsigned seed = 1;

	(void)state;
	for (unsigned i = 0; i < STEPS; i++) {
		const unsigned which = (unsigned)rand_r(&seed) % PAIRS, what = (unsigned)rand_r(&seed) % 10;
		struct place room;
		struct suspensions_pair p = pair(&room, "192.0.2.1", users[which]);

		at += (unsigned)rand_r(&seed) % 40000;
		assert_int_equal(suspensions_has(set, &p, at), at < model[which].until);
		if (at < model[which].until) /* nothing is looked at */
			continue;
		if (what == 0) {
			suspensions_on_right(set, &p);
			model[which].wrong = 0;
			continue;
		}
		if (at >= model[which].last + limits.length_ms)
			model[which].wrong = 0;
		model[which].last = at;
		if (++model[which].wrong == limits.retries) {
			model[which].wrong = 0;
			model[which].until = at + limits.length_ms;
		}
		assert_int_equal(suspensions_on_wrong(set, &p, &limits, at), at < model[which].until);
	}
	suspensions_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_wrong_answer_suspends_the_pair),
		cmocka_unit_test(a_right_answer_forgives_those_before),
		cmocka_unit_test(old_wrong_answers_are_forgotten),
		cmocka_unit_test(of_ipv6_the_first_half_counts),
		cmocka_unit_test(ipv4_is_the_same_over_a_socket_of_ipv6),
		cmocka_unit_test(suspensions_are_listed_added_and_lifted),
		cmocka_unit_test(a_full_table_forgets_suspensions_last),
		cmocka_unit_test(each_suspension_that_is_forgotten_is_told),
		cmocka_unit_test(a_model_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
