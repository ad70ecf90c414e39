/** @file db_route.h  One row of `route`: which gateway calls to a prefix may go to. */
#ifndef DB_ROUTE_H
#define DB_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

struct db_route {
	const char *prefix; /* "" = every number */
	uint32_t gateway;   /* index into db_config.gateway of the same load */
	uint16_t priority;  /* smallest first */
	uint16_t weight;    /* 0 = not set */
	bool carry_through;
	bool enabled;
};

/** Called for each row, in order of prefix (by its bytes), then priority. @return 0 to go on, -errno to stop */
typedef int db_route_h(const struct db_route *row, void *arg);

#endif
