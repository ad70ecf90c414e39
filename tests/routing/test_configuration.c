/* A configuration is put in force as a whole or not at all. */
#include "configuration.h"

#include "db_config.h"
#include "endpoints.h"
#include "gateways.h"
#include "registrations.h"
#include "routing.h"
#include "routing_table.h"
#include "unit.h"

#include "out_of_memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEW_ROWS = 6 }; /* of each table; the old configuration has the first one, with other values */

struct fixture {
	struct configuration c;
	struct parameters parameters;
	struct db_gateway old_gateway, gateway[NEW_ROWS];
	struct db_mapping_gateway old_mapping, mapping[NEW_ROWS];
	struct db_endpoint old_endpoint, endpoint[NEW_ROWS];
	struct db_registration old_registration, registration[NEW_ROWS];
	char names[NEW_ROWS][4][8];
	struct db_config old, new;
};

/* A table of one route, to the gateway of this index. */
static struct routing_table *table_to(uint32_t gateway, const char *prefix)
{
	const struct db_route route = {.prefix = prefix, .gateway = gateway, .enabled = true};
	struct routing_table *t;

	assert_int_equal(routing_table_create(&t), 0);
	assert_int_equal(routing_table_add(t, &route), 0);
	assert_int_equal(routing_table_finish(t), 0);
	return t;
}

static void make_rows(struct fixture *f)
{
	for (unsigned i = 0; i < NEW_ROWS; i++) {
		char(*name)[8] = f->names[i];

		snprintf(name[0], 8, "g%u", i);
		snprintf(name[1], 8, "m%u", i);
		snprintf(name[2], 8, "r%u", i);
		f->gateway[i] = unit_gateway(name[0]);
		f->gateway[i].cps = 10;
		f->mapping[i] = unit_mapping(name[1], i ? "10.0.0.0/8" : "127.0.0.2");
		f->mapping[i].cps = 10;
		f->registration[i] = unit_registration(name[2]);
		snprintf(name[3], 8, "e%u", i);
		f->endpoint[i] = unit_endpoint(name[3], name[3]);
		f->endpoint[i].cps = 10;
	}
	f->old_gateway = unit_gateway("g0");
	f->old_gateway.capacity = 7;
	f->old_mapping = unit_mapping("m0", "127.0.0.1");
	f->old_endpoint = unit_endpoint("e0", "old");
	f->old_registration = unit_registration("r0");
	f->old_registration.password = "old";
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct routing_table *table;

	*state = f;
	if (!f || gateways_create(&f->c.gateways) || mapping_gateways_create(&f->c.mapping_gateways) ||
		endpoints_create(&f->c.endpoints) || registrations_create(&f->c.registrations) ||
		routing_create(&f->c.routing, 1))
		return -1;
	f->c.parameters = &f->parameters;
	make_rows(f);
	f->old = (struct db_config){.parameters = {.switch_limit = 1},
		.gateway = &f->old_gateway,
		.n_gateways = 1,
		.mapping_gateway = &f->old_mapping,
		.n_mapping_gateways = 1,
		.endpoint = &f->old_endpoint,
		.n_endpoints = 1,
		.registration = &f->old_registration,
		.n_registrations = 1};
	f->new = (struct db_config){.parameters = {.switch_limit = 2},
		.gateway = f->gateway,
		.n_gateways = NEW_ROWS,
		.mapping_gateway = f->mapping,
		.n_mapping_gateways = NEW_ROWS,
		.endpoint = f->endpoint,
		.n_endpoints = NEW_ROWS,
		.registration = f->registration,
		.n_registrations = NEW_ROWS};
	table = table_to(0, "4");
	assert_int_equal(configuration_apply(&f->c, &f->old, &table, NULL, NULL, 1), 0);
	assert_null(table);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	routing_destroy(f->c.routing);
	registrations_destroy(f->c.registrations);
	mapping_gateways_destroy(f->c.mapping_gateways);
	endpoints_destroy(f->c.endpoints);
	gateways_destroy(f->c.gateways);
	free(f);
	return 0;
}

static struct mapping_gateway *who_is(const struct fixture *f, const char *address)
{
	struct sockaddr_in in = {.sin_family = AF_INET};

	inet_pton(AF_INET, address, &in.sin_addr);
	return mapping_gateways_find(f->c.mapping_gateways, (struct sockaddr *)&in);
}

/* The name of the gateway a number goes to; "" = none. */
static const char *gateway_of(const struct fixture *f, const char *callee)
{
	const struct routing_request request = {.callee = callee, .now_ms = 1};
	struct routing_plan plan;
	const char *name;

	assert_int_equal(routing_plan(f->c.routing, &request, &plan), 0);
	name = plan.n ? gateway_name(plan.candidate[0].gateway) : "";
	routing_plan_clear(&plan);
	return name;
}

static void assert_old(const struct fixture *f)
{
	assert_int_equal(f->parameters.switch_limit, 1);
	assert_int_equal(gateways_count(f->c.gateways), 1);
	assert_int_equal(gateway_row(gateways_at(f->c.gateways, 0))->capacity, 7);
	assert_null(gateways_find(f->c.gateways, "g1"));
	assert_string_equal(mapping_gateway_row(who_is(f, "127.0.0.1"))->name, "m0");
	assert_null(who_is(f, "127.0.0.2"));
	assert_null(who_is(f, "10.0.0.1"));
	assert_non_null(mapping_gateways_trunk(f->c.mapping_gateways, "r0"));
	assert_null(mapping_gateways_trunk(f->c.mapping_gateways, "r1"));
	assert_non_null(endpoints_by_number(f->c.endpoints, "old"));
	assert_null(endpoints_by_user(f->c.endpoints, "e1"));
	assert_int_equal(registrations_count(f->c.registrations), 1);
	assert_string_equal(registration_row(registrations_at(f->c.registrations, 0))->password, "old");
	assert_string_equal(gateway_of(f, "4"), "g0");
	assert_string_equal(gateway_of(f, "5"), "");
}

static void assert_new(const struct fixture *f)
{
	assert_int_equal(f->parameters.switch_limit, 2);
	assert_int_equal(gateways_count(f->c.gateways), NEW_ROWS);
	assert_int_equal(gateway_row(gateways_at(f->c.gateways, 0))->capacity, 0);
	assert_null(who_is(f, "127.0.0.1"));
	assert_string_equal(mapping_gateway_row(who_is(f, "127.0.0.2"))->name, "m0");
	assert_string_equal(mapping_gateway_row(who_is(f, "10.0.0.1"))->name, "m1");
	assert_null(endpoints_by_number(f->c.endpoints, "old"));
	assert_non_null(endpoints_by_number(f->c.endpoints, "e5"));
	assert_non_null(mapping_gateways_trunk(f->c.mapping_gateways, "r5"));
	assert_int_equal(registrations_count(f->c.registrations), NEW_ROWS);
	assert_string_equal(registration_row(registrations_at(f->c.registrations, 0))->password, "secret");
	assert_string_equal(gateway_of(f, "4"), "");
	assert_string_equal(gateway_of(f, "5"), "g5");
}

/* The n-th allocation fails, for each n until none is left to fail. */
static void whatever_cannot_be_staged_leaves_all_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct routing_table *table = table_to(5, "5"), *const came_in = table;
	unsigned failures = 0;
	int err;

	for (;; failures++) {
		fail_at = allocations + failures;
		err = configuration_apply(&f->c, &f->new, &table, NULL, NULL, 2);
		fail_at = -1;
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_ptr_equal(table, came_in);
		assert_old(f);
	}
	assert_true(failures > 3 * NEW_ROWS); /* more than one for each new row */
	assert_new(f);
	routing_table_destroy(table);
}

static void unchanged_routes_stay_and_follow_their_gateways(void **state)
{
	struct fixture *f = *state;
	struct routing_table *table = NULL;

	assert_int_equal(configuration_apply(&f->c, &f->new, &table, NULL, NULL, 2), 0);
	assert_null(table);
	assert_string_equal(gateway_of(f, "4"), "g0");
	f->new.n_gateways = 0;
	assert_int_equal(configuration_apply(&f->c, &f->new, &table, NULL, NULL, 3), 0);
	assert_string_equal(gateway_of(f, "4"), "");
}

static void known_endpoints_stay(void **state)
{
	struct fixture *f = *state;
	struct routing_table *table = NULL;

	f->new.endpoint = NULL;
	f->new.n_endpoints = 0;
	f->new.endpoints_known = true;
	assert_int_equal(configuration_apply(&f->c, &f->new, &table, NULL, NULL, 2), 0);
	assert_non_null(endpoints_by_number(f->c.endpoints, "old"));
	assert_int_equal(gateways_count(f->c.gateways), NEW_ROWS);
}

static void a_mapping_gateway_limits_the_trunk_of_its_name(void **state)
{
	struct fixture *f = *state;
	struct routing_table *table = NULL;

	f->mapping[5].name = "r5";
	f->mapping[5].enabled = false;
	assert_int_equal(configuration_apply(&f->c, &f->new, &table, NULL, NULL, 2), 0);
	assert_non_null(mapping_gateways_trunk(f->c.mapping_gateways, "r4"));
	assert_non_null(mapping_gateways_by_name(f->c.mapping_gateways, "r5"));
	assert_null(mapping_gateways_trunk(f->c.mapping_gateways, "r5"));
}

static void on_bad_host(const char *name, const char *host, void *arg)
{
	snprintf(arg, 32, "%s %s", name, host);
}

static void a_bad_host_is_named_and_the_rest_is_in_force(void **state)
{
	struct fixture *f = *state;
	struct routing_table *table = table_to(5, "5");
	char bad[32] = "";

	f->mapping[2].host = "10.0.0.0/x";
	assert_int_equal(configuration_apply(&f->c, &f->new, &table, on_bad_host, bad, 2), 0);
	assert_string_equal(bad, "m2 10.0.0.0/x");
	assert_new(f);
	routing_table_destroy(table);
}

static void after_a_stop_no_registration_comes_in(void **state)
{
	struct fixture *f = *state;
	struct routing_table *table = table_to(5, "5");

	assert_int_equal(registrations_stop(f->c.registrations), 0);
	assert_int_equal(registrations_count(f->c.registrations), 0);
	assert_int_equal(configuration_apply(&f->c, &f->new, &table, NULL, NULL, 3), 0);
	assert_int_equal(registrations_count(f->c.registrations), 0);
	assert_int_equal(gateways_count(f->c.gateways), NEW_ROWS);
	routing_table_destroy(table);
}

int main(void)
{
#define CONFIGURATION_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CONFIGURATION_TEST(whatever_cannot_be_staged_leaves_all_as_it_was),
		CONFIGURATION_TEST(unchanged_routes_stay_and_follow_their_gateways),
		CONFIGURATION_TEST(known_endpoints_stay),
		CONFIGURATION_TEST(a_mapping_gateway_limits_the_trunk_of_its_name),
		CONFIGURATION_TEST(a_bad_host_is_named_and_the_rest_is_in_force),
		CONFIGURATION_TEST(after_a_stop_no_registration_comes_in),
	};

	return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
