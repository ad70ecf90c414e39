#define HASH_NONFATAL_OOM 1

#include "endpoints.h"

#include "gateways.h"
#include "ingress_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct endpoint {
	struct ingress ingress; /* first: the set sees it as this */
	struct gateways *
		gateway; /* a set of one, with its name and limits, to be called; NULL: it was not called yet */
};

/** One that can be found. Its keys are texts of the row that is in force together with the index. */
struct entry {
	struct endpoint *endpoint;
	UT_hash_handle by_user, by_number;
};

struct index {
	struct entry *entries; /* all of them, in one array */
	size_t n;
	struct entry *by_user, *by_number;
};

struct endpoints {
	struct peers *peers;
	struct index index, staged;
	endpoints_change_h *on_change;
	void *arg;
};

/** How it is called; everything else is as the parameters say. */
static struct db_gateway gateway_row_of(const struct db_endpoint *row)
{
	return (struct db_gateway){.name = row->name,
		.id = row->id,
		.host = "",
		.transport = "",
		.enabled = row->enabled,
		.capacity = row->capacity,
		.cps = row->cps,
		.auth_user = "",
		.auth_password = "",
		.registration = "",
		.session_timer = row->session_timer,
		.sip_100rel = row->sip_100rel,
		.max_call_duration_ms = row->max_call_duration_ms,
		.strict_source = row->strict_source,
		.tls_fingerprint = "",
		.tls_certificate = "",
		.pass_headers = "",
		.nat = row->nat,
		.endpoint = row->name,
		.is_endpoint = true};
}

/** Without memory it stays as it was. */
static void change_gateway(struct endpoint *e, bool removed)
{
	const struct db_gateway row = gateway_row_of(endpoint_row(e));

	if (e->gateway)
		gateways_apply(e->gateway, &row, !removed);
}

struct gateway *endpoint_gateway(struct endpoint *e)
{
	if (!e->gateway) {
		if (gateways_create(&e->gateway))
			return NULL;
		change_gateway(e, false);
	}
	return gateways_count(e->gateway) ? gateways_at(e->gateway, 0) : NULL;
}

static void on_free(struct peer *p)
{
	gateways_destroy(((struct endpoint *)p)->gateway);
}

static void on_change(struct peer *p, const void *old_row)
{
	struct endpoint *e = (struct endpoint *)p;
	const struct db_endpoint *row = p->row;
	struct endpoints *set = p->set ? peers_owner(p->set) : NULL;

	e->ingress.kind = INGRESS_ENDPOINT;
	e->ingress.settings = INGRESS_STATE_SETTINGS(row);
	e->ingress.settings.pass_headers = "";
	change_gateway(e, p->removed);
	if (set && set->on_change)
		set->on_change(e, old_row, set->arg);
}

static const struct peer_type endpoint_peer_type = {
	.peer_size = sizeof(struct endpoint),
	.table = &db_endpoint_table,
	.capacity = offsetof(struct db_endpoint, capacity),
	.cps = offsetof(struct db_endpoint, cps),
	.on_change = on_change,
	.on_free = on_free,
};

static void index_clear(struct index *index)
{
	HASH_CLEAR(by_user, index->by_user);
	HASH_CLEAR(by_number, index->by_number);
	free(index->entries);
	*index = (struct index){0};
}

static int index_add(struct index *index, struct endpoint *e, const struct db_endpoint *row)
{
	struct entry *entry = &index->entries[index->n++];

	entry->endpoint = e;
	HASH_ADD_KEYPTR(by_user, index->by_user, row->name, strlen(row->name), entry);
	if (!entry->by_user.tbl)
		return -ENOMEM;
	HASH_ADD_KEYPTR(by_number, index->by_number, row->number, strlen(row->number), entry);
	return entry->by_number.tbl ? 0 : -ENOMEM;
}

/** By the rows that will be in force. */
static int index_build(struct index *index, const struct peers *peers, size_t n)
{
	int err = 0;

	index->entries = calloc(n + 1, sizeof(*index->entries)); /* + 1: calloc(0) may return NULL */
	if (!index->entries)
		return -ENOMEM;
	for (size_t i = 0; i < n && !err; i++) {
		struct peer *p = peers_staged(peers, i);
		const struct db_endpoint *row = p->pending ? p->pending : p->row;

		if (row->enabled)
			err = index_add(index, (struct endpoint *)p, row);
	}
	return err;
}

int endpoints_create(struct endpoints **out)
{
	struct endpoints *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	if (peers_create(&set->peers, &endpoint_peer_type, set)) {
		free(set);
		return -ENOMEM;
	}
	*out = set;
	return 0;
}

void endpoints_destroy(struct endpoints *set)
{
	if (!set)
		return;
	index_clear(&set->index);
	peers_destroy(set->peers);
	free(set);
}

void endpoints_on_change(struct endpoints *set, endpoints_change_h *h, void *arg)
{
	set->on_change = h;
	set->arg = arg;
}

int endpoints_stage(struct endpoints *set, const struct db_endpoint *rows, size_t n)
{
	int err = peers_stage(set->peers, rows, n);

	if (err)
		return err;
	err = index_build(&set->staged, set->peers, n);
	if (err)
		endpoints_abandon(set);
	return err;
}

void endpoints_commit(struct endpoints *set)
{
	index_clear(&set->index);
	set->index = set->staged;
	set->staged = (struct index){0};
	peers_commit(set->peers);
}

void endpoints_abandon(struct endpoints *set)
{
	index_clear(&set->staged);
	peers_abandon(set->peers);
}

int endpoints_apply(struct endpoints *set, const struct db_endpoint *rows, size_t n)
{
	int err = endpoints_stage(set, rows, n);

	if (!err)
		endpoints_commit(set);
	return err;
}

struct endpoint *endpoints_by_user(const struct endpoints *set, const char *user)
{
	struct entry *entry;

	HASH_FIND(by_user, set->index.by_user, user, strlen(user), entry);
	return entry ? entry->endpoint : NULL;
}

struct endpoint *endpoints_by_number(const struct endpoints *set, const char *number)
{
	struct entry *entry;

	HASH_FIND(by_number, set->index.by_number, number, strlen(number), entry);
	return entry ? entry->endpoint : NULL;
}

size_t endpoints_enabled(const struct endpoints *set)
{
	return set->index.n;
}

struct endpoint *endpoints_recognise(const struct endpoints *set, int64_t id, const char *name)
{
	return (struct endpoint *)peers_recognise(set->peers, id, name);
}

size_t endpoints_count(const struct endpoints *set)
{
	return peers_count(set->peers);
}

struct endpoint *endpoints_at(const struct endpoints *set, size_t i)
{
	return (struct endpoint *)peers_at(set->peers, i);
}

struct ingress *endpoint_ingress(struct endpoint *e)
{
	return e ? &e->ingress : NULL;
}

const struct db_endpoint *endpoint_row(const struct endpoint *e)
{
	return e->ingress.peer.row;
}

bool endpoint_is_enabled(const struct endpoint *e)
{
	return !e->ingress.peer.removed && endpoint_row(e)->enabled;
}

/** @param item  of the list `callers`; its length */
static bool covers(const char *item, size_t length, const char *number)
{
	if (length && item[length - 1] == '*')
		return strncmp(item, number, length - 1) == 0;
	return strncmp(item, number, length) == 0 && !number[length];
}

bool endpoint_may_show(const struct endpoint *e, const char *number)
{
	const struct db_endpoint *row = endpoint_row(e);

	if (!row->callers[0])
		return strcmp(number, row->name) == 0 || strcmp(number, row->number) == 0;
	for (const char *item = row->callers;; item++) {
		const size_t length = strcspn(item, ",");

		if (covers(item, length, number))
			return true;
		item += length;
		if (!*item)
			return false;
	}
}

void endpoints_recount(struct endpoints *set)
{
	peers_recount(set->peers);
	for (size_t i = 0; i < peers_count(set->peers); i++)
		if (endpoints_at(set, i)->gateway)
			gateways_recount(endpoints_at(set, i)->gateway);
}

uint64_t endpoints_channel_drift(const struct endpoints *set)
{
	uint64_t drift = peers_channel_drift(set->peers);

	for (size_t i = 0; i < peers_count(set->peers); i++)
		if (endpoints_at(set, i)->gateway)
			drift += gateways_channel_drift(endpoints_at(set, i)->gateway);
	return drift;
}
