/** @file gateway_watch.h  Looks after gateways between calls: where their hosts are, and whether they answer OPTIONS.
 *
 * Each target (gateway_targets.h) is looked up and probed once, whatever the number of gateways there. Names of gateways
 * that are not probed are looked up as well, so that who sends from their addresses is known.
 */
#ifndef GATEWAY_WATCH_H
#define GATEWAY_WATCH_H

#include "stack.h"

struct gateway_targets;
struct gateway_watch;
struct gateways;
struct registrations;

/** @param stack,gateways,registrations  borrowed */
int gateway_watch_create(struct gateway_watch **out, struct stack *stack, const struct gateways *gateways,
	const struct registrations *registrations);
/** Before the stack and the gateways. NULL is fine. */
void gateway_watch_destroy(struct gateway_watch *set);

/** After gateways_apply() or a change of the parameters; what is under way at targets that stay goes on. */
int gateway_watch_apply(struct gateway_watch *set);
/** No more questions: the switch is stopping. */
void gateway_watch_stop(struct gateway_watch *set);

/** Who sends from where: ask with gateway_targets_at(). */
const struct gateway_targets *gateway_watch_targets(const struct gateway_watch *set);

#endif
