#include "registrar_addresses.h"

#include "db_registration.h"

#include <errno.h>

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
