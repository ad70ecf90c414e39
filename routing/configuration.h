/** @file configuration.h  All that the switch works by, changed as a whole or not at all. */
#ifndef CONFIGURATION_H
#define CONFIGURATION_H

#include "mapping_gateways.h"

#include <stdint.h>

struct db_config;
struct endpoints;
struct gateways;
struct parameters;
struct registrations;
struct routing;
struct routing_table;

/** What is in force; all borrowed. */
struct configuration {
	struct parameters *parameters;
	struct gateways *gateways;
	struct mapping_gateways *mapping_gateways;
	struct endpoints *endpoints;
	struct registrations *registrations;
	struct routing *routing;
};

/**
 * Make all of it equal to what was read from the file. Every table is staged first; once all of them are, putting them
 * in force cannot fail.
 *
 * A registration is also a trunk: where no mapping gateway has its name, one is made that is known by the name alone.
 *
 * @param f            endpoints_known leaves those as they are
 * @param table        in: the routes of this load, NULL = unchanged. Out: the table to be destroyed by the caller, that
 *                     is the one replaced (NULL = none), or when this fails the one that came in
 * @param on_bad_host  a mapping gateway is left out; may be NULL
 * @param now_ms       monotonic
 * @return 0; -ENOMEM with everything as it was
 */
int configuration_apply(const struct configuration *c, const struct db_config *f,
	struct routing_table **table, mapping_gateways_bad_host_h *on_bad_host, void *arg, uint64_t now_ms);

#endif
