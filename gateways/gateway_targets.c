#define HASH_NONFATAL_OOM 1

#include "gateway_targets.h"

#include "address_key.h"

#include <uthash.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source;

/** An address of a target. There are two for each address: one with the port and one for any port. */
struct place {
	LIST_ENTRY(place) link; /* of the source's */
	struct target *target;
	struct source *source;
};

/** A source address that some target may send from. */
struct source {
	struct address_key key;
	LIST_HEAD(, place) places;
	UT_hash_handle hh;
};

struct target {
	struct gateway_target public; /* first: seen as this */
	char *key;                    /* host, port, transport and tls_... in one text */
	struct place *places;
	size_t n_places;
	UT_hash_handle hh;
};

struct gateway_targets {
	void (*on_gone)(void *probe);
	struct target *by_key;
	struct source *by_address;
	struct gateway_target_member *members; /* of all targets, in one piece */
	size_t n_members;
};

int gateway_targets_create(struct gateway_targets **out, void (*on_gone)(void *probe))
{
	struct gateway_targets *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->on_gone = on_gone;
	*out = set;
	return 0;
}

/* Addresses --------------------------------------------------------------------------------- */

static void drop_places(struct gateway_targets *set, struct place *places, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct source *source = places[i].source;

		LIST_REMOVE(&places[i], link);
		if (LIST_EMPTY(&source->places)) {
			assert(set->by_address);
			HASH_DEL(set->by_address, source);
			free(source);
		}
	}
	free(places);
}

static struct source *find_source(const struct gateway_targets *set, const struct address_key *key)
{
	struct source *source;

	HASH_FIND(hh, set->by_address, key, sizeof(*key), source);
	return source;
}

static struct source *need_source(struct gateway_targets *set, const struct address_key *key)
{
	struct source *source = find_source(set, key);

	if (source)
		return source;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->key = *key;
	LIST_INIT(&source->places);
	HASH_ADD(hh, set->by_address, key, sizeof(source->key), source);
	if (source->hh.tbl)
		return source;
	free(source);
	return NULL;
}

/** Add a place to those of the target, unless it is there already. @return false when there is no memory */
static bool add_place(struct gateway_targets *set, struct target *target, struct place *places, size_t *n,
	const struct address_key *key)
{
	struct source *source = need_source(set, key);

	if (!source)
		return false;
	for (size_t i = 0; i < *n; i++)
		if (places[i].source == source)
			return true;
	places[*n] = (struct place){.target = target, .source = source};
	LIST_INSERT_HEAD(&source->places, &places[*n], link);
	++*n;
	return true;
}

int gateway_targets_learn(struct gateway_targets *set, struct gateway_target *target,
	const struct sockaddr *const *addresses, size_t n)
{
	struct target *t = (struct target *)target;
	struct place *places = calloc(2 * n + 1, sizeof(*places));
	size_t n_places = 0;
	bool added = places != NULL;

	for (size_t i = 0; i < n && added; i++) {
		struct address_key key;

		if (!address_key(&key, addresses[i]))
			continue;
		added = add_place(set, t, places, &n_places, &key);
		key.port = 0;
		added = added && add_place(set, t, places, &n_places, &key);
	}
	if (!added) {
		drop_places(set, places, n_places);
		return -ENOMEM;
	}
	drop_places(set, t->places, t->n_places);
	t->places = places;
	t->n_places = n_places;
	return 0;
}

size_t gateway_targets_from(const struct gateway_targets *set, const struct sockaddr *source, bool its_port,
	void (*h)(struct gateway *gw, void *arg), void *arg)
{
	struct address_key key;
	const struct source *here;
	const struct place *place;
	const struct gateway_target_member *member;
	size_t n = 0;

	if (!address_key(&key, source))
		return 0;
	if (!its_port)
		key.port = 0;
	here = find_source(set, &key);
	if (!here)
		return 0;
	LIST_FOREACH (place, &here->places, link)
		STAILQ_FOREACH (member, &place->target->public.members, next) {
			n++;
			if (h)
				h(member->gateway, arg);
		}
	return n;
}

size_t gateway_targets_at(const struct gateway_targets *set, const struct sockaddr *source,
	void (*h)(struct gateway *gw, void *arg), void *arg)
{
	const size_t n = gateway_targets_from(set, source, true, h, arg);

	return n ? n : gateway_targets_from(set, source, false, h, arg);
}

/* Targets ----------------------------------------------------------------------------------- */

static void target_free(struct gateway_targets *set, struct target *target)
{
	if (target->public.probe)
		set->on_gone(target->public.probe);
	drop_places(set, target->places, target->n_places);
	free(target);
}

enum { KEY_MAX = 700 }; /* more than names of 253 and 255 characters and a fingerprint need */

static bool is_address(const char *host)
{
	struct in6_addr any;

	return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

/** Where the row points to. What it leaves to DNS is decided here if the host is an address (RFC 3263 section 4). */
static struct gateway_target where_to(const struct db_gateway *row)
{
	struct gateway_target to = {.host = row->host,
		.transport = row->transport,
		.port = row->port,
		.is_address = is_address(row->host)};

	if (!to.is_address)
		return to;
	if (!to.transport[0])
		to.transport = "udp";
	if (!to.port)
		to.port = strcmp(to.transport, "tls") ? 5060 : 5061;
	return to;
}

/** Gateways that may be reached over TLS share a target only if they want the same certificates. */
static struct target *find_target(const struct gateway_targets *set, const struct gateway_target *to,
	const struct db_gateway *row, char key[KEY_MAX])
{
	bool tls = !to->transport[0] || !strcmp(to->transport, "tls");
	struct target *target;
	int n = snprintf(key, KEY_MAX, "%u %s %s %d %s %s", to->port, to->transport, to->host,
		tls && row->tls_verify, tls ? row->tls_fingerprint : "", tls ? row->tls_certificate : "");

	HASH_FIND(hh, set->by_key, key, (unsigned)(n < KEY_MAX ? n : KEY_MAX - 1), target);
	return target;
}

/** Its strings are in the same block of memory, after the struct. */
static struct target *target_create(
	struct gateway_targets *set, const struct gateway_target *to, const char *key)
{
	size_t key_size = strlen(key) + 1, host_size = strlen(to->host) + 1,
	       transport_size = strlen(to->transport) + 1;
	struct target *target = calloc(1, sizeof(*target) + key_size + host_size + transport_size);

	if (!target)
		return NULL;
	target->key = memcpy(target + 1, key, key_size);
	target->public.host = memcpy(target->key + key_size, to->host, host_size);
	target->public.transport = memcpy(target->key + key_size + host_size, to->transport, transport_size);
	target->public.port = to->port;
	target->public.is_address = to->is_address;
	STAILQ_INIT(&target->public.members);
	HASH_ADD_KEYPTR(hh, set->by_key, target->key, key_size - 1, target);
	if (target->hh.tbl)
		return target;
	free(target);
	return NULL;
}

static void drop_empty(struct gateway_targets *set)
{
	struct target *target, *next;

	HASH_ITER (hh, set->by_key, target, next)
		if (STAILQ_EMPTY(&target->public.members)) {
			HASH_DEL(set->by_key, target);
			target_free(set, target);
		}
}

static void drop_members(struct gateway_target_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gateway_unref(members[i].gateway);
	free(members);
}

/** Find or create a target for each gateway with a host; new ones have no members yet. @param n  receives how many there are */
static int stage(struct gateway_targets *set, const struct gateways *gateways,
	struct gateway_target_member *members, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < gateways_count(gateways); i++) {
		struct gateway *gw = gateways_at(gateways, i);
		const struct db_gateway *row = gateway_row(gw);
		const struct gateway_target to = where_to(row);
		char key[KEY_MAX];
		struct target *target;

		if (!row->host[0])
			continue;
		target = find_target(set, &to, row, key);
		if (!target)
			target = target_create(set, &to, key);
		if (!target)
			return -ENOMEM;
		members[*n].gateway = gw;
		members[(*n)++].target = &target->public;
	}
	return 0;
}

int gateway_targets_apply(struct gateway_targets *set, const struct gateways *gateways)
{
	size_t n, n_old = set->n_members;
	struct gateway_target_member *members = calloc(gateways_count(gateways) + 1, sizeof(*members)),
				     *old = set->members;

	if (!members || stage(set, gateways, members, &n)) {
		free(members);
		drop_empty(set);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_old; i++)
		STAILQ_INIT(&old[i].target->members);
	for (size_t i = 0; i < n; i++) {
		gateway_ref(members[i].gateway);
		STAILQ_INSERT_TAIL(&members[i].target->members, &members[i], next);
	}
	set->members = members;
	set->n_members = n;
	drop_members(old, n_old);
	drop_empty(set);
	return 0;
}

void gateway_targets_each(
	const struct gateway_targets *set, void (*h)(struct gateway_target *target, void *arg), void *arg)
{
	for (struct target *target = set->by_key; target; target = target->hh.next)
		h(&target->public, arg);
}

void gateway_targets_destroy(struct gateway_targets *set)
{
	struct target *target, *next;

	if (!set)
		return;
	target = set->by_key;
	HASH_CLEAR(hh, set->by_key);
	for (; target; target = next) {
		next = target->hh.next;
		target_free(set, target);
	}
	drop_members(set->members, set->n_members);
	free(set);
}
