/** @file sdp_origin.h  Our own o= and s= lines in a session description: topology hiding.
 *
 * All descriptions that one leg is sent, offers and answers, share one struct sdp_origin: their session id never
 * changes and the version grows by one whenever the rest differs from the description before (RFC 3264 section 8).
 */
#ifndef SDP_ORIGIN_H
#define SDP_ORIGIN_H

#include "sdp.h"

#include <stdint.h>

struct text;

/** Part of a leg; zero but for the id: no description was sent yet. Plain data. */
struct sdp_origin {
	uint64_t
		id; /* sess-id, from its owner: below 2^62, so that signed parsers hold it (RFC 3264 section 5) */
	uint64_t version; /* sess-version of the last description, 0 = none yet */
	uint64_t hash;    /* of the rest of it */
};

/**
 * Add the description to the text with its lines o= and s= replaced by
 * `o=- <id> <version> IN IP4|IP6 <address>` and `s=-`; every other byte and the line ends stay. A line that is not
 * there is not added: RFC 4566 wants both, but what a peer made of its description is for the other peer to judge.
 *
 * @param sdp      as sdp_find() gives it: what stands around it in a multipart body is the caller's to add
 * @param address  of our listener, IPv4 or IPv6 without brackets; the same for the life of the leg
 */
void sdp_origin_write(struct sdp_origin *o, struct text *t, const struct sdp_span *sdp, const char *address);
/** Are these two the same but for what their lines o= and s= say? */
bool sdp_origin_same(const struct sdp_span *a, const struct sdp_span *b);

#endif
