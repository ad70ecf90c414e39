#include "resolver_locate.h"

#include "resolver_dns.h"
#include "resolver_error.h"

#include <event2/event.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	DEADLINE_S = 5,
	SERVICES_MAX = 3,
	PLACES_MAX = RESOLVER_DNS_RECORDS_MAX,
	PLACE_ADDRESSES_MAX = 8,                 /* of each family */
	NAME_MAX_BYTES = RESOLVER_HOST_MAX + 16, /* with "_sips._tcp." before it */
	HOSTS_FILE_TTL_S = 60,
	RETRY_TTL_S = 5, /* when part of the answer is missing */
};

/** A transport and its names in the DNS: RFC 3263 section 4.1. */
static const struct transport {
	const char *name, *naptr, *srv_prefix;
} transports[] = {
	{"udp", "SIP+D2U", "_sip._udp."}, /* in order of our preference when there is no NAPTR */
	{"tcp", "SIP+D2T", "_sip._tcp."},
	{"tls", "SIPS+D2T", "_sips._tcp."},
};
enum { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_TLS, TRANSPORTS };

/** An SRV name to query. */
struct service {
	struct resolver_locate *job;
	const struct transport *transport;
	uint16_t group;
	bool absent; /* the DNS says that the host does not offer it */
	char name[NAME_MAX_BYTES + 1];
};

/** A server whose addresses are to be found. */
struct place {
	struct resolver_locate *job;
	const struct transport *transport;
	uint16_t group, priority, weight, port;
	char host[RESOLVER_HOST_MAX + 1];
	unsigned n_v4, n_v6;
	struct resolver_dns_record v4[PLACE_ADDRESSES_MAX], v6[PLACE_ADDRESSES_MAX];
};

struct resolver_locate {
	struct resolver_dns *dns;
	resolver_locate_h *on_located; /* NULL once called or abandoned */
	void *arg;
	struct event *event;                    /* the deadline; made active to call the handler */
	void (*next)(struct resolver_locate *); /* when all queries of this stage have ended */
	unsigned pending; /* queries of this stage, plus one while they are being sent */
	bool finished;
	int error;      /* of a query that failed; "no such record" is no failure */
	uint32_t ttl_s; /* the shortest so far */
	char host[RESOLVER_HOST_MAX + 1];
	uint16_t port;
	const struct transport *transport; /* NULL = not given */
	unsigned n_services, n_places;
	struct service service[SERVICES_MAX];
	struct place place[PLACES_MAX];
};

static const struct transport *find_transport(const char *name)
{
	for (unsigned i = 0; i < TRANSPORTS; i++)
		if (strcmp(transports[i].name, name) == 0)
			return &transports[i];
	return NULL;
}

static void destroy(struct resolver_locate *job)
{
	event_free(job->event);
	free(job);
}

/** A query has ended, or all of them have been sent. */
static void answered(struct resolver_locate *job)
{
	if (--job->pending > 0)
		return;
	if (!job->finished)
		job->next(job);
	else if (!job->on_located)
		destroy(job);
}

/** Have the loop call the handler. */
static void finish(struct resolver_locate *job)
{
	job->finished = true;
	event_active(job->event, EV_TIMEOUT, 0);
}

static void note(struct resolver_locate *job, int error, const struct resolver_dns_reply *reply)
{
	if (error && error != -ENOENT)
		job->error = error;
	if (reply && reply->ttl_s < job->ttl_s)
		job->ttl_s = reply->ttl_s;
}

static void add_place(struct resolver_locate *job, const char *host, uint16_t port,
	const struct service *service, const struct resolver_dns_record *srv)
{
	if (job->n_places == PLACES_MAX || strlen(host) > RESOLVER_HOST_MAX)
		return;
	struct place *p = &job->place[job->n_places++];
	p->job = job;
	p->transport = service ? service->transport : job->transport ? job->transport : transports;
	p->port = port ? port : resolver_servers_default_port(p->transport->name);
	p->group = service ? service->group : 0;
	p->priority = srv ? srv->u.srv.priority : 0;
	p->weight = srv ? srv->u.srv.weight : 0;
	snprintf(p->host, sizeof(p->host), "%s", host);
}

static void add_service(struct resolver_locate *job, const struct transport *t, const char *name)
{
	if (job->n_services == SERVICES_MAX || strlen(name) > NAME_MAX_BYTES)
		return;
	struct service *s = &job->service[job->n_services];
	s->job = job;
	s->transport = t;
	s->group = (uint16_t)job->n_services++;
	snprintf(s->name, sizeof(s->name), "%s", name);
}

/** The usual SRV name of a transport. */
static void add_usual_service(struct resolver_locate *job, const struct transport *t)
{
	char name[NAME_MAX_BYTES + 1];
	snprintf(name, sizeof(name), "%s%s", t->srv_prefix, job->host);
	add_service(job, t, name);
}

/* Stage 3: addresses of the servers. */

static void on_a(int error, const struct resolver_dns_reply *reply, void *arg)
{
	struct place *p = arg;
	note(p->job, error, reply);
	for (unsigned i = 0; reply && i < reply->n && p->n_v4 < PLACE_ADDRESSES_MAX; i++)
		p->v4[p->n_v4++] = reply->record[i];
	answered(p->job);
}

static void on_aaaa(int error, const struct resolver_dns_reply *reply, void *arg)
{
	struct place *p = arg;
	note(p->job, error, reply);
	for (unsigned i = 0; reply && i < reply->n && p->n_v6 < PLACE_ADDRESSES_MAX; i++)
		p->v6[p->n_v6++] = reply->record[i];
	answered(p->job);
}

/** The machine's hosts file takes precedence over the DNS. */
static bool find_in_hosts_file(struct place *p)
{
	p->n_v4 = resolver_dns_hosts_file(p->job->dns, p->host, AF_INET, p->v4, PLACE_ADDRESSES_MAX);
	p->n_v6 = resolver_dns_hosts_file(p->job->dns, p->host, AF_INET6, p->v6, PLACE_ADDRESSES_MAX);
	if (p->n_v4 + p->n_v6 == 0)
		return false;
	if (p->job->ttl_s > HOSTS_FILE_TTL_S)
		p->job->ttl_s = HOSTS_FILE_TTL_S;
	return true;
}

static void ask_addresses(struct resolver_locate *job)
{
	job->next = finish;
	job->pending = 1;
	for (unsigned i = 0; i < job->n_places; i++) {
		struct place *p = &job->place[i];
		if (find_in_hosts_file(p))
			continue;
		job->pending += 2;
		resolver_dns_ask(job->dns, p->host, DNS_A, on_a, p);
		resolver_dns_ask(job->dns, p->host, DNS_AAAA, on_aaaa, p);
	}
	answered(job);
}

/* Stage 2: SRV, RFC 3263 section 4.2. */

static void on_srv(int error, const struct resolver_dns_reply *reply, void *arg)
{
	struct service *s = arg;
	note(s->job, error, reply);
	for (unsigned i = 0; reply && i < reply->n; i++) {
		const struct resolver_dns_record *r = &reply->record[i];
		/* target ".", which c-ares returns as "": the service is decidedly not available (RFC 2782) */
		if (r->u.srv.target[0] == '\0')
			s->absent = true;
		else
			add_place(s->job, r->u.srv.target, r->u.srv.port, s, r);
	}
	answered(s->job);
}

static void after_srv(struct resolver_locate *job)
{
	bool absent = false;
	for (unsigned i = 0; i < job->n_services; i++)
		absent = absent || job->service[i].absent;
	if (job->n_places == 0 && !job->error && !absent)
		add_place(job, job->host, 0, NULL, NULL);
	if (job->n_places == 0)
		finish(job); /* a failed SRV query must not turn into a call to the bare name */
	else
		ask_addresses(job);
}

static void ask_services(struct resolver_locate *job)
{
	job->next = after_srv;
	job->pending = 1;
	for (unsigned i = 0; i < job->n_services; i++) {
		job->pending++;
		resolver_dns_ask(job->dns, job->service[i].name, DNS_SRV, on_srv, &job->service[i]);
	}
	answered(job);
}

/* Stage 1: NAPTR, RFC 3263 section 4.1. */

static const struct transport *transport_of_naptr(const struct resolver_dns_record *r)
{
	if (strcasecmp(r->u.naptr.flags, "s") != 0)
		return NULL;
	for (unsigned i = 0; i < TRANSPORTS; i++)
		if (strcasecmp(r->u.naptr.service, transports[i].naptr) == 0)
			return &transports[i];
	return NULL;
}

static int compare_naptr(const void *a, const void *b)
{
	const struct resolver_dns_record *x = a, *y = b;
	int order = x->u.naptr.order - y->u.naptr.order;
	return order ? order : x->u.naptr.preference - y->u.naptr.preference;
}

/**
 * A server that fails this query may be one that does not know the type: go on without NAPTR.
 * After silence, though, the next query would only wait as long again.
 */
static void on_naptr(int error, const struct resolver_dns_reply *reply, void *arg)
{
	struct resolver_locate *job = arg;
	struct resolver_dns_record usable[RESOLVER_DNS_RECORDS_MAX];
	bool failed = error == -EIO || (resolver_error_words(error) && error != -RESOLVER_ERROR_TIMEOUT);
	unsigned n = 0;

	note(job, failed ? 0 : error, reply);
	for (unsigned i = 0; reply && i < reply->n; i++)
		if (transport_of_naptr(&reply->record[i]))
			usable[n++] = reply->record[i];
	qsort(usable, n, sizeof(usable[0]), compare_naptr);
	/* only the lowest usable order counts: RFC 3403 section 4.1 */
	for (unsigned i = 0; i < n && usable[i].u.naptr.order == usable[0].u.naptr.order; i++)
		add_service(job, transport_of_naptr(&usable[i]), usable[i].u.naptr.replacement);
	answered(job);
}

static void after_naptr(struct resolver_locate *job)
{
	if (job->error) {
		finish(job);
		return;
	}
	if (job->n_services == 0) {
		add_usual_service(job, &transports[TRANSPORT_UDP]);
		add_usual_service(job, &transports[TRANSPORT_TCP]);
	}
	ask_services(job);
}

static void ask_naptr(struct resolver_locate *job)
{
	job->next = after_naptr;
	job->pending = 1;
	resolver_dns_ask(job->dns, job->host, DNS_NAPTR, on_naptr, job);
}

/* The result. */

static int compare_places(const void *a, const void *b)
{
	const struct place *x = *(struct place *const *)a, *y = *(struct place *const *)b;
	if (x->group != y->group)
		return x->group - y->group;
	if (x->priority != y->priority)
		return x->priority - y->priority;
	return x < y ? -1 : 1; /* as received */
}

static void add_v4(struct resolver_servers *out, const struct place *p, const struct in_addr *ip)
{
	if (out->n_addresses == RESOLVER_ADDRESSES_MAX)
		return;
	struct resolver_address *a = &out->address[out->n_addresses++];
	a->transport = p->transport->name;
	a->length = sizeof(a->addr.v4);
	a->addr.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(p->port), .sin_addr = *ip};
}

static void add_v6(struct resolver_servers *out, const struct place *p, const struct in6_addr *ip)
{
	if (out->n_addresses == RESOLVER_ADDRESSES_MAX)
		return;
	struct resolver_address *a = &out->address[out->n_addresses++];
	a->transport = p->transport->name;
	a->length = sizeof(a->addr.v6);
	a->addr.v6 =
		(struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(p->port), .sin6_addr = *ip};
}

static void collect(struct resolver_locate *job, struct resolver_servers *out)
{
	struct place *order[PLACES_MAX];
	for (unsigned i = 0; i < job->n_places; i++)
		order[i] = &job->place[i];
	qsort(order, job->n_places, sizeof(order[0]), compare_places);
	for (unsigned i = 0; i < job->n_places && out->n_servers < RESOLVER_ADDRESSES_MAX; i++) {
		const struct place *p = order[i];
		uint8_t first = (uint8_t)out->n_addresses;
		for (unsigned k = 0; k < p->n_v4; k++)
			add_v4(out, p, &p->v4[k].u.a);
		for (unsigned k = 0; k < p->n_v6; k++)
			add_v6(out, p, &p->v6[k].u.aaaa);
		if (out->n_addresses > first)
			out->server[out->n_servers++] = (struct resolver_server){.group = p->group,
				.priority = p->priority,
				.weight = p->weight,
				.first = first,
				.n = (uint8_t)(out->n_addresses - first)};
	}
}

/** All queries have ended, or the deadline has passed. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct resolver_locate *job = arg;
	struct resolver_servers found = {.ttl_s = job->ttl_s};
	int error = job->finished ? job->error : -RESOLVER_ERROR_TIMEOUT;
	(void)fd;
	(void)what;
	collect(job, &found);
	if (found.n_addresses > 0) {
		if (error && found.ttl_s > RETRY_TTL_S)
			found.ttl_s = RETRY_TTL_S;
		error = 0;
	} else if (!error) {
		error = -ENOENT;
	}
	resolver_locate_h *on_located = job->on_located;
	job->finished = true;
	job->on_located = NULL;
	on_located(error, error ? NULL : &found, job->arg);
	if (job->pending == 0)
		destroy(job);
}

/** Start at the first stage that this target needs. */
static void begin(struct resolver_locate *job)
{
	struct place probe = {.job = job};
	snprintf(probe.host, sizeof(probe.host), "%s", job->host);
	if (job->port || find_in_hosts_file(&probe)) {
		add_place(job, job->host, job->port, NULL, NULL);
		ask_addresses(job);
	} else if (job->transport) {
		add_usual_service(job, job->transport);
		ask_services(job);
	} else {
		ask_naptr(job);
	}
}

int resolver_locate(struct resolver_locate **out, struct event_base *base, struct resolver_dns *dns,
	const struct resolver_target *target, resolver_locate_h *on_located, void *arg)
{
	const struct timeval deadline = {.tv_sec = DEADLINE_S};
	struct resolver_locate *job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->event = evtimer_new(base, on_event, job);
	if (!job->event) {
		free(job);
		return -ENOMEM;
	}
	job->dns = dns;
	job->on_located = on_located;
	job->arg = arg;
	job->ttl_s = UINT32_MAX;
	job->port = target->port;
	job->transport = find_transport(target->transport);
	snprintf(job->host, sizeof(job->host), "%s", target->host);
	evtimer_add(job->event, &deadline);
	*out = job;
	begin(job);
	return 0;
}

void resolver_locate_abandon(struct resolver_locate *job)
{
	job->finished = true;
	job->on_located = NULL;
	event_del(job->event);
	if (job->pending == 0)
		destroy(job);
}
