/** @file bye.h  Ends a dialog with BYE. */
#ifndef BYE_H
#define BYE_H

#include "stack.h"

/**
 * End the dialog at the peer's side. Until the BYE is answered the dialog lives on without its call, so that a
 * BYE of the peer that crosses ours is known and answered: bye_on_crossing().
 *
 * @param d_take         established; zeroed afterwards
 * @param reason_header  a whole line, or NULL
 * @param carries        the BYE of the other leg, whose headers are passed on, or NULL
 */
void bye_send(struct stack *stack, struct dialog *d_take, const struct resend_schedule *resend,
	const char *reason_header, const sip_t *carries);
/**
 * The same for a caller that has not acknowledged our 2xx yet: the BYE goes out after the ACK, or when that is given up
 * (RFC 3261 section 15). It carries the headers only.
 *
 * @param answered_take  the INVITE; it belongs to its set again
 */
void bye_send_after_ack(struct stack *stack, struct dialog *d_take, struct server_transaction *answered_take,
	const struct resend_schedule *resend, const char *reason_header, const sip_t *carries);
/** A request came in a dialog that we are ending. */
void bye_on_crossing(struct stack *stack, const struct received *rx);

#endif
