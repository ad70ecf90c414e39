#include "resolver.h"

#include "clock.h"
#include "keyed_table.h"
#include "log.h"
#include "resolver_dns.h"
#include "resolver_locate.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
	ENTRIES_MAX = 16384,
	IN_FLIGHT_MAX = 256, /* names being looked up at a time */
	TTL_MIN_S = 1,
	TTL_MAX_S = 3600,
	RETRY_MS = 5000, /* after a failure or "does not exist" */
	KEY_MAX_BYTES = RESOLVER_HOST_MAX + 1 + 3,
};

static const char *const transport_names[] = {"", "udp", "tcp", "tls"};

/** A target as the cache's key: host in lower case with its NUL, port, transport. */
struct key {
	unsigned length;
	char bytes[KEY_MAX_BYTES];
	struct resolver_target target; /* host points into bytes, transport to static text */
};

/** What is known about one target, and who is waiting for it. */
struct entry {
	UT_hash_handle hh;
	TAILQ_ENTRY(entry) by_use;
	struct resolver *resolver;
	struct key key;
	struct resolver_locate *asking; /* NULL = no lookup in flight */
	struct resolver_servers *good;  /* the last good answer, or NULL */
	bool telling;                   /* handlers are being called: do not evict */
	bool failing;                   /* the last lookup failed: good stays in use */
	int error;                      /* when good is NULL */
	uint64_t expires_ms;            /* of good or error */
	uint64_t refresh_ms;            /* looked up again when used after this */
	TAILQ_HEAD(queries, resolver_query) waiting;
};

struct resolver_query {
	TAILQ_ENTRY(resolver_query) link;
	struct queries *queue; /* the list it is on */
	resolver_h *on_answer;
	void *arg;
};

struct resolver {
	struct event_base *base;
	struct resolver_dns *dns;
	struct entry *entries;      /* by key */
	TAILQ_HEAD(, entry) by_use; /* least recently used first */
	unsigned in_flight;
};

static const char *known_transport(const char *name)
{
	for (unsigned i = 0; i < sizeof(transport_names) / sizeof(transport_names[0]); i++)
		if (strcmp(name, transport_names[i]) == 0)
			return transport_names[i];
	return NULL;
}

/** Only letters, digits, '-', '_' and '.' are allowed in a host, so nothing odd reaches a log or a server. */
static bool make_key(struct key *key, const struct resolver_target *target)
{
	unsigned n = 0;
	const char *transport = known_transport(target->transport);
	for (const char *h = target->host; *h; h++) {
		if (n == RESOLVER_HOST_MAX || (!isalnum((unsigned char)*h) && !strchr("-_.", *h)))
			return false;
		key->bytes[n++] = (char)tolower((unsigned char)*h);
	}
	if (n == 0 || !transport)
		return false;
	key->bytes[n++] = '\0';
	key->bytes[n++] = (char)(target->port >> 8);
	key->bytes[n++] = (char)(target->port & 0xff);
	key->bytes[n++] = transport[0] ? transport[1] : '\0'; /* 'd', 'c', 'l' */
	key->length = n;
	key->target = (struct resolver_target){key->bytes, target->port, transport};
	return true;
}

/** "1.2.3.4", "::1", "[::1]", and "localhost", which is never queried (RFC 6761 section 6.3) */
static bool parse_address(struct resolver_address *out, const char *host)
{
	char bare[INET6_ADDRSTRLEN];
	if (!strcasecmp(host, "localhost"))
		host = "127.0.0.1";
	if (inet_pton(AF_INET, host, &out->addr.v4.sin_addr) == 1) {
		out->addr.v4.sin_family = AF_INET;
		out->length = sizeof(out->addr.v4);
		return true;
	}
	size_t n = strlen(host);
	if (n > 2 && n < sizeof(bare) && host[0] == '[' && host[n - 1] == ']') {
		memcpy(bare, host + 1, n - 2);
		bare[n - 2] = '\0';
		host = bare;
	}
	if (inet_pton(AF_INET6, host, &out->addr.v6.sin6_addr) != 1)
		return false;
	out->addr.v6.sin6_family = AF_INET6;
	out->length = sizeof(out->addr.v6);
	return true;
}

bool resolver_numeric(const struct resolver_target *target, struct resolver_answer *out)
{
	struct resolver_address address = {0};
	const char *transport = known_transport(target->transport);
	if (!transport || !parse_address(&address, target->host))
		return false;
	address.transport = transport[0] ? transport : "udp";
	/* the port is at the same offset in both: RFC 3493 section 3.3 */
	address.addr.v4.sin_port =
		htons(target->port ? target->port : resolver_servers_default_port(address.transport));
	out->n = 1;
	out->address[0] = address;
	return true;
}

static struct entry *entry_find(struct resolver *r, const struct key *key)
{
	struct entry *e;
	HASH_FIND(hh, r->entries, key->bytes, key->length, e);
	return e;
}

static void entry_destroy(struct entry *e)
{
	struct resolver_query *q;
	if (e->asking)
		resolver_locate_abandon(e->asking);
	while ((q = TAILQ_FIRST(&e->waiting))) {
		TAILQ_REMOVE(&e->waiting, q, link);
		free(q);
	}
	HASH_DELETE(hh, e->resolver->entries, e);
	TAILQ_REMOVE(&e->resolver->by_use, e, by_use);
	free(e->good);
	free(e);
}

/** Make room for one more. At most IN_FLIGHT_MAX entries are skipped, so this is quick. */
static void evict(struct resolver *r)
{
	struct entry *e = TAILQ_FIRST(&r->by_use);
	while (e && (e->asking || e->telling))
		e = TAILQ_NEXT(e, by_use);
	if (e && HASH_COUNT(r->entries) >= ENTRIES_MAX)
		entry_destroy(e);
}

static struct entry *entry_create(struct resolver *r, const struct key *key)
{
	struct entry *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	evict(r);
	e->resolver = r;
	e->key = *key;
	e->key.target.host = e->key.bytes;
	TAILQ_INIT(&e->waiting);
	HASH_ADD_KEYPTR(hh, r->entries, e->key.bytes, e->key.length, e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&r->by_use, e, by_use);
	return e;
}

static void keep_good(struct entry *e, const struct resolver_servers *found, uint64_t now_ms)
{
	uint32_t ttl_s = found->ttl_s < TTL_MIN_S ? TTL_MIN_S : found->ttl_s;
	uint64_t ttl_ms = 1000u * (uint64_t)(ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s);
	struct resolver_servers *good = e->good ? e->good : malloc(sizeof(*good));
	if (e->failing)
		log_info(NULL, "name resolves again host=%s", e->key.target.host);
	e->failing = false;
	e->good = good;
	e->error = good ? 0 : -ENOMEM;
	if (good)
		*good = *found;
	e->expires_ms = now_ms + ttl_ms;
	e->refresh_ms = now_ms + ttl_ms * 3 / 4;
}

static void keep_error(struct entry *e, int error, uint64_t now_ms)
{
	if (error == -ENOENT) {
		free(e->good);
		e->good = NULL;
	}
	if (error != -ENOENT && !e->failing)
		log_warning(NULL, "name not resolved host=%s error=%s last_answer=%s", e->key.target.host,
			resolver_error_words(error) ? resolver_error_words(error) : strerror(-error),
			e->good ? "used" : "none");
	e->failing = error != -ENOENT;
	e->error = error;
	e->expires_ms = now_ms + RETRY_MS;
	e->refresh_ms = now_ms + RETRY_MS;
}

/** Call the handlers of those waiting now; who joins meanwhile waits for the next lookup. */
static void tell(struct entry *e)
{
	struct queries told = TAILQ_HEAD_INITIALIZER(told);
	struct resolver_query *q;
	struct resolver_answer answer;
	TAILQ_FOREACH (q, &e->waiting, link)
		q->queue = &told;
	TAILQ_CONCAT(&told, &e->waiting, link);
	e->telling = true;
	while ((q = TAILQ_FIRST(&told))) {
		TAILQ_REMOVE(&told, q, link);
		if (e->good)
			resolver_servers_order(e->good, &answer);
		q->on_answer(e->good ? 0 : e->error, e->good ? &answer : NULL, q->arg);
		free(q);
	}
	e->telling = false;
}

static void on_located(int error, const struct resolver_servers *found, void *arg)
{
	struct entry *e = arg;
	uint64_t now_ms = clock_now_ms();
	e->asking = NULL;
	e->resolver->in_flight--;
	if (found)
		keep_good(e, found, now_ms);
	else
		keep_error(e, error, now_ms);
	tell(e);
}

/** @return 0, also when a lookup is already in flight; -EBUSY; -ENOMEM */
static int ask(struct entry *e)
{
	struct resolver *r = e->resolver;
	if (e->asking)
		return 0;
	if (r->in_flight == IN_FLIGHT_MAX)
		return -EBUSY;
	int error = resolver_locate(&e->asking, r->base, r->dns, &e->key.target, on_located, e);
	if (!error)
		r->in_flight++;
	return error;
}

int resolver_create(struct resolver **out, struct event_base *base, const char *servers)
{
	struct resolver *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->base = base;
	TAILQ_INIT(&r->by_use);
	int error = resolver_dns_create(&r->dns, base, servers);
	if (error) {
		free(r);
		return error;
	}
	*out = r;
	return 0;
}

void resolver_destroy(struct resolver *r)
{
	if (!r)
		return;
	for (struct entry *e = TAILQ_FIRST(&r->by_use), *next; e; e = next) {
		next = TAILQ_NEXT(e, by_use);
		entry_destroy(e);
	}
	resolver_dns_destroy(r->dns); /* ends the lookups that the entries abandoned */
	free(r);
}

int resolver_try(struct resolver *r, const struct resolver_target *target, struct resolver_answer *out)
{
	struct key key;
	if (resolver_numeric(target, out))
		return 0;
	if (!make_key(&key, target))
		return -EINVAL;
	struct entry *e = entry_find(r, &key);
	uint64_t now_ms = clock_now_ms();
	if (!e || (now_ms >= e->expires_ms && !(e->failing && e->good)))
		return -EAGAIN;
	TAILQ_REMOVE(&r->by_use, e, by_use);
	TAILQ_INSERT_TAIL(&r->by_use, e, by_use);
	if (e->good && now_ms >= e->refresh_ms)
		(void)ask(e); /* on failure the next use tries again; until then the cached answer serves */
	if (!e->good)
		return e->error;
	resolver_servers_order(e->good, out);
	return 0;
}

int resolver_lookup(struct resolver_query **out, struct resolver *r, const struct resolver_target *target,
	resolver_h *on_answer, void *arg)
{
	struct key key;
	if (!make_key(&key, target))
		return -EINVAL;
	struct resolver_query *q = calloc(1, sizeof(*q));
	struct entry *e = entry_find(r, &key);
	if (!e)
		e = entry_create(r, &key);
	int error = q && e ? ask(e) : -ENOMEM;
	if (error) {
		free(q); /* an entry without an answer does no harm */
		return error;
	}
	q->on_answer = on_answer;
	q->arg = arg;
	q->queue = &e->waiting;
	TAILQ_INSERT_TAIL(&e->waiting, q, link);
	*out = q;
	return 0;
}

void resolver_cancel(struct resolver_query *q)
{
	if (!q)
		return;
	TAILQ_REMOVE(q->queue, q, link);
	free(q);
}
