/** @file held_answers.h  Answers to our INVITEs that name a host whose address DNS is still asked for.
 *
 * Such an answer waits, as if the network had delayed it: its ACK or PRACK has to go to that host (RFC 3261 section
 * 12.2.1.1, RFC 3263). When DNS fails or takes long it is handed on all the same.
 */
#ifndef HELD_ANSWERS_H
#define HELD_ANSWERS_H

#include "received.h"

#include <stdbool.h>

struct held_answers;
struct stack;

typedef void held_answers_h(const struct received *rx, void *arg);

/** @param on_answer  takes an answer that has waited */
int held_answers_create(
	struct held_answers **out, const struct stack *stack, held_answers_h *on_answer, void *arg);
/** What still waits is dropped. NULL is fine. */
void held_answers_destroy(struct held_answers *set);

/**
 * @param hop  where its request went
 * @return true when the answer is held; false when there is nothing to wait for
 */
bool held_answers_take(struct held_answers *set, const struct received *rx, const struct hop *hop);

#endif
