/** @file intake.h  From bytes to a message that can be handed up.
 *
 * Sofia-SIP parses; what a request lacks is refused with 400 or 505, a response that lacks something is dropped.
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
 * @return 0 when rx can be handed up; a status to refuse the request with; -EINVAL when it gets silence. Unless it is
 *         -EINVAL, the caller owns rx->msg
 */
int intake_message(struct received *rx, const char *data, size_t n, char phrase[INTAKE_PHRASE_MAX]);

#endif
