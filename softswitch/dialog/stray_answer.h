/** @file stray_answer.h  A 2xx to an INVITE of ours that belongs to no dialog. */
#ifndef STRAY_ANSWER_H
#define STRAY_ANSWER_H

#include "stack.h"

/**
 * A 2xx to an INVITE nobody wants any more, in no dialog of ours: acknowledge it.
 *
 * @param bye  it opened the dialog: hang up at once
 */
void stray_answer_acknowledge(struct stack *stack, const struct received *response, bool bye);

#endif
