/** @file intake.h  From the bytes of a datagram to a message that can be handed up.
 *
 * Sofia-SIP parses; what a request lacks is refused with 400 or 505, a response that lacks something is dropped.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "received.h"

#include <stdbool.h>

/** Header errors that drop a response: those in other headers are lived with. */
extern const unsigned intake_response_errors;

enum { INTAKE_PHRASE_MAX = 80 };

/** Is the number in CSeq below 2^31 (RFC 3261 section 8.1.1.5)? A request with another one is refused. */
bool intake_cseq_is_legal(const sip_t *request);

/**
 * Parse a datagram.
 *
 * @param rx      source and the listener of the hop back are filled in; the rest is filled in here
 * @param phrase  of the refusal
 * @return 0 when rx can be handed up; a status to refuse the request with; -EINVAL when it gets silence. Unless it is
 *         -EINVAL, the caller owns rx->msg
 */
int intake_datagram(struct received *rx, const char *data, size_t n, char phrase[INTAKE_PHRASE_MAX]);

#endif
