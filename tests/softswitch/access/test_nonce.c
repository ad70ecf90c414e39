#include "nonce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "place.h"

enum { LIFETIME_MS = 10000 };
static const uint64_t now = UINT64_C(1) << 40;

static bool is_good(const char *nonce, const struct sockaddr *from, uint64_t now_ms)
{
	struct digest_parameter p = digest_parameter_of(nonce);

	return nonce_is_good(&p, from, LIFETIME_MS, now_ms);
}

static void a_nonce_is_good_at_its_address_for_its_lifetime(void **state)
{
	static const char *const hosts[] = {"192.0.2.1", "2001:db8::1"};
	char nonce[NONCE_SIZE];
	struct place here, there;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		nonce_make(nonce, place_at(&here, hosts[i], 5060), now);
		assert_true(is_good(nonce, place_at(&here, hosts[i], 5060), now));
		assert_true(is_good(nonce, place_at(&here, hosts[i], 5060), now + LIFETIME_MS));
		assert_true(is_good(nonce, place_at(&here, hosts[i], 40000), now)); /* a NAT may change it */
		assert_false(is_good(nonce, place_at(&here, hosts[i], 5060), now + LIFETIME_MS + 1));
		assert_false(is_good(nonce, place_at(&here, hosts[i], 5060), now - 1));
		assert_false(is_good(nonce, place_at(&there, hosts[!i], 5060), now));
		assert_false(is_good(nonce, place_at(&there, i ? "2001:db8::2" : "192.0.2.2", 5060), now));
	}
}

static void a_nonce_that_was_changed_is_not_ours(void **state)
{
	char nonce[NONCE_SIZE + 1] = "";
	struct place here;
	const struct sockaddr *from = place_at(&here, "192.0.2.1", 5060);

	(void)state;
	for (unsigned i = 0; i < NONCE_SIZE - 1; i++) {
		nonce_make(nonce, from, now);
		nonce[i] = nonce[i] == '0' ? '1' : '0';
		assert_false(is_good(nonce, from, now));
		nonce[i] = 'G';
		assert_false(is_good(nonce, from, now));
	}
	nonce_make(nonce, from, now);
	nonce[NONCE_SIZE - 1] = '0';
	assert_false(is_good(nonce, from, now));
	nonce[NONCE_SIZE - 2] = '\0';
	assert_false(is_good(nonce, from, now));
	assert_false(is_good("", from, now));
}

static void no_two_are_the_same(void **state)
{
	char a[NONCE_SIZE], b[NONCE_SIZE];
	struct place here;

	(void)state;
	nonce_make(a, place_at(&here, "192.0.2.1", 5060), now);
	nonce_make(b, place_at(&here, "192.0.2.1", 5060), now);
	assert_string_not_equal(a, b);
}

static bool use(struct nonces *set, const char *nonce, uint32_t count)
{
	struct digest_parameter p = digest_parameter_of(nonce);

	return nonces_use(set, &p, count);
}

static void each_count_is_good_once(void **state)
{
	struct nonces *set;

	(void)state;
	assert_int_equal(nonces_create(&set), 0);
	assert_true(use(set, "a", 1));
	assert_false(use(set, "a", 1));
	assert_true(use(set, "b", 1));
	assert_true(use(set, "a", 3)); /* one may overtake another */
	assert_true(use(set, "a", 2));
	assert_false(use(set, "a", 2));
	assert_false(use(set, "a", 3));
	assert_true(use(set, "a", 1000));
	assert_false(use(set, "a", 936));
	assert_true(use(set, "a", 937));
	assert_true(use(set, "a", UINT32_MAX));
	assert_false(use(set, "a", UINT32_MAX));
	nonces_destroy(set);
}

/** 1,000 registrations/s at the longest lifetime of 60 s. */
static void sixty_thousand_are_remembered(void **state)
{
	struct nonces *set;
	char nonce[16];
	unsigned forgotten = 0;

	(void)state;
	assert_int_equal(nonces_create(&set), 0);
	for (unsigned i = 0; i < 60000; i++) {
		snprintf(nonce, sizeof(nonce), "%u", i);
		assert_true(use(set, nonce, 1));
	}
	for (unsigned i = 0; i < 60000; i++) {
		snprintf(nonce, sizeof(nonce), "%u", i);
		forgotten += use(set, nonce, 1);
	}
	assert_in_range(forgotten, 0, 100);
	nonces_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nonce_is_good_at_its_address_for_its_lifetime),
		cmocka_unit_test(a_nonce_that_was_changed_is_not_ours),
		cmocka_unit_test(no_two_are_the_same),
		cmocka_unit_test(each_count_is_good_once),
		cmocka_unit_test(sixty_thousand_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
