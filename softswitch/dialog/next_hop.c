#include "next_hop.h"

#include "address.h"
#include "nat.h"
#include "stream.h"
#include "transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** Lookups that nobody waits for: others' take the rest of what the resolver does at a time. */
enum { ASKING_MAX = 64 };

static bool is_secure(const struct hop *hop)
{
	return !strcmp(hop->listener->transport, "tls");
}

/** @return 0; -EPROTONOSUPPORT without a listener for it */
static int move_to(struct hop *hop, const struct resolver_address *address)
{
	struct hop found = {.listener = hop->listener};
	int err = 0;

	if (strcmp(address->transport, hop->listener->transport) ||
		address->addr.any.sa_family != hop->listener->family)
		err = transport_hop_to(hop->listener->owner, address, &found);
	if (err)
		return err;
	if (found.listener != hop->listener || !address_same_host(&hop->to.any, &address->addr.any))
		hop_disconnect(hop);
	hop->listener = found.listener;
	memcpy(&hop->to, &address->addr, address->length);
	return 0;
}

static bool leads_to(const struct hop *hop, const struct resolver_address *address)
{
	return !strcmp(hop->listener->transport, address->transport) &&
		address_same_host(&hop->to.any, &address->addr.any) &&
		address_port(&hop->to.any) == address_port(&address->addr.any);
}

/** To the first of these addresses that we can send to; of several servers the one that we talk to already stays. */
static void move_to_one(struct hop *hop, const struct resolver_answer *answer)
{
	struct resolver_address first = answer->address[0];

	for (unsigned i = 0; i < answer->n; i++)
		if (leads_to(hop, &answer->address[i]))
			return;
	for (unsigned i = 0; i < answer->n; i++)
		if (move_to(hop, &answer->address[i]) == 0)
			return;
	/* Without a listener of that transport the address is still the better one. */
	first.transport = hop->listener->transport;
	if (strcmp(answer->address[0].transport, "tls") && first.addr.any.sa_family == hop->listener->family)
		move_to(hop, &first);
}

int next_hop_target(
	const struct uri *uri, const struct hop *hop, char maddr[URI_MADDR_MAX], struct resolver_target *out)
{
	int err = uri_target(uri, maddr, out);

	if (is_secure(hop))
		out->transport = "tls";
	else if (!out->transport[0] && hop_is_reliable(hop))
		out->transport = hop->listener->transport;
	return is_secure(hop) ? 0 : err;
}

static void on_asked(int error, const struct resolver_answer *answer, void *arg)
{
	struct next_hop_resolver *resolver = arg;

	(void)error;
	(void)answer;
	resolver->asking--; /* the cache has it now */
}

static void ask(struct next_hop_resolver *resolver, const struct resolver_target *target)
{
	struct resolver_query *query;

	if (resolver->asking < ASKING_MAX &&
		resolver_lookup(&query, resolver->resolver, target, on_asked, resolver) == 0)
		resolver->asking++;
}

int next_hop_set(struct next_hop *next, struct hop *hop, struct next_hop_resolver *resolver,
	const struct uri *uri, const struct received *from)
{
	char maddr[URI_MADDR_MAX];
	struct resolver_target target;
	struct resolver_answer answer;
	int err = next_hop_target(uri, hop, maddr, &target);
	bool numeric = resolver_numeric(&target, &answer);

	next_hop_clear(next);
	next->hidden = nat_hides(hop_nat(hop), numeric ? &answer.address[0].addr.any : NULL, from->source);
	if (next->hidden || err) {
		next_hop_renew(next, hop, from);
		return 0;
	}
	if (numeric) {
		move_to_one(hop, &answer);
		return 0;
	}
	next->host = strdup(target.host);
	next->port = target.port;
	next->transport = target.transport;
	if (!next->host)
		return -ENOMEM;
	err = resolver->resolver ? resolver_try(resolver->resolver, &target, &answer) : -ENOENT;
	if (err == -EAGAIN)
		ask(resolver, &target);
	else if (!err)
		move_to_one(hop, &answer);
	return 0;
}

void next_hop_renew(const struct next_hop *next, struct hop *hop, const struct received *from)
{
	if (next->hidden)
		nat_follow(hop, from);
}

/** Over TLS a connection to whom we called is one that we have opened, and verified. */
static bool may_lead_back(const struct hop *hop, const struct received *from)
{
	return from->back.connection && hop->listener == from->back.listener &&
		address_same_host(&hop->to.any, from->source) &&
		(!is_secure(hop) || (hop->peer && hop->peer->called_us));
}

void next_hop_reconnect(struct hop *hop, const struct received *from)
{
	if (!may_lead_back(hop, from) || (hop->connection && stream_is_open(hop->connection)))
		return;
	hop_disconnect(hop);
	stream_ref(from->back.connection);
	hop->connection = from->back.connection;
}

void next_hop_update(const struct next_hop *next, struct hop *hop, const struct next_hop_resolver *resolver)
{
	struct resolver_target target = {next->host, next->port, next->transport};
	struct resolver_answer answer;

	if (next->host && resolver->resolver && resolver_try(resolver->resolver, &target, &answer) == 0)
		move_to_one(hop, &answer);
}

void next_hop_clear(struct next_hop *next)
{
	free(next->host);
	*next = (struct next_hop){0};
}
