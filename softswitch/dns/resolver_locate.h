/** @file resolver_locate.h  The procedure of RFC 3263 for one target. For the resolver's own modules. */
#ifndef RESOLVER_LOCATE_H
#define RESOLVER_LOCATE_H

#include "resolver_servers.h"

struct event_base;
struct resolver_dns;
struct resolver_locate; /* one procedure under way */

enum { RESOLVER_HOST_MAX = 253 }; /* bytes of a name, RFC 1035 section 2.3.4 */

/**
 * The end of the procedure; called once, from the event loop, never from within resolver_locate().
 * Errors are those of resolver_h. `found` is valid during the call, NULL unless error is 0.
 */
typedef void resolver_locate_h(int error, const struct resolver_servers *found, void *arg);

/**
 * Find the servers of a target whose host is a name. Takes 5 s at most; what has been found by then is used.
 *
 * @param target  its transport is static text
 * @return 0, -ENOMEM
 */
int resolver_locate(struct resolver_locate **out, struct event_base *base, struct resolver_dns *dns,
	const struct resolver_target *target, resolver_locate_h *on_located, void *arg);
/** The handler will not be called; pending queries end by themselves, or with resolver_dns_destroy(). */
void resolver_locate_abandon(struct resolver_locate *job);

#endif
