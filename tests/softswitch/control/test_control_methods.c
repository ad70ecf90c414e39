#include "control_methods.h"

#include "calls.h"
#include "clock.h"
#include "control.h"

#include "endpoints.h"
#include "gateways.h"
#include "loop.h"
#include "routing.h"
#include "routing_table.h"
#include "stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* calls.list and system.status need a whole switch: tests/wire asks a running one. */

static const struct db_gateway rows[] = {
	{.name = "alpha",
		.host = "192.0.2.1",
		.transport = "udp",
		.port = 5060,
		.enabled = true,
		.capacity = 2,
		.auth_user = "userOfAlpha",
		.auth_password = "secretOfAlpha",
		.registration = ""},
	{.name = "beta",
		.host = "beta.example",
		.transport = "",
		.enabled = true,
		.cps = 1,
		.auth_user = "",
		.auth_password = "",
		.registration = ""},
	{.name = "gamma",
		.host = "2001:db8::3",
		.transport = "tcp",
		.auth_user = "",
		.auth_password = "hiddenOfGamma",
		.registration = ""},
	{.name = "delta",
		.host = "192.0.2.4",
		.transport = "udp",
		.enabled = true,
		.auth_user = "",
		.auth_password = "",
		.registration = ""},
};
enum { ALPHA, BETA, GAMMA, ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct db_route routes[] = {
	{.prefix = "", .gateway = GAMMA, .priority = 1, .enabled = true},
	{.prefix = "49", .gateway = ALPHA, .priority = 1, .carry_through = true, .enabled = true},
	{.prefix = "49", .gateway = BETA, .priority = 2, .weight = 5, .carry_through = true, .enabled = true},
};

struct fixture {
	struct gateways *gateways;
	struct endpoints *endpoints;
	struct routing *routing;
	struct stack stack;
	struct calls *calls;
	struct control_methods_context context;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct routing_table *table;
	*state = f;
	if (loop_create(&f->stack.loop) || endpoints_create(&f->endpoints) || gateways_create(&f->gateways) ||
		gateways_apply(f->gateways, rows, ROWS) || routing_create(&f->routing, 1) ||
		routing_table_create(&table))
		return -1;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (routing_table_add(table, &routes[i]))
			return -1;
	if (routing_table_finish(table))
		return -1;
	assert_int_equal(routing_stage(f->routing, ROWS), 0);
	assert_null(routing_commit(f->routing, table, f->gateways, rows));
	if (calls_create(&f->calls,
		    &(struct calls_parts){.stack = &f->stack,
			    .gateways = f->gateways,
			    .endpoints = f->endpoints,
			    .routing = f->routing}))
		return -1;
	f->context = (struct control_methods_context){
		.gateways = f->gateways, .routing = f->routing, .calls = f->calls};
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	calls_destroy(f->calls);
	routing_destroy(f->routing);
	endpoints_destroy(f->endpoints);
	gateways_destroy(f->gateways);
	loop_destroy(f->stack.loop);
	free(f);
	return 0;
}

/** The answer as text. */
static char *ask(struct fixture *f, const char *method, const char *params)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}",
		method, params);
	json_t *later = NULL, *reply = control_answer(control_methods, &f->context, line, (size_t)n, &later);
	json_t *result = json_object_get(reply, "result");
	char *text = json_dumps(result ? result : json_object_get(reply, "error"), JSON_COMPACT);
	json_decref(reply);
	assert_non_null(text);
	return text;
}

static void assert_answer(struct fixture *f, const char *method, const char *params, const char *expected)
{
	char *text = ask(f, method, params);
	assert_string_equal(text, expected);
	free(text);
}

/* The answer begins like this and holds that. */
static void assert_holds(
	struct fixture *f, const char *method, const char *params, const char *begin, const char *part)
{
	char *text = ask(f, method, params);
	assert_int_equal(strncmp(text, begin, strlen(begin)), 0);
	assert_non_null(strstr(text, part));
	free(text);
}

static void gateways_are_told_in_order_of_name_with_their_state(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel channel[2] = {0};
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			gateway_seize(gateways_find(f->gateways, "alpha"), &channel[i], clock_now_ms()),
			GATEWAY_VERDICT_USABLE);
	assert_holds(f, "gateways.list", "{\"limit\":1}",
		"{\"total\":4,\"gateways\":[{\"name\":\"alpha\",\"host\":\"192.0.2.1\",\"port\":5060,\"transport\":\"udp\","
		"\"enabled\":true,\"draining\":false,\"registration\":\"\",\"state\":\"untried\",\"for_s\":0,\"since_ms\":",
		"\"verdict\":\"full\",\"reason\":\"full 2/2\",\"until\":\"the first answer to a call or to OPTIONS\",\"registered\":\"\",\"options\":\"\","
		"\"publication\":\"\",\"calls\":2,\"capacity\":2,\"cps\":0,\"calls_total\":2,\"rtt_ms\":0,\"attempts\":0,"
		"\"asr_percent\":null,\"ner_percent\":null,\"acd_ms\":null,\"pdd_ms\":null}]}");
	assert_holds(f, "gateways.list", "{\"limit\":2,\"offset\":3}",
		"{\"total\":4,\"gateways\":[{\"name\":\"gamma\",\"host\":\"2001:db8::3\",\"port\":0,\"transport\":\"tcp\","
		"\"enabled\":false,\"draining\":false,\"registration\":\"\",\"state\":\"disabled\",\"for_s\":0,\"since_ms\":",
		"\"verdict\":\"disabled\",\"reason\":\"disabled by operator\",\"until\":\"enabled = 1 in its row\"");
	assert_answer(f, "gateways.list", "{\"offset\":4}", "{\"total\":4,\"gateways\":[]}");
	for (unsigned i = 0; i < 2; i++)
		call_limits_release(&channel[i]);
}

static void one_gateway_is_told_with_all_its_figures(void **state)
{
	struct fixture *f = *state;
	struct gateway *gw = gateways_find(f->gateways, "alpha");
	struct call_limits_channel ch = {0};
	struct gateway_result r = {.channel = &ch, .outcome = GATEWAY_RESULT_ANSWERED, .pdd_ms = 5};
	const struct parameters p = {.breaker_window = 20};
	assert_int_equal(gateway_seize(gw, &ch, clock_now_ms()), GATEWAY_VERDICT_USABLE);
	gateway_on_result(gw, &r, &p, clock_now_ms());
	gateway_on_call_end(gw, 4000, clock_now_ms());
	r = (struct gateway_result){
		.channel = &ch, .outcome = GATEWAY_RESULT_REFUSED, .sip_code = 500, .pdd_ms = -1};
	gateway_on_result(gw, &r, &p, clock_now_ms());
	call_limits_release(&ch);
	assert_holds(f, "gateways.get", "{\"name\":\"alpha\"}", "{\"name\":\"alpha\",",
		"\"total\":{\"attempts\":2,\"answered\":1,\"effective\":1,\"asr_percent\":50,\"ner_percent\":50,"
		"\"acd_ms\":4000,\"pdd_median_ms\":5,\"pdd_95_ms\":5,\"failures\":{\"500\":1}}}");
	assert_holds(f, "gateways.get", "{\"name\":\"alpha\"}", "{\"name\":\"alpha\",",
		"\"window\":{\"attempts\":2,");
	assert_holds(f, "gateways.get", "{\"name\":\"nobody\"}", "", "name: unknown gateway");
}

static void credentials_are_never_told(void **state)
{
	static const char *const secrets[] = {"userOfAlpha", "secretOfAlpha", "hiddenOfGamma"};
	struct fixture *f = *state;
	char *text[] = {ask(f, "gateways.list", "{}"), ask(f, "gateways.get", "{\"name\":\"alpha\"}"),
		ask(f, "routes.lookup", "{\"callee\":\"4930\"}")};
	for (unsigned i = 0; i < 3; i++) {
		assert_non_null(strstr(text[i], "alpha"));
		for (unsigned k = 0; k < 3; k++)
			assert_null(strstr(text[i], secrets[k]));
		free(text[i]);
	}
}

static void a_plan_is_told_with_a_reason_for_every_gateway(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel channel = {0};
	uint64_t now_ms = clock_now_ms();
	assert_int_equal(
		gateway_seize(gateways_find(f->gateways, "beta"), &channel, now_ms), GATEWAY_VERDICT_USABLE);
	assert_answer(f, "routes.lookup", "{\"callee\":\"4930123\",\"caller\":\"1\"}",
		"{\"matched\":true,\"candidates\":["
		"{\"gateway\":\"alpha\",\"prefix\":\"49\",\"priority\":1,\"weight\":0,\"verdict\":\"usable\",\"reason\":\"usable\"},"
		"{\"gateway\":\"beta\",\"prefix\":\"49\",\"priority\":2,\"weight\":5,\"verdict\":\"cps\",\"reason\":\"cps 1/1\"},"
		"{\"gateway\":\"gamma\",\"prefix\":\"\",\"priority\":1,\"weight\":0,\"verdict\":\"disabled\","
		"\"reason\":\"disabled\"}],"
		"\"left_out\":[{\"gateway\":\"delta\",\"reason\":\"no enabled route of this number leads there\"}]}");
	call_limits_release(&channel);
}

static void a_lookup_leaves_no_trace_on_the_gateways(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 10; i++)
		free(ask(f, "routes.lookup", "{\"callee\":\"4930123\"}"));
	assert_int_equal(gateway_calls(gateways_find(f->gateways, "alpha")), 0);
	assert_int_equal(gateway_calls_total(gateways_find(f->gateways, "alpha")), 0);
	gateways_apply(f->gateways, rows, 0);
	assert_answer(f, "gateways.list", "{}", "{\"total\":0,\"gateways\":[]}");
}

static void bad_parameters_name_the_field(void **state)
{
	struct fixture *f = *state;
	assert_answer(f, "routes.lookup", "{}",
		"{\"code\":-32602,\"message\":\"callee: is required\",\"data\":{\"field\":\"callee\"}}");
	assert_answer(f, "gateways.list", "{\"limit\":501}",
		"{\"code\":-32602,\"message\":\"limit: must be a whole number from 1 to 500\","
		"\"data\":{\"field\":\"limit\"}}");
	assert_answer(f, "system.status", "{\"x\":1}",
		"{\"code\":-32602,\"message\":\"x: unknown parameter\",\"data\":{\"field\":\"x\"}}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gateways_are_told_in_order_of_name_with_their_state),
		TEST(one_gateway_is_told_with_all_its_figures),
		TEST(credentials_are_never_told),
		TEST(a_plan_is_told_with_a_reason_for_every_gateway),
		TEST(a_lookup_leaves_no_trace_on_the_gateways),
		TEST(bad_parameters_name_the_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
