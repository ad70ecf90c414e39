/** @file nat.h  A peer behind NAT names addresses at which it cannot be reached: Contact, Record-Route, Via. */
#ifndef NAT_H
#define NAT_H

#include "db_override.h"
#include "received.h"

/**
 * Does the peer hear us only where it sends from, and not at the address it names?
 *
 * Not set: when the address reaches less far than the source does. Loopback reaches one host, link-local addresses one
 * link, private ones (RFC 1918, RFC 4193) one site, shared ones (RFC 6598) one carrier, all others the world. Two private
 * networks may well have a route between them, so that one stays.
 *
 * @param nat    the column of the peer's row
 * @param named  NULL = it is no numeric address
 */
bool nat_hides(enum db_override nat, const struct sockaddr *named, const struct sockaddr *source);

/**
 * Does an endpoint name another place than it sends from, in Via or here? For those that register with us: they have to be
 * reached, and are asked nothing else.
 *
 * @param named  AF_UNSPEC = it is no numeric address. The port counts over UDP only
 */
bool nat_differs(const struct received *from, const struct sockaddr *named);

/** Send to where this message came from: its source, by the listener and the connection it came by. */
void nat_follow(struct hop *hop, const struct received *from);

/** Send the answer to where the request came from if the peer cannot hear us at the address in its Via. */
void nat_answer(struct received *request, enum db_override nat);

#endif
