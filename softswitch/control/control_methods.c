#include "control_methods.h"

#include "calls.h"
#include "clock.h"
#include "control_gateways.h"
#include "control_page.h"
#include "control_registrations.h"
#include "control_strangers.h"
#include "json_text.h"
#include "message.h"
#include "transport.h"

#include "cdr_log.h"
#include "gateways.h"
#include "mapping_gateways.h"
#include "routing.h"
#include "registrations.h"

#include <stdio.h>
#include <string.h>

enum {
	GATEWAYS_PAGE_MAX = 500, /* as CONTROL_PAGE_MAX: these take longer */
	NAME_MAX_BYTES = 128,
	PATH_MAX_BYTES = 4000
};

static const struct control_param no_params[] = {{0}};

static const struct control_param gateways_params[] = {
	{"limit", CONTROL_INTEGER, false, 1, GATEWAYS_PAGE_MAX},
	{"offset", CONTROL_INTEGER, false, 0, INT32_MAX},
	{0},
};

static const struct control_param name_params[] = {
	{"name", CONTROL_STRING, true, 1, NAME_MAX_BYTES},
	{0},
};

static const struct control_param lookup_params[] = {
	{"callee", CONTROL_STRING, true, 1, MESSAGE_NUMBER_MAX},
	{"caller", CONTROL_STRING, false, 0, MESSAGE_NUMBER_MAX},
	{"ingress", CONTROL_STRING, false, 0, NAME_MAX_BYTES},
	{"limit", CONTROL_INTEGER, false, 1, CONTROL_PAGE_MAX},
	{"offset", CONTROL_INTEGER, false, 0, INT32_MAX},
	{0},
};

static const struct control_param restart_params[] = {
	{"binary", CONTROL_STRING, false, 1, PATH_MAX_BYTES},
	{0},
};

/** What calls hold at the moment; all 0 when there are none. */
static json_t *describe_held(const struct control_methods_context *ctx)
{
	struct calls_held held;

	calls_held(ctx->calls, &held);
	return json_pack("{s:I, s:I, s:I, s:I}", "calls", (json_int_t)held.calls, "legs",
		(json_int_t)held.legs, "channels", (json_int_t)held.channels, "transactions",
		(json_int_t)held.transactions);
}

static json_t *describe_listeners(const struct transport *transport)
{
	json_t *list = json_array();

	for (size_t i = 0; i < transport_listeners(transport); i++)
		json_array_append_new(list,
			json_sprintf("sip:%s;transport=%s", transport_listener(transport, i)->sent_by,
				transport_listener(transport, i)->transport));
	return list;
}

static json_t *describe_calls(const struct control_methods_context *ctx)
{
	struct calls_stats calls;
	calls_stats(ctx->calls, &calls);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "active", (json_int_t)calls.active, "total",
		(json_int_t)calls.total, "answered", (json_int_t)calls.answered, "failed",
		(json_int_t)calls.failed, "recovered", (json_int_t)calls.recovered, "refused",
		(json_int_t)transport_refused(ctx->transport));
}

static json_t *describe_records(struct cdr_log *log)
{
	struct cdr_stats records;
	cdr_log_stats(log, &records);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:I}", "written", (json_int_t)records.written,
		"pending", (json_int_t)records.pending, "errors", (json_int_t)records.errors,
		"journal_failures", (json_int_t)records.journal_failures, "lost", (json_int_t)records.lost,
		"error", records.error[0] ? json_text(records.error) : json_null(), "error_ms",
		(json_int_t)records.error_ms);
}

static json_t *system_status(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_methods_context *ctx = arg;
	(void)params;
	(void)error;
	return json_pack("{s:s, s:s, s:s, s:o, s:I, s:s, s:s, s:o, s:o, s:o, s:I, s:o}", "version",
		ctx->version, "name", ctx->name, "state", ctx->state, "reason",
		ctx->state_reason[0] ? json_text(ctx->state_reason) : json_null(), "uptime_ms",
		(json_int_t)(clock_now_ms() - ctx->started_ms), "db", ctx->db, "cdr", ctx->cdr, "calls",
		describe_calls(ctx), "records", describe_records(ctx->cdr_log), "held", describe_held(ctx),
		"channel_drift", (json_int_t)calls_channel_drift(ctx->calls), "listeners",
		describe_listeners(ctx->transport));
}

static json_t *ask_restart(const json_t *params, void *arg, struct control_error *error, bool only_ask)
{
	const struct control_methods_context *ctx = arg;
	const char *program = control_string(params, "binary", NULL), *why_not;

	if (program && program[0] != '/') {
		*error = (struct control_error){CONTROL_INVALID_PARAMS, "binary", "must be an absolute path"};
		return NULL;
	}
	why_not = ctx->on_restart(program, only_ask, ctx->on_restart_arg);
	error->code = why_not ? CONTROL_REFUSED : CONTROL_LATER;
	snprintf(error->message, sizeof(error->message), "%s", why_not ? why_not : "");
	return NULL;
}

static json_t *system_restart(const json_t *params, void *arg, struct control_error *error)
{
	return ask_restart(params, arg, error, false);
}

static json_t *system_restart_check(const json_t *params, void *arg, struct control_error *error)
{
	return ask_restart(params, arg, error, true);
}

static void add_call(const struct call_info *call, void *arg)
{
	struct control_page *page = arg;
	if (!control_page_takes(page))
		return;
	json_t *entry = json_object();
	json_object_set_new(entry, "id", json_text(call->id));
	json_object_set_new(entry, "state", json_text(call->state));
	json_object_set_new(entry, "stage", json_text(call->stage));
	json_object_set_new(entry, "ingress", json_text(call->ingress));
	json_object_set_new(entry, "gateway", json_text(call->gateway));
	json_object_set_new(entry, "caller", json_text(call->caller));
	json_object_set_new(entry, "callee", json_text(call->callee));
	json_object_set_new(entry, "begin_ms", json_integer(call->begin_ms));
	json_object_set_new(
		entry, "answer_ms", call->answer_ms ? json_integer(call->answer_ms) : json_null());
	json_object_set_new(entry, "recovered", json_boolean(call->recovered));
	json_object_set_new(entry, "a_call_id", json_text(call->a_call_id));
	json_object_set_new(entry, "b_call_id", json_text(call->b_call_id));
	json_array_append_new(page->entries, entry);
}

static json_t *calls_list(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_methods_context *ctx = arg;
	struct control_page page = control_page_begin(params);
	(void)error;
	calls_each(ctx->calls, add_call, &page);
	return json_pack("{s:I, s:o}", "total", (json_int_t)page.seen, "calls", page.entries);
}

static json_t *gateways_list(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_methods_context *ctx = arg;
	struct control_page page = control_page_begin(params);
	uint64_t now_ms = clock_now_ms();
	(void)error;
	for (size_t i = 0; i < gateways_count(ctx->gateways); i++)
		if (control_page_takes(&page))
			json_array_append_new(
				page.entries, control_gateway(gateways_at(ctx->gateways, i), now_ms));
	return json_pack("{s:I, s:o}", "total", (json_int_t)page.seen, "gateways", page.entries);
}

static json_t *gateways_get(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_methods_context *ctx = arg;
	const struct gateway *gw = gateways_find(ctx->gateways, control_string(params, "name", ""));
	if (!gw) {
		error->code = CONTROL_INVALID_PARAMS;
		snprintf(error->message, sizeof(error->message), "name: unknown gateway");
		return NULL;
	}
	return control_gateway_details(gw, clock_now_ms());
}

static json_t *registrations_list(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_methods_context *ctx = arg;
	struct control_page page = control_page_begin(params);
	uint64_t now_ms = clock_now_ms();
	(void)error;
	for (size_t i = 0; i < registrations_count(ctx->registrations); i++)
		if (control_page_takes(&page))
			json_array_append_new(page.entries,
				control_registration(registrations_at(ctx->registrations, i), now_ms));
	return json_pack("{s:I, s:o}", "total", (json_int_t)page.seen, "registrations", page.entries);
}

/** The registration of `name`; NULL, with the error, when it is not there or not enabled. */
static struct registration *named_registration(
	const struct control_methods_context *ctx, const json_t *params, struct control_error *error)
{
	struct registration *r = registrations_find(ctx->registrations, control_string(params, "name", ""));

	if (r && registration_row(r)->enabled)
		return r;
	error->code = CONTROL_INVALID_PARAMS;
	snprintf(error->message, sizeof(error->message), "name: %s",
		r ? "registration.enabled is 0" : "unknown registration");
	return NULL;
}

static json_t *registrations_register(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_methods_context *ctx = arg;
	struct registration *r = named_registration(ctx, params, error);

	if (!r)
		return NULL;
	registration_release(r, clock_now_ms());
	ctx->on_registration(r);
	return control_registration(r, clock_now_ms());
}

static json_t *registrations_unregister(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_methods_context *ctx = arg;
	struct registration *r = named_registration(ctx, params, error);

	if (!r)
		return NULL;
	registration_hold(r);
	ctx->on_registration(r);
	return control_registration(r, clock_now_ms());
}

struct strangers_page {
	struct control_page page;
	uint64_t now_ms;
};

static void add_stranger(const struct strangers_entry *entry, void *arg)
{
	struct strangers_page *p = arg;
	if (control_page_takes(&p->page))
		json_array_append_new(p->page.entries, control_stranger(entry, p->now_ms));
}

static json_t *strangers_list(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_methods_context *ctx = arg;
	struct strangers_page p = {.page = control_page_begin(params), .now_ms = clock_now_ms()};
	(void)error;
	strangers_each(ctx->strangers, add_stranger, &p);
	return json_pack("{s:I, s:o, s:o}", "total", (json_int_t)p.page.seen, "counts",
		control_strangers_counts(ctx->strangers), "strangers", p.page.entries);
}

static json_t *describe_candidate(const struct routing_candidate *c, const char *callee, uint64_t now_ms)
{
	json_t *entry = json_object();
	char reason[128];
	json_object_set_new(entry, "gateway", json_text(gateway_name(c->gateway)));
	json_object_set_new(entry, "prefix", json_stringn(callee, c->prefix_length));
	json_object_set_new(entry, "priority", json_integer(c->priority));
	json_object_set_new(entry, "weight", json_integer(c->weight));
	gateway_explain(c->gateway, c->verdict, now_ms, reason, sizeof(reason));
	json_object_set_new(entry, "verdict", json_string(gateway_verdict_name(c->verdict)));
	json_object_set_new(entry, "reason", json_text(reason));
	return entry;
}

static bool is_candidate(const struct routing_plan *plan, const struct gateway *gw)
{
	for (unsigned i = 0; i < plan->n; i++)
		if (plan->candidate[i].gateway == gw)
			return true;
	return false;
}

static json_t *explain_left_out(const struct routing *routing, const char *callee, const struct gateway *gw)
{
	const int hidden = routing_hidden_prefix(routing, callee, gw);
	if (hidden < 0)
		return json_string("no enabled route of this number leads there");
	return json_sprintf(
		"route \"%.*s\" lies behind a longer prefix without carry_through", hidden, callee);
}

/** A page of the gateways that are not candidates, each with the reason. */
static json_t *describe_left_out(const struct control_methods_context *ctx, const char *callee,
	const struct routing_plan *plan, struct control_page page)
{
	for (size_t i = 0; i < gateways_count(ctx->gateways); i++) {
		const struct gateway *gw = gateways_at(ctx->gateways, i);
		if (is_candidate(plan, gw) || !control_page_takes(&page))
			continue;
		json_t *entry = json_object();
		json_object_set_new(entry, "gateway", json_text(gateway_name(gw)));
		json_object_set_new(entry, "reason", explain_left_out(ctx->routing, callee, gw));
		json_array_append_new(page.entries, entry);
	}
	return page.entries;
}

static json_t *routes_lookup(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_methods_context *ctx = arg;
	const struct routing_request request = {
		.ingress = control_string(params, "ingress", ""),
		.caller = control_string(params, "caller", ""),
		.callee = control_string(params, "callee", ""),
		.now_ms = clock_now_ms(),
	};
	struct routing_plan plan = {0};
	if (request.ingress[0] && !mapping_gateways_by_name(ctx->mapping_gateways, request.ingress)) {
		error->code = CONTROL_INVALID_PARAMS;
		snprintf(error->message, sizeof(error->message), "ingress: unknown mapping gateway");
		return NULL;
	}
	json_t *candidates = json_array();
	if (calls_plan(ctx->calls, &request, &plan) != 0) {
		routing_plan_clear(&plan);
		json_decref(candidates);
		return NULL;
	}
	for (unsigned i = 0; i < plan.n; i++)
		json_array_append_new(
			candidates, describe_candidate(&plan.candidate[i], request.callee, request.now_ms));
	json_t *result = json_pack("{s:b, s:o, s:o}", "matched", plan.matched, "candidates", candidates,
		"left_out", describe_left_out(ctx, request.callee, &plan, control_page_begin(params)));
	routing_plan_clear(&plan);
	return result;
}

const struct control_method control_methods[] = {
	{"system.status", no_params, system_status},
	{"system.restart", restart_params, system_restart},
	{"system.restart.check", restart_params, system_restart_check},
	{"calls.list", control_page_params, calls_list},
	{"gateways.list", gateways_params, gateways_list},
	{"gateways.get", name_params, gateways_get},
	{"registrations.list", control_page_params, registrations_list},
	{"registrations.register", name_params, registrations_register},
	{"registrations.unregister", name_params, registrations_unregister},
	{"endpoints.list", control_page_params, control_endpoints_list},
	{"endpoints.get", control_endpoints_name, control_endpoints_get},
	{"endpoints.kick", control_endpoints_name, control_endpoints_kick},
	{"bans.list", control_page_params, control_endpoints_bans},
	{"bans.add", control_endpoints_ban, control_endpoints_ban_add},
	{"bans.lift", control_endpoints_pair, control_endpoints_ban_lift},
	{"strangers.list", control_page_params, strangers_list},
	{"routes.lookup", lookup_params, routes_lookup},
	{0},
};
