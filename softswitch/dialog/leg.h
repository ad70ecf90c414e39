/** @file leg.h  The requests we send inside a dialog on our own account: ACK and BYE. */
#ifndef LEG_H
#define LEG_H

#include "message.h"
#include "stack.h"

/**
 * Acknowledge the 2xx to our last INVITE in this dialog (RFC 3261 section 13.2.2.4), and each repetition of it.
 *
 * @param carries  headers of the body and the body come from this message; NULL = no body
 */
void leg_acknowledge(struct stack *stack, struct dialog *d, const sip_t *carries);
/** The same with a description that the other side gave before. */
void leg_acknowledge_with(struct stack *stack, struct dialog *d, const struct session *answer);
/**
 * Write the line that answers a 401 or 407 in this dialog with its user and password (RFC 3261 section 22).
 *
 * @return 0; -EINVAL without user; -ENOENT no challenge that we know
 */
int leg_answer_challenge(const struct dialog *d, const sip_t *challenge, const char *method, struct text *t);

/** The same for a 2xx in this dialog that nobody awaited, whichever INVITE of ours it answers. */
void leg_acknowledge_late(struct stack *stack, struct dialog *d, const struct received *response);

/**
 * End the dialog at the peer's side. Until the BYE is answered the dialog lives on without its call, so that a
 * BYE of the peer that crosses ours is known and answered: leg_on_crossing().
 *
 * @param d_take         established; zeroed afterwards
 * @param reason_header  a whole line, or NULL
 * @param carries        the BYE of the other leg, whose headers are passed on, or NULL
 */
void leg_bye(struct stack *stack, struct dialog *d_take, const struct resend_schedule *resend,
	const char *reason_header, const sip_t *carries);
/**
 * The same for a caller that has not acknowledged our 2xx yet: the BYE goes out after the ACK, or when that is given up
 * (RFC 3261 section 15). It carries the headers only.
 *
 * @param answered_take  the INVITE; it belongs to its set again
 */
void leg_bye_after_ack(struct stack *stack, struct dialog *d_take, struct server_transaction *answered_take,
	const struct resend_schedule *resend, const char *reason_header, const sip_t *carries);
/** A request came in a dialog that we are ending. */
void leg_on_crossing(struct stack *stack, const struct received *rx);

/**
 * A 2xx to an INVITE nobody wants any more, in no dialog of ours: acknowledge it.
 *
 * @param bye  it opened the dialog: hang up at once
 */
void leg_acknowledge_stray(struct stack *stack, const struct received *response, bool bye);

#endif
