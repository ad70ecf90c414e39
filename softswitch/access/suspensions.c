#include "suspensions.h"

#include "address.h"
#include "keyed_table.h"

#include <sys/queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** Compared as bytes: what is not used is 0. */
struct key {
	unsigned char network[ADDRESS_BYTES];
	char user[SUSPENSIONS_USER_MAX];
};

struct pair {
	UT_hash_handle hh;
	TAILQ_ENTRY(pair) link;
	struct key key;
	struct sockaddr_storage source;
	uint32_t wrong; /* answers; 0 while it is suspended */
	uint64_t
		forget_ms; /* then nothing is left of it: the suspension is over, the wrong answers are too old */
};

TAILQ_HEAD(pairs, pair);

struct suspensions {
	struct pair *by_key;
	struct pairs counted, suspended; /* the one seen last first */
	suspensions_ended_h *on_ended;
	void *arg;
};

int suspensions_create(struct suspensions **out, suspensions_ended_h *on_ended, void *arg)
{
	struct suspensions *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->on_ended = on_ended;
	set->arg = arg;
	TAILQ_INIT(&set->counted);
	TAILQ_INIT(&set->suspended);
	*out = set;
	return 0;
}

static bool is_suspended(const struct pair *p)
{
	return !p->wrong;
}

static struct pairs *list_of(struct suspensions *set, const struct pair *p)
{
	return is_suspended(p) ? &set->suspended : &set->counted;
}

/** One that was never suspended has no time yet. */
static void tell_ended(const struct suspensions *set, const struct pair *p)
{
	if (is_suspended(p) && p->forget_ms && set->on_ended)
		set->on_ended(p->key.user, (const struct sockaddr *)&p->source, set->arg);
}

static void pair_free(struct suspensions *set, struct pair *p)
{
	tell_ended(set, p);
	HASH_DEL(set->by_key, p); /* NOLINT(clang-analyzer-core.NullDereference): it is in the table */
	TAILQ_REMOVE(list_of(set, p), p, link);
	free(p);
}

void suspensions_destroy(struct suspensions *set)
{
	if (!set)
		return;
	set->on_ended = NULL;
	while (!TAILQ_EMPTY(&set->counted))
		pair_free(set, TAILQ_FIRST(&set->counted));
	while (!TAILQ_EMPTY(&set->suspended))
		pair_free(set, TAILQ_FIRST(&set->suspended));
	free(set);
}

static void make_key(struct key *key, const struct suspensions_pair *pair)
{
	memset(key, 0, sizeof(*key));
	address_network(pair->source, key->network);
	strncpy(key->user, pair->user, sizeof(key->user) - 1);
}

static struct pair *find(const struct suspensions *set, const struct suspensions_pair *pair)
{
	struct key key;
	struct pair *p;

	if (!set->by_key)
		return NULL;
	make_key(&key, pair);
	HASH_FIND(hh, set->by_key, &key, sizeof(key), p);
	return p;
}

/** @return NULL without memory */
static struct pair *find_or_add(struct suspensions *set, const struct suspensions_pair *pair)
{
	struct pair *p = find(set, pair);

	if (!p) {
		if (HASH_COUNT(set->by_key) == SUSPENSIONS_MAX)
			pair_free(set,
				TAILQ_EMPTY(&set->counted) ? TAILQ_LAST(&set->suspended, pairs)
							   : TAILQ_LAST(&set->counted, pairs));
		p = calloc(1, sizeof(*p));
		if (!p)
			return NULL;
		make_key(&p->key, pair);
		HASH_ADD(hh, set->by_key, key, sizeof(p->key), p);
		if (!p->hh.tbl) {
			free(p);
			return NULL;
		}
		TAILQ_INSERT_HEAD(&set->suspended, p, link);
	}
	memcpy(&p->source, pair->source, address_length(pair->source));
	return p;
}

/** The list it is on follows from this number. */
static void set_wrong(struct suspensions *set, struct pair *p, uint32_t wrong)
{
	if (wrong)
		tell_ended(set, p);
	TAILQ_REMOVE(list_of(set, p), p, link);
	p->wrong = wrong;
	TAILQ_INSERT_HEAD(list_of(set, p), p, link);
}

bool suspensions_has(const struct suspensions *set, const struct suspensions_pair *pair, uint64_t now_ms)
{
	const struct pair *p = find(set, pair);

	return p && is_suspended(p) && now_ms < p->forget_ms;
}

bool suspensions_on_wrong(struct suspensions *set, const struct suspensions_pair *pair,
	const struct suspensions_limits *limits, uint64_t now_ms)
{
	struct pair *p = find_or_add(set, pair);
	uint32_t wrong;

	if (!p)
		return false;
	wrong = now_ms < p->forget_ms ? p->wrong + 1 : 1;
	set_wrong(set, p, wrong < limits->retries ? wrong : 0);
	p->forget_ms = now_ms + limits->length_ms;
	return is_suspended(p);
}

void suspensions_on_right(struct suspensions *set, const struct suspensions_pair *pair)
{
	struct pair *p = find(set, pair);

	if (p)
		pair_free(set, p);
}

int suspensions_add(struct suspensions *set, const struct suspensions_pair *pair, uint64_t until_ms)
{
	struct pair *p = find_or_add(set, pair);

	if (!p)
		return -ENOMEM;
	set_wrong(set, p, 0);
	p->forget_ms = until_ms;
	return 0;
}

bool suspensions_lift(struct suspensions *set, const struct suspensions_pair *pair, uint64_t now_ms)
{
	const bool found = suspensions_has(set, pair, now_ms);

	if (found)
		pair_free(set, find(set, pair));
	return found;
}

void suspensions_each(const struct suspensions *set, uint64_t now_ms,
	void (*h)(const struct suspensions_entry *entry, void *arg), void *arg)
{
	const struct pair *p;

	TAILQ_FOREACH (p, &set->suspended, link)
		if (now_ms < p->forget_ms)
			h(&(struct suspensions_entry){p->key.user, (const struct sockaddr *)&p->source,
				  p->forget_ms},
				arg);
}
