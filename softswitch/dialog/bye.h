/** @file bye.h  Ends a dialog with BYE (RFC 3261 section 15).
 *
 * The dialog lives on without its call until the BYE is answered, so that a request of the peer that crosses it, a BYE
 * above all, is still recognised.
 */
#ifndef BYE_H
#define BYE_H

#include "stack.h"

/** All borrowed but for the handler. */
struct bye {
	const struct resend_schedule *resend;
	const char *reason_header; /* a whole line, or NULL */
	const sip_t *carries;      /* the other leg's BYE, whose headers and body are passed on, or NULL */
	/** It is answered or given up, perhaps before bye_send() returns. NULL = it does not matter. */
	void (*on_end)(void *arg);
	void *arg;
};

/** Send BYE. @param d_take  established; zeroed afterwards */
void bye_send(struct stack *stack, struct dialog *d_take, const struct bye *bye);
/**
 * The same to a caller that has not acknowledged our 2xx: the BYE is sent after its ACK, or when that is given up
 * (RFC 3261 section 15). Of `carries` only headers are passed on, and none if it has a body.
 *
 * @param answered_take  the transaction of the INVITE
 */
void bye_send_after_ack(struct stack *stack, struct dialog *d_take, struct server_transaction *answered_take,
	const struct bye *bye);
/** Answer a request in a dialog whose BYE is under way (owner NULL): 200 to BYE, 481 to others. */
void bye_on_crossing(struct stack *stack, const struct received *rx);

#endif
