/** @file publish.h  Takes what gateways publish of themselves (RFC 3903): open, closed, or silent all of a sudden. */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "stack.h"

struct gateway_targets;
struct publish;

/** @param stack,targets  borrowed */
int publish_create(struct publish **out, struct stack *stack, const struct gateway_targets *targets);
/** NULL is fine. */
void publish_destroy(struct publish *set);

/** Does a gateway send from here? */
bool publish_is_gateway(const struct publish *set, const struct sockaddr *source);
/** A PUBLISH came from an address where gateways are: it is answered. */
void publish_on_request(struct publish *set, const struct received *rx);
/** After gateways_apply(). */
void publish_apply(struct publish *set);

#endif
