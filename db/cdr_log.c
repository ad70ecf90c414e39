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
#include <time.h>

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
	uint64_t number = ++log->number;
	cdr_slot slot = log->journal ? cdr_journal_put(log->journal, state, number, bytes, size) : 0;
	if (!slot)
		count_failure(log);
	return slot;
}

static void sign(struct cdr_log *log, int64_t now_ms)
{
	if (log->journal)
		cdr_journal_sign(log->journal, now_ms);
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
	sign(log, record->answer_ms);
	if (log->journal && cdr_journal_is_low(log->journal))
		cdr_writer_wake(log->writer); /* it enlarges the journal */
	return slot;
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
	sign(log, record->end_ms);
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

/*
 * A call cut off by the crash: it ended when the switch last gave a sign of life. If its end was noted, but found no room
 * in the journal, it may be a row; until the table tells, the journal has to stay as it is.
 */
static void restore_answered(struct cdr_log *log, struct leftover *item, int64_t last_sign_ms)
{
	struct cdr record;
	struct cdr_entry *e;
	if (cdr_record_read(&record, item->ended->bytes, item->ended->size)) {
		drop_leftover(log, item);
		return;
	}
	record.end_ms = last_sign_ms > record.answer_ms ? last_sign_ms : record.answer_ms;
	record.hold_ms = record.end_ms - record.answer_ms;
	record.end_direction = CDR_SERVER;
	record.end_reason = "switch restarted";
	if (!item->ended_by) {
		end_call(log, item->ended->record, &record);
	} else if ((e = make_entry(log, &record))) {
		e->number = ++log->number;
		e->written_as = item->ended_by;
		e->answered = item->ended->record;
		cdr_writer_add(log->writer, e);
	}
	free(item->ended);
}

/*
 * Numbers go on behind all that are known. While cdr.db cannot be read, the time stands in for what it knows: no switch
 * ends a thousand calls a second for long.
 */
static void continue_numbers(struct cdr_log *log, const struct leftovers *left)
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
		if (left->item[i].ended->number > log->number)
			log->number = left->item[i].ended->number;
		if (left->item[i].ended_by > log->number)
			log->number = left->item[i].ended_by;
	}
}

/* What already is a row is sorted out by the writer, once it can read the table. */
static void restore(struct cdr_log *log, struct leftovers *left, int64_t last_sign_ms)
{
	struct leftover *item = left->item, *answered = item + left->n_ended, *end = item + left->n;
	continue_numbers(log, left);
	if (left->n)
		qsort(item, left->n, sizeof(*item), compare_leftovers);
	for (struct leftover *i = answered; i < end; i++) {
		if (i->ended_by && has_ended(left, i->ended_by)) {
			drop_leftover(log, i);
			i->ended = NULL;
		}
	}
	for (struct leftover *i = item; i < answered; i++) {
		i->ended->written_as = i->ended->number;
		cdr_writer_add(log->writer, i->ended);
	}
	for (struct leftover *i = answered; i < end; i++)
		if (i->ended)
			restore_answered(log, i, last_sign_ms);
}

/*
 * Two processes must not share a journal; without any, records are only in memory until they are rows. cdr.db is read under
 * the journal's lock, because its previous owner may have written until then.
 */
static int open_journal(struct cdr_log *log, const char *path, char *error, size_t error_size)
{
	struct leftovers left = {0};
	int64_t last_sign_ms = 0;
	char name[4096 + 8];
	snprintf(name, sizeof(name), "%s-live", path);
	int err = cdr_journal_open(
		&log->journal, name, &last_sign_ms, collect_leftover, &left, error, error_size);
	if (err) {
		for (size_t i = 0; i < left.n; i++)
			free(left.item[i].ended);
		left = (struct leftovers){.item = left.item};
	}
	if (err != -EBUSY)
		restore(log, &left, last_sign_ms);
	free(left.item);
	return err == -EBUSY ? err : 0;
}

int cdr_log_open(struct cdr_log **out, const char *path, cdr_news_h *on_news, void *arg, char *error,
	size_t error_size)
{
	struct cdr_log *log = calloc(1, sizeof(*log));
	snprintf(error, error_size, "no memory to open %s", path);
	if (!log)
		return -ENOMEM;
	int err = cdr_writer_create(&log->writer, path, on_news, arg);
	if (!err) {
		error[0] = '\0';
		err = open_journal(log, path, error, error_size);
	}
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
	free(log->scratch);
	free(log);
	return stats.pending;
}
