/** @file routing.h  The ordered candidates for a call, each with its verdict. */
#ifndef ROUTING_H
#define ROUTING_H

#include "gateway.h"
#include "gateways.h"

#include <stddef.h>
#include <stdint.h>

struct routing; /* the table in force and its gateways */
struct routing_table;

int routing_create(struct routing **out, uint64_t seed);
void routing_destroy(struct routing *r);

/**
 * Prepare to put a table in force. Nothing changes before routing_commit(); exactly one of commit and abandon must
 * follow when it returns 0.
 *
 * @param n  gateway rows of the load; the table's indices count them
 * @return 0; -ENOMEM with nothing staged
 */
int routing_stage(struct routing *r, size_t n);
/**
 * Put a table in force, after the gateways of the same load; cannot fail.
 *
 * @param table_take  the new table, or NULL to keep the present one and look up its gateways again
 * @param rows        the gateway rows of the load, as many as were staged
 * @return the table that was replaced, now the caller's (to be freed where time does not matter); NULL = none was
 */
struct routing_table *routing_commit(struct routing *r, struct routing_table *table_take,
	const struct gateways *gateways, const struct db_gateway *rows);
/** Forget what was staged. */
void routing_abandon(struct routing *r);

/** What a plan is made from. */
struct routing_request {
	const char *ingress; /* name of the mapping gateway */
	const char *caller;
	const char *callee;
	uint64_t now_ms; /* monotonic */
};

struct routing_candidate {
	struct gateway *gateway; /* a reference held by the plan */
	uint16_t prefix_length;
	uint16_t priority, weight;
	enum gateway_verdict verdict; /* at the time of the plan */
};

/** Candidates in the order in which to try them: longest prefix, priority, weight or load, name. */
struct routing_plan {
	struct routing_candidate *candidate;
	unsigned n;
	bool matched;  /* a route, or an endpoint, matched the number; false means 404 */
	bool endpoint; /* the first candidate is an endpoint of this number */
};

/**
 * Make the plan. A gateway appears once, at its first place. One that cannot take a call now stays in the plan with
 * its verdict; it is up to the caller to pass over it, and to answer 503 if that leaves nobody.
 *
 * Within a priority the routes with a weight come first, drawn at random in proportion to their
 * weights; those without one follow, least loaded first (calls / capacity; unlimited counts as 0), then
 * fewest calls so far, then name. Shorter prefixes follow only if every enabled route of the
 * longer one has carry_through set.
 *
 * @return 0 or -ENOMEM
 */
int routing_plan(struct routing *r, const struct routing_request *req, struct routing_plan *out);
/** Put the endpoint of this number, as a gateway, before the other candidates. @return 0 or -ENOMEM with the plan as it was */
int routing_plan_add_endpoint(struct routing_plan *p, struct gateway *gw, uint64_t now_ms);
/**
 * Why is a gateway not in the plan? There may be a route to it, hidden by a longer prefix that does not carry through.
 *
 * @return the length of that route's prefix; -1 when no enabled route leads from this number to the gateway
 */
int routing_hidden_prefix(const struct routing *r, const char *callee, const struct gateway *gw);

/**
 * No gateway in the plan may take the call. Which one is tried all the same? Of those that gateway_check_forced()
 * allows, the one that failed least recently (gateway_failed_ms()); of equals, the first.
 *
 * @return NULL when there is none; borrowed from the plan
 */
struct gateway *routing_plan_last_resort(const struct routing_plan *p, uint64_t now_ms);

/** Drop the references and the memory; a zeroed plan is fine. */
void routing_plan_clear(struct routing_plan *p);

#endif
