/** @file call_state.h  What a call is made of, and the one function that changes its state. For the files of this room.
 *
 * From the bottom to the top; each file uses those before it:
 *
 *	call_state      the struct, its state, its channels
 *	call_saved      what outlives the process
 *	call_parting    what stays of that until both sides know of the end
 *	call_cdr        the record
 *	call_end        every way a call ends
 *	call_early      reliable provisional responses: PRACK and UPDATE before the answer
 *	call_setup      from the plan to the answer
 *	call_requests   requests inside the dialogs
 *	call            creation; what others see of a call
 *	call_farewell   the calls of the process before that end
 *	call_recovery   all of them
 */
#ifndef CALL_STATE_H
#define CALL_STATE_H

#include "address.h"
#include "attempt.h"
#include "call_context.h"
#include "cause.h"
#include "cdr.h"
#include "ingress.h"
#include "rel100.h"
#include "routing.h"
#include "session_timer.h"

/**
 *	            INVITE
 *	              |
 *	          CALL_TRYING --- refused, cancelled, timed out, nothing left ---.
 *	              | 2xx of a gateway; a reliable 18x with SDP unacknowledged |
 *	         (CALL_CONNECTING) --- PRACK never comes, cancelled, BYE --------|
 *	              | the caller gets the 2xx                                  |
 *	          CALL_ANSWERED --- never acknowledged, BYE ---------------------|
 *	              | ACK of the caller                                        |
 *	          CALL_UP --- BYE of either side, operator, leg gone ------------|     where a call of the process before begins
 *	                                                                         v
 *	                                                                    CALL_ENDED
 */
enum call_state { CALL_NEW, CALL_TRYING, CALL_CONNECTING, CALL_ANSWERED, CALL_UP, CALL_ENDED };

struct bridge_check;
struct call_parting;

struct call {
	LIST_ENTRY(call) link, elsewhere, changed;
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
	struct bridge bridge;
	struct session_timers timers;
	struct bridge_check *check; /* after a restart; else NULL */
	struct event limit;         /* until the answer: early hangup; then: the longest call */
	uint32_t max_duration_ms;   /* for the caller's side; 0 = unlimited */
	bool expires; /* until the answer the limit is the Expires of the INVITE (RFC 3261 section 13.3.1) */

	struct ingress *ingress;
	struct call_limits_channel channel_in, channel_out;
	struct gateway *gateway; /* being tried, or the one that answered */
	struct gateway *called;  /* the last one that was sent an INVITE */

	char *caller, *callee, *display;
	char source[ADDRESS_NAME_MAX], destination[ADDRESS_NAME_MAX];
	char b_call_id[2 * TOKEN_SIZE];
	bool offerless, sdp_seen, ringing_seen;
	uint64_t said;   /* hash of the response of a gateway that a caller with 100rel got last */
	bool says_again; /* after a crash: the gateway may repeat that one */
	bool negotiated; /* with the caller, before the answer: offer and answer are complete */
	char *negotiated_with; /* tag of the gateway whose description that is, or will be with the PRACK; NULL = none yet */
	struct text
		unacked; /* after a crash, until the ACK: the caller's INVITE and our 200, for the next crash */
	STAILQ_HEAD(, call_cdr_attempt) attempts; /* tried or passed over, for the record */
	char *attempts_before;                    /* those of the process before, as text; NULL = none */
	char *attempts_json;                      /* all of them as text, once no more can come */
	cdr_slot slot;
	struct call_parting
		*parting;       /* what the entry stays for, call_cdr_part(); NULL = for the call alone */
	bool is_changed;        /* since it was put there: it is in call_context.changed or .unkept */
	bool recovered;         /* from the process before, which has counted it */
	uint64_t number_before; /* that it gave to the call, struct cdr; 0 = none */
	int64_t begin_epoch_ms;
	uint64_t begin_ms, first_ring_ms, first_answer_ms, answer_ms; /* monotonic, 0 = not yet */
	uint64_t attempt_ms;                                          /* the attempt under way began */
	uint64_t stage_ms;                                            /* its stage did */
	int32_t attempt_pdd_ms; /* until its first 18x or answer; -1 = not yet */
	/* What the caller is told when nothing is left. */
	enum cause last_cause;
	int last_code; /* CAUSE_GATEWAY_CODE: for the caller, which may differ from the gateway's */
};

/**
 * Enter a state. The list the call is on, the counters and, at the end, its channels follow from that, and change
 * nowhere else.
 */
void call_set_state(struct call *call, enum call_state state);
/** "trying", "connecting", "answered", "up", "ended" */
const char *call_state_name(const struct call *call);
/** Has the gateway's answer gone to the caller, and has the call not ended? */
bool call_state_is_answered(const struct call *call);

/** Seize a channel of the ingress. @return as ingress_seize() */
int call_state_seize_ingress(struct call *call);
/** Seize a channel of a gateway. @param forced  although it is down. @return GATEWAY_VERDICT_USABLE when it is seized */
enum gateway_verdict call_state_seize_gateway(struct call *call, struct gateway *gw, bool forced);
/** Seize the channels again, that of the gateway if there is one: the call goes on from the process before. */
void call_state_resume_channels(struct call *call);
/** The attempt at that gateway has failed. */
void call_state_release_gateway(struct call *call);

static inline struct stack *call_stack(const struct call *call)
{
	return call->context->stack;
}

/** The schedule towards the caller. */
static inline const struct resend_schedule *call_resend(const struct call *call)
{
	return &call_stack(call)->parameters.resend;
}

/** The leg that answered, NULL before. */
static inline struct dialog *call_leg_b(const struct call *call)
{
	return call->b ? invite_dialog(call->b) : NULL;
}

#endif
