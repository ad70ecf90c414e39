#include "scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct scan text(const char *s)
{
	return (struct scan){s, strlen(s)};
}

static void is(const struct scan *s, const char *wanted)
{
	assert_int_equal(s->n, strlen(wanted));
	assert_memory_equal(s->data, wanted, s->n);
}

static void a_request_is_known_by_its_method(void **state)
{
	struct scan invite = text("INVITE sip:1@h SIP/2.0\r\n\r\n"), answer = text("SIP/2.0 200 OK\r\n\r\n"),
		    cut = text("INVITE"), longer = text("INVITES x"), empty = {"", 0};

	(void)state;
	assert_true(scan_is_request(&invite, "INVITE"));
	assert_false(scan_is_request(&invite, "INV"));
	assert_false(scan_is_request(&answer, "INVITE"));
	assert_false(scan_is_request(&cut, "INVITE"));
	assert_false(scan_is_request(&longer, "INVITE"));
	assert_false(scan_is_request(&empty, "INVITE"));
}

static void a_request_uri_is_known_by_its_beginning(void **state)
{
	struct scan sos = text("INVITE URN:service:sos.fire SIP/2.0\r\n\r\n"),
		    sip = text("INVITE sip:urn:service:sos SIP/2.0"), cut = text("INVITE urn:serv"),
		    none = text("INVITE"), blank = text("INVITE ");

	(void)state;
	assert_true(scan_uri_begins(&sos, "urn:service:sos"));
	assert_false(scan_uri_begins(&sip, "urn:service:sos"));
	assert_false(scan_uri_begins(&cut, "urn:service:sos"));
	assert_false(scan_uri_begins(&none, "urn:service:sos"));
	assert_false(scan_uri_begins(&blank, "urn:service:sos"));
}

static void headers_are_found_in_order_by_either_name_and_without_case(void **state)
{
	struct scan
		s = text(
			"INVITE x SIP/2.0\r\nVia: one\r\nViaduct: no\r\nv:two\r\nVIA \t:  three\t\r\nX-Via: no\r\nV: four\n\r\nVia: body"),
		value;
	const char *const wanted[] = {"one", "two", "three", "four"};
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_true(scan_header(&s, "Via", 'v', &at, &value));
		is(&value, wanted[i]);
	}
	assert_false(scan_header(&s, "Via", 'v', &at, &value));
	assert_false(scan_header(&s, "Via", 'v', &at, &value));
	assert_true(scan_header(&s, "Via", 0, &(size_t){0}, &value));
}

static void a_folded_line_belongs_to_its_header(void **state)
{
	struct scan
		s = text(
			"INVITE x SIP/2.0\r\nSubject: a\r\n To: <sip:no@h>;tag=no\r\n\tb\r\nTo:\r\n <sip:c@d>\r\n ;tag=4\r\n\r\n"),
		value, tag;

	(void)state;
	assert_true(scan_header(&s, "Subject", 's', &(size_t){0}, &value));
	is(&value, "a\r\n To: <sip:no@h>;tag=no\r\n\tb");
	assert_true(scan_header(&s, "To", 't', &(size_t){0}, &value));
	assert_true(scan_parameter(&value, "tag", &tag));
	is(&tag, "4");
}

static void the_sent_by_is_that_of_the_first_via(void **state)
{
	static const char *const rows[][3] = {{"SIP/2.0/UDP 192.0.2.1;branch=x", "192.0.2.1", ""},
		{"SIP/2.0/UDP 192.0.2.1:5070 ;branch=x", "192.0.2.1", "5070"},
		{"SIP/2.0/UDP h, SIP/2.0/UDP i:1", "h", ""},
		{"SIP/2.0/UDP [2001:db8::1]:5070;rport", "[2001:db8::1]", "5070"},
		{"SIP / 2.0 / UDP\r\n h : 5070", "h", "5070"}, {"SIP/2.0/UDP [2001:db8", "[2001:db8", ""}};
	static const char *const none[] = {
		"", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0", "SIP/2.0/UDP ;branch=x"};
	struct scan host, port;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scan via = text(rows[i][0]);

		assert_true(scan_sent_by(&via, &host, &port));
		is(&host, rows[i][1]);
		is(&port, rows[i][2]);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct scan via = text(none[i]);

		assert_false(scan_sent_by(&via, &host, &port));
	}
}

static void a_parameter_stands_outside_quotes_and_brackets_in_the_first_value(void **state)
{
	static const char *const rows[][2] = {{"<sip:a@b>;tag=1", "1"}, {"sip:a@b;tag=1;x", "1"},
		{"<sip:a@b;tag=no>;TAG=1", "1"}, {"\"x;tag=no\" <sip:a@b>;tag=1", "1"},
		{"\"a\\\";tag=no, b\" <sip:a@b>;tag=1", "1"}, {"<sip:a,b@c>;tag=1", "1"},
		{"<sip:a@b> ; tag = 1", "1"}, {"<sip:a@b>;tagged=no;tag=1", "1"}, {"<sip:a@b>;x=;tag=1", "1"},
		{"<sip:a@b>;tag=1,<sip:c>;tag=2", "1"}, {"<sip:a@b>\r\n\t;\r\n tag\r\n =\r\n 1\r\n ;x", "1"}};
	static const char *const none[] = {"", "<sip:a@b>", "<sip:a@b>;", "<sip:a@b>;tag", "<sip:a@b;tag=1>",
		"\"x;tag=1", "\"x\\", "<sip:a@b;tag=1", "<sip:a@b>,<sip:c@d>;tag=1", "<sip:a@b>;ta",
		"<sip:a@b>;x=tag=1"};
	struct scan found;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scan value = text(rows[i][0]);

		assert_true(scan_parameter(&value, "tag", &found));
		is(&found, rows[i][1]);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct scan value = text(none[i]);

		assert_false(scan_parameter(&value, "tag", &found));
	}
}

/** Each beginning of a message, in memory that ends where it ends. */
static void what_is_cut_anywhere_is_read_no_further(void **state)
{
	static const char whole[] =
		"INVITE urn:service:sos SIP/2.0\r\nv : SIP/2.0/UDP [::1]:5060 ; branch = b\r\n ;x\r\n"
		"To: \"a\\\\\" <sip:x>\r\n ;tag = 4\r\n\r\n";
	struct scan value, a, b;

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		char *copy = malloc(n ? n : 1);
		struct scan s = {copy, n};

		assert_non_null(copy);
		memcpy(copy, whole, n);
		scan_is_request(&s, "INVITE");
		scan_uri_begins(&s, "urn:service:sos");
		if (scan_header(&s, "Via", 'v', &(size_t){0}, &value)) {
			scan_sent_by(&value, &a, &b);
			scan_parameter(&value, "branch", &a);
		}
		if (scan_header(&s, "To", 't', &(size_t){0}, &value))
			scan_parameter(&value, "tag", &a);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_known_by_its_method),
		cmocka_unit_test(a_request_uri_is_known_by_its_beginning),
		cmocka_unit_test(headers_are_found_in_order_by_either_name_and_without_case),
		cmocka_unit_test(a_folded_line_belongs_to_its_header),
		cmocka_unit_test(the_sent_by_is_that_of_the_first_via),
		cmocka_unit_test(a_parameter_stands_outside_quotes_and_brackets_in_the_first_value),
		cmocka_unit_test(what_is_cut_anywhere_is_read_no_further),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
