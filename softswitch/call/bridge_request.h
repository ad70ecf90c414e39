/** @file bridge_request.h  A request inside a dialog crosses to the other leg, its answer comes back. */
#ifndef BRIDGE_REQUEST_H
#define BRIDGE_REQUEST_H

#include "bridge.h"

/** Pass a request on from one leg to the other. An UPDATE crosses as a re-INVITE where that side takes no UPDATE. */
void bridge_request_pass(struct bridge *b, struct dialog *from, struct dialog *to, const struct received *rx);
/** The same once bridge_request_go_on() is called. */
void bridge_request_wait(struct bridge *b, struct dialog *from, const struct received *rx);
void bridge_request_go_on(struct bridge *b);
/** Has this side got a 2xx to a re-INVITE that it has not acknowledged? */
bool bridge_request_owes_ack(const struct bridge *b, const struct dialog *from);
/** Would it be an offer, or ask for one, on the other leg? */
bool bridge_request_is_offer(const struct bridge *b, const struct dialog *from, const sip_t *sip);
/**
 * Answer a refresh of the session, a re-INVITE or UPDATE that changes nothing, without the other leg (RFC 4028 section
 * 9): 200 with what it has agreed to of the other leg's description, if the request has one.
 */
void bridge_request_answer_refresh(struct bridge *b, struct dialog *from, const struct received *rx);

/** An ACK came on this leg: it may acknowledge a re-INVITE. */
void bridge_request_acknowledge(struct bridge *b, struct dialog *from, const struct received *ack);
/** Was a re-INVITE of ours on this leg answered, and waits for the ACK of the other? */
bool bridge_request_awaits_ack(const struct bridge *b, const struct dialog *to);

/**
 * Is an offer, or a re-INVITE without one, on its way or not acknowledged yet?
 *
 * @return the leg it came from, the other one where that has made the offer in its 2xx; NULL when there is none
 */
const struct dialog *bridge_request_offer_from(const struct bridge *b);
/**
 * Does one come from this leg, or go to it? That of the other leg which is answered here does not.
 *
 * @param pending  only one that has no final response yet
 */
bool bridge_request_offer_is_on(const struct bridge *b, const struct dialog *d, bool pending);
/** Is an offer under way that has no final response yet? */
bool bridge_request_offer_is_pending(const struct bridge *b);

/** The re-INVITE of this side that has no final response yet, or no ACK to that. @return NULL when there is none */
const struct server_transaction *bridge_request_reinvite(const struct bridge *b, enum bridge_side from);
/**
 * Go on with a re-INVITE of the process before, whose 2xx awaits its ACK.
 *
 * @param answered_take  its transaction, without owner
 */
void bridge_request_resume(struct bridge *b, enum bridge_side from, struct server_transaction *answered_take);

/** Is a request of this side on its way that will refresh its session? */
bool bridge_request_is_refreshing(const struct bridge *b, const struct dialog *from);

/**
 * An early dialog of the gateway has become its leg: what crosses in it goes on. What crosses in others ends, and in all
 * of them where none has become one: 491 for the caller, whose dialog lives on, 481 for the gateway.
 *
 * @param early  borrowed; NULL = none
 */
void bridge_request_follow(struct bridge *b, const struct dialog *early, struct dialog *leg);

/** The call has ended: what is under way is answered with 481 (re-INVITE: 487) and forgotten. */
void bridge_request_end_all(struct bridge *b);
/** The re-INVITE of this side whose refusal awaits its ACK is the caller's from here on. @return NULL when there is none */
struct server_transaction *bridge_request_take_refused(struct bridge *b, enum bridge_side from);

#endif
