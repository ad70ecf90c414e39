#include "control_endpoints.h"

#include "access.h"
#include "address.h"
#include "bindings.h"
#include "clock.h"
#include "control_page.h"
#include "endpoints.h"
#include "json_text.h"

#include <event2/util.h>

#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64, BAN_SECONDS = 3600, BAN_SECONDS_MAX = 365 * 86400 };

const struct control_param control_endpoints_name[] = {
	{"name", CONTROL_STRING, true, 1, NAME_MAX_BYTES},
	{0},
};

const struct control_param control_endpoints_pair[] = {
	{"user", CONTROL_STRING, true, 1, SUSPENSIONS_USER_MAX - 1},
	{"source", CONTROL_STRING, true, 1, ADDRESS_HOST_MAX - 1},
	{0},
};

const struct control_param control_endpoints_ban[] = {
	{"user", CONTROL_STRING, true, 1, SUSPENSIONS_USER_MAX - 1},
	{"source", CONTROL_STRING, true, 1, ADDRESS_HOST_MAX - 1},
	{"seconds", CONTROL_INTEGER, false, 1, BAN_SECONDS_MAX},
	{0},
};

/* Endpoints --------------------------------------------------------------------------------- */

static void describe_binding(json_t *entry, const struct binding *b, uint64_t now_ms)
{
	char source[ADDRESS_NAME_MAX];

	address_name(&b->source.address.any, source);
	json_object_set_new(entry, "contact", json_text(b->contact));
	json_object_set_new(entry, "source", json_string(source));
	json_object_set_new(entry, "transport", json_string(b->source.transport));
	json_object_set_new(entry, "nat", json_boolean(b->nat));
	json_object_set_new(entry, "expires_s",
		json_integer(
			b->expires_ms > now_ms ? (json_int_t)((b->expires_ms - now_ms + 999) / 1000) : 0));
	json_object_set_new(entry, "since_ms", json_integer((json_int_t)b->since_ms));
	json_object_set_new(entry, "user_agent", json_text(b->user_agent));
}

static unsigned count_bindings(const struct binding *b)
{
	unsigned n = 0;

	for (; b; b = binding_next(b))
		n++;
	return n;
}

/** Fields are named one by one, so passwords and hashes stay inside. */
static json_t *describe(const struct control_endpoints_context *ctx, struct endpoint *e, uint64_t now_ms)
{
	const struct db_endpoint *row = endpoint_row(e);
	const struct binding *first = bindings_first(access_bindings(ctx->access), row->name);
	json_t *entry = json_object();

	json_object_set_new(entry, "name", json_text(row->name));
	json_object_set_new(entry, "number", json_text(row->number));
	json_object_set_new(entry, "enabled", json_boolean(row->enabled));
	json_object_set_new(entry, "contacts", json_integer(count_bindings(first)));
	json_object_set_new(
		entry, "calls", json_integer((json_int_t)ingress_limits(endpoint_ingress(e))->in_use));
	if (first)
		describe_binding(entry, first, now_ms);
	else
		for (const char *const *name = (const char *const[]){"contact", "source", "transport", "nat",
			     "expires_s", "since_ms", "user_agent", NULL};
			*name; name++)
			json_object_set_new(entry, *name, json_null());
	return entry;
}

json_t *control_endpoints_list(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_endpoints_context *ctx = arg;
	struct control_page page = control_page_begin(params);
	const uint64_t now_ms = clock_now_ms();

	(void)error;
	for (size_t i = 0; i < endpoints_count(ctx->endpoints); i++)
		if (control_page_takes(&page))
			json_array_append_new(
				page.entries, describe(ctx, endpoints_at(ctx->endpoints, i), now_ms));
	return json_pack("{s:I, s:I, s:s, s:o}", "total", (json_int_t)page.seen, "bindings",
		(json_int_t)bindings_count(access_bindings(ctx->access)), "realm", access_realm(ctx->access),
		"endpoints", page.entries);
}

/** @return NULL, with the error, when there is none of this name */
static struct endpoint *named(
	const struct control_endpoints_context *ctx, const json_t *params, struct control_error *error)
{
	const char *name = control_string(params, "name", "");
	struct endpoint *e = endpoints_recognise(ctx->endpoints, 0, name);

	if (e)
		return e;
	error->code = CONTROL_INVALID_PARAMS;
	snprintf(error->message, sizeof(error->message), "name: unknown endpoint");
	return NULL;
}

json_t *control_endpoints_get(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_endpoints_context *ctx = arg;
	struct endpoint *e = named(ctx, params, error);
	const uint64_t now_ms = clock_now_ms();
	json_t *entry, *list;

	if (!e)
		return NULL;
	entry = describe(ctx, e, now_ms);
	list = json_array();
	for (const struct binding *b = bindings_first(access_bindings(ctx->access), endpoint_row(e)->name); b;
		b = binding_next(b)) {
		json_t *one = json_object();

		describe_binding(one, b, now_ms);
		json_array_append_new(list, one);
	}
	json_object_set_new(entry, "bindings", list);
	return entry;
}

json_t *control_endpoints_kick(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_endpoints_context *ctx = arg;
	struct endpoint *e = named(ctx, params, error);

	if (!e)
		return NULL;
	return json_pack("{s:b}", "was_registered", access_kick(ctx->access, endpoint_row(e)->name));
}

/* Bans -------------------------------------------------------------------------------------- */

struct bans_page {
	struct control_page page;
	uint64_t now_ms;
};

static void add_ban(const struct suspensions_entry *s, void *arg)
{
	struct bans_page *p = arg;
	char source[ADDRESS_HOST_MAX];

	if (!control_page_takes(&p->page))
		return;
	address_host(s->source, source);
	json_array_append_new(p->page.entries,
		json_pack("{s:o, s:s, s:I}", "user", json_text(s->user), "source", source, "seconds",
			(json_int_t)((s->until_ms - p->now_ms + 999) / 1000)));
}

json_t *control_endpoints_bans(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_endpoints_context *ctx = arg;
	struct bans_page p = {control_page_begin(params), clock_now_ms()};

	(void)error;
	suspensions_each(login_suspensions(access_login(ctx->access)), p.now_ms, add_ban, &p);
	return json_pack("{s:I, s:o}", "total", (json_int_t)p.page.seen, "bans", p.page.entries);
}

/** @return false, with the error, when source is no address */
static bool read_pair(const json_t *params, struct suspensions_pair *out, struct sockaddr_storage *room,
	struct control_error *error)
{
	int n = sizeof(*room);

	*out = (struct suspensions_pair){(const struct sockaddr *)room, control_string(params, "user", "")};
	if (!evutil_parse_sockaddr_port(control_string(params, "source", ""), (struct sockaddr *)room, &n))
		return true;
	error->code = CONTROL_INVALID_PARAMS;
	snprintf(error->message, sizeof(error->message), "source: not an IP address");
	return false;
}

json_t *control_endpoints_ban_add(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_endpoints_context *ctx = arg;
	const uint32_t seconds = (uint32_t)control_integer(params, "seconds", BAN_SECONDS);
	struct sockaddr_storage room;
	struct suspensions_pair pair;

	if (!read_pair(params, &pair, &room, error) ||
		login_suspend(access_login(ctx->access), &pair, 1000 * (uint64_t)seconds))
		return NULL;
	return json_pack("{s:I}", "seconds", (json_int_t)seconds);
}

json_t *control_endpoints_ban_lift(const json_t *params, void *arg, struct control_error *error)
{
	const struct control_endpoints_context *ctx = arg;
	struct sockaddr_storage room;
	struct suspensions_pair pair;

	if (!read_pair(params, &pair, &room, error))
		return NULL;
	return json_pack("{s:b}", "was_banned", login_lift(access_login(ctx->access), &pair));
}
