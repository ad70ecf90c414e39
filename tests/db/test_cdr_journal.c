/* Records in a mapped file. */
#include "cdr_journal.h"
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SEEN_MAX = 20000 };

struct seen {
	size_t n;
	struct {
		cdr_slot slot;
		enum cdr_journal_state state;
		uint64_t number, sequence;
		size_t size;
	} record[SEEN_MAX];
};

static struct seen seen;
static const char *path;
static char error[256];
static struct cdr_journal_found found;

static int make_path(void **state)
{
	int err = scratch_make(state);
	path = scratch_path("cdr.db-ram");
	return err;
}

/* A record of this size whose bytes all follow from its number. */
static const char *bytes_of(uint64_t number, size_t size)
{
	static char bytes[100000];
	for (size_t i = 0; i < size; i++)
		bytes[i] = (char)(number * 31 + i * 7);
	return bytes;
}

static int on_record(const struct cdr_journal_entry *record, void *arg)
{
	(void)arg;
	assert_true(seen.n < SEEN_MAX);
	assert_memory_equal(record->bytes, bytes_of(record->number, record->size), record->size);
	seen.record[seen.n].slot = record->slot;
	seen.record[seen.n].state = record->state;
	seen.record[seen.n].number = record->number;
	seen.record[seen.n].sequence = record->sequence;
	seen.record[seen.n++].size = record->size;
	return 0;
}

static struct cdr_journal *opened(void)
{
	struct cdr_journal *j = NULL;
	seen.n = 0;
	if (cdr_journal_open(&j, path, error, sizeof(error)) || cdr_journal_read(j, &found, on_record, NULL))
		fail_msg("%s", error);
	return j;
}

/* In pieces, whose ends are everywhere in a block. */
static cdr_slot put_bytes(
	struct cdr_journal *j, enum cdr_journal_state state, uint64_t number, const char *bytes, size_t size)
{
	const size_t cut = size * 2 / 3;
	const struct iovec parts[] = {{(void *)bytes, cut}, {NULL, 0}, {(void *)(bytes + cut), size - cut}};
	return cdr_journal_put(j, state, number, parts, 3);
}

static cdr_slot put(struct cdr_journal *j, enum cdr_journal_state state, uint64_t number, size_t size)
{
	return put_bytes(j, state, number, bytes_of(number, size), size);
}

static void a_new_journal_is_empty_and_takes_its_space_at_once(void **state)
{
	(void)state;
	struct stat st;
	mode_t before = umask(0777);
	struct cdr_journal *j = opened();
	umask(before);
	assert_int_equal(seen.n, 0);
	assert_int_equal(found.sign.epoch_ms, 0);
	assert_int_equal(found.sequence, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_true(st.st_size > 1000000 && st.st_blocks * 512 >= st.st_size);
	cdr_journal_close(j);
}

static void records_of_all_sizes_come_back_whole(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 7, 8, 9, 463, 464, 465, 927, 928, 929, 5000, 100000};
	enum { N = sizeof(sizes) / sizeof(sizes[0]) };
	struct cdr_journal *j = opened();
	for (size_t i = 0; i < N; i++)
		assert_int_not_equal(
			put(j, i % 2 ? CDR_JOURNAL_ENDED : CDR_JOURNAL_LIVE, i + 1, sizes[i]), 0);
	cdr_journal_close(j);
	j = opened();
	assert_int_equal(seen.n, N);
	for (size_t i = 0; i < N; i++) {
		size_t number = (size_t)seen.record[i].number;
		assert_int_equal(seen.record[i].size, sizes[number - 1]);
		assert_int_equal(seen.record[i].state, number % 2 ? CDR_JOURNAL_LIVE : CDR_JOURNAL_ENDED);
		assert_int_equal(seen.record[i].sequence, number);
	}
	cdr_journal_close(j);
}

static void a_freed_record_is_gone_and_its_room_used_again(void **state)
{
	(void)state;
	struct cdr_journal *j = opened();
	for (uint64_t i = 1; i <= 100000; i++) {
		cdr_slot slot = put(j, CDR_JOURNAL_LIVE, i, 600);
		assert_int_not_equal(slot, 0);
		assert_true(slot < 10);
		cdr_journal_free(j, slot);
	}
	assert_false(cdr_journal_is_low(j));
	cdr_journal_close(j);
	cdr_journal_close(opened());
	assert_int_equal(seen.n, 0);
}

static void records_of_a_crash_keep_their_room_until_freed(void **state)
{
	(void)state;
	struct cdr_journal *j = opened();
	for (uint64_t i = 1; i <= 1000; i++)
		put(j, CDR_JOURNAL_ENDED, i, (size_t)(i * 13 % 2000));
	cdr_journal_close(j);
	for (int round = 0; round < 3; round++) {
		j = opened();
		assert_int_equal(seen.n, 1000);
		for (uint64_t i = 0; i < 500; i++) {
			cdr_slot slot = put(j, CDR_JOURNAL_LIVE, 2000 + i, 900);
			for (size_t k = 0; k < seen.n; k++)
				assert_int_not_equal(slot, seen.record[k].slot);
			cdr_journal_free(j, slot);
		}
		cdr_journal_close(j);
	}
	j = opened();
	for (size_t k = 0; k < seen.n; k++)
		cdr_journal_free(j, seen.record[k].slot);
	cdr_journal_close(j);
	cdr_journal_close(opened());
	assert_int_equal(seen.n, 0);
}

static void a_call_that_is_over_is_noted_in_place(void **state)
{
	(void)state;
	struct cdr_journal *j = opened();
	cdr_slot slot = put(j, CDR_JOURNAL_LIVE, 5, 700);
	cdr_journal_set(j, slot, CDR_JOURNAL_OVER);
	slot = put(j, CDR_JOURNAL_LIVE, 6, 700);
	cdr_journal_wipe(j, slot);
	cdr_journal_close(j);
	cdr_journal_close(opened());
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.record[0].number, 5);
	assert_int_equal(seen.record[0].state, CDR_JOURNAL_OVER);
}

static void sequences_go_on(void **state)
{
	(void)state;
	struct cdr_journal *j = opened();
	cdr_slot slot = put(j, CDR_JOURNAL_LIVE, 5, 700);
	cdr_journal_continue(j, 100);
	cdr_journal_free(j, put(j, CDR_JOURNAL_LIVE, 6, 700));
	assert_int_equal(cdr_journal_sequence(j), 101);
	cdr_journal_close(j);
	j = opened();
	assert_int_equal(found.sequence, 101);
	cdr_journal_free(j, slot);
	put(j, CDR_JOURNAL_LIVE, 6, 700);
	assert_int_equal(cdr_journal_sequence(j), 102);
	cdr_journal_close(j);
}

static void without_room_nothing_is_put_and_growing_helps(void **state)
{
	(void)state;
	uint64_t n = 0;
	struct cdr_journal *j = opened();
	while (put(j, CDR_JOURNAL_LIVE, n + 1, 900))
		n++;
	assert_true(n > 1000);
	assert_true(cdr_journal_is_low(j));
	assert_int_equal(cdr_journal_grow(j), 0);
	assert_false(cdr_journal_is_low(j));
	assert_int_not_equal(put(j, CDR_JOURNAL_LIVE, ++n, 900), 0);
	cdr_journal_close(j);
	j = opened();
	assert_int_equal(seen.n, n);
	for (size_t i = 0; i < seen.n; i++)
		cdr_journal_free(j, seen.record[i].slot);
	cdr_journal_close(j);
	assert_int_equal(access(path, F_OK), -1); /* nothing is left in it */
	cdr_journal_close(opened());
	assert_int_equal(seen.n, 0);
}

static void a_second_opener_is_refused_in_words(void **state)
{
	(void)state;
	struct cdr_journal *j = opened(), *second = NULL;
	cdr_slot slot = put(j, CDR_JOURNAL_LIVE, 1, 100);
	assert_int_equal(cdr_journal_open(&second, path, error, sizeof(error)), -EBUSY);
	assert_null(second);
	assert_contains(error, path);
	assert_contains(error, "another process has it open");
	cdr_journal_free(j, slot);
	cdr_journal_close(j);
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	struct cdr_journal *j = NULL;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(cdr_journal_open(&j, path, error, sizeof(error)) < 0);
	assert_contains(error, path);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(cdr_journal_open(&j, path, error, sizeof(error)) < 0);
	assert_null(j);
}

static void the_last_sign_comes_back_whatever_the_time_of_the_file(void **state)
{
	(void)state;
	const struct timespec past[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
	const struct cdr_sign sign = {.boot = 7, .steady_ms = 123456, .epoch_ms = 1700000000000};
	struct cdr_journal *j = opened();
	put(j, CDR_JOURNAL_LIVE, 1, 100);
	cdr_journal_sign(j, &sign);
	cdr_journal_close(j);
	assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
	cdr_journal_close(opened());
	assert_memory_equal(&found.sign, &sign, sizeof(sign));
}

/* What is not damaged comes back, what is damaged does not, and neither crashes nor blocks the next ones. */
static void damage_costs_the_damaged_records_only(void **state)
{
	(void)state;
	size_t size;
	scratch_seed(7);
	struct cdr_journal *j = opened();
	for (uint64_t i = 1; i <= 300; i++)
		put(j, i % 2 ? CDR_JOURNAL_ENDED : CDR_JOURNAL_LIVE, i, (size_t)(i * 37 % 1800));
	cdr_journal_close(j);
	char *good = scratch_read(path, &size);
	const size_t used = 900 * 512; /* more than the records take */
	for (int round = 0; round < 100; round++) {
		scratch_write(path, good, size);
		FILE *file = fopen(path, "r+b");
		assert_non_null(file);
		for (int i = 0; i < 20; i++) {
			fseek(file, (long)scratch_random(used), SEEK_SET);
			fputc((int)scratch_random(256), file);
		}
		fclose(file);
		j = opened();
		assert_in_range(seen.n, 300 - 20, 300);
		assert_in_range(found.damaged, seen.n < 300, 40);
		assert_int_not_equal(put(j, CDR_JOURNAL_ENDED, 1000, 5000), 0);
		for (size_t i = 0; i < seen.n; i++)
			cdr_journal_free(j, seen.record[i].slot);
		cdr_journal_close(j);
		cdr_journal_close(opened());
		assert_int_equal(seen.n, 1);
		assert_int_equal(seen.record[0].number, 1000);
	}
	free(good);
}

/* Offline, in a copy of the file with 20 entries of a block each behind its header. */
static void overwrite(const char *good, size_t size, long at, char byte, size_t n)
{
	static char bytes[4096];
	scratch_write(path, good, size);
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	memset(bytes, byte, n);
	fseek(file, at, SEEK_SET);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	fclose(file);
}

static void what_is_missing_is_noticed(void **state)
{
	(void)state;
	const struct cdr_sign sign = {1, 2, 1700000000000};
	size_t size;
	struct cdr_journal *j = opened();
	for (uint64_t i = 1; i <= 20; i++)
		put(j, CDR_JOURNAL_LIVE, i, 100);
	cdr_slot spare = put(j, CDR_JOURNAL_LIVE, 21, 2000), wiped = put(j, CDR_JOURNAL_LIVE, 22, 100);
	cdr_journal_wipe(j, wiped);
	cdr_journal_free(j, wiped);
	cdr_journal_free(j, spare);
	cdr_journal_set(j, 3, CDR_JOURNAL_PARTING);
	cdr_journal_note(j, 4, 77);
	cdr_journal_set_disk(j, 5);
	cdr_journal_sign(j, &sign);
	cdr_journal_close(j);
	char *good = scratch_read(path, &size);
	static const struct {
		long at;
		char byte;
		size_t n, seen;
		int64_t epoch_ms;
	} cases[] = {
		{5 * 512, 0, 512, 19, 1700000000000},                   /* the only block of an entry */
		{5 * 512, 0, 4, 19, 1700000000000}, {0, 0, 512, 20, 0}, /* the header */
		{0, 0, 4096, 13, 0}, {16, 1, 1, 20, 0},                 /* the sign */
		{32, 9, 1, 20, 1700000000000},                          /* the sequence */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		overwrite(good, size, cases[i].at, cases[i].byte, cases[i].n);
		cdr_journal_close(opened());
		assert_int_equal(seen.n, cases[i].seen);
		assert_int_equal(found.damaged, 1);
		assert_int_equal(found.sign.epoch_ms, cases[i].epoch_ms);
		assert_in_range(found.sequence, 20, 22);
		cdr_journal_close(opened()); /* that was said */
		assert_int_equal(seen.n, cases[i].seen);
		assert_int_equal(found.damaged, 0);
	}
	scratch_write(path, good, size);
	cdr_journal_close(opened());
	assert_int_equal(seen.n, 20);
	assert_int_equal(found.damaged, 0);
	free(good);
}

static void garbage_and_truncation_are_survived(void **state)
{
	(void)state;
	static const uint32_t state_words[] = {0x4c495632, 0x454e4432};
	size_t size;
	scratch_seed(8);
	struct cdr_journal *j = opened();
	for (uint64_t i = 1; i <= 300; i++)
		put(j, CDR_JOURNAL_ENDED, i, 1000);
	cdr_journal_close(j);
	char *good = scratch_read(path, &size);
	for (int round = 0; round < 60; round++) {
		size_t cut = scratch_random(round % 2 ? 900 * 512 : size);
		scratch_write(path, good, cut);
		j = opened();
		assert_in_range(seen.n, cut / (4 * 512) > 300 ? 300 : cut / (4 * 512), 300);
		assert_int_not_equal(put(j, CDR_JOURNAL_ENDED, 1000, 5000), 0);
		cdr_journal_close(j);
	}
	char *garbage = malloc(size);
	assert_non_null(garbage);
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < size; i++)
			garbage[i] = (char)scratch_random(256);
		/* State words that promise a record everywhere, whatever follows. */
		for (size_t i = 512; i < size; i += 512)
			memcpy(garbage + i, &state_words[i / 512 % 2], sizeof(state_words[0]));
		scratch_write(path, garbage, size);
		j = opened();
		assert_int_equal(seen.n, 0);
		assert_int_not_equal(put(j, CDR_JOURNAL_ENDED, 1000, 5000), 0);
		cdr_journal_close(j);
	}
	free(garbage);
	free(good);
}

static int note_it(const struct cdr_journal_entry *record, void *arg)
{
	*(cdr_slot *)arg = record->slot;
	return 0;
}

/* Identical blocks make a chain possible that bites its tail and has the right sum. */
static void the_file_of_somebody_else_stays_as_it_is(void **state)
{
	(void)state;
	static char thesis[5000];
	struct cdr_journal *j = NULL;
	size_t size;
	memset(thesis, 'x', sizeof(thesis));
	scratch_write(path, thesis, sizeof(thesis));
	assert_int_equal(cdr_journal_open(&j, path, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "the file is no journal"));
	char *left = scratch_read(path, &size);
	assert_int_equal(size, sizeof(thesis));
	assert_memory_equal(left, thesis, size);
	free(left);
}

static void a_journal_that_was_cut_is_damaged(void **state)
{
	(void)state;
	struct cdr_journal *j = opened();
	for (uint64_t i = 1; i <= 20; i++)
		put(j, CDR_JOURNAL_LIVE, i, 100);
	cdr_journal_close(j);
	assert_int_equal(truncate(path, 4096), 0);
	j = opened();
	assert_int_equal(seen.n, 7);
	assert_int_equal(found.damaged, 1);
	cdr_journal_close(j);
}

static void a_chain_that_never_ends_is_walked_once(void **state)
{
	(void)state;
	static const char same[464 * 3];
	struct cdr_journal *j = opened();
	cdr_slot slot = put_bytes(j, CDR_JOURNAL_ENDED, 1, same, sizeof(same)), got = 0;
	cdr_journal_close(j);
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	fseek(file, (long)slot * 512 + 4, SEEK_SET);
	assert_int_equal(fwrite(&slot, 4, 1, file), 1);
	fclose(file);
	alarm(10); /* a loop without end ends the test */
	assert_int_equal(cdr_journal_open(&j, path, error, sizeof(error)), 0);
	assert_int_equal(cdr_journal_read(j, &found, note_it, &got), 0);
	assert_int_equal(got, slot);
	cdr_journal_free(j, got);
	alarm(0);
	cdr_journal_close(j);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_journal_is_empty_and_takes_its_space_at_once),
		TEST(records_of_all_sizes_come_back_whole),
		TEST(a_freed_record_is_gone_and_its_room_used_again),
		TEST(records_of_a_crash_keep_their_room_until_freed),
		TEST(a_call_that_is_over_is_noted_in_place),
		TEST(sequences_go_on),
		TEST(without_room_nothing_is_put_and_growing_helps),
		TEST(a_second_opener_is_refused_in_words),
		TEST(what_is_no_file_is_refused),
		TEST(the_last_sign_comes_back_whatever_the_time_of_the_file),
		TEST(damage_costs_the_damaged_records_only),
		TEST(what_is_missing_is_noticed),
		TEST(garbage_and_truncation_are_survived),
		TEST(the_file_of_somebody_else_stays_as_it_is),
		TEST(a_journal_that_was_cut_is_damaged),
		TEST(a_chain_that_never_ends_is_walked_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
