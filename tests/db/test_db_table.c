/* The lists of columns in C and the tables of the schema say the same. */
#include "db_config.h"
#include "db_table.h"
#include "scratch.h"

#include <stdio.h>
#include <string.h>

static const char *path;
static struct db *db;

static const struct db_table *const tables[] = {
	&db_gateway_table, &db_mapping_gateway_table, &db_registration_table, &db_endpoint_table};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static int make_file(void **state)
{
	char error[256];
	if (scratch_make(state))
		return -1;
	path = scratch_path("c.db");
	return db_open(&db, path, DB_CONFIG, DB_CREATE, error, sizeof(error));
}

static int remove_file(void **state)
{
	db_close(db);
	return scratch_remove(state);
}

/* As many columns here as there, and each of ours is there: so each of theirs is here. */
static void columns_are_those_of_the_schema(void **state)
{
	(void)state;
	for (size_t t = 0; t < TABLES; t++) {
		char query[200];
		snprintf(query, sizeof(query), "SELECT count(*) FROM pragma_table_info('%s')",
			tables[t]->name);
		assert_int_equal(sql_int(path, query), tables[t]->n_columns);
		for (size_t i = 0; i < tables[t]->n_columns; i++) {
			snprintf(query, sizeof(query),
				"SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s'",
				tables[t]->name, tables[t]->columns[i].name);
			if (sql_int(path, query) != 1)
				fail_msg("table %s has no column %s", tables[t]->name,
					tables[t]->columns[i].name);
			for (size_t k = 0; k < i; k++)
				assert_string_not_equal(
					tables[t]->columns[i].name, tables[t]->columns[k].name);
		}
	}
}

static int no_route(const struct db_route *row, void *arg)
{
	(void)row;
	(void)arg;
	return 0;
}

static const void *row_of(const struct db_config *config, const struct db_table *t)
{
	if (t == &db_gateway_table)
		return config->gateway;
	if (t == &db_endpoint_table)
		return config->endpoint;
	return t == &db_mapping_gateway_table ? (const void *)config->mapping_gateway : config->registration;
}

static bool column_equal(const struct db_table *t, size_t i, const void *a, const void *b)
{
	const struct db_table one = {t->name, t->row_size, &t->columns[i], 1};
	return db_table_rows_equal(&one, a, b);
}

/* A value that no default is; of a flag, what stands before its name. */
static const char *value_of(enum db_table_type type)
{
	switch (type) {
	case DB_TABLE_TEXT:
		return "'other'";
	case DB_TABLE_ID:
		return "0x7700000000";
	case DB_TABLE_FLAG:
		return "1 - ";
	case DB_TABLE_SWITCH:
		return "'Off'";
	case DB_TABLE_PORT:
	case DB_TABLE_NUMBER:
	case DB_TABLE_SECONDS:
		return "77";
	case DB_TABLE_OVERRIDE:
		return "'On'";
	case DB_TABLE_RESEND:
		return "'0.7'";
	case DB_TABLE_STOP_CODES:
		return "'555'";
	case DB_TABLE_ALIVE_CODES:
		return "'299'";
	case DB_TABLE_BREAKER_ON:
		return "'timeout'";
	case DB_TABLE_100REL:
		return "'Required'";
	case DB_TABLE_INBOUND_FROM:
		return "'any'";
	case DB_TABLE_EXPIRY:
		return "'Auto'";
	}
	return "NULL";
}

/* Without the triggers, which would ask for rows in other tables or forbid the change. */
static void each_column_is_read_into_its_own_member(void **state)
{
	(void)state;
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('a', '127.0.0.1');"
		"INSERT INTO mapping_gateway (name, host) VALUES ('a', '127.0.0.1');"
		"INSERT INTO registration (name, host, user, auth_user, line)"
		" VALUES ('a', '127.0.0.1', 'u', 'v', '0123456789abcdef');"
		"INSERT INTO endpoint (name, number, password) VALUES ('a', '100', 'p');"
		"DROP TRIGGER gateway_update_endpoint; DROP TRIGGER endpoint_update_id;"
		"DROP TRIGGER registration_line; DROP TRIGGER gateway_update_registration;"
		"DROP TRIGGER gateway_update_id; DROP TRIGGER mapping_gateway_update_id;"
		"DROP TRIGGER registration_update_id");
	for (size_t t = 0; t < TABLES; t++) {
		for (size_t i = 0; i < tables[t]->n_columns; i++) {
			const char *column = tables[t]->columns[i].name;
			struct db_config *before, *after;
			const bool flag = tables[t]->columns[i].type == DB_TABLE_FLAG;
			char sql[400];
			assert_int_equal(db_config_load(db, NULL, no_route, NULL, &before), 0);
			snprintf(sql, sizeof(sql),
				"PRAGMA ignore_check_constraints = ON; UPDATE %s SET %s = %s%s",
				tables[t]->name, column, value_of(tables[t]->columns[i].type),
				flag ? column : "");
			sql_run(path, sql);
			assert_int_equal(db_config_load(db, NULL, no_route, NULL, &after), 0);
			for (size_t k = 0; k < tables[t]->n_columns; k++)
				if (column_equal(tables[t], k, row_of(before, tables[t]),
					    row_of(after, tables[t])) != (k != i))
					fail_msg("after a change of %s.%s: %s", tables[t]->name, column,
						tables[t]->columns[k].name);
			db_config_free(before);
			db_config_free(after);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(columns_are_those_of_the_schema),
		TEST(each_column_is_read_into_its_own_member),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
