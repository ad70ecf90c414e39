/** @file sdp.h  Is there a session description in this body? SDP is text to us, passed on byte for byte.
 *
 * The library's SDP and multipart parsers must not see what the network sent; this scanner only looks for the
 * description and never beyond the body.
 */
#ifndef SDP_H
#define SDP_H

#include <stdbool.h>
#include <stddef.h>

/** A part of the body it was found in. */
struct sdp_span {
	const char *data;
	size_t len;
};

/**
 * Find the session description (RFC 4566) of a body: all of it for application/sdp, the first such part for
 * multipart (RFC 2046).
 *
 * @param content_type  value of the header; may be NULL
 * @return false when there is none
 */
bool sdp_find(const char *content_type, const char *body, size_t len, struct sdp_span *out);

/**
 * The line at `at`, which lies before `end`.
 *
 * @param next  receives where the next one begins, `end` behind the last
 * @return its length without its end, LF or CRLF
 */
size_t sdp_line(const char *at, const char *end, const char **next);

#endif
