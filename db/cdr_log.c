#include "cdr_log.h"
#include "cdr_disk.h"
#include "cdr_adopt.h"
#include "cdr_journal.h"
#include "cdr_leftovers.h"
#include "cdr_old.h"
#include "cdr_record.h"
#include "cdr_trouble.h"
#include "cdr_thread.h"
#include "cdr_writer.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CLOSE_DISK_MS = 2000, LOOK_MS = 1000 };

struct cdr_log {
	struct cdr_journal *journal;
	struct cdr_disk *disk;
	struct cdr_writer *writer;
	uint64_t number; /* of the last call put into the journal */
	char *scratch;   /* buffer for the record of a live call */
	size_t scratch_size;
	_Atomic uint64_t journal_failures;
	struct cdr_leftovers live; /* calls of the process before, until cdr_log_recover() */
	struct cdr_sign last_sign; /* of the process before */
	cdr_news_h *on_news;
	void *news_arg;
	bool has_lost;                                 /* cdr_log_has_lost() */
	struct cdr_trouble disk_trouble, rows_trouble; /* the latter: the disk does not answer the writer */
	struct cdr_trouble room_trouble;
	uint64_t failures_before; /* at the last look */
};

static const char *const no_answer = "the disk does not answer";

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
		free(e);
	}
}

static void count_failure(struct cdr_log *log)
{
	atomic_fetch_add_explicit(&log->journal_failures, 1, memory_order_relaxed);
}

static cdr_slot put(struct cdr_log *log, enum cdr_journal_state state, uint64_t number,
	const struct iovec *parts, size_t n)
{
	cdr_slot slot = log->journal ? cdr_journal_put(log->journal, state, number, parts, n) : 0;
	if (slot)
		cdr_disk_note(log->disk, slot, cdr_journal_sequence(log->journal));
	else
		count_failure(log);
	return slot;
}

/* A call keeps its number. */
static uint64_t number_of(struct cdr_log *log, cdr_slot slot)
{
	return slot ? cdr_journal_number(log->journal, slot) : ++log->number;
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
	cdr_slot kept = put(log, CDR_JOURNAL_LIVE, number_of(log, slot), parts, 3);
	if (kept && slot)
		cdr_journal_free(log->journal, slot);
	if (log->journal && cdr_journal_is_low(log->journal))
		cdr_writer_wake(log->writer); /* it enlarges the journal */
	return kept ? kept : slot;
}

void cdr_log_note(struct cdr_log *log, cdr_slot slot, uint32_t note)
{
	if (slot)
		cdr_journal_note(log->journal, slot, note);
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
 * The journal counts the call exactly once at any moment: the live entry counts until the record, which has the same
 * number, is complete. If there is no room for that one, the live one stays until the row is committed.
 */
static bool end_call(
	struct cdr_log *log, cdr_slot slot, const struct cdr *record, bool parting, bool may_be_row)
{
	struct cdr_entry *e = make_entry(log, record);
	if (!e)
		return false; /* a live call is still in the journal, for the next start */
	const struct iovec part = {e->bytes, e->size};
	e->number = number_of(log, slot);
	e->may_be_row = may_be_row;
	e->record = put(log, CDR_JOURNAL_ENDED, e->number, &part, 1);
	if (e->record)
		e->sequence = cdr_journal_sequence(log->journal);
	parting = parting && slot && e->record;
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
	end_call(log, slot, record, false, false);
	cdr_writer_wake(log->writer);
}

bool cdr_log_end_parting(struct cdr_log *log, cdr_slot slot, const struct cdr *record)
{
	cdr_log_reclaim(log);
	const bool parting = end_call(log, slot, record, true, false);
	cdr_writer_wake(log->writer);
	return parting;
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
	if (!out->error[0] && cdr_writer_stuck_ms(log->writer)) {
		snprintf(out->error, sizeof(out->error), "%s", no_answer);
		out->error_ms = cdr_writer_stuck_ms(log->writer);
	}
	if (!out->error[0])
		out->error_ms = cdr_disk_error(log->disk, out->error, sizeof(out->error));
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

/* Until the calls have been kept again, and what had ended has become rows, only the disk has all of them. */
static void look_at_journal(struct cdr_log *log, uint64_t pending)
{
	const struct cdr_report report = {.news = CDR_RENEWED, .journal = true};
	if (cdr_journal_is_incomplete(log->journal) && !log->has_lost && !pending)
		cdr_journal_complete(log->journal);
	if (!cdr_journal_renew(log->journal))
		return;
	log->has_lost = cdr_journal_is_incomplete(log->journal);
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
	cdr_writer_stats(log->writer, &stats);
	if (log->journal)
		look_at_journal(log, stats.pending);
	tell(log, &log->rows_trouble,
		&(struct cdr_report){.words = no_answer,
			.lasted_ms = cdr_writer_stuck_ms(log->writer),
			.pending = stats.pending});
	const uint64_t failures = atomic_load(&log->journal_failures);
	tell(log, &log->room_trouble,
		&(struct cdr_report){.journal = true,
			.words = "there is no room in memory",
			.lasted_ms = failures > log->failures_before ? LOOK_MS : 0});
	log->failures_before = failures;
	const uint64_t failing_ms = log->journal ? cdr_disk_error(log->disk, error, sizeof(error)) : 0;
	tell(log, &log->disk_trouble,
		&(struct cdr_report){.journal = true, .words = error, .lasted_ms = failing_ms});
}

/* After a crash ----------------------------------------------------------------------------- */

static void drop_leftover(struct cdr_log *log, struct cdr_leftover *item)
{
	if (item->entry->record)
		cdr_journal_free(log->journal, item->entry->record);
	free(item->entry);
	item->entry = NULL;
}

/* A call cut off by the crash: it ended when the switch last gave a sign of life. */
static void close_call(struct cdr_log *log, struct cdr_leftover *item)
{
	struct cdr_live live;
	struct cdr record;
	if (cdr_leftovers_read(item, &live, &record)) {
		drop_leftover(log, item);
		return;
	}
	const int64_t begun_ms = record.answer_ms ? record.answer_ms : record.begin_ms;
	const int64_t sign_ms = (int64_t)log->last_sign.steady_ms + record.offset_ms;
	record.end_ms = sign_ms > begun_ms ? sign_ms : begun_ms;
	record.hold_ms = record.answer_ms ? record.end_ms - record.answer_ms : -1;
	record.end_direction = CDR_SERVER;
	record.end_reason = "switch restarted";
	end_call(log, item->entry->record, &record, false, true);
	free(item->entry);
	item->entry = NULL;
}

/* Numbers go on behind all that are known. With the time to go by they do so, too, when the journal was lost. */
static void continue_numbers(struct cdr_log *log)
{
	const struct cdr_leftovers *left = &log->live;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	log->number = CDR_OLD_NUMBERS + (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	for (size_t i = 0; i < left->n; i++)
		if (left->item[i].entry->number > log->number)
			log->number = left->item[i].entry->number;
	if (log->journal)
		cdr_journal_continue(log->journal, log->number);
}

/* May it be adopted? */
static bool is_recoverable(struct cdr_log *log, const struct cdr_leftover *item)
{
	struct cdr_live live;
	struct cdr record;
	if (cdr_leftovers_read(item, &live, &record) || !live.state_size)
		return false;
	return (item->state == CDR_JOURNAL_PARTING && item->entry->record) ||
		(item->state == CDR_JOURNAL_LIVE &&
			!cdr_writer_has(log->writer, item->entry->number, &record));
}

/*
 * What already is a row is sorted out by the writer, once it can read the table. Calls that may go on are left for
 * cdr_log_recover().
 */
static void restore(struct cdr_log *log)
{
	struct cdr_leftovers *left = &log->live;
	size_t n = left->n;
	continue_numbers(log);
	left->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct cdr_leftover *item = &left->item[i];
		if (item->superseded || item->state == CDR_JOURNAL_DONE ||
			(item->state == CDR_JOURNAL_PARTING && !is_recoverable(log, item)))
			drop_leftover(log, item);
		else if (item->state == CDR_JOURNAL_ENDED)
			cdr_writer_add(log->writer, item->entry);
		else if (is_recoverable(log, item))
			left->item[left->n++] = *item;
		else
			close_call(log, item);
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
		call.note = item->note;
		call.parting = item->state == CDR_JOURNAL_PARTING;
		if (adopt && adopt(&call, arg))
			continue;
		if (call.parting)
			drop_leftover(log, item);
		else
			close_call(log, item);
	}
	cdr_leftovers_clear(&log->live);
	cdr_writer_wake(log->writer);
}

static void report_damage(struct cdr_log *log, unsigned memory, unsigned disk)
{
	char words[100];
	snprintf(words, sizeof(words), "%u entries in memory, %u places on disk", memory, disk);
	const struct cdr_report report = {.news = CDR_DAMAGED, .journal = true, .words = words};
	if ((memory || disk) && log->on_news)
		log->on_news(&report, log->news_arg);
}

/* They stay where they are, but count for nothing. */
static void ignore(struct cdr_log *log, struct cdr_leftovers *left)
{
	for (size_t i = 0; i < left->n; i++)
		if (left->item[i].entry->record)
			cdr_journal_free(log->journal, left->item[i].entry->record);
	cdr_leftovers_clear(left);
}

/*
 * Memory is the better one after a crash, and the disk when memory is gone, or older. What is damaged is made up for by the
 * other; what both have counts once.
 */
static int choose(struct cdr_log *log, struct cdr_leftovers *memory,
	const struct cdr_journal_found *in_memory, struct cdr_leftovers *disk,
	const struct cdr_disk_file_found *on_disk)
{
	const bool newer = in_memory->sequence && in_memory->sequence >= on_disk->sequence;
	report_damage(log, in_memory->damaged, on_disk->damaged);
	log->last_sign = newer && !on_disk->old ? in_memory->sign : on_disk->sign;
	if (!newer && !on_disk->damaged && !on_disk->old)
		ignore(log, memory);
	if (newer && !in_memory->damaged && !on_disk->old)
		ignore(log, disk);
	if (log->journal)
		cdr_journal_continue(log->journal, on_disk->sequence);
	log->live = *memory;
	*memory = (struct cdr_leftovers){0};
	int err = cdr_leftovers_add(&log->live, disk);
	cdr_leftovers_sort(&log->live);
	if (!err && log->journal && !cdr_leftovers_put(&log->live, log->journal))
		cdr_journal_complete(log->journal);
	return err;
}

static bool has_leftovers(const struct cdr_leftovers *left)
{
	for (size_t i = 0; i < left->n; i++)
		if (!left->item[i].superseded && left->item[i].state != CDR_JOURNAL_DONE)
			return true;
	return false;
}

/* Its calls go on here as if they had been this switch's: only one of them can have been alive last. */
static int adopt(struct cdr_log *log, const char *path)
{
	struct cdr_disk_file_found found;
	struct cdr_leftovers left = {0};
	int err = cdr_adopt_read(path, &left, &found);
	if (err)
		return err == -ENOENT ? 0 : err;
	report_damage(log, 0, found.damaged);
	if (has_leftovers(&log->live))
		err = -ENOTEMPTY;
	if (!err && log->journal) {
		cdr_journal_continue(log->journal, found.sequence);
		err = cdr_leftovers_put(&left, log->journal);
	}
	if (!err)
		err = cdr_leftovers_add(&log->live, &left);
	if (!err) {
		log->last_sign = found.sign;
		err = cdr_adopt_done(path);
	}
	cdr_leftovers_clear(&left);
	return err;
}

/* @param path  NULL = nothing */
static int adopt_if_asked(struct cdr_log *log, const char *path, char *error, size_t size)
{
	int err = path ? adopt(log, path) : 0;
	if (err)
		snprintf(error, size, "cannot adopt %s: %s", path,
			err == -EBUSY            ? "its switch runs"
				: err == -EINVAL ? "it is no journal of this version"
				: err == -ENOTEMPTY
				? "calls and records of this switch were left, start it without"
				: strerror(-err));
	return err;
}

static int open_memory(struct cdr_log *log, const char *path, struct cdr_journal_found *found,
	struct cdr_leftovers *left, char *error, size_t error_size)
{
	int err = cdr_journal_open(&log->journal, path, error, error_size);
	if (err)
		return err;
	err = cdr_journal_read(log->journal, found, cdr_leftovers_collect, left);
	if (!err)
		return 0;
	snprintf(error, error_size, "journal %s: %s", path, strerror(-err));
	cdr_journal_close(log->journal);
	log->journal = NULL;
	cdr_leftovers_clear(left);
	return err;
}

/*
 * Two processes must not share a journal; without any, records are only in memory until they are rows. cdr.db is read under
 * the lock of the journal on disk, because its previous owner may have written until then.
 */
static int take_over(struct cdr_log *log, const struct cdr_log_parts *parts, char *error, size_t error_size)
{
	struct cdr_leftovers memory = {0}, disk = {0};
	struct cdr_journal_found in_memory = {0};
	struct cdr_disk_file_found on_disk;
	int err = cdr_disk_open(&log->disk, parts->path, &on_disk, cdr_leftovers_collect, &disk);
	if (err)
		snprintf(error, error_size, "%s-live: %s", parts->path,
			err == -EBUSY ? "another process has it open" : strerror(-err));
	if (!err && open_memory(log, parts->journal, &in_memory, &memory, error, error_size) == -EBUSY)
		err = -EBUSY;
	if (!err)
		err = choose(log, &memory, &in_memory, &disk, &on_disk);
	cdr_leftovers_clear(&memory);
	cdr_leftovers_clear(&disk);
	if (!err)
		err = adopt_if_asked(log, parts->adopt, error, error_size);
	if (!err)
		restore(log);
	return err;
}

static int start(struct cdr_log *log)
{
	int err = log->journal ? cdr_disk_start(log->disk, log->journal) : 0;
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
		err = take_over(log, parts, error, error_size);
	}
	if (!err) {
		err = start(log);
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
	cdr_disk_close(log->disk, CLOSE_DISK_MS, log->journal && cdr_journal_is_empty(log->journal));
	cdr_journal_close(log->journal);
	cdr_writer_destroy(log->writer);
	cdr_leftovers_clear(&log->live);
	free(log->scratch);
	free(log);
	return stats.pending;
}
