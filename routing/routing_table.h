/** @file routing_table.h  Maps prefixes to routes: built once from the rows, then only read. */
#ifndef ROUTING_TABLE_H
#define ROUTING_TABLE_H

#include "db_route.h"

#include <stddef.h>
#include <stdint.h>

struct routing_table; /* may be built in one thread and handed to another */

/** One route of a prefix. */
struct routing_table_route {
	uint32_t gateway; /* index into the gateway rows of the same load */
	uint16_t priority, weight;
	bool carry_through;
};

int routing_table_create(struct routing_table **out);
void routing_table_destroy(struct routing_table *t);

enum { ROUTING_TABLE_PREFIX_MAX = 64, ROUTING_TABLE_ROUTES_MAX = 65535 };

/**
 * Add a row; disabled rows are ignored. Rows must come in order of prefix (by its bytes), then priority,
 * as db_config_load() delivers them. A prefix may contain any bytes.
 *
 * @return 0; -EINVAL out of order, or a prefix longer than ROUTING_TABLE_PREFIX_MAX; -E2BIG more than
 *         ROUTING_TABLE_ROUTES_MAX routes of one prefix; -ENOMEM. On error the table is unchanged.
 */
int routing_table_add(struct routing_table *t, const struct db_route *row);
/** After the last row: make the table ready for lookups. @return 0 or -ENOMEM */
int routing_table_finish(struct routing_table *t);

/** The prefixes that match a number, longest first: at most ROUTING_TABLE_DEPTH_MAX, the longest ones. */
enum { ROUTING_TABLE_DEPTH_MAX = 32 };
struct routing_table_match {
	const struct routing_table_route *routes; /* in order of priority */
	unsigned n_routes;
	unsigned length; /* of the prefix */
};
/** @return the number of matches written to out */
unsigned routing_table_match(const struct routing_table *t, const char *number,
	struct routing_table_match out[ROUTING_TABLE_DEPTH_MAX]);

size_t routing_table_prefixes(const struct routing_table *t);
size_t routing_table_routes(const struct routing_table *t);
/** What the finished table occupies. */
size_t routing_table_bytes(const struct routing_table *t);

#endif
