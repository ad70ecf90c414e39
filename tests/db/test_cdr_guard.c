/* Somebody truncates, removes or replaces the journal in memory under the running switch: everything goes on. */
#include "cdr_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 50 };

static const char *path, *ram, *copy;
static unsigned renewed;
static cdr_slot slot[CALLS];

static int make_path(void **state)
{
	int err = scratch_make(state);
	path = scratch_path("cdr.db");
	ram = scratch_path("cdr.db-ram");
	copy = scratch_path("copy.db");
	renewed = 0;
	memset(slot, 0, sizeof(slot));
	return err;
}

static void on_news(const struct cdr_report *report, void *arg)
{
	(void)arg;
	renewed += report->news == CDR_RENEWED;
}

static struct cdr_log *opened(void)
{
	struct cdr_log *log = NULL;
	char error[256];
	const struct cdr_log_parts parts = {.path = path, .journal = ram, .on_news = on_news};
	assert_int_equal(cdr_log_open(&log, &parts, error, sizeof(error)), 0);
	assert_string_equal(error, "");
	return log;
}

static void keep_all(struct cdr_log *log, const char *words)
{
	char name[16];
	for (int i = 0; i < CALLS; i++) {
		snprintf(name, sizeof(name), "%d", i);
		struct cdr call = cdr_sample(name);
		slot[i] = cdr_log_keep(log, slot[i], &call, words, strlen(words));
		assert_int_not_equal(slot[i], 0);
	}
}

/* The loop looks every second; here as often as it takes. */
static void wait_renewed(struct cdr_log *log)
{
	const uint64_t limit = cdr_now_ms() + 5000, before = renewed;
	while (renewed == before) {
		assert_true(cdr_now_ms() < limit);
		usleep(5000);
		cdr_log_look(log);
	}
}

static bool count(const struct cdr_log_leftover *call, void *arg)
{
	unsigned *n = arg;
	assert_int_equal(call->state_size, 5);
	assert_memory_equal(call->state, "later", 5);
	++*n;
	return false;
}

/* The next start goes by what there is of the journals now. */
static void check_copy(struct cdr_log *log, bool disk)
{
	unsigned n = 0;
	char from[300], to[300];
	cdr_copy(path, copy);
	snprintf(from, sizeof(from), "%s-live", path);
	snprintf(to, sizeof(to), "%s-live", copy);
	if (disk)
		scratch_copy(from, to);
	cdr_log_close(log, 1000);
	log = cdr_opened(copy);
	cdr_log_recover(log, count, &n);
	cdr_log_close(log, 1000);
	assert_int_equal(n, CALLS);
	assert_int_equal(
		sql_int(copy, "SELECT count(*) FROM cdr WHERE end_reason = 'switch restarted'"), CALLS);
	assert_int_equal(sql_int(copy, "SELECT count(DISTINCT a_call_id || end_reason) FROM cdr"),
		sql_int(copy, "SELECT count(*) FROM cdr"));
}

static void cut(off_t size)
{
	assert_int_equal(truncate(ram, size), 0);
}

static void a_truncated_journal_is_made_anew_and_the_calls_are_kept_again(void **state)
{
	(void)state;
	static const off_t sizes[] = {0, 3, 8192};
	struct cdr_log *log = opened();
	keep_all(log, "first");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cut(sizes[i]);
		cdr_sign(log, 1700000010000);
		cdr_calls(log, 20);
		wait_renewed(log);
		assert_true(cdr_log_has_lost(log));
		assert_false(cdr_log_has_lost(log));
		keep_all(log, "later");
		cdr_calls(log, 20);
		struct stat st;
		assert_int_equal(stat(ram, &st), 0);
		assert_true(st.st_size > 1000000 && st.st_blocks * 512 >= st.st_size);
	}
	for (int i = 0; i < CALLS; i++)
		assert_true(slot[i] < 2000); /* blocks were freed as ever */
	cdr_wait_written(log, 120);
	cdr_log_look(log); /* nothing is missing in it any more */
	cdr_log_look(log);
	sql_run(path, "DELETE FROM cdr");
	check_copy(log, false);
}

/* Nobody has written to it meanwhile, and the process dies before the calls are kept again. */
static void what_a_truncated_journal_lacks_at_a_crash_is_on_disk(void **state)
{
	(void)state;
	struct cdr_log *log = opened();
	keep_all(log, "later");
	struct cdr_stats stats;
	sqlite3 *holder = sql_connect(path, "BEGIN IMMEDIATE");
	cdr_calls(log, 30); /* these wait for their rows */
	cdr_wait_error(log);
	cut(20000);
	wait_renewed(log);
	cdr_log_look(log);
	cdr_log_stats(log, &stats);
	assert_int_equal(stats.pending, 30);
	sqlite3_close(holder);
	holder = sql_connect(path, "BEGIN IMMEDIATE");
	check_copy(log, true);
	sqlite3_close(holder);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr"), CALLS + 30);
}

static void a_removed_or_replaced_journal_is_made_anew_with_all_that_was_in_it(void **state)
{
	(void)state;
	struct cdr_log *log = opened();
	struct stat st;
	keep_all(log, "later");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(unlink(ram), 0);
		if (i)
			scratch_write(ram, "another file", 12);
		wait_renewed(log);
		assert_false(cdr_log_has_lost(log));
		assert_int_equal(stat(ram, &st), 0);
		assert_true(st.st_size > 1000000);
	}
	check_copy(log, false);
}

static void a_journal_that_has_grown_moves_as_a_whole(void **state)
{
	(void)state;
	static char much[20000];
	struct cdr_log *log = opened();
	struct cdr call = cdr_sample("large");
	keep_all(log, "later");
	memset(much, 'x', sizeof(much));
	for (int i = 0; i < 700; i++) { /* 14 MB */
		while (!cdr_log_keep(log, 0, &call, much, sizeof(much)))
			usleep(1000);
	}
	assert_int_equal(unlink(ram), 0);
	wait_renewed(log);
	keep_all(log, "later");
	cdr_log_close(log, 1000);
	log = cdr_opened(path);
	cdr_log_recover(log, NULL, NULL);
	cdr_log_close(log, 10000);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 700 + CALLS);
}

/* What is none of the journal's ends the process as ever. */
static void a_bus_error_elsewhere_keeps_its_action(void **state)
{
	(void)state;
	const char *other = scratch_path("other");
	signal(SIGBUS, SIG_DFL); /* cmocka has one of its own */
	struct cdr_log *log = opened();
	scratch_write(other, "x", 1);
	for (int sent = 0; sent < 2; sent++) {
		pid_t child = fork();
		int status = 0;
		if (child == 0) {
			int fd = open(other, O_RDWR);
			volatile char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			alarm(10);
			if (sent)
				raise(SIGBUS);
			else if (ftruncate(fd, 0) == 0)
				map[0] = 'y';
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGBUS : WEXITSTATUS(status) != 0);
	}
	cdr_log_close(log, 0);
}

/* A limit of the size of files is what a full file system is to the journal. */
static void limit_files(rlim_t size)
{
	static struct rlimit before;
	struct rlimit now;
	signal(SIGXFSZ, SIG_IGN);
	if (size)
		getrlimit(RLIMIT_FSIZE, &before);
	now = before;
	if (size)
		now.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}

/* The loop looks every second; here as often as it takes. */
static void wait_room(struct cdr_log *log)
{
	const uint64_t limit = cdr_now_ms() + 5000;
	while (!cdr_log_has_lost(log)) {
		assert_true(cdr_now_ms() < limit);
		usleep(5000);
		cdr_log_look(log);
	}
}

static void a_start_without_room_for_the_journal_has_one_once_there_is_room(void **state)
{
	(void)state;
	struct cdr_log *log = NULL;
	struct cdr_stats stats;
	char error[256];
	const struct cdr_log_parts parts = {.path = path, .journal = ram, .on_news = on_news};
	limit_files(1 << 20);
	assert_int_equal(cdr_log_open(&log, &parts, error, sizeof(error)), 0);
	assert_contains(error, "cdr.db-ram: File too large");
	for (int i = 0; i < CALLS; i++) {
		struct cdr call = cdr_sample("early");
		assert_int_equal(cdr_log_keep(log, 0, &call, "early", 5), 0);
	}
	cdr_log_look(log);
	cdr_log_stats(log, &stats);
	assert_contains(stats.error, "the journal in memory: File too large");
	limit_files(0);
	wait_room(log);
	keep_all(log, "later");
	cdr_calls(log, 20);
	cdr_wait_written(log, 20);
	cdr_log_look(log);
	cdr_log_look(log);
	cdr_log_stats(log, &stats);
	assert_string_equal(stats.error, "");
	cdr_sign(log, 1700000010000);
	check_copy(log, false);
}

static uint64_t number[CALLS];

static bool adopt(const struct cdr_log_leftover *call, void *arg)
{
	unsigned *n = arg;
	number[*n] = call->record.number;
	slot[(*n)++] = 0;
	return true;
}

static void copy_live(const char *from, const char *to)
{
	char live[300], name[300];
	snprintf(live, sizeof(live), "%s-live", from);
	snprintf(name, sizeof(name), "%s-live", to);
	scratch_copy(live, name);
}

static void check_live(const char *from, const char *name)
{
	unsigned n = 0;
	const char *to = scratch_path(name);
	copy_live(from, to);
	struct cdr_log *log = cdr_opened(to);
	cdr_log_recover(log, count, &n);
	cdr_log_close(log, 1000);
	assert_int_equal(n, CALLS);
}

/* Calls of the process before, of which memory has nothing: the disk keeps them until the journal has them. */
static void without_room_for_the_journal_the_disk_keeps_what_it_has(void **state)
{
	(void)state;
	unsigned n = 0;
	char error[256], name[16];
	struct cdr_log *log = opened();
	const struct cdr_log_parts parts = {.path = copy, .journal = ram, .on_news = on_news};
	keep_all(log, "later");
	cdr_calls(log, 1);
	cdr_wait_written(log, 1);
	copy_live(path, copy);
	cdr_log_close(log, 1000);
	unlink(ram);
	limit_files(1 << 20);
	assert_int_equal(cdr_log_open(&log, &parts, error, sizeof(error)), 0);
	cdr_log_recover(log, adopt, &n);
	assert_int_equal(n, CALLS);
	limit_files(0);
	wait_room(log);
	check_live(copy, "before.db");
	for (unsigned i = 0; i < CALLS; i++) {
		snprintf(name, sizeof(name), "%u", i);
		struct cdr call = cdr_sample(name);
		call.number = number[i];
		slot[i] = cdr_log_keep(log, 0, &call, "later", 5);
	}
	cdr_log_look(log);
	cdr_calls(log, 1);
	cdr_wait_written(log, 1); /* then all is in the new file on the disk */
	check_live(copy, "after.db");
	for (unsigned i = 0; i < CALLS; i++) {
		struct cdr call = cdr_sample("ended");
		cdr_log_end(log, slot[i], &call);
	}
	cdr_log_close(log, 5000);
	assert_int_equal(sql_int(copy, "SELECT count(*) FROM cdr WHERE a_call_id = 'ended'"), CALLS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_truncated_journal_is_made_anew_and_the_calls_are_kept_again),
		TEST(what_a_truncated_journal_lacks_at_a_crash_is_on_disk),
		TEST(a_removed_or_replaced_journal_is_made_anew_with_all_that_was_in_it),
		TEST(a_journal_that_has_grown_moves_as_a_whole),
		TEST(a_bus_error_elsewhere_keeps_its_action),
		TEST(a_start_without_room_for_the_journal_has_one_once_there_is_room),
		TEST(without_room_for_the_journal_the_disk_keeps_what_it_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
