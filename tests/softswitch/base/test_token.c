#include "token.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
static void a_number_has_as_many_digits_as_asked(void **state)
{
	char out[TOKEN_SIZE];

	(void)state;
	token_hex(out, UINT64_C(0x0123456789abcdef), 16);
	assert_string_equal(out, "0123456789abcdef");
	token_hex(out, UINT64_C(0x0123456789abcdef), 8);
	assert_string_equal(out, "89abcdef");
	token_hex(out, 0, 2);
	assert_string_equal(out, "00");
}

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

static void a_key_is_made_once_and_kept_in_its_file(void **state)
{
	char folder[] = "/tmp/softswitch-token-XXXXXX", path[64];
	struct token_key first = {{0}}, again = {{0}}, other = {{0}};

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	assert_int_equal(token_key_load(&first, path), 0);
	assert_int_equal(token_key_load(&again, path), 0);
	assert_memory_equal(&first, &again, sizeof(first));
	assert_true(token_hash_keyed(&first, 0, "a") == token_hash_keyed(&again, 0, "a"));
	assert_int_equal(truncate(path, 3), 0);
	assert_int_equal(token_key_load(&other, path), 0);
	assert_memory_not_equal(&first, &other, sizeof(first));
	assert_true(token_hash_keyed(&first, 0, "a") != token_hash_keyed(&other, 0, "a"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(token_key_load(&again, path), -ENOENT);
	assert_memory_not_equal(&again, &other, sizeof(again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_16_hexadecimal_digits),
		cmocka_unit_test(a_number_has_as_many_digits_as_asked),
		cmocka_unit_test(numbers_do_not_follow_from_each_other),
		cmocka_unit_test(a_hash_depends_on_every_byte_and_on_what_came_before),
		cmocka_unit_test(a_key_is_made_once_and_kept_in_its_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
