/* What table `registration` takes and refuses, through plain SQL. */
#include "db_config.h"
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
	sql_run(path, "INSERT INTO registration (name, host, user) VALUES ('r', '127.0.0.1', 'u')");
	return 0;
}

static void its_columns_explain_themselves(void **state)
{
	(void)state;
	static const struct refusal bad[] = {
		{"name = ''", "name of a registration is 1 to 64 characters"},
		{"name = 'x '", "no space at its ends"},
		{"name = 'a' || char(10)", "none of them a control character"},
		{"host = ''", "host is an IPv4 address, an IPv6 address without brackets, or a domain name"},
		{"host = '[::1]'", "without brackets"},
		{"host = 'a:5060'", "domain name"},
		{"host = NULL", "registration.host"},
		{"host = '1.2.3'",
			"registration r: host: \"1.2.3\" is not an IPv4 address (four numbers 0-255)"},
		{"port = -1", "port is 0"},
		{"port = 65536", "to 65535"},
		{"port = NULL", "registration.port"},
		{"transport = 'UDP'", "transport is udp, tcp, tls, or NULL for what DNS says"},
		{"local_port = 0", "local_port is 1 to 65535, or NULL for any"},
		{"local_port = 65536", "local_port is"},
		{"auth_user = 'a' || char(13, 10)",
			"auth_user is at most 128 characters, none of them a control character"},
		{"auth_user = hex(zeroblob(65))", "auth_user is at most 128"},
		{"password = hex(zeroblob(129))", "password is at most 256"},
		{"realm = ''",
			"realm is an IPv4 address, an IPv6 address without brackets, or a domain name, or NULL for the host"},
		{"realm = 'a b'", "realm is"},
		{"realm = 'a\"b'", "realm is"},
		{"realm = '1.2'", "registration r: realm: \"1.2\" is not an IPv4 address"},
		{"contact_host = 'a;b'",
			"contact_host is an IPv4 address, an IPv6 address without brackets, or a domain name"
			", or NULL for our own"},
		{"contact_host = '1.2.3.256'",
			"registration r: contact_host: \"1.2.3.256\" is not an IPv4 address"},
		{"expiry = 0", "expiry is Auto, 20 to 7200 s, or NULL for SS_SIP_USER_AGENT_EXPIRE"},
		{"expiry = 19", "expiry is"},
		{"expiry = 7201", "expiry is"},
		{"expiry = 'auto'", "expiry is"},
		{"expiry = ''", "expiry is"},
		{"expiry = '600 '", "expiry is"},
		{"expiry = 60.5", "expiry is"},
		{"keep_alive = 4", "keep_alive is 5 to 300 s, or NULL for none"},
		{"keep_alive = 301", "keep_alive is"},
		{"enabled = 2", "enabled is 1 (yes) or 0 (no)"},
		{"enabled = NULL", "registration.enabled"},
	};
	static const char *const good[] = {"host = '2001:db8::1'", "host = 'reg.example.com'", "port = 0",
		"port = 65535", "transport = 'tcp'", "transport = 'tls'", "transport = NULL",
		"local_port = 1", "local_port = 65535", "local_port = NULL", "auth_user = 'a b@c'",
		"auth_user = NULL", "password = 'p ''\"'", "password = NULL", "realm = 'asterisk'",
		"realm = '10.0.0.1'", "realm = '2001:db8::1'", "realm = NULL", "contact_host = 'pbx.example'",
		"contact_host = '::1'", "contact_host = NULL", "expiry = 20", "expiry = 7200",
		"expiry = 'Auto'", "expiry = '600'", "expiry = NULL", "keep_alive = 5", "keep_alive = 300",
		"keep_alive = NULL", "enabled = 0"};
	sql_refusals(path, "registration", bad, sizeof(bad) / sizeof(bad[0]));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char sql[256];
		snprintf(sql, sizeof(sql), "UPDATE registration SET %s", good[i]);
		sql_run(path, sql);
	}
	assert_contains(
		sql_refused(path, "INSERT INTO registration (name, host, user) VALUES ('n', '1.2.3', 'u')"),
		"registration n: host: \"1.2.3\" is not an IPv4 address");
}

static void check_texts(const char *column, const char *const *good, const char *const *bad, const char *says)
{
	char sql[512];
	for (; *good; good++) {
		sqlite3_snprintf(sizeof(sql), sql, "UPDATE registration SET %s = %Q", column, *good);
		sql_run(path, sql);
	}
	for (; *bad; bad++) {
		sqlite3_snprintf(sizeof(sql), sql, "UPDATE registration SET %s = %Q", column, *bad);
		assert_contains(sql_refused(path, sql), says);
	}
}

static void a_proxy_is_a_host_perhaps_with_a_port(void **state)
{
	(void)state;
	static const char *const good[] = {"p", "proxy.example", "_sip.example", "10.0.0.1", "10.0.0.1:5060",
		"p:1", "proxy.example:65535", "::1", "2001:db8::1", "[::1]", "[::1]:1", "[2001:db8::1]:65535",
		NULL};
	static const char *const bad[] = {"", ":", ":5060", "p:", "p:0", "p:05060", "p:65536",
		"p:99999999999999999999", "p:x", "p:5060x", "p:5060:1", "p:-1", "p :1", "a b", "sip:p", "-p",
		"p;lr", "<p>", "[p]", "[]", "[::1", "[::1]:", "[::1]:0", "[::1]:65536", "[::1]:5x", "[::1]x",
		"[::1]]:5", "[::1]:5]", "[::1]:5:6", "[::1]5060", "x[::1]", "::g", "[::g]:5060",
		"1.2.3.4:5060\n", "[::1]:5060\n", "[::1%eth0]", NULL};
	check_texts("proxy", good, bad,
		"proxy is a host, host:port or [IPv6 address]:port with a port of 1 to 65535, or"
		" NULL for the registrar itself");
	assert_contains(sql_refused(path, "UPDATE registration SET proxy = '1.2.3:5060'"),
		"registration r: proxy: \"1.2.3\" is not an IPv4 address");
	sql_run(path, "UPDATE registration SET proxy = NULL");
}

static void a_user_is_what_a_sip_uri_can_hold(void **state)
{
	(void)state;
	char longest[129], too_long[130];
	snprintf(longest, sizeof(longest), "%0128d", 0);
	snprintf(too_long, sizeof(too_long), "%0129d", 0);
	const char *const good[] = {
		"u", "+4930123", "alice.b-c_d", "!~*()&=+$,;?/", "a%40b%fF", "%00", longest, NULL};
	const char *const bad[] = {"", "a b", "a\"b", "a'b", "<a", "a>", "a@b", "a\n", "a\r\nX: y", "\177",
		"a#b", "a:b", "a[b", "a\\b", "%", "a%4", "a%4g", "%g0", "a%%41", "\303\274", too_long, NULL};
	check_texts("user", good, bad, "user is 1 to 128 characters of a SIP user name");
	assert_contains(sql_refused(path, "UPDATE registration SET user = NULL"), "registration.user");
}

static void its_line_is_made_by_the_database_and_stays(void **state)
{
	(void)state;
	char *before = strdup(sql_text(path, "SELECT line FROM registration"));
	assert_int_equal(strlen(before), 16);
	assert_int_equal(strspn(before, "0123456789abcdef"), 16);
	sql_run(path, "UPDATE registration SET name = 's', host = '::1', line = line");
	assert_string_equal(sql_text(path, "SELECT line FROM registration"), before);
	assert_contains(sql_refused(path, "UPDATE registration SET line = '0123456789abcdef'"),
		"the line of a registration cannot be changed");
	static const char *const bad[] = {"", "1", "0123456789abcde", "0123456789ABCDEF", "0123456789abcdeg",
		"0123456789abcdef0123456789abcdef0"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char sql[256];
		snprintf(sql, sizeof(sql),
			"INSERT INTO registration (name, host, user, line) VALUES ('n', '::1', 'u', '%s')",
			bad[i]);
		assert_contains(sql_refused(path, sql),
			"line is 16 to 32 hexadecimal digits; leave it to the database");
	}
	/* What a dump gives back. */
	sql_run(path,
		"INSERT INTO registration (name, host, user, line) VALUES ('n', '::1', 'u', '0123456789abcdef')");
	assert_contains(sql_refused(path,
				"INSERT INTO registration (name, host, user, line)"
				" VALUES ('m', '::1', 'u', '0123456789abcdef')"),
		"UNIQUE constraint failed: registration.line");
	free(before);
}

static void a_gateway_belongs_to_a_registration_there_is(void **state)
{
	(void)state;
	assert_contains(sql_refused(path,
				"INSERT INTO gateway (name, host, registration) VALUES ('g', '::1', 'nope')"),
		"gateway \"g\": there is no registration \"nope\"");
	sql_run(path,
		"INSERT INTO gateway (name, host, registration) VALUES ('g', '::1', 'r'), ('h', '::1', NULL)");
	assert_contains(sql_refused(path, "UPDATE gateway SET registration = 'nope' WHERE name = 'g'"),
		"gateway \"g\": there is no registration \"nope\"");
	assert_contains(
		sql_refused(path, "UPDATE gateway SET registration = ''"), "there is no registration \"\"");
	sql_run(path, "UPDATE gateway SET registration = 'r'");
	sql_run(path, "UPDATE gateway SET registration = NULL");
}

static void a_registration_in_use_is_not_deleted(void **state)
{
	(void)state;
	sql_run(path,
		"INSERT INTO gateway (name, host, registration) VALUES ('g', '::1', 'r'), ('f', '::1', 'r');"
		"INSERT INTO registration (name, host, user) VALUES ('free', '::1', 'u')");
	assert_contains(sql_refused(path, "DELETE FROM registration"),
		"registration \"r\": gateway \"f\" uses it; delete that gateway or set its registration to NULL first");
	assert_int_equal(sql_int(path, "SELECT count(*) FROM registration"), 2);
	sql_run(path, "DELETE FROM registration WHERE name = 'free'");
	sql_run(path,
		"DELETE FROM gateway WHERE name = 'f'; UPDATE gateway SET registration = NULL; DELETE FROM registration");
	assert_int_equal(sql_int(path, "SELECT count(*) FROM registration"), 0);
}

static void gateways_follow_a_renamed_registration(void **state)
{
	(void)state;
	sql_run(path,
		"INSERT INTO registration (name, host, user) VALUES ('other', '::1', 'u');"
		"INSERT INTO gateway (name, host, registration) VALUES ('a', '::1', 'r'), ('b', '::1', 'other'), ('c', '::1', NULL);"
		"UPDATE registration SET name = 'new' WHERE name = 'r'");
	assert_string_equal(sql_text(path,
				    "SELECT group_concat(name || ifnull(registration, '-')) FROM"
				    " (SELECT name, registration FROM gateway ORDER BY name)"),
		"anew,bother,c-");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(its_columns_explain_themselves),
		TEST(a_proxy_is_a_host_perhaps_with_a_port),
		TEST(a_user_is_what_a_sip_uri_can_hold),
		TEST(its_line_is_made_by_the_database_and_stays),
		TEST(a_gateway_belongs_to_a_registration_there_is),
		TEST(a_registration_in_use_is_not_deleted),
		TEST(gateways_follow_a_renamed_registration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
