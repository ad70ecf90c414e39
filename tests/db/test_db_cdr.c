/* One row per call, whatever happens to the disk. */
#include "cdr_journal.h"
#include "cdr_record.h"
#include "cdr_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;
static char error[256];

static const char *const whole_row = "SELECT a_call_id || '|' || b_call_id || '|' || ingress || '|' || gateway || '|' ||"
	" caller_in || '|' || caller_out || '|' || callee_in || '|' || callee_out || '|' || source_addr || '|' ||"
	" destination_addr || '|' || begin_ms || '|' || ifnull(ring_ms, 'NULL') || '|' || ifnull(answer_ms, 'NULL')"
	" || '|' || ifnull(end_ms, 'NULL') || '|' || ifnull(pdd_ms, 'NULL') || '|' || ifnull(hold_ms, 'NULL') || '|' ||"
	" sip_code || '|' || end_reason || '|' || end_direction || '|' || attempts FROM cdr";

static int make_path(void **state)
{
	int err = scratch_make(state);
	path = scratch_path("cdr.db");
	return err;
}

static void an_answered_call_is_one_row_with_every_column(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("a@1");
	cdr_slot slot = cdr_answer(log, &call);
	assert_int_not_equal(slot, 0);
	cdr_end(log, slot, &call);
	cdr_close(log, 1000);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 1);
	assert_string_equal(sql_text(path, whole_row), "a@1|b-leg|caller|gw1|+4930123|4930123|004420|4420|127.0.0.1:5060|"
		"[::1]:5080|1700000000000|1700000001000|1700000002000|1700000005000|900|3000|200|BYE|1|[{\"gateway\":\"gw1\"}]");
}

static void a_refused_call_has_nulls_for_what_never_was(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	const struct cdr call = {.a_call_id = "r", .begin_ms = 1, .end_ms = 2, .pdd_ms = -1, .hold_ms = -1,
		.sip_code = 404, .end_reason = "no route", .end_direction = CDR_SERVER};
	cdr_end(log, 0, &call);
	cdr_close(log, 1000);
	assert_string_equal(sql_text(path, whole_row), "r||||||||||1|NULL|NULL|2|NULL|NULL|404|no route|2|[]");
}

static void what_changed_after_the_answer_is_in_the_row(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("a");
	call.end_ms = 0;
	call.attempts = "";
	cdr_slot slot = cdr_answer(log, &call);
	call.end_ms = 1700000009000;
	call.attempts = "[1,2]";
	call.end_reason = "caller's BYE, \xff\xc3\xbc";
	cdr_end(log, slot, &call);
	cdr_close(log, 1000);
	assert_string_equal(sql_text(path, "SELECT end_ms || attempts || hex(end_reason) FROM cdr"),
		"1700000009000[1,2]63616C6C6572277320425945" "2C20FFC3BC");
}

static void rows_stand_in_the_order_the_calls_ended(void **state)
{
	(void)state;
	enum { N = 10000 };
	struct cdr_log *log = cdr_opened(path);
	cdr_slot *slot = calloc(N, sizeof(*slot));
	char name[16];
	assert_non_null(slot);
	for (int i = 0; i < N; i++) {
		struct cdr call = cdr_sample("x");
		slot[i] = cdr_answer(log, &call);
		if (i >= 1000) {
			snprintf(name, sizeof(name), "%d", i - 1000);
			call.a_call_id = name;
			cdr_end(log, slot[i - 1000], &call);
		}
	}
	for (int i = N - 1000; i < N; i++) {
		snprintf(name, sizeof(name), "%d", i);
		struct cdr call = cdr_sample(name);
		cdr_end(log, slot[i], &call);
	}
	cdr_wait_written(log, N);
	cdr_close(log, 1000);
	free(slot);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), N);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr WHERE a_call_id <> id - 1"), 0);
}

static void a_record_of_any_length_is_kept(void **state)
{
	(void)state;
	enum { LENGTH = 300000 };
	char *attempts = malloc(LENGTH + 1);
	assert_non_null(attempts);
	memset(attempts, 'x', LENGTH);
	attempts[LENGTH] = '\0';
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("long");
	call.attempts = attempts;
	cdr_slot slot = cdr_answer(log, &call);
	assert_int_not_equal(slot, 0);
	cdr_close(log, 0);
	cdr_close(cdr_opened(path), 1000);
	assert_int_equal(sql_int(path, "SELECT length(attempts) FROM cdr"), LENGTH);
	free(attempts);
}

static void a_row_appears_without_another_call(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("a");
	for (uint64_t i = 1; i <= 3; i++) {
		const struct timespec pause = {.tv_nsec = 250000000};
		nanosleep(&pause, NULL); /* the thread has gone to sleep; if not, it is awake without us */
		cdr_end(log, cdr_answer(log, &call), &call);
		cdr_wait_written(log, i);
		assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), (int64_t)i);
	}
	struct cdr_stats stats;
	cdr_stats(log, &stats);
	assert_int_equal(stats.pending, 0);
	assert_int_equal(stats.errors, 0);
	assert_int_equal(stats.journal_failures, 0);
	cdr_close(log, 0);
}

static void copy_files(const char *copy)
{
	char from[300], to[300];
	static const char *const suffixes[] = {"", "-wal", "-live"};
	for (size_t i = 0; i < 3; i++) {
		snprintf(from, sizeof(from), "%s%s", path, suffixes[i]);
		snprintf(to, sizeof(to), "%s%s", copy, suffixes[i]);
		if (access(from, F_OK) == 0)
			scratch_copy(from, to);
	}
}

/* The process stops dead: nothing is closed. What it left is copied before anything can tidy up. */
static void crash(struct cdr_log *log, const char *copy)
{
	copy_files(copy);
	cdr_close(log, 0);
}

static void calls_in_progress_at_a_crash_end_with_its_last_sign(void **state)
{
	(void)state;
	const char *copy = scratch_path("copy.db"), *live = scratch_path("copy.db-live");
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("cut");
	call.end_ms = 0;
	call.hold_ms = -1;
	call.end_reason = NULL;
	cdr_answer(log, &call);
	struct cdr ended = cdr_sample("whole");
	cdr_end(log, 0, &ended); /* the last sign: 1700000005000 */
	crash(log, copy);
	const struct timespec past[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(utimensat(AT_FDCWD, live, past, 0), 0);
	cdr_close(cdr_opened(copy), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), 2);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr WHERE a_call_id = 'whole' AND end_reason = 'BYE'"), 1);
	assert_string_equal(sql_text(copy, "SELECT end_ms || '|' || hold_ms || '|' || end_direction || '|' || end_reason || '|' ||"
		" sip_code || '|' || answer_ms FROM cdr WHERE a_call_id = 'cut'"),
		"1700000005000|3000|2|switch restarted|200|1700000002000");
	/* And once only. */
	cdr_close(cdr_opened(copy), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), 2);
}

static void a_file_touched_later_gives_a_later_end(void **state)
{
	(void)state;
	const char *live = scratch_path("cdr.db-live");
	const struct timespec then[2] = {{.tv_sec = 1700000100}, {.tv_sec = 1700000100}};
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("cut");
	cdr_answer(log, &call);
	cdr_close(log, 0);
	assert_int_equal(utimensat(AT_FDCWD, live, then, 0), 0);
	cdr_close(cdr_opened(path), 1000);
	assert_int_equal(sql_int(path, "SELECT end_ms FROM cdr"), 1700000100000);
}

/* A crash after the commit and before the slots are free: the next call would free them. */
static void rows_written_just_before_a_crash_are_not_written_again(void **state)
{
	(void)state;
	const char *copy = scratch_path("copy.db");
	struct cdr_log *log = cdr_opened(path);
	for (int i = 0; i < 50; i++) {
		struct cdr call = cdr_sample("a");
		cdr_end(log, cdr_answer(log, &call), &call);
	}
	cdr_wait_written(log, 50);
	crash(log, copy);
	log = cdr_opened(copy);
	struct cdr_stats stats;
	cdr_stats(log, &stats);
	assert_int_equal(stats.written + stats.pending, 0);
	/* New calls are not mistaken for the old ones, in the same and after another crash. */
	struct cdr call = cdr_sample("new");
	cdr_end(log, 0, &call);
	cdr_close(log, 0);
	cdr_close(cdr_opened(copy), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), 51);
}

struct left {
	enum cdr_journal_state state;
	uint64_t number, ended_by;
	const char *a_call_id;
};

static int no_record(const struct cdr_journal_record *record, void *arg)
{
	(void)record, (void)arg;
	return -EEXIST;
}

/* A journal as a crash can leave it, beside a table whose last row is of record number `written`. */
static void leave_behind(const struct left *left, size_t n, int written)
{
	struct cdr_journal *j = NULL;
	int64_t last_sign_ms;
	char bytes[1000], live[300], sql[100];
	cdr_close(cdr_opened(path), 0);
	snprintf(sql, sizeof(sql), "UPDATE journal SET written = %d", written);
	sql_run(path, sql);
	snprintf(live, sizeof(live), "%s-live", path);
	assert_int_equal(cdr_journal_open(&j, live, &last_sign_ms, no_record, NULL, error, sizeof(error)), 0);
	for (size_t i = 0; i < n; i++) {
		struct cdr_measure measure;
		struct cdr call = cdr_sample(left[i].a_call_id);
		cdr_record_measure(&call, &measure);
		assert_true(measure.size < sizeof(bytes));
		cdr_record_write(&call, &measure, bytes);
		cdr_slot slot = cdr_journal_put(j, left[i].state, left[i].number, bytes, measure.size);
		if (left[i].ended_by)
			cdr_journal_set_ended(j, slot, left[i].ended_by);
	}
	cdr_journal_close(j);
}

static const char *const calls_and_reasons = "SELECT group_concat(a_call_id || ':' || end_reason) FROM"
	" (SELECT a_call_id, end_reason FROM cdr ORDER BY id)";

static void each_moment_a_crash_can_choose_gives_one_row(void **state)
{
	(void)state;
	static const struct left left[] = {
		{CDR_JOURNAL_ANSWERED, 3, 0, "talking"},
		{CDR_JOURNAL_ANSWERED, 4, 9, "row already, the ended record had no room"},
		{CDR_JOURNAL_ENDED, 5, 0, "row already, the slot not free yet"},
		{CDR_JOURNAL_ANSWERED, 6, 11, "the answered record not free yet"},
		{CDR_JOURNAL_ANSWERED, 7, 12, "ended record not whole"},
		{CDR_JOURNAL_ENDED, 20, 0, "later"},
		{CDR_JOURNAL_ENDED, 11, 0, "queued"},
	};
	leave_behind(left, sizeof(left) / sizeof(left[0]), 10);
	for (int round = 0; round < 2; round++) {
		cdr_close(cdr_opened(path), 1000);
		assert_string_equal(sql_text(path, calls_and_reasons), "queued:BYE,later:BYE,"
			"talking:switch restarted,ended record not whole:switch restarted");
	}
	/* The restored ones were numbered after the last. */
	assert_int_equal(sql_int(path, "SELECT written FROM journal"), 22);
}

static void numbers_go_on_after_a_clean_stop(void **state)
{
	(void)state;
	const char *copy = scratch_path("copy.db");
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("before");
	for (int i = 0; i < 10; i++)
		cdr_end(log, 0, &call);
	cdr_close(log, 1000);
	log = cdr_opened(path);
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	call.a_call_id = "after";
	cdr_end(log, 0, &call);
	crash(log, copy);
	sqlite3_close(holder);
	cdr_close(cdr_opened(copy), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr WHERE a_call_id = 'after'"), 1);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), 11);
}

/* Numbers given to the restored calls must not be taken for those another call's record names. */
static void a_crash_while_restoring_loses_nothing(void **state)
{
	(void)state;
	static const struct left left[] = {
		{CDR_JOURNAL_ANSWERED, 1, 57, "first"},
		{CDR_JOURNAL_ANSWERED, 2, 58, "second"},
		{CDR_JOURNAL_ENDED, 56, 0, "third"},
	};
	const char *copy = scratch_path("copy.db");
	leave_behind(left, 3, 50);
	/* Restored, but not written: another process holds the table. */
	sqlite3 *holder = sql_connect(path, "BEGIN IMMEDIATE");
	struct cdr_log *log = cdr_opened(path);
	struct cdr_stats stats;
	cdr_stats(log, &stats);
	assert_int_equal(stats.pending, 3);
	crash(log, copy);
	sqlite3_close(holder);
	cdr_close(cdr_opened(copy), 1000);
	assert_string_equal(sql_text(copy, calls_and_reasons),
		"third:BYE,first:switch restarted,second:switch restarted");
	cdr_close(cdr_opened(path), 1000);
	assert_string_equal(sql_text(path, calls_and_reasons),
		"third:BYE,first:switch restarted,second:switch restarted");
	assert_int_equal(sql_int(path, "SELECT written FROM journal"), 60);
}

static void rows_of_a_table_moved_away_do_not_come_back(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("old");
	cdr_end(log, 0, &call);
	call.a_call_id = "talking";
	cdr_answer(log, &call);
	cdr_close(log, 1000);
	assert_int_equal(rename(path, scratch_path("moved.db")), 0);
	cdr_close(cdr_opened(path), 1000);
	assert_string_equal(sql_text(path, calls_and_reasons), "talking:switch restarted");
}

static void calls(struct cdr_log *log, int n)
{
	char name[16];
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%d", i);
		struct cdr call = cdr_sample(name);
		cdr_end(log, i % 3 ? cdr_answer(log, &call) : 0, &call);
	}
}

static struct cdr_stats wait_for_an_error(struct cdr_log *log)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	struct cdr_stats stats;
	uint64_t end = cdr_now_ms() + 10000;
	for (cdr_stats(log, &stats); stats.errors == 0; cdr_stats(log, &stats)) {
		assert_true(cdr_now_ms() < end);
		nanosleep(&pause, NULL);
	}
	return stats;
}

static void a_locked_table_holds_up_nobody_and_loses_nothing(void **state)
{
	(void)state;
	enum { N = 3000 };
	struct rusage before, after;
	struct cdr_log *log = cdr_opened(path);
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	getrusage(RUSAGE_THREAD, &before);
	calls(log, N);
	getrusage(RUSAGE_THREAD, &after);
	/* Our thread waited for nothing, but perhaps for a page of the journal now and then. */
	assert_true(after.ru_nvcsw - before.ru_nvcsw < 20);
	struct cdr_stats stats = wait_for_an_error(log);
	assert_int_equal(stats.written, 0);
	assert_int_equal(stats.pending, N);
	sqlite3_close(holder);
	cdr_wait_written(log, N);
	cdr_close(log, 0);
	assert_int_equal(sql_int(path, "SELECT count(DISTINCT a_call_id) FROM cdr"), N);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), N);
}

/* What only an operator's hand in the tables can do. */
static void rows_the_table_refuses_wait_until_it_takes_them(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	sql_run(path, "CREATE TRIGGER refuse BEFORE INSERT ON cdr WHEN NEW.a_call_id = '5' BEGIN"
		" SELECT RAISE(ABORT, 'no'); END");
	calls(log, 10);
	wait_for_an_error(log);
	sql_run(path, "DROP TRIGGER refuse");
	cdr_wait_written(log, 10);
	cdr_close(log, 0);
	assert_string_equal(sql_text(path, "SELECT group_concat(a_call_id) FROM cdr"), "0,1,2,3,4,5,6,7,8,9");
}

static void closing_waits_no_longer_than_told_and_the_rest_is_written_later(void **state)
{
	(void)state;
	enum { N = 500 };
	struct cdr_log *log = cdr_opened(path);
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	calls(log, N);
	uint64_t begin = cdr_now_ms();
	cdr_close(log, 300);
	uint64_t waited = cdr_now_ms() - begin;
	assert_in_range(waited, 290, 3000);
	/* The next start does not wait for the lock either. */
	log = cdr_opened(path);
	sqlite3_close(holder);
	cdr_wait_written(log, N);
	cdr_close(log, 0);
	assert_int_equal(sql_int(path, "SELECT count(DISTINCT a_call_id) FROM cdr"), N);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), N);
}

static void closing_waits_for_a_lock_that_goes_away(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
		if (write(fds[1], "x", 1) == 1)
			usleep(400000);
		sqlite3_close(holder);
		_exit(0);
	}
	char byte;
	assert_int_equal(read(fds[0], &byte, 1), 1);
	calls(log, 10);
	cdr_close(log, 10000);
	waitpid(child, NULL, 0);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 10);
	close(fds[0]);
	close(fds[1]);
}

/* No file may grow beyond 64 KiB: what a full disk is to a writer. */
static struct rlimit fill_disk(void)
{
	struct rlimit before, full;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	full = before;
	full.rlim_cur = 65536;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	return before;
}

static void a_full_disk_loses_nothing_once_there_is_room(void **state)
{
	(void)state;
	enum { N = 3000 };
	struct cdr_log *log = cdr_opened(path);
	struct rlimit before = fill_disk();
	calls(log, N);
	struct cdr_stats stats = wait_for_an_error(log);
	assert_true(stats.pending > 0);
	assert_int_equal(stats.journal_failures, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	cdr_wait_written(log, N);
	cdr_close(log, 0);
	assert_int_equal(sql_int(path, "SELECT count(DISTINCT a_call_id) FROM cdr"), N);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), N);
}

static void a_crash_on_a_full_disk_loses_nothing(void **state)
{
	(void)state;
	enum { N = 3000 };
	const char *copy = scratch_path("copy.db");
	struct cdr_log *log = cdr_opened(path);
	struct rlimit before = fill_disk();
	calls(log, N);
	wait_for_an_error(log);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE"); /* nothing moves while it is copied */
	crash(log, copy);
	sqlite3_close(holder);
	cdr_close(cdr_opened(copy), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(DISTINCT a_call_id) FROM cdr"), N);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), N);
}

static void when_the_journal_is_full_as_well_memory_holds_the_rest(void **state)
{
	(void)state;
	enum { N = 20000 };
	struct cdr_log *log = cdr_opened(path);
	struct rlimit before = fill_disk();
	calls(log, N);
	struct cdr_stats stats = wait_for_an_error(log);
	assert_true(stats.journal_failures > 0);
	assert_int_equal(stats.pending + stats.written, N);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	cdr_wait_written(log, N);
	cdr_close(log, 0);
	assert_int_equal(sql_int(path, "SELECT count(DISTINCT a_call_id) FROM cdr"), N);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), N);
}

/* The answered record stands for the call until the row is there: before the commit and after it. */
static void an_answered_call_outlives_a_crash_when_its_end_finds_no_room(void **state)
{
	(void)state;
	const char *early = scratch_path("early.db"), *late = scratch_path("late.db");
	cdr_slot slot[10000];
	struct cdr_stats stats;
	char name[16];
	int n = 0;
	struct cdr_log *log = cdr_opened(path);
	struct rlimit before = fill_disk();
	for (;; n++) {
		snprintf(name, sizeof(name), "%d", n);
		struct cdr call = cdr_sample(name);
		assert_true(n < 10000);
		slot[n] = cdr_answer(log, &call);
		if (!slot[n])
			break;
	}
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		struct cdr call = cdr_sample(name);
		cdr_end(log, slot[i], &call);
	}
	cdr_stats(log, &stats);
	assert_int_equal(stats.journal_failures, 1 + 100);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	copy_files(early);
	sqlite3_close(holder);
	cdr_wait_written(log, 100);
	crash(log, late);
	cdr_close(cdr_opened(early), 1000);
	assert_int_equal(sql_int(early, "SELECT count(DISTINCT a_call_id) FROM cdr"), n);
	assert_int_equal(sql_int(early, "SELECT count(*) FROM cdr"), n);
	cdr_close(cdr_opened(late), 1000);
	assert_int_equal(sql_int(late, "SELECT count(*) FROM cdr WHERE end_reason = 'BYE'"), 100);
	assert_int_equal(sql_int(late, "SELECT count(DISTINCT a_call_id) FROM cdr"), n);
	assert_int_equal(sql_int(late, "SELECT count(*) FROM cdr"), n);
}

static void the_journal_grows_before_it_is_full(void **state)
{
	(void)state;
	const struct timespec pause = {.tv_nsec = 1000000};
	struct cdr_stats stats;
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("a");
	for (int i = 0; i < 20000; i++) {
		assert_int_not_equal(cdr_answer(log, &call), 0);
		if (i % 20 == 0)
			nanosleep(&pause, NULL); /* 20,000 answers a second at most */
	}
	cdr_stats(log, &stats);
	assert_int_equal(stats.journal_failures, 0);
	cdr_close(log, 0);
	log = cdr_opened(path);
	cdr_wait_written(log, 20000);
	cdr_close(log, 0);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr WHERE end_reason = 'switch restarted'"), 20000);
}

static void a_second_process_on_the_same_file_is_refused(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path), *second = NULL;
	assert_int_equal(cdr_open(&second, path, error, sizeof(error)), -EBUSY);
	assert_null(second);
	assert_contains(error, path);
	assert_contains(error, "another process has it open");
	cdr_close(log, 0);
}

static void a_file_that_is_not_ours_is_refused_and_no_journal_is_made(void **state)
{
	(void)state;
	struct cdr_log *log = NULL;
	sql_run(path, "CREATE TABLE t (x)");
	assert_int_equal(cdr_open(&log, path, error, sizeof(error)), -EINVAL);
	assert_contains(error, "not a call record database of softswitch");
	assert_int_not_equal(access(scratch_path("cdr.db-live"), F_OK), 0);
}

static void idle_costs_nothing(void **state)
{
	(void)state;
	const struct timespec pause = {.tv_nsec = 600000000}, settle = {.tv_nsec = 250000000};
	struct rusage before, after;
	struct cdr_log *log = cdr_opened(path);
	calls(log, 10);
	cdr_wait_written(log, 10);
	nanosleep(&settle, NULL);
	getrusage(RUSAGE_SELF, &before);
	nanosleep(&pause, NULL);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_nvcsw - before.ru_nvcsw <= 1); /* our own sleep */
	cdr_close(log, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answered_call_is_one_row_with_every_column),
		TEST(a_refused_call_has_nulls_for_what_never_was),
		TEST(what_changed_after_the_answer_is_in_the_row),
		TEST(rows_stand_in_the_order_the_calls_ended),
		TEST(a_record_of_any_length_is_kept),
		TEST(a_row_appears_without_another_call),
		TEST(calls_in_progress_at_a_crash_end_with_its_last_sign),
		TEST(a_file_touched_later_gives_a_later_end),
		TEST(rows_written_just_before_a_crash_are_not_written_again),
		TEST(each_moment_a_crash_can_choose_gives_one_row),
		TEST(numbers_go_on_after_a_clean_stop),
		TEST(a_crash_while_restoring_loses_nothing),
		TEST(rows_of_a_table_moved_away_do_not_come_back),
		TEST(a_locked_table_holds_up_nobody_and_loses_nothing),
		TEST(rows_the_table_refuses_wait_until_it_takes_them),
		TEST(closing_waits_no_longer_than_told_and_the_rest_is_written_later),
		TEST(closing_waits_for_a_lock_that_goes_away),
		TEST(a_full_disk_loses_nothing_once_there_is_room),
		TEST(a_crash_on_a_full_disk_loses_nothing),
		TEST(when_the_journal_is_full_as_well_memory_holds_the_rest),
		TEST(an_answered_call_outlives_a_crash_when_its_end_finds_no_room),
		TEST(the_journal_grows_before_it_is_full),
		TEST(a_second_process_on_the_same_file_is_refused),
		TEST(a_file_that_is_not_ours_is_refused_and_no_journal_is_made),
		TEST(idle_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
