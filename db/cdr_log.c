#include "cdr_log.h"
#include "cdr_journal.h"
#include "cdr_leftovers.h"
#include "cdr_record.h"
#include "cdr_writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct cdr_log {
	struct cdr_journal *journal;
	struct cdr_writer *writer;
	uint64_t number; /* of the last record put into the journal */
	char *scratch;   /* buffer for the bytes of an answered call */
	size_t scratch_size;
	_Atomic uint64_t journal_failures;
	struct cdr_leftovers live; /* answered calls of the process before, until cdr_log_recover() */
	int64_t last_sign_ms;
};

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
		free(e);
	}
}

static void count_failure(struct cdr_log *log)
{
	atomic_fetch_add_explicit(&log->journal_failures, 1, memory_order_relaxed);
}

static cdr_slot put(struct cdr_log *log, enum cdr_journal_state state, const char *bytes, size_t size)
{
	uint64_t number = ++log->number;
	cdr_slot slot = log->journal ? cdr_journal_put(log->journal, state, number, bytes, size) : 0;
	if (!slot)
		count_failure(log);
	return slot;
}

void cdr_log_sign(struct cdr_log *log, int64_t now_ms)
{
	if (log->journal)
		cdr_journal_sign(log->journal, now_ms);
}

int64_t cdr_log_last_sign_ms(const struct cdr_log *log)
{
	return log->last_sign_ms;
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

/* The call is valid in the old slot until the new one, which names it, is complete. */
cdr_slot cdr_log_keep(
	struct cdr_log *log, cdr_slot slot, const struct cdr *record, const char *state, size_t state_size)
{
	struct cdr_record_lengths measure;
	cdr_log_reclaim(log);
	cdr_record_measure(record, &measure);
	size_t size = CDR_LIVE_HEAD + measure.size + state_size;
	if (fit_scratch(log, size)) {
		count_failure(log);
		return slot;
	}
	cdr_live_write_head(log->scratch, slot ? cdr_journal_number(log->journal, slot) : 0, measure.size);
	cdr_record_write(record, &measure, log->scratch + CDR_LIVE_HEAD);
	if (state_size)
		memcpy(log->scratch + CDR_LIVE_HEAD + measure.size, state, state_size);
	cdr_slot kept = put(log, CDR_JOURNAL_LIVE, log->scratch, size);
	if (kept && slot)
		cdr_journal_free(log->journal, slot);
	if (!slot)
		cdr_log_sign(log, record->answer_ms ? record->answer_ms : record->begin_ms);
	if (log->journal && cdr_journal_is_low(log->journal))
		cdr_writer_wake(log->writer); /* it enlarges the journal */
	return kept ? kept : slot;
}

static struct cdr_entry *make_entry(struct cdr_log *log, const struct cdr *record)
{
	struct cdr_record_lengths measure;
	cdr_record_measure(record, &measure);
	struct cdr_entry *e = malloc(sizeof(*e) + measure.size);
	if (!e) {
		count_failure(log);
		return NULL;
	}
	*e = (struct cdr_entry){.size = measure.size};
	cdr_record_write(record, &measure, e->bytes);
	return e;
}

/*
 * The journal counts the call exactly once at any moment: the answered record is valid until the ended
 * one, whose number it names, is complete. If there is no room for that one, the answered one stays
 * until the row is committed.
 */
static void end_call(struct cdr_log *log, cdr_slot slot, const struct cdr *record)
{
	struct cdr_entry *e = make_entry(log, record);
	if (!e)
		return; /* an answered call is still in the journal, for the next start */
	if (slot)
		cdr_journal_set_ended(log->journal, slot, log->number + 1);
	e->record = put(log, CDR_JOURNAL_ENDED, e->bytes, e->size);
	e->number = log->number;
	e->answered = slot;
	if (slot && e->record) {
		cdr_journal_free(log->journal, slot);
		e->answered = 0;
	}
	cdr_writer_add(log->writer, e);
}

void cdr_log_end(struct cdr_log *log, cdr_slot slot, const struct cdr *record)
{
	cdr_log_reclaim(log);
	end_call(log, slot, record);
	cdr_log_sign(log, record->end_ms);
	cdr_writer_wake(log->writer);
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
}

/* After a crash ----------------------------------------------------------------------------- */

static void drop_leftover(struct cdr_log *log, struct cdr_leftover *item)
{
	cdr_journal_free(log->journal, item->entry->record);
	free(item->entry);
}

/*
 * A call cut off by the crash: it ended when the switch last gave a sign of life. If its end was noted, but found no room
 * in the journal, it may be a row; until the table tells, the journal has to stay as it is.
 */
static void restore_answered(struct cdr_log *log, struct cdr_leftover *item)
{
	const int64_t last_sign_ms = log->last_sign_ms;
	struct cdr_live live;
	struct cdr record;
	struct cdr_entry *e;
	if (cdr_leftovers_read(item, &live, &record)) {
		drop_leftover(log, item);
		return;
	}
	const int64_t begun_ms = record.answer_ms ? record.answer_ms : record.begin_ms;
	record.end_ms = last_sign_ms > begun_ms ? last_sign_ms : begun_ms;
	record.hold_ms = record.answer_ms ? record.end_ms - record.answer_ms : -1;
	record.end_direction = CDR_SERVER;
	record.end_reason = "switch restarted";
	if (!item->ended_by) {
		end_call(log, item->entry->record, &record);
	} else if ((e = make_entry(log, &record))) {
		e->number = ++log->number;
		e->written_as = item->ended_by;
		e->answered = item->entry->record;
		cdr_writer_add(log->writer, e);
	}
	free(item->entry);
}

/*
 * Numbers go on behind all that are known. While cdr.db cannot be read, the time stands in for what it knows: no switch
 * ends a thousand calls a second for long.
 */
static void continue_numbers(struct cdr_log *log, const struct cdr_leftovers *left)
{
	struct timespec now;
	uint64_t written;
	if (cdr_writer_last_number(log->writer, &written)) {
		log->number = written;
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		log->number = (uint64_t)now.tv_sec * 1000;
	}
	for (size_t i = 0; i < left->n; i++) {
		if (left->item[i].entry->number > log->number)
			log->number = left->item[i].entry->number;
		if (left->item[i].ended_by > log->number)
			log->number = left->item[i].ended_by;
	}
}

/* May it be adopted? */
static bool is_recoverable(const struct cdr_leftover *item)
{
	struct cdr_live live;
	struct cdr record;
	return !item->ended_by && cdr_leftovers_read(item, &live, &record) == 0 && live.state_size;
}

/*
 * What already is a row is sorted out by the writer, once it can read the table. Calls that may go on are left for
 * cdr_log_recover().
 */
static void restore(struct cdr_log *log, struct cdr_leftovers *left)
{
	struct cdr_leftover *item = left->item, *answered = item + left->n_ended, *end = item + left->n;
	continue_numbers(log, left);
	cdr_leftovers_sort(left);
	for (struct cdr_leftover *i = item; i < answered; i++) {
		if (i->superseded) {
			drop_leftover(log, i);
			continue;
		}
		i->entry->written_as = i->entry->number;
		cdr_writer_add(log->writer, i->entry);
	}
	left->n = 0;
	for (struct cdr_leftover *i = answered; i < end; i++) {
		if (i->superseded)
			drop_leftover(log, i);
		else if (is_recoverable(i))
			item[left->n++] = *i;
		else
			restore_answered(log, i);
	}
}

void cdr_log_recover(struct cdr_log *log, cdr_log_adopt_h *adopt, void *arg)
{
	for (size_t i = 0; i < log->live.n; i++) {
		struct cdr_leftover *item = &log->live.item[i];
		struct cdr_log_leftover call = {.slot = item->entry->record};
		struct cdr_live live = {0};
		cdr_leftovers_read(item, &live, &call.record);
		call.state = live.state;
		call.state_size = live.state_size;
		if (!adopt || !adopt(&call, arg)) {
			restore_answered(log, item);
			item->entry = NULL;
		}
	}
	cdr_leftovers_clear(&log->live);
	cdr_writer_wake(log->writer);
}

/* The journal of earlier versions was a file beside cdr.db. What a crash left in it moves over. */
static void adopt_old(struct cdr_log *log, const char *path)
{
	struct cdr_leftovers left = {0};
	struct cdr_journal *old = NULL;
	char name[4096 + 8], error[256];
	int64_t sign_ms = 0;
	struct stat st;

	snprintf(name, sizeof(name), "%s-live", path);
	if (!log->journal || stat(name, &st) || !S_ISREG(st.st_mode) ||
		cdr_journal_open(&old, name, &sign_ms, cdr_leftovers_collect, &left, error, sizeof(error)))
		return;
	if (cdr_leftovers_move(&log->live, &left, old, log->journal) == 0 && sign_ms > log->last_sign_ms)
		log->last_sign_ms = sign_ms;
	cdr_journal_close(old);
}

/*
 * Two processes must not share a journal; without any, records are only in memory until they are rows. cdr.db is read under
 * the journal's lock, because its previous owner may have written until then.
 */
static int open_journal(
	struct cdr_log *log, const struct cdr_log_parts *parts, char *error, size_t error_size)
{
	int err = cdr_journal_open(&log->journal, parts->journal, &log->last_sign_ms, cdr_leftovers_collect,
		&log->live, error, error_size);
	if (err)
		cdr_leftovers_clear(&log->live);
	if (!err)
		adopt_old(log, parts->path);
	if (err != -EBUSY)
		restore(log, &log->live);
	return err == -EBUSY ? err : 0;
}

int cdr_log_open(struct cdr_log **out, const struct cdr_log_parts *parts, char *error, size_t error_size)
{
	struct cdr_log *log = calloc(1, sizeof(*log));
	snprintf(error, error_size, "no memory to open %s", parts->path);
	if (!log)
		return -ENOMEM;
	int err = cdr_writer_create(&log->writer, parts->path, parts->on_news, parts->arg);
	if (!err) {
		error[0] = '\0';
		err = open_journal(log, parts, error, error_size);
	}
	if (!err) {
		err = cdr_writer_start(log->writer, log->journal);
		if (err)
			snprintf(error, error_size, "cannot start the thread that writes %s: %s", parts->path,
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
	cdr_journal_close(log->journal);
	cdr_writer_destroy(log->writer);
	cdr_leftovers_clear(&log->live);
	free(log->scratch);
	free(log);
	return stats.pending;
}
