/** @file gateway_watch.h  Watches gateways between calls: resolves their hosts and probes them with OPTIONS.
 *
 * Each target (gateway_targets.h) is resolved and probed once, however many gateways share it. Names of gateways that
 * are not probed are resolved, too, so that a sender is recognised by its address.
 */
#ifndef GATEWAY_WATCH_H
#define GATEWAY_WATCH_H

#include "stack.h"

struct gateway_targets;
struct gateway_watch;
struct gateways;
struct registrations;

/** @param stack,gateways,registrations  borrowed. @return 0 or -ENOMEM */
int gateway_watch_create(struct gateway_watch **out, struct stack *stack, const struct gateways *gateways,
	const struct registrations *registrations);
/** Before stack and gateways are destroyed. NULL is fine. */
void gateway_watch_destroy(struct gateway_watch *set);

/** Call it after gateways_apply() and when parameters change. Probes of targets that stay go on. @return 0 or -ENOMEM */
int gateway_watch_apply(struct gateway_watch *set);
/** Stop probing: the switch is shutting down. */
void gateway_watch_stop(struct gateway_watch *set);

/** Which gateways send from an address: see gateway_targets_at(). */
const struct gateway_targets *gateway_watch_targets(const struct gateway_watch *set);

#endif
