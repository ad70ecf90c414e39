#include "stream_frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX = 1000 };

#define HEAD "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n"

/** Read it byte by byte. @return the result as soon as it is not 0 */
static int read_slowly(struct stream_frame *f, const char *text)
{
	size_t n = strlen(text);
	int result = 0;

	*f = (struct stream_frame){0};
	for (size_t i = 1; !result && i <= n; i++) {
		char *piece = malloc(i); /* so that a sanitizer sees a byte read too many */

		memcpy(piece, text, i);
		result = stream_frame_read(f, piece, i, MAX);
		free(piece);
	}
	return result;
}

static int read_at_once(struct stream_frame *f, const char *text)
{
	*f = (struct stream_frame){0};
	return stream_frame_read(f, text, strlen(text), MAX);
}

static void expect_message(const char *head, const char *body)
{
	char text[MAX];
	struct stream_frame f;

	snprintf(text, sizeof(text), "%s%s", head, body);
	assert_int_equal(read_slowly(&f, text), 1);
	assert_int_equal(f.head, strlen(head));
	assert_int_equal(f.body, strlen(body));
	assert_int_equal(read_at_once(&f, text), 1);
	assert_int_equal(f.head + f.body, strlen(text));
}

static void a_message_ends_where_its_length_says(void **state)
{
	(void)state;
	expect_message(HEAD "Content-Length: 0\r\n\r\n", "");
	expect_message(HEAD "Content-Length: 4\r\n\r\n", "\r\n\r\n");
	expect_message(HEAD "content-length\t:  5  \r\nX: y\r\n\r\n", "12345");
	expect_message(HEAD "l:5\r\n\r\n", "12345");
	expect_message(HEAD "L:\r\n 5\r\n\t\r\n\r\n", "12345");
	expect_message(HEAD "l: 5\r\nContent-Length: 005\r\n\r\n", "12345");
	expect_message(HEAD "Subject: a\r\n Content-Length: 7\r\nContent-Lengthy: 8\r\nl: 1\r\n\r\n", "1");
	expect_message("SIP/2.0 200 OK\r\nl: 0\r\n\r\n", "");
}

static void line_ends_of_others_are_read(void **state)
{
	(void)state;
	expect_message("OPTIONS sip:a SIP/2.0\nl: 2\n\n", "ab");
	expect_message("OPTIONS sip:a SIP/2.0\rl: 2\r\r", "ab");
}

static void expect_error(const char *text, int error)
{
	struct stream_frame f;

	assert_int_equal(read_slowly(&f, text), error);
	assert_int_equal(read_at_once(&f, text), error);
}

static void a_length_that_is_none_is_refused(void **state)
{
	static const char *const values[] = {
		"", "-1", "x", "1x", "0x1", "1, 1", "1 1", "+1", "1\r\n 1", "1\r\nl: 2", "2\r\nl: 1"};

	(void)state;
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[MAX];

		snprintf(text, sizeof(text), HEAD "Content-Length: %s\r\n\r\n", values[i]);
		expect_error(text, -EBADMSG);
	}
	expect_error(HEAD "\r\n", -EBADMSG);
}

static void what_is_too_large_is_refused(void **state)
{
	static const char *const values[] = {
		"1000", "2147483648", "4294967296", "18446744073709551616", "99999999999999999999999"};
	char text[2 * MAX];

	(void)state;
	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(text, sizeof(text), HEAD "Content-Length: %s\r\n\r\n", values[i]);
		expect_error(text, -EMSGSIZE);
	}
	snprintf(text, sizeof(text), HEAD "X: %01500d", 0);
	expect_error(text, -EMSGSIZE);
}

static void what_is_not_sip_is_known_by_its_first_line(void **state)
{
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\n", "\x16\x03", "\x80", " SIP/2.0\r\n", "\x7f", "hello\n\n"};

	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_error(texts[i], -EPROTO);
}

static void a_double_line_end_is_a_ping(void **state)
{
	static const struct {
		const char *data;
		size_t skipped;
		unsigned pings;
	} cases[] = {
		{"A", 0, 0},
		{"\r\n\r\nA", 4, 1},
		{"\r\n\r\n\r\n\r\n", 8, 2},
		{"\r\nA", 2, 0},
		{"\n\n\nA", 3, 0},
		{"\r\n", 0, 0}, /* half a ping, perhaps */
		{"\r\n\r\n\r", 4, 1},
		{"\r\n\r\n\r\nA", 6, 1},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned pings;

		assert_int_equal(
			stream_frame_skip(cases[i].data, strlen(cases[i].data), &pings), cases[i].skipped);
		assert_int_equal(pings, cases[i].pings);
	}
}

static void a_hidden_length_is_no_length(void **state)
{
	char text[] = HEAD "l: 5\r\nContent-Length:\r\n 7\r\n\r\n";
	struct stream_frame f = {0};

	(void)state;
	stream_frame_hide_length(text, strlen(text));
	assert_string_equal(text, HEAD "-: 5\r\n-ontent-Length:\r\n 7\r\n\r\n");
	assert_int_equal(stream_frame_read(&f, text, strlen(text), MAX), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_ends_where_its_length_says),
		cmocka_unit_test(line_ends_of_others_are_read),
		cmocka_unit_test(a_length_that_is_none_is_refused),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(what_is_not_sip_is_known_by_its_first_line),
		cmocka_unit_test(a_double_line_end_is_a_ping),
		cmocka_unit_test(a_hidden_length_is_no_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
