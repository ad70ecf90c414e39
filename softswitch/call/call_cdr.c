#include "call_cdr.h"

#include "call_parting.h"
#include "call_saved.h"
#include "cdr_log.h"
#include "clock.h"
#include "gateway.h"
#include "json_text.h"

#include <jansson.h>
#include <sofia-sip/sip_status.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** One gateway tried, or passed over. */
struct call_cdr_attempt {
	STAILQ_ENTRY(call_cdr_attempt) link;
	char *gateway;
	char address[ADDRESS_NAME_MAX];
	char *servers;     /* those tried before that one, a JSON array; NULL = none */
	const char *stage; /* "skipped", "answered", or the stage in which it failed */
	int code;
	char reason[80];
	int64_t begin_ms; /* epoch */
	int64_t duration_ms;
};

int64_t call_cdr_epoch_ms(const struct call *call, uint64_t monotonic_ms)
{
	return monotonic_ms ? call->begin_epoch_ms + (int64_t)(monotonic_ms - call->begin_ms) : 0;
}

/* Attempts ---------------------------------------------------------------------------------- */

static struct call_cdr_attempt *add_attempt(struct call *call, const char *gateway, const char *stage)
{
	struct call_cdr_attempt *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->stage = stage;
	a->gateway = strdup(gateway);
	if (!a->gateway) {
		free(a);
		return NULL;
	}
	STAILQ_INSERT_TAIL(&call->attempts, a, link);
	return a;
}

/** The servers that were given up for another one. @return NULL when there are none, or memory is short */
static char *servers_json(const struct attempt *attempt)
{
	json_t *array = NULL;
	char *text;

	for (unsigned i = 0; i < RESOLVER_ADDRESSES_MAX; i++) {
		char address[ADDRESS_NAME_MAX];
		int result = attempt_server(attempt, i, address);

		if (result && !array)
			array = json_array();
		if (result && array)
			json_array_append_new(array,
				json_pack("{s:s, s:i, s:s}", "address", address, "code",
					result > 0 ? result : 0, "reason",
					result > 0 ? sip_status_phrase(result) : cause_error_words(result)));
	}
	text = array ? json_dumps(array, JSON_COMPACT) : NULL;
	json_decref(array);
	return text;
}

void call_cdr_attempt(struct call *call, const char *stage, int code, const char *reason)
{
	struct call_cdr_attempt *a = add_attempt(call, gateway_name(call->gateway), stage);

	if (!a)
		return;
	a->code = code;
	a->begin_ms = call_cdr_epoch_ms(call, call->attempt_ms);
	a->duration_ms = (int64_t)(clock_now_ms() - call->attempt_ms);
	text_fit(a->address, sizeof(a->address), attempt_address(call->attempt));
	a->servers = servers_json(call->attempt);
	text_fit(a->reason, sizeof(a->reason), reason);
}

void call_cdr_skip(struct call *call, struct gateway *gw, enum gateway_verdict verdict)
{
	struct call_cdr_attempt *a = add_attempt(call, gateway_name(gw), "skipped");
	uint64_t now = clock_now_ms();

	if (!a)
		return;
	a->begin_ms = call_cdr_epoch_ms(call, now);
	gateway_explain(gw, verdict, now, a->reason, sizeof(a->reason));
}

static void add_member(struct text *t, const char *name, const char *value)
{
	text_add_all(t, "\"", name, "\":", NULL);
	json_text_add(t, value);
	text_add(t, ",");
}

static void add_number(struct text *t, const char *name, int64_t value)
{
	text_add_all(t, "\"", name, "\":", NULL);
	text_add_number(t, (unsigned long)value);
	text_add(t, ",");
}

static void add_attempt_json(struct text *t, const struct call_cdr_attempt *a)
{
	text_add(t, t->len > 1 ? ",{" : "{");
	add_member(t, "gateway", a->gateway);
	add_member(t, "address", a->address);
	add_member(t, "stage", a->stage);
	add_number(t, "code", a->code);
	add_member(t, "reason", a->reason);
	add_number(t, "begin_ms", a->begin_ms);
	text_add(t, "\"duration_ms\":");
	text_add_number(t, (unsigned long)a->duration_ms);
	if (a->servers)
		text_add_all(t, ",\"servers\":", a->servers, NULL);
	text_add(t, "}");
}

/** Enough for what add_attempt_json() writes. */
static size_t room_for(const struct call_cdr_attempt *a)
{
	enum { NAMES = 128, NUMBERS = 3 * 20, LONGEST = sizeof("\\u0000") - 1 };

	return NAMES + NUMBERS + (a->servers ? strlen(a->servers) : 0) +
		LONGEST * (strlen(a->gateway) + strlen(a->address) + strlen(a->stage) + strlen(a->reason));
}

/** The column `attempts`: a JSON array. @return NULL when memory is short */
static char *attempts_json(const struct call *call)
{
	const char *before = call->attempts_before ? call->attempts_before : "[]";
	const struct call_cdr_attempt *a;
	struct text t = {.size = strlen(before) + 1};

	STAILQ_FOREACH (a, &call->attempts, link)
		t.size += room_for(a);
	t.data = malloc(t.size);
	if (!t.data)
		return NULL;
	text_add_bytes(&t, before, strlen(before) - 1); /* its ] comes last */
	STAILQ_FOREACH (a, &call->attempts, link)
		add_attempt_json(&t, a);
	text_add(&t, "]");
	text_end(&t);
	return t.data;
}

static void clear_attempts(struct call *call)
{
	struct call_cdr_attempt *a;

	while ((a = STAILQ_FIRST(&call->attempts))) {
		STAILQ_REMOVE_HEAD(&call->attempts, link);
		free(a->servers);
		free(a->gateway);
		free(a);
	}
}

/* The row ----------------------------------------------------------------------------------- */

void call_cdr_leg(struct call *call)
{
	if (!attempt_call_id(call->attempt)[0])
		return;
	text_fit(call->b_call_id, sizeof(call->b_call_id), attempt_call_id(call->attempt));
	text_fit(call->destination, sizeof(call->destination), attempt_address(call->attempt));
	gateway_unref(call->called);
	call->called = gateway_ref(call->gateway);
}

/** No attempt can come any more: they are kept as the text of their column. */
static void close_attempts(struct call *call)
{
	if (!call->attempts_json)
		call->attempts_json = attempts_json(call);
	clear_attempts(call);
}

/** One that was sent an INVITE. */
static void name_gateway(const struct call *call, const struct gateway *gw, struct cdr *row)
{
	row->gateway = gateway_name(gw);
	row->to_endpoint = gateway_row(gw)->is_endpoint;
	row->caller_out = call->caller;
	row->callee_out = call->callee;
}

static void fill_row(const struct call *call, struct cdr *row)
{
	*row = (struct cdr){
		.a_call_id = call->a.call_id,
		.b_call_id = call->b_call_id,
		.ingress = ingress_name(call->ingress),
		.from_endpoint = ingress_kind(call->ingress) == INGRESS_ENDPOINT,
		.caller_in = call->caller,
		.callee_in = call->callee,
		.source_addr = call->source,
		.destination_addr = call->destination,
		.begin_ms = call->begin_epoch_ms,
		.ring_ms = call_cdr_epoch_ms(call, call->first_ring_ms),
		.answer_ms = call_cdr_epoch_ms(call, call->answer_ms),
		.pdd_ms = call->first_answer_ms ? (int64_t)(call->first_answer_ms - call->begin_ms) : -1,
		.hold_ms = -1,
		.attempts = call->attempts_json,
		.offset_ms = call->begin_epoch_ms - (int64_t)call->begin_ms,
		.number = call->number_before,
	};
	if (call->called)
		name_gateway(call, call->called, row);
}

static void forget_change(struct call *call)
{
	if (call->is_changed)
		LIST_REMOVE(call, changed);
	call->is_changed = false;
}

static struct text state_buffer(void)
{
	static char buffer[CDR_LOG_STATE_MAX];

	return (struct text){.data = buffer, .size = sizeof(buffer)};
}

struct call_parting *call_cdr_part(struct call *call)
{
	if (!call->parting)
		call->parting = call_parting_begin(call->context, call->slot);
	return call->parting;
}

/** The entry is not waited for: it is the call's alone, to be replaced or freed. */
static void part_no_more(struct call *call)
{
	call_parting_lose(call->parting);
	call_parting_end(call->parting);
	call->parting = NULL;
}

/** Leave the entry to what waits for it. */
static void keep_beside(struct call *call, const struct cdr *row, const char *state, size_t size)
{
	const cdr_slot slot = cdr_log_keep_beside(call->context->cdr_log, call->slot, row, state, size);

	if (!slot)
		return;
	call->slot = slot;
	call_parting_end(call->parting);
	call->parting = NULL;
}

/** What is too large for the journal leaves its record alone. */
static void put(struct call *call, const struct cdr *row, const struct text *t)
{
	const size_t size = t->full ? 0 : t->len;

	if (call->parting && call_parting_is_waiting(call->parting)) {
		keep_beside(call, row, t->data, size);
		return;
	}
	part_no_more(call);
	call->slot = cdr_log_keep(call->context->cdr_log, call->slot, row, t->data, size);
}

/** Without room it is tried again once there is some. */
static void keep(struct call *call, const struct cdr *row, const struct text *t)
{
	const cdr_slot before = call->slot;

	put(call, row, t);
	if (call->slot != before)
		return;
	LIST_INSERT_HEAD(&call->context->unkept, call, changed);
	call->is_changed = true;
}

static void keep_answered(struct call *call, const struct text *answer)
{
	struct text t = state_buffer();
	struct cdr row;

	close_attempts(call);
	fill_row(call, &row);
	row.sip_code = 200;
	call_saved_write(call, answer, &t);
	keep(call, &row, &t);
}

/** Bits of the word beside the state: the stage, and above it when it began, in ms since the attempt. */
enum { STAGE_BITS = 3, STAGE_MASK = (1 << STAGE_BITS) - 1, STAGE_MS_MAX = (1 << (32 - STAGE_BITS)) - 1 };
/** A stage of the word alone: ringing, after or with a description. */
enum { STAGE_RINGING_SDP = STAGE_MASK };

static void note_stage(const struct call *call)
{
	uint64_t ms = call->stage_ms - call->attempt_ms;
	uint32_t stage = attempt_stage(call->attempt);

	if (stage == FAILOVER_STAGE_RINGING && call->sdp_seen)
		stage = STAGE_RINGING_SDP;
	cdr_log_note(call->context->cdr_log, call->slot,
		(uint32_t)(ms < STAGE_MS_MAX ? ms : STAGE_MS_MAX) << STAGE_BITS | stage);
}

void call_cdr_sdp(struct call *call)
{
	call->sdp_seen = true;
	note_stage(call);
}

/** A call that is being set up, as a record that a crash cuts off: with the gateway it was at. */
static void keep_setup(struct call *call)
{
	struct text t = state_buffer();
	struct cdr row;
	char *attempts = STAILQ_EMPTY(&call->attempts) ? NULL : attempts_json(call);

	fill_row(call, &row);
	row.sip_code = cause_sip_code(CAUSE_RESTART);
	row.attempts = attempts ? attempts : call->attempts_before;
	if (call->attempt && attempt_call_id(call->attempt)[0]) {
		name_gateway(call, call->gateway, &row);
		row.b_call_id = attempt_call_id(call->attempt);
		row.destination_addr = attempt_address(call->attempt);
	}
	call_saved_write_setup(call, &t);
	if (t.full) {
		t = state_buffer();
		call_saved_write_refusal(call, &t);
	}
	keep(call, &row, &t);
	free(attempts);
	if (call->attempt && attempt_stage(call->attempt) != FAILOVER_STAGE_CALLING)
		note_stage(call);
}

void call_cdr_keep(struct call *call, const struct text *answer)
{
	forget_change(call);
	if (call_state_is_answered(call))
		keep_answered(call, answer);
	else
		keep_setup(call);
}

void call_cdr_stage(struct call *call)
{
	bool again = call->attempt_pdd_ms >= 0;

	call->stage_ms = clock_now_ms();
	note_stage(call);
	if (again)
		call_cdr_changed(call); /* the time of the first 18x is not in the word any more */
}

uint64_t call_cdr_read_stage(struct call *call, uint32_t note, enum failover_stage *stage)
{
	uint32_t read = note & STAGE_MASK;

	if (read == STAGE_RINGING_SDP) {
		call->sdp_seen = true;
		read = FAILOVER_STAGE_RINGING;
	}
	*stage = read <= FAILOVER_STAGE_RINGING ? (enum failover_stage)read : FAILOVER_STAGE_CALLING;
	return call->attempt_ms + (note >> STAGE_BITS);
}

/** Bits of the word beside an answered call, for each side: the low ones of the number, remote_acked, and above them remote_end. */
enum { SEQ_BITS = 5, SEQ_MASK = (1 << SEQ_BITS) - 1, ACKED = 1 << SEQ_BITS, END_SHIFT = SEQ_BITS + 1 };
enum { SIDE_BITS = 16, SIDE_MASK = (1 << SIDE_BITS) - 1 };

static uint32_t requests_of(const struct dialog *d)
{
	return (uint32_t)d->remote_end << END_SHIFT | (d->remote_acked ? ACKED : 0) |
		(d->remote_seq & SEQ_MASK);
}

void call_cdr_requests(struct call *call)
{
	if (!call_state_is_answered(call))
		return;
	cdr_log_mark(call->context->cdr_log, call->slot,
		requests_of(&call->a) | requests_of(call_leg_b(call)) << SIDE_BITS);
}

static void read_requests(struct dialog *d, uint32_t side)
{
	if (!side)
		return;
	d->remote_seq = (d->remote_seq & ~(uint32_t)SEQ_MASK) | (side & SEQ_MASK);
	d->remote_acked = side & ACKED;
	d->remote_end = (uint16_t)(side >> END_SHIFT);
}

void call_cdr_read_requests(struct call *call, uint32_t note)
{
	read_requests(&call->a, note & SIDE_MASK);
	read_requests(call_leg_b(call), note >> SIDE_BITS);
}

void call_cdr_received(struct call *call, uint32_t before, uint32_t seq)
{
	if (call_state_is_answered(call) && before >> SEQ_BITS == seq >> SEQ_BITS)
		call_cdr_requests(call);
	else if (call_state_is_answered(call))
		call_cdr_changed(call); /* the rest of the number stands in the entry */
}

void call_cdr_changed(struct call *call)
{
	if (call->is_changed || call->state == CALL_NEW || call->state == CALL_ENDED)
		return;
	LIST_INSERT_HEAD(&call->context->changed, call, changed);
	call->is_changed = true;
}

void call_cdr_end(struct call *call, int code, const char *words, enum cdr_direction direction)
{
	uint64_t now = clock_now_ms();
	struct cdr row;

	if (call->is_changed && call->answer_ms)
		call_cdr_keep(call, NULL); /* a re-INVITE that is still to be acknowledged */
	forget_change(call);
	close_attempts(call);
	fill_row(call, &row);
	row.end_ms = call_cdr_epoch_ms(call, now);
	if (call->answer_ms)
		row.hold_ms = (int64_t)(now - call->answer_ms);
	row.sip_code = call->answer_ms ? 200 : code;
	row.end_reason = words;
	row.end_direction = direction;
	if (call->answer_ms && call_cdr_part(call)) /* from here on the word says who is waited for */
		cdr_log_mark(call->context->cdr_log, call->slot, 0);
	if (!call->parting)
		cdr_log_end(call->context->cdr_log, call->slot, &row);
	else if (!cdr_log_end_parting(call->context->cdr_log, call->slot, &row))
		call_parting_lose(call->parting);
	call->slot = 0;
}

void call_cdr_clear(struct call *call)
{
	clear_attempts(call);
	free(call->attempts_before);
	free(call->attempts_json);
}
