/** @file location.h  The location service (RFC 3261 section 10): what endpoints have registered, over a restart, and the way to it. */
#ifndef LOCATION_H
#define LOCATION_H

#include "bindings.h"
#include "received.h"
#include "stack.h"

struct endpoints;
struct location;
struct state;
struct stream;

/** The endpoint has registered, or nothing of it is left. */
typedef void location_bound_h(const char *endpoint, bool bound, void *arg);
/** @param stack  borrowed. @return 0 or -ENOMEM */
int location_create(struct location **out, struct stack *stack, location_bound_h *on_bound, void *arg);
/** What is kept stays kept. NULL is fine. */
void location_destroy(struct location *l);
/**
 * Take up again what was registered before the last stop, once endpoints are in force, and keep it from now on.
 *
 * @param state  borrowed until location_destroy(); nothing is put after the loop has ended
 */
void location_restore(struct location *l, const struct endpoints *endpoints, struct state *state);

/** bindings_register() of a request that has come like this. */
int location_register(struct location *l, const struct bindings_request *r, const struct received *rx);
/** An endpoint is not to be called any more: its bindings end. */
void location_remove(struct location *l, const char *endpoint);
/** A connection that the other side opened has ended, and with it what came by it. */
void location_on_ended(struct location *l, const struct stream *connection);

const struct bindings *location_bindings(const struct location *l);

#endif
