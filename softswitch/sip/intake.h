/** @file intake.h  From bytes to a message that can be handed up.
 *
 * Sofia-SIP parses; what a request lacks is refused with 400 or 505, a response that lacks something is dropped. A
 * header that is there but cannot be read is left out, and the message served without it.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "received.h"

#include <stdbool.h>

enum { INTAKE_PHRASE_MAX = 80 };

/**
 * Parse a datagram, or a message that came over a connection.
 *
 * @param rx      source, listener and connection of the hop back are filled in; the rest is filled in here
 * @param phrase  of the refusal
 * @return 0 when rx can be handed up, with rx->fault if a header was left out; a status to refuse the request with; or
 *         silence: -EBADMSG what cannot be read, -EINVAL what is no SIP, -ENOMEM. The caller owns rx->msg unless it is
 *         NULL: of the last two
 */
int intake_message(struct received *rx, const char *data, size_t n, char phrase[INTAKE_PHRASE_MAX]);

#endif
