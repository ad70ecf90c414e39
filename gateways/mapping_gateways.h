/** @file mapping_gateways.h  Customers' trunks: whose is this source address, and may it call? */
#ifndef MAPPING_GATEWAYS_H
#define MAPPING_GATEWAYS_H

#include "db_config.h"
#include "ingress.h"

struct mapping_gateways;
struct mapping_gateway; /* owned by the set, kept alive by a reference to its ingress */
struct sockaddr;

int mapping_gateways_create(struct mapping_gateways **out);
void mapping_gateways_destroy(struct mapping_gateways *set);

/** A row is left out because its host is neither an address nor a block. */
typedef void mapping_gateways_bad_host_h(const char *name, const char *host, void *arg);

/**
 * Prepare to make the set equal to these rows, in place, as gateways_stage() does; one of commit and
 * abandon must follow. A row without host is known by its name only: its calls are recognised by other means.
 *
 * @param on_bad_host  may be NULL
 * @return 0; -ENOMEM with nothing staged
 */
int mapping_gateways_stage(struct mapping_gateways *set, const struct db_mapping_gateway *rows, size_t n,
	mapping_gateways_bad_host_h *on_bad_host, void *arg);
/** Put in force what was staged; cannot fail. */
void mapping_gateways_commit(struct mapping_gateways *set);
/** Forget what was staged. */
void mapping_gateways_abandon(struct mapping_gateways *set);
/** Stage and commit at once. @return 0; -ENOMEM with the set as it was */
int mapping_gateways_apply(struct mapping_gateways *set, const struct db_mapping_gateway *rows, size_t n,
	mapping_gateways_bad_host_h *on_bad_host, void *arg);

/**
 * Whose is this source? The longest block wins; of two rows with the same block, the one with the port wins. An
 * IPv4-mapped IPv6 source counts as IPv4. Disabled rows are not found. The cost does not depend on the number of rows.
 *
 * @return NULL when it is unknown
 */
struct mapping_gateway *mapping_gateways_find(
	const struct mapping_gateways *set, const struct sockaddr *source);

/** Who is known by this name in its certificate? @param name  in lower case. @return NULL when nobody is, or the row is disabled */
struct mapping_gateway *mapping_gateways_by_tls_name(const struct mapping_gateways *set, const char *name);

struct mapping_gateway *mapping_gateways_by_name(const struct mapping_gateways *set, const char *name);

/** A row by its id or, if none has it, by its name. @return NULL when there is none */
struct mapping_gateway *mapping_gateways_recognise(
	const struct mapping_gateways *set, int64_t id, const char *name);

/** The trunk of a call that was recognised by other means than its source. @return NULL when there is none, or disabled */
struct mapping_gateway *mapping_gateways_trunk(const struct mapping_gateways *set, const char *name);

/** The same as where calls come from; NULL of NULL. */
struct ingress *mapping_gateway_ingress(struct mapping_gateway *mg);
/** The row as last loaded; valid until the next mapping_gateways_commit(). */
const struct db_mapping_gateway *mapping_gateway_row(const struct mapping_gateway *mg);

/** As gateways_recount() and gateways_channel_drift(). */
void mapping_gateways_recount(struct mapping_gateways *set);
uint64_t mapping_gateways_channel_drift(const struct mapping_gateways *set);

#endif
