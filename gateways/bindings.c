#include "bindings.h"

#include "bindings_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct bindings {
	struct bindings_table table;
	struct bindings_handlers handlers;
	uint64_t second; /* up to here they have expired */
};

const char *bindings_end_name(enum bindings_end end)
{
	static const char *const names[BINDINGS_ENDS] = {
		[BINDINGS_UNREGISTERED] = "unregistered",
		[BINDINGS_REPLACED] = "replaced",
		[BINDINGS_EXPIRED] = "expired",
		[BINDINGS_DISCONNECTED] = "disconnected",
		[BINDINGS_REMOVED] = "removed",
	};

	return names[end];
}

static struct bindings_table_row *row_of(const struct binding *b)
{
	return (struct bindings_table_row *)(void *)b;
}

/* The set ----------------------------------------------------------------------------------- */

int bindings_create(struct bindings **out, binding_hash_h *hash, const struct bindings_handlers *handlers,
	uint64_t now_ms)
{
	struct bindings *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->table.hash = hash;
	set->handlers = *handlers;
	set->second = now_ms / 1000;
	*out = set;
	return 0;
}

void bindings_destroy(struct bindings *set)
{
	struct bindings_table_account *a, *next;

	if (!set)
		return;
	HASH_ITER (hh, set->table.accounts, a, next)
		for (unsigned n = a->n; n; n--) { /* with the last one the account goes */
			struct bindings_table_row *row = LIST_FIRST(&a->rows);

			bindings_table_unlink_row(&set->table, row);
			set->handlers.on_freed(&row->b, set->handlers.arg);
			bindings_table_free_row(&set->table, row);
		}
	free(set);
}

size_t bindings_count(const struct bindings *set)
{
	return set->table.n;
}

void bindings_remove(struct bindings *set, struct binding *b, enum bindings_end end)
{
	struct bindings_table_row *row = row_of(b);

	bindings_table_unlink_row(&set->table, row);
	set->handlers.on_removed(b, end, set->handlers.arg);
	set->handlers.on_freed(b, set->handlers.arg);
	bindings_table_free_row(&set->table, row);
}

static struct bindings_table_row *find_row(const struct bindings_table_account *a, const char *key)
{
	struct bindings_table_row *row;

	if (!a)
		return NULL;
	LIST_FOREACH (row, &a->rows, of_account)
		if (!strcmp(row->b.key, key))
			return row;
	return NULL;
}

/** Put it in the place of the one before, if there is one. */
static void put(struct bindings *set, struct bindings_table_row *row, struct bindings_table_row *before)
{
	if (before) {
		row->b.since_ms = before->b.since_ms;
		row->b.attached = before->b.attached;
		bindings_table_unlink_row(&set->table, before);
	}
	bindings_table_link_row(&set->table, row);
	bindings_table_free_row(&set->table, before);
	set->handlers.on_put(&row->b, !before, set->handlers.arg);
}

/* REGISTER ---------------------------------------------------------------------------------- */

/** A request that has overtaken a later one changes nothing (RFC 3261 section 10.3 step 7). */
static bool is_late(const struct bindings_request *r, const struct bindings_table_row *row)
{
	return row && !strcmp(row->b.call_id, r->call_id) && r->cseq <= row->b.cseq;
}

static int check_order(const struct bindings_table_account *a, const struct bindings_request *r)
{
	const struct bindings_table_row *row;

	for (unsigned i = 0; i < r->n; i++)
		if (is_late(r, find_row(a, r->contacts[i].key)))
			return -ESTALE;
	if (a && r->remove_all)
		LIST_FOREACH (row, &a->rows, of_account)
			if (is_late(r, row))
				return -ESTALE;
	return 0;
}

/** How many there would be, and how many of the request's own. */
static int check_number(const struct bindings_table_account *a, const struct bindings_request *r)
{
	unsigned own = 0, all = a ? a->n : 0;

	for (unsigned i = 0; i < r->n; i++) {
		const bool there = find_row(a, r->contacts[i].key) != NULL,
			   stays = r->contacts[i].expires_s > 0;

		own += stays;
		all = all + (stays && !there) - (!stays && there);
	}
	if (own > r->max)
		return -E2BIG;
	return all > r->max && !r->replace && own ? -EBUSY : 0;
}

/** Rows for all contacts that stay; those that go have none. @return 0; -ENOMEM with nothing made */
static int make_rows(struct bindings *set, const struct bindings_request *r,
	struct bindings_table_row *rows[BINDINGS_CONTACTS_MAX], uint64_t now_ms, int64_t epoch_ms)
{
	for (unsigned i = 0; i < r->n; i++) {
		const struct bindings_contact *c = &r->contacts[i];
		const struct binding b = {
			.endpoint = r->endpoint,
			.key = c->key,
			.contact = c->uri,
			.path = r->path,
			.call_id = r->call_id,
			.user_agent = r->user_agent,
			.listener = r->listener,
			.md5_only = r->md5_only,
			.source = r->source,
			.nat = r->nat,
			.q = c->q,
			.cseq = r->cseq,
			.since_ms = epoch_ms,
			.expires_epoch_ms = epoch_ms + 1000 * (int64_t)c->expires_s,
			.expires_ms = now_ms + 1000 * (uint64_t)c->expires_s,
		};

		rows[i] = c->expires_s ? bindings_table_create_row(&set->table, &b) : NULL;
		if (c->expires_s && !rows[i]) {
			while (i--)
				bindings_table_free_row(&set->table, rows[i]);
			return -ENOMEM;
		}
	}
	return 0;
}

static void remove_all(struct bindings *set, const char *endpoint)
{
	struct binding *b;

	while ((b = bindings_first(set, endpoint)))
		bindings_remove(set, b, BINDINGS_UNREGISTERED);
}

/** The one that was registered longest ago. The rows are sorted by q first. */
static struct bindings_table_row *oldest(const struct bindings_table_account *a)
{
	struct bindings_table_row *row, *found = LIST_FIRST(&a->rows);

	LIST_FOREACH (row, &a->rows, of_account)
		if (row->order < found->order)
			found = row;
	return found;
}

int bindings_register(
	struct bindings *set, const struct bindings_request *r, uint64_t now_ms, int64_t epoch_ms)
{
	struct bindings_table_account *a = bindings_table_find_account(&set->table, r->endpoint);
	struct bindings_table_row *rows[BINDINGS_CONTACTS_MAX];
	int err = check_order(a, r);

	if (!err)
		err = check_number(a, r);
	if (!err)
		err = make_rows(set, r, rows, now_ms, epoch_ms);
	if (err)
		return err;
	if (r->remove_all)
		remove_all(set, r->endpoint);
	for (unsigned i = 0; i < r->n; i++) {
		struct bindings_table_row *before =
			find_row(bindings_table_find_account(&set->table, r->endpoint), r->contacts[i].key);

		if (rows[i])
			put(set, rows[i], before);
		else if (before)
			bindings_remove(set, &before->b, BINDINGS_UNREGISTERED);
	}
	a = bindings_table_find_account(&set->table, r->endpoint);
	while (a && a->n > r->max)
		bindings_remove(set, &oldest(a)->b, BINDINGS_REPLACED);
	return 0;
}

int bindings_restore(struct bindings *set, const struct binding *b)
{
	struct bindings_table_row *row;

	if (find_row(bindings_table_find_account(&set->table, b->endpoint), b->key))
		return -EEXIST;
	row = bindings_table_create_row(&set->table, b);
	if (!row)
		return -ENOMEM;
	put(set, row, NULL);
	return 0;
}

/* Questions --------------------------------------------------------------------------------- */

static struct binding *binding_of(struct bindings_table_row *row)
{
	return row ? &row->b : NULL;
}

struct binding *bindings_first(const struct bindings *set, const char *endpoint)
{
	const struct bindings_table_account *a = bindings_table_find_account(&set->table, endpoint);

	return a ? binding_of(LIST_FIRST(&a->rows)) : NULL;
}

struct binding *binding_next(const struct binding *b)
{
	return binding_of(LIST_NEXT(row_of(b), of_account));
}

struct binding *bindings_at(const struct bindings *set, const struct binding_source *source)
{
	const struct bindings_table_place *p =
		bindings_table_find_place(&set->table, &source->address.any, source->transport);

	return p ? binding_of(LIST_FIRST(&p->rows)) : NULL;
}

struct binding *bindings_of_at(
	const struct bindings *set, const char *endpoint, const struct binding_source *source)
{
	const struct bindings_table_place *p =
		bindings_table_find_place(&set->table, &source->address.any, source->transport);
	struct binding *b = p ? bindings_first(set, endpoint) : NULL;

	while (b && row_of(b)->source != p)
		b = binding_next(b);
	return b ? b : p ? binding_of(LIST_FIRST(&p->rows)) : NULL;
}

struct binding *binding_next_at(const struct binding *b)
{
	return binding_of(LIST_NEXT(row_of(b), at_source));
}

bool bindings_have_host(const struct bindings *set, const struct sockaddr *address)
{
	return bindings_table_find_place(&set->table, address, NULL) != NULL;
}

void bindings_expire(struct bindings *set, uint64_t now_ms)
{
	const uint64_t now = now_ms / 1000;
	uint64_t second = now - set->second > BINDINGS_TABLE_SLOTS ? now - BINDINGS_TABLE_SLOTS : set->second;

	while (second < now) {
		struct bindings_table_row *row, *next;

		second++;
		for (row = LIST_FIRST(&set->table.slots[second % BINDINGS_TABLE_SLOTS]); row; row = next) {
			next = LIST_NEXT(row, in_slot);
			if (row->b.expires_ms <= now_ms)
				bindings_remove(set, &row->b, BINDINGS_EXPIRED);
		}
	}
	set->second = now;
}
