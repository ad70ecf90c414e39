#include "call_saved.h"

#include "bridge_request.h"
#include "clock.h"
#include "dialog_state.h"
#include "gateway.h"
#include "hop_state.h"
#include "intake.h"
#include "message.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/** Raised when what is written now must not be read as before; fields that are only added do not need it. */
enum { VERSION = 3 };
/** Fields that stand in no table. */
enum { CALLER = 40, GATEWAY, INVITE, REQUEST, CALLER_HOP, PLAN, ATTEMPT, PROVISIONAL, ANSWER };
/** The same, by side: re-INVITEs that were not answered, or whose final response was not acknowledged. */
static const uint16_t reinvite[] = {[BRIDGE_CALLER] = 60, [BRIDGE_GATEWAY] = 61};

struct head {
	uint32_t version;
	struct clock_moment written;
};

static const struct field head_fields[] = {
	FIELD(1, NUMBER, struct head, version),
	FIELD(2, NUMBER, struct head, written.boot),
	FIELD(3, NUMBER, struct head, written.now_ms),
	FIELD(4, NUMBER, struct head, written.epoch_ms),
};

static const struct field fields[] = {
	FIELD(10, NUMBER, struct call, begin_ms),
	FIELD(11, NUMBER, struct call, first_answer_ms),
	FIELD(12, NUMBER, struct call, first_ring_ms),
	FIELD(13, NUMBER, struct call, answer_ms),
	FIELD(14, NUMBER, struct call, max_duration_ms),
	FIELD(15, NUMBER, struct call, offerless),
	FIELD(20, NUMBER, struct call, timers.leg[BRIDGE_CALLER].begun_ms),
	FIELD(21, NUMBER, struct call, timers.leg[BRIDGE_GATEWAY].begun_ms),
	FIELD(22, NUMBER, struct call, timers.leg[BRIDGE_CALLER].stale),
	FIELD(23, NUMBER, struct call, timers.leg[BRIDGE_GATEWAY].stale),
	FIELD(53, NUMBER, struct call, negotiated),
};

/** Of one that is being set up, besides those. */
static const struct field setup_fields[] = {
	FIELD(30, ARRAY, struct call, a.local_tag),
	FIELD(31, NUMBER, struct call, a.origin.id),
	FIELD(32, NUMBER, struct call, a.origin.version),
	FIELD(33, NUMBER, struct call, a.origin.hash),
	FIELD(34, NUMBER, struct call, a.own_origin),
	FIELD(35, NUMBER, struct call, attempt_ms),
	FIELD(36, NUMBER, struct call, tried),
	FIELD(37, NUMBER, struct call, sdp_seen),
	FIELD(38, NUMBER, struct call, ringing_seen),
	FIELD(50, NUMBER, struct call, rel100.on),
	FIELD(51, NUMBER, struct call, rel100.rseq),
	FIELD(52, NUMBER, struct call, rel100.sdp),
	FIELD(54, TEXT, struct call, negotiated_with),
	FIELD(55, NUMBER, struct call, said),
};

static void write_leg(struct text *t, uint16_t number, const struct dialog *leg)
{
	size_t begun = field_begin(t, number);

	dialog_state_write(leg, t);
	field_end(t, begun);
}

static void write_head(struct text *t)
{
	struct head head = {.version = VERSION};

	clock_note(&head.written);
	field_write(t, FIELD_TABLE(head_fields), &head);
}

static void write_invite(struct text *t, uint16_t number, const struct server_transaction *invite,
	const struct text *answer, const struct hop *leg)
{
	size_t begun = field_begin(t, number);

	server_transaction_save(invite, t, answer, leg);
	field_end(t, begun);
}

static void write_reinvite(
	struct text *t, const struct call *call, enum bridge_side from, const struct hop *leg)
{
	const struct server_transaction *s = bridge_request_reinvite(&call->bridge, from);

	if (s)
		write_invite(t, reinvite[from], s, NULL, leg);
}

int call_saved_version(void)
{
	return VERSION;
}

void call_saved_write(const struct call *call, const struct text *answer, struct text *t)
{
	write_head(t);
	field_write(t, FIELD_TABLE(fields), call);
	write_leg(t, CALLER, &call->a);
	write_leg(t, GATEWAY, call_leg_b(call));
	if (call->invite)
		write_invite(t, INVITE, call->invite, answer, &call->a.hop);
	else if (call->unacked.len)
		field_add(t, INVITE, call->unacked.data, call->unacked.len);
	write_reinvite(t, call, BRIDGE_CALLER, &call->a.hop);
	write_reinvite(t, call, BRIDGE_GATEWAY, &call_leg_b(call)->hop);
}

/** The candidates that are left, by the ids of their rows; before the INVITE has left, the one being tried is the first. */
static void write_plan(const struct call *call, struct text *t)
{
	const struct routing_plan *plan = &call->plan;
	const bool called = !call->attempt || attempt_call_id(call->attempt)[0];
	const unsigned first = call->next_candidate - !called;
	size_t begun;

	if (first >= plan->n)
		return;
	begun = field_begin(t, PLAN);
	for (unsigned i = first; i < plan->n; i++) {
		int64_t id = gateway_row(plan->candidate[i].gateway)->id;

		text_add_bytes(t, (const char *)&id, sizeof(id));
	}
	field_end(t, begun);
}

/** What has become of the caller's leg since its INVITE, by PRACK and UPDATE. */
static void write_early(const struct call *call, struct text *t)
{
	const struct text last = server_transaction_response(call->invite);

	if (call->rel100.outstanding)
		field_add(t, PROVISIONAL, last.data, last.len);
	if (call->a.local_seq || call->a.remote_seq != server_transaction_cseq(call->invite))
		write_leg(t, CALLER, &call->a);
}

/** CALL_CONNECTING: the gateway has had its ACK. */
static void write_answer(const struct call *call, struct text *t)
{
	const struct message_body answer = message_received(sip_object(call->answer));

	write_leg(t, GATEWAY, call_leg_b(call));
	field_add(t, ANSWER, answer.data, answer.len);
}

void call_saved_write_setup(const struct call *call, struct text *t)
{
	const struct message_body request = message_received(call->content.received);
	size_t begun;

	write_head(t);
	field_write(t, FIELD_TABLE(fields), call);
	field_write(t, FIELD_TABLE(setup_fields), call);
	field_add(t, REQUEST, request.data, request.len);
	begun = field_begin(t, CALLER_HOP);
	hop_state_write(server_transaction_hop(call->invite), t);
	field_end(t, begun);
	write_plan(call, t);
	write_early(call, t);
	if (call->attempt) {
		begun = field_begin(t, ATTEMPT);
		attempt_save(call->attempt, t);
		field_end(t, begun);
	} else if (call->answer) {
		write_answer(call, t);
	}
}

void call_saved_write_refusal(const struct call *call, struct text *t)
{
	write_head(t);
	write_invite(t, INVITE, call->invite, NULL, NULL);
}

void call_saved_write_late(const struct dialog *leg, struct text *t)
{
	write_leg(t, GATEWAY, leg);
}

/* Reading ----------------------------------------------------------------------------------- */

bool call_saved_invite(struct field_bytes *out, const struct field_bytes *bytes)
{
	struct head head = {0};

	return !field_read(&head, FIELD_TABLE(head_fields), bytes) && head.version <= VERSION &&
		field_find(out, INVITE, bytes);
}

bool call_saved_reinvite(struct field_bytes *out, enum bridge_side from, const struct field_bytes *bytes)
{
	return field_find(out, reinvite[from], bytes);
}

bool call_saved_is_refusal(const struct field_bytes *bytes)
{
	struct field_bytes request;

	return !field_find(&request, REQUEST, bytes);
}

/** Its times were of the clock of the process before. */
static void shift_times(struct call *call, const struct clock_moment *written)
{
	uint64_t *times[] = {&call->begin_ms, &call->first_answer_ms, &call->first_ring_ms, &call->answer_ms,
		&call->attempt_ms, &call->timers.leg[BRIDGE_CALLER].begun_ms,
		&call->timers.leg[BRIDGE_GATEWAY].begun_ms};
	uint64_t shift = clock_shift(written);

	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (*times[i])
			*times[i] += shift;
}

/** Its version comes first: what another one means by its fields is not known. */
static int read_call(struct call *call, const struct cdr *record, const struct field_bytes *bytes)
{
	struct head head = {0};
	int err = field_read(&head, FIELD_TABLE(head_fields), bytes);

	if (!err && head.version > VERSION)
		return -ENOTSUP;
	if (!err)
		err = field_read(call, FIELD_TABLE(fields), bytes);
	if (!err)
		err = field_read(call, FIELD_TABLE(setup_fields), bytes);
	if (!err && (!head.version || !call->begin_ms))
		err = -EINVAL;
	shift_times(call, &head.written);
	call->begin_epoch_ms = record->begin_ms;
	call->number_before = record->number;
	return err;
}

static int read_record(struct call *call, const struct cdr *record)
{
	call->caller = strdup(record->caller_in);
	call->callee = strdup(record->callee_in);
	call->attempts_json = strdup(record->attempts);
	snprintf(call->source, sizeof(call->source), "%s", record->source_addr);
	snprintf(call->destination, sizeof(call->destination), "%s", record->destination_addr);
	snprintf(call->b_call_id, sizeof(call->b_call_id), "%s", record->b_call_id);
	return call->caller && call->callee && call->attempts_json ? 0 : -ENOMEM;
}

static int read_leg(struct call *call, struct dialog *leg, uint16_t number, const struct field_bytes *bytes)
{
	struct field_bytes value;
	bool moved = false;
	int err;

	if (!field_find(&value, number, bytes))
		return -EINVAL;
	err = dialog_state_read(leg, call_stack(call), call, &value, &moved);
	if (err)
		dialog_clear(leg);
	return err ? err : moved ? -EADDRNOTAVAIL : 0;
}

int call_saved_read(struct call *call, const struct cdr *record, const struct field_bytes *bytes)
{
	int err = read_call(call, record, bytes), a_err, b_err;

	if (!err && !call->answer_ms)
		err = -EINVAL;
	if (!err)
		err = read_record(call, record);
	if (!err)
		err = invite_resume(&call->b, call_stack(call));
	if (err)
		return err;
	a_err = read_leg(call, &call->a, CALLER, bytes);
	b_err = read_leg(call, call_leg_b(call), GATEWAY, bytes);
	return a_err ? a_err : b_err;
}

/* The same of one that is being set up ------------------------------------------------------ */

/** The caller's INVITE as it came in. */
static int read_request(struct call *call, const struct field_bytes *bytes, struct received_kept *out)
{
	struct received rx = {0};
	struct field_bytes request, at;
	char phrase[INTAKE_PHRASE_MAX];
	struct hop hop = {0};
	int err = -EINVAL;

	if (field_find(&request, REQUEST, bytes) && field_find(&at, CALLER_HOP, bytes))
		err = hop_state_read(&hop, call_stack(call)->transport, &at);
	if (!err && !hop.peer)
		err = -EINVAL;
	if (!err) {
		rx.source = &hop.peer->address.any;
		rx.back.listener = hop.listener;
		err = intake_message(&rx, request.data, request.size, phrase) ? -EINVAL : 0;
	}
	if (!err && (!rx.sip->sip_request || rx.sip->sip_request->rq_method != sip_method_invite))
		err = -EINVAL;
	if (!err) {
		rx.back = hop; /* behind NAT it is another than the request says */
		received_keep(out, &rx);
		err = hop_state_is_moved(&hop, &at) ? -EADDRNOTAVAIL : 0;
	}
	if (rx.msg)
		msg_destroy(rx.msg);
	hop_clear(&hop);
	return err;
}

static int read_attempt(struct call *call, struct call_saved_setup *saved, const struct field_bytes *bytes)
{
	int err;

	if (!field_find(&saved->attempt, ATTEMPT, bytes))
		return -EINVAL;
	err = attempt_read_invite(&saved->invite, call_stack(call), call, &saved->attempt);
	return err == -ENOENT ? 0 : err;
}

static int read_leg_b(struct call *call, const struct field_bytes *bytes)
{
	int err = invite_resume(&call->b, call_stack(call));

	return err ? err : read_leg(call, call_leg_b(call), GATEWAY, bytes);
}

static int read_answer(struct call *call, const struct field_bytes *answer, const struct field_bytes *bytes)
{
	struct received rx = {0};
	char phrase[INTAKE_PHRASE_MAX];
	int err = read_leg_b(call, bytes);

	if (err)
		return err;
	rx.source = &call_leg_b(call)->hop.to.any;
	rx.back.listener = call_leg_b(call)->hop.listener;
	err = intake_message(&rx, answer->data, answer->size, phrase) || !rx.sip->sip_status ? -EINVAL : 0;
	if (!err)
		call->answer = rx.msg;
	else if (rx.msg)
		msg_destroy(rx.msg);
	return err;
}

int call_saved_read_setup(struct call *call, const struct cdr *record, const struct field_bytes *bytes,
	struct call_saved_setup *saved)
{
	int err = read_call(call, record, bytes), b_err;
	struct field_bytes answer, leg;

	if (!err && (!call->attempt_ms || !call->tried || !call->a.local_tag[0]))
		err = -EINVAL;
	if (err)
		return err;
	if (record->attempts[0] == '[')
		call->attempts_before = strdup(record->attempts);
	text_fit(call->destination, sizeof(call->destination), record->destination_addr);
	text_fit(call->b_call_id, sizeof(call->b_call_id), record->b_call_id);
	field_find(&saved->plan, PLAN, bytes);
	field_find(&saved->caller, CALLER, bytes);
	field_find(&saved->provisional, PROVISIONAL, bytes);
	err = read_request(call, bytes, &saved->request);
	b_err = field_find(&answer, ANSWER, bytes) ? read_answer(call, &answer, bytes)
		: field_find(&leg, GATEWAY, bytes) ? read_leg_b(call, bytes)
						   : read_attempt(call, saved, bytes);
	return err ? err : b_err;
}

int call_saved_read_caller(struct call *call, const struct call_saved_setup *saved)
{
	bool moved;

	if (!saved->caller.size)
		return 0;
	dialog_clear(&call->a);
	return dialog_state_read(&call->a, call_stack(call), call, &saved->caller, &moved);
}

void call_saved_clear(struct call_saved_setup *saved)
{
	invite_destroy(saved->invite);
	if (saved->request.rx.msg)
		received_drop(&saved->request);
}

int64_t call_saved_candidate(const struct call_saved_setup *saved, unsigned i)
{
	int64_t id;

	if (i >= saved->plan.size / sizeof(id))
		return 0;
	memcpy(&id, saved->plan.data + i * sizeof(id), sizeof(id));
	return id;
}
