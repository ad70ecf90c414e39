#include "token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_token_is_16_hexadecimal_digits(void **state)
{
	char token[TOKEN_SIZE];

	(void)state;
	token_make(token);
	assert_int_equal(strlen(token), TOKEN_SIZE - 1);
	assert_int_equal(strspn(token, "0123456789abcdef"), TOKEN_SIZE - 1);
}

/** Three numbers of a linear generator give the next ones away: here no XOR of earlier ones is a later one. */
static void numbers_do_not_follow_from_each_other(void **state)
{
	uint64_t n[256];

	(void)state;
	for (int i = 0; i < 256; i++) {
		n[i] = token_random();
		for (int a = 0; a < i; a++) {
			assert_true(n[a] != n[i]);
			for (int b = 0; b < a; b++)
				assert_true((n[a] ^ n[b]) != n[i] && n[a] + n[b] != n[i]);
		}
	}
}

static void a_hash_depends_on_every_byte_and_on_what_came_before(void **state)
{
	char text[40] = "z9hG4bK-0123456789abcdef;192.0.2.1:5060";
	uint64_t h = token_hash(0, text);

	(void)state;
	assert_true(h == token_hash(0, text));
	assert_true(h != token_hash(1, text));
	for (size_t i = 0; text[i]; i++) {
		text[i] ^= 1;
		assert_true(h != token_hash(0, text));
		text[i] ^= 1;
	}
	assert_true(token_hash(0, NULL) == token_hash(0, ""));
	assert_true(token_hash(token_hash(0, "a"), "b") != token_hash(token_hash(0, "b"), "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_16_hexadecimal_digits),
		cmocka_unit_test(numbers_do_not_follow_from_each_other),
		cmocka_unit_test(a_hash_depends_on_every_byte_and_on_what_came_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
