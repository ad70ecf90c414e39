#include "call_cdr.h"

#include "call_saved.h"
#include "cdr_log.h"
#include "clock.h"
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
	json_t *servers;   /* those tried before that one; NULL = none */
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
static json_t *servers_json(const struct attempt *attempt)
{
	json_t *array = NULL;

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
	return array;
}

void call_cdr_attempt(struct call *call, const char *stage, int code, const char *reason)
{
	struct call_cdr_attempt *a = add_attempt(call, gateway_name(call->gateway), stage);

	if (!a)
		return;
	a->code = code;
	a->begin_ms = call_cdr_epoch_ms(call, call->attempt_ms);
	a->duration_ms = (int64_t)(clock_now_ms() - call->attempt_ms);
	snprintf(a->address, sizeof(a->address), "%s", attempt_address(call->attempt));
	a->servers = servers_json(call->attempt);
	snprintf(a->reason, sizeof(a->reason), "%s", reason);
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

/** The column `attempts`: a JSON array. @return NULL when memory is short */
static char *attempts_json(const struct call *call)
{
	json_t *array = json_array();
	const struct call_cdr_attempt *a;
	char *text;

	STAILQ_FOREACH (a, &call->attempts, link)
		json_array_append_new(array,
			json_pack("{s:s, s:s, s:s, s:i, s:o, s:I, s:I, s:O*}", "gateway", a->gateway,
				"address", a->address, "stage", a->stage, "code", a->code, "reason",
				json_text(a->reason), "begin_ms", (json_int_t)a->begin_ms, "duration_ms",
				(json_int_t)a->duration_ms, "servers", a->servers));
	text = array ? json_dumps(array, JSON_COMPACT) : NULL;
	json_decref(array);
	return text;
}

static void clear_attempts(struct call *call)
{
	struct call_cdr_attempt *a;

	while ((a = STAILQ_FIRST(&call->attempts))) {
		STAILQ_REMOVE_HEAD(&call->attempts, link);
		json_decref(a->servers);
		free(a->gateway);
		free(a);
	}
}

/* The row ----------------------------------------------------------------------------------- */

void call_cdr_leg(struct call *call)
{
	if (!attempt_call_id(call->attempt)[0])
		return;
	snprintf(call->b_call_id, sizeof(call->b_call_id), "%s", attempt_call_id(call->attempt));
	snprintf(call->destination, sizeof(call->destination), "%s", attempt_address(call->attempt));
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

static void fill_row(const struct call *call, struct cdr *row)
{
	*row = (struct cdr){
		.a_call_id = call->a.call_id,
		.b_call_id = call->b_call_id,
		.ingress = mapping_gateway_name(call->ingress),
		.gateway = call->called ? gateway_name(call->called) : "",
		.caller_in = call->caller,
		.caller_out = call->called ? call->caller : "",
		.callee_in = call->callee,
		.callee_out = call->called ? call->callee : "",
		.source_addr = call->source,
		.destination_addr = call->destination,
		.begin_ms = call->begin_epoch_ms,
		.ring_ms = call_cdr_epoch_ms(call, call->first_ring_ms),
		.answer_ms = call_cdr_epoch_ms(call, call->answer_ms),
		.pdd_ms = call->first_answer_ms ? (int64_t)(call->first_answer_ms - call->begin_ms) : -1,
		.hold_ms = -1,
		.attempts = call->attempts_json,
	};
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

/** What is too large for the journal leaves its record alone. */
static void keep(struct call *call, int code, const struct text *t)
{
	struct cdr row;

	fill_row(call, &row);
	row.sip_code = code;
	call->slot = cdr_log_keep(call->context->cdr_log, call->slot, &row, t->data, t->full ? 0 : t->len);
}

void call_cdr_begin(struct call *call)
{
	struct text t = state_buffer();

	call_saved_write_setup(call, &t);
	keep(call, cause_sip_code(CAUSE_RESTART), &t);
}

void call_cdr_keep(struct call *call, const struct text *answer)
{
	struct text t = state_buffer();

	forget_change(call);
	close_attempts(call);
	call_saved_write(call, answer, &t);
	keep(call, 200, &t);
}

void call_cdr_changed(struct call *call)
{
	if (call->is_changed || !call_state_is_answered(call))
		return;
	LIST_INSERT_HEAD(&call->context->changed, call, changed);
	call->is_changed = true;
}

void call_cdr_end(struct call *call, int code, const char *words, enum cdr_direction direction)
{
	uint64_t now = clock_now_ms();
	struct cdr row;

	forget_change(call);
	close_attempts(call);
	fill_row(call, &row);
	row.end_ms = call_cdr_epoch_ms(call, now);
	if (call->answer_ms)
		row.hold_ms = (int64_t)(now - call->answer_ms);
	row.sip_code = call->answer_ms ? 200 : code;
	row.end_reason = words;
	row.end_direction = direction;
	cdr_log_end(call->context->cdr_log, call->slot, &row);
}

void call_cdr_clear(struct call *call)
{
	clear_attempts(call);
	free(call->attempts_json);
}
