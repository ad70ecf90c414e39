#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct text text_over(char *buffer, size_t size)
{
	return (struct text){.data = buffer, .size = size};
}

static void pieces_are_joined(void **state)
{
	char buffer[64];
	struct text t = text_over(buffer, sizeof(buffer));
	(void)state;
	text_add_all(&t, "CSeq: ", "", NULL);
	text_add_number(&t, 4294967295UL);
	text_add(&t, " ACK\r\n");
	text_add_bytes(&t, "Via: no", 5);
	char *copy = text_copy(&t);
	assert_string_equal(copy, "CSeq: 4294967295 ACK\r\nVia: ");
	free(copy);
}

/** As of a description that a session does not have; UBSan said so before. */
static void no_bytes_may_be_nowhere(void **state)
{
	char buffer[1];
	struct text t = text_over(buffer, sizeof(buffer));

	(void)state;
	text_add_bytes(&t, NULL, 0);
	assert_int_equal(t.len, 0);
	assert_false(t.full);
}

static void a_number_may_be_zero(void **state)
{
	char buffer[1];
	struct text t = text_over(buffer, sizeof(buffer));
	(void)state;
	text_add_number(&t, 0);
	assert_int_equal(t.len, 1);
	assert_memory_equal(buffer, "0", 1);
}

static void what_does_not_fit_is_left_out_with_all_after_it(void **state)
{
	char buffer[8];
	struct text t = text_over(buffer, sizeof(buffer));
	(void)state;
	text_add(&t, "12345678");
	assert_false(t.full);
	text_add(&t, "9");
	assert_true(t.full);
	t = text_over(buffer, sizeof(buffer));
	text_add(&t, "1234567");
	text_add(&t, "89");
	text_add(&t, "0");
	assert_true(t.full);
	assert_int_equal(t.len, 7);
	assert_null(text_copy(&t));
}

static void line_ends_are_stripped(void **state)
{
	char buffer[16];
	struct text t = text_over(buffer, sizeof(buffer));
	(void)state;
	text_strip_line_end(&t);
	assert_int_equal(t.len, 0);
	text_add(&t, "a\r\nb\r\n\n");
	text_strip_line_end(&t);
	assert_int_equal(t.len, 4);
}

static void it_ends_as_a_string_where_it_lies(void **state)
{
	char buffer[4];
	struct text t = text_over(buffer, sizeof(buffer));
	(void)state;
	text_add(&t, "abc");
	assert_true(text_end(&t));
	assert_string_equal(buffer, "abc");
	text_add(&t, "d");
	assert_false(text_end(&t));
	assert_string_equal(buffer, "abc");
	text_add(&t, "e");
	assert_false(text_end(&t));
}

static void a_copy_is_as_long_as_it_may_be(void **state)
{
	char buffer[4];
	(void)state;
	text_fit(buffer, sizeof(buffer), "");
	assert_string_equal(buffer, "");
	text_fit(buffer, sizeof(buffer), "abc");
	assert_string_equal(buffer, "abc");
	text_fit(buffer, sizeof(buffer), "wxyz");
	assert_string_equal(buffer, "wxy");
}

static void its_hash_is_the_same_everywhere(void **state)
{
	(void)state;
	/* Test vectors of FNV-1a, 64 bits. */
	assert_true(text_hash(TEXT_HASH, "", 0) == UINT64_C(0xcbf29ce484222325));
	assert_true(text_hash(TEXT_HASH, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(text_hash(text_hash(TEXT_HASH, "foo", 3), "bar", 3) == UINT64_C(0x85944171f73967e8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_joined),
		cmocka_unit_test(no_bytes_may_be_nowhere),
		cmocka_unit_test(a_number_may_be_zero),
		cmocka_unit_test(what_does_not_fit_is_left_out_with_all_after_it),
		cmocka_unit_test(line_ends_are_stripped),
		cmocka_unit_test(it_ends_as_a_string_where_it_lies),
		cmocka_unit_test(a_copy_is_as_long_as_it_may_be),
		cmocka_unit_test(its_hash_is_the_same_everywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
