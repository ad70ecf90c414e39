/* What the switch remembers over a restart. */
#include "db.h"
#include "db_binding.h"
#include "db_publication.h"
#include "scratch.h"
#include "state.h"

#include <glob.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path;
static char names[256], troubles[2048];
static int changes;

static void on_trouble(const char *what, void *arg)
{
	(void)arg;
	strncat(troubles, what, sizeof(troubles) - strlen(troubles) - 1);
}

static void on_change(void *arg)
{
	++*(int *)arg;
}

static void on_row(const void *row, void *arg)
{
	const struct db_publication *p = row;
	size_t n = strlen(names);

	(void)arg;
	snprintf(names + n, sizeof(names) - n, "%s:%s:%u ", p->gateway, p->basic, p->expires_s);
}

static struct state *opened(void)
{
	const struct state_handlers handlers = {on_trouble, on_change, &changes};
	struct state *s;

	names[0] = '\0';
	assert_int_equal(state_open(&s, path, &handlers), 0);
	assert_int_equal(state_load(s, &db_publication_table, on_row, NULL), 0);
	return s;
}

static void put(struct state *s, const char *gateway, const char *basic)
{
	const struct db_publication row = {.gateway = gateway,
		.address = "::1 5060 udp",
		.etag = "e",
		.basic = basic,
		.expires_s = 4000000000u};

	assert_int_equal(state_put(s, &db_publication_table, &row), 0);
}

static int set_up(void **state)
{
	troubles[0] = '\0';
	changes = 0;
	if (scratch_make(state))
		return -1;
	path = scratch_path("state.db");
	return 0;
}

static void rows_come_back_as_they_were_put_last(void **unused)
{
	struct state *s = opened();

	(void)unused;
	put(s, "a", "open");
	put(s, "b", "open");
	put(s, "c", "open");
	assert_false(state_write(s));
	put(s, "a", "closed");
	assert_int_equal(state_remove(s, &db_publication_table, "b"), 0);
	assert_int_equal(state_remove(s, &db_publication_table, "nobody"), 0);
	assert_int_equal(changes, 6);
	assert_false(state_write(s));
	state_close(s);
	state_close(opened());
	assert_string_equal(names, "a:closed:4000000000 c:open:4000000000 ");
	assert_string_equal(troubles, "");
}

static void what_was_loaded_can_be_removed(void **unused)
{
	struct state *s = opened();

	(void)unused;
	put(s, "a", "open");
	state_write(s);
	state_close(s);
	s = opened();
	state_remove(s, &db_publication_table, "a");
	state_write(s);
	state_close(s);
	state_close(opened());
	assert_string_equal(names, "");
}

static void put_binding(struct state *s, const char *id, const char *endpoint)
{
	const struct db_binding row = {.id = id,
		.endpoint = endpoint,
		.contact = "",
		.path = "",
		.call_id = "",
		.source = "",
		.transport = "",
		.listener = "",
		.user_agent = ""};

	assert_int_equal(state_put(s, &db_binding_table, &row), 0);
}

/* Rows of two tables are put and removed in any order, some of them several times before they are written. */
static void the_file_has_what_was_said_last_of_each_row(void **unused)
{
	enum { ROWS = 12, STEPS = 2000 };
	bool there[2][ROWS] = {{false}};
	struct state *s = opened();
	char name[8], wanted[200], query[100];

	(void)unused;
	scratch_seed(7);
	for (unsigned step = 0; step < STEPS; step++) {
		const unsigned table = scratch_random(2), row = scratch_random(ROWS);

		there[table][row] = scratch_random(2);
		snprintf(name, sizeof(name), "%02u", row);
		if (!there[table][row])
			state_remove(s, table ? &db_binding_table : &db_publication_table, name);
		else if (table)
			put_binding(s, name, "e");
		else
			put(s, name, "open");
		if (scratch_random(20))
			continue;
		assert_false(state_write(s));
		for (unsigned t = 0; t < 2; t++) {
			wanted[0] = '\0';
			for (unsigned i = 0; i < ROWS; i++)
				if (there[t][i])
					snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted),
						"%s%02u", wanted[0] ? "," : "", i);
			snprintf(query, sizeof(query),
				"SELECT ifnull(group_concat(k), '') FROM (SELECT %s AS k FROM %s ORDER BY 1)",
				t ? "id" : "gateway", t ? "binding" : "publication");
			assert_string_equal(sql_text(path, query), wanted);
		}
	}
	state_close(s);
}

/* In processor time: a look at each row would take 20 times as long. */
static void rows_that_have_not_changed_cost_nothing(void **unused)
{
	enum { ROWS = 50000, TURNS = 1000 };
	struct state *s = opened();
	char name[16];
	clock_t begin;

	(void)unused;
	for (unsigned i = 0; i < ROWS; i++) {
		snprintf(name, sizeof(name), "%u", i);
		put_binding(s, name, name);
	}
	assert_false(state_write(s));
	begin = clock();
	for (unsigned i = 0; i < TURNS; i++)
		assert_false(state_write(s));
	assert_true(clock() - begin < CLOCKS_PER_SEC / 2);
	put_binding(s, "0", "changed");
	assert_false(state_write(s));
	state_close(s);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM binding WHERE endpoint = 'changed'"), 1);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM binding"), ROWS);
}

static void a_file_of_version_1_keeps_its_rows(void **unused)
{
	size_t size;
	char *schema = scratch_read(SCHEMA_STATE_V1, &size);

	(void)unused;
	sql_run(path, schema);
	free(schema);
	sql_run(path,
		"PRAGMA application_id = 0x53575354; PRAGMA user_version = 1;"
		" INSERT INTO publication VALUES ('a', '::1 5060 udp', 'e', 'open', 4000000000)");
	state_close(opened());
	assert_string_equal(names, "a:open:4000000000 ");
	assert_string_equal(troubles, "");
	assert_int_equal(sql_int(path, "SELECT count(*) FROM binding, suspension"), 0);
}

static void check_moved_aside(const char *why)
{
	char pattern[300];
	glob_t found;

	state_close(opened());
	assert_contains(troubles, path);
	assert_contains(troubles, why);
	assert_contains(troubles, "made anew");
	assert_int_equal(sql_int(path, "SELECT count(*) FROM publication"), 0);
	snprintf(pattern, sizeof(pattern), "%s.broken-*", path);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	globfree(&found);
}

static void a_file_that_is_no_database_is_moved_aside(void **unused)
{
	(void)unused;
	scratch_write(path, "this is no database, it only looks like a file of some length\n", 62);
	check_moved_aside("not a database");
}

static void a_file_of_another_kind_is_moved_aside(void **unused)
{
	(void)unused;
	sql_run(path, "CREATE TABLE t (x)");
	check_moved_aside("not a state database");
}

static void a_newer_file_is_moved_aside(void **unused)
{
	(void)unused;
	state_close(opened());
	sql_run(path, "PRAGMA user_version = 9");
	check_moved_aside("newer than this program");
}

static void a_truncated_file_is_moved_aside(void **unused)
{
	struct state *s = opened();
	char name[16];

	(void)unused;
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "gateway%d", i);
		put(s, name, "open");
	}
	state_write(s);
	state_close(s);
	assert_int_equal(truncate(path, 3 * 4096), 0);
	check_moved_aside("");
}

static void a_file_that_goes_while_it_is_open_is_written_again(void **unused)
{
	struct state *s = opened();

	(void)unused;
	put(s, "a", "open");
	state_write(s);
	unlink(path);
	unlink(scratch_path("state.db-wal"));
	unlink(scratch_path("state.db-shm"));
	put(s, "b", "open");
	assert_false(state_write(s));
	assert_contains(troubles, "was removed, replaced or emptied");
	state_close(s);
	state_close(opened());
	assert_string_equal(names, "a:open:4000000000 b:open:4000000000 ");
}

static void a_table_that_goes_while_it_is_open_is_no_end(void **unused)
{
	struct state *s = opened();

	(void)unused;
	put(s, "a", "open");
	state_write(s);
	sql_run(path, "DROP TABLE publication");
	put(s, "b", "open");
	assert_true(state_write(s));
	assert_false(state_write(s));
	assert_contains(troubles, "no such table");
	state_close(s);
	state_close(opened());
	assert_string_equal(names, "a:open:4000000000 b:open:4000000000 ");
}

static void a_file_somebody_holds_is_written_later(void **unused)
{
	struct state *s = opened();
	sqlite3 *other = sql_connect(path, "BEGIN IMMEDIATE");

	(void)unused;
	put(s, "a", "open");
	assert_true(state_write(s));
	sqlite3_close(other);
	assert_false(state_write(s));
	assert_string_equal(troubles, "");
	assert_int_equal(sql_int(path, "SELECT count(*) FROM publication"), 1);
	state_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, scratch_remove)

static void check_rows(const char *wanted)
{
	assert_string_equal(
		sql_text(path,
			"SELECT group_concat(gateway || ':' || basic, ' ') FROM (SELECT * FROM publication ORDER BY 1)"),
		wanted);
	assert_string_equal(sql_text(path, "PRAGMA integrity_check"), "ok");
}

/* Whatever has its name has the rows of memory and no others, though nothing was put since. */
static void run_shell(const char *command)
{
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): what an operator would do */
}

static void a_file_that_is_replaced_is_written_anew(void **unused)
{
	char command[800];
	struct state *s = opened();

	(void)unused;
	put(s, "old", "open");
	assert_false(state_write(s));
	snprintf(command, sizeof(command), "cp '%s' '%s.copy'", path, path);
	run_shell(command);
	state_remove(s, &db_publication_table, "old");
	put(s, "a", "closed");
	assert_false(state_write(s));
	assert_int_equal(rename(path, scratch_path("moved.db")), 0);
	assert_false(state_write(s));
	check_rows("a:closed");
	snprintf(command, sizeof(command), "cat '%s.copy' > '%s'", path, path);
	run_shell(command);
	assert_false(state_write(s));
	check_rows("a:closed");
	snprintf(command, sizeof(command), "mv '%s.copy' '%s'", path, path);
	run_shell(command);
	assert_false(state_write(s));
	check_rows("a:closed");
	assert_contains(troubles, "replaced");
	state_close(s);
}

/* A path in which there can be no file yet. */
static void a_file_that_cannot_be_opened_is_tried_again(void **unused)
{
	const char *folder = scratch_path("later");
	struct state *s;

	(void)unused;
	path = scratch_path("later/state.db");
	s = opened();
	assert_contains(troubles, "later/state.db");
	put(s, "a", "open");
	assert_true(state_write(s));
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_false(state_write(s));
	check_rows("a:open");
	state_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_come_back_as_they_were_put_last),
		TEST(what_was_loaded_can_be_removed),
		TEST(the_file_has_what_was_said_last_of_each_row),
		TEST(rows_that_have_not_changed_cost_nothing),
		TEST(a_file_of_version_1_keeps_its_rows),
		TEST(a_file_that_is_no_database_is_moved_aside),
		TEST(a_file_of_another_kind_is_moved_aside),
		TEST(a_newer_file_is_moved_aside),
		TEST(a_truncated_file_is_moved_aside),
		TEST(a_file_that_goes_while_it_is_open_is_written_again),
		TEST(a_table_that_goes_while_it_is_open_is_no_end),
		TEST(a_file_somebody_holds_is_written_later),
		TEST(a_file_that_is_replaced_is_written_anew),
		TEST(a_file_that_cannot_be_opened_is_tried_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
