/** @file relay.h  A request inside the dialog goes to the other leg, its answer comes back. */
#ifndef RELAY_H
#define RELAY_H

#include "call.h"

struct relay;

/**
 * Relay any request but ACK, BYE and CANCEL from one leg to the other. Glare between two re-INVITEs gives 491
 * (RFC 3261 section 14.1).
 */
void relay_request(struct call *call, struct dialog *from, const struct received *rx);

/** An ACK came on this leg: it may acknowledge a relayed re-INVITE. */
void relay_acknowledge(struct call *call, struct dialog *from, const struct received *ack);

/** Was a re-INVITE of ours on this leg answered, and waits for the ACK of the other? */
bool relay_awaits_ack(const struct relay_list *relays, const struct dialog *to);

/** The call has ended: what is under way is answered with 481 and forgotten. */
void relay_end_all(struct call *call);

#endif
