#include "digest.h"
#include "digest_realm.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct digest_credentials mufasa = {.user = "Mufasa", .password = "Circle Of Life"};

static msg_t *challenge(const char *status, const char *headers)
{
	char message[2048];

	snprintf(message, sizeof(message),
		"SIP/2.0 %s\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
		"Call-ID: 1\r\nCSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
		status, headers);
	return msg_make(sip_default_mclass(), 0, message, (ssize_t)strlen(message));
}

static int answer_with(const char *cnonce, const char *status, const char *headers,
	const struct digest_credentials *credentials, char out[2048])
{
	struct text t = {.data = out, .size = 2047};
	msg_t *msg = challenge(status, headers);
	int err = digest_answer(&t, sip_object(msg), credentials, "GET", "/dir/index.html", cnonce);

	out[t.len] = '\0';
	msg_destroy(msg);
	return err;
}

/** Answers a challenge given as header lines. @return digest_answer()'s result, its line in out */
static int answer(
	const char *status, const char *headers, const struct digest_credentials *credentials, char out[2048])
{
	return answer_with("0a4f113b", status, headers, credentials, out);
}

/* RFC 2617 section 3.5 */
static void the_example_of_the_rfc_comes_out(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(
		answer("401 Unauthorized",
			"WWW-Authenticate: Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\","
			" nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"\r\n",
			&mufasa, line),
		0);
	assert_non_null(
		strstr(line, "Authorization: Digest username=\"Mufasa\", realm=\"testrealm@host.com\""));
	assert_non_null(strstr(line, "response=\"6629fae49393a05397450978507c4ef1\""));
	assert_non_null(strstr(line, "qop=auth, nc=00000001, cnonce=\"0a4f113b\""));
	assert_non_null(strstr(line, "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"\r\n"));
}

/* RFC 7616 section 3.9.1, one algorithm at a time */
static void the_examples_of_rfc_7616_come_out(void **state)
{
	static const char offer[] =
		"WWW-Authenticate: Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\","
		" algorithm=%s, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\","
		" opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"\r\n";
	struct digest_credentials later = {.user = "Mufasa", .password = "Circle of Life"};
	static const char *const expected[][2] = {
		{"MD5", "response=\"8ca523f5e9506fed4657c9700eebdbec\", algorithm=MD5,"},
		{"SHA-256",
			"response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", algorithm=SHA-256,"},
		{"\"sha-256\"",
			"response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", algorithm=SHA-256,"},
	};
	char line[2048], headers[512];

	(void)state;
	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		later.account = i + 1; /* for each the nonce is new */
		int n = snprintf(headers, sizeof(headers), "%.*s", (int)(strstr(offer, "%s") - offer), offer);

		snprintf(headers + n, sizeof(headers) - (size_t)n, "%s%s", expected[i][0],
			strstr(offer, "%s") + 2);
		assert_int_equal(answer_with("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
					 "401 Unauthorized", headers, &later, line),
			0);
		assert_non_null(strstr(line, expected[i][1]));
		assert_non_null(strstr(line, "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""));
	}
}

static void without_qop_the_old_form_is_used(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(
		answer("407 Proxy Authentication Required",
			"Proxy-Authenticate: Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"\r\n",
			&mufasa, line),
		0);
	assert_memory_equal(line, "Proxy-Authorization: ", 21);
	assert_non_null(
		strstr(line, "response=\"670fd8c2df070c60b045671b8b24ff02\"")); /* RFC 2069 arithmetic */
	assert_null(strstr(line, "qop="));
}

static void the_first_challenge_that_we_know_is_answered(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(
		answer("401 Unauthorized",
			"WWW-Authenticate: Basic realm=\"basic\"\r\n"
			"WWW-Authenticate: Digest realm=\"sess\", nonce=\"1\", algorithm=MD5-sess, qop=\"auth\"\r\n"
			"WWW-Authenticate: Digest realm=\"int\", nonce=\"1\", qop=\"auth-int\"\r\n"
			"WWW-Authenticate: Digest realm=\"sha\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"\r\n"
			"WWW-Authenticate: Digest realm=\"md5\", nonce=\"1\", algorithm=MD5, qop=\"auth\"\r\n",
			&mufasa, line),
		0);
	assert_non_null(strstr(line, "realm=\"sha\""));
}

static void only_a_challenge_of_the_configured_realm_is_answered(void **state)
{
	static const char two[] = "WWW-Authenticate: Digest realm=\"other\", nonce=\"1\"\r\n"
				  "WWW-Authenticate: Digest realm=\"mine\", nonce=\"2\"\r\n";
	static const struct digest_credentials mine = {"u", "p", "mine", 0},
					       unheard = {"u", "p", "unheard", 0};
	char line[2048];

	(void)state;
	assert_int_equal(answer("401 Unauthorized", two, &mine, line), 0);
	assert_non_null(strstr(line, "realm=\"mine\", nonce=\"2\""));
	assert_int_equal(answer("401 Unauthorized", two, &unheard, line), -ENOENT);
}

/* RFC 7616 section 3.4 */
static void the_count_rises_with_each_use_of_a_nonce(void **state)
{
	static const char one[] =
		"WWW-Authenticate: Digest realm=\"r\", nonce=\"count-one\", qop=\"auth\"\r\n";
	static const char other[] =
		"WWW-Authenticate: Digest realm=\"r\", nonce=\"count-other\", qop=\"auth\"\r\n";
	char line[2048];

	(void)state;
	answer("401 Unauthorized", one, &mufasa, line);
	assert_non_null(strstr(line, "nc=00000001"));
	answer("401 Unauthorized", other, &mufasa, line);
	assert_non_null(strstr(line, "nc=00000001"));
	answer("401 Unauthorized", one, &mufasa, line);
	assert_non_null(strstr(line, "nc=00000002"));
	answer("401 Unauthorized", one, &mufasa, line);
	assert_non_null(strstr(line, "nc=00000003"));
}

static void what_would_break_our_line_is_not_repeated(void **state)
{
	static const char *const bad[] = {"WWW-Authenticate: Digest realm=\"a\r\n b\", nonce=\"1\"\r\n",
		"WWW-Authenticate: Digest realm=\"a\", nonce=\"1\x01\"\r\n",
		"WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", opaque=\"\t\"\r\n"};
	char line[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(answer("401 Unauthorized", bad[i], &mufasa, line), -ENOENT);
}

static void an_account_belongs_to_the_realm_that_accepted_it_first(void **state)
{
	static const char a[] = "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n";
	static const char b[] = "WWW-Authenticate: Digest realm=\"b\", nonce=\"1\"\r\n";
	static const char b_proxy[] = "Proxy-Authenticate: Digest realm=\"b\", nonce=\"1\"\r\n";
	struct digest_credentials c = {"u", "p", NULL, digest_realm_account("u", "p", "192.0.2.1")};
	struct digest_credentials changed = {"u", "q", "", digest_realm_account("u", "q", "192.0.2.1")};
	char line[2048];

	(void)state;
	assert_null(digest_realm_get(c.account, false));
	assert_int_equal(answer("401 Unauthorized", b, &c, line), 0);
	digest_realm_accepted(c.account, false, "a");
	digest_realm_accepted(c.account, false, "b");
	assert_int_equal(answer("401 Unauthorized", a, &c, line), 0);
	assert_int_equal(answer("401 Unauthorized", b, &c, line), -ENOENT);
	assert_int_equal(answer("407 Proxy Authentication Required", b_proxy, &c, line), 0);
	assert_int_equal(answer("401 Unauthorized", b, &changed, line), 0);
}

/** What follows an answer to this challenge with that Authentication-Info. @return as digest_continue() */
static int goes_on(const char *info, const struct digest_credentials *credentials, char line[2048])
{
	struct text t = {.data = line, .size = 2047};
	char first[2048];
	msg_t *msg = challenge("200 OK", info);
	char *next;
	int err = -EPROTO;

	assert_int_equal(
		answer("401 Unauthorized",
			"WWW-Authenticate: Digest realm=\"r\", nonce=\"n, 1\", qop=\"auth\", opaque=\"o\"\r\n",
			credentials, first),
		0);
	next = digest_next(sip_object(msg), false, first);
	msg_destroy(msg);
	if (next)
		err = digest_continue(&t, next, false, credentials, "GET", "/dir/index.html");
	free(next);
	line[t.len] = '\0';
	return err;
}

static void the_next_nonce_takes_the_place_of_the_last(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(goes_on("Authentication-Info: qop=auth, rspauth=\"a\", nextnonce=\"n, 2\"\r\n",
				 &mufasa, line),
		0);
	assert_non_null(
		strstr(line, "Authorization: Digest username=\"Mufasa\", realm=\"r\", nonce=\"n, 2\", uri="));
	assert_non_null(strstr(line, ", algorithm=MD5, qop=auth, nc=00000001, cnonce="));
	assert_non_null(strstr(line, ", opaque=\"o\"\r\n"));
}

static void without_a_next_nonce_nothing_goes_on(void **state)
{
	static const char *const bad[] = {"", "Authentication-Info: rspauth=\"a\"\r\n",
		"Authentication-Info: nextnonce=\"\"\r\n", "Authentication-Info: nextnonce=\"a\r\n",
		"Authentication-Info: nextnonce\r\n", "Authentication-Info: nextnonce=\"a\x01\"\r\n",
		"Proxy-Authentication-Info: nextnonce=\"1\"\r\n"};
	struct digest_credentials elsewhere = {"u", "p", "r", 0};
	char line[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(goes_on(bad[i], &mufasa, line), -EPROTO);
	assert_int_equal(goes_on("Authentication-Info: nextnonce=\"1\"\r\n", &elsewhere, line), 0);
	elsewhere.realm = "s";
	assert_int_equal(digest_continue(&(struct text){.data = line, .size = 2047},
				 "realm=\"r\", nonce=\"1\", algorithm=MD5", false, &elsewhere, "GET", "/"),
		-ENOENT);
}

static void a_user_name_with_quotes_stays_one_value(void **state)
{
	static const struct digest_credentials quoted = {.user = "a\"b\\c", .password = "p"};
	char line[2048];

	(void)state;
	assert_int_equal(answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n",
				 &quoted, line),
		0);
	assert_non_null(strstr(line, "username=\"a\\\"b\\\\c\", realm"));
}

static bool may_answer(struct digest_tries *tries, const char *header)
{
	msg_t *msg = challenge("401 Unauthorized", header);
	bool may = digest_may_answer(tries, sip_object(msg), &mufasa);

	msg_destroy(msg);
	return may;
}

static void a_second_challenge_refuses_the_credentials(void **state)
{
	struct digest_tries tries = {0};

	(void)state;
	assert_true(may_answer(&tries, "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n"));
	assert_false(
		may_answer(&tries, "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", stale=false\r\n"));
}

static void a_stale_nonce_refuses_nothing_but_not_for_ever(void **state)
{
	static const char stale[] = "WWW-Authenticate: Digest realm=\"r\", stale=TRUE, nonce=\"2\"\r\n";
	struct digest_tries tries = {0};

	(void)state;
	assert_true(may_answer(&tries, "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n"));
	for (int i = 0; i < 3; i++)
		assert_true(may_answer(&tries, stale));
	assert_false(may_answer(&tries, stale));
}

static void what_cannot_be_answered_is_said(void **state)
{
	static const struct digest_credentials nobody = {.user = "", .password = ""};
	char line[2048];

	(void)state;
	assert_int_equal(answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n",
				 &nobody, line),
		-EINVAL);
	assert_int_equal(answer("401 Unauthorized", "", &mufasa, line), -ENOENT);
	assert_int_equal(
		answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\"\r\n", &mufasa, line),
		-ENOENT);
	assert_int_equal(answer("401 Unauthorized",
				 "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", algorithm=MD5-sess\r\n",
				 &mufasa, line),
		-ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc_comes_out),
		cmocka_unit_test(the_examples_of_rfc_7616_come_out),
		cmocka_unit_test(without_qop_the_old_form_is_used),
		cmocka_unit_test(the_first_challenge_that_we_know_is_answered),
		cmocka_unit_test(only_a_challenge_of_the_configured_realm_is_answered),
		cmocka_unit_test(the_count_rises_with_each_use_of_a_nonce),
		cmocka_unit_test(what_would_break_our_line_is_not_repeated),
		cmocka_unit_test(an_account_belongs_to_the_realm_that_accepted_it_first),
		cmocka_unit_test(a_user_name_with_quotes_stays_one_value),
		cmocka_unit_test(the_next_nonce_takes_the_place_of_the_last),
		cmocka_unit_test(without_a_next_nonce_nothing_goes_on),
		cmocka_unit_test(a_second_challenge_refuses_the_credentials),
		cmocka_unit_test(a_stale_nonce_refuses_nothing_but_not_for_ever),
		cmocka_unit_test(what_cannot_be_answered_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
