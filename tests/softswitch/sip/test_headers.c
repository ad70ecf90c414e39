#include "headers.h"

#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	struct peer *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	peer_open(p);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	peer_close(*state);
	free(*state);
	return 0;
}

static const sip_t *receive(struct peer *p, bool request, const char *headers)
{
	return peer_send(p,
		"%s\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=a1\r\n"
		"To: <sip:b@b.example>;tag=b1\r\nCall-ID: c1@a.example\r\nCSeq: 42 INVITE\r\n%s"
		"Content-Length: 3\r\n\r\nv=0",
		request ? "INVITE sip:b@b.example SIP/2.0" : "SIP/2.0 183 Session Progress", p->address,
		headers)
		->sip;
}

/** What of these headers crosses, besides those of the table the ones of a list. */
static const char *pass_more(struct peer *p, const char *headers, enum headers_kind kind, const char *more)
{
	struct text t = text_scratch();

	headers_pass(&t, receive(p, kind != HEADERS_RESPONSE, headers), kind, more);
	assert_false(t.full);
	t.data[t.len] = '\0';
	return t.data;
}

static const char *pass(struct peer *p, const char *headers, enum headers_kind kind)
{
	return pass_more(p, headers, kind, NULL);
}

enum {
	NEVER = 0,
	OF_BODY = HEADERS_REQUEST | HEADERS_RESPONSE,
	REQUEST = HEADERS_REQUEST | HEADERS_BODILESS,
	RESPONSE = HEADERS_RESPONSE,
	BOTH = REQUEST | RESPONSE,
};

static const struct {
	const char *line; /* without its end */
	int kinds;        /* in which it crosses */
} headers[] = {
	/* The content of the call, and what users say to each other. */
	{"Accept: application/sdp", REQUEST},
	{"Accept-Encoding: gzip", REQUEST},
	{"Accept-Language: de", REQUEST},
	{"Alert-Info: <urn:alert:service:call-waiting>", BOTH},
	{"Answer-Mode: Manual", BOTH},
	{"Call-Info: <https://a.example/a.png>;purpose=icon", BOTH},
	{"Date: Sat, 13 Nov 2010 23:29:00 GMT", BOTH},
	{"Diversion: <sip:c@c.example>;reason=unconditional", BOTH},
	{"Error-Info: <sip:announcement@b.example>", RESPONSE},
	{"Event: refer", REQUEST},
	{"Geolocation: <cid:a@a.example>", REQUEST},
	{"History-Info: <sip:c@c.example>;index=1", BOTH},
	{"Identity: eyJhbGciOiJFUzI1NiJ9..sig;info=<https://a.example/c.pem>", REQUEST},
	{"Identity-Info: <https://a.example/cert>", REQUEST},
	{"In-Reply-To: c0@b.example", REQUEST},
	{"Info-Package: dtmf", REQUEST},
	{"P-Asserted-Identity: <tel:+4930100200>", BOTH},
	{"P-Charge-Info: <sip:+4930100200@a.example>", REQUEST},
	{"P-Early-Media: supported", BOTH},
	{"P-Preferred-Identity: <sip:a@a.example>", REQUEST},
	{"Priority: urgent", REQUEST},
	{"Privacy: id", BOTH},
	{"Reason: Q.850;cause=16", BOTH},
	{"Recv-Info: dtmf", BOTH},
	{"Refer-Sub: false", BOTH},
	{"Refer-To: <sip:c@c.example>", REQUEST},
	{"Referred-By: <sip:a@a.example>", REQUEST},
	{"Remote-Party-ID: <sip:a@a.example>;party=calling", BOTH},
	{"Reply-To: <sip:a@a.example>", BOTH},
	{"Resource-Priority: ets.0", REQUEST},
	{"Session-ID: f81d4fae7dec11d0a76500a0c91e6bf6", BOTH},
	{"Subject: lunch", REQUEST},
	{"Subscription-State: active;expires=60", REQUEST},
	{"User-to-User: 56a390f3d2b7;encoding=hex", BOTH},
	/* What tells of a body goes with it. */
	{"Content-Base: https://a.example/", OF_BODY},
	{"Content-Disposition: session", OF_BODY},
	{"Content-Encoding: identity", OF_BODY},
	{"Content-ID: <a@a.example>", OF_BODY},
	{"Content-Language: de", OF_BODY},
	{"Content-Location: https://a.example/", OF_BODY},
	{"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==", OF_BODY},
	{"Content-Transfer-Encoding: binary", OF_BODY},
	{"Content-Type: application/sdp", OF_BODY},
	{"MIME-Version: 1.0", OF_BODY},
	/* Routing. */
	{"Via: SIP/2.0/UDP p.example;branch=z9hG4bK2", NEVER},
	{"Route: <sip:p.example;lr>", NEVER},
	{"Record-Route: <sip:p.example;lr>", NEVER},
	{"Path: <sip:p.example;lr>", NEVER},
	{"Service-Route: <sip:p.example;lr>", NEVER},
	{"Max-Forwards: 70", NEVER},
	{"Max-Breadth: 60", NEVER},
	{"Proxy-Require: x", NEVER},
	/* The dialog. */
	{"Contact: <sip:a@192.0.2.1>", NEVER},
	{"Replaces: c2@a.example;to-tag=x;from-tag=y", NEVER},
	{"Join: c2@a.example;to-tag=x;from-tag=y", NEVER},
	{"Target-Dialog: c2@a.example;local-tag=x;remote-tag=y", NEVER},
	{"Expires: 60", NEVER},
	/* Credentials. */
	{"Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:b\", response=\"x\"",
		NEVER},
	{"Proxy-Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:b\", response=\"x\"",
		NEVER},
	{"WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"", NEVER},
	{"Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"", NEVER},
	{"Authentication-Info: nextnonce=\"n\"", NEVER},
	/* Equipment. */
	{"User-Agent: product/1", NEVER},
	{"Server: product/1", NEVER},
	{"Organization: company", NEVER},
	{"Warning: 399 a.example \"text\"", NEVER},
	{"P-Charging-Vector: icid-value=1", NEVER},
	{"P-Access-Network-Info: 3GPP-UTRAN", NEVER},
	{"X-Anything: 1", NEVER},
	/* What each leg agrees on by itself. */
	{"Supported: 100rel", NEVER},
	{"Require: 100rel", NEVER},
	{"Unsupported: x", NEVER},
	{"Allow: INVITE, ACK", NEVER},
	{"Allow-Events: presence", NEVER},
	{"Session-Expires: 1800", NEVER},
	{"Min-SE: 90", NEVER},
	{"RSeq: 1", NEVER},
	{"RAck: 1 42 INVITE", NEVER},
	{"Retry-After: 60", NEVER},
	{"Timestamp: 1", NEVER},
};

static void assert_crosses(struct peer *p, enum headers_kind kind, const char *name_of_kind)
{
	char line[256];

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		const char *passed, *wanted = headers[i].kinds & (int)kind ? line : "";

		snprintf(line, sizeof(line), "%s\r\n", headers[i].line);
		passed = pass(p, line, kind);
		if (strcmp(passed, wanted))
			fail_msg("%s: of '%s' there crossed '%s'", name_of_kind, headers[i].line, passed);
	}
}

static void with_a_request_cross_what_users_say_and_what_tells_of_the_body(void **state)
{
	assert_crosses(*state, HEADERS_REQUEST, "request");
}

static void with_a_request_whose_body_stays_its_headers_stay(void **state)
{
	assert_crosses(*state, HEADERS_BODILESS, "request without body");
}

static void with_a_response_crosses_what_a_response_may_say(void **state)
{
	assert_crosses(*state, HEADERS_RESPONSE, "response");
}

static void the_body_is_not_copied_nor_its_length(void **state)
{
	assert_string_equal(pass(*state, "", HEADERS_REQUEST), "");
	assert_string_equal(pass(*state, "", HEADERS_RESPONSE), "");
}

static void headers_cross_in_their_order_byte_for_byte(void **state)
{
	static const char mixed[] =
		"user-to-user: 1\r\nX-Foreign: gone\r\nSUBJECT :  caf\xc3\xa9 \r\nServer: gone\r\n"
		"Reason:SIP;cause=200;text=\"a, b\"\r\nContent-Type: application/sdp\r\n"
		"accept: application/sdp,text/plain\r\nUser-Agent: gone\r\nP-Early-Media:\r\n";

	assert_string_equal(pass(*state, mixed, HEADERS_REQUEST),
		"user-to-user: 1\r\nSUBJECT :  caf\xc3\xa9 \r\nReason:SIP;cause=200;text=\"a, b\"\r\n"
		"Content-Type: application/sdp\r\naccept: application/sdp,text/plain\r\nP-Early-Media:\r\n");
}

static void folded_lines_cross_unfolded(void **state)
{
	static const char folded[] =
		"Subject: one\r\n two\r\n\tthree\r\nUser-to-User:\r\n 56a390;encoding=hex\r\n";

	assert_string_equal(pass(*state, folded, HEADERS_REQUEST),
		"Subject: one two three\r\nUser-to-User: 56a390;encoding=hex\r\n");
	assert_string_equal(pass(*state, "Server: one\r\n Subject: two\r\n", HEADERS_REQUEST), "");
}

static void repeated_headers_and_lists_cross_once_each(void **state)
{
	static const char repeated[] =
		"P-Asserted-Identity: \"A\" <sip:a@a.example>\r\nReason: Q.850;cause=16\r\n"
		"P-Asserted-Identity: <tel:+4930100200>\r\nReason: SIP;cause=200, Q.850;cause=17\r\n"
		"Diversion: <sip:1@a.example>\r\nDiversion: <sip:2@a.example>, <sip:3@a.example>\r\n"
		"Call-Info: <https://a.example/1>;purpose=icon, <https://a.example/2>;purpose=info\r\n"
		"Call-Info: <https://a.example/3>;purpose=card\r\n";

	assert_string_equal(pass(*state, repeated, HEADERS_REQUEST), repeated);
	assert_string_equal(pass(*state, repeated, HEADERS_RESPONSE), repeated);
}

static void compact_names_cross_as_they_are_or_not_at_all(void **state)
{
	static const char crossing[] = "s: lunch\r\nc: application/sdp\r\ne: identity\r\n"
				       "r: <sip:c@c.example>\r\nb: <sip:a@a.example>\r\no: refer\r\n"
				       "y: eyJhbGciOiJFUzI1NiJ9..sig\r\nn: <https://a.example/cert>\r\n";

	assert_string_equal(pass(*state, crossing, HEADERS_REQUEST), crossing);
	assert_string_equal(pass(*state, "m: <sip:a@192.0.2.1>\r\nk: 100rel\r\nx: 1800\r\nu: presence\r\n",
				    HEADERS_REQUEST),
		"");
}

static void a_listed_header_crosses_in_its_compact_form(void **state)
{
	static const char lines[] = "a: *;audio\r\nj: *;automata\r\nd: no-fork\r\n";

	assert_string_equal(pass(*state, lines, HEADERS_REQUEST), "");
	assert_string_equal(pass_more(*state, lines, HEADERS_REQUEST,
				    "Accept-Contact, Reject-Contact, Request-Disposition"),
		lines);
	assert_string_equal(
		pass_more(*state, "y: sig\r\nn: info\r\n", HEADERS_RESPONSE, "identity-info"), "n: info\r\n");
}

static void a_header_that_cannot_be_read_does_not_stop_the_others(void **state)
{
	static const char broken[] = "Subject: lunch\r\nDate: yesterday\r\nReason: Q.850;cause=16\r\n";
	const char *passed = pass(*state, broken, HEADERS_REQUEST);

	assert_non_null(strstr(passed, "Subject: lunch\r\n"));
	assert_non_null(strstr(passed, "Reason: Q.850;cause=16\r\n"));
}

static void headers_that_an_operator_lists_cross_as_well(void **state)
{
	static const char list[] = ",X-Account, x-tenant";
	static const char *const lines[] = {"X-Account: 17\r\n", "x-account: 17\r\n", "X-Tenant: a, b\r\n"};
	static const char *const others[] = {
		"X-Account-Type: a\r\n", "Account: 17\r\n", "X-Accoun: 17\r\n", "Server: x\r\n"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_string_equal(pass_more(*state, lines[i], HEADERS_REQUEST, list), lines[i]);
		assert_string_equal(pass_more(*state, lines[i], HEADERS_RESPONSE, list), lines[i]);
		assert_string_equal(pass(*state, lines[i], HEADERS_REQUEST), "");
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_string_equal(pass_more(*state, others[i], HEADERS_RESPONSE, list), "");
	assert_string_equal(pass_more(*state, lines[0], HEADERS_REQUEST, ","), "");
	assert_string_equal(
		pass_more(*state, "Subject: lunch\r\n", HEADERS_REQUEST, "Subject"), "Subject: lunch\r\n");
}

static void what_does_not_fit_makes_the_text_full(void **state)
{
	char data[32];
	struct text t = {.data = data, .size = sizeof(data)};

	headers_pass(&t, receive(*state, true, "Subject: twenty bytes\r\nPriority: urgent\r\n"),
		HEADERS_REQUEST, NULL);
	assert_true(t.full);
	assert_true(t.len <= t.size);
}

static void allow_names_what_is_taken_inside_and_outside_dialogs(void **state)
{
	(void)state;
	assert_string_equal(headers_allow,
		"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, MESSAGE, NOTIFY, REFER\r\n");
	assert_string_equal(headers_allow_no_update,
		"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, MESSAGE, NOTIFY, REFER\r\n");
	assert_string_equal(headers_allow_events, "Allow-Events: presence\r\n");
	assert_string_equal(headers_allow_new, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK\r\n");
	assert_string_equal(headers_allow_publish,
		"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, PUBLISH\r\nAllow-Events: presence\r\n");
}

static void an_answer_to_options_says_what_we_can_do(void **state)
{
	static const char *const supported[] = {
		"Supported:", "Supported: 100rel", "Supported: timer", "Supported: timer, 100rel"};
	char out[HEADERS_CAPABILITIES_MAX], wanted[HEADERS_CAPABILITIES_MAX];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		headers_capabilities(out, headers_allow, i & 2, i & 1);
		snprintf(wanted, sizeof(wanted), "Accept: application/sdp\r\n%s%s\r\n", headers_allow,
			supported[i]);
		assert_string_equal(out, wanted);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(with_a_request_cross_what_users_say_and_what_tells_of_the_body),
		TEST(with_a_request_whose_body_stays_its_headers_stay),
		TEST(with_a_response_crosses_what_a_response_may_say),
		TEST(the_body_is_not_copied_nor_its_length),
		TEST(headers_cross_in_their_order_byte_for_byte),
		TEST(folded_lines_cross_unfolded),
		TEST(repeated_headers_and_lists_cross_once_each),
		TEST(compact_names_cross_as_they_are_or_not_at_all),
		TEST(a_listed_header_crosses_in_its_compact_form),
		TEST(a_header_that_cannot_be_read_does_not_stop_the_others),
		TEST(headers_that_an_operator_lists_cross_as_well),
		TEST(what_does_not_fit_makes_the_text_full),
		TEST(allow_names_what_is_taken_inside_and_outside_dialogs),
		TEST(an_answer_to_options_says_what_we_can_do),
	};

	peer_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
