#include "call_recovery.h"

#include "attempt_route.h"
#include "bridge_check.h"
#include "bridge_request.h"
#include "call.h"
#include "call_cdr.h"
#include "call_early.h"
#include "call_end.h"
#include "call_farewell.h"
#include "call_parting.h"
#include "call_saved.h"
#include "call_setup.h"
#include "cdr_log.h"
#include "clock.h"
#include "endpoints.h"
#include "gateways.h"
#include "log.h"
#include "loop.h"
#include "mapping_gateways.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct recovery {
	struct call_context *context;
	const struct gateways *gateways;
	const struct mapping_gateways *customers;
	const struct endpoints *endpoints;
	bool on;
	size_t recovered, ended, refused;
};

/* Those that go on -------------------------------------------------------------------------- */

static int64_t row_of(const struct dialog *leg)
{
	return leg->hop.peer ? leg->hop.peer->row_id : 0;
}

static struct ingress *find_ingress(const struct recovery *r, int64_t id, const struct cdr *record)
{
	return record->from_endpoint
		? endpoint_ingress(endpoints_recognise(r->endpoints, id, record->ingress))
		: mapping_gateway_ingress(mapping_gateways_recognise(r->customers, id, record->ingress));
}

static struct gateway *find_gateway(const struct recovery *r, bool endpoint, int64_t id, const char *name)
{
	struct endpoint *e = endpoint ? endpoints_recognise(r->endpoints, id, name) : NULL;

	if (endpoint)
		return e ? endpoint_gateway(e) : NULL;
	return gateways_recognise(r->gateways, id, name);
}

/** Its rows may have been renamed meanwhile. @param leg  at the gateway; NULL = there is none. @return 0; -ENOENT */
static int find_rows(
	const struct recovery *r, struct call *call, const struct dialog *leg, const struct cdr *record)
{
	struct gateway *gw = leg ? find_gateway(r, record->to_endpoint, row_of(leg), record->gateway) : NULL;
	struct ingress *ingress = find_ingress(r, row_of(&call->a), record);

	if (gw) {
		call->gateway = gateway_ref(gw);
		call->called = gateway_ref(gw);
	}
	if (ingress)
		call->ingress = ingress_ref(ingress);
	return (gw || !leg) && ingress ? 0 : -ENOENT;
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

/** Must the caller's ACK bring the answer to the gateway's offer? */
static bool lacks_answer(const struct call *call)
{
	return call->offerless && !call_leg_b(call)->ack_seq;
}

static int go_on(struct call *call, cdr_slot slot)
{
	int err = find_credentials(call);

	if (!err)
		err = bridge_check_start(&call->check, &call->bridge, call->context->pace);
	if (err)
		return err;
	call->slot = slot;
	call->recovered = true;
	call->bridge.leg[BRIDGE_GATEWAY] = call_leg_b(call);
	call_state_resume_channels(call);
	call_set_state(call, lacks_answer(call) ? CALL_ANSWERED : CALL_UP);
	call_cdr_keep(call, NULL);
	limit(call);
	session_timer_resume(&call->timers, BRIDGE_CALLER);
	session_timer_resume(&call->timers, BRIDGE_GATEWAY);
	return 0;
}

/** What was too large for the journal is refused. */
static void refuse(const struct recovery *r, const struct field_bytes *bytes)
{
	struct stack *stack = r->context->stack;
	const int code = cause_sip_code(CAUSE_RESTART);
	struct field_bytes invite;
	char reason[120];

	cause_own_reason_header(reason, sizeof(reason), CAUSE_RESTART);
	if (call_saved_invite(&invite, bytes))
		server_transactions_finish(
			stack->server_transactions, &invite, NULL, code, reason, &stack->parameters.resend);
}

/** The caller, which may not have had its 200, gets it again; it ends the call if it should have answered and does not. */
static void answer_again(struct call *call, const struct field_bytes *bytes)
{
	struct resend_schedule resend = *call_resend(call);
	const bool lacks = lacks_answer(call);
	struct server_transaction *answered = NULL;
	struct field_bytes invite;

	if (!lacks)
		resend_schedule_limit(&resend, CALL_FAREWELL_REPEATED);
	if (call_saved_invite(&invite, bytes))
		answered = server_transactions_finish(call_stack(call)->server_transactions, &invite,
			&call->a.hop, cause_sip_code(CAUSE_RESTART), NULL, &resend);
	if (lacks && answered)
		call_resume_answer(call, answered);
	else if (lacks)
		call_end_hangup(call, CAUSE_RESTART);
}

/**
 * Nobody knows what the other side makes of a re-INVITE that was not answered: with 491 it is sent again (RFC 3261 section
 * 14.1). One that was gets its response again, until the ACK.
 */
static void finish_reinvites(struct call *call, const struct field_bytes *bytes)
{
	struct server_transactions *set = call_stack(call)->server_transactions;
	struct field_bytes reinvite;

	for (enum bridge_side side = BRIDGE_CALLER; side <= BRIDGE_GATEWAY; side++) {
		const struct dialog *leg = call->bridge.leg[side];
		const struct resend_schedule resend = bridge_resend(&call->bridge, leg);
		struct server_transaction *answered = NULL;

		if (!leg->remote_acked && call_saved_reinvite(&reinvite, side, bytes))
			answered = server_transactions_finish(set, &reinvite, &leg->hop, 491, NULL, &resend);
		if (answered)
			bridge_request_resume(&call->bridge, side, answered);
	}
}

/** Its 200 may get lost with this process, too. @return 0; -ENOMEM */
static int keep_unacked(struct call *call, const struct field_bytes *bytes)
{
	struct field_bytes invite;

	if (!call_farewell_lacks_ack(call) || !call_saved_invite(&invite, bytes))
		return 0;
	call->unacked = (struct text){.data = malloc(invite.size), .len = invite.size, .size = invite.size};
	if (!call->unacked.data)
		return -ENOMEM;
	memcpy(call->unacked.data, invite.data, invite.size);
	return 0;
}

static int take(const struct recovery *r, struct call *call, const struct cdr_log_leftover *left)
{
	const struct field_bytes bytes = {left->state, left->state_size};
	int err = call_saved_read(call, &left->record, &bytes), rows_err;

	if (err == -ENOTSUP || !call->b)
		return err;
	rows_err = find_rows(r, call, call_leg_b(call), &left->record);
	call_cdr_read_requests(call, left->note);
	err = err ? err : rows_err ? rows_err : !r->on ? -ECANCELED : keep_unacked(call, &bytes);
	if (!err)
		err = go_on(call, left->slot);
	if (err)
		return err;
	finish_reinvites(call, &bytes);
	if (call_farewell_lacks_ack(call) || lacks_answer(call))
		answer_again(call, &bytes);
	return 0;
}

/* Those that are being set up --------------------------------------------------------------- */

/** The candidates that are left and still have a row. @return 0 or -ENOMEM */
static int make_plan(const struct recovery *r, struct call *call, const struct call_saved_setup *saved)
{
	struct routing_plan *plan = &call->plan;
	struct gateway *gw;

	plan->candidate = calloc(saved->plan.size / sizeof(int64_t) + 1, sizeof(*plan->candidate));
	if (!plan->candidate)
		return -ENOMEM;
	plan->matched = true;
	for (unsigned i = 0; call_saved_candidate(saved, i); i++) {
		gw = find_gateway(r, false, call_saved_candidate(saved, i), "");
		if (!gw)
			gw = find_gateway(r, true, call_saved_candidate(saved, i), "");
		if (gw)
			plan->candidate[plan->n++].gateway = gateway_ref(gw);
	}
	return 0;
}

/** What reliable provisional responses have brought about. @return 0; as dialog_state_read() */
static int resume_early(struct call *call, const struct rel100 *before, const struct call_saved_setup *saved)
{
	const struct text outstanding = {.data = (char *)saved->provisional.data,
		.len = saved->provisional.size,
		.size = saved->provisional.size};
	int err = call_saved_read_caller(call, saved);

	if (!err)
		call_early_resume(call, before, &outstanding);
	return err;
}

/** From the gateway's answer, the next candidate, or where the attempt was. */
static int resume_attempt(struct call *call, struct call_saved_setup *saved, uint32_t note)
{
	struct attempt_rest rest = {.bytes = &saved->attempt, .invite_take = saved->invite};

	if (call->answer) {
		call_set_state(call, CALL_CONNECTING);
		return find_credentials(call);
	}
	if (!saved->invite) {
		call->tried--;
		call_setup_go_on(call);
		return 0;
	}
	saved->invite = NULL;
	rest.stage_ms = call_cdr_read_stage(call, note, &rest.stage);
	return call_setup_resume(call, &rest);
}

/** @return 0: its record is its own affair now, even if it has ended */
static int go_on_setting_up(const struct recovery *r, struct call *call, const struct cdr_log_leftover *left,
	struct call_saved_setup *saved)
{
	const struct rel100 before = call->rel100;
	int err = make_plan(r, call, saved);

	if (err)
		return err;
	call->slot = left->slot;
	call->recovered = true;
	call_state_resume_channels(call);
	call_resume(call, &saved->request.rx);
	err = resume_early(call, &before, saved);
	if (!err)
		err = resume_attempt(call, saved, left->note);
	if (err)
		call_end_refused(call, CAUSE_RESTART, cause_words(CAUSE_RESTART), CDR_SERVER);
	return 0;
}

/** @return 0: it goes on; else it is over, and both sides know it or will */
static int take_setup(const struct recovery *r, struct call *call, const struct cdr_log_leftover *left)
{
	const struct field_bytes bytes = {left->state, left->state_size};
	struct call_saved_setup saved = {0};
	int err = call_saved_read_setup(call, &left->record, &bytes, &saved), rows_err;

	if (saved.request.rx.msg) {
		int invite_err = call_resume_invite(call, &saved.request.rx);

		err = err ? err : invite_err;
	}
	rows_err = find_rows(
		r, call, saved.invite ? invite_dialog(saved.invite) : call_leg_b(call), &left->record);
	err = err ? err : rows_err ? rows_err : r->on ? 0 : -ECANCELED;
	if (!err)
		err = go_on_setting_up(r, call, left, &saved);
	if (err)
		call->parting = call_parting_begin(r->context, left->slot);
	if (err && call->invite)
		call_farewell_refuse(call);
	if (saved.invite)
		call_farewell_withdraw(call, &saved);
	saved.invite = NULL;
	call_saved_clear(&saved);
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

/** It does not go on: both sides are told, and what they are told outlives the process. @return false without memory for that */
static bool part(struct call *call, const struct cdr_log_leftover *left)
{
	struct cdr_log *log = call->context->cdr_log;
	struct call_parting *parting = call->parting;

	if (!parting)
		parting = call->parting = call_parting_begin(call->context, left->slot);
	call_farewell(call, &(struct field_bytes){left->state, left->state_size});
	if (!parting)
		return false;
	if (!cdr_log_close_parting(log, left))
		call_parting_lose(parting);
	call_parting_end(parting);
	return true;
}

/** @return false when the journal is to close it */
static bool adopt_call(struct recovery *r, const struct cdr_log_leftover *left)
{
	const bool answered = left->record.answer_ms;
	struct call *call = call_prepare(r->context);
	int err = !call ? -ENOMEM : answered ? take(r, call, left) : take_setup(r, call, left);

	if (!err) {
		r->recovered++;
		return true;
	}
	if (answered)
		r->ended++;
	else
		r->refused++;
	if (err != -ECANCELED)
		log_warning(left->record.a_call_id, "call cannot go on reason=\"%s\"", words(err));
	return call && part(call, left);
}

/** How long nobody was there, in real time: peers do not wait any faster when our clock runs faster. */
static uint64_t outage(const struct cdr_sign *sign)
{
	const struct clock_moment last = {sign->boot, sign->steady_ms, sign->epoch_ms};
	uint64_t ms = clock_now_ms() - (sign->steady_ms + clock_shift(&last));

	return sign->epoch_ms ? clock_delay_us(ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX) / 1000u : 0;
}

static bool adopt(const struct cdr_log_leftover *left, void *arg)
{
	struct recovery *r = arg;
	const struct field_bytes bytes = {left->state, left->state_size};

	if (left->parting)
		return call_farewell_part(r->context, left);
	if (left->record.answer_ms || !call_saved_is_refusal(&bytes))
		return adopt_call(r, left);
	refuse(r, &bytes);
	r->refused++;
	return false;
}

uint32_t call_recovery_left_ms(const struct cdr_log *log)
{
	const uint64_t outage_ms = outage(cdr_log_last_sign(log));

	if (!cdr_log_leftovers(log) || outage_ms >= CALL_RECOVERY_OUTAGE_MAX_MS)
		return 0;
	return CALL_RECOVERY_OUTAGE_MAX_MS - (uint32_t)outage_ms;
}

void call_recovery(struct call_context *context, const struct gateways *gateways,
	const struct mapping_gateways *customers, const struct endpoints *endpoints)
{
	const uint64_t outage_ms = outage(cdr_log_last_sign(context->cdr_log));
	struct recovery r = {.context = context,
		.gateways = gateways,
		.customers = customers,
		.endpoints = endpoints,
		.on = context->stack->parameters.call_recovery && outage_ms <= CALL_RECOVERY_OUTAGE_MAX_MS};

	cdr_log_recover(context->cdr_log, adopt, &r);
	if (r.recovered || r.ended || r.refused)
		log_info(NULL,
			"calls of the process before recovered=%zu ended=%zu refused=%zu outage_ms=%llu",
			r.recovered, r.ended, r.refused, (unsigned long long)outage_ms);
}
