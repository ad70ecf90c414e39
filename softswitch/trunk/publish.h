/** @file publish.h  Accepts PUBLISH from gateways (RFC 3903), which keep themselves up or declare themselves closed. */
#ifndef PUBLISH_H
#define PUBLISH_H

#include "stack.h"

struct gateway_targets;
struct gateways;
struct publish;
struct state;

/** @param stack,targets  borrowed. @return 0 or -ENOMEM */
int publish_create(struct publish **out, struct stack *stack, const struct gateway_targets *targets);
/** NULL is fine. */
void publish_destroy(struct publish *set);

/** Does a gateway send from this address? */
bool publish_is_gateway(const struct publish *set, const struct sockaddr *source);
/** Does one send from there whose row says that it may publish? */
bool publish_takes(const struct publish *set, const struct sockaddr *source);
/** Answer a PUBLISH from such an address; others than publish_takes() says are refused. */
void publish_on_request(struct publish *set, const struct received *rx);
/** Call it after gateways_apply(): publications of removed gateways go. */
void publish_apply(struct publish *set);
/**
 * Take up again what was published before the last stop, once gateways are in force, and keep it from now on.
 *
 * @param state  borrowed until publish_destroy(); nothing is put after the loop has ended
 */
void publish_restore(struct publish *set, const struct gateways *gateways, struct state *state);

#endif
