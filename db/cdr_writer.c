#include "cdr_writer.h"
#include "cdr_disk.h"
#include "cdr_record.h"
#include "cdr_table.h"
#include "cdr_trouble.h"
#include "cdr_thread.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PAUSE_MS = 100, /* between two transactions */
	PAUSE_STOPPING_MS = 10,
	LOOK_MS = 1000, /* how often an idle thread looks what has become of the file */
};

struct list {
	struct cdr_entry *first, **end; /* oldest first */
};

struct cdr_writer {
	struct cdr_table *table;
	_Atomic(struct cdr_journal *) journal;
	_Atomic(struct cdr_disk *) disk;
	uint64_t sequence; /* the highest in the backlog, or of what was there; the thread's own */
	_Atomic(struct cdr_entry *) queue, committed; /* stacks, newest first */
	struct list backlog;                          /* taken off the queue; the thread's own */
	atomic_bool asleep, stopping, nudged;
	bool (*_Atomic also)(void *arg); /* a second job of the thread */
	void *also_arg;
	bool also_again; /* it was not done; the thread's own */
	sem_t wake;
	pthread_t thread;
	bool started;
	bool has_table;           /* before it started */
	struct timespec deadline; /* when to stop at the latest; CLOCK_MONOTONIC */
	_Atomic uint64_t queued, written, errors;
	cdr_news_h *on_news;
	void *news_arg;
	/* The thread's own: */
	bool sorted_out; /* what a crash left, and was a row already, is no longer in the backlog */
	struct cdr_trouble trouble;
	/* Under the lock: */
	pthread_mutex_t lock;
	char error[CDR_ERROR_SIZE]; /* "" = rows can be written */
	uint64_t error_since_ms;
	uint64_t busy_since_ms; /* of one piece of work with the file; 0 = there is none */
};

static bool is_past(const struct timespec *deadline)
{
	struct timespec now = cdr_thread_after_ms(0);
	return now.tv_sec > deadline->tv_sec ||
		(now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

static void push(_Atomic(struct cdr_entry *) *stack, struct cdr_entry *first, struct cdr_entry *last)
{
	last->next = atomic_load_explicit(stack, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(stack, &last->next, first))
		continue;
}

void cdr_writer_add(struct cdr_writer *w, struct cdr_entry *ended_take)
{
	atomic_fetch_add_explicit(&w->queued, 1, memory_order_relaxed);
	push(&w->queue, ended_take, ended_take);
}

void cdr_writer_wake(struct cdr_writer *w)
{
	atomic_store(&w->nudged, true);
	if (atomic_load(&w->asleep) && atomic_exchange(&w->asleep, false))
		sem_post(&w->wake);
}

void cdr_writer_also(struct cdr_writer *w, bool (*write)(void *arg), void *arg)
{
	w->also_arg = arg;
	atomic_store(&w->also, write);
}

struct cdr_entry *cdr_writer_take_committed(struct cdr_writer *w)
{
	if (!atomic_load_explicit(&w->committed, memory_order_relaxed))
		return NULL;
	return atomic_exchange(&w->committed, NULL);
}

static uint64_t pending(struct cdr_writer *w)
{
	/* Read first, so that calls which end meanwhile count as pending and not as missing. */
	uint64_t written = atomic_load(&w->written);
	return atomic_load(&w->queued) - written;
}

void cdr_writer_stats(struct cdr_writer *w, struct cdr_stats *out)
{
	out->pending = pending(w);
	out->written = atomic_load(&w->written);
	out->errors = atomic_load(&w->errors);
	pthread_mutex_lock(&w->lock);
	snprintf(out->error, sizeof(out->error), "%s", w->error);
	out->error_ms = w->error[0] ? cdr_thread_now_ms() - w->error_since_ms : 0;
	pthread_mutex_unlock(&w->lock);
}

uint64_t cdr_writer_stuck_ms(struct cdr_writer *w)
{
	pthread_mutex_lock(&w->lock);
	uint64_t since = w->busy_since_ms, ms = since ? cdr_thread_now_ms() - since : 0;
	pthread_mutex_unlock(&w->lock);
	return ms >= CDR_THREAD_STUCK_MS ? ms : 0;
}

/* With each piece of work it begins again. */
static void set_busy(struct cdr_writer *w, bool busy)
{
	pthread_mutex_lock(&w->lock);
	w->busy_since_ms = busy ? cdr_thread_now_ms() : 0;
	pthread_mutex_unlock(&w->lock);
}

static void collect_queue(struct cdr_writer *w)
{
	struct cdr_entry *next, *oldest = NULL, *e = atomic_exchange(&w->queue, NULL);
	if (!e)
		return;
	struct cdr_entry *newest = e;
	for (; e; e = next) {
		next = e->next;
		e->next = oldest;
		oldest = e;
		if (e->sequence > w->sequence)
			w->sequence = e->sequence;
	}
	*w->backlog.end = oldest;
	w->backlog.end = &newest->next;
}

/* What they hold in the journal is no call any more, whenever it is freed. */
static void hand_back(struct cdr_writer *w, struct cdr_entry *first, struct cdr_entry *last)
{
	for (struct cdr_entry *e = first;; e = e->next) {
		if (e->answered)
			cdr_journal_wipe(w->journal, e->answered);
		if (e->record)
			cdr_journal_wipe(w->journal, e->record);
		if (e == last)
			break;
	}
	push(&w->committed, first, last);
}

static int is_row(struct cdr_writer *w, const struct cdr_entry *e, bool *out)
{
	struct cdr record = {0};

	*out = false;
	cdr_record_read(&record, e->bytes, e->size);
	return e->may_be_row ? cdr_table_has(w->table, e->number, &record, out) : 0;
}

/* What a crash left, and was a row then, goes back at once. */
static int sort_out(struct cdr_writer *w)
{
	struct cdr_entry *e, *next, **link = &w->backlog.first;
	int err = 0;

	for (e = w->sorted_out ? NULL : w->backlog.first; e && !err; e = next) {
		bool found;
		next = e->next;
		err = is_row(w, e, &found);
		if (found) {
			*link = next;
			if (!next)
				w->backlog.end = link;
			atomic_fetch_sub(&w->queued, 1);
			hand_back(w, e, e);
		} else {
			link = &e->next;
		}
	}
	w->sorted_out = !err;
	return err;
}

static void tell(struct cdr_writer *w, enum cdr_news news, uint64_t since_ms)
{
	const struct cdr_report report = {.news = news,
		.words = cdr_table_error(w->table),
		.lasted_ms = cdr_thread_now_ms() - since_ms,
		.pending = pending(w)};

	if (w->on_news)
		w->on_news(&report, w->news_arg);
}

static void note_result(struct cdr_writer *w, int err)
{
	const uint64_t now = cdr_thread_now_ms(), since = w->trouble.since_ms ? w->trouble.since_ms : now;
	const enum cdr_trouble_news news = cdr_trouble_look(&w->trouble, err, now);

	pthread_mutex_lock(&w->lock);
	snprintf(w->error, sizeof(w->error), "%s", err ? cdr_table_error(w->table) : "");
	w->error_since_ms = since;
	pthread_mutex_unlock(&w->lock);
	if (news != CDR_TROUBLE_SILENT)
		tell(w, news == CDR_TROUBLE_OVER ? CDR_RECOVERED : CDR_FAILING, since);
}

static int write_rows(struct cdr_writer *w)
{
	int err = 0;

	while (!err && w->backlog.first) {
		struct cdr_entry *first = w->backlog.first, *last = NULL;
		uint64_t rows;
		set_busy(w, true);
		err = cdr_table_add(w->table, first, &last, &rows);
		if (err)
			continue;
		w->backlog.first = last->next;
		if (!last->next)
			w->backlog.end = &w->backlog.first;
		atomic_fetch_add(&w->written, rows);
		hand_back(w, first, last);
	}
	return err;
}

/* Rows that could not be written stay in the backlog, and in the journal, until they can be. */
static int write_backlog(struct cdr_writer *w)
{
	bool replaced;
	int err = cdr_table_need(w->table, &replaced);

	if (replaced)
		tell(w, CDR_REPLACED, 0);
	if (!err && !w->backlog.first)
		cdr_table_rest(w->table);
	if (!err)
		err = sort_out(w);
	if (!err && w->backlog.first && w->disk)
		cdr_disk_wait(w->disk, w->sequence);
	if (!err)
		err = write_rows(w);
	if (err && w->backlog.first)
		atomic_fetch_add(&w->errors, 1);
	note_result(w, err);
	return err;
}

/* Only a stop cuts the pause short. */
static void pause_thread(struct cdr_writer *w)
{
	cdr_thread_wait(&w->wake, atomic_load(&w->stopping) ? PAUSE_STOPPING_MS : PAUSE_MS);
}

static bool has_work(struct cdr_writer *w)
{
	return w->backlog.first || w->also_again || atomic_load(&w->queue) || atomic_load(&w->stopping) ||
		atomic_load(&w->nudged);
}

static void sleep_until_woken(struct cdr_writer *w)
{
	atomic_store(&w->asleep, true);
	if (!has_work(w))
		cdr_thread_wait(&w->wake, LOOK_MS);
	atomic_store(&w->asleep, false);
}

static void do_also(struct cdr_writer *w)
{
	bool (*also)(void *arg) = atomic_load(&w->also);

	w->also_again = also && also(w->also_arg);
}

static void *thread_main(void *arg)
{
	struct cdr_writer *w = arg;
	for (;;) {
		bool stopping = atomic_load(&w->stopping);
		int err;
		if (!stopping && w->journal && cdr_journal_is_low(w->journal))
			cdr_journal_grow(w->journal); /* a failure shows when there is no room for a record */
		atomic_store(&w->nudged, false);
		collect_queue(w);
		set_busy(w, true);
		err = write_backlog(w);
		set_busy(w, true);
		do_also(w);
		set_busy(w, false);
		/* A lock goes away, but what else is wrong with a file will not be mended in these seconds. */
		if (stopping && (!w->backlog.first || (err && err != -EBUSY) || is_past(&w->deadline)))
			return NULL;
		pause_thread(w);
		if (!has_work(w))
			sleep_until_woken(w);
	}
}

void cdr_writer_use(struct cdr_writer *w, struct cdr_journal *journal, struct cdr_disk *disk)
{
	atomic_store(&w->journal, journal);
	atomic_store(&w->disk, disk);
}

int cdr_writer_start(struct cdr_writer *w, struct cdr_journal *journal, struct cdr_disk *disk)
{
	cdr_writer_use(w, journal, disk);
	collect_queue(w);
	write_backlog(w);
	int err = cdr_thread_start(&w->thread, thread_main, w);
	w->started = !err;
	return err;
}

void cdr_writer_stop(struct cdr_writer *w, unsigned wait_ms)
{
	if (!w->started)
		return;
	w->deadline = cdr_thread_after_ms(wait_ms);
	atomic_store(&w->stopping, true);
	sem_post(&w->wake);
	pthread_join(w->thread, NULL);
	w->started = false;
}

bool cdr_writer_has(struct cdr_writer *w, uint64_t number, const struct cdr *record)
{
	bool replaced, found = false;

	if (!w->has_table)
		w->has_table = cdr_table_need(w->table, &replaced) == 0;
	if (w->has_table)
		w->has_table = cdr_table_has(w->table, number, record, &found) == 0;
	return found;
}

int cdr_writer_create(struct cdr_writer **out, const char *path, cdr_news_h *on_news, void *arg)
{
	struct cdr_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->backlog.end = &w->backlog.first;
	w->on_news = on_news;
	w->news_arg = arg;
	sem_init(&w->wake, 0, 0);
	pthread_mutex_init(&w->lock, NULL);
	if (cdr_table_create(&w->table, path)) {
		cdr_writer_destroy(w);
		return -ENOMEM;
	}
	*out = w;
	return 0;
}

static void free_all(struct cdr_entry *e)
{
	for (struct cdr_entry *next; e; e = next) {
		next = e->next;
		free(e);
	}
}

void cdr_writer_destroy(struct cdr_writer *w)
{
	if (!w)
		return;
	free_all(w->backlog.first);
	free_all(w->queue);
	free_all(w->committed);
	cdr_table_destroy(w->table);
	pthread_mutex_destroy(&w->lock);
	sem_destroy(&w->wake);
	free(w);
}
