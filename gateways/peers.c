#include "peers.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct peers {
	const struct peer_type *type;
	void *owner;
	struct peer **list; /* in force, in order of name */
	size_t n;
	LIST_HEAD(, peer) removed; /* kept by a reference or a channel; new ones until they are committed */
	struct peer **staged;      /* in order of the rows; sorted by peers_commit() */
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
		LIST_REMOVE(p, link); /* one in force has the reference of its set */
	if (p->type->on_free)
		p->type->on_free(p);
	call_limits_clear(&p->limits);
	response_time_unref(p->response_time);
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

const char *peer_name(const struct peer *p)
{
	return db_table_row_name(p->type->table, p->row);
}

/* A new peer counts as removed, so that nobody sees it before it is committed. */
static struct peer *peer_create(struct peers *set)
{
	struct peer *p = calloc(1, set->type->peer_size);

	if (!p)
		return NULL;
	p->type = set->type;
	p->set = set;
	p->removed = true;
	p->limits.on_release = on_release;
	LIST_INSERT_HEAD(&set->removed, p, link);
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
	if (p->set)
		LIST_INSERT_HEAD(&p->set->removed, p, link);
	if (p->type->on_change)
		p->type->on_change(p, p->row);
	peer_unref(p);
}

void peers_destroy(struct peers *set)
{
	struct peer *p;

	if (!set)
		return;
	LIST_FOREACH (p, &set->removed, link)
		p->set = NULL;
	for (size_t i = 0; i < set->n; i++) {
		set->list[i]->set = NULL;
		remove_peer(set->list[i]);
	}
	free(set->list);
	free(set);
}

/* Which peer is whose row? ------------------------------------------------------------------ */

static int64_t peer_id(const struct peer *p)
{
	return db_table_row_id(p->type->table, p->row);
}

static int compare_ids(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_id(const void *a, const void *b)
{
	return compare_ids(peer_id(*(struct peer *const *)a), peer_id(*(struct peer *const *)b));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(peer_name(*(struct peer *const *)a), peer_name(*(struct peer *const *)b));
}

/* Of several that had a name, the last one comes first. */
static int by_name_and_age(const void *a, const void *b)
{
	const uint64_t load_a = (*(struct peer *const *)a)->generation,
		       load_b = (*(struct peer *const *)b)->generation;
	int order = by_name(a, b);

	return order ? order : (load_a < load_b) - (load_a > load_b);
}

static int is_id_of(const void *id, const void *p)
{
	return compare_ids(*(const int64_t *)id, peer_id(*(struct peer *const *)p));
}

static int is_name_of(const void *name, const void *p)
{
	return strcmp(name, peer_name(*(struct peer *const *)p));
}

static bool is_staged(const struct peers *set, const struct peer *p)
{
	return p->generation == set->generation;
}

/* Those that no row has been found for yet, removed ones too. @return NULL without memory; the caller frees it */
static struct peer **list_left(const struct peers *set, size_t *n)
{
	struct peer *p, **left;

	*n = set->n;
	LIST_FOREACH (p, &set->removed, link)
		++*n;
	left = malloc((*n + 1) * sizeof(struct peer *)); /* + 1: malloc(0) may return NULL */
	if (!left)
		return NULL;
	*n = 0;
	for (size_t i = 0; i < set->n; i++)
		if (!is_staged(set, set->list[i]))
			left[(*n)++] = set->list[i];
	LIST_FOREACH (p, &set->removed, link)
		if (!is_staged(set, p))
			left[(*n)++] = p;
	return left;
}

/* Peer p is that of the next row. */
static void stage_peer(struct peers *set, size_t i, struct peer *p)
{
	assert(!is_staged(set, p));
	p->generation = set->generation;
	set->staged[i] = p;
}

/* Rows that are where they were, which most are at most loads: both are in order of name. */
static void match_same(struct peers *set, const char *rows, size_t n)
{
	const struct db_table *table = set->type->table;

	for (size_t i = 0, k = 0; i < n && k < set->n; i++) {
		const char *row = rows + i * table->row_size, *name = db_table_row_name(table, row);
		const int64_t id = db_table_row_id(table, row);

		while (k < set->n && strcmp(peer_name(set->list[k]), name) < 0)
			k++;
		if (id && k < set->n && peer_id(set->list[k]) == id && is_name_of(name, &set->list[k]) == 0)
			stage_peer(set, i, set->list[k++]);
	}
}

/* Rows whose ids are known: these peers keep what they have, whatever their names are now. */
static void match_ids(struct peers *set, const char *rows, size_t n, struct peer **left, size_t n_left)
{
	const struct db_table *table = set->type->table;

	for (size_t i = 0; i < n; i++) {
		const int64_t id = db_table_row_id(table, rows + i * table->row_size);
		struct peer **p =
			id && !set->staged[i] ? bsearch(&id, left, n_left, sizeof(*left), is_id_of) : NULL;

		if (p && !is_staged(set, *p))
			stage_peer(set, i, *p);
	}
}

/* A row that was deleted and inserted again is recognised by its name. */
static struct peer *match_name(const struct peers *set, const char *name, struct peer **left, size_t n_left)
{
	struct peer **p = bsearch(name, left, n_left, sizeof(*left), is_name_of);

	while (p && p > left && is_name_of(name, p - 1) == 0)
		p--;
	while (p && p < left + n_left && is_name_of(name, p) == 0 && is_staged(set, *p))
		p++;
	return p && p < left + n_left && is_name_of(name, p) == 0 ? *p : NULL;
}

/* The others: by name, or they are new. @return 0 or -ENOMEM */
static int match_names(struct peers *set, const char *rows, size_t n, struct peer **left, size_t n_left)
{
	const struct db_table *table = set->type->table;

	for (size_t i = 0; i < n; i++) {
		struct peer *p = set->staged[i];

		if (p)
			continue;
		p = match_name(set, db_table_row_name(table, rows + i * table->row_size), left, n_left);
		if (!p)
			p = peer_create(set);
		if (!p)
			return -ENOMEM;
		stage_peer(set, i, p);
	}
	return 0;
}

static int match_rows(struct peers *set, const char *rows, size_t n)
{
	struct peer **left;
	size_t n_left;
	int err;

	match_same(set, rows, n);
	left = list_left(set, &n_left);
	if (!left)
		return -ENOMEM;
	qsort(left, n_left, sizeof(*left), by_id);
	match_ids(set, rows, n, left, n_left);
	qsort(left, n_left, sizeof(*left), by_name_and_age);
	err = match_names(set, rows, n, left, n_left);
	free(left);
	return err;
}

/* A new load -------------------------------------------------------------------------------- */

static int stage_row(struct peer *p, const void *row)
{
	const struct peer_type *type = p->type;

	if (p->row && db_table_rows_equal(type->table, p->row, row))
		return 0;
	p->pending = db_table_copy_row(type->table, row);
	return p->pending ? call_limits_reserve(&p->limits, row_number(row, type->cps)) : -ENOMEM;
}

int peers_stage(struct peers *set, const void *rows, size_t n)
{
	int err;

	assert(!set->staged);
	set->staged = calloc(n + 1, sizeof(*set->staged)); /* + 1: calloc(0) may return NULL */
	if (!set->staged)
		return -ENOMEM;
	set->n_staged = n;
	set->generation++;
	err = match_rows(set, rows, n);
	for (size_t i = 0; i < n && !err; i++)
		err = stage_row(set->staged[i], (const char *)rows + i * set->type->table->row_size);
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
		LIST_REMOVE(p, link);
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
		if (!is_staged(set, set->list[i]))
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

		if (!p)
			continue;
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
	struct peer **p = set->n ? bsearch(name, set->list, set->n, sizeof(struct peer *), is_name_of) : NULL;

	return p ? *p : NULL;
}

struct peer *peers_recognise(const struct peers *set, int64_t id, const char *name)
{
	struct peer *named = peers_find(set, name);

	if (!id || (named && peer_id(named) == id))
		return named;
	for (size_t i = 0; i < set->n; i++)
		if (peer_id(set->list[i]) == id)
			return set->list[i];
	return named;
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
	struct peer *p;

	for (size_t i = 0; i < set->n; i++)
		set->list[i]->limits.counted = 0;
	LIST_FOREACH (p, &set->removed, link)
		p->limits.counted = 0;
}

static uint64_t drift(const struct call_limits *l)
{
	return (uint64_t)llabs((long long)l->in_use - l->counted);
}

uint64_t peers_channel_drift(const struct peers *set)
{
	const struct peer *p;
	uint64_t sum = 0;

	for (size_t i = 0; i < set->n; i++)
		sum += drift(&set->list[i]->limits);
	LIST_FOREACH (p, &set->removed, link)
		sum += drift(&p->limits);
	return sum;
}
