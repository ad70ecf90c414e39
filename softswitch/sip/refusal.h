/** @file refusal.h  503 with Retry-After to an INVITE, made of its bytes: nothing is parsed and nothing kept. */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "hop.h"
#include "scan.h"

/** Refuse it (RFC 3261 sections 8.2.7 and 21.5.4), if it has the headers that an answer repeats. */
void refusal_send(const struct hop_listener *l, const struct scan *invite, const struct sockaddr *source);

/** Is it the ACK of such a refusal? No dialog of ours has such a tag. */
bool refusal_is_acknowledged(const struct scan *s);

#endif
