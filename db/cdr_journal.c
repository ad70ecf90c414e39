#include "cdr_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	BLOCK_SIZE = 512,
	BLOCK_DATA = BLOCK_SIZE - 40,
	SEGMENT_BLOCKS = 8192,
	SEGMENT_SIZE = BLOCK_SIZE * SEGMENT_BLOCKS,
	SEGMENTS_MAX = 4096,             /* 16 GiB */
	LOW_BLOCKS = SEGMENT_BLOCKS / 2, /* grow when fewer are free */
	FILE_MODE = 0660,
	DAY_MS = 86400000, /* no clock is set back by more */
};

/* The words carry the version of the layout: what another version wrote is not taken for a record. */
static const uint32_t state_words[] = {
	[CDR_JOURNAL_ANSWERED] = 0x414e5731 /* ANW1 */,
	[CDR_JOURNAL_ENDED] = 0x454e4431 /* END1 */,
	[CDR_JOURNAL_LIVE] = 0x4c495631 /* LIV1 */,
};
enum { STATES = sizeof(state_words) / sizeof(state_words[0]) };

/*
 * All members but `next` and `data` are used in the first block of a record only. Block 0 holds no record; its
 * `number` is the time of cdr_journal_sign().
 */
struct block {
	_Atomic uint32_t state; /* one of state_words, or 0 */
	uint32_t next;          /* 0 = the last one */
	uint64_t number;
	_Atomic uint64_t ended_by; /* stamped(), or 0 */
	uint64_t sum;              /* over state, number, size and data */
	uint32_t size;             /* of the record in bytes */
	uint32_t unused;
	char data[BLOCK_DATA];
};
_Static_assert(sizeof(struct block) == BLOCK_SIZE, "no padding in a block");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "words in the file are plain words");

struct cdr_journal {
	char *path;
	int fd;
	bool whole; /* its records have been seen */
	struct block *segment[SEGMENTS_MAX];
	_Atomic unsigned n_segments; /* mapped; its store publishes segment[] */
	_Atomic uint32_t in_use;     /* blocks of records */
	/* Only for the thread that puts and frees: */
	uint32_t n_blocks; /* that `spare` has room for */
	uint32_t fresh;    /* blocks from this one on have never been used */
	uint32_t *spare;   /* free blocks that were used before */
	uint32_t n_spare;
};

static struct block *block_at(const struct cdr_journal *j, uint32_t i)
{
	return &j->segment[i / SEGMENT_BLOCKS][i % SEGMENT_BLOCKS];
}

static uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
	return sum ^ sum >> 29;
}

static uint64_t sum_record(uint32_t state_word, uint64_t number, const char *bytes, size_t size)
{
	uint64_t word, sum = mix(0, state_word);
	sum = mix(sum, number);
	sum = mix(sum, size);
	for (; size >= sizeof(word); bytes += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum = mix(sum, word);
	}
	word = 0;
	memcpy(&word, bytes, size);
	return mix(sum, word);
}

/* `ended_by` changes after the sum was taken, so 16 bits of its own distinguish it from garbage. */
static uint64_t stamped(uint64_t number)
{
	return number | mix(~0u, number) >> 48 << 48;
}

static uint64_t unstamped(uint64_t word)
{
	uint64_t number = word & (UINT64_MAX >> 16);
	return stamped(number) == word ? number : 0;
}

static uint32_t blocks_for(size_t size)
{
	return size == 0 ? 1 : (uint32_t)((size + BLOCK_DATA - 1) / BLOCK_DATA);
}

/* Start to use segments that were added meanwhile. Without memory for it the journal keeps its size. */
static void adopt_segments(struct cdr_journal *j)
{
	uint32_t n_blocks = atomic_load_explicit(&j->n_segments, memory_order_acquire) * SEGMENT_BLOCKS;
	if (n_blocks == j->n_blocks)
		return;
	uint32_t *spare = realloc(j->spare, n_blocks * sizeof(*spare));
	if (!spare)
		return;
	j->spare = spare;
	j->n_blocks = n_blocks;
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

cdr_slot cdr_journal_put(
	struct cdr_journal *j, enum cdr_journal_state state, uint64_t number, const char *bytes, size_t size)
{
	adopt_segments(j);
	if (size > UINT32_MAX / 2 || blocks_for(size) > free_blocks(j))
		return 0;
	cdr_slot slot = take_block(j);
	struct block *head = block_at(j, slot), *block = head;
	head->number = number;
	atomic_store_explicit(&head->ended_by, 0, memory_order_relaxed);
	head->sum = sum_record(state_words[state], number, bytes, size);
	head->size = (uint32_t)size;
	for (;;) {
		size_t part = size < BLOCK_DATA ? size : BLOCK_DATA;
		memcpy(block->data, bytes, part);
		bytes += part;
		size -= part;
		block->next = size ? take_block(j) : 0;
		if (!size)
			break;
		block = block_at(j, block->next);
	}
	count_in_use(j);
	atomic_store_explicit(&head->state, state_words[state], memory_order_release);
	return slot;
}

void cdr_journal_set_ended(struct cdr_journal *j, cdr_slot slot, uint64_t by)
{
	atomic_store_explicit(&block_at(j, slot)->ended_by, stamped(by), memory_order_release);
}

uint64_t cdr_journal_number(const struct cdr_journal *j, cdr_slot slot)
{
	return block_at(j, slot)->number;
}

void cdr_journal_free(struct cdr_journal *j, cdr_slot slot)
{
	atomic_store_explicit(&block_at(j, slot)->state, 0, memory_order_release);
	while (slot) {
		j->spare[j->n_spare++] = slot;
		slot = block_at(j, slot)->next;
	}
	count_in_use(j);
}

void cdr_journal_sign(struct cdr_journal *j, int64_t now_ms)
{
	block_at(j, 0)->number = (uint64_t)now_ms;
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

/* Collect a record if it is complete and shares no block with another one. NULL: it is garbage. */
static char *gather(const struct cdr_journal *j, const bool *used, cdr_slot slot)
{
	const struct block *head = block_at(j, slot);
	size_t left = head->size;
	if (left > (size_t)j->n_blocks * BLOCK_DATA)
		return NULL;
	char *bytes = malloc(left + 1), *to = bytes;
	for (uint32_t i = slot; bytes && i && i < j->n_blocks && !used[i];) {
		size_t part = left < BLOCK_DATA ? left : BLOCK_DATA;
		const struct block *block = block_at(j, i);
		memcpy(to, block->data, part);
		to += part;
		left -= part;
		i = left ? block->next : 0;
		if (!left && sum_record(head->state, head->number, bytes, head->size) == head->sum)
			return bytes;
	}
	free(bytes);
	return NULL;
}

/* Mark the record's blocks as used. The last link may be anything if the file was not written by us. */
static void keep(struct cdr_journal *j, bool *used, cdr_slot slot)
{
	uint32_t n = blocks_for(block_at(j, slot)->size), i = slot;
	while (--n) {
		used[i] = true;
		i = block_at(j, i)->next;
	}
	used[i] = true;
	block_at(j, i)->next = 0;
}

static int show_record(
	struct cdr_journal *j, bool *used, cdr_slot slot, cdr_journal_record_h *on_record, void *arg)
{
	struct block *head = block_at(j, slot);
	unsigned state = 0;
	while (state < STATES && head->state != state_words[state])
		state++;
	char *bytes = state < STATES ? gather(j, used, slot) : NULL;
	if (!bytes) {
		head->state = 0;
		return 0;
	}
	const struct cdr_journal_record record = {
		.slot = slot,
		.state = (enum cdr_journal_state)state,
		.number = head->number,
		.ended_by = unstamped(head->ended_by),
		.bytes = bytes,
		.size = head->size,
	};
	keep(j, used, slot);
	int err = on_record(&record, arg);
	free(bytes);
	return err;
}

static int show_records(struct cdr_journal *j, cdr_journal_record_h *on_record, void *arg)
{
	adopt_segments(j);
	bool *used = calloc(j->n_blocks + 1, sizeof(*used));
	int err = used && j->n_blocks ? 0 : -ENOMEM;
	for (uint32_t i = 1; !err && i < j->n_blocks; i++)
		if (!used[i] && block_at(j, i)->state)
			err = show_record(j, used, i, on_record, arg);
	for (j->fresh = j->n_blocks; !err && j->fresh > 1 && !used[j->fresh - 1]; j->fresh--)
		continue;
	for (uint32_t i = j->fresh; !err && i-- > 1;)
		if (!used[i])
			j->spare[j->n_spare++] = i;
	count_in_use(j);
	free(used);
	return err;
}

static int64_t read_last_sign(const struct cdr_journal *j, const struct stat *st)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int64_t now_ms = now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
	int64_t file_ms = st->st_mtim.tv_sec * INT64_C(1000) + st->st_mtim.tv_nsec / 1000000;
	int64_t sign_ms = (int64_t)block_at(j, 0)->number;
	if (st->st_size == 0)
		return 0;
	return sign_ms > 0 && sign_ms < now_ms + DAY_MS ? sign_ms : file_ms;
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

int cdr_journal_open(struct cdr_journal **out, const char *path, int64_t *last_sign_ms,
	cdr_journal_record_h *on_record, void *arg, char *error, size_t error_size)
{
	struct stat st = {0};
	struct cdr_journal *j = calloc(1, sizeof(*j));
	int err = j ? 0 : -ENOMEM;
	if (!err)
		j->fd = -1;
	if (!err)
		err = open_file(j, path, &st);
	if (!err)
		err = map_file(j, st.st_size);
	if (!err) {
		*last_sign_ms = read_last_sign(j, &st);
		err = show_records(j, on_record, arg);
	}
	if (!err) {
		j->whole = true;
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
	free(j->path);
	free(j);
}
