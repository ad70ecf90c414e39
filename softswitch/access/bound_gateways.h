/** @file bound_gateways.h  Gateways that register with us as endpoints: whether they have is told to them. */
#ifndef BOUND_GATEWAYS_H
#define BOUND_GATEWAYS_H

#include <stdbool.h>
#include <stdint.h>

struct bindings;
struct bound_gateways;
struct gateways;

int bound_gateways_create(struct bound_gateways **out);
/** NULL is fine. */
void bound_gateways_destroy(struct bound_gateways *set);

/** Rows of gateways may have changed: those that name an endpoint are looked for, and told. @return 0; -ENOMEM some are not told from now on */
int bound_gateways_apply(struct bound_gateways *set, const struct gateways *gateways,
	const struct bindings *bindings, uint64_t now_ms);
/** The endpoint has registered, or has no binding any more. */
void bound_gateways_tell(struct bound_gateways *set, const char *endpoint, bool bound, uint64_t now_ms);

#endif
