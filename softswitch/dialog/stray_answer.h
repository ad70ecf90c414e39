/** @file stray_answer.h  A final response to an INVITE of ours that was given up (RFC 3261 section 13.2.2.4). */
#ifndef STRAY_ANSWER_H
#define STRAY_ANSWER_H

#include "stack.h"

/**
 * Acknowledge a 2xx that belongs to no dialog of ours: of another fork, or too late.
 *
 * @param bye   it was to an INVITE outside a dialog, and so opened one: hang up at once
 * @param over  waits for that; on_late is told of the dialog (struct dialog). NULL = nobody
 */
void stray_answer_acknowledge(struct stack *stack, const struct received *response, bool bye,
	const struct client_transaction_over *over);
/** The same where its transaction died with the process before, which may have sent BYE already. */
void stray_answer_acknowledge_before(struct stack *stack, const struct received *response);
/** Acknowledge a refusal whose transaction died with the process before (RFC 3261 section 17.1.1.3). */
void stray_answer_acknowledge_refusal(struct stack *stack, const struct received *response);

#endif
