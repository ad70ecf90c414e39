#include "digest.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct digest_credentials mufasa = {"Mufasa", "Circle Of Life"};

/** Answers a challenge given as header lines. @return digest_answer()'s result, its line in out */
static int answer(const char *status, const char *headers, const struct digest_credentials *credentials, char out[2048])
{
	struct text t = {.data = out, .size = 2047};
	char message[2048];
	msg_t *msg;
	int err;

	snprintf(message, sizeof(message),
		"SIP/2.0 %s\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
		"Call-ID: 1\r\nCSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n", status, headers);
	msg = msg_make(sip_default_mclass(), 0, message, (ssize_t)strlen(message));
	err = digest_answer(&t, sip_object(msg), credentials, "GET", "/dir/index.html", "0a4f113b");
	out[t.len] = '\0';
	msg_destroy(msg);
	return err;
}

/* RFC 2617 section 3.5 */
static void the_example_of_the_rfc_comes_out(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(answer("401 Unauthorized",
		"WWW-Authenticate: Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\","
		" nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"\r\n",
		&mufasa, line), 0);
	assert_non_null(strstr(line, "Authorization: Digest username=\"Mufasa\", realm=\"testrealm@host.com\""));
	assert_non_null(strstr(line, "response=\"6629fae49393a05397450978507c4ef1\""));
	assert_non_null(strstr(line, "qop=auth, nc=00000001, cnonce=\"0a4f113b\""));
	assert_non_null(strstr(line, "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"\r\n"));
}

static void without_qop_the_old_form_is_used(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(answer("407 Proxy Authentication Required",
		"Proxy-Authenticate: Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"\r\n",
		&mufasa, line), 0);
	assert_memory_equal(line, "Proxy-Authorization: ", 21);
	assert_non_null(strstr(line, "response=\"670fd8c2df070c60b045671b8b24ff02\"")); /* RFC 2069 arithmetic */
	assert_null(strstr(line, "qop="));
}

static void the_first_challenge_that_we_know_is_answered(void **state)
{
	char line[2048];

	(void)state;
	assert_int_equal(answer("401 Unauthorized",
		"WWW-Authenticate: Basic realm=\"basic\"\r\n"
		"WWW-Authenticate: Digest realm=\"sha\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"\r\n"
		"WWW-Authenticate: Digest realm=\"int\", nonce=\"1\", qop=\"auth-int\"\r\n"
		"WWW-Authenticate: Digest realm=\"md5\", nonce=\"1\", algorithm=MD5, qop=\"auth\"\r\n",
		&mufasa, line), 0);
	assert_non_null(strstr(line, "realm=\"md5\""));
}

static void what_cannot_be_answered_is_said(void **state)
{
	static const struct digest_credentials nobody = {"", ""};
	char line[2048];

	(void)state;
	assert_int_equal(answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n", &nobody, line),
		-EINVAL);
	assert_int_equal(answer("401 Unauthorized", "", &mufasa, line), -ENOENT);
	assert_int_equal(answer("401 Unauthorized", "WWW-Authenticate: Digest realm=\"r\"\r\n", &mufasa, line), -ENOENT);
	assert_int_equal(answer("401 Unauthorized",
		"WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", algorithm=MD5-sess\r\n", &mufasa, line), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_rfc_comes_out),
		cmocka_unit_test(without_qop_the_old_form_is_used),
		cmocka_unit_test(the_first_challenge_that_we_know_is_answered),
		cmocka_unit_test(what_cannot_be_answered_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
