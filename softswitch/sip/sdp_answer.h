/** @file sdp_answer.h  The description of one side, fit to be the answer to an offer of the other (RFC 3264 section 6). */
#ifndef SDP_ANSWER_H
#define SDP_ANSWER_H

#include "sdp.h"

struct text;

/**
 * Add the description to the text, byte for byte but for this: a stream that the offer refuses (port 0) is refused, and
 * none flows in a direction that the offer does not allow. A refresh repeats the answer that a peer once gave, and what
 * it answered may say more than the peer took of it.
 *
 * @param description,offer  as sdp_find() gives them; their streams are told apart by their order
 */
void sdp_answer_write(struct text *t, const struct sdp_span *description, const struct sdp_span *offer);

#endif
