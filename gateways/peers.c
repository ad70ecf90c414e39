/* When memory runs out, uthash leaves the element out instead of ending the process. */
#define HASH_NONFATAL_OOM 1

#include "peers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct peers {
	const struct peer_type *type;
	void *owner;
	struct peer *by_name; /* hash of all, removed ones too */
	struct peer **list;   /* in force, in order of name */
	size_t n;
	struct peer **staged; /* in order of the rows; sorted by peers_commit() */
	size_t n_staged;
	uint64_t generation;
};

static uint32_t row_number(const void *row, size_t offset)
{
	return offset == PEER_UNLIMITED ? 0 : *(const uint32_t *)((const char *)row + offset);
}

static void peer_free(struct peer *p)
{
	if (p->set)
		HASH_DEL(p->set->by_name, p);
	if (p->type->on_free)
		p->type->on_free(p);
	call_limits_clear(&p->limits);
	free(p->row);
	free(p->pending);
	free(p);
}

static void free_if_unused(struct peer *p)
{
	if (!p->refs && !p->limits.in_use)
		peer_free(p);
}

static void on_release(struct call_limits *l, const struct call_limits_channel *ch)
{
	struct peer *p = (struct peer *)((char *)l - offsetof(struct peer, limits));

	if (p->type->on_release)
		p->type->on_release(p, ch);
	free_if_unused(p);
}

void peer_ref(struct peer *p)
{
	p->refs++;
}

void peer_unref(struct peer *p)
{
	assert(p->refs);
	p->refs--;
	free_if_unused(p);
}

static struct peer *find_any(const struct peers *set, const char *name)
{
	struct peer *p;

	HASH_FIND(hh, set->by_name, name, strlen(name), p);
	return p;
}

/* A new peer counts as removed, so that nobody sees it before it is committed. */
static struct peer *peer_create(struct peers *set, const char *name)
{
	size_t length = strlen(name);
	struct peer *p = calloc(1, set->type->peer_size + length + 1);

	if (!p)
		return NULL;
	p->type = set->type;
	p->name = (char *)p + set->type->peer_size;
	memcpy(p->name, name, length);
	p->removed = true;
	p->limits.on_release = on_release;
	HASH_ADD_KEYPTR(hh, set->by_name, p->name, length, p);
	if (!p->hh.tbl) {
		free(p);
		return NULL;
	}
	p->set = set;
	return p;
}

int peers_create(struct peers **out, const struct peer_type *type, void *owner)
{
	struct peers *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->type = type;
	set->owner = owner;
	*out = set;
	return 0;
}

void *peers_owner(const struct peers *set)
{
	return set->owner;
}

static void remove_peer(struct peer *p)
{
	p->removed = true;
	if (p->type->on_change)
		p->type->on_change(p, p->row);
	peer_unref(p);
}

void peers_destroy(struct peers *set)
{
	struct peer *p, *next;

	if (!set)
		return;
	HASH_ITER (hh, set->by_name, p, next) {
		HASH_DEL(set->by_name, p);
		p->set = NULL;
		if (!p->removed)
			remove_peer(p);
	}
	free(set->list);
	free(set);
}

static int stage_row(struct peers *set, const void *row)
{
	const struct db_table *table = set->type->table;
	const char *name = db_table_row_name(table, row);
	struct peer *p = find_any(set, name);

	if (!p)
		p = peer_create(set, name);
	if (!p)
		return -ENOMEM;
	assert(p->generation != set->generation); /* names are unique */
	p->generation = set->generation;
	set->staged[set->n_staged++] = p;
	if (p->row && db_table_rows_equal(table, p->row, row))
		return 0;
	p->pending = db_table_copy_row(table, row);
	return p->pending ? call_limits_reserve(&p->limits, row_number(row, set->type->cps)) : -ENOMEM;
}

int peers_stage(struct peers *set, const void *rows, size_t n)
{
	int err = 0;

	assert(!set->staged);
	set->staged = malloc((n + 1) * sizeof(*set->staged)); /* + 1: malloc(0) may return NULL */
	if (!set->staged)
		return -ENOMEM;
	set->generation++;
	for (size_t i = 0; i < n && !err; i++)
		err = stage_row(set, (const char *)rows + i * set->type->table->row_size);
	if (err)
		peers_abandon(set);
	return err;
}

struct peer *peers_staged(const struct peers *set, size_t i)
{
	assert(i < set->n_staged);
	return set->staged[i];
}

static void put_in_force(struct peer *p)
{
	const struct peer_type *type = p->set->type;
	const bool revived = p->removed;
	void *old_row = p->row;

	if (revived) {
		p->removed = false;
		peer_ref(p);
	}
	if (p->pending) {
		p->row = p->pending;
		p->pending = NULL;
		/* cannot fail: peers_stage() reserved the room */
		call_limits_set(
			&p->limits, row_number(p->row, type->capacity), row_number(p->row, type->cps));
	}
	if ((revived || p->row != old_row) && type->on_change)
		type->on_change(p, old_row);
	if (p->row != old_row)
		free(old_row);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct peer *const *)a)->name, (*(struct peer *const *)b)->name);
}

static bool in_order(struct peer *const *list, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (by_name(&list[i - 1], &list[i]) > 0)
			return false;
	return true;
}

void peers_commit(struct peers *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->list[i]->generation != set->generation)
			remove_peer(set->list[i]);
	for (size_t i = 0; i < set->n_staged; i++)
		put_in_force(set->staged[i]);
	if (!in_order(set->staged, set->n_staged))
		qsort(set->staged, set->n_staged, sizeof(struct peer *), by_name);
	free(set->list);
	set->list = set->staged;
	set->n = set->n_staged;
	set->staged = NULL;
	set->n_staged = 0;
}

void peers_abandon(struct peers *set)
{
	for (size_t i = 0; i < set->n_staged; i++) {
		struct peer *p = set->staged[i];

		free(p->pending);
		p->pending = NULL;
		free_if_unused(p); /* frees one that peers_stage() created */
	}
	free(set->staged);
	set->staged = NULL;
	set->n_staged = 0;
}

struct peer *peers_find(const struct peers *set, const char *name)
{
	struct peer *p = find_any(set, name);

	return p && !p->removed ? p : NULL;
}

size_t peers_count(const struct peers *set)
{
	return set->n;
}

struct peer *peers_at(const struct peers *set, size_t i)
{
	assert(i < set->n);
	return set->list[i];
}

void peers_recount(struct peers *set)
{
	struct peer *p, *next;

	HASH_ITER (hh, set->by_name, p, next)
		p->limits.counted = 0;
}

uint64_t peers_channel_drift(const struct peers *set)
{
	uint64_t drift = 0;
	struct peer *p, *next;

	HASH_ITER (hh, set->by_name, p, next)
		drift += (uint64_t)llabs((long long)p->limits.in_use - p->limits.counted);
	return drift;
}
