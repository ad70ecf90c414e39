/* A table that is locked, a disk that is full: nothing waits and nothing is lost. */
#include "cdr_sample.h"
#include "cdr_trouble.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *path;

static int make_path(void **state)
{
	int err = scratch_make(state);
	path = scratch_path("cdr.db");
	return err;
}

static void a_locked_table_holds_up_nobody_and_loses_nothing(void **state)
{
	(void)state;
	enum { N = 3000 };
	struct rusage before, after;
	struct cdr_log *log = cdr_opened(path);
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	getrusage(RUSAGE_THREAD, &before);
	cdr_calls(log, N);
	getrusage(RUSAGE_THREAD, &after);
	/* Our thread waited for nothing, but perhaps for a page of the journal now and then. */
	assert_true(after.ru_nvcsw - before.ru_nvcsw < 20);
	struct cdr_stats stats = cdr_wait_error(log);
	assert_int_equal(stats.written, 0);
	assert_int_equal(stats.pending, N);
	sqlite3_close(holder);
	cdr_wait_written(log, N);
	cdr_log_close(log, 0);
	assert_int_equal(sql_int(path, "SELECT count(DISTINCT a_call_id) FROM cdr"), N);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), N);
}

static int64_t log_size(void)
{
	struct stat st;
	return stat(scratch_path("cdr.db-wal"), &st) ? 0 : st.st_size;
}

static void a_reader_that_never_ends_does_not_make_the_log_grow_without_end(void **state)
{
	(void)state;
	enum { PIECE = 20000, MEBIBYTE = 1024 * 1024 };
	struct cdr_stats stats = {0};
	struct cdr_log *log = cdr_opened(path);
	uint64_t calls = 0;
	cdr_calls(log, 1);
	cdr_wait_written(log, ++calls);
	sqlite3 *reader = sql_connect(path, "BEGIN; SELECT count(*) FROM cdr");
	while (!stats.error[0] && calls < 400000) {
		cdr_calls(log, PIECE);
		calls += PIECE;
		for (stats.pending = 1; stats.pending && !stats.error[0]; usleep(1000))
			cdr_log_stats(log, &stats);
	}
	assert_contains(stats.error, "cdr.db-wal has grown to 6");
	assert_in_range(log_size(), 64 * MEBIBYTE, 68 * MEBIBYTE);
	cdr_calls(log, PIECE);
	calls += PIECE;
	assert_in_range(log_size(), 64 * MEBIBYTE, 68 * MEBIBYTE);
	sqlite3_close(reader);
	cdr_wait_written(log, calls);
	cdr_log_close(log, 0);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), calls);
	assert_int_equal(log_size(), 0);
}

/* What only an operator's hand in the tables can do. */
static void rows_the_table_refuses_wait_until_it_takes_them(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	sql_run(path,
		"CREATE TRIGGER refuse BEFORE INSERT ON cdr WHEN NEW.a_call_id = '5' BEGIN"
		" SELECT RAISE(ABORT, 'no'); END");
	cdr_calls(log, 10);
	cdr_wait_error(log);
	sql_run(path, "DROP TRIGGER refuse");
	cdr_wait_written(log, 10);
	cdr_log_close(log, 0);
	assert_string_equal(sql_text(path, "SELECT group_concat(a_call_id) FROM cdr"), "0,1,2,3,4,5,6,7,8,9");
}

static void closing_waits_no_longer_than_told_and_the_rest_is_written_later(void **state)
{
	(void)state;
	enum { N = 500 };
	struct cdr_log *log = cdr_opened(path);
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	cdr_calls(log, N);
	uint64_t begin = cdr_now_ms();
	cdr_log_close(log, 300);
	uint64_t waited = cdr_now_ms() - begin;
	assert_in_range(waited, 290, 3000);
	/* The next start does not wait for the lock either. */
	log = cdr_opened(path);
	sqlite3_close(holder);
	cdr_wait_written(log, N);
	cdr_log_close(log, 0);
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
	cdr_calls(log, 10);
	cdr_log_close(log, 10000);
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
	cdr_calls(log, N);
	struct cdr_stats stats = cdr_wait_error(log);
	assert_true(stats.pending > 0);
	assert_int_equal(stats.journal_failures, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	cdr_wait_written(log, N);
	cdr_log_close(log, 0);
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
	cdr_calls(log, N);
	cdr_wait_error(log);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE"); /* nothing moves while it is copied */
	cdr_crash(log, path, copy);
	sqlite3_close(holder);
	cdr_log_close(cdr_opened(copy), 1000);
	assert_int_equal(sql_int(copy, "SELECT count(DISTINCT a_call_id) FROM cdr"), N);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), N);
}

static void when_the_journal_is_full_as_well_memory_holds_the_rest(void **state)
{
	(void)state;
	enum { N = 20000 };
	struct cdr_log *log = cdr_opened(path);
	struct rlimit before = fill_disk();
	cdr_calls(log, N);
	struct cdr_stats stats = cdr_wait_error(log);
	assert_true(stats.journal_failures > 0);
	assert_int_equal(stats.pending + stats.written, N);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	cdr_wait_written(log, N);
	cdr_log_close(log, 0);
	assert_int_equal(sql_int(path, "SELECT count(DISTINCT a_call_id) FROM cdr"), N);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), N);
}

static char words[200];

static void on_news(const struct cdr_report *report, void *arg)
{
	(void)arg;
	if (report->journal)
		snprintf(words, sizeof(words), "%s",
			report->news == CDR_RECOVERED ? "recovered" : report->words);
}

static void a_journal_without_room_is_told(void **state)
{
	(void)state;
	static char much[30000];
	char error[200];
	struct cdr_log *log = NULL;
	struct cdr call = cdr_sample("large");
	const struct cdr_log_parts parts = {
		.path = path, .journal = cdr_journal_of(path), .on_news = on_news};
	assert_int_equal(cdr_log_open(&log, &parts, error, sizeof(error)), 0);
	struct rlimit before = fill_disk();
	words[0] = '\0';
	while (cdr_log_keep(log, 0, &call, much, sizeof(much)))
		continue;
	cdr_log_look(log);
	assert_string_equal(words, "there is no room in memory");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	cdr_log_look(log);
	assert_string_equal(words, "recovered");
	cdr_log_close(log, 0);
}

/* The answered record stands for the call until the row is there: before the commit and after it. */
static void an_answered_call_outlives_a_crash_when_its_end_finds_no_room(void **state)
{
	(void)state;
	const char *early = scratch_path("early.db"), *late = scratch_path("late.db");
	static cdr_slot slot[10000];
	struct cdr_stats stats;
	char name[16];
	int n = 0;
	struct cdr_log *log = cdr_opened(path);
	struct rlimit before = fill_disk();
	for (;; n++) {
		snprintf(name, sizeof(name), "%d", n);
		struct cdr call = cdr_sample(name);
		assert_true(n < 10000);
		slot[n] = cdr_log_keep(log, 0, &call, NULL, 0);
		if (!slot[n])
			break;
	}
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		struct cdr call = cdr_sample(name);
		cdr_log_end(log, slot[i], &call);
	}
	cdr_log_stats(log, &stats);
	assert_int_equal(stats.journal_failures, 1 + 100);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	cdr_copy(path, early);
	sqlite3_close(holder);
	cdr_wait_written(log, 100);
	cdr_crash(log, path, late);
	cdr_log_close(cdr_opened(early), 1000);
	assert_int_equal(sql_int(early, "SELECT count(DISTINCT a_call_id) FROM cdr"), n);
	assert_int_equal(sql_int(early, "SELECT count(*) FROM cdr"), n);
	cdr_log_close(cdr_opened(late), 1000);
	assert_int_equal(sql_int(late, "SELECT count(*) FROM cdr WHERE end_reason = 'BYE'"), 100);
	assert_int_equal(sql_int(late, "SELECT count(DISTINCT a_call_id) FROM cdr"), n);
	assert_int_equal(sql_int(late, "SELECT count(*) FROM cdr"), n);
}

static struct cdr_report loss;

static void on_loss(const struct cdr_report *report, void *arg)
{
	(void)arg;
	if (report->lost)
		loss = *report;
}

/* 64 MiB of them take longer than others. */
static void wait_long(struct cdr_log *log, uint64_t rows)
{
	struct cdr_stats stats;
	const uint64_t limit = cdr_now_ms() + 60000;
	do {
		assert_true(cdr_now_ms() < limit);
		usleep(5000);
		cdr_log_stats(log, &stats);
	} while (stats.written < rows);
}

/* Without a journal, and nobody writes rows. */
static void records_that_nothing_takes_are_bounded_and_those_beyond_counted(void **state)
{
	(void)state;
	enum { SIZE = 100000, N = CDR_LOG_ALONE_MAX / SIZE };
	static char much[SIZE];
	const struct cdr_log_parts parts = {
		.path = path, .journal = "/no folder/journal", .on_news = on_loss};
	struct cdr_stats stats;
	struct cdr_log *log;
	char error[256];
	struct cdr call = cdr_sample("large");
	memset(much, 'x', sizeof(much) - 1);
	call.attempts = much;
	assert_int_equal(cdr_log_open(&log, &parts, error, sizeof(error)), 0);
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	for (int i = 0; i < N + 10; i++)
		cdr_log_end(log, 0, &call);
	cdr_log_stats(log, &stats);
	assert_in_range(stats.lost, 10, 10 + N / 100);
	assert_int_equal(stats.pending, N + 10 - stats.lost);
	cdr_log_look(log);
	assert_int_equal(loss.lost, stats.lost);
	assert_int_equal(loss.news, CDR_FAILING);
	sqlite3_close(holder);
	wait_long(log, N + 10 - stats.lost);
	cdr_log_end(log, 0, &call); /* there is room again */
	cdr_wait_written(log, N + 11 - stats.lost);
	cdr_log_look(log);
	assert_int_equal(loss.news, CDR_RECOVERED);
	cdr_log_close(log, 1000);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), N + 11 - stats.lost);
}

static void trouble_is_told_after_a_second_every_minute_and_when_it_is_over(void **state)
{
	struct cdr_trouble t = {0};
	unsigned told = 0;
	(void)state;
	for (uint64_t now = 5000; now < 5999; now += 100)
		assert_int_equal(cdr_trouble_look(&t, true, now), CDR_TROUBLE_SILENT);
	assert_int_equal(cdr_trouble_look(&t, false, 5999), CDR_TROUBLE_SILENT); /* it was only a moment */
	for (uint64_t now = 10000; now < 10000 + 1000 + 60000 * 3; now += 100)
		if (cdr_trouble_look(&t, true, now) == CDR_TROUBLE_LASTS)
			assert_int_equal(now, 11000 + 60000 * told++);
	assert_int_equal(told, 3);
	assert_int_equal(t.since_ms, 10000);
	assert_int_equal(cdr_trouble_look(&t, false, 200000), CDR_TROUBLE_OVER);
	assert_int_equal(cdr_trouble_look(&t, false, 200100), CDR_TROUBLE_SILENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_locked_table_holds_up_nobody_and_loses_nothing),
		TEST(a_reader_that_never_ends_does_not_make_the_log_grow_without_end),
		TEST(rows_the_table_refuses_wait_until_it_takes_them),
		TEST(closing_waits_no_longer_than_told_and_the_rest_is_written_later),
		TEST(closing_waits_for_a_lock_that_goes_away),
		TEST(a_full_disk_loses_nothing_once_there_is_room),
		TEST(a_crash_on_a_full_disk_loses_nothing),
		TEST(when_the_journal_is_full_as_well_memory_holds_the_rest),
		TEST(a_journal_without_room_is_told),
		TEST(records_that_nothing_takes_are_bounded_and_those_beyond_counted),
		TEST(an_answered_call_outlives_a_crash_when_its_end_finds_no_room),
		cmocka_unit_test(trouble_is_told_after_a_second_every_minute_and_when_it_is_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
