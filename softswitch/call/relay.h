/** @file relay.h  A request inside the dialog goes to the other leg, its answer comes back. */
#ifndef RELAY_H
#define RELAY_H

#include "call.h"

struct relay;

/** Relay a request from one leg to the other. */
void relay_request(struct call *call, struct dialog *from, struct dialog *to, const struct received *rx);
/**
 * Answer a refresh of the session, a re-INVITE or UPDATE that changes nothing, without the other leg (RFC 4028 section
 * 9): 200 with the description of the other leg, if the request has one.
 */
void relay_answer_refresh(struct call *call, struct dialog *from, const struct received *rx);

/** An ACK came on this leg: it may acknowledge a re-INVITE. */
void relay_acknowledge(struct call *call, struct dialog *from, const struct received *ack);
/** Was a re-INVITE of ours on this leg answered, and waits for the ACK of the other? */
bool relay_awaits_ack(const struct relay_list *relays, const struct dialog *to);

/**
 * Is an offer, or a re-INVITE without one, on its way or not acknowledged yet?
 *
 * @return the leg it came from, the other one where that has made the offer in its 2xx; NULL when there is none
 */
const struct dialog *relay_offer_from(const struct relay_list *relays);

/** Is a request of this side on its way that will refresh its session? */
bool relay_is_refreshing(const struct relay_list *relays, const struct dialog *from);

/**
 * An early dialog of the gateway has become its leg: what crosses in it goes on. What crosses in others ends, and in all
 * of them where none has become one: 491 for the caller, whose dialog lives on, 481 for the gateway.
 *
 * @param early  borrowed; NULL = none
 */
void relay_follow(struct call *call, const struct dialog *early, struct dialog *leg);

/** The call has ended: what is under way is answered with 481 (re-INVITE: 487) and forgotten. */
void relay_end_all(struct call *call);

#endif
