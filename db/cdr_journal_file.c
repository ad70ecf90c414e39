/* A journal is opened, what is in it is read, and it is closed. */
#include "cdr_journal_internal.h"

#include "cdr_file.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

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

void cdr_journal_begin(struct cdr_journal *j, const struct cdr_sign *sign)
{
	struct cdr_journal_header *h = cdr_journal_header(j);
	*h = (struct cdr_journal_header){.word = HEADER,
		.incomplete = atomic_load(&j->incomplete),
		.sign = *sign,
		.sequence = j->sequence,
		.sign_sum = cdr_journal_sign_sum(sign)};
	h->tally = cdr_journal_tally(j);
}

static bool is_blank(const struct cdr_journal *j)
{
	static const char blank[BLOCK_SIZE];
	for (uint32_t i = 0; i < j->n_blocks; i++)
		if (memcmp((const char *)cdr_journal_block(j, i), blank, sizeof(blank)) != 0)
			return false;
	return true;
}

/* @return is anything missing in the file? */
static bool read_header(struct cdr_journal *j, struct cdr_journal_found *found)
{
	const struct cdr_journal_header *h = cdr_journal_header(j);
	const bool signed_well = !h->sign_sum || h->sign_sum == cdr_journal_sign_sum(&h->sign);
	if (h->word != HEADER)
		return j->was_there && !is_blank(j);
	found->damaged = h->incomplete != 0;
	atomic_store(&j->incomplete, h->incomplete != 0);
	if (signed_well)
		found->sign = h->sign;
	found->disk = h->disk;
	cdr_journal_continue(j, h->sequence);
	return !signed_well || (h->tally && h->tally != cdr_journal_tally(j));
}

int cdr_journal_read(
	struct cdr_journal *j, struct cdr_journal_found *found, cdr_journal_entry_h *on_entry, void *arg)
{
	cdr_journal_adopt_segments(j);
	bool *used = calloc(j->n_blocks + 1, sizeof(*used));
	int err = used && j->n_blocks ? 0 : -ENOMEM;
	*found = (struct cdr_journal_found){0};
	const bool missing = !err && read_header(j, found); /* as it is before damaged entries are wiped */
	if (!err)
		err = show_all(j, used, found, on_entry, arg);
	if (missing && !found->damaged)
		found->damaged = 1;
	if (!err)
		find_spare(j, used);
	free(used);
	found->sequence = j->sequence;
	cdr_journal_begin(j, &found->sign);
	j->whole = !err;
	return err;
}

static bool is_in_memory(int fd)
{
	struct statfs fs;
	return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* It has neither the size of a journal nor its header nor an entry. */
static bool is_foreign(const struct cdr_journal *j, off_t size)
{
	enum cdr_journal_state state;
	bool blank = true;
	uint32_t word = 0;
	if (size % SEGMENT_SIZE == 0)
		return false;
	for (off_t at = 0; at < size && pread(j->fd, &word, sizeof(word), at) > 0; at += BLOCK_SIZE) {
		if (word == HEADER || !cdr_journal_state(word, &state))
			return false;
		blank &= !word;
	}
	return !blank;
}

/* @return of the layout, if a later program wrote it; else 0 */
static int later_version(int fd)
{
	uint32_t word = 0;
	if (pread(fd, &word, sizeof(word), 0) != sizeof(word) || (word ^ HEADER) > 0xff || word <= HEADER)
		return 0;
	return (int)(word & 0xff) - '0';
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
	struct stat st;
	j->path = strdup(path);
	if (!j->path)
		return -ENOMEM;
	int fd = cdr_file_open(path);
	if (fd < 0)
		return fd;
	j->fd = fd;
	if (fstat(fd, &st))
		return -errno;
	j->in_memory = is_in_memory(fd);
	j->was_there = st.st_size > 0;
	int err = later_version(fd) ? -ENOTSUP : is_foreign(j, st.st_size) ? -EINVAL : cdr_journal_guard(j);
	if (!err)
		err = map_file(j, st.st_size);
	if (!err && st.st_size % SEGMENT_SIZE)
		cdr_journal_header(j)->incomplete = 1; /* it was cut */
	return err;
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
	if (err == -ENOTSUP)
		snprintf(error, error_size,
			"journal %s is of version %d, newer than this program, which knows up to %d", path,
			later_version(j->fd), cdr_journal_version());
	else
		snprintf(error, error_size, "journal %s: %s", path,
			err == -EBUSY            ? "another process has it open"
				: err == -EINVAL ? "the file is no journal"
						 : strerror(-err));
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
