#include "cdr_disk.h"

#include "cdr_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	BATCH_MS = 9,   /* an entry waits no longer, with the batch before it and the writing of its own */
	LOOK_MS = 1000, /* the sign of an idle switch, and the next try after a failure */
	WAIT_MS = 1000, /* for the disk, before rows are written without it */
	NOTES = 65536,  /* what is noted while the disk does not answer */
	CHUNK = 256 * 1024,   /* of a new file, between two batches for the present one */
	GROWN = 16 * 1048576, /* a file is written anew when it is this large */
	GROWN_TIMES = 4,      /* and this many times as large as what was in use then */
	PATH_SIZE = 4096 + 16,
};

struct note {
	uint64_t value; /* the sequence; without a slot the number of a call that is done */
	cdr_slot slot;
};

/** A file and what has been added to it. */
struct file {
	int fd;    /* -1 = none */
	size_t at; /* the end of the log in it */
	uint64_t generation;
};

struct cdr_disk {
	char path[PATH_SIZE], next_path[PATH_SIZE]; /* the latter of the file whose turn is next */
	struct cdr_journal *journal;
	struct note *notes; /* a ring: the loop adds, the thread takes */
	_Atomic uint32_t added, taken;
	atomic_bool overflowed, asleep, stopping;
	sem_t wake;
	pthread_t thread;
	bool started;
	/* The thread's own: */
	struct file file, fresh; /* the one under the name, and the one that is written to take its place */
	int lock, spare;         /* what was under the name before, and waits for its turn; -1 = none */
	cdr_slot next;           /* of the journal, to be written into fresh */
	uint64_t begun;          /* sequence of the last entry when fresh was begun */
	size_t grown;            /* at which size the file is written anew */
	struct cdr_disk_file_bytes bytes;
	struct cdr_sign sign; /* in the file */
	uint64_t collected;   /* sequence of the last entry in bytes */
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

/* What was written is on the disk, unless there is no file. */
static void set_synced(struct cdr_disk *d)
{
	pthread_mutex_lock(&d->mutex);
	if (d->file.fd >= 0)
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
		snprintf(error, size, "%s: %s", d->path, strerror(-d->err));
	} else if (since && now - since >= CDR_THREAD_STUCK_MS) {
		snprintf(error, size, "%s: the disk does not answer", d->path);
	} else {
		error[0] = '\0';
	}
	pthread_mutex_unlock(&d->mutex);
	return error[0] ? now - since : 0;
}

/* Files ------------------------------------------------------------------------------------- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* @param from  what stands before is not stamped @param flags  RWF_DSYNC: it is on the disk then */
static int append(struct file *f, struct cdr_disk_file_bytes *b, size_t from, int flags)
{
	if (f->fd < 0)
		return 0;
	cdr_disk_file_stamp(b, from, f->generation);
	for (size_t at = 0; at < b->n;) {
		const struct iovec part = {b->data + at, b->n - at};
		ssize_t n = pwritev2(f->fd, &part, 1, (off_t)f->at, flags);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
		f->at += n > 0 ? (size_t)n : 0;
	}
	cdr_disk_file_stamp(b, from, f->generation); /* for another file */
	return 0;
}

static int sync_folder(const struct cdr_disk *d)
{
	char folder[PATH_SIZE];
	const char *slash = strrchr(d->path, '/');
	int fd, err;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - d->path) + 1 : 1,
		slash ? d->path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = fd < 0 || fsync(fd) ? -errno : 0;
	close_fd(&fd);
	return err;
}

/* Nothing of it counts: after an error it is not known what of it is on the disk, which may be full. */
static void fail(struct cdr_disk *d, int err)
{
	if (d->lock < 0) {
		d->lock = d->file.fd; /* what is under the name stays locked */
		d->file.fd = -1;
	}
	if (d->fresh.fd >= 0 || d->spare >= 0)
		unlink(d->next_path);
	close_fd(&d->file.fd);
	close_fd(&d->fresh.fd);
	close_fd(&d->spare);
	d->retry_ms = cdr_thread_now_ms() + LOOK_MS;
	set_error(d, err);
}

static int write_beginning(struct cdr_disk *d)
{
	struct cdr_disk_file_bytes begin = {0};
	int err;

	if (getrandom(&d->fresh.generation, sizeof(d->fresh.generation), 0) != sizeof(d->fresh.generation))
		return -EIO;
	err = cdr_disk_file_begin(&begin, d->fresh.generation);
	cdr_journal_last_sign(d->journal, &d->sign);
	if (!err)
		err = cdr_disk_file_add_sign(&begin, &d->sign);
	if (!err)
		err = append(&d->fresh, &begin, CDR_DISK_FILE_BEGINNING, 0);
	free(begin.data);
	return err;
}

static int begin_fresh(struct cdr_disk *d)
{
	int fd = d->spare >= 0 ? d->spare : cdr_disk_file_create(d->next_path);

	if (fd < 0)
		return fd;
	d->spare = -1;
	d->fresh = (struct file){.fd = fd};
	d->next = 1;
	d->begun = cdr_journal_last_sequence(d->journal);
	atomic_store(&d->overflowed, false);
	return write_beginning(d);
}

/* It takes the place of the present one, whose turn is next. */
static int exchange(struct cdr_disk *d)
{
	if (d->file.fd >= 0 && renameat2(AT_FDCWD, d->next_path, AT_FDCWD, d->path, RENAME_EXCHANGE) == 0) {
		d->spare = d->file.fd;
		if (d->file.at > GROWN_TIMES * d->fresh.at && d->file.at > GROWN &&
			ftruncate(d->spare, GROWN))
			return -errno;
	} else if (rename(d->next_path, d->path)) {
		return -errno;
	} else {
		close_fd(&d->file.fd);
	}
	close_fd(&d->lock);
	return 0;
}

/* The new file is whole. */
static int end_fresh(struct cdr_disk *d)
{
	int err = exchange(d);

	if (err)
		return err;
	d->file = d->fresh;
	d->fresh.fd = -1;
	if (d->begun > d->collected)
		d->collected = d->begun;
	d->grown = d->file.at > GROWN / GROWN_TIMES ? GROWN_TIMES * d->file.at : GROWN;
	return sync_folder(d);
}

/* Memory lacks what the present file has. */
static void give_up_fresh(struct cdr_disk *d)
{
	unlink(d->next_path);
	close_fd(&d->fresh.fd);
}

/* Some more of the new file, so that a large one does not hold up the next batch. */
static int go_on_with_fresh(struct cdr_disk *d)
{
	const cdr_slot slots = cdr_journal_slots(d->journal);
	struct cdr_disk_file_bytes chunk = {0};
	int err = 0;

	for (; !err && d->next < slots && chunk.n < CHUNK; d->next++)
		err = cdr_disk_file_add(&chunk, d->journal, d->next, 0);
	if (!err)
		err = append(&d->fresh, &chunk, 0, 0);
	free(chunk.data);
	if (!err && fdatasync(d->fresh.fd))
		err = -errno;
	if (err || d->next < slots)
		return err;
	if (d->file.fd < 0 || !cdr_journal_is_incomplete(d->journal))
		return end_fresh(d);
	give_up_fresh(d);
	return 0;
}

/* The thread -------------------------------------------------------------------------------- */

static bool has_notes(struct cdr_disk *d)
{
	return atomic_load(&d->added) != atomic_load_explicit(&d->taken, memory_order_relaxed);
}

static int take_notes(struct cdr_disk *d)
{
	uint32_t at = atomic_load_explicit(&d->taken, memory_order_relaxed), end = atomic_load(&d->added);
	int err = 0;

	for (; !err && at != end; at++) {
		const struct note *n = &d->notes[at % NOTES];
		if (n->slot)
			d->collected = n->value;
		err = n->slot ? cdr_disk_file_add(&d->bytes, d->journal, n->slot, n->value)
			      : cdr_disk_file_add_done(&d->bytes, n->value);
	}
	atomic_store_explicit(&d->taken, at, memory_order_release);
	return err;
}

static int take_sign(struct cdr_disk *d)
{
	struct cdr_sign sign;

	cdr_journal_last_sign(d->journal, &sign);
	if (sign.steady_ms - d->sign.steady_ms < LOOK_MS)
		return 0;
	d->sign = sign;
	return cdr_disk_file_add_sign(&d->bytes, &sign);
}

static bool needs_fresh(const struct cdr_disk *d)
{
	if (d->file.fd < 0)
		return cdr_thread_now_ms() >= d->retry_ms;
	if (cdr_journal_is_incomplete(d->journal))
		return false; /* the file has what memory lacks */
	return d->file.at > d->grown || atomic_load(&d->overflowed);
}

static int write_batch(struct cdr_disk *d)
{
	int err;

	d->bytes.n = 0;
	err = take_notes(d);
	if (!err)
		err = take_sign(d);
	if (!err)
		err = append(&d->file, &d->bytes, 0, RWF_DSYNC);
	if (!err)
		err = append(&d->fresh, &d->bytes, 0, 0);
	return err;
}

static void check_memory(struct cdr_disk *d)
{
	int err;

	if (cdr_thread_now_ms() - d->checked_ms < LOOK_MS)
		return;
	err = cdr_journal_check(d->journal);
	d->checked_ms = cdr_thread_now_ms();
	pthread_mutex_lock(&d->mutex);
	d->memory_err = err;
	pthread_mutex_unlock(&d->mutex);
}

static void work(struct cdr_disk *d)
{
	const bool had_file = d->file.fd >= 0;
	int err;

	set_busy(d, true);
	err = write_batch(d);
	if (!err && d->fresh.fd < 0 && needs_fresh(d))
		err = begin_fresh(d);
	if (!err && d->fresh.fd >= 0)
		err = go_on_with_fresh(d);
	if (err)
		fail(d, err);
	set_busy(d, false);
	set_synced(d);
	if (!had_file && d->file.fd >= 0)
		set_error(d, 0);
}

static void sleep_until_woken(struct cdr_disk *d)
{
	atomic_store(&d->asleep, true);
	if (!has_notes(d) && !atomic_load(&d->stopping))
		cdr_thread_wait(&d->wake, LOOK_MS);
	atomic_store(&d->asleep, false);
}

/* How long notes are collected after a batch that took so long. */
static unsigned pause_ms(uint64_t batch_ms)
{
	return batch_ms < BATCH_MS / 2 ? BATCH_MS - 2 * (unsigned)batch_ms : 1;
}

static void *thread_main(void *arg)
{
	struct cdr_disk *d = arg;
	bool stopping;

	do {
		const uint64_t begun_ms = cdr_thread_now_ms();
		stopping = atomic_load(&d->stopping);
		check_memory(d);
		work(d);
		const unsigned pause = pause_ms(cdr_thread_now_ms() - begun_ms);
		if (stopping && d->fresh.fd < 0)
			break;
		cdr_thread_wait(&d->wake, pause);
		if (d->fresh.fd < 0 && !has_notes(d)) {
			sleep_until_woken(d);
			cdr_thread_wait(&d->wake, pause);
		}
	} while (true);
	pthread_mutex_lock(&d->mutex);
	d->ended = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->mutex);
	return NULL;
}

/* From open to close ------------------------------------------------------------------------ */

int cdr_disk_start(struct cdr_disk *d, struct cdr_journal *journal)
{
	int err;

	d->journal = journal;
	err = cdr_thread_start(&d->thread, thread_main, d);
	d->started = !err;
	return err;
}

int cdr_disk_open(struct cdr_disk **out, const char *cdr, struct cdr_disk_file_found *found,
	cdr_journal_entry_h *on_entry, void *arg)
{
	struct cdr_disk *d = calloc(1, sizeof(*d));
	int err;

	*found = (struct cdr_disk_file_found){0};
	if (!d)
		return -ENOMEM;
	d->file.fd = d->fresh.fd = d->spare = -1;
	sem_init(&d->wake, 0, 0);
	pthread_mutex_init(&d->mutex, NULL);
	pthread_cond_init(&d->changed, NULL);
	snprintf(d->path, sizeof(d->path), "%s-live", cdr);
	snprintf(d->next_path, sizeof(d->next_path), "%s-live.next", cdr);
	d->lock = cdr_disk_file_open(d->path);
	d->notes = calloc(NOTES, sizeof(*d->notes));
	err = !d->notes ? -ENOMEM : d->lock == -EBUSY ? -EBUSY : 0;
	if (!err && d->lock >= 0)
		err = cdr_disk_file_read(d->lock, found, on_entry, arg);
	if (err) {
		cdr_disk_close(d, 0, false);
		return err;
	}
	*out = d;
	return 0;
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

void cdr_disk_close(struct cdr_disk *d, unsigned wait_ms, bool remove)
{
	if (!d || (d->started && !stop(d, wait_ms)))
		return; /* the thread still has it */
	if (remove && (d->file.fd >= 0 || d->lock >= 0))
		unlink(d->path);
	if (d->fresh.fd >= 0 || d->spare >= 0)
		unlink(d->next_path);
	close_fd(&d->file.fd);
	close_fd(&d->fresh.fd);
	close_fd(&d->spare);
	close_fd(&d->lock);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->mutex);
	sem_destroy(&d->wake);
	free(d->bytes.data);
	free(d->notes);
	free(d);
}

const char *cdr_disk_path(const struct cdr_disk *d)
{
	return d->path;
}
