/** @file resolver_servers.h  What the DNS said about one target: servers by rank and weight.
 *
 * For the resolver's own modules.
 */
#ifndef RESOLVER_SERVERS_H
#define RESOLVER_SERVERS_H

#include "resolver_types.h"

/** One SRV record with its addresses, or the name itself where there is no SRV. */
struct resolver_server {
	uint16_t group; /* by NAPTR preference; all servers of a group come before those of the next */
	uint16_t priority, weight;
	uint8_t first, n; /* its addresses */
};

/** Servers ordered by group and priority; addresses are in the same order. */
struct resolver_servers {
	uint32_t ttl_s;
	unsigned n_servers, n_addresses;
	struct resolver_server server[RESOLVER_ADDRESSES_MAX];
	struct resolver_address address[RESOLVER_ADDRESSES_MAX];
};

/** 5061 for "tls", else 5060: RFC 3261 section 19.1.2. */
uint16_t resolver_servers_default_port(const char *transport);

/** The addresses in the order to try them this time: weights are drawn at random (RFC 2782). */
void resolver_servers_order(const struct resolver_servers *servers, struct resolver_answer *out);

#endif
