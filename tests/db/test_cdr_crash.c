/* What the next start makes of what a crash left. */
#include "cdr_journal.h"
#include "cdr_live.h"
#include "cdr_old.h"
#include "cdr_record.h"
#include "cdr_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static const char *path;
static char error[256];

static int make_path(void **state)
{
	int err = scratch_make(state);
	path = scratch_path("cdr.db");
	return err;
}

static void calls_in_progress_at_a_crash_end_with_its_last_sign(void **state)
{
	(void)state;
	const char *copy = scratch_path("copy.db"), *live = scratch_path("copy.db-ram");
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("cut");
	call.end_ms = 0;
	call.hold_ms = -1;
	call.end_reason = NULL;
	cdr_log_keep(log, 0, &call, NULL, 0);
	struct cdr ended = cdr_sample("whole");
	cdr_log_end(log, 0, &ended);
	cdr_sign(log, 1700000005000);
	cdr_crash(log, path, copy);
	const struct timespec past[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(utimensat(AT_FDCWD, live, past, 0), 0);
	cdr_log_close(cdr_opened(copy), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), 2);
	assert_int_equal(
		sql_int(copy, "SELECT count(*) FROM cdr WHERE a_call_id = 'whole' AND end_reason = 'BYE'"),
		1);
	assert_string_equal(
		sql_text(copy,
			"SELECT end_ms || '|' || hold_ms || '|' || end_direction || '|' || end_reason || '|' ||"
			" sip_code || '|' || answer_ms FROM cdr WHERE a_call_id = 'cut'"),
		"1700000005000|3000|2|switch restarted|200|1700000002000");
	/* And once only. */
	cdr_log_close(cdr_opened(copy), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), 2);
}

static void the_time_of_the_file_counts_for_nothing_beside_a_sign(void **state)
{
	(void)state;
	const char *live = scratch_path("cdr.db-ram");
	const struct timespec then[2] = {{.tv_sec = 1700000100}, {.tv_sec = 1700000100}};
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("cut");
	cdr_log_keep(log, 0, &call, NULL, 0);
	cdr_sign(log, 1700000002000);
	cdr_log_close(log, 0);
	assert_int_equal(utimensat(AT_FDCWD, live, then, 0), 0);
	cdr_log_close(cdr_opened(path), 1000);
	assert_int_equal(sql_int(path, "SELECT end_ms FROM cdr"), 1700000002000);
}

/* A crash after the commit and before the slots are free: the next call would free them. */
static void rows_written_just_before_a_crash_are_not_written_again(void **state)
{
	(void)state;
	const char *copy = scratch_path("copy.db");
	struct cdr_log *log = cdr_opened(path);
	for (int i = 0; i < 50; i++) {
		struct cdr call = cdr_sample("a");
		cdr_log_end(log, cdr_log_keep(log, 0, &call, NULL, 0), &call);
	}
	cdr_wait_written(log, 50);
	cdr_crash(log, path, copy);
	log = cdr_opened(copy);
	struct cdr_stats stats;
	cdr_log_stats(log, &stats);
	assert_int_equal(stats.written + stats.pending, 0);
	/* New calls are not mistaken for the old ones, in the same and after another crash. */
	struct cdr call = cdr_sample("new");
	cdr_log_end(log, 0, &call);
	cdr_log_close(log, 0);
	cdr_log_close(cdr_opened(copy), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), 51);
}

struct left {
	enum cdr_journal_state state;
	uint64_t number;
	const char *a_call_id;
};

static int no_entry(const struct cdr_journal_entry *entry, void *arg)
{
	(void)entry, (void)arg;
	return -EEXIST;
}

static void put(struct cdr_journal *j, const struct left *left)
{
	char head[CDR_LIVE_HEAD], bytes[1000];
	struct cdr_record_lengths measure;
	struct cdr call = cdr_sample(left->a_call_id);
	cdr_record_measure(&call, &measure);
	assert_true(measure.size < sizeof(bytes));
	cdr_record_write(&call, &measure, bytes);
	cdr_live_write_head(head, 0, measure.size);
	const struct iovec parts[] = {{head, sizeof(head)}, {bytes, measure.size}};
	const bool ended = left->state == CDR_JOURNAL_ENDED;
	assert_int_not_equal(cdr_journal_put(j, left->state, left->number, parts + ended, 2 - ended), 0);
}

/* A journal as a crash can leave it, beside a table that has the calls with these numbers. */
static void leave_behind(const struct left *left, size_t n, const char *rows)
{
	struct cdr_journal *j = NULL;
	struct cdr_journal_found found;
	char sql[400];
	cdr_log_close(cdr_opened(path), 0);
	snprintf(sql, sizeof(sql),
		"INSERT INTO cdr (a_call_id, b_call_id, ingress, gateway, caller_in, caller_out, callee_in,"
		" callee_out, source_addr, destination_addr, begin_ms, sip_code, end_reason, end_direction,"
		" attempts, journal_number) SELECT 'row', '', '', '', '', '', '', '', '', '', 1700000000000, 200,"
		" '', 0, '[]', value FROM json_each('%s')",
		rows);
	sql_run(path, sql);
	assert_int_equal(cdr_journal_open(&j, cdr_journal_of(path), error, sizeof(error)), 0);
	assert_int_equal(cdr_journal_read(j, &found, no_entry, NULL), 0);
	for (size_t i = 0; i < n; i++)
		put(j, &left[i]);
	cdr_journal_close(j);
}

static const char *const calls_and_reasons =
	"SELECT group_concat(a_call_id || ':' || end_reason) FROM"
	" (SELECT a_call_id, end_reason FROM cdr WHERE a_call_id <> 'row'"
	" ORDER BY id)";

#define NUMBER(n) (CDR_OLD_NUMBERS + (n))

static void each_moment_a_crash_can_choose_gives_one_row(void **state)
{
	(void)state;
	static const struct left left[] = {
		{CDR_JOURNAL_LIVE, NUMBER(3), "talking"},
		{CDR_JOURNAL_OVER, NUMBER(4), "row already, the record had no room"},
		{CDR_JOURNAL_ENDED, NUMBER(5), "row already, the slot not free yet"},
		{CDR_JOURNAL_LIVE, NUMBER(6), "the live entry not free yet"},
		{CDR_JOURNAL_LIVE, NUMBER(7), "row already, the journal is older"},
		{CDR_JOURNAL_OVER, NUMBER(8), "no room, no row"},
		{CDR_JOURNAL_ENDED, NUMBER(20), "later"},
		{CDR_JOURNAL_ENDED, NUMBER(6), "queued"},
	};
	leave_behind(
		left, sizeof(left) / sizeof(left[0]), "[281474976710660,281474976710661,281474976710663]");
	for (int round = 0; round < 2; round++) {
		cdr_log_close(cdr_opened(path), 1000);
		assert_string_equal(sql_text(path, calls_and_reasons),
			"talking:switch restarted,no room, no row:switch restarted,later:BYE,queued:BYE");
	}
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 3 + 4);
}

static void numbers_go_on_after_a_clean_stop(void **state)
{
	(void)state;
	const char *copy = scratch_path("copy.db");
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("before");
	for (int i = 0; i < 10; i++)
		cdr_log_end(log, 0, &call);
	cdr_log_close(log, 1000);
	log = cdr_opened(path);
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	call.a_call_id = "after";
	cdr_log_end(log, 0, &call);
	cdr_crash(log, path, copy);
	sqlite3_close(holder);
	cdr_log_close(cdr_opened(copy), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr WHERE a_call_id = 'after'"), 1);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), 11);
}

static void a_crash_while_restoring_loses_nothing(void **state)
{
	(void)state;
	static const struct left left[] = {
		{CDR_JOURNAL_LIVE, NUMBER(1), "first"},
		{CDR_JOURNAL_OVER, NUMBER(2), "second"},
		{CDR_JOURNAL_ENDED, NUMBER(56), "third"},
	};
	const char *copy = scratch_path("copy.db");
	leave_behind(left, 3, "[]");
	/* Restored, but not written: another process holds the table. */
	sqlite3 *holder = sql_connect(path, "BEGIN IMMEDIATE");
	struct cdr_log *log = cdr_opened(path);
	struct cdr_stats stats;
	cdr_log_stats(log, &stats);
	assert_int_equal(stats.pending, 3);
	cdr_crash(log, path, copy);
	sqlite3_close(holder);
	cdr_log_close(cdr_opened(copy), 1000);
	assert_string_equal(sql_text(copy, calls_and_reasons),
		"third:BYE,first:switch restarted,second:switch restarted");
	cdr_log_close(cdr_opened(path), 1000);
	assert_string_equal(sql_text(path, calls_and_reasons),
		"third:BYE,first:switch restarted,second:switch restarted");
}

static void a_cut_call_does_not_end_before_it_rings(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("cut");
	call.answer_ms = 0;
	cdr_sign(log, call.ring_ms - 1);
	cdr_log_keep(log, 0, &call, NULL, 0);
	cdr_log_close(log, 0);
	cdr_log_close(cdr_opened(path), 1000);
	assert_int_equal(sql_int(path, "SELECT end_ms - ring_ms FROM cdr"), 0);
}

/* The wall clock stepped by an hour when it had been answered: its record goes by the clock of its begin. */
static void a_cut_call_has_lasted_as_long_as_the_steady_clock_says(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("cut");
	call.offset_ms = 1700000000000 - 5000; /* it began at 5 s of the steady clock, was answered at 7 s */
	cdr_log_keep(log, 0, &call, NULL, 0);
	cdr_log_sign(
		log, &(struct cdr_sign){.boot = 1, .steady_ms = 16000, .epoch_ms = 1700000011000 + 3600000});
	cdr_log_close(log, 0);
	log = cdr_opened(path);
	assert_int_equal(cdr_log_last_sign(log)->epoch_ms, 1700000011000 + 3600000);
	cdr_log_close(log, 1000);
	assert_string_equal(sql_text(path, "SELECT hold_ms || '|' || end_ms FROM cdr"), "9000|1700000011000");
}

static void rows_of_a_table_moved_away_do_not_come_back(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("old");
	cdr_log_end(log, 0, &call);
	call.a_call_id = "talking";
	cdr_log_keep(log, 0, &call, NULL, 0);
	cdr_log_close(log, 1000);
	assert_int_equal(rename(path, scratch_path("moved.db")), 0);
	cdr_log_close(cdr_opened(path), 1000);
	assert_string_equal(sql_text(path, calls_and_reasons), "talking:switch restarted");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calls_in_progress_at_a_crash_end_with_its_last_sign),
		TEST(the_time_of_the_file_counts_for_nothing_beside_a_sign),
		TEST(rows_written_just_before_a_crash_are_not_written_again),
		TEST(each_moment_a_crash_can_choose_gives_one_row),
		TEST(numbers_go_on_after_a_clean_stop),
		TEST(a_crash_while_restoring_loses_nothing),
		TEST(a_cut_call_does_not_end_before_it_rings),
		TEST(a_cut_call_has_lasted_as_long_as_the_steady_clock_says),
		TEST(rows_of_a_table_moved_away_do_not_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
