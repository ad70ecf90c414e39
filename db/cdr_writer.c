#include "cdr_writer.h"
#include "cdr_table.h"

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
};

struct list {
	struct cdr_entry *first, **end; /* oldest first */
};

struct cdr_writer {
	struct cdr_table *table;
	struct cdr_journal *journal;
	_Atomic(struct cdr_entry *) queue, committed; /* stacks, newest first */
	struct list backlog;                          /* taken off the queue; the thread's own */
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

void cdr_writer_stats(struct cdr_writer *w, struct cdr_stats *out)
{
	/* Read first, so that calls which end meanwhile count as pending and not as missing. */
	out->written = atomic_load(&w->written);
	out->pending = atomic_load(&w->queued) - out->written;
	out->errors = atomic_load(&w->errors);
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
	}
	*w->backlog.end = oldest;
	w->backlog.end = &newest->next;
}

/* Rows that could not be written stay in the backlog, and in the journal, until they can be. */
static void write_backlog(struct cdr_writer *w)
{
	while (w->backlog.first) {
		struct cdr_entry *first = w->backlog.first, *last = NULL;
		uint64_t rows;
		if (cdr_table_add(w->table, first, &last, &rows)) {
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
	return cdr_table_last_number(w->table, out);
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
	int err = cdr_table_open(&w->table, path, error, error_size);
	if (err) {
		cdr_writer_destroy(w);
		return err;
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
	cdr_table_close(w->table);
	sem_destroy(&w->wake);
	free(w);
}
