#include "cdr_leftovers.h"

#include "cdr_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int fit(struct cdr_leftovers *left)
{
	if (left->n < left->size)
		return 0;
	size_t size = left->size ? 2 * left->size : 64;
	struct cdr_leftover *items = realloc(left->item, size * sizeof(*items));
	if (!items)
		return -ENOMEM;
	left->item = items;
	left->size = size;
	return 0;
}

int cdr_leftovers_collect(const struct cdr_journal_entry *entry, void *arg)
{
	struct cdr_leftovers *left = arg;
	if (fit(left))
		return -ENOMEM;
	struct cdr_entry *e = malloc(sizeof(*e) + entry->size);
	if (!e)
		return -ENOMEM;
	*e = (struct cdr_entry){.number = entry->number,
		.sequence = entry->sequence,
		.may_be_row = true,
		.record = entry->slot,
		.size = entry->size};
	memcpy(e->bytes, entry->bytes, entry->size);
	left->item[left->n++] = (struct cdr_leftover){.entry = e, .state = entry->state, .note = entry->note};
	return 0;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int is_entry(const void *item)
{
	return ((const struct cdr_leftover *)item)->state != CDR_JOURNAL_NOTE;
}

/* Of one call the one that counts comes last: of the same twice that which is in the journal. Notes come before it. */
static int by_call(const void *one, const void *other)
{
	const struct cdr_entry *a = ((const struct cdr_leftover *)one)->entry,
			       *b = ((const struct cdr_leftover *)other)->entry;
	const bool a_done = ((const struct cdr_leftover *)one)->state == CDR_JOURNAL_DONE,
		   b_done = ((const struct cdr_leftover *)other)->state == CDR_JOURNAL_DONE;
	int order = compare(a->number, b->number);
	if (!order)
		order = a_done - b_done;
	if (!order)
		order = compare(a->sequence, b->sequence);
	if (!order)
		order = is_entry(one) - is_entry(other);
	return order ? order : compare(a->record, b->record);
}

static int by_sequence(const void *one, const void *other)
{
	return compare(((const struct cdr_leftover *)one)->entry->sequence,
		((const struct cdr_leftover *)other)->entry->sequence);
}

/* A crash came between its record and the change of its state. */
static bool is_about_to_part(const struct cdr_leftover *item, const struct cdr_leftover *next)
{
	return item->state == CDR_JOURNAL_LIVE && item->entry->record && next->state == CDR_JOURNAL_ENDED &&
		next->entry->record && item->entry->number == next->entry->number;
}

static bool is_parting(const struct cdr_leftover *item)
{
	return item->state == CDR_JOURNAL_PARTING && item->entry->record;
}

/* An entry whose sides are still to be told stays beside the others of its call, unless only the disk has it. */
static bool is_superseded(const struct cdr_leftover *item, const struct cdr_leftover *next)
{
	const bool beside =
		is_parting(item) || (is_parting(next) && item->entry->sequence != next->entry->sequence);
	return item->entry->number == next->entry->number && !beside;
}

static bool is_note_of(const struct cdr_entry *note, const struct cdr_entry *entry)
{
	return note->number == entry->number && note->sequence == entry->sequence;
}

/* A copy on disk has its notes behind it, of which the highest is the last; one in memory has its own. */
static void apply_notes(struct cdr_leftovers *left)
{
	size_t n = left->n;
	struct cdr_leftover note = {0};

	left->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct cdr_leftover *item = &left->item[i];
		const bool same = note.entry && is_note_of(note.entry, item->entry);
		if (is_entry(item)) {
			if (same && !item->note)
				item->note = note.note;
			left->item[left->n++] = *item;
		} else {
			const uint32_t highest = same && note.note > item->note ? note.note : item->note;
			free(note.entry);
			note = *item;
			note.note = highest;
		}
	}
	free(note.entry);
}

void cdr_leftovers_sort(struct cdr_leftovers *left)
{
	if (!left->n)
		return;
	qsort(left->item, left->n, sizeof(*left->item), by_call);
	apply_notes(left);
	for (struct cdr_leftover *item = left->item; item + 1 < left->item + left->n; item++) {
		if (is_about_to_part(item, item + 1))
			item->state = CDR_JOURNAL_PARTING;
		item->superseded = is_superseded(item, item + 1);
	}
	qsort(left->item, left->n, sizeof(*left->item), by_sequence);
}

int cdr_leftovers_read(const struct cdr_leftover *item, struct cdr_live *live, struct cdr *record)
{
	int err = cdr_live_read(live, item->entry->bytes, item->entry->size);
	if (!err)
		err = cdr_record_read(record, live->record, live->record_size);
	record->offset_ms = live->offset_ms;
	record->number = item->entry->number;
	return err;
}

int cdr_leftovers_add(struct cdr_leftovers *left, struct cdr_leftovers *other)
{
	size_t n = left->n + other->n;
	struct cdr_leftover *items = other->n ? realloc(left->item, n * sizeof(*items)) : left->item;
	if (other->n && !items)
		return -ENOMEM;
	if (other->n)
		memcpy(items + left->n, other->item, other->n * sizeof(*items));
	left->item = items;
	left->size = left->n = n;
	other->n = 0;
	cdr_leftovers_clear(other);
	return 0;
}

static int put(struct cdr_leftover *item, struct cdr_journal *journal)
{
	struct cdr_entry *e = item->entry;
	const struct iovec part = {e->bytes, e->size};

	for (int err = 0; !err; err = cdr_journal_grow(journal)) {
		e->record = cdr_journal_put(journal, item->state, e->number, &part, 1);
		if (e->record)
			break;
	}
	if (!e->record)
		return -ENOSPC;
	e->sequence = cdr_journal_sequence(journal);
	cdr_journal_note(journal, e->record, item->note);
	return 0;
}

int cdr_leftovers_put(struct cdr_leftovers *left, struct cdr_journal *journal)
{
	int err = 0;

	for (size_t i = 0; !err && i < left->n; i++)
		if (!left->item[i].entry->record && !left->item[i].superseded &&
			left->item[i].state != CDR_JOURNAL_DONE && left->item[i].state != CDR_JOURNAL_PARTING)
			err = put(&left->item[i], journal);
	return err;
}

void cdr_leftovers_clear(struct cdr_leftovers *left)
{
	for (size_t i = 0; i < left->n; i++)
		free(left->item[i].entry);
	free(left->item);
	*left = (struct cdr_leftovers){0};
}
