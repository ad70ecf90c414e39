#include "utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void what_rfc_3629_allows_is_valid(void **state)
{
	(void)state;
	assert_true(utf8_valid(""));
	assert_true(utf8_valid("4930 <sip:a@b>"));
	assert_true(utf8_valid("M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x93\x9e"));
	assert_true(utf8_valid(
		"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf")); /* beside the surrogates, and the last one */
}

static void everything_else_is_not(void **state)
{
	static const char *const bad[] = {
		"M\xfcller",        /* Latin-1 */
		"\x80", "a\xbf",    /* continuation without a start */
		"\xc3", "\xe2\x82", /* cut off */
		"\xc3(", "\xf0\x9f(x", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf",                                 /* overlong */
		"\xed\xa0\x80", "\xed\xbf\xbf",                     /* surrogates */
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", /* too large */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(utf8_valid(bad[i]));
}

static void latin_1_becomes_valid_and_keeps_every_byte(void **state)
{
	char all[256], *utf8;
	size_t n = 0;

	(void)state;
	for (int c = 1; c < 256; c++)
		all[c - 1] = (char)c;
	all[255] = '\0';
	utf8 = utf8_from_latin1(all);
	assert_true(utf8_valid(utf8));
	for (const unsigned char *at = (const unsigned char *)utf8; *at; at += *at < 0x80 ? 1 : 2, n++)
		assert_int_equal(*at < 0x80 ? at[0] : (at[0] & 0x1f) << 6 | (at[1] & 0x3f), (int)n + 1);
	assert_int_equal(n, 255);
	free(utf8);
}

static void only_letters_of_ascii_are_made_small(void **state)
{
	char out[16];

	(void)state;
	utf8_lower(out, "AZ-@[az09\xc3\x84 and the rest", 11);
	assert_string_equal(out, "az-@[az09\xc3\x84");
	utf8_lower(out, "", 0);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_rfc_3629_allows_is_valid),
		cmocka_unit_test(everything_else_is_not),
		cmocka_unit_test(latin_1_becomes_valid_and_keeps_every_byte),
		cmocka_unit_test(only_letters_of_ascii_are_made_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
