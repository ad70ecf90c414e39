/* The journal on disk: a loss of power takes memory away, and what was written since the last fdatasync(). */
#include "cdr_disk_file.h"
#include "cdr_file.h"
#include "cdr_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path, *lost;

static int make_path(void **state)
{
	int err = scratch_make(state);
	path = scratch_path("cdr.db");
	lost = scratch_path("lost.db");
	return err;
}

static const char *live_of(const char *cdr)
{
	static char name[2][300];
	static int which;
	which = !which;
	snprintf(name[which], sizeof(name[which]), "%s-live", cdr);
	return name[which];
}

static cdr_slot keep(struct cdr_log *log, cdr_slot slot, const char *name, const char *call_state)
{
	struct cdr call = cdr_sample(name);
	call.end_ms = 0;
	return cdr_log_keep(log, slot, &call, call_state, strlen(call_state));
}

static uint64_t ended;

static void end(struct cdr_log *log, cdr_slot slot, const char *name)
{
	struct cdr call = cdr_sample(name);
	cdr_log_end(log, slot, &call);
	ended++;
}

/* All that was done is on the disk: no row is written before its record is there. */
static void settle(struct cdr_log *log)
{
	end(log, 0, "settled");
	cdr_wait_written(log, ended);
}

static struct cdr_log *opened(void)
{
	ended = 0;
	return cdr_opened(path);
}

static void remove_files(const char *cdr)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-live", "-live.next", "-ram"};
	char name[300];
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", cdr, suffixes[i]);
		unlink(name);
	}
}

/* cdr.db as a reader sees it now. */
static void copy_table(const char *to)
{
	char sql[600];
	snprintf(sql, sizeof(sql), "VACUUM INTO '%.500s'", to);
	sql_run(path, sql);
}

static char offered[4000];

static bool adopt_none(const struct cdr_log_leftover *call, void *arg)
{
	size_t n = strlen(offered);
	(void)arg;
	snprintf(offered + n, sizeof(offered) - n, "%s=%.*s ", call->record.a_call_id, (int)call->state_size,
		call->state);
	return false;
}

/* The next start after the power came back: offered says which calls it might have gone on with. */
static void start_after_loss(void)
{
	struct cdr_log *log = cdr_opened(lost);
	offered[0] = '\0';
	cdr_log_recover(log, adopt_none, NULL);
	cdr_log_close(log, 10000);
}

static const char *const rows =
	"SELECT ifnull(group_concat(a_call_id || ':' || end_reason, ', '), '') FROM (SELECT a_call_id, end_reason FROM"
	" cdr WHERE a_call_id <> 'settled' ORDER BY a_call_id, id)";

static void a_loss_of_power_leaves_the_calls_on_the_disk(void **state)
{
	(void)state;
	struct cdr_log *log = opened();
	keep(log, 0, "one", "as it was");
	cdr_slot two = keep(log, 0, "two", "first");
	keep(log, two, "two", "later");
	cdr_sign(log, 1700000010000);
	end(log, keep(log, 0, "three", "x"), "three");
	settle(log);
	copy_table(lost);
	scratch_copy(live_of(path), live_of(lost));
	cdr_log_close(log, 0);
	start_after_loss();
	assert_string_equal(offered, "one=as it was two=later ");
	assert_string_equal(sql_text(lost, rows), "one:switch restarted, three:BYE, two:switch restarted");
	/* Its sign is in the file once a second; it was the first, with the first batch. */
	assert_int_equal(sql_int(lost, "SELECT hold_ms FROM cdr WHERE a_call_id = 'one'"), 8000);
	/* Nothing is left of the file at a clean end. */
	assert_int_equal(access(live_of(lost), F_OK), -1);
}

/* An idle thread looks once a second, and the sign that it finds may be up to a fifth of a second old. */
static void a_sign_that_is_nearly_a_second_newer_is_on_the_disk(void **state)
{
	(void)state;
	struct cdr_log *log = opened();
	keep(log, 0, "one", "x");
	cdr_sign(log, 1700000010000);
	settle(log);
	cdr_sign(log, 1700000010000 + 900);
	settle(log);
	copy_table(lost);
	scratch_copy(live_of(path), live_of(lost));
	cdr_log_close(log, 0);
	start_after_loss();
	assert_int_equal(sql_int(lost, "SELECT hold_ms FROM cdr WHERE a_call_id = 'one'"), 8000 + 900);
}

static uint64_t adopted; /* the number of the call */

static bool adopt_one(const struct cdr_log_leftover *call, void *arg)
{
	(void)arg;
	adopted = call->record.number;
	return true;
}

/* It goes by the disk alone, and leaves both journals as they were: by its number the next start knows the row. */
static void a_call_that_ended_without_a_journal_has_ended(void **state)
{
	(void)state;
	char error[256];
	struct cdr_log *log = opened();
	struct cdr call = cdr_sample("one");
	const struct cdr_log_parts parts = {.path = lost, .journal = "/no folder/journal"};
	keep(log, 0, "one", "x");
	settle(log);
	copy_table(lost);
	scratch_copy(live_of(path), live_of(lost));
	scratch_copy(cdr_journal_of(path), cdr_journal_of(lost));
	cdr_log_close(log, 0);
	assert_int_equal(cdr_log_open(&log, &parts, error, sizeof(error)), 0);
	assert_string_not_equal(error, "");
	cdr_log_recover(log, adopt_one, NULL);
	call.number = adopted;
	cdr_log_end(log, 0, &call);
	cdr_log_close(log, 10000);
	start_after_loss();
	assert_string_equal(offered, "");
	assert_int_equal(sql_int(lost, "SELECT count(*) FROM cdr WHERE a_call_id = 'one'"), 1);
}

static char notes[200];

static bool see_note(const struct cdr_log_leftover *call, void *arg)
{
	size_t n = strlen(notes);
	snprintf(notes + n, sizeof(notes) - n, "%s=%x ", call->record.a_call_id, call->note);
	return arg != NULL;
}

/* @param copy  where the files are copied to while the calls go on; NULL = they do not */
static void start_and_see_notes(const char *cdr, const char *copy)
{
	struct cdr_log *log = cdr_opened(cdr);
	notes[0] = '\0';
	cdr_log_recover(log, see_note, (void *)copy);
	cdr_log_look(log);
	cdr_log_end(log, 0, &(struct cdr){0});
	cdr_wait_written(log, 1); /* then the new file on the disk is whole */
	if (copy)
		scratch_copy(live_of(cdr), live_of(copy));
	cdr_log_close(log, 10000);
}

/* Neither a file that is begun anew nor the journal in memory that is made of it lacks them. */
static void a_note_is_on_the_disk_with_its_entry(void **state)
{
	(void)state;
	struct cdr_log *log = opened();
	cdr_slot one = keep(log, 0, "one", "x"), two = keep(log, 0, "two", "x");
	keep(log, 0, "three", "x");
	cdr_log_note(log, one, 0x3);
	settle(log);
	cdr_log_note(log, one, 0x123);
	cdr_log_note(log, two, 0x22);
	keep(log, two, "two", "y");
	settle(log);
	scratch_copy(live_of(path), live_of(lost));
	copy_table(lost);
	cdr_log_close(log, 0);
	start_and_see_notes(lost, scratch_path("third.db"));
	assert_string_equal(notes, "one=123 three=0 two=0 ");
	start_and_see_notes(scratch_path("third.db"), NULL);
	assert_string_equal(notes, "one=123 three=0 two=0 ");
}

/* The row is there only if the record was: with the table of before it is written again, and not as cut off. */
static void a_record_is_on_the_disk_before_its_row(void **state)
{
	(void)state;
	struct cdr_log *log = opened();
	sqlite3 *reader = sql_connect(path, "");
	char name[20];
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "%d", i);
		end(log, keep(log, 0, name, "x"), name);
		cdr_wait_written(log, ended);
		remove_files(lost);
		scratch_copy(live_of(path), live_of(lost));
		start_after_loss();
		assert_string_equal(offered, "");
		assert_int_equal(sql_int(lost, "SELECT count(*) FROM cdr WHERE end_reason <> 'BYE'"), 0);
	}
	sqlite3_close(reader);
	cdr_log_close(log, 0);
}

/* Journal and table of different moments: one record for each answered call that one of them knows. */
static void any_moment_of_the_journal_fits_any_of_the_table(void **state)
{
	(void)state;
	enum { STEPS = 5 };
	static char *live[STEPS + 1];
	static size_t size[STEPS + 1];
	char name[20], table[STEPS + 1][300];
	struct cdr_log *log = opened();
	cdr_slot slot[STEPS] = {0};
	for (int step = 0; step <= STEPS; step++) {
		if (step < STEPS) {
			snprintf(name, sizeof(name), "%d", step);
			slot[step] = keep(log, keep(log, 0, name, "x"), name, "y");
		}
		if (step >= 2 && step < STEPS) { /* it ends two steps later */
			snprintf(name, sizeof(name), "%d", step - 2);
			end(log, slot[step - 2], name);
		}
		settle(log);
		snprintf(table[step], sizeof(table[step]), "%s.%d", path, step);
		copy_table(table[step]);
		live[step] = scratch_read(live_of(path), &size[step]);
	}
	cdr_log_close(log, 0);
	for (int j = 0; j <= STEPS; j++) {
		for (int t = 0; t <= STEPS; t++) {
			remove_files(lost);
			scratch_copy(table[t], lost);
			scratch_write(live_of(lost), live[j], size[j]);
			start_after_loss();
			assert_int_equal(sql_int(lost,
						 "SELECT count(*) - count(DISTINCT a_call_id) FROM cdr"
						 " WHERE a_call_id <> 'settled'"),
				0);
			const int64_t n =
				sql_int(lost, "SELECT count(*) FROM cdr WHERE a_call_id <> 'settled'");
			const int begun = j < STEPS ? j + 1 : STEPS,
				  ended_in_table = t < 2 ? 0
				: t < STEPS              ? t - 1
							 : STEPS - 2;
			if (t >= j)
				assert_int_equal(n, begun > ended_in_table ? begun : ended_in_table);
			else /* a table restored from an older copy: what was done is not in the journal any more */
				assert_in_range(n, ended_in_table + 2, begun);
		}
	}
	for (int step = 0; step <= STEPS; step++)
		free(live[step]);
}

struct seen {
	unsigned n;
	uint64_t number[1000];
};

static int see(const struct cdr_journal_entry *entry, void *arg)
{
	struct seen *seen = arg;
	assert_true(seen->n < 1000);
	seen->number[seen->n++] = entry->number;
	return 0;
}

enum { GENERATION = 12345 };

/* A log of entries of many sizes, written as the thread does it. @return its end behind the n-th */
static size_t *make_log(unsigned n)
{
	static size_t ends[100];
	static char bytes[5000];
	char error[200];
	struct cdr_journal *j = NULL;
	struct cdr_journal_found found;
	struct cdr_disk_file_bytes log = {0};
	struct seen none = {0};
	assert_int_equal(cdr_journal_open(&j, cdr_journal_of(path), error, sizeof(error)), 0);
	assert_int_equal(cdr_journal_read(j, &found, see, &none), 0);
	cdr_disk_file_begin(&log, GENERATION);
	ends[0] = log.n;
	for (unsigned i = 1; i <= n; i++) {
		memset(bytes, (int)i, sizeof(bytes));
		const struct iovec part = {bytes, i * 97 % sizeof(bytes)};
		cdr_slot slot = cdr_journal_put(j, CDR_JOURNAL_LIVE, i, &part, 1);
		assert_int_equal(cdr_disk_file_add(&log, j, slot, cdr_journal_sequence(j)), 0);
		ends[i] = log.n;
		cdr_journal_free(j, slot);
		/* What has gone meanwhile leaves nothing. */
		assert_int_equal(cdr_disk_file_add(&log, j, slot, cdr_journal_sequence(j)), 0);
		assert_int_equal(log.n, ends[i]);
	}
	cdr_disk_file_stamp(&log, CDR_DISK_FILE_BEGINNING, GENERATION);
	scratch_write(live_of(path), log.data, log.n);
	free(log.data);
	cdr_journal_close(j);
	return ends;
}

static struct seen read_log(struct cdr_disk_file_found *found)
{
	struct seen seen = {0};
	int fd = cdr_file_open(live_of(path));
	assert_true(fd >= 0);
	assert_int_equal(cdr_disk_file_read(fd, found, see, &seen), 0);
	close(fd);
	return seen;
}

static void a_torn_end_costs_what_was_torn(void **state)
{
	(void)state;
	enum { N = 12 };
	struct cdr_disk_file_found found;
	const size_t *ends = make_log(N);
	for (size_t cut = ends[N]; cut-- > ends[N - 2];) {
		assert_int_equal(truncate(live_of(path), (off_t)cut), 0);
		struct seen seen = read_log(&found);
		assert_int_equal(seen.n, cut >= ends[N - 1] ? N - 1 : N - 2);
		assert_int_equal(found.sequence, seen.n);
		assert_int_equal(found.damaged, 0);
	}
}

/* A file that was one before holds items of that time behind the end. */
static void what_an_earlier_log_left_in_the_file_is_none(void **state)
{
	(void)state;
	struct cdr_disk_file_found found;
	struct cdr_disk_file_bytes log = {0};
	const size_t *ends = make_log(20);
	size_t size;
	char *bytes = scratch_read(live_of(path), &size);
	assert_int_equal(cdr_disk_file_begin(&log, GENERATION + 1), 0);
	for (uint64_t number = 1; log.n < ends[10]; number++)
		assert_int_equal(cdr_disk_file_add_done(&log, number), 0);
	cdr_disk_file_stamp(&log, CDR_DISK_FILE_BEGINNING, GENERATION + 1);
	memcpy(bytes, log.data, log.n);
	scratch_write(live_of(path), bytes, size);
	struct seen seen = read_log(&found);
	assert_int_equal(seen.n, (log.n - CDR_DISK_FILE_BEGINNING) / 32);
	assert_int_equal(found.damaged, 0);
	free(log.data);
	free(bytes);
}

/* Pages of a write that had not been synced arrive in any order, or not at all. */
static void lost_pages_cost_the_entries_that_lay_in_them(void **state)
{
	(void)state;
	enum { N = 60, PAGE = 512 };
	static const char zeros[PAGE];
	struct cdr_disk_file_found found;
	const size_t *ends = make_log(N);
	size_t size;
	char *good = scratch_read(live_of(path), &size);
	scratch_seed(9);
	for (int round = 0; round < 200; round++) {
		size_t at = scratch_random(size / PAGE) * PAGE, expected = 0;
		scratch_write(live_of(path), good, size);
		int fd = open(live_of(path), O_WRONLY);
		assert_int_equal(pwrite(fd, zeros, size - at < PAGE ? size - at : PAGE, (off_t)at),
			size - at < PAGE ? size - at : PAGE);
		close(fd);
		struct seen seen = read_log(&found);
		if (at == 0) { /* without its beginning it is no log */
			assert_int_equal(seen.n, 0);
			assert_int_equal(found.damaged, 1);
			continue;
		}
		for (unsigned i = 1; i <= N; i++)
			expected += ends[i] <= at || ends[i - 1] >= at + PAGE;
		assert_in_range(seen.n, expected, N);
		assert_int_equal(found.damaged, seen.n < N && seen.number[seen.n - 1] == N);
		for (unsigned i = 1; i < seen.n; i++)
			assert_true(seen.number[i] > seen.number[i - 1]);
	}
	free(good);
}

static void of_memory_and_disk_the_newer_counts(void **state)
{
	(void)state;
	struct cdr_log *log = opened();
	cdr_slot one = keep(log, 0, "one", "first");
	settle(log);
	scratch_copy(cdr_journal_of(path), scratch_path("older-ram"));
	scratch_copy(live_of(path), scratch_path("older-live"));
	keep(log, one, "one", "later");
	keep(log, 0, "two", "new");
	settle(log);
	scratch_copy(cdr_journal_of(path), scratch_path("newer-ram"));
	scratch_copy(live_of(path), scratch_path("newer-live"));
	cdr_log_close(log, 0);
	for (int i = 0; i < 2; i++) {
		remove_files(lost);
		scratch_copy(scratch_path(i ? "newer-ram" : "older-ram"), cdr_journal_of(lost));
		scratch_copy(scratch_path(i ? "older-live" : "newer-live"), live_of(lost));
		start_after_loss();
		assert_string_equal(offered, "one=later two=new ");
	}
}

/* What is damaged in memory is on the disk, and what both have counts once. */
static void the_disk_makes_up_for_damage_in_memory(void **state)
{
	(void)state;
	static const char zeros[512];
	static const struct {
		const char *bytes;
		size_t n;
		off_t at;
	} damages[] = {{"damage", 6, 5 * 512 + 100}, {"damage", 6, 7 * 512}, {zeros, sizeof(zeros), 5 * 512},
		{zeros, sizeof(zeros), 0}};
	struct cdr_log *log = opened();
	char name[20];
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "%d", i);
		keep(log, 0, name, "x");
	}
	cdr_sign(log, 1700000010000);
	settle(log);
	scratch_copy(cdr_journal_of(path), scratch_path("good-ram"));
	scratch_copy(live_of(path), scratch_path("good-live"));
	cdr_log_close(log, 0);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		remove_files(lost);
		scratch_copy(scratch_path("good-ram"), cdr_journal_of(lost));
		scratch_copy(scratch_path("good-live"), live_of(lost));
		int fd = open(cdr_journal_of(lost), O_WRONLY);
		assert_int_equal(pwrite(fd, damages[i].bytes, damages[i].n, damages[i].at), damages[i].n);
		close(fd);
		start_after_loss();
		assert_int_equal(sql_int(lost, "SELECT count(*) FROM cdr WHERE hold_ms = 8000"), 20);
		assert_int_equal(
			sql_int(lost, "SELECT count(DISTINCT a_call_id) FROM cdr WHERE hold_ms = 8000"), 20);
	}
}

/* The file is not taken for one of an earlier version, whose sign would count. */
static void memory_makes_up_for_a_damaged_beginning_on_the_disk(void **state)
{
	(void)state;
	static const char *const damages[] = {"damage", "\0\0\0\0\0"};
	struct cdr_log *log = opened();
	for (int i = 0; i < 40; i++)
		keep(log, 0, "one", "x");
	cdr_sign(log, 1700000010000);
	settle(log);
	scratch_copy(cdr_journal_of(path), scratch_path("good-ram"));
	scratch_copy(live_of(path), scratch_path("good-live"));
	cdr_log_close(log, 0);
	for (int i = 0; i < 2; i++) {
		remove_files(lost);
		scratch_copy(scratch_path("good-ram"), cdr_journal_of(lost));
		scratch_copy(scratch_path("good-live"), live_of(lost));
		int fd = open(live_of(lost), O_WRONLY);
		assert_int_equal(pwrite(fd, damages[i], 6, 0), 6);
		close(fd);
		start_after_loss();
		assert_int_equal(
			sql_int(lost, "SELECT count(*) FROM cdr WHERE a_call_id = 'one' AND hold_ms = 8000"),
			40);
	}
}

static void a_file_that_has_grown_is_written_anew(void **state)
{
	(void)state;
	static char much[30001];
	struct stat st;
	struct cdr_log *log = opened();
	memset(much, 'x', sizeof(much) - 1);
	keep(log, 0, "quiet", "from the beginning");
	for (int i = 0; i < 40; i++) {
		cdr_slot slot = 0;
		for (int k = 0; k < 40; k++)
			slot = keep(log, slot, "busy", much);
		end(log, slot, "busy");
		cdr_wait_written(log, ended);
	}
	settle(log);
	assert_int_equal(stat(live_of(path), &st), 0);
	assert_true(st.st_size < 20000000); /* 48 MB went through it, less what was replaced within a batch */
	remove_files(lost);
	scratch_copy(live_of(path), live_of(lost));
	cdr_log_close(log, 0);
	start_after_loss();
	assert_string_equal(offered, "quiet=from the beginning ");
}

static void wait_error(struct cdr_log *log, const char *says)
{
	struct cdr_stats stats;
	uint64_t limit = cdr_now_ms() + 10000;
	do {
		assert_true(cdr_now_ms() < limit);
		usleep(2000);
		cdr_log_stats(log, &stats);
	} while (says ? !strstr(stats.error, says) : stats.error[0] != '\0');
}

/* A limit of the size of files is what a full disk is to a writer. */
static void a_full_disk_is_named_and_the_file_is_whole_once_there_is_room(void **state)
{
	(void)state;
	struct rlimit before, full;
	static char much[30001];
	char name[20];
	struct cdr_log *log = opened();
	memset(much, 'x', sizeof(much) - 1);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	full = before;
	full.rlim_cur = 65536;
	settle(log);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_not_equal(keep(log, 0, name, much), 0);
	}
	wait_error(log, "cdr.db-live: File too large");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	wait_error(log, NULL);
	settle(log);
	scratch_copy(live_of(path), live_of(lost));
	cdr_log_close(log, 0);
	start_after_loss();
	assert_int_equal(sql_int(lost, "SELECT count(DISTINCT a_call_id) FROM cdr"), 11);
}

/* More notes than there is room for, as while a disk does not answer. */
static void what_could_not_be_noted_is_in_the_next_file(void **state)
{
	(void)state;
	enum { N = 300000, CALLS = 100 };
	static cdr_slot slot[CALLS];
	char name[20];
	struct cdr_log *log = opened();
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "%d", i % CALLS);
		slot[i % CALLS] = keep(log, slot[i % CALLS], name, i < N - CALLS ? "early" : "last");
	}
	settle(log);
	scratch_copy(live_of(path), live_of(lost));
	cdr_log_close(log, 0);
	start_after_loss();
	assert_null(strstr(offered, "early"));
	assert_int_equal(
		sql_int(lost, "SELECT count(DISTINCT a_call_id) FROM cdr WHERE a_call_id <> 'settled'"),
		CALLS);
}

static void two_processes_cannot_have_one_cdr_db(void **state)
{
	(void)state;
	struct cdr_log *log = opened(), *second = NULL;
	char error[300];
	const struct cdr_log_parts parts = {.path = path, .journal = scratch_path("another-journal")};
	assert_int_equal(cdr_log_open(&second, &parts, error, sizeof(error)), -EBUSY);
	assert_contains(error, "cdr.db-live: another process has it open");
	cdr_log_close(log, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_loss_of_power_leaves_the_calls_on_the_disk),
		TEST(a_sign_that_is_nearly_a_second_newer_is_on_the_disk),
		TEST(a_call_that_ended_without_a_journal_has_ended),
		TEST(a_note_is_on_the_disk_with_its_entry),
		TEST(a_record_is_on_the_disk_before_its_row),
		TEST(any_moment_of_the_journal_fits_any_of_the_table),
		TEST(a_torn_end_costs_what_was_torn),
		TEST(what_an_earlier_log_left_in_the_file_is_none),
		TEST(lost_pages_cost_the_entries_that_lay_in_them),
		TEST(of_memory_and_disk_the_newer_counts),
		TEST(the_disk_makes_up_for_damage_in_memory),
		TEST(memory_makes_up_for_a_damaged_beginning_on_the_disk),
		TEST(a_file_that_has_grown_is_written_anew),
		TEST(a_full_disk_is_named_and_the_file_is_whole_once_there_is_room),
		TEST(what_could_not_be_noted_is_in_the_next_file),
		TEST(two_processes_cannot_have_one_cdr_db),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
