#include "call_farewell.h"

#include "attempt.h"
#include "bye.h"
#include "call.h"
#include "call_end.h"
#include "call_parting.h"
#include "call_saved.h"
#include "cdr_log.h"
#include "clock.h"
#include "dialog_ack.h"
#include "headers.h"
#include "pace.h"

#include <sofia-sip/sip_status.h>

#include <stddef.h>
#include <stdlib.h>

/* BYE --------------------------------------------------------------------------------------- */

/** A leg whose turn to get its BYE has not come. Requests of its peer find the dialog (bye.h). */
struct farewell {
	struct pace_task task;
	struct stack *stack;
	struct dialog leg;
	struct resend_schedule resend;
	bool owes_ack;                  /* for the 2xx of the gateway, which made an offer */
	bool says_why;                  /* the restart is the reason */
	struct call_parting_wait *wait; /* NULL = nobody waits for the BYE */
};

static void say_farewell(struct pace_task *task)
{
	struct farewell *f = (struct farewell *)((char *)task - offsetof(struct farewell, task));
	char reason[120];

	cause_own_reason_header(reason, sizeof(reason), CAUSE_RESTART);
	if (f->owes_ack)
		dialog_ack(f->stack, &f->leg, NULL);
	bye_send(f->stack, &f->leg,
		&(struct bye){.resend = &f->resend,
			.reason_header = f->says_why ? reason : NULL,
			.on_end = call_parting_on_end,
			.arg = f->wait});
	free(f);
}

/** @param why  say that it is the restart */
static void end_leg(struct call *call, struct dialog *leg, bool why)
{
	struct farewell *f = leg && leg->set ? calloc(1, sizeof(*f)) : NULL;

	if (!f)
		return;
	f->says_why = why;
	f->wait = call_parting_wait(
		call->parting, leg == &call->a ? CALL_PARTING_CALLER : CALL_PARTING_GATEWAY);
	f->owes_ack = leg != &call->a && call->offerless && !leg->ack_seq;
	f->stack = call_stack(call);
	f->resend = *call_resend(call);
	if (leg != &call->a && call->gateway)
		f->resend = bridge_resend(&call->bridge, leg);
	dialog_move(&f->leg, leg);
	f->leg.owner = NULL;
	pace_add(call->context->pace, &f->task, say_farewell);
}

bool call_farewell_lacks_ack(const struct call *call)
{
	enum { ANSWER_MS = 32000 }; /* 64 T1 */

	return !call->a.remote_acked && clock_now_ms() - call->answer_ms < ANSWER_MS;
}

/**
 * The caller gets its 200, and BYE after its ACK.
 *
 * @param why  as for end_leg(): then it is not sure that the ACK has not come
 * @return false when nothing was written of its INVITE
 */
static bool answer_again(struct call *call, const struct field_bytes *bytes, bool why)
{
	const int code = cause_sip_code(CAUSE_RESTART);
	struct resend_schedule resend = *call_resend(call);
	struct server_transaction *answered = NULL;
	struct field_bytes invite;
	char reason[120];

	if (why)
		resend_schedule_limit(&resend, CALL_FAREWELL_REPEATED);
	if (call->a.set && call_saved_invite(&invite, bytes))
		answered = server_transactions_finish(
			call_stack(call)->server_transactions, &invite, &call->a.hop, code, NULL, &resend);
	if (!answered)
		return false;
	cause_own_reason_header(reason, sizeof(reason), CAUSE_RESTART);
	bye_send_after_ack(call_stack(call), &call->a, answered,
		&(struct bye){.resend = call_resend(call),
			.reason_header = why ? reason : NULL,
			.on_end = call_parting_on_end,
			.arg = call_parting_wait(call->parting, CALL_PARTING_CALLER | CALL_PARTING_ANSWER)});
	return true;
}

void call_farewell(struct call *call, const struct field_bytes *bytes)
{
	if (call->answer_ms && !(call_farewell_lacks_ack(call) && answer_again(call, bytes, true)))
		end_leg(call, &call->a, true);
	end_leg(call, call_leg_b(call), true);
	invite_destroy(call->b);
	call_end_setup(call);
	call_destroy(call);
}

/* Before the answer ------------------------------------------------------------------------- */

/**
 * What was asked of the gateway is taken back; the INVITE goes out again, as only a response allows the CANCEL.
 *
 * @param why  as for end_leg()
 */
static void withdraw(struct call *call, struct invite *invite_take, bool why)
{
	struct stack *stack = call_stack(call);
	const struct invite_content nothing = {0};
	char reason[120];

	cause_own_reason_header(reason, sizeof(reason), CAUSE_RESTART);
	if (invite_go_on(invite_take, &nothing, &stack->parameters.resend, NULL, NULL)) {
		invite_destroy(invite_take);
		return;
	}
	call_parting_wait_invite(call->parting, invite_take);
	invite_abandon(invite_take, why ? reason : NULL);
}

/** The INVITE that was heard of last, and those to other contacts. */
static void withdraw_all(struct call *call, const struct call_saved_setup *saved, bool why)
{
	struct field_bytes left = saved->attempt;
	struct invite *invite;

	withdraw(call, saved->invite, why);
	while (attempt_read_branch(&invite, call_stack(call), call, &left))
		withdraw(call, invite, why);
}

void call_farewell_withdraw(struct call *call, const struct call_saved_setup *saved)
{
	withdraw_all(call, saved, true);
}

void call_farewell_refuse(struct call *call)
{
	char reason[120];

	cause_own_reason_header(reason, sizeof(reason), CAUSE_RESTART);
	call_end_refuse(call, cause_sip_code(CAUSE_RESTART), reason);
}

/* Those that had ended ---------------------------------------------------------------------- */

/** Re-INVITEs that were refused as the call ended get that again. */
static void refuse_reinvites(struct call *call, uint32_t what, const struct field_bytes *bytes)
{
	struct field_bytes reinvite;

	for (enum bridge_side side = BRIDGE_CALLER; side <= BRIDGE_GATEWAY; side++) {
		const struct dialog *leg = side == BRIDGE_CALLER ? &call->a : call_leg_b(call);

		if ((what & (uint32_t)CALL_PARTING_REINVITE << side) && leg && leg->set &&
			call_saved_reinvite(&reinvite, side, bytes))
			server_transactions_finish(call_stack(call)->server_transactions, &reinvite,
				&leg->hop, 487, NULL, call_resend(call));
	}
}

/** Its legs get BYE once more. */
static void part_answered(struct call *call, const struct cdr_log_leftover *left)
{
	const struct field_bytes bytes = {left->state, left->state_size};
	const uint32_t legs = left->note ? left->note : CALL_PARTING_CALLER | CALL_PARTING_GATEWAY;

	call_saved_read(call, &left->record, &bytes);
	refuse_reinvites(call, legs, &bytes);
	if ((legs & CALL_PARTING_CALLER) &&
		!((legs & CALL_PARTING_ANSWER) && answer_again(call, &bytes, false)))
		end_leg(call, &call->a, false);
	if (legs & CALL_PARTING_GATEWAY)
		end_leg(call, call_leg_b(call), false);
	invite_destroy(call->b);
}

/**
 * The caller gets its refusal again, until its ACK: with the same code and tag. What else stood in it is not known any more,
 * so a code that has no meaning without becomes 503.
 *
 * @param invite  NULL = only what the refusal needs was written
 */
static void refuse_again(
	struct call *call, const struct received *invite, int code, const struct field_bytes *bytes)
{
	const char *lines = headers_of_refusal(code);
	struct field_bytes alone;
	char headers[400], reason[120];
	struct text t = {.data = headers, .size = sizeof(headers)};

	code = lines ? code : 503;
	cause_reason_header(reason, sizeof(reason), code, sip_status_phrase(code));
	text_add_all(&t, lines ? lines : "", reason, NULL);
	text_end(&t);
	if (invite && !call_resume_invite(call, invite))
		call_end_refuse(call, code, headers);
	else if (!invite && call_saved_invite(&alone, bytes))
		server_transactions_finish(call_stack(call)->server_transactions, &alone, NULL, code, headers,
			call_resend(call));
	dialog_clear(&call->a);
}

/** What it still owed its sides: the CANCEL of an INVITE that was given up, or BYE to a leg that had answered; a refusal. */
static void part_setup(struct call *call, const struct cdr_log_leftover *left)
{
	const struct field_bytes bytes = {left->state, left->state_size};
	const uint32_t legs = left->note ? left->note : CALL_PARTING_GATEWAY;
	const int code = (int)(legs / CALL_PARTING_CODE);
	struct call_saved_setup saved = {0};

	call_saved_read_setup(call, &left->record, &bytes, &saved);
	if (saved.invite && (legs & CALL_PARTING_GATEWAY)) {
		withdraw_all(call, &saved, false);
		saved.invite = NULL;
	}
	if (legs & CALL_PARTING_GATEWAY)
		end_leg(call, call_leg_b(call), false);
	if (code >= 300 && code < 700)
		refuse_again(call, saved.request.rx.msg ? &saved.request.rx : NULL, code, &bytes);
	call_saved_clear(&saved);
	invite_destroy(call->b);
	call_end_setup(call);
}

bool call_farewell_part(struct call_context *context, const struct cdr_log_leftover *left)
{
	struct call_parting *parting = call_parting_begin(context, left->slot);
	struct call *call = parting ? call_prepare(context) : NULL;

	if (call) {
		call->parting = parting;
		if (left->record.answer_ms)
			part_answered(call, left);
		else
			part_setup(call, left);
	}
	call_parting_end(parting);
	call_destroy(call);
	return parting;
}
