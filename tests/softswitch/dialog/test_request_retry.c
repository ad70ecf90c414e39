#include "request_retry.h"

#include "message_from_text.h"
#include "session.h"

#include <stdlib.h>

static const struct request_retry_request info = {
	.method = "INFO", .uri = "sip:them@192.0.2.2", .credentials = {.user = "us", .password = "secret"}};

static const char www[] = "WWW-Authenticate: Digest realm=\"a\", nonce=\"n1\"\r\n";
static const char www_stale[] = "WWW-Authenticate: Digest realm=\"a\", nonce=\"n2\", stale=true\r\n";
static const char proxy[] = "Proxy-Authenticate: Digest realm=\"b\", nonce=\"n3\"\r\n";

static enum request_retry_verdict retry(struct request_retry *r, const struct request_retry_request *request,
	const char *status, const char *headers)
{
	char start[64], lines[1024];
	msg_t *msg;
	enum request_retry_verdict result;

	snprintf(start, sizeof(start), "SIP/2.0 %s", status);
	snprintf(lines, sizeof(lines), HEADERS "CSeq: 1 %s\r\n%s", request->method, headers);
	msg = message_from_parts(start, lines, NULL);
	result = request_retry_decide(r, request, sip_object(msg));
	msg_destroy(msg);
	return result;
}

/** What the next request would carry, as a string. */
static const char *lines_of(const struct request_retry *r)
{
	static char data[4096];
	struct text t = {.data = data, .size = sizeof(data) - 1};

	request_retry_write(r, &t);
	assert_false(t.full);
	data[t.len] = '\0';
	return data;
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	for (const char *at = text; (at = strstr(at, word)); at++)
		n++;
	return n;
}

static void a_challenge_is_answered_once(void **state)
{
	struct request_retry r = {0};

	(void)state;
	assert_string_equal(lines_of(&r), "");
	assert_int_equal(retry(&r, &info, "401 Unauthorized", www), REQUEST_RETRY_AGAIN);
	assert_int_equal(
		strncmp(lines_of(&r), "Authorization: Digest username=\"us\", realm=\"a\", nonce=\"n1\"", 57),
		0);
	assert_int_equal(retry(&r, &info, "401 Unauthorized", www), REQUEST_RETRY_REFUSED);
	request_retry_clear(&r);
	assert_string_equal(lines_of(&r), "");
}

static void a_stale_nonce_is_replaced(void **state)
{
	struct request_retry r = {0};

	(void)state;
	assert_int_equal(retry(&r, &info, "401 Unauthorized", www), REQUEST_RETRY_AGAIN);
	assert_int_equal(retry(&r, &info, "401 Unauthorized", www_stale), REQUEST_RETRY_AGAIN);
	assert_int_equal(count(lines_of(&r), "Authorization:"), 1);
	assert_non_null(strstr(lines_of(&r), "nonce=\"n2\""));
	request_retry_clear(&r);
}

static void a_server_that_finds_every_nonce_stale_is_given_up(void **state)
{
	struct request_retry r = {0};
	unsigned n = 0;

	(void)state;
	while (retry(&r, &info, "401 Unauthorized", www_stale) == REQUEST_RETRY_AGAIN && n < 100)
		n++;
	assert_int_equal(n, 4);
	request_retry_clear(&r);
}

static void a_proxy_and_the_server_behind_it_both_get_their_answer(void **state)
{
	struct request_retry r = {0};

	(void)state;
	assert_int_equal(retry(&r, &info, "407 Proxy Authentication Required", proxy), REQUEST_RETRY_AGAIN);
	assert_int_equal(retry(&r, &info, "401 Unauthorized", www), REQUEST_RETRY_AGAIN);
	assert_int_equal(count(lines_of(&r), "\r\n"), 2);
	assert_non_null(strstr(
		lines_of(&r), "Proxy-Authorization: Digest username=\"us\", realm=\"b\", nonce=\"n3\""));
	assert_non_null(strstr(lines_of(&r), "\r\nProxy-Authorization:"));
	assert_non_null(strstr(lines_of(&r), "realm=\"a\", nonce=\"n1\""));
	assert_int_equal(retry(&r, &info, "407 Proxy Authentication Required", proxy), REQUEST_RETRY_REFUSED);
	request_retry_clear(&r);
}

static void what_cannot_be_answered_is_told_apart_from_what_was_refused(void **state)
{
	struct request_retry r = {0};
	struct request_retry_request anonymous = info;

	(void)state;
	anonymous.credentials.user = NULL;
	assert_int_equal(retry(&r, &anonymous, "401 Unauthorized", www), REQUEST_RETRY_UNANSWERABLE);
	request_retry_clear(&r);
	assert_int_equal(retry(&r, &info, "401 Unauthorized",
				 "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\", algorithm=MD4\r\n"),
		REQUEST_RETRY_UNANSWERABLE);
	request_retry_clear(&r);
	assert_int_equal(retry(&r, &info, "401 Unauthorized", ""), REQUEST_RETRY_UNANSWERABLE);
	request_retry_clear(&r);
}

/* RFC 4028 section 7.4 */
static void a_session_interval_that_is_too_short_is_raised(void **state)
{
	struct request_retry r = {0};
	struct session session = {.timer = true};
	struct request_retry_request update = info;

	(void)state;
	update.method = "UPDATE";
	update.session = &session;
	assert_int_equal(
		retry(&r, &update, "422 Session Interval Too Small", "Min-SE: 300\r\n"), REQUEST_RETRY_AGAIN);
	assert_int_equal(session.min_se_s, 300);
	assert_int_equal(
		retry(&r, &update, "422 Session Interval Too Small", "Min-SE: 300\r\n"), REQUEST_RETRY_FINAL);
	assert_int_equal(retry(&r, &update, "422 Session Interval Too Small", ""), REQUEST_RETRY_FINAL);
	request_retry_clear(&r);
}

static void after_a_422_the_request_may_be_challenged_again(void **state)
{
	struct request_retry r = {0};
	struct session session = {.timer = true};
	struct request_retry_request update = info;

	(void)state;
	update.method = "UPDATE";
	update.session = &session;
	assert_int_equal(retry(&r, &update, "401 Unauthorized", www), REQUEST_RETRY_AGAIN);
	assert_int_equal(
		retry(&r, &update, "422 Session Interval Too Small", "Min-SE: 300\r\n"), REQUEST_RETRY_AGAIN);
	assert_string_equal(lines_of(&r), "");
	assert_int_equal(retry(&r, &update, "401 Unauthorized", www), REQUEST_RETRY_AGAIN);
	request_retry_clear(&r);
}

static void a_request_without_session_interval_takes_a_422_as_final(void **state)
{
	struct request_retry r = {0};

	(void)state;
	assert_int_equal(
		retry(&r, &info, "422 Session Interval Too Small", "Min-SE: 300\r\n"), REQUEST_RETRY_FINAL);
}

static void other_failures_are_final(void **state)
{
	struct request_retry r = {0};

	(void)state;
	assert_int_equal(retry(&r, &info, "403 Forbidden", www), REQUEST_RETRY_FINAL);
	assert_int_equal(retry(&r, &info, "491 Request Pending", ""), REQUEST_RETRY_FINAL);
	assert_int_equal(
		retry(&r, &info, "503 Service Unavailable", "Retry-After: 5\r\n"), REQUEST_RETRY_FINAL);
	assert_int_equal(retry(&r, &info, "600 Busy Everywhere", ""), REQUEST_RETRY_FINAL);
}

/* RFC 3261 section 14.1 */
static void after_glare_the_owner_of_the_call_id_waits_longer(void **state)
{
	(void)state;
	for (uint64_t random = 0; random < 1000; random++) {
		assert_in_range(request_retry_glare_ms(true, random), 2100, 4000);
		assert_in_range(request_retry_glare_ms(false, random), 0, 2000);
		assert_int_equal(request_retry_glare_ms(true, random) % 10, 0);
		assert_int_equal(request_retry_glare_ms(false, random) % 10, 0);
	}
	assert_int_equal(request_retry_glare_ms(true, 190), 4000);
	assert_int_equal(request_retry_glare_ms(false, 200), 2000);
}

static void retry_after_counts_in_a_503_only(void **state)
{
	static const char busy[] = "Retry-After: 5\r\n";
	static const struct {
		const char *start, *header;
		bool told;
	} rows[] = {{"SIP/2.0 503 Service Unavailable", busy, true},
		{"SIP/2.0 503 Service Unavailable", "", false},
		{"SIP/2.0 480 Temporarily Unavailable", busy, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char lines[512];
		uint32_t seconds = 77;
		msg_t *msg;

		snprintf(lines, sizeof(lines), HEADERS "CSeq: 1 INVITE\r\n%s", rows[i].header);
		msg = message_from_parts(rows[i].start, lines, NULL);
		assert_int_equal(request_retry_after(sip_object(msg), &seconds), rows[i].told);
		assert_int_equal(seconds, rows[i].told ? 5 : 77);
		msg_destroy(msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_challenge_is_answered_once),
		cmocka_unit_test(a_stale_nonce_is_replaced),
		cmocka_unit_test(a_server_that_finds_every_nonce_stale_is_given_up),
		cmocka_unit_test(a_proxy_and_the_server_behind_it_both_get_their_answer),
		cmocka_unit_test(what_cannot_be_answered_is_told_apart_from_what_was_refused),
		cmocka_unit_test(a_session_interval_that_is_too_short_is_raised),
		cmocka_unit_test(after_a_422_the_request_may_be_challenged_again),
		cmocka_unit_test(a_request_without_session_interval_takes_a_422_as_final),
		cmocka_unit_test(other_failures_are_final),
		cmocka_unit_test(after_glare_the_owner_of_the_call_id_waits_longer),
		cmocka_unit_test(retry_after_counts_in_a_503_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
