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

static void add(struct cdr_leftovers *left, const struct cdr_leftover *item)
{
	left->item[left->n++] = *item;
	left->n_ended += item->state == CDR_JOURNAL_ENDED;
}

int cdr_leftovers_collect(const struct cdr_journal_record *record, void *arg)
{
	struct cdr_leftovers *left = arg;
	if (fit(left))
		return -ENOMEM;
	struct cdr_entry *e = malloc(sizeof(*e) + record->size);
	if (!e)
		return -ENOMEM;
	*e = (struct cdr_entry){.number = record->number, .record = record->slot, .size = record->size};
	memcpy(e->bytes, record->bytes, record->size);
	add(left, &(struct cdr_leftover){.entry = e, .state = record->state, .ended_by = record->ended_by});
	return 0;
}

static int move_one(struct cdr_leftover *item, struct cdr_journal *there, struct cdr_journal *here)
{
	struct cdr_entry *e = item->entry;
	const cdr_slot was = e->record;
	int err = 0;

	for (;;) {
		e->record = cdr_journal_put(here, item->state, e->number, e->bytes, e->size);
		if (e->record || err)
			break;
		err = cdr_journal_grow(here);
	}
	if (!e->record)
		return err;
	if (item->ended_by)
		cdr_journal_set_ended(here, e->record, item->ended_by);
	cdr_journal_free(there, was);
	return 0;
}

int cdr_leftovers_move(struct cdr_leftovers *to, struct cdr_leftovers *from, struct cdr_journal *there,
	struct cdr_journal *here)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++) {
		struct cdr_leftover *item = &from->item[i];
		err = fit(to);
		if (!err)
			err = move_one(item, there, here);
		if (!err) {
			add(to, item);
			item->entry = NULL;
		}
	}
	cdr_leftovers_clear(from);
	return err;
}

static int compare(const void *one, const void *other)
{
	const struct cdr_leftover *a = one, *b = other;
	if ((a->state == CDR_JOURNAL_ENDED) != (b->state == CDR_JOURNAL_ENDED))
		return a->state == CDR_JOURNAL_ENDED ? -1 : 1;
	return (a->entry->number > b->entry->number) - (a->entry->number < b->entry->number);
}

static struct cdr_leftover *find(
	struct cdr_leftover *item, size_t n, enum cdr_journal_state state, uint64_t number)
{
	struct cdr_entry wanted = {.number = number};
	const struct cdr_leftover key = {.entry = &wanted, .state = state};
	return n ? bsearch(&key, item, n, sizeof(key), compare) : NULL;
}

int cdr_leftovers_read(const struct cdr_leftover *item, struct cdr_live *live, struct cdr *record)
{
	const struct cdr_entry *e = item->entry;
	*live = (struct cdr_live){.record = e->bytes, .record_size = e->size};
	int err = item->state == CDR_JOURNAL_LIVE ? cdr_live_read(live, e->bytes, e->size) : 0;
	return err ? err : cdr_record_read(record, live->record, live->record_size);
}

void cdr_leftovers_sort(struct cdr_leftovers *left)
{
	struct cdr_leftover *answered = left->item + left->n_ended;
	size_t n = left->n - left->n_ended;
	if (left->n)
		qsort(left->item, left->n, sizeof(*left->item), compare);
	for (size_t i = 1; i < left->n; i++)
		if (compare(&left->item[i - 1], &left->item[i]) == 0)
			left->item[i].superseded = true;
	for (size_t i = 0; i < n; i++) {
		struct cdr_leftover *old = NULL;
		struct cdr_live live;
		struct cdr record;
		if (cdr_leftovers_read(&answered[i], &live, &record) == 0 && live.replaces)
			old = find(answered, n, CDR_JOURNAL_LIVE, live.replaces);
		if (old)
			old->superseded = true;
		if (answered[i].ended_by &&
			find(left->item, left->n_ended, CDR_JOURNAL_ENDED, answered[i].ended_by))
			answered[i].superseded = true;
	}
}

void cdr_leftovers_clear(struct cdr_leftovers *left)
{
	for (size_t i = 0; i < left->n; i++)
		free(left->item[i].entry);
	free(left->item);
	*left = (struct cdr_leftovers){0};
}
