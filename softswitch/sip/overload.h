/** @file overload.h  More new calls than we can take: the rest of the work goes first, calls that waited long are refused.
 *
 * New INVITEs over UDP are looked at last: what belongs to a call or a transaction is handled at once, they wait their
 * turn, some in each pass of the loop. When the first of them has waited too long the next ones are refused with 503 and
 * Retry-After, made of their bytes: nothing is parsed and nothing kept (RFC 3261 section 21.5.4). Emergency calls
 * (RFC 5031) never wait. REGISTERs wait the same way, and come after the calls.
 */
#ifndef OVERLOAD_H
#define OVERLOAD_H

#include "hop.h"
#include "scan.h"

#include <stdint.h>

struct loop;
struct overload;

/** What to do with a new INVITE that comes too much. */
enum overload_verdict {
	OVERLOAD_REFUSE,
	OVERLOAD_DROP,  /* this source gets no answer */
	OVERLOAD_SERVE, /* it is no new one: its transaction is known */
};

struct overload_handlers {
	/** Handle this datagram now. */
	void (*on_serve)(
		struct hop_listener *l, char *data, size_t n, const struct sockaddr *source, void *arg);
	/** @param via  value of the topmost Via */
	enum overload_verdict (*on_excess)(const struct sockaddr *source, const struct scan *via, void *arg);
};

int overload_create(
	struct overload **out, struct loop *loop, const struct overload_handlers *handlers, void *arg);
/** NULL is fine. */
void overload_destroy(struct overload *o);

/** A datagram came in; its handler may be called before this returns, or later. */
void overload_take(
	struct overload *o, struct hop_listener *l, char *data, size_t n, const struct sockaddr *source);

/** How many datagrams wait? */
unsigned overload_waiting(const struct overload *o);
/** INVITEs refused or dropped since the start. */
uint64_t overload_refused(const struct overload *o);

#endif
