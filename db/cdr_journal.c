#include "cdr_journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LOW_BLOCKS = SEGMENT_BLOCKS / 2 /* grow when fewer are free */ };

/* The words carry the version of the layout: what another version wrote is not taken for an entry. */
static const uint32_t words[] = {
	[CDR_JOURNAL_LIVE] = 0x4c495632 /* LIV2 */,
	[CDR_JOURNAL_OVER] = 0x4f565232 /* OVR2 */,
	[CDR_JOURNAL_PARTING] = 0x50525432 /* PRT2 */,
	[CDR_JOURNAL_ENDED] = 0x454e4432 /* END2 */,
	[CDR_JOURNAL_DONE] = 0x444f4e32 /* DON2 */,
	[CDR_JOURNAL_NOTE] = 0x4e4f5432 /* NOT2 */,
};

uint32_t cdr_journal_word(enum cdr_journal_state state)
{
	return words[state];
}

int cdr_journal_version(void)
{
	return (int)(words[CDR_JOURNAL_LIVE] & 0xff) - '0';
}

int cdr_journal_state(uint32_t word, enum cdr_journal_state *out)
{
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i] == word) {
			*out = (enum cdr_journal_state)i;
			return 0;
		}
	}
	return -EINVAL;
}

uint64_t cdr_journal_sum(uint64_t number, uint64_t sequence, size_t size)
{
	uint64_t sum = number;
	sum = cdr_sum_number(sum, sequence);
	return cdr_sum_number(sum, size);
}

static void *larger(void *array, uint32_t n, size_t size, bool *ok)
{
	void *out = *ok ? realloc(array, n * size) : NULL;
	*ok = out;
	return out ? out : array;
}

void cdr_journal_adopt_segments(struct cdr_journal *j)
{
	uint32_t n = atomic_load_explicit(&j->n_segments, memory_order_acquire) * SEGMENT_BLOCKS;
	bool ok = true;
	if (n == j->n_blocks)
		return;
	j->spare = larger(j->spare, n, sizeof(*j->spare), &ok);
	j->next = larger(j->next, n, sizeof(*j->next), &ok);
	j->number = larger(j->number, n, sizeof(*j->number), &ok);
	if (ok)
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

void cdr_journal_count_in_use(struct cdr_journal *j)
{
	atomic_store_explicit(&j->in_use, j->fresh - 1 - j->n_spare, memory_order_relaxed);
}

static uint64_t sequence_sum(uint64_t sequence)
{
	return cdr_sum_number(HEADER, sequence);
}

uint64_t cdr_journal_tally(const struct cdr_journal *j)
{
	const cdr_slot slots = cdr_journal_slots(j);
	uint64_t tally = sequence_sum(cdr_journal_header(j)->sequence);
	for (cdr_slot i = 1; i < slots; i++)
		if (cdr_journal_block(j, i)->state)
			tally ^= cdr_journal_block_sum(cdr_journal_block(j, i));
	return tally;
}

static void set_sequence(struct cdr_journal *j, uint64_t sequence)
{
	struct cdr_journal_header *h = cdr_journal_header(j);
	cdr_journal_count(j, sequence_sum(h->sequence) ^ sequence_sum(sequence));
	h->sequence = sequence;
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
static uint64_t fill(struct cdr_journal *j, cdr_slot slot, struct iovec *parts, size_t left, uint64_t sum)
{
	for (cdr_slot i = slot;; i = j->next[i]) {
		struct cdr_journal_block *block = cdr_journal_block(j, i);
		size_t part = left < BLOCK_DATA ? left : BLOCK_DATA;
		take_bytes(block->data, part, parts);
		sum = cdr_sum_bytes(sum, block->data, part);
		left -= part;
		block->next = j->next[i] = left ? take_block(j) : 0;
		if (!left)
			return sum;
	}
}

bool cdr_journal_has_room(struct cdr_journal *j, size_t size)
{
	cdr_journal_adopt_segments(j);
	return size <= UINT32_MAX / 2 && cdr_journal_blocks_for(size) <= free_blocks(j);
}

cdr_slot cdr_journal_put(struct cdr_journal *j, enum cdr_journal_state state, uint64_t number,
	const struct iovec *parts, size_t n)
{
	struct iovec left[CDR_JOURNAL_PARTS_MAX] = {0};
	const size_t size = size_of(parts, n);
	if (!cdr_journal_has_room(j, size))
		return 0;
	cdr_slot slot = take_block(j);
	struct cdr_journal_block *head = cdr_journal_block(j, slot);
	memcpy(left, parts, n * sizeof(*parts));
	head->number = j->number[slot] = number;
	atomic_store_explicit(&head->sequence, ++j->sequence, memory_order_relaxed);
	atomic_store_explicit(&head->note, 0, memory_order_relaxed);
	head->size = (uint32_t)size;
	head->sum = fill(j, slot, left, size, cdr_journal_block_sum(head));
	set_sequence(j, j->sequence);
	cdr_journal_count_in_use(j);
	cdr_journal_count(j, cdr_journal_block_sum(head));
	atomic_store_explicit(&head->state, words[state], memory_order_release);
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

void cdr_journal_note(struct cdr_journal *j, cdr_slot slot, uint32_t note)
{
	atomic_store_explicit(&cdr_journal_block(j, slot)->note, note, memory_order_relaxed);
}

uint64_t cdr_journal_number(const struct cdr_journal *j, cdr_slot slot)
{
	return j->number[slot];
}

void cdr_journal_set(struct cdr_journal *j, cdr_slot slot, enum cdr_journal_state state)
{
	atomic_store_explicit(&cdr_journal_block(j, slot)->state, words[state], memory_order_release);
}

void cdr_journal_wipe(struct cdr_journal *j, cdr_slot slot)
{
	struct cdr_journal_block *head = cdr_journal_block(j, slot);
	if (atomic_exchange_explicit(&head->state, 0, memory_order_release))
		cdr_journal_count(j, cdr_journal_block_sum(head));
}

void cdr_journal_free(struct cdr_journal *j, cdr_slot slot)
{
	cdr_journal_wipe(j, slot);
	for (; slot; slot = j->next[slot])
		j->spare[j->n_spare++] = slot;
	cdr_journal_count_in_use(j);
	atomic_thread_fence(memory_order_release); /* nothing is written to the blocks before the state */
}

void cdr_journal_sign(struct cdr_journal *j, const struct cdr_sign *sign)
{
	cdr_journal_header(j)->sign = *sign;
	cdr_journal_header(j)->sign_sum = cdr_journal_sign_sum(sign);
}

bool cdr_journal_is_low(const struct cdr_journal *j)
{
	uint32_t n_blocks = atomic_load_explicit(&j->n_segments, memory_order_relaxed) * SEGMENT_BLOCKS;
	return n_blocks - atomic_load_explicit(&j->in_use, memory_order_relaxed) < LOW_BLOCKS;
}

static int grow(struct cdr_journal *j)
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

int cdr_journal_grow(struct cdr_journal *j)
{
	pthread_mutex_lock(&j->file_lock);
	int err = grow(j);
	pthread_mutex_unlock(&j->file_lock);
	return err;
}

int cdr_journal_grow_in_memory(struct cdr_journal *j)
{
	return j->in_memory ? cdr_journal_grow(j) : -ENOTSUP;
}

/*
 * The blocks may be freed and used again meanwhile. That begins with the state of the first one, and no two entries have
 * one sequence, so what was copied is whole if both are still the same.
 */
static size_t copy_chain(const struct cdr_journal *j, cdr_slot slot, char *out, size_t left)
{
	const uint32_t n_blocks = atomic_load_explicit(&j->n_segments, memory_order_acquire) * SEGMENT_BLOCKS;
	char *to = out;
	for (uint32_t i = slot; i && i < n_blocks;) {
		const struct cdr_journal_block *block = cdr_journal_block(j, i);
		size_t part = left < BLOCK_DATA ? left : BLOCK_DATA;
		memcpy(to, block->data, part);
		to += part;
		left -= part;
		i = left ? block->next : 0;
	}
	return left;
}

cdr_slot cdr_journal_slots(const struct cdr_journal *j)
{
	return atomic_load_explicit(&j->n_segments, memory_order_acquire) * SEGMENT_BLOCKS;
}

int cdr_journal_copy(const struct cdr_journal *j, cdr_slot slot, struct cdr_journal_entry *entry,
	uint64_t *sum, char *room, size_t size)
{
	const struct cdr_journal_block *head = cdr_journal_block(j, slot);
	uint32_t word = atomic_load_explicit(&head->state, memory_order_acquire);
	*entry = (struct cdr_journal_entry){.slot = slot,
		.number = head->number,
		.sequence = atomic_load_explicit(&head->sequence, memory_order_relaxed),
		.bytes = room,
		.size = head->size};
	*sum = head->sum;
	if (cdr_journal_state(word, &entry->state) || entry->size / BLOCK_DATA >= cdr_journal_slots(j))
		return -ENOENT;
	if (entry->size > size)
		return -ENOSPC;
	size_t left = copy_chain(j, slot, room, entry->size);
	atomic_thread_fence(memory_order_acquire);
	return left || atomic_load_explicit(&head->state, memory_order_relaxed) != word ||
			atomic_load_explicit(&head->sequence, memory_order_relaxed) != entry->sequence
		? -ENOENT
		: 0;
}

bool cdr_journal_copy_note(const struct cdr_journal *j, cdr_slot slot, struct cdr_journal_entry *entry)
{
	const struct cdr_journal_block *head = cdr_journal_block(j, slot);
	const uint32_t live = words[CDR_JOURNAL_LIVE];
	if (atomic_load_explicit(&head->state, memory_order_acquire) != live)
		return false;
	*entry = (struct cdr_journal_entry){.slot = slot,
		.state = CDR_JOURNAL_NOTE,
		.number = head->number,
		.sequence = atomic_load_explicit(&head->sequence, memory_order_relaxed),
		.note = atomic_load_explicit(&head->note, memory_order_relaxed)};
	atomic_thread_fence(memory_order_acquire);
	return entry->note && atomic_load_explicit(&head->state, memory_order_relaxed) == live &&
		atomic_load_explicit(&head->sequence, memory_order_relaxed) == entry->sequence;
}

void cdr_journal_last_sign(const struct cdr_journal *j, struct cdr_sign *out)
{
	*out = cdr_journal_header(j)->sign;
}

void cdr_journal_set_disk(struct cdr_journal *j, uint64_t generation)
{
	cdr_journal_header(j)->disk = generation;
}

uint64_t cdr_journal_last_sequence(const struct cdr_journal *j)
{
	return cdr_journal_header(j)->sequence;
}

bool cdr_journal_is_empty(const struct cdr_journal *j)
{
	return atomic_load_explicit(&j->in_use, memory_order_relaxed) == 0;
}
