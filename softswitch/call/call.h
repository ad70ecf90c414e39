/** @file call.h  One call: the caller's leg, the gateways tried for it, the leg that answered.
 *
 * call_state.h draws its states. Every way to the last one leads through call_end(), which alone releases channels, stops
 * timers and writes the record. The memory goes after the pass of the loop.
 */
#ifndef CALL_H
#define CALL_H

#include <stdbool.h>
#include <stdint.h>

struct call;
struct call_context;
struct ingress;
struct received;
struct server_transaction;

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
int call_create(struct call_context *context, struct ingress *ingress, const struct received *invite,
	const struct call_refusal *refusal);
/** A call that has neither legs nor numbers yet. @return NULL without memory */
struct call *call_prepare(struct call_context *context);
/**
 * Take the INVITE of a call of the process before, whose local tag is set: leg and transaction, so that it can be refused.
 *
 * @return as call_create(); -EEXIST there is one with that INVITE
 */
int call_resume_invite(struct call *call, const struct received *invite);
/** It goes on; its ingress is known. The caller gets 100 once more, the rest is for call_setup.h. */
void call_resume(struct call *call, const struct received *invite);
/**
 * An answered call goes on whose caller has to acknowledge the 200 yet, with its answer to the gateway's offer.
 *
 * @param answered_take  the transaction of its INVITE, without owner
 */
void call_resume_answer(struct call *call, struct server_transaction *answered_take);
/** Free a call that has ended, or that has not begun. NULL is fine. */
void call_destroy(struct call *call);

/** What control shows of a call; strings are borrowed. */
struct call_info {
	const char *id, *a_call_id, *b_call_id, *state, *stage, *ingress, *gateway, *caller, *callee;
	int64_t begin_ms, answer_ms; /* epoch; 0 = not yet */
	bool recovered;              /* from the process before */
};
void call_info(const struct call *call, struct call_info *out);

/** call_limits_recount() of the channels it has seized. @return how many */
unsigned call_count_channels(const struct call *call);

#endif
