/* A cdr.db that cannot be used, or is replaced while it is open: the switch goes on, and no row is lost. */
#include "cdr_sample.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path;
static char error[256];

/* What was told, in short: "failing(words) recovered replaced" */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char told[4096];
static uint64_t failing_after_ms;

static int make_path(void **state)
{
	int err = scratch_make(state);
	path = scratch_path("cdr.db");
	told[0] = '\0';
	return err;
}

static void on_news(const struct cdr_report *r, void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	const size_t n = strlen(told);
	if (r->news == CDR_FAILING) {
		snprintf(told + n, sizeof(told) - n, "failing(%s) ", r->words);
		failing_after_ms = r->lasted_ms;
	} else {
		strcat(told, r->news == CDR_RECOVERED ? "recovered " : "replaced ");
	}
	pthread_mutex_unlock(&lock);
}

static bool was_told(const char *part)
{
	pthread_mutex_lock(&lock);
	const bool found = strstr(told, part);
	pthread_mutex_unlock(&lock);
	return found;
}

static void wait_told(const char *part)
{
	const uint64_t end = cdr_now_ms() + 10000;
	while (!was_told(part)) {
		if (cdr_now_ms() > end)
			fail_msg("not told %s but: %s", part, told);
		usleep(2000);
	}
}

static struct cdr_log *opened(const char *at)
{
	struct cdr_log *log = NULL;
	const struct cdr_log_parts parts = {.path = at, .journal = cdr_journal_of(at), .on_news = on_news};
	assert_int_equal(cdr_log_open(&log, &parts, error, sizeof(error)), 0);
	assert_string_equal(error, "");
	return log;
}

/* A process of its own, as closing a file drops the locks that SQLite has on it in this one. */
static void shell(const char *command)
{
	char line[1000];
	snprintf(line, sizeof(line), "cd '%s' && %s", scratch_path("."), command);
	assert_int_equal(system(line), 0); /* NOLINT(cert-env33-c): what an operator would do */
}

static void end_call(struct cdr_log *log, const char *name)
{
	struct cdr call = cdr_sample(name);
	cdr_log_end(log, cdr_log_keep(log, 0, &call, NULL, 0), &call);
}

static const char *const names =
	"SELECT group_concat(a_call_id) FROM (SELECT a_call_id FROM cdr ORDER BY id)";

static void make_good(const char *name)
{
	(void)name;
	cdr_log_close(cdr_opened(path), 0);
}

static void make_foreign(const char *name)
{
	(void)name;
	sql_run(path, "CREATE TABLE t (x)");
}

static void make_text(const char *name)
{
	(void)name;
	scratch_write(path, "this is no database, it only looks like a file of some length\n", 62);
}

static void make_truncated(const char *name)
{
	make_good(name);
	assert_int_equal(truncate(path, 5000), 0);
}

static void make_folder(const char *name)
{
	(void)name;
	assert_int_equal(mkdir(path, 0700), 0);
}

static void make_other_columns(const char *name)
{
	make_good(name);
	sql_run(path, "ALTER TABLE cdr RENAME COLUMN sip_code TO code");
}

/* Each file is beside the others, and they are all in trouble at the same time. */
static void a_file_that_cannot_be_used_at_the_start_holds_up_nobody(void **state)
{
	(void)state;
	static const struct {
		void (*make)(const char *name);
		const char *says;
	} broken[] = {
		{make_foreign, "not a call record database of softswitch"},
		{make_text, "file is not a database"},
		{make_truncated, "malformed"},
		{make_folder, "not a regular file"},
		{make_other_columns, "no column named sip_code"},
	};
	enum { N = sizeof(broken) / sizeof(broken[0]) };
	struct cdr_log *log[N];
	char at[N][300], away[sizeof(at) + 16], name[16];
	for (size_t i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%zu.db", i);
		snprintf(at[i], sizeof(at[i]), "%s", scratch_path(name));
		path = at[i];
		broken[i].make(name);
		log[i] = opened(at[i]);
		cdr_calls(log[i], 10);
	}
	for (size_t i = 0; i < N; i++) {
		struct cdr_stats stats = cdr_wait_error(log[i]);
		assert_int_equal(stats.pending, 10);
		assert_contains(stats.error, broken[i].says);
		assert_contains(stats.error, at[i]);
		wait_told(broken[i].says);
		assert_in_range(failing_after_ms, 1000, 5000);
	}
	for (size_t i = 0; i < N; i++) {
		snprintf(away, sizeof(away), "%s.broken", at[i]);
		assert_int_equal(rename(at[i], away), 0);
	}
	for (size_t i = 0; i < N; i++) {
		struct cdr_stats stats;
		cdr_wait_written(log[i], 10);
		wait_told("recovered");
		cdr_log_stats(log[i], &stats);
		assert_string_equal(stats.error, "");
		assert_int_equal(cdr_log_close(log[i], 0), 0);
		assert_string_equal(sql_text(at[i], names), "0,1,2,3,4,5,6,7,8,9");
	}
}

static void what_waits_at_the_stop_is_counted_and_kept_for_the_next_start(void **state)
{
	(void)state;
	make_text(NULL);
	struct cdr_log *log = opened(path);
	const uint64_t begin = cdr_now_ms();
	cdr_calls(log, 7);
	assert_int_equal(cdr_log_close(log, 10000), 7);
	assert_in_range(cdr_now_ms() - begin, 0, 5000); /* only a lock is waited for */
	assert_int_equal(unlink(path), 0);
	log = cdr_opened(path);
	cdr_wait_written(log, 7);
	assert_int_equal(cdr_log_close(log, 0), 0);
	assert_string_equal(sql_text(path, names), "0,1,2,3,4,5,6");
}

/* The first start finds records of which the table, which it cannot read, has some; it dies, too. */
static void what_a_crash_left_waits_for_the_table_that_knows_it(void **state)
{
	(void)state;
	const char *copy = scratch_path("copy.db"), *kept = scratch_path("kept.db");
	struct cdr_log *log = cdr_opened(path);
	cdr_calls(log, 20);
	cdr_wait_written(log, 20);
	end_call(log, "last");
	cdr_wait_written(log, 21);
	struct cdr talking = cdr_sample("talking");
	cdr_log_keep(log, 0, &talking, NULL, 0);
	sqlite3 *holder = sql_connect(path, "BEGIN IMMEDIATE");
	end_call(log, "queued");
	cdr_crash(log, path, copy);
	sqlite3_close(holder);
	assert_int_equal(rename(copy, kept), 0);
	shell("rm -f copy.db-wal; cp kept.db kept_copy.db");
	scratch_write(copy, "rubbish, and some more of it", 28);
	log = opened(copy);
	end_call(log, "new");
	cdr_wait_error(log);
	shell("cp copy.db-ram second.db-ram; cp kept_copy.db second.db");
	assert_int_equal(rename(kept, copy), 0);
	cdr_wait_written(log, 3);
	cdr_log_close(log, 0);
	cdr_log_close(cdr_opened(scratch_path("second.db")), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), 24);
	assert_int_equal(sql_int(copy, "SELECT count(DISTINCT a_call_id) FROM cdr"), 24);
	assert_int_equal(sql_int(scratch_path("second.db"), "SELECT count(*) FROM cdr"), 24);
	assert_int_equal(sql_int(scratch_path("second.db"), "SELECT count(DISTINCT a_call_id) FROM cdr"), 24);
}

static void a_file_moved_away_keeps_its_rows_and_a_new_one_gets_the_next(void **state)
{
	(void)state;
	const char *moved = scratch_path("old.db");
	struct cdr_log *log = opened(path);
	cdr_calls(log, 10);
	cdr_wait_written(log, 10);
	assert_int_equal(rename(path, moved), 0);
	wait_told("replaced"); /* without any call */
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 0);
	end_call(log, "new");
	cdr_wait_written(log, 11);
	assert_string_equal(sql_text(path, names), "new");
	assert_string_equal(sql_text(moved, names), "0,1,2,3,4,5,6,7,8,9");
	/* Again, while the next row is on its way, and into a file that was there before. */
	assert_int_equal(rename(path, scratch_path("second.db")), 0);
	assert_int_equal(rename(moved, path), 0);
	end_call(log, "last");
	cdr_wait_written(log, 12);
	cdr_log_close(log, 0);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr") +
			sql_int(scratch_path("second.db"), "SELECT count(*) FROM cdr"),
		12);
	assert_string_equal(sql_text(path, "PRAGMA integrity_check"), "ok");
	assert_false(was_told("failing"));
}

/* A report that takes long: what it must not see yet is in the log only. */
static void a_file_moved_away_under_a_reader_gets_all_its_rows(void **state)
{
	(void)state;
	const char *moved = scratch_path("old.db"), *reads = scratch_path("reads");
	struct cdr_log *log = opened(path);
	char command[400];
	snprintf(command, sizeof(command), "%s '%s' > '%s'", SQLITE3, path, scratch_path("report"));
	cdr_calls(log, 10);
	cdr_wait_written(log, 10);
	FILE *reader = popen(command, "w"); /* NOLINT(cert-env33-c): what an operator would do */
	assert_non_null(reader);
	fprintf(reader, "BEGIN; SELECT count(*) FROM cdr;\n.shell touch %s\n", reads);
	fflush(reader);
	while (access(reads, F_OK))
		usleep(2000);
	end_call(log, "beside the report");
	cdr_wait_written(log, 11);
	assert_int_equal(rename(path, moved), 0);
	end_call(log, "new");
	wait_told("another process reads it");
	pclose(reader);
	cdr_wait_written(log, 12);
	cdr_log_close(log, 0);
	assert_string_equal(sql_text(path, names), "new");
	assert_string_equal(sql_text(moved, names), "0,1,2,3,4,5,6,7,8,9,beside the report");
}

/* The log of the old file is not mixed with the new contents, and what this process has written is not written again. */
static void a_file_overwritten_by_an_older_copy_of_it_goes_on(void **state)
{
	(void)state;
	struct cdr_log *log = opened(path);
	cdr_calls(log, 10);
	cdr_wait_written(log, 10);
	shell("cp cdr.db copy.db");
	end_call(log, "gone with what it was in");
	cdr_wait_written(log, 11);
	shell("cat copy.db > cdr.db");
	wait_told("replaced");
	end_call(log, "new");
	cdr_wait_written(log, 12);
	cdr_log_close(log, 0);
	assert_string_equal(sql_text(path, names), "0,1,2,3,4,5,6,7,8,9,new");
	assert_string_equal(sql_text(path, "PRAGMA integrity_check"), "ok");
	cdr_log_close(cdr_opened(path), 0);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 11);
}

/* The index on Call-IDs, which takes long in a large file, is left to the operator. */
static void a_file_of_version_1_goes_on_with_its_rows(void **state)
{
	(void)state;
	size_t size;
	char *schema = scratch_read(SCHEMA_CDR_V1, &size);
	sql_run(path, schema);
	sql_run(path,
		"PRAGMA application_id = 0x53574352; PRAGMA user_version = 1;"
		"INSERT INTO cdr (a_call_id, b_call_id, ingress, gateway, caller_in, caller_out, callee_in, callee_out,"
		" source_addr, destination_addr, sip_code, end_reason, end_direction, attempts)"
		" VALUES ('old', '', '', '', '', '', '', '', '', '', 200, '', 0, '[]')");
	free(schema);
	struct cdr_log *log = cdr_opened(path);
	end_call(log, "new");
	cdr_log_close(log, 1000);
	assert_string_equal(sql_text(path, names), "old,new");
	assert_int_equal(sql_int(path, "PRAGMA user_version"), 3);
	assert_int_equal(sql_int(path, "SELECT journal_number > 0 FROM cdr WHERE a_call_id = 'new'"), 1);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM sqlite_schema WHERE type = 'index'"), 1);
}

/* Whichever way it came about, and however many rows there are: none of them is read. */
static void a_file_of_version_2_becomes_what_a_new_one_is(void **state)
{
	(void)state;
	static const char *const columns =
		"SELECT group_concat(name || ' ' || type || \"notnull\" || ifnull(dflt_value, '') || pk) FROM pragma_table_info('cdr')";
	size_t size;
	char *schema = scratch_read(SCHEMA_CDR_V2, &size);
	sql_run(path, schema);
	free(schema);
	sql_run(path,
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
		" INSERT INTO cdr (a_call_id, b_call_id, ingress, gateway, caller_in, caller_out, callee_in, callee_out,"
		" source_addr, destination_addr, sip_code, end_reason, end_direction, attempts, journal_number)"
		" SELECT i, '', 'm', 'g', '', '', '', '', '', '', 200, '', 0, '[]', i FROM n");
	struct cdr_log *log = cdr_opened(path);
	end_call(log, "new");
	cdr_log_close(log, 1000);
	assert_int_equal(sql_int(path, "PRAGMA user_version"), 3);
	assert_int_equal(
		sql_int(path, "SELECT count(*) FROM cdr WHERE ingress_kind IS NULL AND gateway_kind IS NULL"),
		1000);
	assert_string_equal(
		sql_text(path, "SELECT ingress_kind || gateway_kind FROM cdr WHERE a_call_id = 'new'"),
		"mapping_gatewaygateway");
	char *upgraded = strdup(sql_text(path, columns));
	cdr_log_close(cdr_opened(scratch_path("new.db")), 0);
	assert_string_equal(sql_text(scratch_path("new.db"), columns), upgraded);
	free(upgraded);
}

static void look_ups_use_an_index(void **state)
{
	(void)state;
	static const char *const conditions[] = {
		"a_call_id = 'x'", "b_call_id = 'x'", "begin_ms > 0", "begin_ms IS 1 AND journal_number = 5"};
	char query[200];
	make_good(NULL);
	sqlite3 *db = sql_connect(path, "");
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		sqlite3_stmt *plan;
		snprintf(query, sizeof(query), "EXPLAIN QUERY PLAN SELECT gateway FROM cdr WHERE %s",
			conditions[i]);
		assert_int_equal(sqlite3_prepare_v2(db, query, -1, &plan, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(plan), SQLITE_ROW);
		assert_contains((const char *)sqlite3_column_text(plan, 3), "USING INDEX cdr_by_");
		sqlite3_finalize(plan);
	}
	sqlite3_close(db);
}

/* A folder without room for a journal, here because its name is taken. */
static void without_a_journal_calls_become_rows_all_the_same(void **state)
{
	(void)state;
	struct cdr_log *log = NULL;
	struct cdr_stats stats;
	assert_int_equal(mkdir(cdr_journal_of(path), 0700), 0);
	const struct cdr_log_parts parts = {.path = path, .journal = cdr_journal_of(path)};
	assert_int_equal(cdr_log_open(&log, &parts, error, sizeof(error)), 0);
	assert_contains(error, "cdr.db-ram");
	cdr_calls(log, 10);
	cdr_wait_written(log, 10);
	cdr_log_stats(log, &stats);
	assert_true(stats.journal_failures > 0);
	assert_int_equal(cdr_log_close(log, 0), 0);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_that_cannot_be_used_at_the_start_holds_up_nobody),
		TEST(what_waits_at_the_stop_is_counted_and_kept_for_the_next_start),
		TEST(what_a_crash_left_waits_for_the_table_that_knows_it),
		TEST(a_file_moved_away_keeps_its_rows_and_a_new_one_gets_the_next),
		TEST(a_file_moved_away_under_a_reader_gets_all_its_rows),
		TEST(a_file_overwritten_by_an_older_copy_of_it_goes_on),
		TEST(a_file_of_version_1_goes_on_with_its_rows),
		TEST(a_file_of_version_2_becomes_what_a_new_one_is),
		TEST(look_ups_use_an_index),
		TEST(without_a_journal_calls_become_rows_all_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
