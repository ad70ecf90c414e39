#include "db_config.h"

#include "db_internal.h"
#include "parameter_parse.h"
#include "parameters_load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum statement { SNAPSHOT, RELEASE, PARAMETERS, REVISION, ROUTES, STATEMENTS };

static const char *const sql[STATEMENTS] = {
	/* A savepoint and not BEGIN: a file opened with DB_CHECK may be inside a transaction already. */
	[SNAPSHOT] = "SAVEPOINT config_load",
	[RELEASE] = "RELEASE config_load",
	[PARAMETERS] = "SELECT name, value FROM parameter",
	[REVISION] = "SELECT routes, endpoints FROM revision",
	[ROUTES] = ("SELECT prefix, gateway, priority, weight, carry_through, enabled FROM route"
		    " ORDER BY prefix, priority"),
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

/* A load in progress. After the first error, which is kept in `err`, nothing more is read. */
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
static const char *read_text(struct load *l, const char *text)
{
	return text ? keep_text(l, text, strlen(text) + 1) : "";
}

static enum db_override read_override(const char *text)
{
	if (!text || strcmp(text, "Auto") == 0)
		return DB_OVERRIDE_NONE;
	return strcmp(text, "On") == 0 ? DB_OVERRIDE_ON : DB_OVERRIDE_OFF;
}

static void read_resend(struct load *l, const char *text, struct db_override_resend *out)
{
	out->set = text != NULL;
	if (!text)
		return;
	if (resend_schedule_parse(&out->value, text))
		l->err = -EIO;
	resend_schedule_limit(&out->value, l->retries);
}

static void read_codes(struct load *l, const char *text, unsigned minimum, struct db_override_codes *out)
{
	out->set = text != NULL;
	if (text && parameter_parse_codes(&out->value, text, minimum))
		l->err = -EIO;
}

static void read_breaker_on(struct load *l, const char *text, struct db_override_breaker_on *out)
{
	out->set = text != NULL;
	if (text && parameter_parse_breaker_on(&out->value, text))
		l->err = -EIO;
}

static void read_100rel(struct load *l, const char *text, struct db_override_100rel *out)
{
	out->set = text != NULL;
	if (text && parameter_parse_100rel(&out->value, text))
		l->err = -EIO;
}

/* Column i of the row under the statement, into its member of the row's struct. */
static void read_column(struct load *l, sqlite3_stmt *row, int i, enum db_table_type type, void *out)
{
	const int number = sqlite3_column_int(row, i);
	const char *text = (const char *)sqlite3_column_text(row, i);

	switch (type) {
	case DB_TABLE_TEXT:
		*(const char **)out = read_text(l, text);
		return;
	case DB_TABLE_ID:
		*(int64_t *)out = sqlite3_column_int64(row, i);
		return;
	case DB_TABLE_FLAG:
		*(bool *)out = number;
		return;
	case DB_TABLE_SWITCH:
		*(bool *)out = read_override(text) == DB_OVERRIDE_ON;
		return;
	case DB_TABLE_PORT:
		*(uint16_t *)out = (uint16_t)number;
		return;
	case DB_TABLE_NUMBER:
		*(uint32_t *)out = (uint32_t)number;
		return;
	case DB_TABLE_SECONDS:
		*(uint32_t *)out = (uint32_t)number * 1000;
		return;
	case DB_TABLE_OVERRIDE:
		*(enum db_override *)out = read_override(text);
		return;
	case DB_TABLE_RESEND:
		read_resend(l, text, out);
		return;
	case DB_TABLE_STOP_CODES:
		read_codes(l, text, 400, out);
		return;
	case DB_TABLE_ALIVE_CODES:
		read_codes(l, text, 200, out);
		return;
	case DB_TABLE_BREAKER_ON:
		read_breaker_on(l, text, out);
		return;
	case DB_TABLE_100REL:
		read_100rel(l, text, out);
		return;
	case DB_TABLE_INBOUND_FROM:
		*(enum db_table_inbound_from *)out =
			text && strcmp(text, "any") == 0 ? DB_TABLE_INBOUND_ANY : DB_TABLE_INBOUND_REGISTRAR;
		return;
	case DB_TABLE_EXPIRY: /* Auto is 0 as a number, too */
		*(struct db_override_expiry *)out =
			(struct db_override_expiry){text != NULL, (uint32_t)number};
		return;
	}
}

/* Step a statement. False at its end or on an error, which is then in l->err. */
static bool step(struct load *l, sqlite3_stmt *statement)
{
	if (l->err)
		return false;
	int result = sqlite3_step(statement);
	l->err = db_sqlite_errno(result);
	return result == SQLITE_ROW;
}

static bool next_row(struct load *l, enum statement which)
{
	return step(l, l->statement[which]);
}

/* "SELECT name, host, ... FROM gateway ORDER BY name"; NULL without memory. */
static char *select_of(const struct db_table *t)
{
	sqlite3_str *text = sqlite3_str_new(NULL);

	for (size_t i = 0; i < t->n_columns; i++)
		sqlite3_str_appendf(text, "%s %s", i ? "," : "SELECT", t->columns[i].name);
	/* A name of which C would see only the beginning is nobody's; view `unusable` has it. */
	sqlite3_str_appendf(text, " FROM %s WHERE instr(name, char(0)) = 0 ORDER BY name", t->name);
	return sqlite3_str_finish(text);
}

static void read_row(struct load *l, sqlite3_stmt *statement, const struct db_table *t, char *out)
{
	memset(out, 0, t->row_size);
	for (size_t i = 0; i < t->n_columns; i++)
		read_column(l, statement, (int)i, t->columns[i].type, out + t->columns[i].offset);
}

/* Make room for row n: the array doubles whenever n is a power of two. */
static char *make_room(struct load *l, char *rows, size_t n, size_t row_size)
{
	char *more = n & (n - 1) ? rows : realloc(rows, (n ? 2 * n : 1) * row_size);

	if (!more)
		l->err = -ENOMEM;
	return more ? more : rows;
}

/* All rows of a table in order of name; NULL when there is none. */
static void *load_table(struct load *l, struct db *db, const struct db_table *t, size_t *n)
{
	char *select = select_of(t), *rows = NULL;
	const char *const text = select;
	sqlite3_stmt *statement = NULL;

	if (!l->err)
		l->err = select ? db_sqlite_prepare(db->handle, &text, &statement, 1) : -ENOMEM;
	while (step(l, statement)) {
		rows = make_room(l, rows, *n, t->row_size);
		if (!l->err)
			read_row(l, statement, t, rows + t->row_size * (*n)++);
	}
	sqlite3_finalize(statement);
	sqlite3_free(select);
	return rows;
}

/* Without a user of its own for digest, an account uses that of its address of record. */
static void default_auth_users(struct db_config *config)
{
	for (size_t i = 0; i < config->n_registrations; i++)
		if (!config->registration[i].auth_user[0])
			config->registration[i].auth_user = config->registration[i].user;
}

/* Without a number of its own, an endpoint is called by its name. */
static void default_numbers(struct db_config *config)
{
	for (size_t i = 0; i < config->n_endpoints; i++)
		if (!config->endpoint[i].number[0])
			config->endpoint[i].number = config->endpoint[i].name;
}

static void load_tables(struct load *l, struct db *db, struct db_config *config)
{
	config->gateway = load_table(l, db, &db_gateway_table, &config->n_gateways);
	config->mapping_gateway = load_table(l, db, &db_mapping_gateway_table, &config->n_mapping_gateways);
	config->registration = load_table(l, db, &db_registration_table, &config->n_registrations);
	if (!config->endpoints_known)
		config->endpoint = load_table(l, db, &db_endpoint_table, &config->n_endpoints);
	if (!l->err) {
		default_auth_users(config);
		default_numbers(config);
	}
}

static int compare_names(const void *name, const void *gateway)
{
	return strcmp(name, db_table_row_name(&db_gateway_table, gateway));
}

static void load_routes(struct load *l, const struct db_config *config, db_route_h *on_route, void *arg)
{
	sqlite3_stmt *row = l->statement[ROUTES];
	while (next_row(l, ROUTES)) {
		const struct db_gateway *gw = bsearch(sqlite3_column_text(row, 1), config->gateway,
			config->n_gateways, sizeof(*gw), compare_names);
		if (!gw)
			continue; /* written by a program that had disabled the triggers */
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

static void keep_words(struct db *db, int err)
{
	const int code = sqlite3_errcode(db->handle);

	snprintf(db->words, sizeof(db->words), "%s",
		code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE ? strerror(-err)
									       : sqlite3_errmsg(db->handle));
}

static void load_revision(struct load *l, struct db_config_revision *out)
{
	if (next_row(l, REVISION))
		*out = (struct db_config_revision){sqlite3_column_int64(l->statement[REVISION], 0),
			sqlite3_column_int64(l->statement[REVISION], 1)};
	else if (!l->err)
		l->err = -EIO;
}

static void load_all(struct load *l, struct db *db, const struct db_config_revision *known,
	db_route_h *on_route, void *arg)
{
	struct db_config *config = &l->loaded->config;
	next_row(l, SNAPSHOT);
	if (!l->err)
		l->err = parameters_load(l->statement[PARAMETERS], &config->parameters, &l->retries);
	load_revision(l, &config->revision);
	config->endpoints_known = known->endpoints == config->revision.endpoints;
	load_tables(l, db, config);
	if (!l->err && config->revision.routes != known->routes)
		load_routes(l, config, on_route, arg);
	if (l->err)
		keep_words(db, l->err);
	/* Readers hold the snapshot: reset them before it is released. */
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_reset(l->statement[i]);
	sqlite3_step(l->statement[RELEASE]);
}

int db_config_load(struct db *db, const struct db_config_revision *known, db_route_h *on_route, void *arg,
	struct db_config **out)
{
	static const struct db_config_revision nothing = {-1, -1};
	struct load l = {.loaded = calloc(1, sizeof(*l.loaded))};
	if (!l.loaded)
		return -ENOMEM;
	db->words[0] = '\0';
	l.err = db_sqlite_prepare(db->handle, sql, l.statement, STATEMENTS);
	if (!l.err)
		load_all(&l, db, known ? known : &nothing, on_route, arg);
	db_sqlite_finalize(l.statement, STATEMENTS);
	if (l.err) {
		db_config_free(&l.loaded->config);
		return l.err;
	}
	*out = &l.loaded->config;
	return 0;
}

int db_config_unusable(struct db *db, db_config_row_h *on_row, void *arg)
{
	static const char *const select = "SELECT kind, name, why FROM unusable ORDER BY kind, name";
	sqlite3_stmt *row = NULL;
	int result = SQLITE_DONE, err = db_sqlite_prepare(db->handle, &select, &row, 1);

	while (!err && (result = sqlite3_step(row)) == SQLITE_ROW)
		on_row((const char *)sqlite3_column_text(row, 0), (const char *)sqlite3_column_text(row, 1),
			(const char *)sqlite3_column_text(row, 2), arg);
	sqlite3_finalize(row);
	return err ? err : db_sqlite_errno(result);
}

/* A transport that is left to DNS may be TLS. */
static bool is_unverified(const char *transport, bool tls_verify, const char *fingerprint)
{
	return (!transport[0] || strcmp(transport, "tls") == 0) && !tls_verify && !fingerprint[0];
}

void db_config_unverified(const struct db_config *config, db_config_row_h *on_row, void *arg)
{
	static const char why[] = "tls_verify is Off: any certificate will do";

	for (size_t i = 0; i < config->n_gateways; i++) {
		const struct db_gateway *row = &config->gateway[i];
		if (is_unverified(row->transport, row->tls_verify, row->tls_fingerprint))
			on_row("gateway", row->name, why, arg);
	}
	for (size_t i = 0; i < config->n_registrations; i++) {
		const struct db_registration *row = &config->registration[i];
		if (is_unverified(row->transport, row->tls_verify, row->tls_fingerprint))
			on_row("registration", row->name, why, arg);
	}
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
	free(config->endpoint);
	free(loaded);
}
