/* Somebody truncates, removes or replaces the file of a journal that is in use: everything goes on, with a new file. */
#include "cdr_journal_internal.h"

#include "cdr_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GUARDED_MAX = 16 };

static _Atomic(struct cdr_journal *) guarded[GUARDED_MAX];
static struct sigaction before;
static uintptr_t page_size;

/* A page that has gone from the file -------------------------------------------------------- */

static bool is_in(const struct cdr_journal *j, uintptr_t address)
{
	const unsigned n = atomic_load_explicit(&j->n_segments, memory_order_acquire);

	for (unsigned i = 0; i < n; i++)
		if (address - (uintptr_t)j->segment[i] < SEGMENT_SIZE)
			return true;
	return address - (uintptr_t)atomic_load(&j->copying) < SEGMENT_SIZE;
}

static struct cdr_journal *find(uintptr_t address)
{
	for (unsigned i = 0; i < GUARDED_MAX; i++) {
		struct cdr_journal *j = atomic_load(&guarded[i]);
		if (j && is_in(j, address))
			return j;
	}
	return NULL;
}

/* What is written to the page from now on is lost, what was in it, too. Only calls that a signal may interrupt. */
static void on_sigbus(int number, siginfo_t *info, void *context)
{
	const uintptr_t address = (uintptr_t)info->si_addr;
	struct cdr_journal *j = info->si_code > 0 ? find(address) : NULL;
	const int err = errno;

	(void)context;
	if (j &&
		mmap((void *)(address / page_size * page_size), page_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
		atomic_store(&j->broken, true);
		errno = err;
		return;
	}
	sigaction(number, &before, NULL); /* it is none of ours */
	raise(number);
}

static void install(void)
{
	struct sigaction now, action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};

	page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, NULL, &now);
	if (now.sa_sigaction == on_sigbus)
		return;
	before = now;
	sigaction(SIGBUS, &action, NULL);
}

int cdr_journal_guard(struct cdr_journal *j)
{
	install();
	for (unsigned i = 0; i < GUARDED_MAX; i++) {
		struct cdr_journal *none = NULL;
		if (atomic_compare_exchange_strong(&guarded[i], &none, j))
			return 0;
	}
	return -EMFILE;
}

void cdr_journal_unguard(const struct cdr_journal *j)
{
	for (unsigned i = 0; i < GUARDED_MAX; i++)
		if (atomic_load(&guarded[i]) == j)
			atomic_store(&guarded[i], NULL);
}

/* A new file -------------------------------------------------------------------------------- */

bool cdr_journal_is_incomplete(const struct cdr_journal *j)
{
	return atomic_load(&j->broken) || atomic_load(&j->incomplete);
}

void cdr_journal_complete(struct cdr_journal *j)
{
	atomic_store(&j->incomplete, false);
	cdr_journal_header(j)->incomplete = 0;
}

void cdr_journal_lack(struct cdr_journal *j)
{
	atomic_store(&j->incomplete, true);
	cdr_journal_header(j)->incomplete = 1;
}

/* Also when nothing has been read or written where the file is shorter now. */
static bool is_whole(struct cdr_journal *j)
{
	struct stat ours = {0};

	if (!fstat(j->fd, &ours) && ours.st_size < (off_t)j->n_segments * SEGMENT_SIZE)
		atomic_store(&j->broken, true);
	return !atomic_load(&j->broken) && cdr_file_has_name(&ours, j->path);
}

/* logind may have removed it when its user logged out. */
static void make_folder(const char *path)
{
	char folder[4096];

	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	mkdir(folder, 0700);
}

static int make_file(const struct cdr_journal *j)
{
	char path[4096];
	int fd, err;

	snprintf(path, sizeof(path), "%s.new", j->path);
	unlink(path);
	if (strchr(path, '/'))
		make_folder(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, CDR_FILE_MODE);
	if (fd < 0)
		return -errno;
	err = flock(fd, LOCK_EX | LOCK_NB) || fchmod(fd, CDR_FILE_MODE) ? errno : 0;
	if (!err)
		err = posix_fallocate(fd, 0, (off_t)j->n_segments * SEGMENT_SIZE);
	if (!err && rename(path, j->path))
		err = errno;
	if (!err)
		return fd;
	unlink(path);
	close(fd);
	return -err;
}

int cdr_journal_check(struct cdr_journal *j)
{
	int err = 0;

	pthread_mutex_lock(&j->file_lock);
	if (j->new_fd < 0 && !is_whole(j)) {
		int fd = make_file(j);
		j->new_segments = j->n_segments;
		j->new_fd = fd < 0 ? -1 : fd;
		err = fd < 0 ? fd : 0;
		atomic_store(&j->has_new, fd >= 0);
	}
	pthread_mutex_unlock(&j->file_lock);
	return err;
}

/* The addresses stay, so that others may read meanwhile. Pages that have gone are copied as zeros. */
static int move_segment(struct cdr_journal *j, unsigned i)
{
	const off_t at = (off_t)i * SEGMENT_SIZE;
	void *to = mmap(NULL, SEGMENT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, j->new_fd, at);
	int err = 0;

	if (to == MAP_FAILED)
		return -errno;
	atomic_store(&j->copying, to);
	memcpy(to, j->segment[i], SEGMENT_SIZE);
	atomic_store(&j->copying, NULL);
	if (mmap(j->segment[i], SEGMENT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, j->new_fd,
		    at) == MAP_FAILED)
		err = -errno;
	munmap(to, SEGMENT_SIZE);
	return err;
}

static int move(struct cdr_journal *j)
{
	int err = j->new_segments == j->n_segments ? 0 : -EAGAIN; /* it has grown meanwhile */

	for (unsigned i = 0; !err && i < j->new_segments; i++)
		err = move_segment(j, i);
	return err;
}

bool cdr_journal_renew(struct cdr_journal *j)
{
	int err;

	if (!atomic_load_explicit(&j->has_new, memory_order_relaxed) || pthread_mutex_trylock(&j->file_lock))
		return false;
	err = move(j);
	if (!err) {
		close(j->fd);
		j->fd = j->new_fd;
		if (atomic_exchange(&j->broken, false))
			atomic_store(&j->incomplete, true);
		cdr_journal_begin(j, &cdr_journal_header(j)->sign);
	} else {
		close(j->new_fd);
	}
	j->new_fd = -1;
	atomic_store(&j->has_new, false);
	pthread_mutex_unlock(&j->file_lock);
	return !err;
}
