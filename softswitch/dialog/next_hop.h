/** @file next_hop.h  Where the requests of a dialog go: its first route or remote target, by RFC 3263.
 *
 * A numeric host is taken at once. A name is asked for when it becomes known, and looked up again for each request; as
 * long as DNS does not know it, requests go where they went before.
 */
#ifndef NEXT_HOP_H
#define NEXT_HOP_H

#include "received.h"
#include "resolver.h"
#include "uri.h"

#include <stdbool.h>
#include <stdint.h>

/** What looks names up for dialogs. Zeroed but for the resolver at the begin; it outlives the resolver's lookups. */
struct next_hop_resolver {
	struct resolver *resolver; /* NULL = names are not looked up */
	unsigned asking;           /* names looked up now */
};

/** Plain text and numbers. Zeroed = nothing to look up. */
struct next_hop {
	char *host; /* a name; NULL = the hop has its address */
	uint16_t port;
	const char *transport; /* "" = DNS says it; static text */
	bool hidden;           /* behind NAT: the hop is where messages of the peer came from */
};

/**
 * Requests go to this URI from now on.
 *
 * @param hop   where they went: it changes now for a numeric host. Its listener stays if the URI names no other
 *              transport, and a leg over TLS stays there
 * @param from  the message that brought the URI: they go to where it came from if its sender is behind NAT (nat_hides())
 * @return 0 or -ENOMEM; what cannot be reached leaves the hop as it is
 */
int next_hop_set(struct next_hop *next, struct hop *hop, struct next_hop_resolver *resolver,
	const struct uri *uri, const struct received *from);
/** The URI stays, but this message may come from another port of the NAT. */
void next_hop_renew(const struct next_hop *next, struct hop *hop, const struct received *from);
/**
 * A request of the peer came by this connection. If the one to it is gone, as after a restart, requests go back by it: no
 * other may lead to a peer behind NAT.
 */
void next_hop_reconnect(struct hop *hop, const struct received *from);
/** A request is about to be written: where does the name lead now? */
void next_hop_update(const struct next_hop *next, struct hop *hop, const struct next_hop_resolver *resolver);
void next_hop_clear(struct next_hop *next);

/** Where a dialog over this hop would have to find that URI. @return as uri_target() */
int next_hop_target(
	const struct uri *uri, const struct hop *hop, char maddr[URI_MADDR_MAX], struct resolver_target *out);

#endif
