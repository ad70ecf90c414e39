/* What table `endpoint` takes and refuses, through plain SQL, and how it is read. */
#include "db_config.h"
#include "db_orphans.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *path;

static int make_file(void **state)
{
	struct db *db = NULL;
	char error[256];
	if (scratch_make(state))
		return -1;
	path = scratch_path("c.db");
	if (db_open(&db, path, DB_CONFIG, DB_CREATE, error, sizeof(error)))
		return -1;
	db_close(db);
	return 0;
}

static int ignore_route(const struct db_route *row, void *arg)
{
	(void)row, (void)arg;
	return 0;
}

static struct db *opened(void)
{
	struct db *db = NULL;
	char error[256];
	assert_int_equal(db_open(&db, path, DB_CONFIG, DB_CREATE, error, sizeof(error)), 0);
	return db;
}

static struct db_config *loaded(void)
{
	struct db *db = opened();
	struct db_config *config = NULL;
	assert_int_equal(db_config_load(db, NULL, ignore_route, NULL, &config), 0);
	db_close(db);
	return config;
}

static void a_name_and_a_password_are_enough(void **state)
{
	(void)state;
	sql_run(path, "INSERT INTO endpoint (name, password) VALUES ('1001', 'secret')");
	struct db_config *config = loaded();
	const struct db_endpoint *e = &config->endpoint[0];
	assert_int_equal(config->n_endpoints, 1);
	assert_string_equal(e->name, "1001");
	assert_string_equal(e->number, "1001");
	assert_string_equal(e->password, "secret");
	assert_string_equal(e->ha1_md5, "");
	assert_string_equal(e->ha1_sha256, "");
	assert_string_equal(e->callers, "");
	assert_true(e->enabled && e->auth_calls);
	assert_int_equal(e->contacts, 1);
	assert_int_equal(e->capacity + e->cps + e->max_call_duration_ms, 0);
	assert_false(e->strict_source || e->sip_100rel.set);
	assert_int_equal(e->nat, DB_OVERRIDE_NONE);
	assert_int_equal(e->session_timer, DB_OVERRIDE_NONE);
	assert_true(e->id != 0);
	db_config_free(config);
}

#define HEX_32 "0123456789abcdefABCDEF0123456789"

static void it_comes_with_all_its_columns(void **state)
{
	(void)state;
	sql_run(path,
		"INSERT INTO endpoint (name, number, ha1_md5, ha1_sha256, enabled, capacity, cps, contacts, auth_calls,"
		" callers, strict_source, nat, session_timer, sip_100rel, max_call_duration) VALUES"
		" ('b', '+4930', '" HEX_32 "', '" HEX_32 HEX_32
		"', 0, 3, 4, 5, 0, '4930*,11', 1, 'On', 'Off',"
		" 'Required', 60), ('a', NULL, '" HEX_32
		"', NULL, 1, 0, 0, 1, 1, NULL, 0, 'Off', NULL, NULL, NULL)");
	struct db_config *config = loaded();
	const struct db_endpoint *e = &config->endpoint[1];
	assert_int_equal(config->n_endpoints, 2);
	assert_string_equal(config->endpoint[0].name, "a");
	assert_string_equal(e->name, "b");
	assert_string_equal(e->number, "+4930");
	assert_string_equal(e->password, "");
	assert_string_equal(e->ha1_md5, HEX_32);
	assert_string_equal(e->ha1_sha256, HEX_32 HEX_32);
	assert_false(e->enabled || e->auth_calls);
	assert_int_equal(e->capacity, 3);
	assert_int_equal(e->cps, 4);
	assert_int_equal(e->contacts, 5);
	assert_string_equal(e->callers, "4930*,11");
	assert_true(e->strict_source);
	assert_int_equal(e->nat, DB_OVERRIDE_ON);
	assert_int_equal(e->session_timer, DB_OVERRIDE_OFF);
	assert_int_equal(e->sip_100rel.value, PARAMETER_100REL_REQUIRED);
	assert_int_equal(e->max_call_duration_ms, 60000);
	db_config_free(config);
}

static void its_columns_explain_themselves(void **state)
{
	(void)state;
	static const struct refusal bad[] = {
		{"name = ''", "name of an endpoint is 1 to 64 characters of a SIP user name"},
		{"name = 'a b'", "name of an endpoint is"},
		{"name = 'a@b'", "name of an endpoint is"},
		{"name = 'a%41'", "name of an endpoint is"},
		{"name = 'a\"b'", "name of an endpoint is"},
		{"name = 'a:b'", "name of an endpoint is"},
		{"name = 'ü'", "name of an endpoint is"},
		{"name = 'a' || char(0)", "name of an endpoint is"},
		{"name = hex(zeroblob(33))", "name of an endpoint is"},
		{"name = NULL", "endpoint.name"},
		{"number = ''", "number is 1 to 64 characters of a SIP user name"},
		{"number = '49 30'", "number is 1 to 64"},
		{"number = hex(zeroblob(33))", "number is 1 to 64"},
		{"password = ''", "password is 1 to 256 bytes, none of them a control character"},
		{"password = 'a' || char(10)", "password is"},
		{"password = 'a' || char(0) || 'b'", "password is"},
		{"password = hex(zeroblob(129))", "password is"},
		{"password = NULL", "an endpoint has either a password or hashes"},
		{"ha1_md5 = '" HEX_32 "'", "an endpoint has either a password or hashes"},
		{"password = NULL, ha1_md5 = '" HEX_32 "0'", "ha1_md5 is 32 hexadecimal digits"},
		{"password = NULL, ha1_md5 = replace('" HEX_32 "', '0', 'g')", "ha1_md5 is 32"},
		{"password = NULL, ha1_md5 = ''", "ha1_md5 is 32"},
		{"password = NULL, ha1_sha256 = '" HEX_32 "'", "ha1_sha256 is 64 hexadecimal digits"},
		{"enabled = 2", "enabled is 1 (yes) or 0 (no)"},
		{"capacity = -1", "capacity is the calls at a time, 0 (no limit) to 1000000"},
		{"cps = 100001", "cps is the new calls per second, 0 (no limit) to 100000"},
		{"contacts = 0", "contacts is how many may be registered at a time, 1 to 16"},
		{"contacts = 17", "contacts is"},
		{"auth_calls = 2", "auth_calls is 1 (calls are challenged) or 0"},
		{"callers = ''", "callers is a list of numbers"},
		{"callers = '1,,2'", "callers is"},
		{"callers = ',1'", "callers is"},
		{"callers = '1,'", "callers is"},
		{"callers = '1, 2'", "callers is"},
		{"callers = hex(zeroblob(513))", "callers is"},
		{"strict_source = 2", "strict_source is 1 (yes) or 0 (no)"},
		{"nat = 'auto'", "nat is On, Off or Auto"},
		{"session_timer = 1",
			"endpoint 1001: session_timer (NULL: SS_SIP_SESSION_TIMER): \"1\" is out of range (On, Off)"},
		{"sip_100rel = 'On'", "sip_100rel (NULL: SS_SIP_100REL): \"On\" is out of range"},
		{"max_call_duration = 9",
			"max_call_duration (NULL: SS_MAXCALLDURATION): \"9\" is out of range"},
		{"id = 7", "the id of an endpoint cannot be changed"},
	};
	static const char *const good[] = {"name = 'alice.b-c_d'", "name = '*21&x=y,z;p?/+$()!~'",
		"number = '+4930'", "number = NULL", "password = 'p ''\"\\ü'",
		"password = NULL, ha1_md5 = hex(zeroblob(16))", "ha1_sha256 = lower(hex(randomblob(32)))",
		"ha1_md5 = NULL", "password = 'x', ha1_sha256 = NULL", "password = NULL, enabled = 0",
		"contacts = 16", "auth_calls = 0", "callers = '*'", "callers = '4930*,+49,100'",
		"callers = NULL", "nat = 'On'", "session_timer = 'On', sip_100rel = 'Supported'",
		"max_call_duration = 0"};
	sql_run(path, "INSERT INTO endpoint (name, password) VALUES ('1001', 'secret')");
	sql_refusals(path, "endpoint", bad, sizeof(bad) / sizeof(bad[0]));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char sql[256];
		snprintf(sql, sizeof(sql), "UPDATE endpoint SET %s", good[i]);
		sql_run(path, sql);
		db_config_free(loaded());
	}
	assert_contains(
		sql_refused(
			path, "INSERT INTO endpoint (name, password, session_timer) VALUES ('n', 'p', 'x')"),
		"endpoint n: session_timer (NULL: SS_SIP_SESSION_TIMER): \"x\" is out of range");
	assert_contains(sql_refused(path, "INSERT INTO endpoint (name) VALUES ('n')"),
		"needs one of them unless enabled is 0");
}

static void a_number_reaches_one_endpoint(void **state)
{
	(void)state;
	sql_run(path,
		"INSERT INTO endpoint (name, number, password) VALUES ('a', '100', 'p'), ('100', '200', 'p');"
		"INSERT INTO endpoint (name, password) VALUES ('b', 'p')");
	assert_contains(
		sql_refused(path, "INSERT INTO endpoint (name, number, password) VALUES ('c', '100', 'p')"),
		"endpoint c: the number \"100\" is that of endpoint a");
	assert_contains(sql_refused(path, "INSERT INTO endpoint (name, password) VALUES ('200', 'p')"),
		"endpoint 200: the number \"200\" is that of endpoint 100");
	assert_contains(sql_refused(path, "UPDATE endpoint SET number = 'b' WHERE name = 'a'"),
		"endpoint a: the number \"b\" is that of endpoint b");
	assert_contains(sql_refused(path, "UPDATE endpoint SET number = NULL WHERE name = '100'"),
		"endpoint 100: the number \"100\" is that of endpoint a");
	assert_contains(sql_refused(path, "UPDATE endpoint SET name = '200' WHERE name = 'b'"),
		"endpoint 200: the number \"200\" is that of endpoint 100");
	assert_contains(
		sql_refused(path, "INSERT INTO endpoint (name, password) VALUES ('a', 'p')"), "UNIQUE");
	sql_run(path, "REPLACE INTO endpoint (name, number, password) VALUES ('a', '100', 'q')");
	sql_run(path,
		"UPDATE endpoint SET name = 'd' WHERE name = 'b'; UPDATE endpoint SET number = 'b' WHERE name = 'a'");
	assert_string_equal(
		sql_text(path,
			"SELECT group_concat(name || ':' || coalesce(number, name), ' ') FROM (SELECT * FROM"
			" endpoint ORDER BY name)"),
		"100:200 a:b d:d");
}

static void rows_have_ids_that_tell_them_apart(void **state)
{
	(void)state;
	sql_run(path,
		"INSERT INTO endpoint (name, password) VALUES ('a', 'p');"
		"INSERT INTO endpoint (name, password, id) SELECT 'b', 'p', id FROM endpoint;"
		"INSERT INTO endpoint (name, password, id) VALUES ('c', 'p', 0), ('d', 'p', 77);"
		"UPDATE endpoint SET name = 'e' WHERE name = 'd'");
	assert_int_equal(sql_int(path, "SELECT count(DISTINCT id) FROM endpoint WHERE id <> 0"), 4);
	assert_int_equal(sql_int(path, "SELECT id FROM endpoint WHERE name = 'e'"), 77);
}

static void a_gateway_may_be_an_endpoint(void **state)
{
	(void)state;
	sql_run(path,
		"INSERT INTO endpoint (name, password) VALUES ('pbx', 'p');"
		"INSERT INTO gateway (name, endpoint) VALUES ('g', 'pbx')");
	struct db_config *config = loaded();
	assert_string_equal(config->gateway[0].endpoint, "pbx");
	assert_string_equal(config->gateway[0].host, "");
	db_config_free(config);
	assert_contains(sql_refused(path, "INSERT INTO gateway (name) VALUES ('h')"),
		"a gateway with an endpoint has none");
	assert_contains(
		sql_refused(path, "INSERT INTO gateway (name, host, endpoint) VALUES ('h', '::1', 'pbx')"),
		"a gateway with an endpoint has none");
	assert_contains(sql_refused(path, "INSERT INTO gateway (name, endpoint) VALUES ('h', 'x')"),
		"gateway \"h\": there is no endpoint \"x\"");
	assert_contains(sql_refused(path, "DELETE FROM endpoint"),
		"endpoint \"pbx\": gateway \"g\" uses it; delete that gateway or give it a host instead");
	sql_run(path, "UPDATE endpoint SET name = 'new'");
	assert_string_equal(sql_text(path, "SELECT endpoint FROM gateway"), "new");
	sql_run(path, "UPDATE gateway SET host = '10.0.0.1', endpoint = NULL; DELETE FROM endpoint");
}

static void an_orphan(const char *row, void *arg)
{
	snprintf(arg, 100, "%s", row);
}

static void a_gateway_without_its_endpoint_is_named(void **state)
{
	char orphan[100] = "";

	(void)state;
	sql_run(path,
		"INSERT INTO endpoint (name, password) VALUES ('pbx', 'p');"
		"INSERT INTO gateway (name, endpoint) VALUES ('g', 'pbx');"
		"DROP TRIGGER endpoint_delete; DELETE FROM endpoint");
	struct db *db = opened();
	assert_int_equal(db_orphans_each(db, an_orphan, orphan), 0);
	db_close(db);
	assert_string_equal(orphan, "gateway \"g\": there is no endpoint \"pbx\"");
}

static void hashes_keep_their_realm_and_their_name(void **state)
{
	static const char *const realm =
		"UPDATE parameter SET value = 'other' WHERE name = 'SS_SIP_AUTHENTICATION_REALM'";

	(void)state;
	sql_run(path, realm);
	sql_run(path, "UPDATE parameter SET value = default_value");
	sql_run(path, "INSERT INTO endpoint (name, ha1_md5) VALUES ('b', '" HEX_32 "')");
	assert_contains(sql_refused(path, realm),
		"SS_SIP_AUTHENTICATION_REALM: endpoint \"b\" would lose its password: hashes are of the realm \"softswitch\"");
	sql_run(path,
		"INSERT INTO endpoint (name, ha1_sha256) VALUES ('a', '" HEX_32 HEX_32 "');"
		"UPDATE endpoint SET enabled = 0 WHERE name = 'b'");
	assert_contains(sql_refused(path, realm), "endpoint \"a\" and 1 other would lose their password");
	sql_run(path, "UPDATE parameter SET value = value");
	assert_contains(sql_refused(path, "UPDATE endpoint SET name = 'c' WHERE name = 'a'"),
		"endpoint \"a\": its hashes are of that name");
	sql_run(path,
		"UPDATE endpoint SET name = 'c', ha1_sha256 = replace(ha1_sha256, '0', '1') WHERE name = 'a'");
	sql_run(path, "UPDATE endpoint SET ha1_md5 = NULL, ha1_sha256 = NULL, enabled = 0");
	sql_run(path, realm);
	sql_run(path, "UPDATE endpoint SET ha1_md5 = '" HEX_32 "', enabled = 1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_and_a_password_are_enough),
		TEST(it_comes_with_all_its_columns),
		TEST(its_columns_explain_themselves),
		TEST(a_number_reaches_one_endpoint),
		TEST(rows_have_ids_that_tell_them_apart),
		TEST(a_gateway_may_be_an_endpoint),
		TEST(a_gateway_without_its_endpoint_is_named),
		TEST(hashes_keep_their_realm_and_their_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
