#include "message.h"
#include "scan.h"
#include "uri.h"

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip_parser.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/** Reads the addresses of one Contact header and checks that they are these, one a line. */
static void reads(const char *contacts, const char *expected)
{
	char text[2048], found[8192] = "";
	struct uri_list list;
	struct scan raw;
	struct uri uri;
	msg_t *msg;

	snprintf(text, sizeof(text),
		"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP b;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
		"To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
		contacts);
	msg = msg_make(sip_default_mclass(), MSG_DO_EXTRACT_COPY, text, (ssize_t)strlen(text));
	list = (struct uri_list){.header = sip_object(msg)->sip_contact};
	while (uri_list_next(&list, &raw))
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s\n",
			uri_read(&uri, &raw) ? "-" : uri.text);
	assert_string_equal(found, expected);
	msg_destroy(msg);
}

static void addresses_are_read_byte_for_byte(void **state)
{
	(void)state;
	reads("Contact: <sip:a%23b%40c%3bd@h>\r\n", "sip:a%23b%40c%3bd@h\n");
	reads("Contact: <sip:a%2B1;x=%61@H:5061;X=%3B>;expires=7\r\n", "sip:a%2B1;x=%61@H:5061;X=%3B\n");
	reads("m: sip:a@h;q=0.5\r\n", "sip:a@h\n");
	reads("Contact: \"Doe, J. > \\\"<x>\" <sip:u@h;x=\"v\">;q=1\r\n", "sip:u@h;x=\"v\"\n");
	reads("Contact: <sip:u@h;a=1~2;ob>;+s=\"<urn:x>, y\";l=\"en,fr\", J <sips:[::1]>\r\n",
		"sip:u@h;a=1~2;ob\nsips:[::1]\n");
	reads("Contact: <sip:a@h>\r\nContact:\r\n sip:b@h ,,<sip:c@h>\r\nContact: <sip:d@h>\r\n",
		"sip:a@h\nsip:b@h\nsip:c@h\nsip:d@h\n");
	reads("", "");
}

static void what_cannot_be_a_request_uri_is_told_apart(void **state)
{
	(void)state;
	reads("Contact: <tel:+49>, <sip:a@h>, <http://h/>, <mailto:a@h>, <sip:b@h>\r\n",
		"-\nsip:a@h\n-\n-\nsip:b@h\n");
	reads("Contact: *\r\n", "-\n");
	reads("Contact: <sip:a b@h>, <sip:a\tb@h>, <sip:a\"b@h>, <sip:a@h;x=\"y>, <sip:a\001@h>\r\n",
		"-\n-\n-\n-\n-\n");
}

static void headers_and_method_are_cut_off(void **state)
{
	(void)state;
	reads("Contact: <sip:a?b@h;x=y?Subject=c&Call-ID=1>\r\n", "sip:a?b@h;x=y\n");
	reads("Contact: <sip:a;method=b@h;METHOD=INVITE;x=y>\r\n", "sip:a;method=b@h;x=y\n");
	reads("Contact: <sip:a@h;methods=2;method=BYE>\r\n", "sip:a@h;methods=2\n");
}

static void a_target_is_maddr_else_host_and_the_transport(void **state)
{
	static const struct {
		const char *uri, *host;
		uint16_t port;
		const char *transport;
	} rows[] = {{"sip:a@h.example", "h.example", 0, ""}, {"sip:a@h:5070;transport=TCP", "h", 5070, "tcp"},
		{"sips:a@h", "h", 0, "tls"}, {"sips:a@h;transport=tcp", "h", 0, "tls"},
		{"sip:[::1]:7;transport=udp;maddr=192.0.2.1", "192.0.2.1", 7, "udp"},
		{"sip:a@h;transport=sctp", NULL, 0, ""}, {"sip:a@h;transport=nonsense", NULL, 0, ""}};
	char maddr[URI_MADDR_MAX];
	struct resolver_target target;
	struct uri uri;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(uri_read(&uri, &(struct scan){rows[i].uri, strlen(rows[i].uri)}), 0);
		assert_int_equal(uri_target(&uri, maddr, &target), rows[i].host ? 0 : -EPROTONOSUPPORT);
		if (!rows[i].host)
			continue;
		assert_string_equal(target.host, rows[i].host);
		assert_int_equal(target.port, rows[i].port);
		assert_string_equal(target.transport, rows[i].transport);
	}
}

static void a_uri_that_is_too_long_is_refused(void **state)
{
	char text[URI_MAX + 1];
	struct uri uri;

	(void)state;
	snprintf(text, sizeof(text), "sip:a@%0*d", URI_MAX - 6, 0);
	assert_int_equal(uri_read(&uri, &(struct scan){text, URI_MAX}), -EMSGSIZE);
	assert_int_equal(uri_read(&uri, &(struct scan){text, URI_MAX - 1}), 0);
	assert_int_equal(strlen(uri.text), URI_MAX - 1);
	assert_int_equal(uri_read(&uri, &(struct scan){"sip:a@h\0x", 9}), -EINVAL);
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
		cmocka_unit_test(addresses_are_read_byte_for_byte),
		cmocka_unit_test(what_cannot_be_a_request_uri_is_told_apart),
		cmocka_unit_test(headers_and_method_are_cut_off),
		cmocka_unit_test(a_target_is_maddr_else_host_and_the_transport),
		cmocka_unit_test(a_uri_that_is_too_long_is_refused),
		cmocka_unit_test(a_phrase_with_control_characters_becomes_the_usual_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
