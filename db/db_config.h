/** @file db_config.h  Reads softswitch.db: parameters, gateways, routes, mapping gateways, endpoints, registrations. */
#ifndef DB_CONFIG_H
#define DB_CONFIG_H

#include "db.h"
#include "db_endpoint.h"
#include "db_gateway.h"
#include "db_mapping_gateway.h"
#include "db_registration.h"
#include "db_route.h"
#include "parameters.h"

#include <stdbool.h>
#include <stddef.h>

/** Each number is another one after a change. */
struct db_config_revision {
	int64_t routes; /* of a row of `route`, or of the set of gateway names */
	int64_t endpoints;
};

/** What softswitch.db holds except the routes, read in one transaction. */
struct db_config {
	struct parameters parameters;
	struct db_gateway *gateway;
	size_t n_gateways;
	struct db_mapping_gateway *mapping_gateway;
	size_t n_mapping_gateways;
	struct db_registration *registration; /* in order of name */
	size_t n_registrations;
	struct db_endpoint *endpoint;
	size_t n_endpoints;
	bool endpoints_known; /* they are those of the known revision, and not here */
	struct db_config_revision revision;
};

/**
 * Read the configuration, without what the caller knows already. All of it is one consistent snapshot.
 *
 * @param known     revisions whose routes and endpoints need not be read; -1 = none. NULL: all is read
 * @param on_route  called for each route, if they are read
 * @return 0; -EBUSY while another process holds the file; -EUCLEAN (damaged), -EIO, -ENOMEM; what on_route returned. *out is untouched then
 */
int db_config_load(struct db *db, const struct db_config_revision *known, db_route_h *on_route, void *arg,
	struct db_config **out);
void db_config_free(struct db_config *config);

/** A row that somebody should know of. */
typedef void db_config_row_h(const char *table, const char *name, const char *why, void *arg);
/**
 * Name the rows that the switch could not use, which are therefore disabled: an older program let them in.
 *
 * @return 0 or -errno
 */
int db_config_unusable(struct db *db, db_config_row_h *on_row, void *arg);
/** Name the gateways and registrations that may be over TLS with anybody, as those that are older than tls_verify. */
void db_config_unverified(const struct db_config *config, db_config_row_h *on_row, void *arg);

#endif
