#include "call_saved.h"

#include "clock.h"
#include "dialog_state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/** Raised when what is written now must not be read as before; fields that are only added do not need it. */
enum { VERSION = 1 };
/** Fields that stand in no table. */
enum { CALLER = 40, GATEWAY, INVITE };

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

static void write_invite(struct text *t, const struct server_transaction *invite, const struct text *answer)
{
	size_t begun = field_begin(t, INVITE);

	server_transaction_save(invite, t, answer);
	field_end(t, begun);
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
	if (answer)
		write_invite(t, call->invite, answer);
}

void call_saved_write_setup(const struct call *call, struct text *t)
{
	write_head(t);
	write_invite(t, call->invite, NULL);
}

/* Reading ----------------------------------------------------------------------------------- */

bool call_saved_invite(struct field_bytes *out, const struct field_bytes *bytes)
{
	struct head head = {0};

	return !field_read(&head, FIELD_TABLE(head_fields), bytes) && head.version <= VERSION &&
		field_find(out, INVITE, bytes);
}

/** Its times were of the clock of the process before. */
static void shift_times(struct call *call, const struct clock_moment *written)
{
	uint64_t *times[] = {&call->begin_ms, &call->first_answer_ms, &call->first_ring_ms, &call->answer_ms,
		&call->timers.leg[BRIDGE_CALLER].begun_ms, &call->timers.leg[BRIDGE_GATEWAY].begun_ms};
	uint64_t shift = clock_shift(written);

	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (*times[i])
			*times[i] += shift;
}

/** Its version comes first: what another one means by its fields is not known. */
static int read_call(struct call *call, const struct field_bytes *bytes)
{
	struct head head = {0};
	int err = field_read(&head, FIELD_TABLE(head_fields), bytes);

	if (!err && head.version > VERSION)
		return -ENOTSUP;
	if (!err)
		err = field_read(call, FIELD_TABLE(fields), bytes);
	if (!err && (!head.version || !call->begin_ms || !call->answer_ms))
		err = -EINVAL;
	shift_times(call, &head.written);
	return err;
}

static int read_record(struct call *call, const struct cdr *record)
{
	call->begin_epoch_ms = record->begin_ms;
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
	int err = read_call(call, bytes), a_err, b_err;

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
