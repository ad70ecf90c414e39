/* What an operator sees in the sqlite3 command line itself. */
#include "db.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* @return what it printed, of both streams; *status its exit */
static const char *cli(const char *sql, int *status)
{
	static char output[4096];
	const char *in = scratch_path("in.sql"), *out = scratch_path("out.txt");
	scratch_write(in, sql, strlen(sql));
	pid_t child = fork();
	if (child == 0) {
		if (!freopen(in, "r", stdin) || !freopen(out, "w", stdout) || dup2(1, 2) < 0)
			_exit(126);
		execl(SQLITE3, "sqlite3", "-batch", path, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, status, 0), child);
	size_t size;
	char *text = scratch_read(out, &size);
	snprintf(output, sizeof(output), "%s", text);
	free(text);
	return output;
}

static void an_operators_first_rows_are_taken_silently(void **state)
{
	(void)state;
	int status;
	assert_string_equal(cli("insert into mapping_gateway(name,host) values('caller','127.0.0.0/8');\n"
				"insert into gateway(name,host,port) values('gw1','127.0.0.1',5080);\n"
				"insert into route(prefix,gateway,priority) values('','gw1',1);\n"
				"update gateway set enabled=0 where name='gw1';\n"
				"update parameter set value=30 where name='SS_SIP_TIMEOUT_INVITE';",
				    &status),
		"");
	assert_int_equal(status, 0);
	assert_string_equal(cli("select * from route; select value, range, unit from parameter"
				" where name='SS_SIP_TIMEOUT_INVITE';",
				    &status),
		"|gw1|1|0|0|1\n30|1-120|s\n");
}

static void each_kind_of_mistake_is_answered_in_words(void **state)
{
	(void)state;
	static const struct {
		const char *sql, *says;
	} mistakes[] = {
		{"update parameter set value=500 where name='SS_SIP_TIMEOUT_INVITE';",
			"SS_SIP_TIMEOUT_INVITE: \"500\" is out of range (1-120 s)"},
		{"update parameter set value='maybe' where name='SS_REPLY_UNAUTHORIZED';",
			"SS_REPLY_UNAUTHORIZED: \"maybe\" is out of range (On, Off)"},
		{"insert into gateway(name,host,timeout_ringing) values('g','127.0.0.1',601);",
			"gateway g: timeout_ringing (NULL: SS_SIP_TIMEOUT_RINGING): \"601\" is out of range (1-600 s)"},
		{"insert into gateway(name,host,transport) values('g','127.0.0.1','sctp');",
			"CHECK constraint failed: transport is udp, tcp, tls, or NULL for what DNS says"},
		{"insert into route(prefix,gateway) values('49','nope');",
			"route \"49\": there is no gateway \"nope\""},
		{"delete from parameter;", "a parameter cannot be deleted; to restore its default: UPDATE"},
	};
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		int status;
		assert_contains(cli(mistakes[i].sql, &status), mistakes[i].says);
		assert_int_not_equal(status, 0);
	}
}

static void a_list_of_routes_is_imported(void **state)
{
	(void)state;
	int status;
	const char *csv = scratch_path("routes.csv");
	char command[256];
	static const char rows[] = "49,gw,1,0,0,1\n44,gw,2,5,1,1\n1,nope,1,0,0,1\n";
	scratch_write(csv, rows, sizeof(rows) - 1);
	sql_run(path, "INSERT INTO gateway (name, host) VALUES ('gw', '127.0.0.1')");
	snprintf(command, sizeof(command), ".mode csv\n.import %s route", csv);
	assert_contains(cli(command, &status), "there is no gateway \"nope\"");
	assert_string_equal(
		sql_text(path, "SELECT group_concat(prefix || ' ' || priority || ' ' || weight) FROM route"),
		"44 2 5,49 1 0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_operators_first_rows_are_taken_silently),
		TEST(each_kind_of_mistake_is_answered_in_words),
		TEST(a_list_of_routes_is_imported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
