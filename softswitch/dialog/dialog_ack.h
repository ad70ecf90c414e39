/** @file dialog_ack.h  The ACK of a 2xx to an INVITE of ours. */
#ifndef DIALOG_ACK_H
#define DIALOG_ACK_H

#include "stack.h"

/**
 * Acknowledge the 2xx to our last INVITE in this dialog (RFC 3261 section 13.2.2.4). The transaction sends the ACK
 * again whenever that 2xx is repeated.
 *
 * @param carries  the ACK of the other leg, whose body is passed on with its headers; NULL = no body
 */
void dialog_ack(struct stack *stack, struct dialog *d, const sip_t *carries);
/** The same with the description that the peer of the other leg gave before, as the answer to what this one offers. */
void dialog_ack_with_answer(struct stack *stack, struct dialog *d, const struct session *answer);
/** The same, without body, for a late 2xx to any INVITE of this dialog. */
void dialog_ack_late(struct stack *stack, struct dialog *d, const struct received *response);

#endif
