#include "routing.h"

#include "routing_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A gateway of the load that the table's indices refer to. */
struct bound {
	struct gateway *gateway; /* a reference; NULL when the set does not have it */
	uint64_t plan;           /* number of the last plan it is in */
};

struct routing {
	struct routing_table *table; /* owned; NULL = no routes */
	struct bound *bound, *staged;
	size_t n_bound, n_staged;
	uint64_t n_plans;
	uint64_t random;
};

int routing_create(struct routing **out, uint64_t seed)
{
	struct routing *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->random = seed;
	*out = r;
	return 0;
}

static void unbind(struct bound *bound, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gateway_unref(bound[i].gateway);
	free(bound);
}

void routing_destroy(struct routing *r)
{
	if (!r)
		return;
	unbind(r->bound, r->n_bound);
	routing_table_destroy(r->table);
	free(r);
}

int routing_stage(struct routing *r, size_t n)
{
	assert(!r->staged);
	r->staged = calloc(n + 1, sizeof(*r->staged)); /* + 1: calloc(0) may return NULL */
	r->n_staged = n;
	return r->staged ? 0 : -ENOMEM;
}

struct routing_table *routing_commit(struct routing *r, struct routing_table *table_take,
	const struct gateways *gateways, const struct db_gateway *rows)
{
	struct routing_table *old = r->table;

	for (size_t i = 0; i < r->n_staged; i++) {
		struct gateway *gw = gateways_find(gateways, rows[i].name);

		r->staged[i].gateway = gw ? gateway_ref(gw) : NULL;
	}
	unbind(r->bound, r->n_bound);
	r->bound = r->staged;
	r->n_bound = r->n_staged;
	r->staged = NULL;
	if (!table_take)
		return NULL;
	r->table = table_take;
	return old;
}

void routing_abandon(struct routing *r)
{
	free(r->staged);
	r->staged = NULL;
}

/* splitmix64: a few instructions, and any seed will do. */
static uint64_t next_random(struct routing *r)
{
	uint64_t z = r->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Below a limit that fits 32 bits; the bias is limit / 2^32. */
static uint64_t random_below(struct routing *r, uint64_t limit)
{
	return (next_random(r) >> 32) * limit >> 32;
}

static void swap(struct routing_candidate *a, struct routing_candidate *b)
{
	struct routing_candidate c = *a;

	*a = *b;
	*b = c;
}

/* Is a less loaded than b? calls / capacity without dividing. */
static int compare_load(const struct gateway *a, const struct gateway *b)
{
	const uint64_t capacity_a = gateway_row(a)->capacity, capacity_b = gateway_row(b)->capacity;
	const uint64_t calls_a = capacity_a ? gateway_calls(a) : 0; /* unlimited: no load */
	const uint64_t calls_b = capacity_b ? gateway_calls(b) : 0;
	const uint64_t load_a = calls_a * (capacity_b ? capacity_b : 1);
	const uint64_t load_b = calls_b * (capacity_a ? capacity_a : 1);

	return (load_a > load_b) - (load_a < load_b);
}

static int by_load(const void *pa, const void *pb)
{
	const struct gateway *a = ((const struct routing_candidate *)pa)->gateway;
	const struct gateway *b = ((const struct routing_candidate *)pb)->gateway;
	const uint64_t total_a = gateway_calls_total(a), total_b = gateway_calls_total(b);
	const int load = compare_load(a, b);

	if (load)
		return load;
	if (total_a != total_b)
		return total_a < total_b ? -1 : 1;
	return strcmp(gateway_name(a), gateway_name(b));
}

/* Move the candidates with a weight to the front. @return their number */
static unsigned part_weighted(struct routing_candidate *c, unsigned n)
{
	unsigned weighted = 0;

	for (unsigned i = 0; i < n; i++)
		if (c[i].weight)
			swap(&c[i], &c[weighted++]);
	return weighted;
}

/* Each place goes to one of those left, in proportion to its weight. */
static void draw_by_weight(struct routing *r, struct routing_candidate *c, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += c[i].weight;
	for (unsigned i = 0; i + 1 < n; i++) {
		uint64_t at = random_below(r, sum);
		unsigned drawn = i;

		while (at >= c[drawn].weight)
			at -= c[drawn++].weight;
		sum -= c[drawn].weight;
		swap(&c[i], &c[drawn]);
	}
}

/* Order the candidates of one prefix and priority. */
static void order_group(struct routing *r, struct routing_candidate *c, unsigned n)
{
	const unsigned weighted = part_weighted(c, n);

	draw_by_weight(r, c, weighted);
	if (n - weighted > 1)
		qsort(c + weighted, n - weighted, sizeof(*c), by_load);
}

/* The gateway of a route, unless this plan has it already. */
static struct gateway *take_gateway(struct routing *r, const struct routing_table_route *route)
{
	struct bound *bound = route->gateway < r->n_bound ? &r->bound[route->gateway] : NULL;

	if (!bound || !bound->gateway || bound->plan == r->n_plans)
		return NULL;
	bound->plan = r->n_plans;
	return gateway_ref(bound->gateway);
}

static void add_prefix(
	struct routing *r, const struct routing_table_match *match, uint64_t now_ms, struct routing_plan *out)
{
	unsigned group = out->n; /* where the present priority starts */

	for (unsigned i = 0; i < match->n_routes; i++) {
		const struct routing_table_route *route = &match->routes[i];
		struct gateway *gw = take_gateway(r, route);

		if (i && route->priority != route[-1].priority) {
			order_group(r, out->candidate + group, out->n - group);
			group = out->n;
		}
		if (gw)
			out->candidate[out->n++] = (struct routing_candidate){
				.gateway = gw,
				.prefix_length = (uint16_t)match->length,
				.priority = route->priority,
				.weight = route->weight,
				.verdict = gateway_check(gw, now_ms),
			};
	}
	order_group(r, out->candidate + group, out->n - group);
}

/* Do shorter prefixes follow? Only if every route of this one says so. */
static bool carries_through(const struct routing_table_match *match)
{
	for (unsigned i = 0; i < match->n_routes; i++)
		if (!match->routes[i].carry_through)
			return false;
	return true;
}

/* The matching prefixes that take part. */
static unsigned match_callee(const struct routing *r, const char *callee,
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX])
{
	const unsigned n = r->table ? routing_table_match(r->table, callee, match) : 0;
	unsigned used = 0;

	while (used < n && carries_through(&match[used++]))
		;
	return used;
}

static size_t count_routes(const struct routing_table_match *match, unsigned n)
{
	size_t routes = 0;

	for (unsigned i = 0; i < n; i++)
		routes += match[i].n_routes;
	return routes;
}

int routing_plan(struct routing *r, const struct routing_request *req, struct routing_plan *out)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	const unsigned n = match_callee(r, req->callee, match);
	const size_t routes = count_routes(match, n);
	struct routing_plan plan = {.matched = n > 0};

	if (routes) {
		plan.candidate = malloc(routes * sizeof(*plan.candidate));
		if (!plan.candidate)
			return -ENOMEM;
	}
	r->n_plans++;
	for (unsigned i = 0; plan.candidate && i < n; i++)
		add_prefix(r, &match[i], req->now_ms, &plan);
	*out = plan;
	return 0;
}

int routing_plan_add_endpoint(struct routing_plan *p, struct gateway *gw, uint64_t now_ms)
{
	struct routing_candidate *candidate = realloc(p->candidate, (p->n + 1) * sizeof(*candidate));

	if (!candidate)
		return -ENOMEM;
	memmove(candidate + 1, candidate, p->n * sizeof(*candidate));
	candidate[0] =
		(struct routing_candidate){.gateway = gateway_ref(gw), .verdict = gateway_check(gw, now_ms)};
	p->candidate = candidate;
	p->n++;
	p->matched = p->endpoint = true;
	return 0;
}

int routing_hidden_prefix(const struct routing *r, const char *callee, const struct gateway *gw)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	const unsigned all = r->table ? routing_table_match(r->table, callee, match) : 0;

	for (unsigned i = match_callee(r, callee, match); i < all; i++)
		for (unsigned k = 0; k < match[i].n_routes; k++)
			if (r->bound[match[i].routes[k].gateway].gateway == gw)
				return (int)match[i].length;
	return -1;
}

struct gateway *routing_plan_last_resort(const struct routing_plan *p, uint64_t now_ms)
{
	struct gateway *best = NULL;

	for (unsigned i = 0; i < p->n; i++) {
		struct gateway *gw = p->candidate[i].gateway;

		if (gateway_check_forced(gw, now_ms) == GATEWAY_VERDICT_USABLE &&
			(!best || gateway_failed_ms(gw, now_ms) < gateway_failed_ms(best, now_ms)))
			best = gw;
	}
	return best;
}

void routing_plan_clear(struct routing_plan *p)
{
	for (unsigned i = 0; i < p->n; i++)
		gateway_unref(p->candidate[i].gateway);
	free(p->candidate);
	*p = (struct routing_plan){0};
}
