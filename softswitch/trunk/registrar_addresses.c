#include "registrar_addresses.h"

#include "db_registration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** "host", "host:port", "[IPv6]", "[IPv6]:port" or "IPv6". @param host  room for the host, as long as the text */
static uint16_t split_proxy(const char *proxy, char *host)
{
	const char *colon = strrchr(proxy, ':'), *bracket = strrchr(proxy, ']');
	bool with_port = colon && (bracket ? colon > bracket : strchr(proxy, ':') == colon);
	size_t n = with_port ? (size_t)(colon - proxy) : strlen(proxy);

	memcpy(host, proxy, n);
	host[n] = '\0';
	return with_port ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

struct resolver_target registrar_addresses_target(
	const struct db_registration *row, char proxy[REGISTRAR_ADDRESSES_PROXY_MAX])
{
	struct resolver_target target = {.host = row->host, .port = row->port, .transport = row->transport};

	if (row->proxy[0] && strlen(row->proxy) < REGISTRAR_ADDRESSES_PROXY_MAX) {
		target.port = split_proxy(row->proxy, proxy);
		target.host = proxy;
	}
	return target;
}

static void on_resolved(int error, const struct resolver_answer *answer, void *arg)
{
	struct registrar_addresses *a = arg;

	a->query = NULL;
	if (!error)
		a->found = *answer;
}

void registrar_addresses_learn(
	struct registrar_addresses *a, struct resolver *resolver, const struct db_registration *row)
{
	struct resolver_target target = {.host = row->host, .port = row->port, .transport = row->transport};

	resolver_cancel(a->query);
	a->query = NULL;
	if (!row->proxy[0])
		a->found.n = 0;
	else if (resolver_try(resolver, &target, &a->found) == -EAGAIN)
		resolver_lookup(&a->query, resolver, &target, on_resolved, a);
}

void registrar_addresses_clear(struct registrar_addresses *a)
{
	resolver_cancel(a->query);
	a->query = NULL;
	a->found.n = 0;
}
