#include "cdr_writer.h"
#include "cdr_record.h"
#include "db_internal.h"
#include "utf8.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	PAUSE_MS = 100, /* between two transactions */
	PAUSE_STOPPING_MS = 10,
	BUSY_WAIT_MS = 100, /* while another process holds the lock */
	BATCH_MAX = 4096,   /* rows per transaction */
};

enum statement { LAST_NUMBER, BEGIN, ADD, SET_NUMBER, COMMIT, STATEMENTS };

static const char *const sql[STATEMENTS] = {
	[LAST_NUMBER] = "SELECT written FROM journal",
	[BEGIN] = "BEGIN IMMEDIATE",
	[ADD] = "INSERT INTO cdr (a_call_id, b_call_id, ingress, gateway, caller_in, caller_out, callee_in,"
		" callee_out, source_addr, destination_addr, end_reason, attempts, begin_ms, ring_ms,"
		" answer_ms, end_ms, pdd_ms, hold_ms, sip_code, end_direction)"
		" VALUES ($a_call_id, $b_call_id, $ingress, $gateway, $caller_in, $caller_out, $callee_in,"
		" $callee_out, $source_addr, $destination_addr, $end_reason, $attempts, $begin_ms,"
		" $ring_ms, $answer_ms, $end_ms, $pdd_ms, $hold_ms, $sip_code, $end_direction)",
	[SET_NUMBER] = "UPDATE journal SET written = $written",
	[COMMIT] = "COMMIT",
};

/* Parameters are numbered as they appear: the texts in the order of cdr_record_text(), then these. */
enum parameter {
	ATTEMPTS = CDR_RECORD_TEXTS,
	BEGIN_MS,
	RING_MS,
	ANSWER_MS,
	END_MS,
	PDD_MS,
	HOLD_MS,
	SIP_CODE,
	END_DIRECTION
};

struct list {
	struct cdr_writer_entry *first, **end; /* oldest first */
};

struct cdr_writer {
	struct db *db;
	sqlite3_stmt *statement[STATEMENTS];
	struct cdr_journal *journal;
	_Atomic(struct cdr_writer_entry *) queue, committed; /* stacks, newest first */
	struct list backlog;                                 /* taken off the queue; the thread's own */
	atomic_bool asleep, stopping, nudged;
	bool (*_Atomic also)(void *arg); /* a second job of the thread */
	void *also_arg;
	bool also_again; /* it was not done; the thread's own */
	sem_t wake;
	pthread_t thread;
	bool started;
	struct timespec deadline; /* when to stop at the latest; CLOCK_MONOTONIC */
	_Atomic uint64_t queued, written, errors;
};

static void push(_Atomic(struct cdr_writer_entry *) *stack, struct cdr_writer_entry *first,
	struct cdr_writer_entry *last)
{
	last->next = atomic_load_explicit(stack, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(stack, &last->next, first))
		continue;
}

void cdr_writer_add(struct cdr_writer *w, struct cdr_writer_entry *ended_take)
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

struct cdr_writer_entry *cdr_writer_take_committed(struct cdr_writer *w)
{
	if (!atomic_load_explicit(&w->committed, memory_order_relaxed))
		return NULL;
	return atomic_exchange(&w->committed, NULL);
}

void cdr_writer_stats(struct cdr_writer *w, struct cdr_stats *out)
{
	/* Read first, so that calls which end meanwhile count as pending and not as missing. */
	out->written = atomic_load(&w->written);
	out->pending = atomic_load(&w->queued) - out->written;
	out->errors = atomic_load(&w->errors);
}

static void collect_queue(struct cdr_writer *w)
{
	struct cdr_writer_entry *next, *oldest = NULL, *e = atomic_exchange(&w->queue, NULL);
	if (!e)
		return;
	struct cdr_writer_entry *newest = e;
	for (; e; e = next) {
		next = e->next;
		e->next = oldest;
		oldest = e;
	}
	*w->backlog.end = oldest;
	w->backlog.end = &newest->next;
}

static int step(struct cdr_writer *w, enum statement which)
{
	int result = sqlite3_step(w->statement[which]);
	sqlite3_reset(w->statement[which]);
	return db_sqlite_errno(result);
}

static void bind_text(sqlite3_stmt *add, int parameter, const char *text)
{
	if (utf8_valid(text))
		sqlite3_bind_text(add, parameter, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_text(add, parameter, utf8_from_latin1(text), -1, free);
}

static void bind(sqlite3_stmt *add, enum parameter parameter, int64_t value, int64_t null)
{
	if (value == null)
		sqlite3_bind_null(add, parameter);
	else
		sqlite3_bind_int64(add, parameter, value);
}

static int add_row(struct cdr_writer *w, const struct cdr_writer_entry *e)
{
	sqlite3_stmt *add = w->statement[ADD];
	struct cdr record;
	if (cdr_record_read(&record, e->bytes, e->size))
		return 0; /* it was read once before it was queued, so this cannot happen */
	for (int i = 0; i < CDR_RECORD_TEXTS; i++)
		bind_text(add, i + 1, cdr_record_text(&record, i));
	if (!record.attempts[0])
		sqlite3_bind_text(add, ATTEMPTS, "[]", -1, SQLITE_STATIC);
	bind(add, BEGIN_MS, record.begin_ms, 0);
	bind(add, RING_MS, record.ring_ms, 0);
	bind(add, ANSWER_MS, record.answer_ms, 0);
	bind(add, END_MS, record.end_ms, 0);
	bind(add, PDD_MS, record.pdd_ms, -1);
	bind(add, HOLD_MS, record.hold_ms, -1);
	sqlite3_bind_int(add, SIP_CODE, record.sip_code);
	sqlite3_bind_int(add, END_DIRECTION, record.end_direction);
	return step(w, ADD);
}

static int write_batch(struct cdr_writer *w, struct cdr_writer_entry **last, uint64_t *rows)
{
	int err = step(w, BEGIN);
	*rows = 0;
	for (struct cdr_writer_entry *e = w->backlog.first; !err && e && *rows < BATCH_MAX; e = e->next) {
		err = add_row(w, e);
		*last = e;
		++*rows;
	}
	if (err)
		return err;
	sqlite3_bind_int64(w->statement[SET_NUMBER], 1, (int64_t)(*last)->number);
	err = step(w, SET_NUMBER);
	return err ? err : step(w, COMMIT);
}

/* Rows that could not be written stay in the backlog, and in the journal, until they can be. */
static void write_backlog(struct cdr_writer *w)
{
	while (w->backlog.first) {
		struct cdr_writer_entry *first = w->backlog.first, *last = NULL;
		uint64_t rows;
		if (write_batch(w, &last, &rows)) {
			if (!sqlite3_get_autocommit(w->db->handle))
				db_sqlite_run(w->db->handle, "ROLLBACK");
			atomic_fetch_add(&w->errors, 1);
			return;
		}
		w->backlog.first = last->next;
		if (!last->next)
			w->backlog.end = &w->backlog.first;
		atomic_fetch_add(&w->written, rows);
		push(&w->committed, first, last);
	}
}

static struct timespec after_ms(unsigned ms)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000L;
	if (at.tv_nsec >= 1000000000L) {
		at.tv_nsec -= 1000000000L;
		at.tv_sec++;
	}
	return at;
}

static bool is_past(const struct timespec *deadline)
{
	struct timespec now = after_ms(0);
	return now.tv_sec > deadline->tv_sec ||
		(now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

/* Only a stop cuts the pause short. */
static void pause_thread(struct cdr_writer *w)
{
	struct timespec end = after_ms(atomic_load(&w->stopping) ? PAUSE_STOPPING_MS : PAUSE_MS);
	while (sem_clockwait(&w->wake, CLOCK_MONOTONIC, &end) && errno == EINTR)
		continue;
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
		while (sem_wait(&w->wake) && errno == EINTR)
			continue;
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
		if (!stopping && cdr_journal_is_low(w->journal))
			cdr_journal_grow(w->journal); /* a failure shows when there is no room for a record */
		atomic_store(&w->nudged, false);
		collect_queue(w);
		write_backlog(w);
		do_also(w);
		if (stopping && (!w->backlog.first || is_past(&w->deadline)))
			return NULL;
		pause_thread(w);
		if (!has_work(w))
			sleep_until_woken(w);
	}
}

int cdr_writer_start(struct cdr_writer *w, struct cdr_journal *journal)
{
	sigset_t all, before;
	w->journal = journal;
	collect_queue(w);
	write_backlog(w);
	sigfillset(&all); /* signals are handled by other threads */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int err = pthread_create(&w->thread, NULL, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	w->started = !err;
	return -err;
}

void cdr_writer_stop(struct cdr_writer *w, unsigned wait_ms)
{
	if (!w->started)
		return;
	w->deadline = after_ms(wait_ms);
	atomic_store(&w->stopping, true);
	sem_post(&w->wake);
	pthread_join(w->thread, NULL);
	w->started = false;
}

int cdr_writer_last_number(struct cdr_writer *w, uint64_t *out)
{
	sqlite3_stmt *statement = w->statement[LAST_NUMBER];
	int err = db_sqlite_errno(sqlite3_step(statement));
	if (!err)
		*out = (uint64_t)sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return err;
}

int cdr_writer_create(struct cdr_writer **out, const char *path, char *error, size_t error_size)
{
	struct cdr_writer *w = calloc(1, sizeof(*w));
	if (!w) {
		snprintf(error, error_size, "no memory to open %s", path);
		return -ENOMEM;
	}
	w->backlog.end = &w->backlog.first;
	sem_init(&w->wake, 0, 0);
	int err = db_open(&w->db, path, DB_CDR, DB_CREATE, error, error_size);
	if (!err) {
		sqlite3_busy_timeout(w->db->handle, BUSY_WAIT_MS);
		err = db_sqlite_prepare(w->db->handle, sql, w->statement, STATEMENTS);
		if (err)
			snprintf(error, error_size, "%s: %s", path, sqlite3_errmsg(w->db->handle));
	}
	if (err) {
		cdr_writer_destroy(w);
		return err;
	}
	*out = w;
	return 0;
}

static void free_all(struct cdr_writer_entry *e)
{
	for (struct cdr_writer_entry *next; e; e = next) {
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
	db_sqlite_finalize(w->statement, STATEMENTS);
	db_close(w->db);
	sem_destroy(&w->wake);
	free(w);
}
