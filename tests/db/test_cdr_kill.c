/* kill -9 at any moment: an answered call has one row after the next start. */
#include "cdr_sample.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 25, CALLS_MAX = 200000, OPEN_CALLS = 300 };

/* What the child had done, in memory that outlives it. */
struct progress {
	_Atomic int answered, ended; /* calls 0 to n - 1 have passed cdr_log_keep(), cdr_log_end() */
};

static void name_call(char out[16], int i)
{
	snprintf(out, 16, "%d", i);
}

/* The next start, which adopts no call. */
static void start_again(const char *path)
{
	struct cdr_log *log = cdr_opened(path);
	cdr_log_recover(log, NULL, NULL);
	cdr_log_close(log, 10000);
}

/* OPEN_CALLS at a time, as fast as it goes, until it is killed. */
static void make_calls(const char *path, struct progress *progress)
{
	static cdr_slot slot[OPEN_CALLS];
	struct cdr_log *log = cdr_opened(path);
	char name[16];
	for (int i = 0; i < CALLS_MAX; i++) {
		if (i >= OPEN_CALLS) {
			name_call(name, i - OPEN_CALLS);
			struct cdr call = cdr_sample(name);
			if (i % 2) /* its state has changed */
				slot[i % OPEN_CALLS] =
					cdr_log_keep(log, slot[i % OPEN_CALLS], &call, "later", 5);
			cdr_log_end(log, slot[i % OPEN_CALLS], &call);
			atomic_store(&progress->ended, i - OPEN_CALLS + 1);
		}
		name_call(name, i);
		struct cdr call = cdr_sample(name);
		slot[i % OPEN_CALLS] = cdr_log_keep(log, 0, &call, "state", 5);
		if (slot[i % OPEN_CALLS] == 0)
			_exit(1);
		atomic_store(&progress->answered, i + 1);
		if (i % 25 == 0)
			usleep(1000);
	}
	_exit(2);
}

static void check_rows(const char *path, const struct progress *progress)
{
	char query[200];
	int answered = progress->answered, ended = progress->ended;
	assert_int_equal(sql_int(path, "SELECT count(*) - count(DISTINCT a_call_id) FROM cdr"), 0);
	snprintf(query, sizeof(query), "SELECT count(*) FROM cdr WHERE CAST(a_call_id AS INTEGER) < %d",
		answered);
	assert_int_equal(sql_int(path, query), answered);
	snprintf(query, sizeof(query),
		"SELECT count(*) FROM cdr WHERE CAST(a_call_id AS INTEGER) < %d"
		" AND end_reason = 'BYE' AND end_direction = 1",
		ended);
	assert_int_equal(sql_int(path, query), ended);
	/* One call may have been between two steps. */
	assert_in_range(sql_int(path, "SELECT count(*) FROM cdr"), answered, answered + 1);
	snprintf(query, sizeof(query),
		"SELECT count(*) FROM cdr WHERE CAST(a_call_id AS INTEGER) > %d"
		" AND end_reason <> 'switch restarted'",
		ended);
	assert_int_equal(sql_int(path, query), 0);
}

static void a_killed_switch_leaves_one_row_for_each_answered_call(void **state)
{
	(void)state;
	int total = 0;
	scratch_seed(42);
	struct progress *progress =
		mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(progress, MAP_FAILED);
	for (int round = 0; round < ROUNDS; round++) {
		char name[16];
		int status;
		snprintf(name, sizeof(name), "%d.db", round);
		const char *path = scratch_path(name);
		*progress = (struct progress){0};
		pid_t child = fork();
		if (child == 0)
			make_calls(path, progress);
		while (progress->answered == 0)
			usleep(500);
		usleep(scratch_random(250000));
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status));
		start_again(path);
		check_rows(path, progress);
		total += progress->answered;
	}
	munmap(progress, sizeof(*progress));
	assert_true(total > ROUNDS * 100);
}

/* The same file again and again, so that each start meets what several crashes left. */
static void a_switch_killed_while_it_restores_loses_nothing(void **state)
{
	(void)state;
	const char *path = scratch_path("cdr.db");
	scratch_seed(43);
	struct cdr_log *log = cdr_opened(path);
	for (int i = 0; i < 3000; i++) {
		char name[16];
		name_call(name, i);
		struct cdr call = cdr_sample(name);
		assert_int_not_equal(cdr_log_keep(log, 0, &call, "state", i % 2 ? 5 : 0), 0);
	}
	cdr_log_close(log, 0);
	for (int round = 0; round < ROUNDS; round++) {
		pid_t child = fork();
		if (child == 0) {
			start_again(path);
			_exit(0);
		}
		usleep(scratch_random(40000));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	start_again(path);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 3000);
	assert_int_equal(sql_int(path, "SELECT count(DISTINCT a_call_id) FROM cdr"), 3000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_killed_switch_leaves_one_row_for_each_answered_call),
		TEST(a_switch_killed_while_it_restores_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
