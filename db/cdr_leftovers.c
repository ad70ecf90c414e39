#include "cdr_leftovers.h"

#include "cdr_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int cdr_leftovers_collect(const struct cdr_journal_record *record, void *arg)
{
	struct cdr_leftovers *left = arg;
	if (left->n == left->size) {
		size_t size = left->size ? 2 * left->size : 64;
		struct cdr_leftover *items = realloc(left->item, size * sizeof(*items));
		if (!items)
			return -ENOMEM;
		left->item = items;
		left->size = size;
	}
	struct cdr_entry *e = malloc(sizeof(*e) + record->size);
	if (!e)
		return -ENOMEM;
	*e = (struct cdr_entry){.number = record->number, .record = record->slot, .size = record->size};
	memcpy(e->bytes, record->bytes, record->size);
	left->item[left->n++] =
		(struct cdr_leftover){.entry = e, .state = record->state, .ended_by = record->ended_by};
	left->n_ended += record->state == CDR_JOURNAL_ENDED;
	return 0;
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
