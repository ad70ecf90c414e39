/** @file nat_keep_alive.h  A datagram every now and then to each endpoint behind NAT, so that the NAT keeps the way to it open.
 *
 * SS_SIP_NAT_KEEP_ALIVE_MESSAGE goes out each _PERIOD; at most _SEND_ONE_TIME at once, then nothing for _SEND_INTERVAL.
 */
#ifndef NAT_KEEP_ALIVE_H
#define NAT_KEEP_ALIVE_H

#include "hop.h"
#include "stack.h"

#include <sys/queue.h>

struct nat_keep_alive;

/** One endpoint. Embedded in its owner; zeroed = it gets none. */
struct nat_keep_alive_to {
	struct hop *hop; /* the owner's */
	TAILQ_ENTRY(nat_keep_alive_to) link;
	uint64_t sent_ms; /* the last, or when it was added; 0 = it is not in the list */
};

/** @param stack  borrowed. @return 0 or -ENOMEM */
int nat_keep_alive_create(struct nat_keep_alive **out, const struct stack *stack);
/** Nobody may be in the list any more. NULL is fine. */
void nat_keep_alive_destroy(struct nat_keep_alive *k);

/** Send it some, the next one after a whole period: the endpoint has just been heard. @param hop  by UDP */
void nat_keep_alive_add(struct nat_keep_alive *k, struct nat_keep_alive_to *to, struct hop *hop);
/** Nothing when it gets none. */
void nat_keep_alive_remove(struct nat_keep_alive *k, struct nat_keep_alive_to *to);

#endif
