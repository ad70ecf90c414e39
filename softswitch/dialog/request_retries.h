/** @file request_retries.h  Answers a challenge to a request of ours. */
#ifndef REQUEST_RETRIES_H
#define REQUEST_RETRIES_H

#include "stack.h"

/**
 * Write the line that answers a 401 or 407 in this dialog with its user and password (RFC 3261 section 22).
 *
 * @return 0; -EINVAL without user; -ENOENT no challenge that we know
 */
int leg_answer_challenge(const struct dialog *d, const sip_t *challenge, const char *method, struct text *t);

#endif
