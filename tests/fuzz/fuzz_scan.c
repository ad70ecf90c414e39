/*
 * The first look at a message agrees with the parser: wherever the library reads a sound request, scan.h finds the same tag
 * of To, and the same sent-by and branch of the topmost Via. A new call would be taken for a part of a standing one, or
 * the other way round, if it did not. And what is read of Contact may stand in a request line.
 */
#include "message.h"
#include "scan.h"
#include "target.h"
#include "uri.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INVITE "INVITE sip:4930@192.0.2.1 SIP/2.0\r\n"
#define REST "Call-ID: c\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

const char *const fuzz_seeds[] = {
	INVITE
	"Via: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bKa;rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n" REST,
	INVITE
	"Via: SIP/2.0/UDP 192.0.2.7:5070;rport;branch=z9hG4bKa, SIP/2.0/UDP x;branch=z9hG4bKb\r\nFrom: <sip:a@b>;tag=1\r\n"
	"To: \"x;tag=2, \\\"y\" <sip:c@d;tag=3>;x=y;tag=4\r\n" REST,
	INVITE "v: SIP / 2.0 / UDP\r\n [2001:db8::1] : 5070 ; branch = z9hG4bKa\r\nf: sip:a@b;tag=1\r\n"
	       "t:\r\n <sip:c@d>\r\n ; tag = 4\r\n" REST,
	INVITE
	"vIA : SIP/2.0/UDP h.example;branch=z9hG4bKa;received=192.0.2.9\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKb\r\n"
	"From: A <sip:a@b>;tag=1\r\nTO\t: sip:c@d;TAG=4;tag2=5\r\n" REST,
	INVITE
	"Via: SIP/2.0/UDP x;branch=z9hG4bKb\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
	"Contact: \"Doe, J. > <x>\" <sip:u;v?w@h:5070;x=\"v\";method=A;lr?y=z>;q=0.5, sip:1@[::1];l=\"en,fr\"\r\n"
	"m:\r\n <sips:a%3b%40@h>;+i=\"<urn:x>\" ,, <tel:+49>,<sip:h;transport=tcp;maddr=192.0.2.1>\r\n" REST,
	NULL,
};

static const struct scan *input;

static void same(const char *what, bool found, const struct scan *scanned, const char *parsed)
{
	size_t n = parsed ? strlen(parsed) : 0;

	if (found ? scanned->n == n && !memcmp(scanned->data, parsed ? parsed : "", n) : !n)
		return;
	fprintf(stderr, "%s: scanned \"%.*s\", parsed \"%s\"\n", what, found ? (int)scanned->n : 0,
		found ? scanned->data : "", parsed ? parsed : "");
	if (input)
		fwrite(input->data, 1, input->n, stderr);
	abort();
}

static bool is_one(const struct scan *value, const char *name)
{
	unsigned n = 0;

	for (size_t at = 0; at + strlen(name) <= value->n; at++)
		n += !strncasecmp(value->data + at, name, strlen(name));
	return n < 2;
}

static bool is_sound(const msg_t *msg, const sip_t *sip)
{
	return sip && sip->sip_request && sip->sip_via && sip->sip_to &&
		!strcasecmp(sip->sip_via->v_protocol, "SIP/2.0/UDP") && !msg_extract_errors(msg) &&
		!(sip->sip_flags & MSG_FLG_ERROR) && sip_sanity_check(sip) == 0;
}

/** May each address go into a request line? Quotes may stand in parameters only. */
static void check_addresses(const void *header)
{
	struct uri_list list = {.header = header};
	char maddr[URI_MADDR_MAX];
	struct resolver_target target;
	struct scan text;
	struct uri uri;

	while (uri_list_next(&list, &text)) {
		if (uri_read(&uri, &text))
			continue;
		uri_target(&uri, maddr, &target);
		for (char *c = uri.text; (c = strchr(c, '"'));)
			*c = '_';
		if (strncasecmp(uri.text, "sip", 3) || !message_uri_is_usable(uri.text, strlen(uri.text)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scan s = {(const char *)data, size}, via, to, host = {0}, port = {0}, word = {0};
	msg_t *msg = size ? msg_make(sip_default_mclass(), MSG_DO_EXTRACT_COPY, data, (ssize_t)size) : NULL;
	const sip_t *sip = msg ? sip_object(msg) : NULL;
	bool has_via = scan_header(&s, "Via", 'v', &(size_t){0}, &via);
	bool has_to = scan_header(&s, "To", 't', &(size_t){0}, &to), found;

	input = &s;
	found = has_via && scan_sent_by(&via, &host, &port);
	scan_uri_begins(&s, "urn:service:sos");
	/* A NUL ends what the parser reads of a value. */
	if (msg && is_sound(msg, sip) && !memchr(data, 0, size)) {
		same("host", found, &host, sip->sip_via->v_host);
		same("port", found, &port, sip->sip_via->v_port);
		found = has_via && scan_parameter(&via, "branch", &word);
		same("branch", found, &word, sip->sip_via->v_branch);
		found = has_to && scan_parameter(&to, "tag", &word);
		/* Of two tags the parser takes the first, of two branches the last. */
		if (!found || is_one(&to, "tag"))
			same("tag", found, &word, sip->sip_to->a_tag);
	}
	if (sip) {
		check_addresses(sip->sip_contact);
		check_addresses(sip->sip_from);
	}
	if (msg)
		msg_destroy(msg);
	return 0;
}
