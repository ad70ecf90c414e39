#include "authentication.h"

#include "digest.h"
#include "received.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "place.h"

enum { LINES = 2048 };

static const struct authentication_realm realm = {.name = "softswitch", .lifetime_ms = 10000};
static const struct authentication_account alice = {.password = "secret", .hash = {"", ""}};
static struct authentication *a;

static int set_up(void **state)
{
	(void)state;
	return authentication_create(&a);
}

static int tear_down(void **state)
{
	(void)state;
	authentication_destroy(a);
	return 0;
}

static msg_t *message(const char *first_line, const char *method, const char *lines)
{
	char text[2 * LINES];

	snprintf(text, sizeof(text),
		"%s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:alice@softswitch>;tag=1\r\n"
		"To: <sip:alice@softswitch>\r\nCall-ID: 1\r\nCSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
		first_line, method, lines);
	return msg_make(sip_default_mclass(), 0, text, (ssize_t)strlen(text));
}

/** A request with these lines, from there. */
struct request {
	msg_t *msg;
	struct place place;
	struct received rx;
};

static const struct received *request(
	struct request *r, const char *method, const char *lines, const char *host)
{
	char first[64];

	snprintf(first, sizeof(first), "%s sip:softswitch SIP/2.0", method);
	r->msg = message(first, method, lines);
	r->rx = (struct received){
		.msg = r->msg, .sip = sip_object(r->msg), .source = place_at(&r->place, host, 5060)};
	return &r->rx;
}

static void challenge(char out[LINES], const struct authentication_realm *of, const char *host, bool stale)
{
	struct text t = {.data = out, .size = LINES - 1};
	struct request r;

	authentication_challenge(&t, of, request(&r, "REGISTER", "", host), stale, false);
	assert_true(text_end(&t));
	msg_destroy(r.msg);
}

/** What a client answers. @param of  MD5 or SHA-256, NULL = its choice */
static void answer(char out[LINES], const char *challenges, const char *of, const char *user,
	const char *password, const char *method)
{
	const struct digest_credentials credentials = {.user = user, .password = password};
	struct text t = {.data = out, .size = LINES - 1};
	char taken[LINES] = "";
	msg_t *msg;

	for (const char *line = challenges, *end; *line; line = end) {
		const char *named = of ? strstr(line, of) : line;

		end = strstr(line, "\r\n") + 2;
		if (named && named < end)
			strncat(taken, line, (size_t)(end - line));
	}
	msg = message("SIP/2.0 401 Unauthorized", method, taken);
	assert_int_equal(digest_answer(&t, sip_object(msg), &credentials, method, "sip:softswitch", "c"), 0);
	assert_true(text_end(&t));
	msg_destroy(msg);
}

/** @return -1 without credentials that could be checked */
static int check(
	const char *method, const char *lines, const char *host, const struct authentication_account *account)
{
	struct authentication_credentials c;
	struct request r;
	const struct received *rx = request(&r, method, lines, host);
	int verdict = -1;

	if (authentication_find(&c, rx->sip, &realm))
		verdict = (int)authentication_check(a, &c, account, &realm, rx);
	msg_destroy(r.msg);
	return verdict;
}

static void both_algorithms_are_offered_the_better_one_first(void **state)
{
	static const struct authentication_realm of_proxy = {
		.name = "softswitch", .by_proxy = true, .lifetime_ms = 10000};
	char lines[LINES];
	const char *md5;

	(void)state;
	challenge(lines, &realm, "192.0.2.1", false);
	assert_int_equal(strncmp(lines, "WWW-Authenticate: Digest realm=\"softswitch\", nonce=\"", 52), 0);
	md5 = strstr(lines, ", algorithm=MD5, qop=\"auth\"\r\n");
	assert_non_null(md5);
	assert_true(strstr(lines, ", algorithm=SHA-256, qop=\"auth\"\r\n") < md5);
	assert_null(strstr(lines, "stale"));
	challenge(lines, &of_proxy, "192.0.2.1", true);
	assert_int_equal(strncmp(lines, "Proxy-Authenticate: ", 20), 0);
	assert_non_null(strstr(lines, ", stale=true\r\n"));
}

static void the_right_password_is_right(void **state)
{
	static const char *const algorithms[] = {"MD5", "SHA-256"};
	char lines[LINES], credentials[LINES];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		challenge(lines, &realm, "192.0.2.1", false);
		answer(credentials, lines, algorithms[i], "alice", "secret", "REGISTER");
		assert_non_null(strstr(credentials, algorithms[i]));
		assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &alice), AUTHENTICATION_RIGHT);
	}
}

static void anything_else_is_wrong(void **state)
{
	char lines[LINES], credentials[LINES];
	static const struct authentication_account none = {.password = "", .hash = {"", ""}};

	(void)state;
	challenge(lines, &realm, "192.0.2.1", false);
	answer(credentials, lines, NULL, "alice", "wrong", "REGISTER");
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &alice), AUTHENTICATION_WRONG);
	answer(credentials, lines, NULL, "alice", "secret", "INVITE");
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &alice), AUTHENTICATION_WRONG);
	answer(credentials, lines, NULL, "bob", "secret", "REGISTER");
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", NULL), AUTHENTICATION_WRONG);
	answer(credentials, lines, NULL, "alice", "", "REGISTER");
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &none), AUTHENTICATION_WRONG);
}

static void a_hash_takes_the_place_of_the_password(void **state)
{
	static const char *const algorithms[DIGEST_HASH_ALGORITHMS] = {"MD5", "SHA-256"};
	const struct digest_parameter of = digest_parameter_of(realm.name);
	char lines[LINES], credentials[LINES], hash[DIGEST_HASH_ALGORITHMS][DIGEST_HASH_MAX];
	struct authentication_account account = {.password = "", .hash = {"", ""}};

	(void)state;
	for (unsigned i = 0; i < DIGEST_HASH_ALGORITHMS; i++) {
		challenge(lines, &realm, "192.0.2.1", false);
		answer(credentials, lines, algorithms[i], "alice", "secret", "REGISTER");
		assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &account), AUTHENTICATION_WRONG);
		assert_true(digest_hash_account(i, hash[i], "alice", &of, "secret"));
		account.hash[i] = hash[i];
		assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &account), AUTHENTICATION_RIGHT);
	}
	/* printf alice:softswitch:secret | md5sum */
	assert_string_equal(hash[DIGEST_HASH_MD5], "7aa981cb28c33a7d6d0ec6b6b8e7c349");
}

static void a_nonce_is_for_one_address_one_time(void **state)
{
	char lines[LINES], credentials[LINES];

	(void)state;
	challenge(lines, &realm, "192.0.2.1", false);
	answer(credentials, lines, NULL, "alice", "secret", "REGISTER");
	assert_int_equal(check("REGISTER", credentials, "192.0.2.2", &alice), AUTHENTICATION_STALE);
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &alice), AUTHENTICATION_RIGHT);
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &alice), AUTHENTICATION_STALE);
	answer(credentials, lines, NULL, "alice", "secret", "REGISTER"); /* counts on */
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &alice), AUTHENTICATION_RIGHT);
}

/** Else whoever makes up nonces could try passwords without being counted. */
static void what_a_strange_nonce_goes_with_is_not_looked_at(void **state)
{
	static const char strange[] =
		"WWW-Authenticate: Digest realm=\"softswitch\", nonce=\"1\", qop=\"auth\"\r\n";
	char credentials[LINES];

	(void)state;
	answer(credentials, strange, NULL, "alice", "secret", "REGISTER");
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &alice), AUTHENTICATION_STALE);
	answer(credentials, strange, NULL, "alice", "wrong", "REGISTER");
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &alice), AUTHENTICATION_STALE);
}

static void clients_without_qop_are_let_in(void **state)
{
	char lines[LINES], credentials[LINES];

	(void)state;
	challenge(lines, &realm, "192.0.2.1", false);
	for (char *qop; (qop = strstr(lines, ", qop=\"auth\""));)
		memmove(qop, qop + 12, strlen(qop + 12) + 1);
	answer(credentials, lines, NULL, "alice", "secret", "REGISTER");
	assert_null(strstr(credentials, "qop"));
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &alice), AUTHENTICATION_RIGHT);
	assert_int_equal(check("REGISTER", credentials, "192.0.2.1", &alice), AUTHENTICATION_STALE);
}

/** Of a line with all parameters, one left out or spoilt. */
static void credentials_that_cannot_be_checked_are_none(void **state)
{
	static const char good[] =
		"Digest username=\"alice\", realm=\"softswitch\", nonce=\"1\", uri=\"sip:a\", "
		"response=\"2\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"3\"";
	static const struct {
		const char *from, *to;
	} changes[] = {
		{"Digest", "Basic"},
		{"username=\"alice\", ", ""},
		{"realm=\"softswitch\", ", ""},
		{"\"softswitch\"", "\"other\""},
		{"nonce=\"1\", ", ""},
		{"uri=\"sip:a\", ", ""},
		{"response=\"2\", ", ""},
		{"=MD5", "=MD5-sess"},
		{"=auth", "=auth-int"},
		{"nc=00000001, ", ""},
		{"nc=00000001", "nc=00000000"},
		{"nc=00000001", "nc=0000001"},
		{"nc=00000001", "nc=0000000g"},
		{", cnonce=\"3\"", ""},
	};
	char line[LINES];

	(void)state;
	snprintf(line, sizeof(line), "Authorization: %s\r\n", good);
	assert_int_equal(check("REGISTER", line, "192.0.2.1", &alice), AUTHENTICATION_STALE);
	snprintf(line, sizeof(line), "Proxy-Authorization: %s\r\n", good);
	assert_int_equal(check("REGISTER", line, "192.0.2.1", &alice), AUTHENTICATION_STALE);
	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const char *at = strstr(good, changes[i].from);

		assert_non_null(at);
		snprintf(line, sizeof(line), "Authorization: %.*s%s%s\r\n", (int)(at - good), good,
			changes[i].to, at + strlen(changes[i].from));
		if (check("REGISTER", line, "192.0.2.1", &alice) != -1)
			fail_msg("taken: %s", line);
	}
}

static void a_user_may_be_quoted_and_is_bounded(void **state)
{
	struct authentication_credentials c;
	struct request r;
	char line[LINES], user[2 * AUTHENTICATION_USER_MAX];

	(void)state;
	memset(user, 'u', sizeof(user));
	for (int n = AUTHENTICATION_USER_MAX - 2; n < AUTHENTICATION_USER_MAX + 2; n++) {
		snprintf(line, sizeof(line),
			"Authorization: Digest username=\"%.*s\\\"\", realm=\"softswitch\", nonce=\"1\", uri=\"a\", response=\"2\"\r\n",
			n, user);
		request(&r, "REGISTER", line, "192.0.2.1");
		assert_int_equal(authentication_find(&c, r.rx.sip, &realm), n < AUTHENTICATION_USER_MAX - 1);
		if (n < AUTHENTICATION_USER_MAX - 1)
			assert_string_equal(c.user + n, "\"");
		msg_destroy(r.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_algorithms_are_offered_the_better_one_first),
		cmocka_unit_test(the_right_password_is_right),
		cmocka_unit_test(anything_else_is_wrong),
		cmocka_unit_test(a_hash_takes_the_place_of_the_password),
		cmocka_unit_test(a_nonce_is_for_one_address_one_time),
		cmocka_unit_test(what_a_strange_nonce_goes_with_is_not_looked_at),
		cmocka_unit_test(clients_without_qop_are_let_in),
		cmocka_unit_test(credentials_that_cannot_be_checked_are_none),
		cmocka_unit_test(a_user_may_be_quoted_and_is_bounded),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
