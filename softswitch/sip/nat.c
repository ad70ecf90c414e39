#include "nat.h"

#include "address.h"
#include "resolver.h"
#include "stream.h"

#include <sofia-sip/sip.h>

#include <string.h>

enum reach { REACH_HOST, REACH_LINK, REACH_SITE, REACH_CARRIER, REACH_WORLD };

static enum reach reach_v4(const uint8_t a[4])
{
	static const struct {
		uint8_t net[2], mask[2];
		enum reach reach;
	} blocks[] = {
		{{0, 0}, {255, 0}, REACH_HOST},
		{{127, 0}, {255, 0}, REACH_HOST},
		{{169, 254}, {255, 255}, REACH_LINK},
		{{10, 0}, {255, 0}, REACH_SITE},
		{{172, 16}, {255, 240}, REACH_SITE},
		{{192, 168}, {255, 255}, REACH_SITE},
		{{100, 64}, {255, 192}, REACH_CARRIER},
	};

	for (unsigned i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		if ((a[0] & blocks[i].mask[0]) == blocks[i].net[0] &&
			(a[1] & blocks[i].mask[1]) == blocks[i].net[1])
			return blocks[i].reach;
	return REACH_WORLD;
}

static enum reach reach_v6(const struct in6_addr *a)
{
	if (IN6_IS_ADDR_V4MAPPED(a))
		return reach_v4(a->s6_addr + 12);
	if (IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LOOPBACK(a))
		return REACH_HOST;
	if (IN6_IS_ADDR_LINKLOCAL(a))
		return REACH_LINK;
	return (a->s6_addr[0] & 0xfe) == 0xfc ? REACH_SITE : REACH_WORLD;
}

static enum reach reach(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET6
		? reach_v6(&((const struct sockaddr_in6 *)sa)->sin6_addr)
		: reach_v4((const uint8_t *)&((const struct sockaddr_in *)sa)->sin_addr);
}

bool nat_hides(enum db_override nat, const struct sockaddr *named, const struct sockaddr *source)
{
	if (nat != DB_OVERRIDE_NONE)
		return nat == DB_OVERRIDE_ON;
	return named && reach(named) < reach(source);
}

static bool is_elsewhere(const struct sockaddr *named, const struct received *from)
{
	return named->sa_family != AF_UNSPEC &&
		(!address_same_host(named, from->source) ||
			(!hop_is_reliable(&from->back) && address_port(named) != address_port(from->source)));
}

/** @return false when its sent-by is a name */
static bool find_sent_by(const sip_t *sip, struct resolver_answer *out)
{
	const sip_via_t *via = sip->sip_via;
	const struct resolver_target target = {.host = via ? via->v_host : "",
		.port = ntohs(address_parse_port(via ? via->v_port : NULL, 0)),
		.transport = "udp"};

	return resolver_numeric(&target, out);
}

bool nat_differs(const struct received *from, const struct sockaddr *named)
{
	struct resolver_answer sent_by;

	return is_elsewhere(named, from) ||
		(find_sent_by(from->sip, &sent_by) && is_elsewhere(&sent_by.address[0].addr.any, from));
}

void nat_follow(struct hop *hop, const struct received *from)
{
	if (from->back.connection)
		stream_ref(from->back.connection);
	hop_disconnect(hop);
	hop->listener = from->back.listener;
	hop->connection = from->back.connection;
	memcpy(&hop->to, from->source, address_length(from->source));
}

void nat_answer(struct received *request, enum db_override nat)
{
	struct resolver_answer named;
	bool numeric = find_sent_by(request->sip, &named);

	if (nat_hides(nat, numeric ? &named.address[0].addr.any : NULL, request->source))
		memcpy(&request->back.to, request->source, address_length(request->source));
}
