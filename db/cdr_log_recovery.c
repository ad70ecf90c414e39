/* What the next start makes of what a crash left. */
#include "cdr_log_internal.h"

#include "cdr_adopt.h"
#include "cdr_live.h"
#include "cdr_old.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void drop_leftover(struct cdr_log *log, struct cdr_leftover *item)
{
	if (item->entry->record)
		cdr_journal_free(log->journal, item->entry->record);
	free(item->entry);
	item->entry = NULL;
}

/* A call cut off by the crash: it ended when the switch last gave a sign of life. */
static void close_record(const struct cdr_log *log, struct cdr *record)
{
	const int64_t begun_ms = record->answer_ms ? record->answer_ms
		: record->ring_ms                  ? record->ring_ms
						   : record->begin_ms;
	const int64_t sign_ms = (int64_t)log->last_sign.steady_ms + record->offset_ms;
	record->end_ms = sign_ms > begun_ms ? sign_ms : begun_ms;
	record->hold_ms = record->answer_ms ? record->end_ms - record->answer_ms : -1;
	record->end_direction = CDR_SERVER;
	record->end_reason = "switch restarted";
}

bool cdr_log_close_parting(struct cdr_log *log, const struct cdr_log_leftover *call)
{
	struct cdr record = call->record;
	close_record(log, &record);
	return cdr_log_end_call(log, call->slot, &record, true, true);
}

static void close_call(struct cdr_log *log, struct cdr_leftover *item)
{
	struct cdr_live live;
	struct cdr record;
	if (cdr_leftovers_read(item, &live, &record)) {
		drop_leftover(log, item);
		return;
	}
	close_record(log, &record);
	cdr_log_end_call(log, item->entry->record, &record, false, true);
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

size_t cdr_log_leftovers(const struct cdr_log *log)
{
	return log->live.n;
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
	log->last_sign = newer && !on_disk->old && in_memory->sign.epoch_ms ? in_memory->sign : on_disk->sign;
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
	if (!err && log->journal) {
		log->has_lost = cdr_leftovers_put(&log->live, log->journal) != 0;
		(log->has_lost ? cdr_journal_lack : cdr_journal_complete)(log->journal);
	}
	return err;
}

static bool has_leftovers(const struct cdr_leftovers *left)
{
	for (size_t i = 0; i < left->n; i++)
		if (!left->item[i].superseded && left->item[i].state != CDR_JOURNAL_DONE)
			return true;
	return false;
}

/*
 * Its calls go on here as if they had been this switch's: only one of them can have been alive last. Where that fails they
 * stay where they were, and there alone.
 */
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
		err = cdr_adopt_done(path);
	if (!err)
		err = cdr_leftovers_add(&log->live, &left);
	if (!err)
		log->last_sign = found.sign;
	ignore(log, &left);
	return err;
}

static const char *why_not_adopted(int err)
{
	switch (err) {
	case -EBUSY:
		return "its switch runs";
	case -EINVAL:
		return "it is no journal of this version";
	case -ENOTSUP:
		return "a later version wrote it";
	case -ENOTEMPTY:
		return "calls and records of this switch were left, start it without";
	default:
		return strerror(-err);
	}
}

/* @param path  NULL = nothing */
static int adopt_if_asked(struct cdr_log *log, const char *path, char *error, size_t size)
{
	int err = path ? adopt(log, path) : 0;
	if (err)
		snprintf(error, size, "cannot adopt %s: %s", path, why_not_adopted(err));
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
int cdr_log_take_over(struct cdr_log *log, const struct cdr_log_parts *parts, char *error, size_t error_size)
{
	struct cdr_leftovers memory = {0}, disk = {0};
	struct cdr_journal_found in_memory = {0};
	struct cdr_disk_file_found on_disk = {0};
	int err = cdr_disk_open(&log->disk, parts->path);
	if (err)
		snprintf(error, error_size, "%s-live: %s", parts->path,
			err == -EBUSY ? "another process has it open" : strerror(-err));
	int memory_err = err ? 0 : open_memory(log, parts->journal, &in_memory, &memory, error, error_size);
	if (memory_err == -EBUSY || memory_err == -ENOTSUP)
		err = memory_err;
	if (!err)
		err = cdr_disk_read(log->disk, &in_memory, &on_disk, cdr_leftovers_collect, &disk);
	if (err == -ENOTSUP && !memory_err)
		snprintf(error, error_size,
			"%s-live is of version %d, newer than this program, which knows up to %d",
			parts->path, on_disk.later, cdr_journal_version());
	if (!err)
		err = choose(log, &memory, &in_memory, &disk, &on_disk);
	cdr_leftovers_clear(&memory);
	cdr_leftovers_clear(&disk);
	if (!err)
		err = adopt_if_asked(log, parts->adopt, error, error_size);
	if (!err)
		restore(log);
	if (err) { /* what it holds stays for the next start */
		cdr_disk_close(log->disk, 0, false);
		log->disk = NULL;
	}
	return err;
}
