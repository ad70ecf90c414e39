/** @file gateway_targets.h  Where gateways are: those with the same host, port, transport and wishes about TLS share one target.
 *
 * A gateway that is an endpoint has none: it is where it has registered.
 *
 * Whoever resolves names reports the addresses of a target's host; they tell which gateways a source address
 * belongs to.
 */
#ifndef GATEWAY_TARGETS_H
#define GATEWAY_TARGETS_H

#include "gateways.h"

#include <stdbool.h>
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
	/* As in struct db_gateway, but if the host is an address, transport and port are always set. */
	const char *host, *transport;
	uint16_t port;
	bool is_address;                              /* the host is one, so there is no name to look up */
	STAILQ_HEAD(, gateway_target_member) members; /* in order of name; never empty */
	void *probe;                                  /* owned by the user of the set; NULL at first */
};

/** @param on_gone  called with a target's probe, if it has one, when the target's last gateway is gone */
int gateway_targets_create(struct gateway_targets **out, void (*on_gone)(void *probe));
void gateway_targets_destroy(struct gateway_targets *set);

/**
 * Follow gateways_commit(): targets that are still in use stay, with what is known about them, and get the gateways
 * of the new rows.
 *
 * @return 0; -ENOMEM with the set as it was
 */
int gateway_targets_apply(struct gateway_targets *set, const struct gateways *gateways);

/** Call h for each target, in any order; h must not change the set. */
void gateway_targets_each(
	const struct gateway_targets *set, void (*h)(struct gateway_target *target, void *arg), void *arg);

/**
 * The target's host has these addresses; they replace those known before.
 *
 * @param addresses  of AF_INET or AF_INET6, with their ports
 * @return 0; -ENOMEM with what was known before
 */
int gateway_targets_learn(struct gateway_targets *set, struct gateway_target *target,
	const struct sockaddr *const *addresses, size_t n);

/**
 * Which gateways send from this source? Those at this address and port; if there are none, those at this address,
 * because connections come from any port. The cost does not depend on the number of other gateways.
 *
 * @param h  called for each; may be NULL
 * @return how many
 */
size_t gateway_targets_at(const struct gateway_targets *set, const struct sockaddr *source,
	void (*h)(struct gateway *gw, void *arg), void *arg);

/**
 * Which gateways are at this address?
 *
 * @param its_port  only those at its port, too: that is what a datagram proves. A connection comes from any port
 * @param h         called for each; may be NULL
 * @return how many
 */
size_t gateway_targets_from(const struct gateway_targets *set, const struct sockaddr *source, bool its_port,
	void (*h)(struct gateway *gw, void *arg), void *arg);

#endif
