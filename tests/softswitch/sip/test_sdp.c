#include "sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n";

static bool find(const char *type, const char *body, struct sdp_span *out)
{
	return sdp_find(type, body, strlen(body), out);
}

static void a_description_alone_is_the_whole_body(void **state)
{
	struct sdp_span span;

	(void)state;
	assert_true(find("application/sdp", sdp, &span));
	assert_ptr_equal(span.data, sdp);
	assert_int_equal(span.len, strlen(sdp));
	assert_true(find("Application/SDP;charset=x", sdp, &span));
}

static void what_is_no_description_is_none(void **state)
{
	struct sdp_span span;

	(void)state;
	assert_false(find("application/sdp", "", &span));
	assert_false(find("application/sdp", "v=", &span));
	assert_false(find("application/sdp", "o=- 1 1 IN IP4 192.0.2.1\r\n", &span));
	assert_false(find("application/isup", sdp, &span));
	assert_false(find(NULL, sdp, &span));
	assert_false(sdp_find("application/sdp", NULL, 0, &span));
}

static void a_part_of_a_multipart_body_is_found(void **state)
{
	static const char body[] =
		"preamble\r\n--b\r\nContent-Type: application/isup\r\n\r\nv=0 not this\r\n"
		"--b\r\ncontent-type:\tapplication/sdp\r\nContent-ID: x\r\n\r\nv=0\r\ns=-\r\n--b--\r\n";
	struct sdp_span span;

	(void)state;
	assert_true(find("multipart/mixed;boundary=b", body, &span));
	assert_int_equal(span.len, strlen("v=0\r\ns=-"));
	assert_memory_equal(span.data, "v=0\r\ns=-", span.len);
}

/* RFC 2046 section 5.1.1: the line end before a delimiter belongs to the delimiter. */
static void a_description_is_as_long_in_a_multipart_body_as_alone(void **state)
{
	static const char text[] = "v=0\r\ns=-\r\n",
			  *const ends[] = {"\r\n--b--", "\n--b--", "\r\n--b\r\n\r\nx"};
	char body[128];
	struct sdp_span span;

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(body, sizeof(body), "--b\r\nContent-Type: application/sdp\r\n\r\n%s%s", text,
			ends[i]);
		assert_true(find("multipart/mixed;boundary=b", body, &span));
		assert_int_equal(span.len, strlen(text));
		assert_memory_equal(span.data, text, span.len);
	}
}

static void the_last_part_may_end_with_the_body(void **state)
{
	struct sdp_span span;

	(void)state;
	assert_true(find("multipart/mixed", "--b\nContent-Type: application/sdp\n\nv=0", &span));
	assert_int_equal(span.len, 3);
}

static void a_multipart_body_without_a_description_has_none(void **state)
{
	static const char *const bodies[] = {
		"",
		"--",
		"--b",
		"--b\r\n",
		"--b\r\nContent-Type: application/sdp",
		"--b\r\nContent-Type: application/sdp\r\n",
		"--b\r\nContent-Type: application/sdp\r\n\r\n",
		"--b\r\nContent-Type: application/sdp\r\n\r\nv=",
		"--b\r\nContent-Type: text/plain\r\n\r\nv=0\r\n--b--",
		"Content-Type: application/sdp\r\n\r\nv=0\r\n",
	};
	struct sdp_span span;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		assert_false(find("multipart/mixed;boundary=b", bodies[i], &span));
}

/* Each prefix in a block of its exact size: the sanitizer sees a byte read too much. */
static void nothing_behind_the_body_is_read(void **state)
{
	static const char body[] = "x\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=-\r\n--b--\r\n";

	(void)state;
	for (size_t n = 0; n < sizeof(body); n++) {
		char *copy = malloc(n ? n : 1);
		struct sdp_span span;

		memcpy(copy, body, n);
		if (sdp_find("multipart/mixed", copy, n, &span))
			assert_true(span.data >= copy && span.data + span.len <= copy + n);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_description_alone_is_the_whole_body),
		cmocka_unit_test(what_is_no_description_is_none),
		cmocka_unit_test(a_part_of_a_multipart_body_is_found),
		cmocka_unit_test(a_description_is_as_long_in_a_multipart_body_as_alone),
		cmocka_unit_test(the_last_part_may_end_with_the_body),
		cmocka_unit_test(a_multipart_body_without_a_description_has_none),
		cmocka_unit_test(nothing_behind_the_body_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
