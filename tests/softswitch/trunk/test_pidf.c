#include "pidf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NS "urn:ietf:params:xml:ns:pidf"
#define PRESENCE "<presence xmlns='" NS "' entity='sip:a@b'>"
#define TUPLE(basic) "<tuple id='t'><status><basic>" basic "</basic></status></tuple>"

/* 'o' open, 'c' closed, '-' refused */
static char read_text(const char *text)
{
	bool open = false;
	int err = pidf_parse(&open, text, strlen(text));

	assert_true(err == 0 || err == -EINVAL);
	return err ? '-' : open ? 'o' : 'c';
}

#define IS(state, text) assert_int_equal(read_text(text), (state))

static void a_tuple_says_open_or_closed(void **unused)
{
	(void)unused;
	IS('o', PRESENCE TUPLE("open") "</presence>");
	IS('c', PRESENCE TUPLE("closed") "</presence>");
	IS('c',
		"<?xml version='1.0' encoding='UTF-8'?>\n" PRESENCE TUPLE(
			" \r\n\tclosed\n ") "</presence>\n");
}

static void open_wins_over_closed(void **unused)
{
	(void)unused;
	IS('o', PRESENCE TUPLE("closed") TUPLE("open") TUPLE("closed") "</presence>");
	IS('c', PRESENCE TUPLE("closed") TUPLE("closed") "</presence>");
}

static void who_says_nothing_is_there(void **unused)
{
	(void)unused;
	IS('o', PRESENCE "</presence>");
	IS('o', PRESENCE "<tuple id='t'><status/></tuple><note>busy</note></presence>");
}

static void prefixes_do_not_matter_but_namespaces_do(void **unused)
{
	(void)unused;
	IS('c',
		"<p:presence xmlns:p='" NS
		"'><p:tuple><p:status><p:basic>closed</p:basic></p:status></p:tuple></p:presence>");
	IS('-', "<presence>" TUPLE("closed") "</presence>");
	IS('-', "<presence xmlns='urn:other'>" TUPLE("closed") "</presence>");
	IS('o',
		PRESENCE
		"<tuple><status><basic xmlns='urn:other'>closed</basic></status></tuple></presence>");
	IS('o', PRESENCE "<x xmlns='urn:other'>" TUPLE("closed") "</x></presence>");
}

static void basic_counts_in_its_place_only(void **unused)
{
	(void)unused;
	IS('o', PRESENCE "<basic>closed</basic></presence>");
	IS('o', PRESENCE "<tuple><basic>closed</basic></tuple></presence>");
	IS('o',
		PRESENCE
		"<tuple><status><e xmlns='urn:e'><basic>closed</basic></e></status></tuple></presence>");
	IS('o', PRESENCE "<x><status><basic/><basic>closed</basic></status></x></presence>");
	IS('c',
		PRESENCE
		"<tuple><note>x</note><status><e xmlns='urn:e'>y</e><basic>closed</basic><e/></status></tuple></presence>");
}

static void other_words_are_refused(void **unused)
{
	(void)unused;
	IS('-', PRESENCE TUPLE("") "</presence>");
	IS('-', PRESENCE TUPLE("Open") "</presence>");
	IS('-', PRESENCE TUPLE("maybe") "</presence>");
	IS('-', PRESENCE TUPLE("opened") "</presence>");
	IS('-', PRESENCE TUPLE("cl osed") "</presence>");
	IS('-',
		PRESENCE TUPLE("open")
			TUPLE("openopenopenopenopenopenopenopenopenopenopenopen") "</presence>");
	IS('-', PRESENCE TUPLE("op<x/>en") "</presence>");
}

static void characters_may_be_written_any_way(void **unused)
{
	(void)unused;
	IS('c', PRESENCE TUPLE("clo&#115;ed") "</presence>");
	IS('c', PRESENCE TUPLE("<![CDATA[closed]]>") "</presence>");
	IS('c', PRESENCE TUPLE("clo<!-- -->sed") "</presence>");
}

static void what_is_not_well_formed_is_refused(void **unused)
{
	(void)unused;
	IS('-', "");
	IS('-', "open");
	IS('-', PRESENCE TUPLE("closed"));
	IS('-', PRESENCE TUPLE("closed") "</presence><presence/>");
	IS('-', PRESENCE TUPLE("closed") "</presenc>");
	IS('-', PRESENCE TUPLE("closed") "\x01</presence>");
	IS('-', PRESENCE TUPLE("&closed;") "</presence>");
	IS('-', "<?xml version='1.0' encoding='no-such'?>" PRESENCE "</presence>");
	IS('-', "<other xmlns='" NS "'/>");
}

static void document_types_are_refused(void **unused)
{
	(void)unused;
	IS('-', "<!DOCTYPE presence>" PRESENCE TUPLE("closed") "</presence>");
	IS('-', "<!DOCTYPE presence [<!ENTITY c 'closed'>]>" PRESENCE TUPLE("&c;") "</presence>");
	IS('-', "<!DOCTYPE presence SYSTEM 'file:///etc/passwd'>" PRESENCE TUPLE("closed") "</presence>");
	IS('-',
		"<!DOCTYPE p [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;'>]>" PRESENCE
		"<note>&c;&c;&c;&c;</note></presence>");
}

static void deep_elements_are_read_through(void **unused)
{
	enum { DEPTH = 10000 };
	char *text = malloc(DEPTH * 7 + 1000);
	size_t len = (size_t)sprintf(text, "%s", PRESENCE);
	bool open;

	(void)unused;
	assert_non_null(text);
	for (unsigned i = 0; i < DEPTH; i++)
		len += (size_t)sprintf(text + len, "<a>");
	for (unsigned i = 0; i < DEPTH; i++)
		len += (size_t)sprintf(text + len, "</a>");
	len += (size_t)sprintf(text + len, TUPLE("closed") "</presence>");
	assert_int_equal(pidf_parse(&open, text, len), 0);
	assert_false(open);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tuple_says_open_or_closed),
		cmocka_unit_test(open_wins_over_closed),
		cmocka_unit_test(who_says_nothing_is_there),
		cmocka_unit_test(prefixes_do_not_matter_but_namespaces_do),
		cmocka_unit_test(basic_counts_in_its_place_only),
		cmocka_unit_test(other_words_are_refused),
		cmocka_unit_test(characters_may_be_written_any_way),
		cmocka_unit_test(what_is_not_well_formed_is_refused),
		cmocka_unit_test(document_types_are_refused),
		cmocka_unit_test(deep_elements_are_read_through),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
