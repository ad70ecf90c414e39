#include "cdr_disk_turns.h"

#include "cdr_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	CHUNK = 256 * 1024,   /* bytes of the next file, between two batches for the present one */
	CHUNK_SLOTS = 65536,  /* that are looked at for it */
	GROWN = 16 * 1048576, /* a file is written anew when it is this large */
	GROWN_TIMES = 4,      /* and this many times as large as what was in use then */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* @param from  what stands before is not stamped @param flags  RWF_DSYNC: it is on the disk then */
static int append(struct cdr_disk_turns_file *f, struct cdr_disk_file_bytes *b, size_t from, int flags)
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
}

int cdr_disk_turns_write(struct cdr_disk_turns *t, struct cdr_disk_file_bytes *bytes)
{
	int err = append(&t->present, bytes, 0, RWF_DSYNC);

	return err ? err : append(&t->next, bytes, 0, 0);
}

int cdr_disk_turns_begin(
	struct cdr_disk_turns *t, const struct cdr_journal *journal, const struct cdr_sign *sign)
{
	struct cdr_disk_file_bytes bytes = {0};
	int err, fd = t->spare >= 0 ? t->spare : cdr_file_open(t->next_path);

	if (fd < 0)
		return fd;
	t->spare = -1;
	t->next = (struct cdr_disk_turns_file){.fd = fd};
	t->slot = 1;
	t->sequence = cdr_journal_last_sequence(journal);
	if (getrandom(&t->next.generation, sizeof(t->next.generation), 0) != sizeof(t->next.generation))
		return -EIO;
	err = cdr_disk_file_begin(&bytes, t->next.generation);
	if (!err)
		err = cdr_disk_file_add_sign(&bytes, sign);
	if (!err)
		err = append(&t->next, &bytes, CDR_DISK_FILE_BEGINNING, 0);
	free(bytes.data);
	return err;
}

/* It takes the place of the present one, whose turn is next then. */
static int exchange(struct cdr_disk_turns *t)
{
	const bool shrink = t->present.at > GROWN && t->present.at > GROWN_TIMES * t->next.at;

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
	return sync_folder(t);
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

	for (; !err && t->slot < last && chunk.n < CHUNK; t->slot++)
		err = cdr_disk_file_add(&chunk, journal, t->slot, 0);
	if (!err)
		err = append(&t->next, &chunk, 0, 0);
	free(chunk.data);
	if (!err && fdatasync(t->next.fd))
		err = -errno;
	return err || t->slot < slots ? err : end(t, journal);
}
