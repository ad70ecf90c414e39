/** @file message_from_text.h  Messages for these tests, parsed by the library as those from the network are. */
#ifndef MESSAGE_FROM_TEXT_H
#define MESSAGE_FROM_TEXT_H

#include <sofia-sip/msg_addr.h>
#include <sofia-sip/sip_parser.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/** What each message holds that does not matter to a test. */
#define HEADERS                                                                                              \
	"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:us@192.0.2.1>;tag=ours\r\n"                \
	"To: <sip:them@192.0.2.2>;tag=theirs\r\nCall-ID: 1\r\n"

/** @return the message; msg_destroy() it */
static inline msg_t *message_from_text(const char *text)
{
	msg_t *msg = msg_make(sip_default_mclass(), MSG_DO_EXTRACT_COPY, text, (ssize_t)strlen(text));

	assert_non_null(msg);
	assert_int_equal(msg_has_error(msg), 0);
	return msg;
}

/** A message of a start line, more headers, and a session description; NULL = none. */
static inline msg_t *message_from_parts(const char *start, const char *headers, const char *sdp)
{
	char text[8192];
	int n = snprintf(text, sizeof(text), "%s\r\n%s%sContent-Length: %zu\r\n\r\n%s", start, headers,
		sdp ? "Content-Type: application/sdp\r\n" : "", sdp ? strlen(sdp) : 0, sdp ? sdp : "");

	assert_in_range(n, 1, sizeof(text) - 1);
	return message_from_text(text);
}

#endif
