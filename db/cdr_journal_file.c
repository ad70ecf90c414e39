/* A journal is opened, what is in it is read, and it is closed. */
#include "cdr_journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0660 };

/* Collect an entry if it is complete and shares no block with another one. NULL: it is garbage. */
static char *gather(const struct cdr_journal *j, const bool *used, cdr_slot slot)
{
	const struct cdr_journal_block *head = cdr_journal_block(j, slot);
	size_t left = head->size;
	uint64_t sum = cdr_journal_block_sum(head);
	if (left > (size_t)j->n_blocks * BLOCK_DATA)
		return NULL;
	char *bytes = malloc(left + 1), *to = bytes;
	for (uint32_t i = slot; bytes && i && i < j->n_blocks && !used[i];) {
		size_t part = left < BLOCK_DATA ? left : BLOCK_DATA;
		const struct cdr_journal_block *block = cdr_journal_block(j, i);
		memcpy(to, block->data, part);
		sum = cdr_sum_bytes(sum, to, part);
		to += part;
		left -= part;
		i = left ? block->next : 0;
		if (!left && sum == head->sum)
			return bytes;
	}
	free(bytes);
	return NULL;
}

/* Mark the entry's blocks as used. The last link may be anything if the file was not written by us. */
static void keep(struct cdr_journal *j, bool *used, cdr_slot slot)
{
	uint32_t n = cdr_journal_blocks_for(cdr_journal_block(j, slot)->size), i = slot;
	j->number[slot] = cdr_journal_block(j, slot)->number;
	for (; --n; i = j->next[i]) {
		used[i] = true;
		j->next[i] = cdr_journal_block(j, i)->next;
	}
	used[i] = true;
	j->next[i] = cdr_journal_block(j, i)->next = 0;
}

static int show(struct cdr_journal *j, bool *used, cdr_slot slot, struct cdr_journal_entry *out)
{
	struct cdr_journal_block *head = cdr_journal_block(j, slot);
	enum cdr_journal_state state;
	char *bytes = cdr_journal_state(head->state, &state) ? NULL : gather(j, used, slot);
	if (!bytes) {
		head->state = 0;
		return -EINVAL;
	}
	*out = (struct cdr_journal_entry){
		.slot = slot,
		.state = state,
		.note = head->note,
		.number = head->number,
		.sequence = head->sequence,
		.bytes = bytes,
		.size = head->size,
	};
	keep(j, used, slot);
	cdr_journal_continue(j, out->sequence);
	return 0;
}

static int show_all(struct cdr_journal *j, bool *used, struct cdr_journal_found *found,
	cdr_journal_entry_h *on_entry, void *arg)
{
	struct cdr_journal_entry entry;
	int err = 0;
	for (uint32_t i = 1; !err && i < j->n_blocks; i++) {
		if (used[i] || !cdr_journal_block(j, i)->state)
			continue;
		if (show(j, used, i, &entry)) {
			found->damaged++;
			continue;
		}
		err = on_entry(&entry, arg);
		free((void *)entry.bytes);
	}
	return err;
}

static void find_spare(struct cdr_journal *j, const bool *used)
{
	for (j->fresh = j->n_blocks; j->fresh > 1 && !used[j->fresh - 1]; j->fresh--)
		continue;
	for (uint32_t i = j->fresh; i-- > 1;)
		if (!used[i])
			j->spare[j->n_spare++] = i;
	cdr_journal_count_in_use(j);
}

int cdr_journal_read(
	struct cdr_journal *j, struct cdr_journal_found *found, cdr_journal_entry_h *on_entry, void *arg)
{
	struct cdr_journal_header *h = cdr_journal_header(j);
	cdr_journal_adopt_segments(j);
	bool *used = calloc(j->n_blocks + 1, sizeof(*used));
	int err = used && j->n_blocks ? 0 : -ENOMEM;
	*found = (struct cdr_journal_found){0};
	if (h->word == HEADER) {
		found->damaged = h->incomplete != 0;
		atomic_store(&j->incomplete, h->incomplete != 0);
		found->sign = h->sign;
		found->disk = h->disk;
		cdr_journal_continue(j, h->sequence);
	}
	if (!err)
		err = show_all(j, used, found, on_entry, arg);
	if (!err)
		find_spare(j, used);
	free(used);
	found->sequence = j->sequence;
	*h = (struct cdr_journal_header){.word = HEADER,
		.incomplete = h->word == HEADER && h->incomplete,
		.sign = found->sign,
		.sequence = j->sequence};
	j->whole = !err;
	return err;
}

static bool is_under_its_name(const struct cdr_journal *j, const struct stat *st)
{
	struct stat now;

	return stat(j->path, &now) == 0 && now.st_ino == st->st_ino && now.st_dev == st->st_dev;
}

/** Its owner may remove it until we have the lock. */
static int lock_file(struct cdr_journal *j, struct stat *st)
{
	for (;;) {
		j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
		if (j->fd < 0)
			return -errno;
		if (flock(j->fd, LOCK_EX | LOCK_NB))
			return errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (fstat(j->fd, st))
			return -errno;
		if (is_under_its_name(j, st))
			return 0;
		close(j->fd);
	}
}

static int open_file(struct cdr_journal *j, const char *path, struct stat *st)
{
	j->path = strdup(path);
	int err = j->path ? lock_file(j, st) : -ENOMEM;
	if (err)
		return err;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if (st->st_size == 0 && fchmod(j->fd, FILE_MODE))
		return -errno;
	return 0;
}

static int map_file(struct cdr_journal *j, off_t size)
{
	int err;
	do
		err = cdr_journal_grow(j);
	while (!err && (off_t)j->n_segments * SEGMENT_SIZE < size);
	return err;
}

static int open_and_map(struct cdr_journal *j, const char *path)
{
	struct stat st = {0};
	int err = open_file(j, path, &st);
	if (!err)
		err = cdr_journal_guard(j);
	return err ? err : map_file(j, st.st_size);
}

int cdr_journal_open(struct cdr_journal **out, const char *path, char *error, size_t error_size)
{
	struct cdr_journal *j = calloc(1, sizeof(*j));
	if (j) {
		j->fd = j->new_fd = -1;
		pthread_mutex_init(&j->file_lock, NULL);
	}
	int err = j ? open_and_map(j, path) : -ENOMEM;
	if (!err) {
		*out = j;
		return 0;
	}
	snprintf(error, error_size, "journal %s: %s", path,
		err == -EBUSY ? "another process has it open" : strerror(-err));
	cdr_journal_close(j);
	return err;
}

void cdr_journal_close(struct cdr_journal *j)
{
	if (!j)
		return;
	unsigned n = atomic_load_explicit(&j->n_segments, memory_order_acquire);
	for (unsigned i = 0; i < n; i++)
		munmap(j->segment[i], SEGMENT_SIZE);
	cdr_journal_unguard(j);
	if (j->whole && cdr_journal_is_empty(j))
		unlink(j->path);
	if (j->new_fd >= 0)
		close(j->new_fd);
	pthread_mutex_destroy(&j->file_lock);
	if (j->fd >= 0)
		close(j->fd);
	free(j->spare);
	free(j->next);
	free(j->number);
	free(j->path);
	free(j);
}
