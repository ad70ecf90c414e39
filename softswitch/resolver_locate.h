/** @file resolver_locate.h  The questions of RFC 3263 for one target. For the resolver's own modules. */
#ifndef RESOLVER_LOCATE_H
#define RESOLVER_LOCATE_H

#include "resolver.h"

struct resolver_dns;
struct resolver_locate; /* one procedure under way */

enum { RESOLVER_HOST_MAX = 253 }; /* bytes of a name, RFC 1035 section 2.3.4 */

/** One SRV record with its addresses, or the name itself where there is no SRV. */
struct resolver_server {
	uint16_t group; /* by NAPTR preference; all servers of a group come before the next */
	uint16_t priority, weight;
	uint8_t first, n; /* its addresses */
};

/** Servers in order of group and priority; addresses lie in the same order. */
struct resolver_servers {
	uint32_t ttl_s;
	unsigned n_servers, n_addresses;
	struct resolver_server server[RESOLVER_ADDRESSES_MAX];
	struct resolver_address address[RESOLVER_ADDRESSES_MAX];
};

/**
 * The end of the procedure; called once, from the event loop, never from within resolver_locate().
 * Errors are those of resolver_h. `found` is valid during the call, NULL unless error is 0.
 */
typedef void resolver_locate_h(int error, const struct resolver_servers *found, void *arg);

/**
 * Find the servers of a target whose host is a name. Takes 5 s at most: what is found by then counts.
 *
 * @param target  its transport is static text
 * @return 0, -ENOMEM
 */
int resolver_locate(struct resolver_locate **out, struct event_base *base, struct resolver_dns *dns,
	const struct resolver_target *target, resolver_locate_h *on_located, void *arg);
/** Do not call the handler; what is under way ends by itself, or with resolver_dns_destroy(). */
void resolver_locate_abandon(struct resolver_locate *l);

/** "5061" for "tls", else 5060: RFC 3261 section 19.1.2. */
uint16_t resolver_default_port(const char *transport);

/** The addresses in the order for one call: weights at random (RFC 2782). */
void resolver_servers_order(const struct resolver_servers *servers, struct resolver_answer *out);

#endif
