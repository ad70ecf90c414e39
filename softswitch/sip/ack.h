/** @file ack.h  The ACKs of the 2xx to one INVITE, for when those come again (RFC 3261 section 13.2.2.4). */
#ifndef ACK_H
#define ACK_H

#include "transport.h"
#include "text.h"

#include <sys/queue.h>

/** One for each fork that answered; zeroed = none. */
SLIST_HEAD(acks, ack);

/**
 * Keep a copy; of too many forks no more is kept.
 *
 * @param to_tag  of the 2xx, NULL = none
 * @param hop     where it was sent
 */
void ack_keep(struct acks *acks, const char *to_tag, const struct hop *hop, const struct text *ack);
/** Send the ACK of this 2xx again. @return false when there is none */
bool ack_repeat(const struct acks *acks, const char *to_tag);
void ack_clear(struct acks *acks);

#endif
