#include "cdr_disk_turns.h"

#include "cdr_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	CHUNK = 256 * 1024,   /* bytes of the next file, between two batches for the present one */
	CHUNK_SLOTS = 65536,  /* that are looked at for it */
	GROWN = 16 * 1048576, /* a file is written anew when it is this large */
	GROWN_TIMES = 4,      /* and this many times as large as what was in use then */
	AHEAD = 128 * 1024,   /* by which a file is enlarged */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int write_all(int fd, const char *data, size_t n, size_t at, int flags)
{
	for (size_t done = 0; done < n;) {
		const struct iovec part = {(char *)data + done, n - done};
		ssize_t written = pwritev2(fd, &part, 1, (off_t)(at + done), flags);
		if (written < 0 && errno != EINTR)
			return -errno;
		done += written > 0 ? (size_t)written : 0;
	}
	return 0;
}

/* @param from  what stands before is in it, or is not for it */
static int append(struct cdr_disk_turns_file *f, struct cdr_disk_file_bytes *b, size_t from)
{
	int err;

	if (f->fd < 0)
		return 0;
	cdr_disk_file_stamp(b, from, f->generation);
	err = write_all(f->fd, b->data + from, b->n - from, f->at, 0);
	cdr_disk_file_stamp(b, from, f->generation); /* for another file */
	f->at += b->n - from;
	return err;
}

/* Past the page cache. A file system that cannot do it says so here, or at the first write. */
static void set_direct(int fd, bool on)
{
	const int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
}

/* What is written there later is no news for the file system. Where there is no room it is left to the write itself. */
static void enlarge(struct cdr_disk_turns *t, size_t end)
{
	static _Alignas(CDR_DISK_FILE_BLOCK) char zeros[AHEAD];

	if (end > t->size && !write_all(t->present.fd, zeros, sizeof(zeros), t->size, 0))
		t->size += sizeof(zeros);
	if (end > t->size)
		t->size = end;
}

/* The first one may be in the file already, and has more in it now. */
static int write_blocks(struct cdr_disk_turns *t)
{
	const size_t n = cdr_disk_file_fill(&t->bytes), at = t->present.at - t->old;
	int err;

	enlarge(t, at + n);
	err = write_all(t->present.fd, t->bytes.data, n, at, RWF_DSYNC);
	if (err != -EINVAL)
		return err;
	set_direct(t->present.fd, false);
	return write_all(t->present.fd, t->bytes.data, n, at, RWF_DSYNC);
}

/* The last block, unless it is full, stays for the next time. */
static void keep_last(struct cdr_disk_turns *t)
{
	struct cdr_disk_file_bytes *b = &t->bytes;
	const size_t full = b->n / CDR_DISK_FILE_BLOCK * CDR_DISK_FILE_BLOCK;

	t->present.at += b->n - t->old;
	b->n -= full;
	if (b->n)
		memmove(b->data, b->data + full, b->n);
	t->old = b->n;
}

static int write_present(struct cdr_disk_turns *t)
{
	int err;

	if (t->present.fd < 0)
		t->bytes.n = t->old = 0;
	if (t->bytes.n == t->old)
		return 0;
	cdr_disk_file_stamp(&t->bytes, t->old, t->present.generation);
	err = write_blocks(t);
	keep_last(t);
	return err;
}

static int sync_folder(const struct cdr_disk_turns *t)
{
	char folder[CDR_DISK_TURNS_PATH];
	const char *slash = strrchr(t->path, '/');
	int fd, err;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - t->path) + 1 : 1,
		slash ? t->path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = fd < 0 || fsync(fd) ? -errno : 0;
	close_fd(&fd);
	return err;
}

int cdr_disk_turns_open(struct cdr_disk_turns *t, const char *cdr)
{
	*t = (struct cdr_disk_turns){.present = {.fd = -1}, .next = {.fd = -1}, .spare = -1};
	snprintf(t->path, sizeof(t->path), "%s-live", cdr);
	snprintf(t->next_path, sizeof(t->next_path), "%s-live.next", cdr);
	t->lock = cdr_file_open(t->path);
	return t->lock == -EBUSY ? -EBUSY : 0;
}

void cdr_disk_turns_close(struct cdr_disk_turns *t, bool remove)
{
	if (remove && (t->present.fd >= 0 || t->lock >= 0))
		unlink(t->path);
	if (t->next.fd >= 0 || t->spare >= 0)
		unlink(t->next_path);
	close_fd(&t->present.fd);
	close_fd(&t->next.fd);
	close_fd(&t->spare);
	close_fd(&t->lock);
	free(t->bytes.data);
}

/* The disk may be full. */
void cdr_disk_turns_fail(struct cdr_disk_turns *t)
{
	if (t->lock < 0) {
		t->lock = t->present.fd; /* what is under the name stays locked */
		t->present.fd = -1;
	}
	if (t->next.fd >= 0 || t->spare >= 0)
		unlink(t->next_path);
	close_fd(&t->present.fd);
	close_fd(&t->next.fd);
	close_fd(&t->spare);
	t->bytes.n = t->old = 0;
}

int cdr_disk_turns_write(struct cdr_disk_turns *t)
{
	int err = append(&t->next, &t->bytes, t->old);

	return err ? err : write_present(t);
}

int cdr_disk_turns_begin(
	struct cdr_disk_turns *t, const struct cdr_journal *journal, const struct cdr_sign *sign)
{
	struct cdr_disk_file_bytes bytes = {0};
	int err, fd = t->spare >= 0 ? t->spare : cdr_file_open(t->next_path);

	if (fd < 0)
		return fd;
	t->spare = -1;
	set_direct(fd, false);
	t->next = (struct cdr_disk_turns_file){.fd = fd};
	t->slot = 1;
	t->sequence = cdr_journal_last_sequence(journal);
	if (getrandom(&t->next.generation, sizeof(t->next.generation), 0) != sizeof(t->next.generation))
		return -EIO;
	err = cdr_disk_file_begin(&bytes, t->next.generation);
	if (!err)
		err = write_all(fd, bytes.data, bytes.n, 0, 0);
	t->next.at = bytes.n;
	if (!err)
		err = cdr_disk_file_add_sign(&bytes, sign);
	if (!err)
		err = append(&t->next, &bytes, CDR_DISK_FILE_BEGINNING);
	free(bytes.data);
	return err;
}

/* In whole blocks; of the log itself at least. */
static size_t size_of(const struct cdr_disk_turns_file *f)
{
	struct stat st;
	const size_t size = fstat(f->fd, &st) || (size_t)st.st_size < f->at ? f->at : (size_t)st.st_size;

	return (size + CDR_DISK_FILE_BLOCK - 1) / CDR_DISK_FILE_BLOCK * CDR_DISK_FILE_BLOCK;
}

/* It takes the place of the present one, whose turn is next then. */
static int exchange(struct cdr_disk_turns *t)
{
	const bool shrink = t->present.at > GROWN && t->present.at > GROWN_TIMES * t->next.at;
	int err;

	if (t->present.fd >= 0 &&
		renameat2(AT_FDCWD, t->next_path, AT_FDCWD, t->path, RENAME_EXCHANGE) == 0) {
		t->spare = t->present.fd;
		if (shrink && ftruncate(t->spare, GROWN))
			close_fd(&t->spare);
	} else if (rename(t->next_path, t->path)) {
		return -errno;
	} else {
		close_fd(&t->present.fd);
	}
	close_fd(&t->lock);
	t->present = t->next;
	t->next.fd = -1;
	t->limit = t->present.at > GROWN / GROWN_TIMES ? GROWN_TIMES * t->present.at : GROWN;
	t->old = t->present.at % CDR_DISK_FILE_BLOCK;
	t->size = size_of(&t->present);
	err = cdr_disk_file_take(&t->bytes, t->present.fd, t->present.at - t->old, t->old);
	set_direct(t->present.fd, true);
	return err ? err : sync_folder(t);
}

static int end(struct cdr_disk_turns *t, const struct cdr_journal *journal)
{
	if (t->present.fd < 0 || !cdr_journal_is_incomplete(journal))
		return exchange(t);
	unlink(t->next_path);
	close_fd(&t->next.fd);
	return 0;
}

int cdr_disk_turns_go_on(struct cdr_disk_turns *t, const struct cdr_journal *journal)
{
	const cdr_slot slots = cdr_journal_slots(journal),
		       last = slots - t->slot > CHUNK_SLOTS ? t->slot + CHUNK_SLOTS : slots;
	struct cdr_disk_file_bytes chunk = {0};
	int err = 0;

	for (; !err && t->slot < last && chunk.n < CHUNK; t->slot++) {
		err = cdr_disk_file_add(&chunk, journal, t->slot, 0);
		if (!err)
			err = cdr_disk_file_add_note(&chunk, journal, t->slot);
	}
	if (!err)
		err = append(&t->next, &chunk, 0);
	free(chunk.data);
	if (!err && fdatasync(t->next.fd))
		err = -errno;
	return err || t->slot < slots ? err : end(t, journal);
}
