/** @file ack.h  The ACKs to the 2xx of one INVITE, to be sent again with each repeated 2xx (RFC 3261 section 13.2.2.4). */
#ifndef ACK_H
#define ACK_H

#include "transport.h"
#include "text.h"

#include <sys/queue.h>

/** One for each fork that answered. Zeroed = none. */
SLIST_HEAD(acks, ack);

/**
 * Keep a copy; those of the first 16 forks are kept.
 *
 * @param to_tag  of the 2xx, NULL = none
 * @param hop     where it was sent
 */
void ack_keep(struct acks *acks, const char *to_tag, const struct hop *hop, const struct text *ack);
/** Have so many forks answered that no more are kept? */
bool ack_is_full(const struct acks *acks);
/** Send the ACK to a 2xx with this tag again. @return false when there is none */
bool ack_repeat(const struct acks *acks, const char *to_tag);
void ack_clear(struct acks *acks);

#endif
