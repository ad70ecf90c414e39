#include "routing.h"

#include "out_of_memory.h"
#include "routing_table.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GATEWAYS_MAX = 40, DRAWS = 60000 };

/* Gateways g00, g01, ... and a table in force. */
struct fixture {
	struct gateways *gateways;
	struct routing *routing;
	struct db_gateway row[GATEWAYS_MAX];
	char name[GATEWAYS_MAX][8];
	struct call_limits_channel channel[256];
	unsigned n_channels;
};

static void apply_rows(struct fixture *f)
{
	assert_int_equal(gateways_apply(f->gateways, f->row, GATEWAYS_MAX), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(gateways_create(&f->gateways), 0);
	assert_int_equal(routing_create(&f->routing, 1), 0);
	for (unsigned i = 0; i < GATEWAYS_MAX; i++) {
		snprintf(f->name[i], sizeof(f->name[i]), "g%02u", i);
		f->row[i] = unit_gateway(f->name[i]);
	}
	apply_rows(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < f->n_channels; i++)
		call_limits_release(&f->channel[i]);
	routing_destroy(f->routing);
	gateways_destroy(f->gateways);
	free(f);
	return 0;
}

/* As configuration_apply() does. */
static struct routing_table *put_in_force(
	struct fixture *f, struct routing_table *table_take, const struct db_gateway *rows, size_t n)
{
	assert_int_equal(routing_stage(f->routing, n), 0);
	return routing_commit(f->routing, table_take, f->gateways, rows);
}

/* Put a table of these rows in force, which come in order. */
static void routes(struct fixture *f, const struct db_route *row, size_t n)
{
	struct routing_table *t;

	assert_int_equal(routing_table_create(&t), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(routing_table_add(t, &row[i]), 0);
	assert_int_equal(routing_table_finish(t), 0);
	routing_table_destroy(put_in_force(f, t, f->row, GATEWAYS_MAX));
}
#define ROUTES(f, ...)                                                                                       \
	routes(f, (const struct db_route[]){__VA_ARGS__},                                                    \
		sizeof((const struct db_route[]){__VA_ARGS__}) / sizeof(struct db_route))
#define ROUTE(p, gw, prio)                                                                                   \
	{                                                                                                    \
		.prefix = p, .gateway = gw, .priority = prio, .enabled = true                                \
	}
#define WEIGHED(p, gw, prio, w)                                                                              \
	{                                                                                                    \
		.prefix = p, .gateway = gw, .priority = prio, .weight = w, .enabled = true                   \
	}
#define CARRIED(p, gw, prio)                                                                                 \
	{                                                                                                    \
		.prefix = p, .gateway = gw, .priority = prio, .carry_through = true, .enabled = true         \
	}

static struct routing_plan plan_for(struct fixture *f, const char *callee)
{
	const struct routing_request req = {
		.ingress = "in", .caller = "100", .callee = callee, .now_ms = 5000};
	struct routing_plan plan;

	assert_int_equal(routing_plan(f->routing, &req, &plan), 0);
	return plan;
}

/* 7 for g07 */
static int number_of(const struct routing_candidate *c)
{
	return (int)strtol(gateway_name(c->gateway) + 1, NULL, 10);
}

/* "g01 g02": the names in order. */
static void assert_plan(struct fixture *f, const char *callee, const char *expected)
{
	struct routing_plan plan = plan_for(f, callee);
	char text[GATEWAYS_MAX * 8] = "";
	int at = 0;

	for (unsigned i = 0; i < plan.n; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, "%s%s", i ? " " : "",
			gateway_name(plan.candidate[i].gateway));
	assert_string_equal(text, expected);
	routing_plan_clear(&plan);
}

static void seize(struct fixture *f, unsigned gateway, unsigned n)
{
	struct gateway *gw = gateways_find(f->gateways, f->name[gateway]);

	while (n--)
		assert_int_equal(gateway_seize(gw, &f->channel[f->n_channels++], 1), GATEWAY_VERDICT_USABLE);
}

static void release_all(struct fixture *f)
{
	while (f->n_channels)
		call_limits_release(&f->channel[--f->n_channels]);
}

static void without_a_table_nothing_matches(void **state)
{
	struct routing_plan plan = plan_for(*state, "49");

	assert_false(plan.matched);
	assert_int_equal(plan.n, 0);
	routing_plan_clear(&plan);
}

static void a_number_without_route_is_not_matched(void **state)
{
	struct fixture *f = *state;
	struct routing_plan plan;

	ROUTES(f, ROUTE("49", 0, 1));
	plan = plan_for(f, "48");
	assert_false(plan.matched);
	routing_plan_clear(&plan);
	plan = plan_for(f, "4930");
	assert_true(plan.matched);
	assert_int_equal(plan.n, 1);
	assert_int_equal(plan.candidate[0].prefix_length, 2);
	routing_plan_clear(&plan);
	routing_plan_clear(&plan);
}

static void disabled_routes_do_not_exist(void **state)
{
	struct fixture *f = *state;
	struct routing_plan plan;

	/* nor do they stop carry_through */
	ROUTES(f, ROUTE("", 0, 1), CARRIED("4", 1, 1), {.prefix = "4", .gateway = 2, .priority = 2},
		{.prefix = "49", .gateway = 3, .priority = 1});
	assert_plan(f, "49", "g01 g00");
	ROUTES(f, {.prefix = "49", .gateway = 3, .priority = 1});
	plan = plan_for(f, "49");
	assert_false(plan.matched);
	routing_plan_clear(&plan);
}

static void the_longest_prefix_hides_the_shorter_ones(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("", 0, 0), ROUTE("4", 1, 0), ROUTE("49", 2, 9));
	assert_plan(f, "4930", "g02");
	assert_plan(f, "4830", "g01");
	assert_plan(f, "3", "g00");
}

static void carry_through_goes_on_to_shorter_prefixes(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("", 0, 0), CARRIED("4", 1, 0), CARRIED("49", 2, 9));
	assert_plan(f, "4930", "g02 g01 g00");
}

static void carry_through_ends_at_a_prefix_without_it(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("", 0, 0), ROUTE("4", 1, 0), CARRIED("49", 2, 9));
	assert_plan(f, "4930", "g02 g01");
}

static void one_route_of_a_prefix_can_stop_carry_through(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("", 0, 0), CARRIED("4", 1, 0), ROUTE("4", 2, 1), CARRIED("4", 3, 2));
	assert_plan(f, "4", "g01 g02 g03");
}

static void a_route_behind_a_longer_prefix_is_told(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("", 0, 0), ROUTE("4", 1, 0), ROUTE("48", 3, 0), CARRIED("49", 2, 9));
	assert_int_equal(routing_hidden_prefix(f->routing, "4930", gateways_find(f->gateways, "g00")), 0);
	assert_int_equal(routing_hidden_prefix(f->routing, "4830", gateways_find(f->gateways, "g01")), 1);
	/* in the plan, of another number, of none */
	assert_int_equal(routing_hidden_prefix(f->routing, "4930", gateways_find(f->gateways, "g01")), -1);
	assert_int_equal(routing_hidden_prefix(f->routing, "4930", gateways_find(f->gateways, "g03")), -1);
	assert_int_equal(routing_hidden_prefix(f->routing, "4930", gateways_find(f->gateways, "g04")), -1);
}

static void the_smallest_priority_is_first(void **state)
{
	struct fixture *f = *state;

	seize(f, 5, 3); /* load does not matter between priorities, nor do weights */
	ROUTES(f, ROUTE("4", 5, 0), WEIGHED("4", 4, 1, 1), WEIGHED("4", 3, 7, 65535), ROUTE("4", 2, 65535));
	assert_plan(f, "4", "g05 g04 g03 g02");
}

static void names_decide_between_equals(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("4", 9, 1), ROUTE("4", 3, 1), ROUTE("4", 7, 1), ROUTE("4", 1, 1));
	assert_plan(f, "4", "g01 g03 g07 g09");
}

static void the_least_loaded_is_first(void **state)
{
	struct fixture *f = *state;

	f->row[1].capacity = 10;
	f->row[2].capacity = 100;
	f->row[3].capacity = 4000000000;
	f->row[4].capacity = 3;
	apply_rows(f);
	seize(f, 1, 2);  /* 20 % */
	seize(f, 2, 19); /* 19 % */
	seize(f, 3, 20); /* next to nothing */
	seize(f, 4, 1);  /* 33 % */
	ROUTES(f, ROUTE("4", 4, 1), ROUTE("4", 3, 1), ROUTE("4", 2, 1), ROUTE("4", 1, 1));
	assert_plan(f, "4", "g03 g02 g01 g04");
	seize(f, 2, 2); /* 21 % */
	assert_plan(f, "4", "g03 g01 g02 g04");
}

static void an_unlimited_gateway_has_no_load(void **state)
{
	struct fixture *f = *state;

	f->row[1].capacity = 1000;
	apply_rows(f);
	seize(f, 1, 1);
	seize(f, 2, 50);
	ROUTES(f, ROUTE("4", 1, 1), ROUTE("4", 2, 1));
	assert_plan(f, "4", "g02 g01");
	ROUTES(f, ROUTE("4", 2, 1), ROUTE("4", 1, 1)); /* from whichever side it is looked at */
	assert_plan(f, "4", "g02 g01");
}

static void between_equal_loads_the_fewest_calls_so_far(void **state)
{
	struct fixture *f = *state;

	f->row[1].capacity = 10;
	f->row[2].capacity = 20;
	apply_rows(f);
	seize(f, 1, 3);
	seize(f, 2, 2);
	seize(f, 3, 1); /* unlimited: equal to the idle ones */
	release_all(f);
	ROUTES(f, ROUTE("4", 0, 1), ROUTE("4", 1, 1), ROUTE("4", 2, 1), ROUTE("4", 3, 1));
	assert_plan(f, "4", "g00 g03 g02 g01");
	seize(f, 1, 1);
	seize(f, 2, 2); /* both 10 %: 4 calls so far each, so the name decides */
	assert_plan(f, "4", "g00 g03 g01 g02");
}

static void a_gateway_appears_once_at_its_first_place(void **state)
{
	struct fixture *f = *state;
	struct routing_plan plan;

	ROUTES(f, ROUTE("", 1, 0), ROUTE("", 3, 1), CARRIED("4", 2, 0), CARRIED("4", 1, 1),
		CARRIED("49", 1, 5), CARRIED("49", 2, 6));
	assert_plan(f, "49", "g01 g02 g03");
	plan = plan_for(f, "49");
	assert_int_equal(plan.candidate[0].prefix_length, 2);
	assert_int_equal(plan.candidate[0].priority, 5);
	assert_int_equal(plan.candidate[2].prefix_length, 0);
	routing_plan_clear(&plan);
	/* the next prefix starts a new group although it shares no gateway */
	ROUTES(f, ROUTE("4", 1, 1), ROUTE("4", 2, 2), ROUTE("4", 1, 3));
	assert_plan(f, "4", "g01 g02");
}

static void unusable_candidates_keep_their_place(void **state)
{
	static const enum gateway_verdict expected[] = {GATEWAY_VERDICT_DISABLED, GATEWAY_VERDICT_FULL,
		GATEWAY_VERDICT_CPS, GATEWAY_VERDICT_RETRY_AFTER, GATEWAY_VERDICT_REMOVED,
		GATEWAY_VERDICT_USABLE};
	struct fixture *f = *state;
	struct routing_plan plan;

	f->row[0].enabled = false;
	f->row[1].capacity = 1;
	f->row[2].cps = 1;
	apply_rows(f);
	seize(f, 1, 1);
	assert_int_equal(gateway_seize(gateways_find(f->gateways, "g02"), &f->channel[f->n_channels++], 4900),
		GATEWAY_VERDICT_USABLE);
	gateway_retry_after(gateways_find(f->gateways, "g03"), 10, 4000);
	ROUTES(f, ROUTE("4", 0, 0), ROUTE("4", 1, 1), ROUTE("4", 2, 2), ROUTE("4", 3, 3), ROUTE("4", 39, 4),
		ROUTE("4", 5, 5));
	/* removed from the set, still in the table until the next one comes */
	assert_int_equal(gateways_apply(f->gateways, f->row, GATEWAYS_MAX - 1), 0);
	plan = plan_for(f, "4");
	assert_int_equal(plan.n, 6);
	for (unsigned i = 0; i < plan.n; i++)
		assert_int_equal(plan.candidate[i].verdict, expected[i]);
	routing_plan_clear(&plan);
}

static const struct parameters liveness_parameters = {.options_down = 1,
	.options_up = 1,
	.breaker_failures = 1,
	.breaker_window = 20,
	.breaker_time_ms = 30000,
	.breaker_successes = 1,
	.breaker_ramp_ms = 10000,
	.breaker_on = {.timeout = true}};

static struct gateway *gateway_of(struct fixture *f, unsigned i)
{
	return gateways_find(f->gateways, f->name[i]);
}

static void probe_fails(struct fixture *f, unsigned i, uint64_t now_ms)
{
	gateway_on_probe(gateway_of(f, i), 0, "timeout", 0, &liveness_parameters, now_ms);
}

/* Who is tried for 4 when nobody may take the call; "" = nobody. */
static void assert_last_resort(struct fixture *f, const char *expected)
{
	struct routing_plan plan = plan_for(f, "4");
	struct gateway *gw = routing_plan_last_resort(&plan, 5000);

	assert_string_equal(gw ? gateway_name(gw) : "", expected);
	routing_plan_clear(&plan);
}

static void the_last_resort_failed_least_recently(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("4", 0, 0), ROUTE("4", 1, 1), ROUTE("4", 2, 2));
	probe_fails(f, 0, 3000);
	probe_fails(f, 1, 2000);
	probe_fails(f, 2, 4000);
	assert_last_resort(f, "g01");
	probe_fails(f, 1, 4500);
	assert_last_resort(f, "g00");
	probe_fails(f, 0, 4000); /* of equals the first */
	assert_last_resort(f, "g00");
}

static void who_is_kept_out_is_no_last_resort(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("4", 0, 0), ROUTE("4", 1, 1), ROUTE("4", 2, 2), ROUTE("4", 3, 3), ROUTE("4", 4, 4));
	f->row[0].enabled = false;
	f->row[1].draining = true;
	f->row[2].registration = "trunk";
	f->row[3].capacity = 1;
	apply_rows(f);
	seize(f, 3, 1);
	for (unsigned i = 0; i < 5; i++)
		probe_fails(f, i, 3000);
	gateway_retry_after(gateway_of(f, 4), 10, 3000);
	assert_last_resort(f, "");
	ROUTES(f, ROUTE("4", 0, 0), ROUTE("4", 5, 1));
	probe_fails(f, 5, 3000);
	assert_last_resort(f, "g05");
}

static void a_ramping_gateway_is_resorted_to_before_one_that_is_down(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel ch = {0};
	struct gateway_result timeout = {.channel = &ch, .outcome = GATEWAY_RESULT_TIMEOUT, .pdd_ms = -1};

	ROUTES(f, ROUTE("4", 0, 0), ROUTE("4", 1, 1));
	probe_fails(f, 0, 1000);
	assert_int_equal(gateway_seize(gateway_of(f, 1), &ch, 2000), GATEWAY_VERDICT_USABLE);
	gateway_on_result(gateway_of(f, 1), &timeout, &liveness_parameters, 2000);
	call_limits_release(&ch);
	assert_last_resort(f, "g00");
	assert_int_equal(gateway_seize_forced(gateway_of(f, 1), &ch, 5000), GATEWAY_VERDICT_USABLE);
	gateway_on_progress(gateway_of(f, 1), &ch, &liveness_parameters, 5000);
	call_limits_release(&ch);
	assert_int_equal(gateway_check(gateway_of(f, 1), 5000), GATEWAY_VERDICT_RAMPING);
	assert_last_resort(f, "g01");
}

static void indices_without_a_gateway_are_passed_over(void **state)
{
	struct fixture *f = *state;
	struct routing_plan plan;

	ROUTES(f, ROUTE("4", GATEWAYS_MAX, 0), ROUTE("4", 4000000000, 0), ROUTE("4", 1, 1));
	assert_plan(f, "4", "g01");
	ROUTES(f, ROUTE("4", GATEWAYS_MAX, 0));
	plan = plan_for(f, "4");
	assert_true(plan.matched);
	assert_int_equal(plan.n, 0);
	routing_plan_clear(&plan);
}

static void a_plan_keeps_its_gateways_alive(void **state)
{
	struct fixture *f = *state;
	struct routing_plan plan;

	ROUTES(f, ROUTE("4", 1, 0));
	plan = plan_for(f, "4");
	assert_int_equal(gateways_apply(f->gateways, NULL, 0), 0);
	assert_null(put_in_force(f, NULL, NULL, 0));
	assert_string_equal(gateway_name(plan.candidate[0].gateway), "g01");
	assert_int_equal(gateway_check(plan.candidate[0].gateway, 1), GATEWAY_VERDICT_REMOVED);
	routing_plan_clear(&plan);
}

static void a_kept_table_is_bound_to_new_gateways(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("4", 1, 0));
	assert_int_equal(gateways_apply(f->gateways, NULL, 0), 0);
	assert_null(put_in_force(f, NULL, f->row, GATEWAYS_MAX));
	assert_plan(f, "4", "");
	apply_rows(f);
	assert_null(put_in_force(f, NULL, f->row, GATEWAYS_MAX));
	assert_plan(f, "4", "g01");
}

static void what_is_abandoned_changes_nothing(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("4", 1, 0));
	assert_int_equal(routing_stage(f->routing, 0), 0);
	routing_abandon(f->routing);
	assert_plan(f, "4", "g01");
}

/* Chi-square of observed counts; the bounds below are its 99.99 % points, and the seed is fixed. */
static double chi_square(const unsigned *observed, const double *expected, unsigned n)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += (observed[i] - expected[i]) * (observed[i] - expected[i]) / expected[i];
	return sum;
}

/* Without replacement: b is second after a with a's chance times b's share of what a left. */
static void weights_share_every_place(void **state)
{
	static const unsigned weight[4] = {1, 2, 3, 10};
	struct fixture *f = *state;
	unsigned observed[16] = {0};
	double pair_expected[12], total = 16;
	unsigned pair_observed[12], pairs = 0;

	ROUTES(f, WEIGHED("4", 0, 1, 1), WEIGHED("4", 1, 1, 2), WEIGHED("4", 2, 1, 3),
		WEIGHED("4", 3, 1, 10));
	for (unsigned i = 0; i < DRAWS; i++) {
		struct routing_plan plan = plan_for(f, "4");
		const int first = number_of(&plan.candidate[0]);
		const int second = number_of(&plan.candidate[1]);

		assert_int_equal(plan.n, 4);
		observed[first * 4 + second]++;
		routing_plan_clear(&plan);
	}
	for (unsigned a = 0; a < 4; a++)
		for (unsigned b = 0; b < 4; b++) {
			if (a == b) {
				assert_int_equal(observed[a * 4 + b], 0);
				continue;
			}
			pair_observed[pairs] = observed[a * 4 + b];
			pair_expected[pairs++] = DRAWS * weight[a] / total * weight[b] / (total - weight[a]);
		}
	assert_true(chi_square(pair_observed, pair_expected, pairs) < 37.4); /* 11 degrees of freedom */
}

static void weight_0_comes_after_the_weighted_by_load(void **state)
{
	struct fixture *f = *state;
	unsigned first_is_4 = 0;

	seize(f, 0, 2);
	seize(f, 1, 1);
	release_all(f);
	ROUTES(f, ROUTE("4", 0, 1), WEIGHED("4", 4, 1, 5), ROUTE("4", 1, 1), WEIGHED("4", 3, 1, 5));
	for (unsigned i = 0; i < 1000; i++) {
		struct routing_plan plan = plan_for(f, "4");

		first_is_4 += strcmp(gateway_name(plan.candidate[0].gateway), "g04") == 0;
		assert_int_equal(plan.candidate[0].weight, 5);
		assert_int_equal(plan.candidate[1].weight, 5);
		assert_string_equal(gateway_name(plan.candidate[2].gateway), "g01");
		assert_string_equal(gateway_name(plan.candidate[3].gateway), "g00");
		routing_plan_clear(&plan);
	}
	assert_in_range(first_is_4, 400, 600);
}

static void largest_weights_stay_in_proportion(void **state)
{
	struct fixture *f = *state;
	struct db_route row[GATEWAYS_MAX];
	unsigned observed[GATEWAYS_MAX] = {0};
	double expected[GATEWAYS_MAX];

	for (unsigned i = 0; i < GATEWAYS_MAX; i++) {
		row[i] = (struct db_route)WEIGHED("4", i, 1, 65535);
		expected[i] = (double)DRAWS / GATEWAYS_MAX;
	}
	routes(f, row, GATEWAYS_MAX);
	for (unsigned i = 0; i < DRAWS; i++) {
		struct routing_plan plan = plan_for(f, "4");

		observed[number_of(&plan.candidate[0])]++;
		routing_plan_clear(&plan);
	}
	assert_true(chi_square(observed, expected, GATEWAYS_MAX) < 81.5); /* 39 degrees of freedom */
}

static void the_seed_decides_the_draws(void **state)
{
	struct fixture *f = *state;
	char draws[3][33] = {""};

	for (unsigned run = 0; run < 3; run++) {
		routing_destroy(f->routing);
		assert_int_equal(routing_create(&f->routing, run < 2 ? 7 : 8), 0);
		ROUTES(f, WEIGHED("4", 0, 1, 1), WEIGHED("4", 1, 1, 1));
		for (unsigned i = 0; i < 32; i++) {
			struct routing_plan plan = plan_for(f, "4");

			draws[run][i] = gateway_name(plan.candidate[0].gateway)[2];
			routing_plan_clear(&plan);
		}
	}
	assert_string_equal(draws[0], draws[1]);
	assert_string_not_equal(draws[0], draws[2]);
}

static void a_plan_is_one_allocation(void **state)
{
	struct fixture *f = *state;

	ROUTES(f, ROUTE("4", 0, 0), WEIGHED("4", 1, 1, 3), WEIGHED("4", 2, 1, 4), ROUTE("4", 3, 1),
		ROUTE("4", 4, 1), ROUTE("4", 5, 1));
	const long before = allocations;
	assert_int_equal(plan_for(f, "5").n, 0);
	assert_int_equal(allocations, before);
	struct routing_plan plan = plan_for(f, "4");
	assert_int_equal(plan.n, 6);
	assert_int_equal(allocations, before + 1);
	routing_plan_clear(&plan);
}

static void out_of_memory_leaves_everything_in_force(void **state)
{
	struct fixture *f = *state;
	const struct routing_request req = {.callee = "4", .now_ms = 1};
	struct routing_plan plan = {.n = 77};
	struct routing *r = NULL;

	ROUTES(f, ROUTE("4", 1, 0));
	fail_at = allocations;
	assert_int_equal(routing_plan(f->routing, &req, &plan), -ENOMEM);
	fail_at = -1;
	assert_int_equal(plan.n, 77);
	fail_at = allocations;
	assert_int_equal(routing_stage(f->routing, GATEWAYS_MAX), -ENOMEM);
	fail_at = -1;
	assert_plan(f, "4", "g01");
	fail_at = allocations;
	assert_int_equal(routing_create(&r, 1), -ENOMEM);
	fail_at = -1;
	assert_null(r);
}

int main(void)
{
#define PLAN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		PLAN_TEST(without_a_table_nothing_matches),
		PLAN_TEST(a_number_without_route_is_not_matched),
		PLAN_TEST(disabled_routes_do_not_exist),
		PLAN_TEST(the_longest_prefix_hides_the_shorter_ones),
		PLAN_TEST(carry_through_goes_on_to_shorter_prefixes),
		PLAN_TEST(carry_through_ends_at_a_prefix_without_it),
		PLAN_TEST(one_route_of_a_prefix_can_stop_carry_through),
		PLAN_TEST(a_route_behind_a_longer_prefix_is_told),
		PLAN_TEST(the_smallest_priority_is_first),
		PLAN_TEST(names_decide_between_equals),
		PLAN_TEST(the_least_loaded_is_first),
		PLAN_TEST(an_unlimited_gateway_has_no_load),
		PLAN_TEST(between_equal_loads_the_fewest_calls_so_far),
		PLAN_TEST(a_gateway_appears_once_at_its_first_place),
		PLAN_TEST(unusable_candidates_keep_their_place),
		PLAN_TEST(the_last_resort_failed_least_recently),
		PLAN_TEST(who_is_kept_out_is_no_last_resort),
		PLAN_TEST(a_ramping_gateway_is_resorted_to_before_one_that_is_down),
		PLAN_TEST(indices_without_a_gateway_are_passed_over),
		PLAN_TEST(a_plan_keeps_its_gateways_alive),
		PLAN_TEST(what_is_abandoned_changes_nothing),
		PLAN_TEST(a_kept_table_is_bound_to_new_gateways),
		PLAN_TEST(weights_share_every_place),
		PLAN_TEST(weight_0_comes_after_the_weighted_by_load),
		PLAN_TEST(largest_weights_stay_in_proportion),
		PLAN_TEST(the_seed_decides_the_draws),
		PLAN_TEST(a_plan_is_one_allocation),
		PLAN_TEST(out_of_memory_leaves_everything_in_force),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
