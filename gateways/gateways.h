/** @file gateways.h  The set of gateways, by name; reloaded in place. */
#ifndef GATEWAYS_H
#define GATEWAYS_H

#include "gateway.h"

struct gateways;

int gateways_create(struct gateways **out);
/** Calls may still hold references: gateways in use are freed with their last one. */
void gateways_destroy(struct gateways *gws);

/**
 * Make the set equal to these rows: rows are matched by name; changed ones are updated in place,
 * missing ones are marked removed (no new call, live calls go on), new ones are added.
 *
 * @return 0; -ENOMEM with the set as it was
 */
int gateways_apply(struct gateways *gws, const struct db_gateway *rows, size_t n);

struct gateway *gateways_find(const struct gateways *gws, const char *name);
/** In order of name, removed ones left out. */
size_t gateways_count(const struct gateways *gws);
struct gateway *gateways_at(const struct gateways *gws, size_t i);

#endif
