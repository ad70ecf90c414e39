#include "bindings_table.h"

#include <stdlib.h>
#include <string.h>

struct bindings_table_account *bindings_table_find_account(const struct bindings_table *set, const char *name)
{
	const unsigned n = (unsigned)strlen(name), hash = (unsigned)set->hash(name, n);
	struct bindings_table_account *a;

	HASH_FIND_BYHASHVALUE(hh, set->accounts, name, n, hash, a);
	return a;
}

/** One more row of it. @return NULL without memory */
static struct bindings_table_account *ref_account(struct bindings_table *set, const char *name)
{
	const unsigned n = (unsigned)strlen(name), hash = (unsigned)set->hash(name, n);
	struct bindings_table_account *a = bindings_table_find_account(set, name);

	if (!a) {
		a = calloc(1, sizeof(*a) + n + 1);
		if (!a)
			return NULL;
		memcpy(a->name, name, n + 1);
		HASH_ADD_KEYPTR_BYHASHVALUE(hh, set->accounts, a->name, n, hash, a);
		if (!a->hh.tbl) {
			free(a);
			return NULL;
		}
	}
	a->references++;
	return a;
}

static void unref_account(struct bindings_table *set, struct bindings_table_account *a)
{
	if (!a || --a->references)
		return;
	HASH_DEL(set->accounts, a); /* NOLINT(clang-analyzer-core.NullDereference): it is in the table */
	free(a);
}

/** @param transport  NULL = the host, whatever port and transport. @return false when it is no address */
static bool make_place_key(
	struct bindings_table_place_key *key, const struct sockaddr *address, const char *transport)
{
	memset(key, 0, sizeof(*key));
	if (!address_key(&key->address, address))
		return false;
	if (transport)
		key->transport = (unsigned char)transport[1];
	else
		key->address.port = 0;
	return true;
}

struct bindings_table_place *bindings_table_find_place(
	const struct bindings_table *set, const struct sockaddr *address, const char *transport)
{
	struct bindings_table_place_key key;
	struct bindings_table_place *p;
	unsigned hash;

	if (!make_place_key(&key, address, transport))
		return NULL;
	hash = (unsigned)set->hash(&key, sizeof(key));
	HASH_FIND_BYHASHVALUE(hh, set->places, &key, sizeof(key), hash, p);
	return p;
}

/** One more row of it. @return NULL without memory, or when it is no address */
static struct bindings_table_place *ref_place(
	struct bindings_table *set, const struct sockaddr *address, const char *transport)
{
	struct bindings_table_place *p = bindings_table_find_place(set, address, transport);
	unsigned hash;

	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p || !make_place_key(&p->key, address, transport)) {
			free(p);
			return NULL;
		}
		hash = (unsigned)set->hash(&p->key, sizeof(p->key));
		HASH_ADD_BYHASHVALUE(hh, set->places, key, sizeof(p->key), hash, p);
		if (!p->hh.tbl) {
			free(p);
			return NULL;
		}
	}
	p->references++;
	return p;
}

static void unref_place(struct bindings_table *set, struct bindings_table_place *p)
{
	if (!p || --p->references)
		return;
	HASH_DEL(set->places, p); /* NOLINT(clang-analyzer-core.NullDereference): it is in the table */
	free(p);
}

/** Copy a text to where the last one ended. */
static const char *keep(char **at, const char *text)
{
	char *copy = *at;
	size_t n = strlen(text) + 1;

	memcpy(copy, text, n);
	*at += n;
	return copy;
}

void bindings_table_free_row(struct bindings_table *set, struct bindings_table_row *row)
{
	if (!row)
		return;
	unref_account(set, row->account);
	unref_place(set, row->source);
	unref_place(set, row->host);
	free(row);
}

struct bindings_table_row *bindings_table_create_row(struct bindings_table *set, const struct binding *b)
{
	struct bindings_table_row *row = calloc(1,
		sizeof(*row) + strlen(b->key) + strlen(b->contact) + strlen(b->path) + strlen(b->call_id) +
			strlen(b->user_agent) + strlen(b->listener) + 6);
	char *at;

	if (!row)
		return NULL;
	at = row->texts;
	row->b = *b;
	row->b.key = keep(&at, b->key);
	row->b.contact = keep(&at, b->contact);
	row->b.path = keep(&at, b->path);
	row->b.call_id = keep(&at, b->call_id);
	row->b.user_agent = keep(&at, b->user_agent);
	row->b.listener = keep(&at, b->listener);
	row->account = ref_account(set, b->endpoint);
	row->source = ref_place(set, &b->source.address.any, b->source.transport);
	row->host = ref_place(set, &b->source.address.any, NULL);
	if (row->account && row->source && row->host)
		return row;
	bindings_table_free_row(set, row);
	return NULL;
}

static void insert_into_account(struct bindings_table_account *a, struct bindings_table_row *row)
{
	struct bindings_table_row *at, *before = NULL;

	LIST_FOREACH (at, &a->rows, of_account) {
		if (at->b.q <= row->b.q)
			break;
		before = at;
	}
	if (before)
		LIST_INSERT_AFTER(before, row, of_account);
	else
		LIST_INSERT_HEAD(&a->rows, row, of_account);
	a->n++;
}

void bindings_table_link_row(struct bindings_table *set, struct bindings_table_row *row)
{
	row->b.endpoint = row->account->name;
	row->order = ++set->order;
	insert_into_account(row->account, row);
	LIST_INSERT_HEAD(&row->source->rows, row, at_source);
	LIST_INSERT_HEAD(&set->slots[(row->b.expires_ms / 1000 + 1) % BINDINGS_TABLE_SLOTS], row, in_slot);
	set->n++;
}

void bindings_table_unlink_row(struct bindings_table *set, struct bindings_table_row *row)
{
	LIST_REMOVE(row, of_account);
	LIST_REMOVE(row, at_source);
	LIST_REMOVE(row, in_slot);
	row->account->n--;
	set->n--;
}
