#include "cdr_log.h"
#include "cdr_journal.h"
#include "cdr_record.h"
#include "cdr_writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cdr_log {
	struct cdr_journal *journal;
	struct cdr_writer *writer;
	uint64_t number; /* of the last record put into the journal */
	char *scratch;   /* buffer for the bytes of an answered call */
	size_t scratch_size;
	_Atomic uint64_t journal_failures;
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
	cdr_slot slot = cdr_journal_put(log->journal, state, ++log->number, bytes, size);
	if (!slot)
		count_failure(log);
	return slot;
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

cdr_slot cdr_log_answer(struct cdr_log *log, const struct cdr *record)
{
	struct cdr_record_lengths measure;
	cdr_log_reclaim(log);
	cdr_record_measure(record, &measure);
	if (fit_scratch(log, measure.size)) {
		count_failure(log);
		return 0;
	}
	cdr_record_write(record, &measure, log->scratch);
	cdr_slot slot = put(log, CDR_JOURNAL_ANSWERED, log->scratch, measure.size);
	cdr_journal_sign(log->journal, record->answer_ms);
	if (cdr_journal_is_low(log->journal))
		cdr_writer_wake(log->writer); /* it enlarges the journal */
	return slot;
}

/*
 * The journal counts the call exactly once at any moment: the answered record is valid until the ended
 * one, whose number it names, is complete. If there is no room for that one, the answered one stays
 * until the row is committed.
 */
static void end_call(struct cdr_log *log, cdr_slot slot, const struct cdr *record)
{
	struct cdr_record_lengths measure;
	cdr_record_measure(record, &measure);
	struct cdr_entry *e = malloc(sizeof(*e) + measure.size);
	if (!e) {
		count_failure(log);
		return; /* an answered call is still in the journal, for the next start */
	}
	cdr_record_write(record, &measure, e->bytes);
	e->size = measure.size;
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
	cdr_journal_sign(log->journal, record->end_ms);
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

struct leftover {
	struct cdr_entry *ended; /* ->record is the slot, whichever the state */
	enum cdr_journal_state state;
	uint64_t ended_by;
};

struct leftovers {
	struct leftover *item;
	size_t n, n_ended, size;
};

static int collect_leftover(const struct cdr_journal_record *record, void *arg)
{
	struct leftovers *left = arg;
	if (left->n == left->size) {
		size_t size = left->size ? 2 * left->size : 64;
		struct leftover *items = realloc(left->item, size * sizeof(*items));
		if (!items)
			return -ENOMEM;
		left->item = items;
		left->size = size;
	}
	struct cdr_entry *e = malloc(sizeof(*e) + record->size);
	if (!e)
		return -ENOMEM;
	*e = (struct cdr_entry){.number = record->number, .record = record->slot, .size = record->size};
	memcpy(e->bytes, record->bytes, record->size);
	struct leftover *item = &left->item[left->n++];
	item->ended = e;
	item->state = record->state;
	item->ended_by = record->ended_by;
	left->n_ended += record->state == CDR_JOURNAL_ENDED;
	return 0;
}

/* Ended calls first, each kind in the order it was written. */
static int compare_leftovers(const void *one, const void *other)
{
	const struct leftover *a = one, *b = other;
	if (a->state != b->state)
		return a->state == CDR_JOURNAL_ENDED ? -1 : 1;
	return (a->ended->number > b->ended->number) - (a->ended->number < b->ended->number);
}

static bool has_ended(const struct leftovers *left, uint64_t number)
{
	struct cdr_entry wanted = {.number = number};
	const struct leftover key = {&wanted, CDR_JOURNAL_ENDED, 0};
	return left->n_ended && bsearch(&key, left->item, left->n_ended, sizeof(key), compare_leftovers);
}

static void drop_leftover(struct cdr_log *log, struct leftover *item)
{
	cdr_journal_free(log->journal, item->ended->record);
	free(item->ended);
}

/* A call cut off by the crash: it ended when the switch last gave a sign of life. */
static void restore_answered(struct cdr_log *log, struct leftover *item, int64_t last_sign_ms)
{
	struct cdr record;
	if (cdr_record_read(&record, item->ended->bytes, item->ended->size) == 0) {
		record.end_ms = last_sign_ms > record.answer_ms ? last_sign_ms : record.answer_ms;
		record.hold_ms = record.end_ms - record.answer_ms;
		record.end_direction = CDR_SERVER;
		record.end_reason = "switch restarted";
		end_call(log, item->ended->record, &record);
		free(item->ended);
	} else {
		drop_leftover(log, item);
	}
}

/* Is there a row for it, or an ended record? */
static bool is_superseded(const struct leftovers *left, const struct leftover *item, uint64_t written)
{
	return item->ended_by && (item->ended_by <= written || has_ended(left, item->ended_by));
}

static void continue_numbers(struct cdr_log *log, const struct leftovers *left, uint64_t written)
{
	log->number = written;
	for (size_t i = 0; i < left->n; i++) {
		if (left->item[i].ended->number > log->number)
			log->number = left->item[i].ended->number;
		if (left->item[i].ended_by > log->number)
			log->number = left->item[i].ended_by;
	}
}

static void restore(struct cdr_log *log, struct leftovers *left, uint64_t written, int64_t last_sign_ms)
{
	struct leftover *item = left->item, *answered = item + left->n_ended, *end = item + left->n;
	continue_numbers(log, left, written);
	if (left->n)
		qsort(item, left->n, sizeof(*item), compare_leftovers);
	for (struct leftover *i = answered; i < end; i++) {
		if (is_superseded(left, i, written)) {
			drop_leftover(log, i);
			i->ended = NULL;
		}
	}
	for (struct leftover *i = item; i < answered; i++) {
		if (i->ended->number > written)
			cdr_writer_add(log->writer, i->ended);
		else
			drop_leftover(log, i);
	}
	for (struct leftover *i = answered; i < end; i++)
		if (i->ended)
			restore_answered(log, i, last_sign_ms);
}

/* The last number is read under the journal's lock, because its previous owner may have written until then. */
static int open_journal(struct cdr_log *log, const char *path, char *error, size_t error_size)
{
	struct leftovers left = {0};
	uint64_t written = 0;
	int64_t last_sign_ms = 0;
	char name[4096 + 8];
	snprintf(name, sizeof(name), "%s-live", path);
	int err = cdr_journal_open(
		&log->journal, name, &last_sign_ms, collect_leftover, &left, error, error_size);
	if (!err) {
		err = cdr_writer_last_number(log->writer, &written);
		if (err)
			snprintf(error, error_size, "%s: cannot read its table `journal`", path);
	}
	if (!err)
		restore(log, &left, written, last_sign_ms);
	else
		for (size_t i = 0; i < left.n; i++)
			free(left.item[i].ended);
	free(left.item);
	return err;
}

int cdr_log_open(struct cdr_log **out, const char *path, char *error, size_t error_size)
{
	struct cdr_log *log = calloc(1, sizeof(*log));
	if (!log) {
		snprintf(error, error_size, "no memory to open %s", path);
		return -ENOMEM;
	}
	int err = cdr_writer_create(&log->writer, path, error, error_size);
	if (!err)
		err = open_journal(log, path, error, error_size);
	if (!err) {
		err = cdr_writer_start(log->writer, log->journal);
		if (err)
			snprintf(error, error_size, "cannot start the thread that writes %s: %s", path,
				strerror(-err));
	}
	if (err) {
		cdr_log_close(log, 0);
		return err;
	}
	*out = log;
	return 0;
}

void cdr_log_close(struct cdr_log *log, unsigned wait_ms)
{
	if (!log)
		return;
	if (log->writer) {
		cdr_writer_stop(log->writer, wait_ms);
		cdr_log_reclaim(log);
	}
	cdr_journal_close(log->journal);
	cdr_writer_destroy(log->writer);
	free(log->scratch);
	free(log);
}
