/* One row per call. */
#include "cdr_sample.h"

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const char *path;
static char error[256];

static const char *const whole_row =
	"SELECT a_call_id || '|' || b_call_id || '|' || ingress || '|' || gateway || '|' ||"
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
	cdr_slot slot = cdr_log_keep(log, 0, &call, NULL, 0);
	assert_int_not_equal(slot, 0);
	cdr_log_end(log, slot, &call);
	cdr_log_close(log, 1000);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 1);
	assert_string_equal(sql_text(path, whole_row),
		"a@1|b-leg|caller|gw1|+4930123|4930123|004420|4420|127.0.0.1:5060|"
		"[::1]:5080|1700000000000|1700000001000|1700000002000|1700000005000|900|3000|200|BYE|1|[{\"gateway\":\"gw1\"}]");
}

static void a_refused_call_has_nulls_for_what_never_was(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	const struct cdr call = {.a_call_id = "r",
		.begin_ms = 1,
		.end_ms = 2,
		.pdd_ms = -1,
		.hold_ms = -1,
		.sip_code = 404,
		.end_reason = "no route",
		.end_direction = CDR_SERVER};
	cdr_log_end(log, 0, &call);
	cdr_log_close(log, 1000);
	assert_string_equal(
		sql_text(path, whole_row), "r||||||||||1|NULL|NULL|2|NULL|NULL|404|no route|2|[]");
}

static void a_row_says_of_what_kind_its_names_are(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	for (unsigned i = 0; i < 4; i++) {
		struct cdr call = cdr_sample("a");
		call.from_endpoint = i & 1;
		call.to_endpoint = i & 2;
		cdr_log_end(log, 0, &call);
	}
	struct cdr refused = cdr_sample("a");
	refused.gateway = "";
	cdr_log_end(log, 0, &refused);
	cdr_log_close(log, 1000);
	assert_string_equal(
		sql_text(path,
			"SELECT group_concat(ingress_kind || '>' || ifnull(gateway_kind, ''), ' ') FROM cdr"),
		"mapping_gateway>gateway endpoint>gateway mapping_gateway>endpoint endpoint>endpoint mapping_gateway>");
}

static void what_changed_after_the_answer_is_in_the_row(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("a");
	call.end_ms = 0;
	call.attempts = "";
	cdr_slot slot = cdr_log_keep(log, 0, &call, NULL, 0);
	call.end_ms = 1700000009000;
	call.attempts = "[1,2]";
	call.end_reason = "caller's BYE, \xc3\xbc";
	cdr_log_end(log, slot, &call);
	cdr_log_close(log, 1000);
	assert_string_equal(sql_text(path, "SELECT end_ms || attempts || hex(end_reason) FROM cdr"),
		"1700000009000[1,2]63616C6C6572277320425945"
		"2C20C3BC");
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
		slot[i] = cdr_log_keep(log, 0, &call, NULL, 0);
		if (i >= 1000) {
			snprintf(name, sizeof(name), "%d", i - 1000);
			call.a_call_id = name;
			cdr_log_end(log, slot[i - 1000], &call);
		}
	}
	for (int i = N - 1000; i < N; i++) {
		snprintf(name, sizeof(name), "%d", i);
		struct cdr call = cdr_sample(name);
		cdr_log_end(log, slot[i], &call);
	}
	cdr_wait_written(log, N);
	cdr_log_close(log, 1000);
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
	cdr_slot slot = cdr_log_keep(log, 0, &call, NULL, 0);
	assert_int_not_equal(slot, 0);
	cdr_log_close(log, 0);
	cdr_log_close(cdr_opened(path), 1000);
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
		cdr_log_end(log, cdr_log_keep(log, 0, &call, NULL, 0), &call);
		cdr_wait_written(log, i);
		assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), (int64_t)i);
	}
	struct cdr_stats stats;
	cdr_log_stats(log, &stats);
	assert_int_equal(stats.pending, 0);
	assert_int_equal(stats.errors, 0);
	assert_int_equal(stats.journal_failures, 0);
	cdr_log_close(log, 0);
}

static void the_journal_grows_before_it_is_full(void **state)
{
	(void)state;
	const struct timespec pause = {.tv_nsec = 1000000};
	struct cdr_stats stats;
	struct cdr_log *log = cdr_opened(path);
	struct cdr call = cdr_sample("a");
	for (int i = 0; i < 20000; i++) {
		assert_int_not_equal(cdr_log_keep(log, 0, &call, NULL, 0), 0);
		if (i % 20 == 0)
			nanosleep(&pause, NULL); /* 20,000 answers a second at most */
	}
	cdr_log_stats(log, &stats);
	assert_int_equal(stats.journal_failures, 0);
	cdr_log_close(log, 0);
	log = cdr_opened(path);
	cdr_wait_written(log, 20000);
	cdr_log_close(log, 0);
	assert_int_equal(
		sql_int(path, "SELECT count(*) FROM cdr WHERE end_reason = 'switch restarted'"), 20000);
}

static bool wait_for_it(void *arg)
{
	sem_wait(arg);
	return false;
}

/* As on a disk that does not answer. */
static void the_journal_in_memory_grows_while_the_writer_waits(void **state)
{
	(void)state;
	enum { N = 4000 };
	static const char call_state[4000];
	char folder[] = "/dev/shm/softswitch-db-XXXXXX", journal[60];
	struct cdr_stats stats;
	struct cdr_log *log;
	struct cdr call = cdr_sample("a");
	sem_t disk;
	assert_non_null(mkdtemp(folder));
	snprintf(journal, sizeof(journal), "%s/journal", folder);
	const struct cdr_log_parts parts = {.path = path, .journal = journal};
	assert_int_equal(cdr_log_open(&log, &parts, error, sizeof(error)), 0);
	sem_init(&disk, 0, 0);
	cdr_log_also(log, wait_for_it, &disk);
	cdr_log_wake(log);
	for (int i = 0; i < N; i++)
		cdr_log_keep(log, 0, &call, call_state, sizeof(call_state));
	for (int i = 0; i < N; i++)
		sem_post(&disk);
	cdr_log_stats(log, &stats);
	cdr_log_close(log, 0);
	sem_destroy(&disk);
	unlink(journal);
	rmdir(folder);
	assert_int_equal(stats.journal_failures, 0);
}

static void a_second_process_on_the_same_file_is_refused(void **state)
{
	(void)state;
	struct cdr_log *log = cdr_opened(path), *second = NULL;
	const struct cdr_log_parts parts = {.path = path, .journal = cdr_journal_of(path)};
	assert_int_equal(cdr_log_open(&second, &parts, error, sizeof(error)), -EBUSY);
	assert_null(second);
	assert_contains(error, path);
	assert_contains(error, "another process has it open");
	cdr_log_close(log, 0);
}

static void idle_costs_nothing(void **state)
{
	(void)state;
	const struct timespec pause = {.tv_nsec = 600000000}, settle = {.tv_nsec = 250000000};
	struct rusage before, after;
	struct cdr_log *log = cdr_opened(path);
	cdr_calls(log, 10);
	cdr_wait_written(log, 10);
	nanosleep(&settle, NULL);
	getrusage(RUSAGE_SELF, &before);
	nanosleep(&pause, NULL);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_nvcsw - before.ru_nvcsw <=
		3); /* our own sleep, and a look at the files by each thread */
	cdr_log_close(log, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answered_call_is_one_row_with_every_column),
		TEST(a_refused_call_has_nulls_for_what_never_was),
		TEST(a_row_says_of_what_kind_its_names_are),
		TEST(what_changed_after_the_answer_is_in_the_row),
		TEST(rows_stand_in_the_order_the_calls_ended),
		TEST(a_record_of_any_length_is_kept),
		TEST(a_row_appears_without_another_call),
		TEST(the_journal_grows_before_it_is_full),
		TEST(the_journal_in_memory_grows_while_the_writer_waits),
		TEST(a_second_process_on_the_same_file_is_refused),
		TEST(idle_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
