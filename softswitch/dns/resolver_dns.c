/* c-ares 1.28 deprecates what 1.18 of Debian 12 has for what only the newer one has. */
#define CARES_NO_DEPRECATED

#include "resolver_dns.h"

#include "resolver_error.h"

#include <ares.h>
#include <event2/event.h>

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
	TRY_MS = 2000,
	/* c-ares 1.32 learns how long a server takes and waits as little as 250 ms, which a recursion may exceed. */
	TRIES = ARES_VERSION < 0x012000 ? 2 : 4,
	CLASS_IN = 1,
	HEADER_BYTES = 12,
};

/** A c-ares socket that the loop watches. */
struct watch {
	LIST_ENTRY(watch) link;
	struct resolver_dns *dns;
	ares_socket_t fd;
	struct event *event;
};

struct resolver_dns {
	struct event_base *base;
	ares_channel channel;
	struct event *timer; /* the next timeout of c-ares */
	/* c-ares asks the next server after a refusal, and at last says only that none is left. Another channel, which takes
	   refusals for answers, then tells what they were; NULL = this is it. */
	struct resolver_dns *refusals;
	LIST_HEAD(, watch) watches;
};

/** One query in flight. */
struct query {
	struct resolver_dns *dns;
	enum resolver_dns_type type;
	resolver_dns_h *on_reply;
	void *arg;
	char name[];
};

/** When c-ares wants to be called next is known only after it has done something. */
static void arm_timer(struct resolver_dns *dns)
{
	struct timeval wait;
	if (ares_timeout(dns->channel, NULL, &wait))
		event_add(dns->timer, &wait);
	else
		event_del(dns->timer);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_dns *dns = arg;
	(void)fd;
	(void)what;
	ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm_timer(dns);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_dns *dns = arg; /* not the watch, which c-ares may have removed on return */
	ares_process_fd(
		dns->channel, what & EV_READ ? fd : ARES_SOCKET_BAD, what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	arm_timer(dns);
}

static struct watch *watch_find(struct resolver_dns *dns, ares_socket_t fd)
{
	struct watch *w;
	LIST_FOREACH (w, &dns->watches, link)
		if (w->fd == fd)
			return w;
	return NULL;
}

static void watch_remove(struct watch *w)
{
	if (!w)
		return;
	LIST_REMOVE(w, link);
	if (w->event)
		event_free(w->event);
	free(w);
}

/** c-ares opened or closed a socket, or waits for something else on it. */
static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver_dns *dns = arg;
	short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));

	watch_remove(watch_find(dns, fd));
	if (what == 0)
		return;
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return; /* this query then ends by its timeout */
	w->dns = dns;
	w->fd = fd;
	LIST_INSERT_HEAD(&dns->watches, w, link);
	w->event = event_new(dns->base, fd, (short)(what | EV_PERSIST), on_socket, dns);
	if (w->event)
		event_add(w->event, NULL);
}

static int error_from_ares(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return 0;
	case ARES_ENODATA:
	case ARES_ENOTFOUND:
		return -ENOENT;
	case ARES_ETIMEOUT:
		return -RESOLVER_ERROR_TIMEOUT;
	case ARES_ECONNREFUSED:
		return -RESOLVER_ERROR_UNREACHABLE;
	case ARES_ESERVFAIL:
	case ARES_ENOTIMP:
	case ARES_EFORMERR:
		return -RESOLVER_ERROR_SERVFAIL;
	case ARES_EREFUSED:
		return -RESOLVER_ERROR_REFUSED;
	case ARES_ENOMEM:
		return -ENOMEM;
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		return -ECANCELED;
	case ARES_EBADRESP:
		return -RESOLVER_ERROR_MALFORMED;
	default:
		return -EIO;
	}
}

/** @return what follows the name at p, NULL when the name exceeds the reply (RFC 1035 section 4.1.4) */
static const unsigned char *skip_name(const unsigned char *p, const unsigned char *end)
{
	while (p < end) {
		if (*p == 0)
			return p + 1;
		if ((*p & 0xc0) == 0xc0)
			return end - p >= 2 ? p + 2 : NULL;
		if (*p > end - p)
			return NULL;
		p += 1 + *p;
	}
	return NULL;
}

/** c-ares reports no TTL for SRV and NAPTR, so find the shortest in the answer section. @return 0 when malformed */
static uint32_t shortest_ttl(const unsigned char *reply, int length)
{
	const unsigned char *end = reply + length, *p = reply + HEADER_BYTES;
	uint32_t shortest = UINT32_MAX;
	if (length < HEADER_BYTES)
		return 0;
	unsigned answers = (unsigned)reply[6] << 8 | reply[7];
	p = skip_name(p, end); /* one question, or c-ares would have dropped the reply */
	if (!p || end - p < 4)
		return 0;
	p += 4;
	for (unsigned i = 0; i < answers; i++) {
		p = skip_name(p, end);
		if (!p || end - p < 10)
			return 0;
		uint32_t ttl = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7];
		int data = p[8] << 8 | p[9];
		if (end - p < 10 + data)
			return 0;
		p += 10 + data;
		shortest = ttl < shortest ? ttl : shortest;
	}
	return answers ? shortest : 0;
}

static int give(const struct query *q, uint32_t ttl_s, unsigned n, const struct resolver_dns_record *record)
{
	const struct resolver_dns_reply reply = {.ttl_s = ttl_s, .n = n, .record = record};
	if (n == 0)
		return -ENOENT;
	q->on_reply(0, &reply, q->arg);
	return 0;
}

static int give_a(const struct query *q, const unsigned char *bytes, int length)
{
	struct resolver_dns_record record[RESOLVER_DNS_RECORDS_MAX];
	struct ares_addrttl found[RESOLVER_DNS_RECORDS_MAX];
	int n = RESOLVER_DNS_RECORDS_MAX, ttl = INT32_MAX;
	int status = ares_parse_a_reply(bytes, length, NULL, found, &n);
	for (int i = 0; status == ARES_SUCCESS && i < n; i++) {
		record[i].u.a = found[i].ipaddr;
		ttl = found[i].ttl < ttl ? found[i].ttl : ttl;
	}
	return status == ARES_SUCCESS ? give(q, ttl > 0 ? (uint32_t)ttl : 0, (unsigned)n, record)
				      : error_from_ares(status);
}

static int give_aaaa(const struct query *q, const unsigned char *bytes, int length)
{
	struct resolver_dns_record record[RESOLVER_DNS_RECORDS_MAX];
	struct ares_addr6ttl found[RESOLVER_DNS_RECORDS_MAX];
	int n = RESOLVER_DNS_RECORDS_MAX, ttl = INT32_MAX;
	int status = ares_parse_aaaa_reply(bytes, length, NULL, found, &n);
	for (int i = 0; status == ARES_SUCCESS && i < n; i++) {
		memcpy(&record[i].u.aaaa, &found[i].ip6addr, sizeof(record[i].u.aaaa));
		ttl = found[i].ttl < ttl ? found[i].ttl : ttl;
	}
	return status == ARES_SUCCESS ? give(q, ttl > 0 ? (uint32_t)ttl : 0, (unsigned)n, record)
				      : error_from_ares(status);
}

static int give_srv(const struct query *q, const unsigned char *bytes, int length)
{
	struct resolver_dns_record record[RESOLVER_DNS_RECORDS_MAX];
	struct ares_srv_reply *found;
	unsigned n = 0;
	int status = ares_parse_srv_reply(bytes, length, &found);
	if (status != ARES_SUCCESS)
		return error_from_ares(status);
	for (struct ares_srv_reply *r = found; r && n < RESOLVER_DNS_RECORDS_MAX; r = r->next, n++) {
		record[n].u.srv.priority = r->priority;
		record[n].u.srv.weight = r->weight;
		record[n].u.srv.port = r->port;
		record[n].u.srv.target = r->host;
	}
	int result = give(q, shortest_ttl(bytes, length), n, record);
	ares_free_data(found);
	return result;
}

static int give_naptr(const struct query *q, const unsigned char *bytes, int length)
{
	struct resolver_dns_record record[RESOLVER_DNS_RECORDS_MAX];
	struct ares_naptr_reply *found;
	unsigned n = 0;
	int status = ares_parse_naptr_reply(bytes, length, &found);
	if (status != ARES_SUCCESS)
		return error_from_ares(status);
	for (struct ares_naptr_reply *r = found; r && n < RESOLVER_DNS_RECORDS_MAX; r = r->next, n++) {
		record[n].u.naptr.order = r->order;
		record[n].u.naptr.preference = r->preference;
		record[n].u.naptr.flags = (const char *)r->flags;
		record[n].u.naptr.service = (const char *)r->service;
		record[n].u.naptr.replacement = r->replacement;
	}
	int result = give(q, shortest_ttl(bytes, length), n, record);
	ares_free_data(found);
	return result;
}

static int give_records(const struct query *q, const unsigned char *bytes, int length)
{
	switch (q->type) {
	case DNS_A:
		return give_a(q, bytes, length);
	case DNS_AAAA:
		return give_aaaa(q, bytes, length);
	case DNS_SRV:
		return give_srv(q, bytes, length);
	case DNS_NAPTR:
		return give_naptr(q, bytes, length);
	}
	return -RESOLVER_ERROR_MALFORMED;
}

static void on_ares_reply(void *arg, int status, int timeouts, unsigned char *bytes, int length)
{
	struct query *q = arg;
	int error = error_from_ares(status);
	(void)timeouts;
	if (status == ARES_ECONNREFUSED && q->dns->refusals) {
		resolver_dns_ask(q->dns->refusals, q->name, q->type, q->on_reply, q->arg);
		free(q);
		return;
	}
	if (!error)
		error = give_records(q, bytes, length);
	if (error)
		q->on_reply(error, NULL, q->arg);
	free(q);
}

void resolver_dns_ask(struct resolver_dns *dns, const char *name, enum resolver_dns_type type,
	resolver_dns_h *on_reply, void *arg)
{
	const size_t size = strlen(name) + 1;
	struct query *q = calloc(1, sizeof(*q) + size);
	if (!q) {
		on_reply(-ENOMEM, NULL, arg);
		return;
	}
	*q = (struct query){.dns = dns, .type = type, .on_reply = on_reply, .arg = arg};
	memcpy(q->name, name, size);
	ares_query(dns->channel, q->name, CLASS_IN, (int)type, on_ares_reply, q);
	arm_timer(dns);
}

unsigned resolver_dns_hosts_file(
	struct resolver_dns *dns, const char *name, int family, struct resolver_dns_record *out, unsigned max)
{
	struct hostent *host;
	unsigned n = 0;
	if (ares_gethostbyname_file(dns->channel, name, family, &host) != ARES_SUCCESS)
		return 0;
	for (; n < max && host->h_addrtype == family && host->h_addr_list[n]; n++)
		memcpy(&out[n].u, host->h_addr_list[n], (size_t)host->h_length);
	ares_free_hostent(host);
	return n;
}

static int open_channel(struct resolver_dns *dns, const char *servers, int flags)
{
	struct ares_options o = {
		.flags = flags,
		.timeout = TRY_MS,
		.tries = TRIES,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = dns,
	};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
	if (flags)
		mask |= ARES_OPT_FLAGS;
#ifdef ARES_OPT_QUERY_CACHE
	mask |= ARES_OPT_QUERY_CACHE; /* of 0 s: none but the resolver's, which asks again before a name expires */
#endif
#if ARES_VERSION >= 0x012000
	o.maxtimeout = TRY_MS;
	mask |= ARES_OPT_MAXTIMEOUTMS;
#endif
	int status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS)
		status = ares_init_options(&dns->channel, &o, mask);
	if (status != ARES_SUCCESS)
		return status == ARES_ENOMEM ? -ENOMEM : -EIO;
	if (servers && ares_set_servers_ports_csv(dns->channel, servers) != ARES_SUCCESS)
		return -EINVAL;
	return 0;
}

static int create_one(struct resolver_dns **out, struct event_base *base, const char *servers, int flags)
{
	struct resolver_dns *dns = calloc(1, sizeof(*dns));
	int error = -ENOMEM;
	if (!dns)
		return -ENOMEM;
	dns->base = base;
	LIST_INIT(&dns->watches);
	dns->timer = evtimer_new(base, on_timer, dns);
	if (dns->timer)
		error = open_channel(dns, servers, flags);
	if (error) {
		resolver_dns_destroy(dns);
		return error;
	}
	*out = dns;
	return 0;
}

int resolver_dns_create(struct resolver_dns **out, struct event_base *base, const char *servers)
{
	struct resolver_dns *dns;
	int error = create_one(&dns, base, servers, 0);
	if (error)
		return error;
	error = create_one(&dns->refusals, base, servers, ARES_FLAG_NOCHECKRESP);
	if (error) {
		resolver_dns_destroy(dns);
		return error;
	}
	*out = dns;
	return 0;
}

void resolver_dns_destroy(struct resolver_dns *dns)
{
	if (!dns)
		return;
	if (dns->channel) {
		ares_destroy(dns->channel);
		ares_library_cleanup();
	}
	for (struct watch *w = LIST_FIRST(&dns->watches), *next; w; w = next) {
		next = LIST_NEXT(w, link);
		watch_remove(w);
	}
	if (dns->timer)
		event_free(dns->timer);
	resolver_dns_destroy(dns->refusals);
	free(dns);
}
