#include "message.h"

#include <sofia-sip/url.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_uri_with_what_ends_one_cannot_be_used(void **state)
{
	static const char *const usable[] = {
		"sip:1@192.0.2.1:5070;transport=tcp", "tel:+4930", "a", "sip:\xc3\xa4@b"};
	static const char *const unusable[] = {"", "sip:a b", "sip:a\tb", "sip:a\r\n b", "sip:a\nb",
		"sip:a\001b", "sip:a\x7f", "<sip:a>", "sip:a>", "sip:\"a\"@b"};

	(void)state;
	for (size_t i = 0; i < sizeof(usable) / sizeof(usable[0]); i++)
		assert_true(message_uri_is_usable(usable[i], strlen(usable[i])));
	for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++)
		assert_false(message_uri_is_usable(unusable[i], strlen(unusable[i])));
	assert_false(message_uri_is_usable("sip:a\0b", 7));
}

static void a_url_is_added_whole_or_not_at_all(void **state)
{
	char data[64];
	struct text t = {.data = data, .size = sizeof(data)};
	url_t sound = {.url_type = url_sip, .url_scheme = "sip", .url_user = "4930", .url_host = "192.0.2.1"};
	url_t odd = {
		.url_type = url_sip, .url_scheme = "sip", .url_user = "49\r\n 30", .url_host = "192.0.2.1"};

	(void)state;
	assert_int_equal(message_url(&t, &odd), -EINVAL);
	assert_int_equal(t.len, 0);
	assert_int_equal(message_url(&t, &sound), 0);
	assert_memory_equal(data, "sip:4930@192.0.2.1", t.len);
}

static void a_phrase_with_control_characters_becomes_the_usual_one(void **state)
{
	static const char *const rows[][2] = {{"Not here", "SIP/2.0 486 Not here\r\n"},
		{"Nicht verf\xc3\xbcgbar\t", "SIP/2.0 486 Nicht verf\xc3\xbcgbar\t\r\n"},
		{"Not\x01here", "SIP/2.0 486 Busy Here\r\n"}, {"Not\r\nFrom: x", "SIP/2.0 486 Busy Here\r\n"},
		{NULL, "SIP/2.0 486 Busy Here\r\n"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char data[64];
		struct text t = {.data = data, .size = sizeof(data)};

		message_status(&t, 486, rows[i][0]);
		assert_int_equal(t.len, strlen(rows[i][1]));
		assert_memory_equal(data, rows[i][1], t.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_uri_with_what_ends_one_cannot_be_used),
		cmocka_unit_test(a_url_is_added_whole_or_not_at_all),
		cmocka_unit_test(a_phrase_with_control_characters_becomes_the_usual_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
