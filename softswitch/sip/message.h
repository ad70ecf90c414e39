/** @file message.h  Reads and writes the parts of SIP messages. Headers that came in are copied as they came. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "sdp.h"
#include "text.h"

#include <sofia-sip/sip.h>

#include <stdint.h>

struct hop_listener;
struct received;

/** Of requests we make ourselves (RFC 3261 section 8.1.1.6). */
enum { MAX_FORWARDS = 70 };

/** For a request that goes on: one less than the request had, and never more than ours have (RFC 3261 section 16.6 step 3). */
unsigned message_next_max_forwards(const sip_t *request);

/** A body with its headers; bytes are borrowed. */
struct message_body {
	const char *data;
	size_t len;
};
struct message_body message_body(const sip_t *sip);
/** The whole message as it came in, none if that is not known. */
struct message_body message_received(const sip_t *sip);
/** Find the session description in it. @return false when there is none */
bool message_find_sdp(const sip_t *sip, struct sdp_span *out);
bool message_has_sdp(const sip_t *sip);

/** "SIP/2.0 180 Ringing"; phrase NULL, or with control characters in it = the usual one of the code. */
void message_status(struct text *t, int status, const char *phrase);

/**
 * One header as it came in, with its line end; written anew if it was changed since. Line ends that are not CR LF, folds and
 * other control characters do not go on: the next hop may read two headers where we read one (RFC 3261 sections 7.3.1, 25.1).
 */
void message_header(struct text *t, const sip_header_t *h);

/**
 * May this, a URI or a part of one, stand in a start line, between brackets, or in another URI? Not with blanks, control
 * characters, quotes or angle brackets in it, which the library reads in headers (RFC 3261 section 25.1). Whatever came
 * from outside and is to stand there is asked for here.
 */
bool message_uri_is_usable(const char *uri, size_t n);
/** A number called or calling, as it stands in a URI, escapes included. */
enum { MESSAGE_NUMBER_MAX = 255 };
/** May it go into URIs of ours? Not with blanks, and not with control characters, escaped or not. The empty one may. */
bool message_number_is_usable(const char *number);

/** Seconds from outside: the library reads them as unsigned long, up to its end. */
static inline uint32_t message_seconds(unsigned long delta)
{
	return delta < UINT32_MAX ? (uint32_t)delta : UINT32_MAX;
}

/** What every request begins with; strings are borrowed. */
struct message_request {
	const char *method, *uri, *branch;
	const char *route;      /* whole Route lines; may be NULL */
	const char *last_route; /* a URI to go behind them, for a strict router; may be NULL */
	unsigned max_forwards;
	const char *from, *to; /* values, tags included */
	const char *call_id;
	uint32_t cseq;
};
/** Request line, Via of this listener, Route, Max-Forwards, From, To, Call-ID, CSeq (RFC 3261 section 8.1.1). */
void message_request_head(
	struct text *t, const struct hop_listener *from, const struct message_request *head);

/** "Contact: <sip:...>\r\n" of this listener. */
void message_contact(struct text *t, const struct hop_listener *l);

/** What every response repeats of its request: Via, From, Call-ID, CSeq, Record-Route (RFC 3261 sections 8.2.6.2, 12.1.1). */
void message_response_head(struct text *t, const struct received *rx);
/** The To line, with this tag if it has none. */
void message_to(struct text *t, const sip_to_t *to, const char *tag);

/** Content-Length, the empty line and the body; the last thing to add. Content-Type is added by whoever knows it. */
void message_end(struct text *t, const struct message_body *body);

/** The user part of a URI for use in one of ours; "anonymous" when there is none. */
const char *message_uri_user(const url_t *url);

#endif
