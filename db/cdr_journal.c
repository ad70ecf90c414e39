#include "cdr_journal.h"

#include "cdr_sum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BLOCK_SIZE = 512,
	BLOCK_DATA = BLOCK_SIZE - 48,
	SEGMENT_BLOCKS = 8192,
	SEGMENT_SIZE = BLOCK_SIZE * SEGMENT_BLOCKS,
	SEGMENTS_MAX = 4096,             /* 16 GiB */
	LOW_BLOCKS = SEGMENT_BLOCKS / 2, /* grow when fewer are free */
	FILE_MODE = 0660,
};
_Static_assert(BLOCK_DATA % CDR_SUM_PIECE == 0, "the sum does not depend on where an entry is cut");

/* The words carry the version of the layout: what another version wrote is not taken for an entry. */
static const uint32_t state_words[] = {
	[CDR_JOURNAL_LIVE] = 0x4c495632 /* LIV2 */,
	[CDR_JOURNAL_OVER] = 0x4f565232 /* OVR2 */,
	[CDR_JOURNAL_ENDED] = 0x454e4432 /* END2 */,
};
enum { STATES = sizeof(state_words) / sizeof(state_words[0]) };

/* All members but `next` and `data` are used in the first block of an entry only. */
struct block {
	_Atomic uint32_t state; /* one of state_words, or 0 */
	uint32_t next;          /* 0 = the last one */
	uint64_t number;
	_Atomic uint64_t sequence;
	uint64_t sum;  /* over all but state and next */
	uint32_t size; /* of the entry in bytes */
	uint32_t unused[3];
	char data[BLOCK_DATA];
};

/* Lies in block 0, which holds no entry. */
struct header {
	uint32_t word; /* HEADER */
	uint32_t unused;
	struct cdr_sign sign;
	uint64_t sequence; /* of the entry put last */
};
enum { HEADER = 0x4a524e32 /* JRN2 */ };
_Static_assert(
	sizeof(struct block) == BLOCK_SIZE && sizeof(struct header) < BLOCK_SIZE, "no padding in a block");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "words in the file are plain words");

struct cdr_journal {
	char *path;
	int fd;
	bool whole; /* its records have been seen */
	struct block *segment[SEGMENTS_MAX];
	_Atomic unsigned n_segments; /* mapped; its store publishes segment[] */
	_Atomic uint32_t in_use;     /* blocks of records */
	/* Only for the thread that puts and frees, which trusts nothing that is in the file: */
	uint64_t sequence; /* of the entry put last */
	uint64_t *number;  /* of the call whose entry begins in this block */
	uint32_t *next;    /* of each block */
	uint32_t n_blocks; /* that these have room for */
	uint32_t fresh;    /* blocks from this one on have never been used */
	uint32_t *spare;   /* free blocks that were used before */
	uint32_t n_spare;
};

static struct block *block_at(const struct cdr_journal *j, uint32_t i)
{
	return &j->segment[i / SEGMENT_BLOCKS][i % SEGMENT_BLOCKS];
}

static struct header *header(const struct cdr_journal *j)
{
	return (struct header *)(void *)j->segment[0];
}

static uint64_t sum_head(const struct block *head)
{
	uint64_t sum =
		cdr_sum_number(head->number, atomic_load_explicit(&head->sequence, memory_order_relaxed));
	return cdr_sum_number(sum, head->size);
}

static uint32_t blocks_for(size_t size)
{
	return size == 0 ? 1 : (uint32_t)((size + BLOCK_DATA - 1) / BLOCK_DATA);
}

static int fit(void *array_of_pointers, uint32_t n, size_t size)
{
	void **array = array_of_pointers, *larger = realloc(*array, n * size);
	if (!larger)
		return -ENOMEM;
	*array = larger;
	return 0;
}

/* Start to use segments that were added meanwhile. Without memory for it the journal keeps its size. */
static void adopt_segments(struct cdr_journal *j)
{
	uint32_t n = atomic_load_explicit(&j->n_segments, memory_order_acquire) * SEGMENT_BLOCKS;
	if (n == j->n_blocks)
		return;
	if (!fit(&j->spare, n, sizeof(*j->spare)) && !fit(&j->next, n, sizeof(*j->next)) &&
		!fit(&j->number, n, sizeof(*j->number)))
		j->n_blocks = n;
}

static uint32_t free_blocks(const struct cdr_journal *j)
{
	return j->n_spare + j->n_blocks - j->fresh;
}

/* Last freed, first reused: few pages are in use however large the file is. */
static uint32_t take_block(struct cdr_journal *j)
{
	return j->n_spare ? j->spare[--j->n_spare] : j->fresh++;
}

static void count_in_use(struct cdr_journal *j)
{
	atomic_store_explicit(&j->in_use, j->fresh - 1 - j->n_spare, memory_order_relaxed);
}

static size_t size_of(const struct iovec *parts, size_t n)
{
	size_t size = 0;
	for (size_t i = 0; i < n; i++)
		size += parts[i].iov_len;
	return size;
}

/* The next bytes of the parts, which are used up. */
static void take_bytes(char *to, size_t size, struct iovec *part)
{
	for (size_t n; size;
		to += n, size -= n, part->iov_base = (char *)part->iov_base + n, part->iov_len -= n) {
		while (!part->iov_len)
			part++;
		n = part->iov_len < size ? part->iov_len : size;
		memcpy(to, part->iov_base, n);
	}
}

/* Fill a chain of blocks. @return the sum over them */
static uint64_t fill(struct cdr_journal *j, cdr_slot slot, struct iovec *parts, uint64_t sum)
{
	size_t left = block_at(j, slot)->size;
	for (cdr_slot i = slot;; i = j->next[i]) {
		struct block *block = block_at(j, i);
		size_t part = left < BLOCK_DATA ? left : BLOCK_DATA;
		take_bytes(block->data, part, parts);
		sum = cdr_sum_bytes(sum, block->data, part);
		left -= part;
		block->next = j->next[i] = left ? take_block(j) : 0;
		if (!left)
			return sum;
	}
}

cdr_slot cdr_journal_put(struct cdr_journal *j, enum cdr_journal_state state, uint64_t number,
	const struct iovec *parts, size_t n)
{
	struct iovec left[CDR_JOURNAL_PARTS_MAX] = {0};
	const size_t size = size_of(parts, n);
	adopt_segments(j);
	if (size > UINT32_MAX / 2 || blocks_for(size) > free_blocks(j))
		return 0;
	cdr_slot slot = take_block(j);
	struct block *head = block_at(j, slot);
	memcpy(left, parts, n * sizeof(*parts));
	head->number = j->number[slot] = number;
	atomic_store_explicit(&head->sequence, ++j->sequence, memory_order_relaxed);
	head->size = (uint32_t)size;
	head->sum = fill(j, slot, left, sum_head(head));
	header(j)->sequence = j->sequence;
	count_in_use(j);
	atomic_store_explicit(&head->state, state_words[state], memory_order_release);
	return slot;
}

uint64_t cdr_journal_sequence(const struct cdr_journal *j)
{
	return j->sequence;
}

void cdr_journal_continue(struct cdr_journal *j, uint64_t sequence)
{
	if (sequence > j->sequence)
		j->sequence = sequence;
}

uint64_t cdr_journal_number(const struct cdr_journal *j, cdr_slot slot)
{
	return j->number[slot];
}

void cdr_journal_set_over(struct cdr_journal *j, cdr_slot slot)
{
	atomic_store_explicit(&block_at(j, slot)->state, state_words[CDR_JOURNAL_OVER], memory_order_release);
}

void cdr_journal_wipe(struct cdr_journal *j, cdr_slot slot)
{
	atomic_store_explicit(&block_at(j, slot)->state, 0, memory_order_release);
}

void cdr_journal_free(struct cdr_journal *j, cdr_slot slot)
{
	cdr_journal_wipe(j, slot);
	for (; slot; slot = j->next[slot])
		j->spare[j->n_spare++] = slot;
	count_in_use(j);
	atomic_thread_fence(memory_order_release); /* nothing is written to the blocks before the state */
}

void cdr_journal_sign(struct cdr_journal *j, const struct cdr_sign *sign)
{
	header(j)->sign = *sign;
}

bool cdr_journal_is_low(const struct cdr_journal *j)
{
	uint32_t n_blocks = atomic_load_explicit(&j->n_segments, memory_order_relaxed) * SEGMENT_BLOCKS;
	return n_blocks - atomic_load_explicit(&j->in_use, memory_order_relaxed) < LOW_BLOCKS;
}

int cdr_journal_grow(struct cdr_journal *j)
{
	unsigned n = atomic_load_explicit(&j->n_segments, memory_order_relaxed);
	off_t at = (off_t)n * SEGMENT_SIZE;
	if (n == SEGMENTS_MAX)
		return -ENOSPC;
	int err = posix_fallocate(j->fd, at, SEGMENT_SIZE);
	if (err)
		return -err;
	void *segment = mmap(NULL, SEGMENT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, at);
	if (segment == MAP_FAILED)
		return -errno;
	j->segment[n] = segment;
	atomic_store_explicit(&j->n_segments, n + 1, memory_order_release);
	return 0;
}

/* Collect an entry if it is complete and shares no block with another one. NULL: it is garbage. */
static char *gather(const struct cdr_journal *j, const bool *used, cdr_slot slot)
{
	const struct block *head = block_at(j, slot);
	size_t left = head->size;
	uint64_t sum = sum_head(head);
	if (left > (size_t)j->n_blocks * BLOCK_DATA)
		return NULL;
	char *bytes = malloc(left + 1), *to = bytes;
	for (uint32_t i = slot; bytes && i && i < j->n_blocks && !used[i];) {
		size_t part = left < BLOCK_DATA ? left : BLOCK_DATA;
		const struct block *block = block_at(j, i);
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
	uint32_t n = blocks_for(block_at(j, slot)->size), i = slot;
	j->number[slot] = block_at(j, slot)->number;
	for (; --n; i = j->next[i]) {
		used[i] = true;
		j->next[i] = block_at(j, i)->next;
	}
	used[i] = true;
	j->next[i] = block_at(j, i)->next = 0;
}

static int show(struct cdr_journal *j, bool *used, cdr_slot slot, struct cdr_journal_entry *out)
{
	struct block *head = block_at(j, slot);
	unsigned state = 0;
	while (state < STATES && head->state != state_words[state])
		state++;
	char *bytes = state < STATES ? gather(j, used, slot) : NULL;
	if (!bytes) {
		head->state = 0;
		return -EINVAL;
	}
	*out = (struct cdr_journal_entry){
		.slot = slot,
		.state = (enum cdr_journal_state)state,
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
		if (used[i] || !block_at(j, i)->state)
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
	count_in_use(j);
}

int cdr_journal_read(
	struct cdr_journal *j, struct cdr_journal_found *found, cdr_journal_entry_h *on_entry, void *arg)
{
	struct header *h = header(j);
	adopt_segments(j);
	bool *used = calloc(j->n_blocks + 1, sizeof(*used));
	int err = used && j->n_blocks ? 0 : -ENOMEM;
	*found = (struct cdr_journal_found){0};
	if (h->word == HEADER) {
		found->sign = h->sign;
		cdr_journal_continue(j, h->sequence);
	}
	if (!err)
		err = show_all(j, used, found, on_entry, arg);
	if (!err)
		find_spare(j, used);
	free(used);
	found->sequence = j->sequence;
	*h = (struct header){.word = HEADER, .sign = found->sign, .sequence = j->sequence};
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
	return err ? err : map_file(j, st.st_size);
}

int cdr_journal_open(struct cdr_journal **out, const char *path, char *error, size_t error_size)
{
	struct cdr_journal *j = calloc(1, sizeof(*j));
	if (j)
		j->fd = -1;
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

int cdr_journal_version(void)
{
	return (int)(state_words[CDR_JOURNAL_LIVE] & 0xff) - '0';
}

void cdr_journal_close(struct cdr_journal *j)
{
	if (!j)
		return;
	unsigned n = atomic_load_explicit(&j->n_segments, memory_order_acquire);
	for (unsigned i = 0; i < n; i++)
		munmap(j->segment[i], SEGMENT_SIZE);
	if (j->whole && j->in_use == 0)
		unlink(j->path);
	if (j->fd >= 0)
		close(j->fd);
	free(j->spare);
	free(j->next);
	free(j->number);
	free(j->path);
	free(j);
}
