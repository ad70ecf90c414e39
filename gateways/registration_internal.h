/** @file registration_internal.h  Private to gateways/: what makes a registration one kind of peer. */
#ifndef REGISTRATION_INTERNAL_H
#define REGISTRATION_INTERNAL_H

#include "peers.h"

#include "registration.h"

/** struct registration begins with its struct peer. */
extern const struct peer_type registration_peer_type;

/** Is it to register, and has not begun? */
bool registration_is_new(const struct registration *r);
/** Its first turn comes at this time. */
void registration_set_turn(struct registration *r, uint64_t turn_ms);

#endif
