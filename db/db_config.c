#include "db_config.h"
#include "parameters_load.h"
#include "db_sqlite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum statement {
	SNAPSHOT,
	RELEASE,
	PARAMETERS,
	GATEWAY_COUNT,
	GATEWAYS,
	MAPPING_COUNT,
	MAPPINGS,
	REGISTRATION_COUNT,
	REGISTRATIONS,
	REVISION,
	ROUTES,
	STATEMENTS
};

static const char *const sql[STATEMENTS] = {
	/* A savepoint and not BEGIN: a file opened with DB_CHECK may be inside a transaction already. */
	[SNAPSHOT] = "SAVEPOINT config_load",
	[RELEASE] = "RELEASE config_load",
	[PARAMETERS] = "SELECT name, value FROM parameter",
	[GATEWAY_COUNT] = "SELECT count(*) FROM gateway",
	[GATEWAYS] =
		"SELECT name, host, transport, port, enabled, capacity, cps, timeout_invite,"
		" timeout_trying, timeout_session_progress, timeout_session_progress_sdp, timeout_ringing, resend_interval,"
		" switch_stop_after_invite_timeout, switch_stop_after_sdp, switch_until_connect,"
		" switch_stop_after_user_busy, switch_stop_codes, auth_user, auth_password,"
		" registration, draining, options_check, options_alive_codes, breaker_on, session_timer, sip_100rel,"
		" max_call_duration, sdp_own_origin"
		" FROM gateway ORDER BY name",
	[MAPPING_COUNT] = "SELECT count(*) FROM mapping_gateway",
	[MAPPINGS] =
		"SELECT name, host, port, enabled, capacity, cps, session_timer, sip_100rel, max_call_duration"
		" FROM mapping_gateway ORDER BY name",
	[REGISTRATION_COUNT] = "SELECT count(*) FROM registration",
	[REGISTRATIONS] =
		"SELECT name, host, transport, port, proxy, local_port, user, coalesce(nullif(auth_user, ''), user),"
		" password, realm, contact_host, expiry, enabled, line FROM registration ORDER BY name",
	[REVISION] = "SELECT routes FROM revision",
	[ROUTES] = "SELECT prefix, gateway, priority, weight, carry_through, enabled FROM route"
		   " ORDER BY prefix, priority",
};

/* Strings of a configuration, freed all at once. */
struct text_block {
	struct text_block *next;
	size_t used;
	char text[16 * 1024];
};

struct loaded {
	struct db_config config; /* first: db_config_free() is given its address */
	struct text_block *texts;
};

/* Reading one configuration. `err` is the first error: the readers of a row do nothing after it. */
struct load {
	sqlite3_stmt *statement[STATEMENTS];
	struct loaded *loaded;
	unsigned retries;
	int err;
};

static void *keep_text(struct load *l, const char *text, size_t size)
{
	struct text_block *block = l->loaded->texts;
	if (!block || sizeof(block->text) - block->used < size) {
		block = malloc(sizeof(*block) + (size > sizeof(block->text) ? size : 0));
		if (!block) {
			l->err = -ENOMEM;
			return NULL;
		}
		block->used = 0;
		block->next = l->loaded->texts;
		l->loaded->texts = block;
	}
	char *kept = block->text + block->used;
	memcpy(kept, text, size);
	block->used += size;
	return kept;
}

/* NULL in the table is "". */
static const char *read_text(struct load *l, sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	return text ? keep_text(l, text, strlen(text) + 1) : "";
}

static uint32_t read_seconds(sqlite3_stmt *row, int column)
{
	return (uint32_t)sqlite3_column_int(row, column) * 1000;
}

static enum db_override read_override(sqlite3_stmt *row, int column)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	if (!text)
		return DB_INHERIT;
	return strcmp(text, "On") == 0 ? DB_ON : DB_OFF;
}

static bool read_resend(struct load *l, sqlite3_stmt *row, int column, struct resend_schedule *out)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	if (!text)
		return false;
	if (resend_schedule_parse(out, text))
		l->err = -EIO;
	resend_schedule_limit(out, l->retries);
	return true;
}

static bool read_codes(
	struct load *l, sqlite3_stmt *row, int column, unsigned minimum, struct stop_codes *out)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	if (!text)
		return false;
	if (stop_codes_parse(out, text, minimum))
		l->err = -EIO;
	return true;
}

static bool read_breaker_on(struct load *l, sqlite3_stmt *row, int column, struct breaker_on *out)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	if (!text)
		return false;
	if (breaker_on_parse(out, text))
		l->err = -EIO;
	return true;
}

static bool read_100rel(struct load *l, sqlite3_stmt *row, int column, enum db_100rel *out)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	if (!text)
		return false;
	if (sip_100rel_parse(out, text))
		l->err = -EIO;
	return true;
}

static void read_gateway(struct load *l, sqlite3_stmt *row, struct db_gateway *gw)
{
	int c = 0;
	gw->name = read_text(l, row, c++);
	gw->host = read_text(l, row, c++);
	gw->transport = read_text(l, row, c++);
	gw->port = (uint16_t)sqlite3_column_int(row, c++);
	gw->enabled = sqlite3_column_int(row, c++);
	gw->capacity = (uint32_t)sqlite3_column_int(row, c++);
	gw->cps = (uint32_t)sqlite3_column_int(row, c++);
	gw->timeout_invite_ms = read_seconds(row, c++);
	gw->timeout_trying_ms = read_seconds(row, c++);
	gw->timeout_session_progress_ms = read_seconds(row, c++);
	gw->timeout_session_progress_sdp_ms = read_seconds(row, c++);
	gw->timeout_ringing_ms = read_seconds(row, c++);
	gw->has_resend = read_resend(l, row, c++, &gw->resend);
	gw->switch_stop_after_invite_timeout = read_override(row, c++);
	gw->switch_stop_after_sdp = read_override(row, c++);
	gw->switch_until_connect = read_override(row, c++);
	gw->switch_stop_after_user_busy = read_override(row, c++);
	gw->has_stop_codes = read_codes(l, row, c++, 400, &gw->switch_stop_codes);
	gw->auth_user = read_text(l, row, c++);
	gw->auth_password = read_text(l, row, c++);
	gw->registration = read_text(l, row, c++);
	gw->draining = sqlite3_column_int(row, c++);
	gw->options_check = sqlite3_column_int(row, c++);
	gw->has_options_alive_codes = read_codes(l, row, c++, 200, &gw->options_alive_codes);
	gw->has_breaker_on = read_breaker_on(l, row, c++, &gw->breaker_on);
	gw->session_timer = read_override(row, c++);
	gw->has_100rel = read_100rel(l, row, c++, &gw->sip_100rel);
	gw->max_call_duration_ms = read_seconds(row, c++);
	gw->sdp_own_origin = sqlite3_column_int(row, c++);
}

static void read_mapping(struct load *l, sqlite3_stmt *row, struct db_mapping_gateway *mg)
{
	int c = 0;
	mg->name = read_text(l, row, c++);
	mg->host = read_text(l, row, c++);
	mg->port = (uint16_t)sqlite3_column_int(row, c++);
	mg->enabled = sqlite3_column_int(row, c++);
	mg->capacity = (uint32_t)sqlite3_column_int(row, c++);
	mg->cps = (uint32_t)sqlite3_column_int(row, c++);
	mg->session_timer = read_override(row, c++);
	mg->has_100rel = read_100rel(l, row, c++, &mg->sip_100rel);
	mg->max_call_duration_ms = read_seconds(row, c++);
}

static void read_registration(struct load *l, sqlite3_stmt *row, struct db_registration *r)
{
	int c = 0;
	r->name = read_text(l, row, c++);
	r->host = read_text(l, row, c++);
	r->transport = read_text(l, row, c++);
	r->port = (uint16_t)sqlite3_column_int(row, c++);
	r->proxy = read_text(l, row, c++);
	r->local_port = (uint16_t)sqlite3_column_int(row, c++);
	r->user = read_text(l, row, c++);
	r->auth_user = read_text(l, row, c++);
	r->password = read_text(l, row, c++);
	r->realm = read_text(l, row, c++);
	r->contact_host = read_text(l, row, c++);
	r->expiry_s = (uint32_t)sqlite3_column_int(row, c++);
	r->enabled = sqlite3_column_int(row, c++);
	r->line = read_text(l, row, c++);
}

/* Step a statement; false at its end or on an error, which is then in l->err. */
static bool next_row(struct load *l, enum statement which)
{
	if (l->err)
		return false;
	int result = sqlite3_step(l->statement[which]);
	l->err = db_errno(result);
	return result == SQLITE_ROW;
}

static size_t read_count(struct load *l, enum statement which)
{
	return next_row(l, which) ? (size_t)sqlite3_column_int64(l->statement[which], 0) : 0;
}

static void *make_rows(struct load *l, size_t n, size_t size)
{
	void *rows = l->err || n == 0 ? NULL : calloc(n, size);
	if (n && !rows && !l->err)
		l->err = -ENOMEM;
	return rows;
}

static void load_gateways(struct load *l, struct db_config *config)
{
	size_t n = read_count(l, GATEWAY_COUNT);
	config->gateway = make_rows(l, n, sizeof(*config->gateway));
	while (next_row(l, GATEWAYS))
		read_gateway(l, l->statement[GATEWAYS], &config->gateway[config->n_gateways++]);
}

static void load_mappings(struct load *l, struct db_config *config)
{
	size_t n = read_count(l, MAPPING_COUNT);
	config->mapping_gateway = make_rows(l, n, sizeof(*config->mapping_gateway));
	while (next_row(l, MAPPINGS))
		read_mapping(
			l, l->statement[MAPPINGS], &config->mapping_gateway[config->n_mapping_gateways++]);
}

static void load_registrations(struct load *l, struct db_config *config)
{
	size_t n = read_count(l, REGISTRATION_COUNT);
	config->registration = make_rows(l, n, sizeof(*config->registration));
	while (next_row(l, REGISTRATIONS))
		read_registration(
			l, l->statement[REGISTRATIONS], &config->registration[config->n_registrations++]);
}

static int compare_names(const void *name, const void *gateway)
{
	return strcmp(name, ((const struct db_gateway *)gateway)->name);
}

static void load_routes(struct load *l, const struct db_config *config, db_route_h *on_route, void *arg)
{
	sqlite3_stmt *row = l->statement[ROUTES];
	while (next_row(l, ROUTES)) {
		const struct db_gateway *gw = bsearch(sqlite3_column_text(row, 1), config->gateway,
			config->n_gateways, sizeof(*gw), compare_names);
		if (!gw)
			continue; /* left by a program that switched the triggers off */
		const struct db_route route = {
			.prefix = (const char *)sqlite3_column_text(row, 0),
			.gateway = (uint32_t)(gw - config->gateway),
			.priority = (uint16_t)sqlite3_column_int(row, 2),
			.weight = (uint16_t)sqlite3_column_int(row, 3),
			.carry_through = sqlite3_column_int(row, 4),
			.enabled = sqlite3_column_int(row, 5),
		};
		l->err = on_route(&route, arg);
	}
}

static void load_all(struct load *l, int64_t known_routes_revision, db_route_h *on_route, void *arg)
{
	struct db_config *config = &l->loaded->config;
	next_row(l, SNAPSHOT);
	if (!l->err)
		l->err = parameters_load(l->statement[PARAMETERS], &config->parameters, &l->retries);
	load_gateways(l, config);
	load_mappings(l, config);
	load_registrations(l, config);
	if (next_row(l, REVISION))
		config->routes_revision = sqlite3_column_int64(l->statement[REVISION], 0);
	else if (!l->err)
		l->err = -EIO;
	if (!l->err && config->routes_revision != known_routes_revision)
		load_routes(l, config, on_route, arg);
	/* Readers keep the snapshot: end them before it. */
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_reset(l->statement[i]);
	sqlite3_step(l->statement[RELEASE]);
}

int db_config_load(
	struct db *db, int64_t known_routes_revision, db_route_h *on_route, void *arg, struct db_config **out)
{
	struct load l = {.loaded = calloc(1, sizeof(*l.loaded))};
	if (!l.loaded)
		return -ENOMEM;
	l.err = db_prepare(db, sql, l.statement, STATEMENTS);
	if (!l.err)
		load_all(&l, known_routes_revision, on_route, arg);
	db_finalize(l.statement, STATEMENTS);
	if (l.err) {
		db_config_free(&l.loaded->config);
		return l.err;
	}
	*out = &l.loaded->config;
	return 0;
}

void db_config_free(struct db_config *config)
{
	struct loaded *loaded = (struct loaded *)config;
	if (!loaded)
		return;
	for (struct text_block *next, *block = loaded->texts; block; block = next) {
		next = block->next;
		free(block);
	}
	free(config->gateway);
	free(config->mapping_gateway);
	free(config->registration);
	free(loaded);
}
