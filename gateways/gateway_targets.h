/** @file gateway_targets.h  Where gateways are: those with the same host, port and transport share one target.
 *
 * What a target's host stands for is told by whoever resolves names; from that it is known which gateways a source
 * address belongs to.
 */
#ifndef GATEWAY_TARGETS_H
#define GATEWAY_TARGETS_H

#include "gateways.h"

#include <sys/queue.h>

struct gateway_targets;
struct sockaddr;

/** A gateway at a target. */
struct gateway_target_member {
	STAILQ_ENTRY(gateway_target_member) next;
	struct gateway *gateway;
	struct gateway_target *target;
};

struct gateway_target {
	const char *host, *transport; /* as in struct db_gateway, but an address always has its */
	uint16_t port;                /* transport and port */
	bool is_address;              /* the host, so that no name is to be looked up */
	STAILQ_HEAD(gateway_target_members, gateway_target_member)
	members;     /* in order of name; never empty */
	void *probe; /* of whoever looks after the target; NULL at first */
};

/** @param on_gone  the last gateway of a target is gone; called with its probe, when that is not NULL */
int gateway_targets_create(struct gateway_targets **out, void (*on_gone)(void *probe));
void gateway_targets_destroy(struct gateway_targets *set);

/**
 * After gateways_apply(): targets that are still in use stay what they are, with what is known of them; the gateways
 * at each are those of the rows now.
 *
 * @return 0; -ENOMEM with the set as it was
 */
int gateway_targets_apply(struct gateway_targets *set, const struct gateways *gateways);

/** Any order; h must not change the set. */
void gateway_targets_each(
	const struct gateway_targets *set, void (*h)(struct gateway_target *target, void *arg), void *arg);

/**
 * The target's host has these addresses, which replace those known before.
 *
 * @param addresses  of AF_INET or AF_INET6, with their ports
 * @return 0; -ENOMEM: what was known stays
 */
int gateway_targets_learn(struct gateway_targets *set, struct gateway_target *target,
	const struct sockaddr *const *addresses, size_t n);

/**
 * Which gateways send from here: those at this address and port; if there are none those at this address, because
 * connections come from any port. Cost does not grow with the number of gateways elsewhere.
 *
 * @param h  called for each; may be NULL
 * @return how many
 */
size_t gateway_targets_at(const struct gateway_targets *set, const struct sockaddr *source,
	void (*h)(struct gateway *gw, void *arg), void *arg);

#endif
