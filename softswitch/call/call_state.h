/** @file call_state.h  What a call is made of; for call.c, call_setup.c, call_requests.c, call_cdr.c, and for nobody else. */
#ifndef CALL_STATE_H
#define CALL_STATE_H

#include "address.h"
#include "attempt.h"
#include "call.h"
#include "call_attempts.h"
#include "rel100.h"
#include "session_timer.h"
#include "token.h"

struct call {
	LIST_ENTRY(call) link;
	struct call_context *context;
	enum call_state state;
	struct dialog a;                   /* the caller's leg */
	struct invite *b;                  /* the leg that answered */
	struct server_transaction *invite; /* the caller's INVITE, until it is answered and acknowledged */
	msg_t *received;         /* the same, until a gateway has answered: each attempt passes it on */
	struct attempt *attempt; /* the gateway being tried */
	struct rel100 rel100;    /* provisional responses to the caller */
	msg_t *answer;           /* CALL_CONNECTING: the gateway's 2xx, for the caller */
	struct invite_content content;
	struct routing_plan plan;
	unsigned next_candidate, tried;
	struct relay_list relays;
	struct session_timer timer_a, timer_b;
	struct event limit;       /* until the answer: early hangup; then: the longest call */
	uint32_t max_duration_ms; /* for the caller's side; 0 = unlimited */

	struct mapping_gateway *ingress;
	struct channel channel_in, channel_out;
	struct gateway *gateway; /* being tried, or the one that answered */
	struct gateway *called;  /* the last one that was sent an INVITE */

	char *caller, *callee, *display;
	char source[ADDRESS_NAME_MAX], destination[ADDRESS_NAME_MAX];
	char b_call_id[2 * TOKEN_SIZE];
	bool offerless, sdp_seen, ringing_seen;
	bool settled; /* with the caller, before the answer: offer and answer are complete */
	char *settled_with; /* tag of the gateway whose description that is, or will be with the PRACK; NULL = none yet */
	struct call_attempts record;
	char *attempts; /* the record's, in JSON, once no more can come */
	cdr_slot slot;
	int64_t begin_epoch_ms;
	uint64_t begin_ms, first_ring_ms, first_answer_ms, answer_ms; /* monotonic, 0 = not yet */
	uint64_t attempt_ms;                                          /* the attempt under way began */
	int32_t attempt_pdd_ms; /* until its first 18x or answer; -1 = not yet */
	/* What the caller is told when nothing is left. */
	enum cause last_cause;
	int last_code;
};

/** How a call ends. */
struct ending {
	int code;
	const char *words;
	enum cdr_direction direction;
	const struct dialog *gone; /* the leg that ended by itself and gets no BYE; NULL = none */
	const sip_t *bye;          /* its BYE: what it carries goes to the other leg; NULL = none */
};

static inline struct stack *stack_of(const struct call *call)
{
	return call->context->stack;
}

/** The schedule towards the caller. */
static inline const struct resend_schedule *resend_of(const struct call *call)
{
	return &stack_of(call)->parameters.resend;
}

/* call.c: state, end, refusal */

void call_set_state(struct call *call, enum call_state state);
/** The one door out: releases, stops, records, and ends the legs of an answered call. */
void call_end(struct call *call, const struct ending *e);
/** Final failure to the caller's INVITE. @param headers  whole lines, or NULL */
void call_refuse(struct call *call, int code, const char *phrase, const char *headers);
/** The same with the code of a cause, and the end of the call. */
void call_refuse_and_end(
	struct call *call, enum cause cause, const char *words, enum cdr_direction direction);
/** The caller gives up before the answer. */
void call_give_up(struct call *call);
/** End the call after so long, unless it is set anew; 0 = never. */
void call_limit(struct call *call, uint32_t ms);
/** What is needed only until a gateway has answered goes. */
void call_drop_setup(struct call *call);
/** Give a channel back that may be seized. */
void call_release(struct call *call, struct channel *channel);
/** The leg that answered, NULL before. */
struct dialog *call_leg_b(const struct call *call);

/* call_setup.c: from the plan to the answer */

/** Find a way and try the first gateway; the call may have ended when this returns. */
void call_setup(struct call *call);
/** The attempt under way, if any, is given up: recorded and cleaned up. */
void call_setup_cancel(struct call *call, int code, const char *words);

/** The gateway has answered, now the caller gets that. */
void call_connect(struct call *call, const sip_t *answer);

/* call_early.c: what reliable provisional responses bring with them (RFC 3262, RFC 3311) */

/** Are provisional responses to this caller reliable? */
void call_early_begin(struct call *call, const sip_t *invite, enum db_100rel policy);
/** Is this description nothing that the caller could answer: neither an answer nor an offer that can be acknowledged? */
bool call_is_preview(const struct call *call, const sip_t *progress);
/** A PRACK of the caller. */
void call_on_prack(struct call *call, struct dialog *d, const struct received *rx);
/** A description goes to the caller in a reliable response: the first one is what it settles with. */
void call_early_describe(struct call *call, const sip_t *progress);
/** The attempt has failed. To a caller who is settled, the next gateway is offered what it said last. */
void call_early_fail_over(struct call *call);
/** Has the caller settled with another gateway than the one that answered, or with another fork of it? */
bool call_early_is_behind(const struct call *call);
/** An UPDATE before the answer. @param d  the caller's leg or an early dialog of the gateway */
void call_on_early_update(struct call *call, struct dialog *d, const struct received *rx);
/** The attempt has its leg: what was begun in the early dialog goes on in it. */
void call_early_end(struct call *call);

/* call_requests.c: requests inside the dialogs */

/** Answer a request inside a dialog, without body; the answer comes again when the request does. */
void call_reply(struct call *call, const struct dialog *d, const struct received *rx, int status,
	const char *headers);
/**
 * An offer has to wait, since one is open already. Where that is this side's own, it is an error (500, RFC 3261 section
 * 14.2, RFC 3311 section 5.2); else glare (491).
 */
void call_refuse_offer(struct call *call, const struct dialog *d, const struct received *rx, bool own);

/** In a record: the side of this leg. */
enum cdr_direction call_direction(const struct call *call, const struct dialog *d);

/* call_cdr.c: the record */

/** Epoch of a monotonic time of this call; 0 stays 0. */
int64_t call_epoch_ms(const struct call *call, uint64_t monotonic_ms);
/**
 * Note where the attempt went by now: a name may have been resolved, or another address tried, since it began. One that
 * never sent an INVITE leaves what was noted before.
 */
void call_cdr_leg(struct call *call);
/** Note how the attempt under way ended. */
void call_cdr_attempt(struct call *call, const char *stage, int code, const char *reason);
void call_cdr_skip(struct call *call, struct gateway *gw, enum gateway_verdict verdict);
/** The call is answered: a crash from now on leaves a record of it. */
void call_cdr_answer(struct call *call);
void call_cdr_end(struct call *call, const struct ending *e);

#endif
