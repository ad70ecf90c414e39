#include "call_recovery.h"

#include "attempt_route.h"
#include "bridge_check.h"
#include "bye.h"
#include "call.h"
#include "call_cdr.h"
#include "call_end.h"
#include "call_saved.h"
#include "cdr_log.h"
#include "clock.h"
#include "dialog_ack.h"
#include "gateways.h"
#include "log.h"
#include "loop.h"
#include "pace.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct recovery {
	struct call_context *context;
	const struct gateways *gateways;
	const struct mapping_gateways *ingresses;
	bool on;
	size_t recovered, ended, refused;
};

/** So long a caller acknowledges a 200 that it gets again (64 T1, RFC 3261 section 13.2.2.4). */
enum { ANSWER_REPEATED_MS = 32000, ANSWER_REPEATED = 2 };

/* Those that end ---------------------------------------------------------------------------- */

/** A leg whose turn to get its BYE has not come. Requests of its peer find the dialog (bye.h). */
struct farewell {
	struct pace_task task;
	struct stack *stack;
	struct dialog leg;
	struct resend_schedule resend;
};

static void say_farewell(struct pace_task *task)
{
	struct farewell *f = (struct farewell *)((char *)task - offsetof(struct farewell, task));
	char reason[120];

	cause_reason_header(
		reason, sizeof(reason), cause_sip_code(CAUSE_RESTART), cause_words(CAUSE_RESTART));
	if (f->leg.invite_seq && !f->leg.ack_seq)
		dialog_ack(f->stack, &f->leg, NULL); /* its 2xx has had no ACK yet */
	bye_send(f->stack, &f->leg, &f->resend, reason, NULL);
	free(f);
}

static void end_leg(struct call *call, struct dialog *leg)
{
	struct farewell *f = leg && leg->set ? calloc(1, sizeof(*f)) : NULL;

	if (!f)
		return;
	f->stack = call_stack(call);
	f->resend = *call_resend(call);
	if (leg != &call->a && call->gateway)
		f->resend = bridge_resend(&call->bridge, leg);
	dialog_move(&f->leg, leg);
	f->leg.owner = NULL;
	pace_add(call->context->pace, &f->task, say_farewell);
}

static void end(struct call *call)
{
	end_leg(call, &call->a);
	end_leg(call, call_leg_b(call));
	invite_destroy(call->b);
	call_destroy(call);
}

/* Those that go on -------------------------------------------------------------------------- */

/** Its rows may have been renamed meanwhile. @return 0; -ENOENT */
static int find_rows(const struct recovery *r, struct call *call, const struct cdr *record)
{
	const struct hop_peer *a = call->a.hop.peer, *b = call_leg_b(call)->hop.peer;
	struct gateway *gw = gateways_recognise(r->gateways, b ? b->row_id : 0, record->gateway);
	struct mapping_gateway *ingress =
		mapping_gateways_recognise(r->ingresses, a ? a->row_id : 0, record->ingress);

	if (gw) {
		call->gateway = gateway_ref(gw);
		call->called = gateway_ref(gw);
	}
	if (ingress)
		call->ingress = mapping_gateway_ref(ingress);
	return gw && ingress ? 0 : -ENOENT;
}

/** They are not in the journal, which others may read. */
static int find_credentials(struct call *call)
{
	struct attempt_route route;
	struct invite_content content = {0};
	int err = attempt_route_init(&route, call->gateway, call->context->registrations, &content);

	if (!err)
		err = invite_set_credentials(call->b, &content);
	attempt_route_clear(&route);
	return err;
}

/** The time it may last runs since the answer. */
static void limit(struct call *call)
{
	uint64_t lasted = clock_now_ms() - call->answer_ms;

	if (call->max_duration_ms)
		call_end_after(
			call, lasted < call->max_duration_ms ? call->max_duration_ms - (uint32_t)lasted : 1);
}

static int go_on(struct call *call, cdr_slot slot)
{
	int err = find_credentials(call);

	if (!err)
		err = bridge_check_start(&call->check, &call->bridge, call->context->pace);
	if (err)
		return err;
	call->slot = slot;
	call->bridge.leg[BRIDGE_GATEWAY] = call_leg_b(call);
	call_state_resume_channels(call);
	call_set_state(call, CALL_UP);
	call_cdr_keep(call, NULL);
	limit(call);
	session_timer_resume(&call->timers, BRIDGE_CALLER);
	session_timer_resume(&call->timers, BRIDGE_GATEWAY);
	return 0;
}

/** A caller that had not acknowledged its answer to the offer in the 2xx does not send it again. */
static bool lacks_answer(const struct call *call)
{
	return call->offerless && !call_leg_b(call)->ack_seq;
}

/** The caller gets its final response: a refusal, or its 200 again, which it may have acknowledged long ago. */
static void finish_invite(const struct recovery *r, const struct field_bytes *bytes, bool answered)
{
	struct stack *stack = r->context->stack;
	struct resend_schedule resend = stack->parameters.resend;
	const int code = cause_sip_code(CAUSE_RESTART);
	struct field_bytes invite;
	char reason[120];

	cause_reason_header(reason, sizeof(reason), code, cause_words(CAUSE_RESTART));
	if (answered)
		resend_schedule_limit(&resend, ANSWER_REPEATED);
	if (call_saved_invite(&invite, bytes))
		server_transactions_finish(stack->server_transactions, &invite, code, reason, &resend);
}

static int take(const struct recovery *r, struct call *call, const struct cdr_log_leftover *left)
{
	const struct field_bytes bytes = {left->state, left->state_size};
	int err = call_saved_read(call, &left->record, &bytes), rows_err;

	if (err == -ENOTSUP || !call->b)
		return err;
	rows_err = find_rows(r, call, &left->record);
	if (!r->on || (!err && lacks_answer(call)))
		return -ECANCELED;
	err = err ? err : rows_err ? rows_err : go_on(call, left->slot);
	if (!err && clock_now_ms() - call->answer_ms < ANSWER_REPEATED_MS)
		finish_invite(r, &bytes, true); /* its 200 may have been lost, or the ACK to it */
	return err;
}

static const char *words(int err)
{
	switch (err) {
	case -ENOENT:
		return "its gateway or customer has no row any more";
	case -EADDRNOTAVAIL:
	case -ENOTCONN:
		return "its listener is gone";
	case -ENOTSUP:
		return "a later version wrote it";
	case -EINVAL:
		return "what was written of it is damaged";
	default:
		return strerror(-err);
	}
}

static bool adopt(const struct cdr_log_leftover *left, void *arg)
{
	struct recovery *r = arg;
	struct call *call;
	int err;

	if (!left->record.answer_ms) {
		finish_invite(r, &(struct field_bytes){left->state, left->state_size}, false);
		r->refused++;
		return false;
	}
	call = call_prepare(r->context);
	err = call ? take(r, call, left) : -ENOMEM;
	if (!err) {
		r->recovered++;
		return true;
	}
	r->ended++;
	if (err != -ECANCELED)
		log_warning(left->record.a_call_id, "call cannot go on reason=\"%s\"", words(err));
	if (call)
		end(call);
	return false;
}

/** How long nobody was there, in real time: peers do not wait any faster when our clock runs faster. */
static uint64_t outage(const struct cdr_sign *sign)
{
	const struct clock_moment last = {sign->boot, sign->steady_ms, sign->epoch_ms};
	uint64_t ms = clock_now_ms() - (sign->steady_ms + clock_shift(&last));

	return sign->epoch_ms ? clock_delay_us(ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX) / 1000u : 0;
}

void call_recovery(struct call_context *context, const struct gateways *gateways,
	const struct mapping_gateways *ingresses)
{
	const uint64_t outage_ms = outage(cdr_log_last_sign(context->cdr_log));
	struct recovery r = {.context = context,
		.gateways = gateways,
		.ingresses = ingresses,
		.on = context->stack->parameters.call_recovery && outage_ms <= CALL_RECOVERY_OUTAGE_MAX_MS};

	cdr_log_recover(context->cdr_log, adopt, &r);
	if (r.recovered || r.ended || r.refused)
		log_info(NULL,
			"calls of the process before recovered=%zu ended=%zu refused=%zu outage_ms=%llu",
			r.recovered, r.ended, r.refused, (unsigned long long)outage_ms);
}
