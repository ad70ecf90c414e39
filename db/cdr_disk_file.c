#include "cdr_disk_file.h"

#include "cdr_old.h"
#include "cdr_sum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALIGNMENT = 8, SIGN = 0x53474e32 /* SGN2 */, BYTES_MIN = 65536 };
_Static_assert(BYTES_MIN % CDR_DISK_FILE_BLOCK == 0, "a block that has begun can be filled up");

static const char magic[16] = "softswitch log2";

struct beginning {
	char magic[sizeof(magic)];
	uint64_t generation, unused;
};
_Static_assert(sizeof(struct beginning) == CDR_DISK_FILE_BEGINNING, "no padding in a beginning");

/* An item; its bytes follow, filled up to ALIGNMENT. */
struct head {
	uint32_t word; /* cdr_journal_word(), SIGN */
	uint32_t size; /* of the bytes */
	uint64_t number, sequence;
	uint64_t sum; /* cdr_journal_sum() and the bytes, XOR the generation */
};
_Static_assert(sizeof(struct head) == 32, "no padding in a head");

/* @return of the layout, if a later program wrote it; else 0 */
static int later_version(const char *bytes, size_t size)
{
	const size_t digit = strlen(magic) - 1;

	return size >= sizeof(magic) && memcmp(bytes, magic, digit) == 0 && bytes[digit] > magic[digit]
		? bytes[digit] - '0'
		: 0;
}

/* Reading ----------------------------------------------------------------------------------- */

static size_t filled(size_t size)
{
	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* What cannot be read is zero, and so no item. */
static char *read_all(int fd, size_t *size)
{
	struct stat st;
	char *bytes;
	ssize_t n;

	if (fstat(fd, &st))
		return NULL;
	bytes = calloc(1, (size_t)st.st_size + 1);
	for (*size = 0; bytes && *size < (size_t)st.st_size; *size += (size_t)n) {
		n = pread(fd, bytes + *size, (size_t)st.st_size - *size, (off_t)*size);
		if (n <= 0)
			n = st.st_size - (off_t)*size < BYTES_MIN ? st.st_size - (off_t)*size : BYTES_MIN;
	}
	return bytes;
}

bool cdr_disk_file_is_behind(int fd, uint64_t generation, uint64_t sequence)
{
	size_t size = 0, at = sizeof(struct beginning);
	char *bytes = read_all(fd, &size);
	const struct beginning *beginning = (const struct beginning *)(const void *)bytes;
	bool behind = bytes && size >= sizeof(*beginning) &&
		memcmp(beginning->magic, magic, sizeof(magic)) == 0 && beginning->generation == generation;

	while (behind && size - at >= sizeof(struct head)) {
		const struct head *head = (const struct head *)(const void *)(bytes + at);
		behind = head->sequence <= sequence;
		if (!head->word || filled(head->size) > size - at - sizeof(*head))
			break;
		at += sizeof(*head) + filled(head->size);
	}
	free(bytes);
	return behind;
}

static bool is_item(const struct head *head, size_t left, uint64_t generation)
{
	enum cdr_journal_state state;

	return (head->word == SIGN ? head->size == sizeof(struct cdr_sign)
				   : cdr_journal_state(head->word, &state) == 0) &&
		filled(head->size) <= left - sizeof(*head) &&
		cdr_sum_bytes(cdr_journal_sum(head->number, head->sequence, head->size), head + 1,
			head->size) == (head->sum ^ generation);
}

static int take(
	const struct head *head, struct cdr_disk_file_found *found, cdr_journal_entry_h *on_entry, void *arg)
{
	struct cdr_journal_entry entry = {.number = head->number,
		.sequence = head->sequence,
		.bytes = (const char *)(head + 1),
		.size = head->size};

	if (head->word == SIGN) {
		memcpy(&found->sign, head + 1, sizeof(found->sign));
		return 0;
	}
	cdr_journal_state(head->word, &entry.state);
	if (entry.state == CDR_JOURNAL_NOTE && entry.size == sizeof(entry.note)) {
		memcpy(&entry.note, entry.bytes, sizeof(entry.note));
		entry.size = 0;
	}
	if (head->sequence > found->sequence)
		found->sequence = head->sequence;
	return on_entry(&entry, arg);
}

/* What is no item is damage if there is another behind it; else it is the end. */
static int read_items(const char *bytes, size_t size, struct cdr_disk_file_found *found,
	cdr_journal_entry_h *on_entry, void *arg)
{
	const uint64_t generation = ((const struct beginning *)(const void *)bytes)->generation;
	bool was_item = true;
	int err = 0;

	for (size_t at = sizeof(struct beginning), n; !err && at < size; at += n) {
		const struct head *head = (const struct head *)(const void *)(bytes + at);
		bool item = size - at >= sizeof(*head) && is_item(head, size - at, generation);

		n = item ? sizeof(*head) + filled(head->size) : ALIGNMENT;
		found->damaged += item && !was_item;
		was_item = item;
		if (item)
			err = take(head, found, on_entry, arg);
	}
	return err;
}

static int read_old(int fd, struct cdr_disk_file_found *found, cdr_journal_entry_h *on_entry, void *arg)
{
	int64_t sign_ms = 0;
	int err = cdr_old_read(fd, &sign_ms, on_entry, arg);

	found->old = !err;
	found->sign = (struct cdr_sign){.steady_ms = (uint64_t)sign_ms, .epoch_ms = sign_ms};
	if (err == -EINVAL)
		found->damaged++;
	return err == -EINVAL || err == -ENODATA ? 0 : err;
}

int cdr_disk_file_read(int fd, struct cdr_disk_file_found *found, cdr_journal_entry_h *on_entry, void *arg)
{
	size_t size;
	char *bytes = read_all(fd, &size);
	int err = bytes ? 0 : -ENOMEM;

	*found = (struct cdr_disk_file_found){0};
	found->later = err ? 0 : later_version(bytes, size);
	if (found->later)
		err = -ENOTSUP;
	if (!err && size && (size < sizeof(struct beginning) || memcmp(bytes, magic, sizeof(magic)) != 0))
		err = read_old(fd, found, on_entry, arg);
	if (!err && size && !found->old)
		err = read_items(bytes, size, found, on_entry, arg);
	free(bytes);
	return err;
}

/* Writing ----------------------------------------------------------------------------------- */

static int fit(struct cdr_disk_file_bytes *b, size_t n)
{
	size_t size = b->size ? b->size : BYTES_MIN;
	char *data;

	if (n <= b->size - b->n)
		return 0;
	while (size - b->n < n)
		size *= 2;
	data = aligned_alloc(CDR_DISK_FILE_BLOCK, size);
	if (!data)
		return -ENOMEM;
	if (b->n)
		memcpy(data, b->data, b->n);
	free(b->data);
	b->data = data;
	b->size = size;
	return 0;
}

int cdr_disk_file_begin(struct cdr_disk_file_bytes *b, uint64_t generation)
{
	struct beginning beginning = {.generation = generation};
	int err = fit(b, sizeof(beginning));

	if (err)
		return err;
	memcpy(beginning.magic, magic, sizeof(magic));
	memcpy(b->data + b->n, &beginning, sizeof(beginning));
	b->n += sizeof(beginning);
	return 0;
}

void cdr_disk_file_stamp(struct cdr_disk_file_bytes *b, size_t from, uint64_t generation)
{
	for (size_t at = from; at < b->n;) {
		struct head *head = (struct head *)(void *)(b->data + at);
		head->sum ^= generation;
		at += sizeof(*head) + filled(head->size);
	}
}

int cdr_disk_file_take(struct cdr_disk_file_bytes *b, int fd, size_t at, size_t n)
{
	b->n = 0;
	if (fit(b, n))
		return -ENOMEM;
	b->n = n;
	return pread(fd, b->data, n, (off_t)at) == (ssize_t)n ? 0 : -EIO;
}

size_t cdr_disk_file_fill(const struct cdr_disk_file_bytes *b)
{
	const size_t n = (b->n + CDR_DISK_FILE_BLOCK - 1) / CDR_DISK_FILE_BLOCK * CDR_DISK_FILE_BLOCK;

	if (n > b->n)
		memset(b->data + b->n, 0, n - b->n);
	return n;
}

/* Its bytes are behind the head already. */
static void end_item(struct cdr_disk_file_bytes *b, const struct head *head)
{
	memcpy(b->data + b->n, head, sizeof(*head));
	b->n += sizeof(*head) + head->size;
	for (size_t n = filled(head->size) - head->size; n; n--)
		b->data[b->n++] = '\0';
}

int cdr_disk_file_add(
	struct cdr_disk_file_bytes *b, const struct cdr_journal *journal, cdr_slot slot, uint64_t sequence)
{
	struct cdr_journal_entry entry = {0};
	struct head head;
	int err;

	do {
		if (fit(b, sizeof(head) + entry.size + ALIGNMENT))
			return -ENOMEM;
		err = cdr_journal_copy(journal, slot, &entry, &head.sum, b->data + b->n + sizeof(head),
			b->size - b->n - sizeof(head) - ALIGNMENT);
	} while (err == -ENOSPC);
	if (err || (sequence && entry.sequence != sequence))
		return 0; /* another entry of the call follows, or it is done */
	head.word = cdr_journal_word(entry.state);
	head.size = (uint32_t)entry.size;
	head.number = entry.number;
	head.sequence = entry.sequence;
	end_item(b, &head);
	return 0;
}

static int add(struct cdr_disk_file_bytes *b, struct head head, const void *bytes)
{
	if (fit(b, sizeof(head) + filled(head.size)))
		return -ENOMEM;
	head.sum = cdr_sum_bytes(cdr_journal_sum(head.number, head.sequence, head.size), bytes, head.size);
	if (head.size)
		memcpy(b->data + b->n + sizeof(head), bytes, head.size);
	end_item(b, &head);
	return 0;
}

int cdr_disk_file_add_note(struct cdr_disk_file_bytes *b, const struct cdr_journal *journal, cdr_slot slot)
{
	struct cdr_journal_entry entry;

	if (!cdr_journal_copy_note(journal, slot, &entry))
		return 0;
	return add(b,
		(struct head){.word = cdr_journal_word(CDR_JOURNAL_NOTE),
			.size = sizeof(entry.note),
			.number = entry.number,
			.sequence = entry.sequence},
		&entry.note);
}

int cdr_disk_file_add_done(struct cdr_disk_file_bytes *b, uint64_t number)
{
	return add(b, (struct head){.word = cdr_journal_word(CDR_JOURNAL_DONE), .number = number}, NULL);
}

int cdr_disk_file_add_sign(struct cdr_disk_file_bytes *b, const struct cdr_sign *sign)
{
	return add(b, (struct head){.word = SIGN, .size = sizeof(*sign)}, sign);
}
