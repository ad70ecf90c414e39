#include "cdr_log_internal.h"

#include "cdr_live.h"
#include "cdr_record.h"
#include "cdr_thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLOSE_DISK_MS = 2000,
	LOOK_MS = 1000,
	UNASKED_MAX = 2, /* looks without cdr_log_has_lost(): there are no calls */
};

static const char *const no_answer = "the disk does not answer",
			 *const no_room = "there is no room in memory";

/* Slots and memory are freed by the thread that took them. */
void cdr_log_reclaim(struct cdr_log *log)
{
	struct cdr_entry *next, *e = cdr_writer_take_committed(log->writer);
	for (; e; e = next) {
		next = e->next;
		if (e->answered)
			cdr_journal_free(log->journal, e->answered);
		if (e->record)
			cdr_journal_free(log->journal, e->record);
		cdr_disk_note_done(log->disk, e->number);
		if (e->alone)
			log->alone -= e->size;
		free(e);
	}
}

static void count_failure(struct cdr_log *log)
{
	atomic_fetch_add_explicit(&log->journal_failures, 1, memory_order_relaxed);
}

/* The writer has not in time, perhaps because a disk does not answer. Where there is no memory it is not tried each time. */
static bool has_made_room(struct cdr_log *log)
{
	log->no_room = !log->journal || log->no_room || cdr_journal_grow_in_memory(log->journal);
	return !log->no_room;
}

static cdr_slot put(struct cdr_log *log, enum cdr_journal_state state, uint64_t number,
	const struct iovec *parts, size_t n)
{
	cdr_slot slot = log->journal ? cdr_journal_put(log->journal, state, number, parts, n) : 0;
	if (!slot && has_made_room(log))
		slot = cdr_journal_put(log->journal, state, number, parts, n);
	if (slot)
		cdr_disk_note(log->disk, slot, cdr_journal_sequence(log->journal));
	else
		count_failure(log);
	return slot;
}

/* A call keeps its number, also when it has no slot because the journal could not be opened. */
static uint64_t number_of(struct cdr_log *log, cdr_slot slot, const struct cdr *record)
{
	if (slot)
		return cdr_journal_number(log->journal, slot);
	return record->number ? record->number : ++log->number;
}

void cdr_log_sign(struct cdr_log *log, const struct cdr_sign *now)
{
	if (log->journal)
		cdr_journal_sign(log->journal, now);
}

const struct cdr_sign *cdr_log_last_sign(const struct cdr_log *log)
{
	return &log->last_sign;
}

static int fit_scratch(struct cdr_log *log, size_t size)
{
	if (size <= log->scratch_size)
		return 0;
	char *scratch = realloc(log->scratch, 2 * size);
	if (!scratch)
		return -ENOMEM;
	log->scratch = scratch;
	log->scratch_size = 2 * size;
	return 0;
}

/* The call is valid in the old slot until the new one, which has the same number, is complete. */
cdr_slot cdr_log_keep(
	struct cdr_log *log, cdr_slot slot, const struct cdr *record, const char *state, size_t state_size)
{
	char head[CDR_LIVE_HEAD];
	struct cdr_record_lengths measure;
	cdr_log_reclaim(log);
	cdr_record_measure(record, &measure);
	if (fit_scratch(log, measure.size)) {
		count_failure(log);
		return slot;
	}
	cdr_live_write_head(head, record->offset_ms, measure.size);
	cdr_record_write(record, &measure, log->scratch);
	const struct iovec parts[] = {
		{head, sizeof(head)}, {log->scratch, measure.size}, {(void *)state, state_size}};
	cdr_slot kept = put(log, CDR_JOURNAL_LIVE, number_of(log, slot, record), parts, 3);
	if (kept && slot)
		cdr_journal_free(log->journal, slot);
	if (log->journal && cdr_journal_is_low(log->journal))
		cdr_writer_wake(log->writer); /* it enlarges the journal */
	return kept ? kept : slot;
}

cdr_slot cdr_log_keep_beside(
	struct cdr_log *log, cdr_slot slot, const struct cdr *record, const char *state, size_t state_size)
{
	struct cdr numbered = *record;
	numbered.number = number_of(log, slot, record);
	cdr_slot kept = cdr_log_keep(log, 0, &numbered, state, state_size);
	if (kept)
		cdr_journal_set(log->journal, slot, CDR_JOURNAL_PARTING);
	return kept;
}

bool cdr_log_has_room(struct cdr_log *log)
{
	const bool room = log->journal && cdr_journal_has_room(log->journal, (size_t)2 * CDR_LOG_STATE_MAX);
	log->is_wanting |= log->journal && !room;
	return room;
}

void cdr_log_mark(struct cdr_log *log, cdr_slot slot, uint32_t note)
{
	if (slot)
		cdr_journal_note(log->journal, slot, note);
}

void cdr_log_note(struct cdr_log *log, cdr_slot slot, uint32_t note)
{
	if (!slot)
		return;
	cdr_log_mark(log, slot, note);
	cdr_disk_note_note(log->disk, slot);
}

static struct cdr_entry *make_entry(struct cdr_log *log, const struct cdr *record)
{
	struct cdr_record_lengths measure;
	cdr_record_measure(record, &measure);
	struct cdr_entry *e = malloc(sizeof(*e) + measure.size);
	if (!e) {
		count_failure(log);
		atomic_fetch_add_explicit(&log->lost, 1, memory_order_relaxed);
		return NULL;
	}
	*e = (struct cdr_entry){.size = measure.size};
	cdr_record_write(record, &measure, e->bytes);
	return e;
}

/* Neither the journal has it nor a row. @return false when too many of these wait: it is freed */
static bool wait_alone(struct cdr_log *log, struct cdr_entry *e)
{
	if (log->alone + e->size > CDR_LOG_ALONE_MAX) {
		atomic_fetch_add_explicit(&log->lost, 1, memory_order_relaxed);
		free(e);
		return false;
	}
	e->alone = true;
	log->alone += e->size;
	return true;
}

/*
 * The journal counts the call exactly once at any moment: the live entry counts until the record, which has the same
 * number, is complete. If there is no room for that one, the live one stays until the row is committed.
 */
bool cdr_log_end_call(
	struct cdr_log *log, cdr_slot slot, const struct cdr *record, bool parting, bool may_be_row)
{
	struct cdr_entry *e = make_entry(log, record);
	if (!e)
		return false; /* a live call is still in the journal, for the next start */
	const struct iovec part = {e->bytes, e->size};
	e->number = number_of(log, slot, record);
	e->may_be_row = may_be_row;
	e->record = put(log, CDR_JOURNAL_ENDED, e->number, &part, 1);
	if (e->record)
		e->sequence = cdr_journal_sequence(log->journal);
	parting = parting && slot && e->record;
	if (!slot && !e->record && !wait_alone(log, e))
		return false;
	if (parting) {
		cdr_journal_set(log->journal, slot, CDR_JOURNAL_PARTING);
	} else if (slot && e->record) {
		cdr_journal_free(log->journal, slot);
	} else if (slot) {
		cdr_journal_set(log->journal, slot, CDR_JOURNAL_OVER);
		e->answered = slot;
	}
	cdr_writer_add(log->writer, e);
	return parting;
}

void cdr_log_end(struct cdr_log *log, cdr_slot slot, const struct cdr *record)
{
	cdr_log_reclaim(log);
	cdr_log_end_call(log, slot, record, false, false);
	cdr_writer_wake(log->writer);
}

bool cdr_log_end_parting(struct cdr_log *log, cdr_slot slot, const struct cdr *record)
{
	cdr_log_reclaim(log);
	const bool parting = cdr_log_end_call(log, slot, record, true, false);
	cdr_writer_wake(log->writer);
	return parting;
}

cdr_slot cdr_log_add(struct cdr_log *log, cdr_slot slot, const char *bytes, size_t size)
{
	struct cdr_journal_entry entry;
	uint64_t sum;
	int err = cdr_journal_copy(log->journal, slot, &entry, &sum, log->scratch, log->scratch_size);
	if (err == -ENOSPC && !fit_scratch(log, entry.size))
		err = cdr_journal_copy(log->journal, slot, &entry, &sum, log->scratch, log->scratch_size);
	const struct iovec parts[] = {{log->scratch, entry.size}, {(void *)bytes, size}};
	cdr_slot longer = err ? 0 : put(log, CDR_JOURNAL_PARTING, entry.number, parts, 2);
	if (!longer)
		return slot;
	cdr_journal_free(log->journal, slot);
	return longer;
}

void cdr_log_parted(struct cdr_log *log, cdr_slot slot)
{
	cdr_journal_free(log->journal, slot);
}

void cdr_log_also(struct cdr_log *log, bool (*write)(void *arg), void *arg)
{
	cdr_writer_also(log->writer, write, arg);
}

void cdr_log_wake(struct cdr_log *log)
{
	cdr_writer_wake(log->writer);
}

void cdr_log_stats(struct cdr_log *log, struct cdr_stats *out)
{
	cdr_writer_stats(log->writer, out);
	out->journal_failures = atomic_load(&log->journal_failures);
	out->lost = atomic_load(&log->lost);
	if (!out->error[0] && cdr_writer_stuck_ms(log->writer)) {
		snprintf(out->error, sizeof(out->error), "%s", no_answer);
		out->error_ms = cdr_writer_stuck_ms(log->writer);
	}
	if (!out->error[0])
		out->error_ms = cdr_disk_error(log->disk, out->error, sizeof(out->error));
	if (!out->error[0] && log->room_trouble.since_ms) {
		snprintf(out->error, sizeof(out->error), "the journal: %s", no_room);
		out->error_ms = cdr_thread_now_ms() - log->room_trouble.since_ms;
	}
}

static void tell(struct cdr_log *log, struct cdr_trouble *t, const struct cdr_report *report)
{
	const uint64_t now = cdr_thread_now_ms();
	struct cdr_report told = *report;
	if (report->lasted_ms && !t->since_ms)
		t->since_ms = now - report->lasted_ms;
	if (t->since_ms)
		told.lasted_ms = now - t->since_ms;
	const enum cdr_trouble_news news = cdr_trouble_look(t, report->lasted_ms, now);
	told.news = news == CDR_TROUBLE_OVER ? CDR_RECOVERED : CDR_FAILING;
	if (news != CDR_TROUBLE_SILENT && log->on_news)
		log->on_news(&told, log->news_arg);
}

/* Each call is to be kept again. Until then, and until what has ended so far are rows, only the disk has all of them. */
static void lose(struct cdr_log *log, const struct cdr_stats *stats)
{
	log->has_lost = true;
	log->unasked = 0;
	log->lost_until = stats->written + stats->pending;
}

/* It could not be opened at the start. */
static void take_journal(struct cdr_log *log, const struct cdr_stats *stats)
{
	log->journal = cdr_disk_take_journal(log->disk);
	if (!log->journal)
		return;
	log->failures_before = atomic_load(&log->journal_failures);
	cdr_journal_continue(log->journal, log->number);
	cdr_writer_use(log->writer, log->journal, log->disk);
	lose(log, stats);
}

static void look_at_journal(struct cdr_log *log, const struct cdr_stats *stats)
{
	const struct cdr_report report = {.news = CDR_RENEWED, .journal = true};
	if (log->has_lost && ++log->unasked > UNASKED_MAX)
		log->has_lost = false;
	if (cdr_journal_is_incomplete(log->journal) && !log->has_lost &&
		(!stats->pending || stats->written >= log->lost_until))
		cdr_journal_complete(log->journal);
	if (!cdr_journal_renew(log->journal))
		return;
	if (cdr_journal_is_incomplete(log->journal))
		lose(log, stats);
	if (log->on_news)
		log->on_news(&report, log->news_arg);
}

bool cdr_log_has_lost(struct cdr_log *log)
{
	bool lost = log->has_lost;
	log->has_lost = false;
	return lost;
}

void cdr_log_look(struct cdr_log *log)
{
	char error[CDR_ERROR_SIZE];
	struct cdr_stats stats;
	cdr_log_reclaim(log);
	log->no_room = false;
	cdr_writer_stats(log->writer, &stats);
	if (log->journal)
		look_at_journal(log, &stats);
	else
		take_journal(log, &stats);
	tell(log, &log->rows_trouble,
		&(struct cdr_report){.words = no_answer,
			.lasted_ms = cdr_writer_stuck_ms(log->writer),
			.pending = stats.pending});
	const uint64_t failures = atomic_load(&log->journal_failures);
	tell(log, &log->room_trouble,
		&(struct cdr_report){.journal = true,
			.words = no_room,
			.lasted_ms = log->journal && (failures > log->failures_before || log->is_wanting)
				? LOOK_MS
				: 0});
	log->failures_before = failures;
	log->is_wanting = false;
	const uint64_t lost = atomic_load(&log->lost);
	tell(log, &log->loss_trouble,
		&(struct cdr_report){.words = "neither cdr.db nor the journal takes them",
			.lasted_ms = lost > log->lost_before ? LOOK_MS : 0,
			.lost = lost});
	log->lost_before = lost;
	const uint64_t failing_ms = cdr_disk_error(log->disk, error, sizeof(error));
	tell(log, &log->disk_trouble,
		&(struct cdr_report){.journal = true, .words = error, .lasted_ms = failing_ms});
}

/* From open to close ------------------------------------------------------------------------ */

static int start(struct cdr_log *log, const char *memory)
{
	int err = cdr_disk_start(log->disk, log->journal, memory);
	return err ? err : cdr_writer_start(log->writer, log->journal, log->journal ? log->disk : NULL);
}

int cdr_log_open(struct cdr_log **out, const struct cdr_log_parts *parts, char *error, size_t error_size)
{
	struct cdr_log *log = calloc(1, sizeof(*log));
	snprintf(error, error_size, "no memory to open %s", parts->path);
	if (!log)
		return -ENOMEM;
	log->on_news = parts->on_news;
	log->news_arg = parts->arg;
	int err = cdr_writer_create(&log->writer, parts->path, parts->on_news, parts->arg);
	if (!err) {
		error[0] = '\0';
		err = cdr_log_take_over(log, parts, error, error_size);
	}
	if (!err) {
		err = start(log, parts->journal);
		if (err)
			snprintf(error, error_size, "cannot start the threads that write %s: %s", parts->path,
				strerror(-err));
	}
	if (err) {
		cdr_log_close(log, 0);
		return err;
	}
	*out = log;
	return 0;
}

int cdr_log_version(void)
{
	return cdr_journal_version();
}

uint64_t cdr_log_close(struct cdr_log *log, unsigned wait_ms)
{
	struct cdr_stats stats = {0};
	if (!log)
		return 0;
	if (log->writer) {
		cdr_writer_stop(log->writer, wait_ms);
		cdr_log_reclaim(log);
		cdr_writer_stats(log->writer, &stats);
	}
	const bool done = log->journal && cdr_journal_is_empty(log->journal) &&
		!cdr_journal_is_incomplete(log->journal) && !stats.pending;
	if (cdr_disk_close(log->disk, CLOSE_DISK_MS, done))
		cdr_journal_close(log->journal);
	cdr_writer_destroy(log->writer);
	cdr_leftovers_clear(&log->live);
	free(log->scratch);
	free(log);
	return stats.pending;
}
