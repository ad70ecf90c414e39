#include "register_contacts.h"

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/msg_header.h>
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

static struct register_contacts contacts;

static int read_contacts(const char *lines)
{
	static const char head[] =
		"REGISTER sip:softswitch SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
		"From: <sip:1001@softswitch>;tag=1\r\nTo: <sip:1001@softswitch>\r\nCall-ID: 1\r\n"
		"CSeq: 1 REGISTER\r\n%sContent-Length: 0\r\n\r\n";
	char text[8192];
	msg_t *msg;
	int err;

	snprintf(text, sizeof(text), head, lines);
	msg = msg_make(sip_default_mclass(), MSG_DO_EXTRACT_COPY, text, (ssize_t)strlen(text));
	err = register_contacts_read(&contacts, sip_object(msg));
	msg_destroy(msg);
	return err;
}

static void each_contact_has_its_expiry_and_preference(void **state)
{
	(void)state;
	assert_int_equal(
		read_contacts(
			"Contact: <sip:1001@192.0.2.1:5070;transport=tcp>;expires=60;q=0.5, sip:1001@192.0.2.2\r\n"
			"m: \"a, b\" <sip:1001@192.0.2.3?X=1>;q=0.12345\r\nExpires: 300\r\n"),
		0);
	assert_false(contacts.remove_all);
	assert_int_equal(contacts.n, 3);
	assert_string_equal(contacts.contact[0].uri, "sip:1001@192.0.2.1:5070;transport=tcp");
	assert_int_equal(contacts.contact[0].expires_s, 60);
	assert_int_equal(contacts.contact[0].q, 500);
	assert_string_equal(contacts.contact[1].uri, "sip:1001@192.0.2.2");
	assert_int_equal(contacts.contact[1].expires_s, 300);
	assert_int_equal(contacts.contact[1].q, 1000);
	assert_string_equal(contacts.contact[2].uri, "sip:1001@192.0.2.3");
	assert_int_equal(contacts.contact[2].q, 123);
}

static void of_those_that_lead_to_the_same_place_the_last_counts(void **state)
{
	(void)state;
	assert_int_equal(
		read_contacts("Contact: <sip:1001@192.0.2.1>;expires=60, <sip:1001@192.0.2.2>;q=0.1\r\n"
			      "Contact: <sip:1001@192.0.2.1;ob>;expires=0\r\n"),
		0);
	assert_int_equal(contacts.n, 2);
	assert_string_equal(contacts.contact[0].uri, "sip:1001@192.0.2.1;ob");
	assert_int_equal(contacts.contact[0].expires_s, 0);
	assert_int_equal(contacts.contact[1].q, 100);
}

static void without_an_expiry_there_is_none(void **state)
{
	(void)state;
	assert_int_equal(read_contacts("Contact: <sip:1001@192.0.2.1>\r\n"), 0);
	assert_int_equal(contacts.contact[0].expires_s, REGISTER_CONTACTS_NO_EXPIRY);
	assert_int_equal(read_contacts("Contact: <sip:1001@192.0.2.1>;expires=soon\r\n"), 0);
	assert_int_equal(contacts.contact[0].expires_s, REGISTER_CONTACTS_NO_EXPIRY);
	assert_int_equal(read_contacts("Contact: <sip:1001@192.0.2.1>;expires=99999999999999999999\r\n"), 0);
	assert_int_equal(contacts.contact[0].expires_s, UINT32_MAX);
}

static void a_request_without_contacts_only_asks(void **state)
{
	(void)state;
	assert_int_equal(read_contacts(""), 0);
	assert_int_equal(contacts.n, 0);
	assert_false(contacts.remove_all);
}

static void the_asterisk_stands_alone_and_expires(void **state)
{
	(void)state;
	assert_int_equal(read_contacts("Contact: *\r\nExpires: 0\r\n"), 0);
	assert_true(contacts.remove_all);
	assert_int_equal(contacts.n, 0);
	assert_int_equal(read_contacts("Contact: *\r\n"), -EINVAL);
	assert_int_equal(read_contacts("Contact: *\r\nExpires: 60\r\n"), -EINVAL);
	assert_int_equal(read_contacts("Contact: *, <sip:1001@192.0.2.1>\r\nExpires: 0\r\n"), -EINVAL);
	assert_int_equal(
		read_contacts("Contact: <sip:1001@192.0.2.1>\r\nContact: *\r\nExpires: 0\r\n"), -EINVAL);
}

static void what_cannot_be_called_is_refused(void **state)
{
	char line[4096], name[2000];

	(void)state;
	assert_int_equal(read_contacts("Contact: <mailto:a@b>\r\n"), -EINVAL);
	assert_int_equal(read_contacts("Contact: <sip:1001@192.0.2.1;transport=sctp>\r\n"), -EINVAL);
	assert_int_equal(read_contacts("Contact: <sip:1001@192.0.2.1>, <sip:a b@192.0.2.1>\r\n"), -EINVAL);
	memset(name, 'n', sizeof(name));
	snprintf(line, sizeof(line), "Contact: <sip:%.*s@h>\r\n", REGISTER_CONTACTS_URI_MAX - 7, name);
	assert_int_equal(read_contacts(line), 0);
	snprintf(line, sizeof(line), "Contact: <sip:%.*s@h>\r\n", REGISTER_CONTACTS_URI_MAX - 6, name);
	assert_int_equal(read_contacts(line), -E2BIG);
	*line = '\0';
	for (int i = 0; i < REGISTER_CONTACTS_MAX; i++)
		snprintf(line + strlen(line), 60, "Contact: <sip:%d@h>\r\n", i);
	assert_int_equal(read_contacts(line), 0);
	snprintf(line + strlen(line), 60, "Contact: <sip:x@h>\r\n");
	assert_int_equal(read_contacts(line), -E2BIG);
}

static const char *key(const char *uri)
{
	static char keys[2][REGISTER_CONTACTS_KEY_MAX];
	static unsigned i;
	char line[600];

	snprintf(line, sizeof(line), "Contact: <%s>\r\n", uri);
	assert_int_equal(read_contacts(line), 0);
	i = !i;
	return strcpy(keys[i], contacts.contact[0].key);
}

static void the_key_says_where_a_contact_leads(void **state)
{
	(void)state;
	assert_string_equal(key("sip:1001@Host.Example;ob"), key("sip:1001@host.example;transport=UDP"));
	assert_string_equal(
		key("sip:1001@192.0.2.1:5060;rinstance=1"), key("sip:1001@192.0.2.1:5060;rinstance=2"));
	assert_string_equal(key("sip:1001@192.0.2.1;maddr=192.0.2.9"), key("sip:1001@192.0.2.9"));
	assert_string_not_equal(key("sip:1001@192.0.2.1"), key("sip:1002@192.0.2.1"));
	assert_string_not_equal(key("sip:a@192.0.2.1"), key("sip:A@192.0.2.1"));
	assert_string_not_equal(key("sip:1001@192.0.2.1"), key("sip:1001@192.0.2.1:5070"));
	assert_string_not_equal(key("sip:1001@192.0.2.1"), key("sip:1001@192.0.2.1;transport=tcp"));
	assert_string_not_equal(key("sip:1001@192.0.2.1"), key("sips:1001@192.0.2.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_contact_has_its_expiry_and_preference),
		cmocka_unit_test(of_those_that_lead_to_the_same_place_the_last_counts),
		cmocka_unit_test(without_an_expiry_there_is_none),
		cmocka_unit_test(a_request_without_contacts_only_asks),
		cmocka_unit_test(the_asterisk_stands_alone_and_expires),
		cmocka_unit_test(what_cannot_be_called_is_refused),
		cmocka_unit_test(the_key_says_where_a_contact_leads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
