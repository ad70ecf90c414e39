/** @file call.h  One call: the caller's leg, the gateways tried for it, the leg that answered.
 *
 *	            INVITE
 *	              |
 *	          CALL_TRYING --- refused, cancelled, timed out, nothing left ---.
 *	              | 2xx of a gateway; a reliable 18x with SDP unacknowledged |
 *	         (CALL_CONNECTING) --- PRACK never comes, cancelled, BYE --------|
 *	              | the caller gets the 2xx                                  |
 *	          CALL_ANSWERED --- never acknowledged, BYE ---------------------|
 *	              | ACK of the caller                                        |
 *	          CALL_UP --- BYE of either side, operator, leg gone ------------|
 *	                                                                         v
 *	                                                                    CALL_ENDED
 *
 * Every way to CALL_ENDED leads through call_end(), which alone releases channels, stops timers and writes the
 * record. The memory goes after the pass of the loop.
 */
#ifndef CALL_H
#define CALL_H

#include "call_context.h"
#include "cause.h"
#include "cdr.h"
#include "mapping_gateways.h"
#include "routing.h"

#include <sys/queue.h>

struct call;
struct relay;

enum call_state { CALL_TRYING, CALL_CONNECTING, CALL_ANSWERED, CALL_UP, CALL_ENDED };

/** Why the gate turns a customer's call away. */
struct call_refusal {
	int code;
	const char *words;   /* for the record */
	const char *headers; /* whole lines for the response; "" = none */
};

/**
 * Take an INVITE of a customer: answer 100, find a way, try the first gateway. The call may have ended
 * already when this returns.
 *
 * @param refusal  the call is turned away and only leaves its record; NULL = it goes on
 *
 * @return 0; -EMSGSIZE, -E2BIG (routes) or -ENOMEM with nothing kept and nothing answered
 */
int call_create(struct call_context *context, struct mapping_gateway *ingress, const struct received *invite,
	const struct call_refusal *refusal);
/** Free the parked calls. */
void call_free_parked(struct call_context *context);

/** A request inside one of the call's dialogs: ACK, BYE, and what is relayed. */
void call_on_request(struct call *call, struct dialog *d, const struct received *rx);
/** The same before the gateway has answered: in a dialog of one of its provisional answers. */
void call_on_early_request(struct call *call, const struct received *rx);

/** The operator or the switch itself ends it: both sides are told. */
void call_hangup(struct call *call, enum cause cause);

/** What control shows of a call; strings are borrowed. */
struct call_info {
	const char *id, *a_call_id, *b_call_id, *state, *stage, *ingress, *gateway, *caller, *callee;
	int64_t begin_ms, answer_ms; /* epoch; 0 = not yet */
};
void call_info(const struct call *call, struct call_info *out);

/** call_limits_count() of those it has seized. @return how many */
unsigned call_count_channels(const struct call *call);

struct call *call_next(const struct call *call);

/* For relay.c and session_timer.c: the two legs, and the ways to end the call. */
struct stack *call_stack(struct call *call);
bool call_is_caller(const struct call *call, const struct dialog *d);
/** @return NULL before the answer */
struct dialog *call_other_leg(struct call *call, const struct dialog *d);
/** The resend schedule towards this leg: the gateway may have one of its own. */
struct resend_schedule call_resend(const struct call *call, const struct dialog *to);
LIST_HEAD(relay_list, relay);
struct relay_list *call_relays(struct call *call);
/** Does the ACK of this leg wait for the other leg's, with the answer to an offer? */
bool call_awaits_ack(const struct call *call, const struct dialog *d);
/** Is a re-INVITE or an offer under way on either leg? */
bool call_offer_pending(const struct call *call);
/** The session of this leg was set up or refreshed: its timer starts anew. */
void call_refreshed(struct call *call, struct dialog *d);
/** This leg has described itself anew, and the other one must know. */
void call_tell_other(struct call *call, const struct dialog *d);
/** The peer of this leg does not know it any more: BYE to the other one. */
void call_leg_gone(struct call *call, struct dialog *d);
/** The peer of this leg is silent: BYE to both. */
void call_leg_lost(struct call *call, struct dialog *d, enum cause cause);

#endif
