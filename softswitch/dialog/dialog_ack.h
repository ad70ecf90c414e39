/** @file dialog_ack.h  The ACK of a 2xx to an INVITE of ours. */
#ifndef DIALOG_ACK_H
#define DIALOG_ACK_H

#include "stack.h"

/**
 * Acknowledge the 2xx to our last INVITE in this dialog (RFC 3261 section 13.2.2.4), and each repetition of it.
 *
 * @param carries  headers of the body and the body come from this message; NULL = no body
 */
void dialog_ack(struct stack *stack, struct dialog *d, const sip_t *carries);
/** The same with a description that the other side gave before. */
void dialog_ack_with_answer(struct stack *stack, struct dialog *d, const struct session *answer);
/** The same for a 2xx in this dialog that nobody awaited, whichever INVITE of ours it answers. */
void dialog_ack_late(struct stack *stack, struct dialog *d, const struct received *response);

#endif
