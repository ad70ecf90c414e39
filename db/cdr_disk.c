#include "cdr_disk.h"

#include "cdr_disk_turns.h"
#include "cdr_thread.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BATCH_US = 9700, /* an entry waits no longer, with the batch before it and the writing of its own */
	PAUSE_US = 1000, /* between two batches at least */
	LOOK_MS = 1000,  /* of an idle thread, and the next try after a failure */
	SIGN_MS = 500,  /* between two signs in the file; a look of an idle thread always finds a newer one */
	WAIT_MS = 1000, /* for the disk, before rows are written without it */
	NOTES = 65536,  /* what is noted while the disk does not answer */
};

struct note {
	uint64_t
		value; /* the sequence, 0 = the note of the entry; without a slot the number of a call that is done */
	cdr_slot slot;
};

struct cdr_disk {
	struct cdr_journal *journal;          /* NULL = there is none yet */
	char *memory;                         /* its file */
	_Atomic(struct cdr_journal *) opened; /* by the thread, until cdr_disk_take_journal() */
	struct note *notes;                   /* a ring: the loop adds, the thread takes */
	_Atomic uint32_t added, taken;
	atomic_bool overflowed, asleep, stopping;
	sem_t wake;
	pthread_t thread;
	bool started;
	/* The thread's own: */
	struct cdr_disk_turns turns;
	struct cdr_sign sign; /* in the file */
	uint64_t collected;   /* sequence of the last entry that was taken */
	bool gap;             /* notes before that were given up, and are not in the present file */
	uint64_t retry_ms, checked_ms;
	/* Under the lock: */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	uint64_t synced; /* sequence of the last entry on the disk */
	int err;         /* why there is no file */
	int memory_err;  /* why there is no new one of the journal in memory */
	uint64_t err_since_ms, busy_since_ms;
	bool ended;
};

/* Notes ------------------------------------------------------------------------------------- */

static void note(struct cdr_disk *d, const struct note *n)
{
	uint32_t added = atomic_load_explicit(&d->added, memory_order_relaxed);

	if (added - atomic_load_explicit(&d->taken, memory_order_acquire) == NOTES) {
		atomic_store(&d->overflowed, true);
	} else {
		d->notes[added % NOTES] = *n;
		atomic_store(&d->added, added + 1);
	}
	if (atomic_load(&d->asleep) && atomic_exchange(&d->asleep, false))
		sem_post(&d->wake);
}

void cdr_disk_note(struct cdr_disk *d, cdr_slot slot, uint64_t sequence)
{
	note(d, &(struct note){sequence, slot});
}

void cdr_disk_note_note(struct cdr_disk *d, cdr_slot slot)
{
	note(d, &(struct note){0, slot});
}

void cdr_disk_note_done(struct cdr_disk *d, uint64_t number)
{
	note(d, &(struct note){number, 0});
}

/* State ------------------------------------------------------------------------------------- */

static void set_error(struct cdr_disk *d, int err)
{
	pthread_mutex_lock(&d->mutex);
	if (err && !d->err)
		d->err_since_ms = cdr_thread_now_ms();
	d->err = err;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->mutex);
}

/* What was written is on the disk, unless there is no file, or something is missing in it. */
static void set_synced(struct cdr_disk *d)
{
	pthread_mutex_lock(&d->mutex);
	if (d->turns.present.fd >= 0 && !d->gap && !atomic_load(&d->overflowed))
		d->synced = d->collected;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->mutex);
}

static void set_busy(struct cdr_disk *d, bool busy)
{
	pthread_mutex_lock(&d->mutex);
	d->busy_since_ms = busy ? cdr_thread_now_ms() : 0;
	pthread_mutex_unlock(&d->mutex);
}

void cdr_disk_wait(struct cdr_disk *d, uint64_t sequence)
{
	const struct timespec end = cdr_thread_after_ms(WAIT_MS);
	int timeout = 0;

	pthread_mutex_lock(&d->mutex);
	while (d->synced < sequence && !d->err && !d->ended && !timeout)
		timeout = pthread_cond_clockwait(&d->changed, &d->mutex, CLOCK_MONOTONIC, &end);
	pthread_mutex_unlock(&d->mutex);
}

uint64_t cdr_disk_error(struct cdr_disk *d, char *error, size_t size)
{
	uint64_t now = cdr_thread_now_ms(), since;

	pthread_mutex_lock(&d->mutex);
	since = d->err ? d->err_since_ms : d->busy_since_ms;
	if (d->memory_err) {
		since = now - CDR_THREAD_STUCK_MS;
		snprintf(error, size, "the journal in memory: %s", strerror(-d->memory_err));
	} else if (d->err) {
		snprintf(error, size, "%s: %s", d->turns.path, strerror(-d->err));
	} else if (since && now - since >= CDR_THREAD_STUCK_MS) {
		snprintf(error, size, "%s: the disk does not answer", d->turns.path);
	} else {
		error[0] = '\0';
	}
	pthread_mutex_unlock(&d->mutex);
	return error[0] ? now - since : 0;
}

/* The thread -------------------------------------------------------------------------------- */

static bool has_notes(struct cdr_disk *d)
{
	return atomic_load(&d->added) != atomic_load_explicit(&d->taken, memory_order_relaxed);
}

static int take_note(struct cdr_disk *d, const struct note *n)
{
	if (!n->slot)
		return cdr_disk_file_add_done(&d->turns.bytes, n->value);
	if (!n->value)
		return cdr_disk_file_add_note(&d->turns.bytes, d->journal, n->slot);
	d->collected = n->value;
	return cdr_disk_file_add(&d->turns.bytes, d->journal, n->slot, n->value);
}

static int take_notes(struct cdr_disk *d)
{
	uint32_t at = atomic_load_explicit(&d->taken, memory_order_relaxed), end = atomic_load(&d->added);
	int err = 0;

	for (; !err && at != end; at++)
		err = take_note(d, &d->notes[at % NOTES]);
	atomic_store_explicit(&d->taken, at, memory_order_release);
	return err;
}

static int take_sign(struct cdr_disk *d)
{
	struct cdr_sign sign;

	cdr_journal_last_sign(d->journal, &sign);
	if (sign.steady_ms - d->sign.steady_ms < SIGN_MS)
		return 0;
	d->sign = sign;
	return cdr_disk_file_add_sign(&d->turns.bytes, &sign);
}

static bool is_time_for_next(const struct cdr_disk *d)
{
	if (cdr_journal_is_incomplete(d->journal))
		return false; /* the file has what memory lacks */
	if (d->turns.present.fd < 0)
		return cdr_thread_now_ms() >= d->retry_ms;
	return d->turns.present.at > d->turns.limit || atomic_load(&d->overflowed);
}

static int write_batch(struct cdr_disk *d)
{
	int err = take_notes(d);

	if (!err)
		err = take_sign(d);
	return err ? err : cdr_disk_turns_write(&d->turns);
}

static int begin_next(struct cdr_disk *d)
{
	d->gap |= atomic_exchange(&d->overflowed, false);
	cdr_journal_last_sign(d->journal, &d->sign);
	return cdr_disk_turns_begin(&d->turns, d->journal, &d->sign);
}

static int go_on_with_next(struct cdr_disk *d)
{
	const uint64_t generation = d->turns.next.generation;
	int err = cdr_disk_turns_go_on(&d->turns, d->journal);

	if (err || d->turns.present.generation != generation)
		return err;
	d->gap = false;
	cdr_journal_set_disk(d->journal, generation);
	if (d->turns.sequence > d->collected)
		d->collected = d->turns.sequence;
	return 0;
}

static void set_memory_error(struct cdr_disk *d, int err)
{
	pthread_mutex_lock(&d->mutex);
	d->memory_err = err;
	pthread_mutex_unlock(&d->mutex);
}

static void check_memory(struct cdr_disk *d)
{
	if (cdr_thread_now_ms() - d->checked_ms < LOOK_MS)
		return;
	set_memory_error(d, cdr_journal_check(d->journal));
	d->checked_ms = cdr_thread_now_ms();
}

/* Calls of the process before can be gone on with only at the start. */
static int refuse(const struct cdr_journal_entry *entry, void *arg)
{
	(void)entry;
	(void)arg;
	return -EEXIST;
}

static int open_memory(struct cdr_disk *d)
{
	char error[CDR_ERROR_SIZE];
	struct cdr_journal_found found;
	struct cdr_journal *j = NULL;
	int err = cdr_journal_open(&j, d->memory, error, sizeof(error));

	if (!err)
		err = cdr_journal_read(j, &found, refuse, NULL);
	if (err) {
		cdr_journal_close(j);
		return err;
	}
	cdr_journal_lack(j); /* the calls there are already */
	d->journal = j;
	atomic_store(&d->opened, j);
	return 0;
}

/* There was no room for one at the start, or something else was wrong. */
static void look_for_memory(struct cdr_disk *d)
{
	while (!d->journal && !atomic_load(&d->stopping)) {
		set_memory_error(d, open_memory(d));
		if (!d->journal)
			cdr_thread_wait(&d->wake, LOOK_MS);
	}
}

static void work(struct cdr_disk *d)
{
	const bool had_file = d->turns.present.fd >= 0;
	int err;

	set_busy(d, true);
	err = write_batch(d);
	if (!err && d->turns.next.fd < 0 && !atomic_load(&d->stopping) && is_time_for_next(d))
		err = begin_next(d);
	if (!err && d->turns.next.fd >= 0)
		err = go_on_with_next(d);
	if (err) {
		cdr_disk_turns_fail(&d->turns);
		d->retry_ms = cdr_thread_now_ms() + LOOK_MS;
	}
	set_busy(d, false);
	set_synced(d);
	if (err || (!had_file && d->turns.present.fd >= 0))
		set_error(d, err);
}

static void sleep_until_woken(struct cdr_disk *d)
{
	atomic_store(&d->asleep, true);
	if (!has_notes(d) && !atomic_load(&d->stopping))
		cdr_thread_wait(&d->wake, LOOK_MS);
	atomic_store(&d->asleep, false);
}

/* How long notes are collected after a batch that took so long. */
static uint64_t pause_us(uint64_t batch_us)
{
	return 2 * batch_us + PAUSE_US < BATCH_US ? BATCH_US - 2 * batch_us : PAUSE_US;
}

static void run(struct cdr_disk *d)
{
	bool stopping;

	do {
		const uint64_t begun_us = cdr_thread_now_us();
		stopping = atomic_load(&d->stopping);
		check_memory(d);
		work(d);
		const uint64_t pause = pause_us(cdr_thread_now_us() - begun_us);
		if (stopping && (d->turns.present.fd >= 0 || d->turns.next.fd < 0))
			break;
		if (d->turns.present.fd < 0 && d->turns.next.fd >= 0)
			continue; /* the first file: nothing is on the disk before it is whole */
		cdr_thread_wait_us(&d->wake, pause);
		if (d->turns.next.fd < 0 && !has_notes(d)) {
			sleep_until_woken(d);
			if (has_notes(d))
				cdr_thread_wait_us(&d->wake, pause);
		}
	} while (true);
}

static void *thread_main(void *arg)
{
	struct cdr_disk *d = arg;

	look_for_memory(d);
	if (d->journal)
		run(d);
	pthread_mutex_lock(&d->mutex);
	d->ended = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->mutex);
	return NULL;
}

/* From open to close ------------------------------------------------------------------------ */

int cdr_disk_start(struct cdr_disk *d, struct cdr_journal *journal, const char *memory)
{
	int err;

	d->journal = journal;
	d->memory = strdup(memory);
	if (!d->memory)
		return -ENOMEM;
	err = cdr_thread_start(&d->thread, thread_main, d);
	d->started = !err;
	return err;
}

struct cdr_journal *cdr_disk_take_journal(struct cdr_disk *d)
{
	return atomic_load_explicit(&d->opened, memory_order_relaxed) ? atomic_exchange(&d->opened, NULL)
								      : NULL;
}

int cdr_disk_open(struct cdr_disk **out, const char *cdr)
{
	struct cdr_disk *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	sem_init(&d->wake, 0, 0);
	pthread_mutex_init(&d->mutex, NULL);
	pthread_cond_init(&d->changed, NULL);
	err = cdr_disk_turns_open(&d->turns, cdr);
	d->notes = calloc(NOTES, sizeof(*d->notes));
	if (!d->notes)
		err = -ENOMEM;
	if (err) {
		cdr_disk_close(d, 0, false);
		return err;
	}
	*out = d;
	return 0;
}

int cdr_disk_read(struct cdr_disk *d, const struct cdr_journal_found *memory,
	struct cdr_disk_file_found *found, cdr_journal_entry_h *on_entry, void *arg)
{
	const int fd = d->turns.lock;

	*found = (struct cdr_disk_file_found){0};
	if (fd < 0 ||
		(memory->disk && !memory->damaged &&
			cdr_disk_file_is_behind(fd, memory->disk, memory->sequence)))
		return 0;
	return cdr_disk_file_read(fd, found, on_entry, arg);
}

/* @return false when the disk does not let it end */
static bool stop(struct cdr_disk *d, unsigned wait_ms)
{
	const struct timespec end = cdr_thread_after_ms(wait_ms);
	int timeout = 0;

	atomic_store(&d->stopping, true);
	sem_post(&d->wake);
	pthread_mutex_lock(&d->mutex);
	while (!d->ended && !timeout)
		timeout = pthread_cond_clockwait(&d->changed, &d->mutex, CLOCK_MONOTONIC, &end);
	pthread_mutex_unlock(&d->mutex);
	return !timeout && !pthread_join(d->thread, NULL);
}

bool cdr_disk_close(struct cdr_disk *d, unsigned wait_ms, bool remove)
{
	if (!d)
		return true;
	if (d->started && !stop(d, wait_ms))
		return false;
	cdr_disk_turns_close(&d->turns, remove);
	cdr_journal_close(cdr_disk_take_journal(d));
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->mutex);
	sem_destroy(&d->wake);
	free(d->notes);
	free(d->memory);
	free(d);
	return true;
}
