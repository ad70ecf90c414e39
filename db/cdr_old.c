#include "cdr_old.h"

#include "cdr_live.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { BLOCK_SIZE = 512, BLOCK_DATA = BLOCK_SIZE - 40 };
enum { ANSWERED = 0x414e5731 /* ANW1 */, ENDED = 0x454e4431 /* END1 */, LIVE = 0x4c495631 /* LIV1 */ };

/* All members but `next` and `data` are used in the first block of a record only; block 0 has the sign in `number`. */
struct block {
	uint32_t state, next;
	uint64_t number, ended_by, sum;
	uint32_t size, unused;
	char data[BLOCK_DATA];
};
_Static_assert(sizeof(struct block) == BLOCK_SIZE, "no padding in a block");

struct numbers {
	uint64_t *number;
	size_t n;
};

struct reading {
	const struct block *block;
	uint32_t n_blocks;
	struct numbers ended;    /* records that were complete */
	struct numbers replaced; /* entries that a later one replaced */
	char *bytes;             /* of one record, behind the head of an entry */
	size_t shown;
};

static uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 29;
}

static uint64_t sum_record(const struct block *head, const char *bytes)
{
	uint64_t word, sum = mix(mix(mix(0, head->state), head->number), head->size);
	size_t left = head->size;
	for (; left >= sizeof(word); bytes += sizeof(word), left -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum = mix(sum, word);
	}
	word = 0;
	memcpy(&word, bytes, left);
	return mix(sum, word);
}

/* The number of the record that took its place, which was stored with 16 bits of a sum. */
static uint64_t ended_by(const struct block *head)
{
	uint64_t number = head->ended_by & (CDR_OLD_NUMBERS - 1);
	return (number | mix(UINT32_MAX, number) >> 48 << 48) == head->ended_by ? number : 0;
}

/* Collect the bytes of a record. A chain that is a ring ends with its size. */
static bool gather(struct reading *r, uint32_t first)
{
	const struct block *head = &r->block[first];
	size_t left = head->size;
	char *to = r->bytes + CDR_LIVE_HEAD;
	if ((head->state != ANSWERED && head->state != ENDED && head->state != LIVE) ||
		left > (size_t)r->n_blocks * BLOCK_DATA)
		return false;
	for (uint32_t i = first; i && i < r->n_blocks; i = r->block[i].next) {
		size_t part = left < BLOCK_DATA ? left : BLOCK_DATA;
		memcpy(to, r->block[i].data, part);
		to += part;
		left -= part;
		if (!left)
			return sum_record(head, r->bytes + CDR_LIVE_HEAD) == head->sum;
	}
	return false;
}

static int compare(const void *one, const void *other)
{
	const uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
	return (a > b) - (a < b);
}

static bool has(const struct numbers *set, uint64_t number)
{
	return number && set->n && bsearch(&number, set->number, set->n, sizeof(number), compare);
}

static void note_record(struct reading *r, uint32_t first)
{
	uint64_t replaces;
	if (!gather(r, first))
		return;
	memcpy(&replaces, r->bytes + CDR_LIVE_HEAD, sizeof(replaces));
	if (r->block[first].state == ENDED)
		r->ended.number[r->ended.n++] = r->block[first].number;
	else if (r->block[first].state == LIVE && r->block[first].size >= CDR_LIVE_HEAD)
		r->replaced.number[r->replaced.n++] = replaces;
}

static void sort(struct numbers *set)
{
	if (set->n)
		qsort(set->number, set->n, sizeof(*set->number), compare);
}

/* A call in progress; it may have ended without room for its record. */
static void make_live(struct reading *r, const struct block *head, struct cdr_journal_entry *out)
{
	out->state = head->ended_by && ended_by(head) ? CDR_JOURNAL_OVER : CDR_JOURNAL_LIVE;
	out->number = out->state == CDR_JOURNAL_OVER ? ended_by(head) : CDR_OLD_NUMBERS + head->number;
	if (head->state == ANSWERED) {
		cdr_live_write_head(r->bytes, 0, head->size);
		out->bytes -= CDR_LIVE_HEAD;
		out->size += CDR_LIVE_HEAD;
	} else if (head->size >= CDR_LIVE_HEAD) {
		/* What it replaces stood where the offset is today. */
		memset(r->bytes + CDR_LIVE_HEAD, 0, sizeof(int64_t));
	}
}

static int show(struct reading *r, uint32_t first, cdr_journal_entry_h *on_entry, void *arg)
{
	const struct block *head = &r->block[first];
	struct cdr_journal_entry entry = {.state = CDR_JOURNAL_ENDED,
		.number = head->number,
		.sequence = head->number,
		.bytes = r->bytes + CDR_LIVE_HEAD,
		.size = head->size};

	if (!gather(r, first))
		return 0;
	if (head->state != ENDED) {
		if (has(&r->ended, ended_by(head)) ||
			(head->state == LIVE && has(&r->replaced, head->number)))
			return 0;
		make_live(r, head, &entry);
	}
	r->shown++;
	return on_entry(&entry, arg);
}

static int read_blocks(struct reading *r, cdr_journal_entry_h *on_entry, void *arg)
{
	int err = 0;
	r->bytes = calloc(r->n_blocks + 1, BLOCK_SIZE);
	r->ended.number = calloc(r->n_blocks, sizeof(uint64_t));
	r->replaced.number = calloc(r->n_blocks, sizeof(uint64_t));
	if (!r->bytes || !r->ended.number || !r->replaced.number)
		err = -ENOMEM;
	for (uint32_t i = 1; !err && i < r->n_blocks; i++)
		note_record(r, i);
	sort(&r->ended);
	sort(&r->replaced);
	for (uint32_t i = 1; !err && i < r->n_blocks; i++)
		err = show(r, i, on_entry, arg);
	free(r->bytes);
	free(r->ended.number);
	free(r->replaced.number);
	return err;
}

/* Without a record in it, it is one that was idle only if it has had none. */
static bool is_idle(const struct reading *r)
{
	for (uint32_t i = 1; i < r->n_blocks; i++)
		if (r->block[i].state)
			return false;
	return true;
}

int cdr_old_read(int fd, int64_t *sign_ms, cdr_journal_entry_h *on_entry, void *arg)
{
	struct stat st;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_size < BLOCK_SIZE || st.st_size / BLOCK_SIZE > UINT32_MAX)
		return -EINVAL;
	struct block *block = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (block == MAP_FAILED)
		return -errno;
	struct reading r = {.block = block, .n_blocks = (uint32_t)(st.st_size / BLOCK_SIZE)};
	int err = block->state ? -EINVAL : read_blocks(&r, on_entry, arg);
	if (!err && !r.shown)
		err = is_idle(&r) ? -ENODATA : -EINVAL;
	if (!err)
		*sign_ms = (int64_t)block->number;
	munmap(block, (size_t)st.st_size);
	return err;
}
