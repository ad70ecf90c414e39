#include "sdp_origin.h"

#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ID = 1000 };

/* What the leg is sent for this description, valid until the next call. */
static const char *written(struct sdp_origin *o, const char *sdp)
{
	static char buffer[2000];
	struct text t = {.data = buffer, .size = sizeof(buffer) - 1};

	sdp_origin_write(o, &t, &(struct sdp_span){sdp, strlen(sdp)}, "192.0.2.9");
	assert_false(t.full);
	buffer[t.len] = '\0';
	return buffer;
}

#define REST                                                                                                 \
	"c=IN IP4 10.1.1.1\r\nt=0 0\r\na=sendrecv\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
#define PEER "v=0\r\no=pbx 17 1 IN IP4 10.1.1.1\r\ns=secret\r\n"
#define OURS(version) "v=0\r\no=- 1000 " version " IN IP4 192.0.2.9\r\ns=-\r\n"

static void the_two_lines_are_ours_and_the_rest_is_the_peers(void **state)
{
	struct sdp_origin o = {.id = ID};

	(void)state;
	assert_string_equal(written(&o, PEER REST), OURS("1") REST);
}

static void the_version_grows_with_the_rest_only(void **state)
{
	struct sdp_origin o = {.id = ID};

	(void)state;
	assert_string_equal(written(&o, PEER REST), OURS("1") REST);
	assert_string_equal(written(&o, PEER REST), OURS("1") REST);
	assert_string_equal(written(&o, "v=0\r\no=- 99 8 IN IP4 10.2.2.2\r\ns=x\r\n" REST), OURS("1") REST);
	assert_string_equal(written(&o, PEER REST "a=sendonly\r\n"), OURS("2") REST "a=sendonly\r\n");
	assert_string_equal(written(&o, PEER REST "a=sendonly\r\n"), OURS("2") REST "a=sendonly\r\n");
	/* Back to the first: it differs from the one before, whatever was sent earlier (RFC 3264 section 8). */
	assert_string_equal(written(&o, PEER REST), OURS("3") REST);
}

/* In a multipart body some count it to the delimiter. */
static void the_end_of_the_last_line_does_not_count(void **state)
{
	static const char sdp[] = PEER REST, *const ends[] = {"", "\r", "\r\n", "\r\n\r\n"};
	size_t n = strlen(sdp) - strlen("\r\n");
	char other[sizeof(sdp) + 8];

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(other, sizeof(other), "%.*s%s", (int)n, sdp, ends[i]);
		assert_true(sdp_origin_same(
			&(struct sdp_span){sdp, strlen(sdp)}, &(struct sdp_span){other, strlen(other)}));
	}
}

/* A byte changed, put in, left out or moved, in the first line, the last or between; a line o= or s= as well. */
static void any_byte_of_the_rest_counts(void **state)
{
	static const char *const others[] = {
		"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 1\r\nm=audio 1 RTP/AVP 8\r\n",
		"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 8 \r\n",
		"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\nm=audio 1 RTP/AVP 8\r\n",
		"v=0 \r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 8\r\n",
		"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nm=audio 1 RTP/AVP 8\r\nt=0 0\r\n",
		"v=0\r\no=- 1 1 IN IP4 h\ns=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 8\r\n",
		"v=0\r\ns=-\r\no=- 1 1 IN IP4 h\r\nt=0 0\r\nm=audio 1 RTP/AVP 8\r\n",
		"v=0\r\no=- 1 1 IN IP4 h\r\nt=0 0\r\nm=audio 1 RTP/AVP 8\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct sdp_origin o = {.id = ID};

		written(&o, "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 1 RTP/AVP 8\r\n");
		written(&o, others[i]);
		assert_int_equal(o.version, 2);
	}
}

static void line_ends_stay_as_they_were(void **state)
{
	struct sdp_origin o = {.id = ID};

	(void)state;
	assert_string_equal(written(&o, "v=0\no=a 1 1 IN IP4 h\r\ns=b\nt=0 0\r\n"),
		"v=0\no=- 1000 1 IN IP4 192.0.2.9\r\ns=-\nt=0 0\r\n");
	assert_string_equal(
		written(&o, "v=0\ns=b\no=a 1 1 IN IP4 h"), "v=0\ns=-\no=- 1000 2 IN IP4 192.0.2.9");
	assert_string_equal(written(&o, "v=0\no="), "v=0\no=- 1000 3 IN IP4 192.0.2.9");
	assert_string_equal(written(&o, "v=0\r\ns=\r\n\r\n"), "v=0\r\ns=-\r\n\r\n");
}

static void nothing_is_added_that_was_not_there(void **state)
{
	static const char without[] = "v=0\r\n" REST;
	static const char *const whole[] = {"", "v=0", without, "v=0\r\no\r\ns\r\n",
		"v=0\r\n o=x\r\nO=x\r\nS=x\r\n", "v=0\r\nb=s=x\r\na=o=y\r\nso=x\r\nos\r\n",
		"v=0\ro=x\rs=y\r"};

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		struct sdp_origin o = {.id = ID};

		assert_string_equal(written(&o, whole[i]), whole[i]);
	}
}

static void no_second_line_of_the_peer_gets_through(void **state)
{
	struct sdp_origin o = {.id = ID};

	(void)state;
	assert_string_equal(
		written(&o,
			PEER "t=0 0\r\no=inner 1 1 IN IP4 10.1.1.1\r\nm=audio 1 RTP/AVP 0\r\ns=inner\r\n"),
		OURS("1") "t=0 0\r\no=- 1000 1 IN IP4 192.0.2.9\r\nm=audio 1 RTP/AVP 0\r\ns=-\r\n");
}

static void the_id_stays(void **state)
{
	char buffer[200] = "";
	struct sdp_origin o = {.id = (UINT64_C(1) << 62) - 1};
	const struct sdp_span sdp = {PEER, strlen(PEER)},
			      other = {PEER "t=0 0\r\n", strlen(PEER "t=0 0\r\n")};

	(void)state;
	sdp_origin_write(&o, &(struct text){.data = buffer, .size = sizeof(buffer)}, &sdp, "192.0.2.9");
	assert_non_null(strstr(buffer, "o=- 4611686018427387903 1 IN IP4 192.0.2.9\r\n"));
	sdp_origin_write(&o, &(struct text){.data = buffer, .size = sizeof(buffer)}, &other, "192.0.2.9");
	assert_non_null(strstr(buffer, "o=- 4611686018427387903 2 IN IP4 192.0.2.9\r\n"));
}

static void an_ipv6_listener_says_so(void **state)
{
	char buffer[200] = "";
	struct text t = {.data = buffer, .size = sizeof(buffer)};
	struct sdp_origin o = {.id = ID};

	(void)state;
	sdp_origin_write(&o, &t, &(struct sdp_span){PEER, strlen(PEER)}, "2001:db8::9");
	assert_string_equal(buffer, "v=0\r\no=- 1000 1 IN IP6 2001:db8::9\r\ns=-\r\n");
}

static void what_does_not_fit_is_noticed(void **state)
{
	size_t whole = strlen(OURS("1") REST);

	(void)state;
	for (size_t size = 0; size <= whole; size++) {
		char *buffer = malloc(size + 1); /* + 1: never a request for nothing */
		struct text t = {.data = buffer, .size = size};
		struct sdp_origin o = {.id = ID};

		sdp_origin_write(&o, &t, &(struct sdp_span){PEER REST, strlen(PEER REST)}, "192.0.2.9");
		assert_int_equal(t.full, size < whole);
		free(buffer);
	}
}

/* Each prefix in a block of its exact size: the sanitizer sees a byte read too much. */
static void nothing_behind_the_description_is_read(void **state)
{
	(void)state;
	for (size_t len = 1; len <= strlen(PEER REST); len++) {
		char buffer[400];
		char *copy = malloc(len);
		struct text t = {.data = buffer, .size = sizeof(buffer)};
		struct sdp_origin o = {.id = ID};

		memcpy(copy, PEER REST, len);
		sdp_origin_write(&o, &t, &(struct sdp_span){copy, len}, "192.0.2.9");
		free(copy);
		assert_int_equal(o.version, 1);
		assert_false(t.full);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_two_lines_are_ours_and_the_rest_is_the_peers),
		cmocka_unit_test(the_version_grows_with_the_rest_only),
		cmocka_unit_test(the_end_of_the_last_line_does_not_count),
		cmocka_unit_test(any_byte_of_the_rest_counts),
		cmocka_unit_test(line_ends_stay_as_they_were),
		cmocka_unit_test(nothing_is_added_that_was_not_there),
		cmocka_unit_test(no_second_line_of_the_peer_gets_through),
		cmocka_unit_test(the_id_stays),
		cmocka_unit_test(an_ipv6_listener_says_so),
		cmocka_unit_test(what_does_not_fit_is_noticed),
		cmocka_unit_test(nothing_behind_the_description_is_read),
	};

	return cmocka_run_group_tests_name("sdp_origin", tests, NULL, NULL);
}
