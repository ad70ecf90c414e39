/*
 * The reader of presence documents: whatever the body, it ends, it reads nothing behind it, and what it says of a
 * document it says again. No document with a document type is taken.
 */
#include "pidf.h"
#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS "urn:ietf:params:xml:ns:pidf"

const char *const fuzz_seeds[] = {
	"<?xml version='1.0' encoding='UTF-8'?>\n<presence xmlns='" NS
	"' entity='sip:a@b'><tuple id='t'><status>"
	"<basic>open</basic></status><contact priority='0.8'>sip:a@b</contact></tuple></presence>\n",
	"<p:presence xmlns:p='" NS
	"'><p:tuple><p:status><p:basic> closed </p:basic></p:status></p:tuple></p:presence>",
	"<!DOCTYPE presence [<!ENTITY c 'closed'><!ENTITY d '&c;&c;'>]><presence xmlns='" NS
	"'><tuple><status>"
	"<basic>&d;</basic></status></tuple></presence>",
	"<presence xmlns='" NS
	"'><!-- --><tuple><status><basic><![CDATA[closed]]>&#115;</basic></status></tuple></presence>",
	NULL,
};

static void expect(bool truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	bool open = false, again = true;
	int err = pidf_parse(&open, body, size);

	expect(err == 0 || err == -EINVAL);
	expect(pidf_parse(&again, body, size) == err);
	expect(err || again == open);
	expect(err || open || memmem(body, size, "c", 1));
	return 0;
}
