/** @file gate_responses.h  Private to the gate: whose response is it? */
#ifndef GATE_RESPONSES_H
#define GATE_RESPONSES_H

struct gate_responses;
struct gate_trust;
struct received;
struct stack;

/** Both borrowed. @return 0 or -ENOMEM */
int gate_responses_create(struct gate_responses **out, struct stack *stack, const struct gate_trust *trust);
/** NULL is fine. */
void gate_responses_destroy(struct gate_responses *r);

/** A response came: it goes to its transaction or its dialog, or nowhere. */
void gate_responses_receive(const struct gate_responses *r, const struct received *rx);

#endif
