/* Answered calls that a crash left: offered to the application, which adopts them or has their records closed. */
#include "cdr_journal.h"
#include "cdr_live.h"
#include "cdr_record.h"
#include "cdr_sample.h"

#include <stdio.h>
#include <string.h>

static const char *path, *second;

static int make_path(void **state)
{
	int err = scratch_make(state);
	path = scratch_path("cdr.db");
	second = scratch_path("second.db");
	return err;
}

/* What cdr_log_recover() offered: "call-id=state/note ..."; calls with these Call-IDs are adopted. */
struct offered {
	char all[500];
	const char *adopted[4];
	cdr_slot slot[4];
};

static bool adopt(const struct cdr_log_leftover *call, void *arg)
{
	struct offered *offered = arg;
	size_t n = strlen(offered->all);
	snprintf(offered->all + n, sizeof(offered->all) - n, "%s=%.*s", call->record.a_call_id,
		(int)call->state_size, call->state);
	n = strlen(offered->all);
	snprintf(offered->all + n, sizeof(offered->all) - n, "%s%.0x ", call->note ? "/" : "", call->note);
	for (unsigned i = 0; i < 4; i++) {
		if (offered->adopted[i] && !strcmp(offered->adopted[i], call->record.a_call_id)) {
			offered->slot[i] = call->slot;
			return true;
		}
	}
	return false;
}

static cdr_slot keep(struct cdr_log *log, cdr_slot slot, const char *name, const char *call_state)
{
	struct cdr call = cdr_sample(name);
	call.end_ms = 0;
	return cdr_log_keep(log, slot, &call, call_state, strlen(call_state));
}

static void a_note_lasts_until_the_next_state(void **state)
{
	(void)state;
	struct offered offered = {0};
	struct cdr_log *log = cdr_opened(path);
	cdr_slot one = keep(log, 0, "one", "first"), two = keep(log, 0, "two", "first");
	cdr_log_note(log, one, 7);
	cdr_log_note(log, one, 0xfffffff1);
	cdr_log_note(log, two, 7);
	keep(log, two, "two", "second");
	cdr_log_note(log, 0, 1); /* there was no room for the call */
	cdr_crash(log, path, second);
	log = cdr_opened(second);
	cdr_log_recover(log, adopt, &offered);
	assert_string_equal(offered.all, "one=first/fffffff1 two=second ");
	cdr_log_close(log, 1000);
}

static void a_call_that_parts_is_offered_until_it_has_parted(void **state)
{
	(void)state;
	struct offered offered = {.adopted = {"two"}};
	struct cdr one = cdr_sample("one"), two = cdr_sample("two");
	struct cdr_log *log = cdr_opened(path);
	cdr_slot slot = keep(log, 0, "one", "1");
	assert_true(cdr_log_end_parting(log, slot, &one));
	cdr_log_parted(log, slot);
	slot = keep(log, 0, "two", "2");
	assert_true(cdr_log_end_parting(log, slot, &two));
	cdr_log_mark(log, slot, 3);
	assert_false(cdr_log_end_parting(log, 0, &one)); /* it found no room when it began */
	cdr_wait_written(log, 3);
	for (int i = 0; i < 3; i++) {
		offered.all[0] = '\0';
		cdr_crash(log, path, second);
		log = cdr_opened(second);
		cdr_log_recover(log, adopt, &offered);
		assert_string_equal(offered.all, "two=2/3 ");
		cdr_log_reclaim(log);
		cdr_log_close(log, 1000);
		log = cdr_opened(path);
	}
	cdr_log_recover(log, adopt, &offered);
	cdr_log_parted(log, offered.slot[0]);
	cdr_log_close(log, 1000);
	assert_string_equal(sql_text(path, "SELECT group_concat(a_call_id || ':' || end_reason) FROM cdr"),
		"one:BYE,two:BYE,one:BYE");
	log = cdr_opened(path);
	offered.all[0] = '\0';
	cdr_log_recover(log, adopt, &offered);
	assert_string_equal(offered.all, "");
	cdr_log_close(log, 1000);
}

static void an_answered_call_is_offered_with_its_last_state(void **state)
{
	(void)state;
	struct offered offered = {.adopted = {"one"}};
	struct cdr_log *log = cdr_opened(path);
	cdr_slot one = keep(log, 0, "one", "first");
	keep(log, 0, "two", "as it was");
	for (int i = 0; i < 20; i++) {
		char words[30];
		snprintf(words, sizeof(words), "change %d", i);
		one = keep(log, one, "one", words);
	}
	cdr_sign(log, 1700000009000);
	cdr_crash(log, path, second);

	log = cdr_opened(second);
	assert_int_equal(cdr_log_last_sign(log)->epoch_ms, 1700000009000);
	cdr_log_recover(log, adopt, &offered);
	assert_string_equal(offered.all, "two=as it was one=change 19 ");
	cdr_wait_written(log, 1);
	assert_string_equal(sql_text(second,
				    "SELECT a_call_id || '|' || end_ms || '|' || hold_ms || '|' ||"
				    " end_direction || '|' || end_reason FROM cdr"),
		"two|1700000009000|7000|2|switch restarted");
	struct cdr call = cdr_sample("one");
	cdr_log_end(log, offered.slot[0], &call);
	cdr_log_close(log, 1000);
	assert_string_equal(sql_text(second, "SELECT group_concat(a_call_id || ':' || end_reason) FROM cdr"),
		"two:switch restarted,one:BYE");
	/* And nothing is left. */
	log = cdr_opened(second);
	offered.all[0] = '\0';
	cdr_log_recover(log, adopt, &offered);
	assert_string_equal(offered.all, "");
	cdr_log_close(log, 1000);
}

static void an_adopted_call_is_offered_again_after_the_next_crash(void **state)
{
	(void)state;
	struct offered offered = {.adopted = {"one", "two"}};
	struct cdr_log *log = cdr_opened(path);
	keep(log, 0, "one", "a");
	keep(log, 0, "two", "b");
	cdr_crash(log, path, second);
	log = cdr_opened(second);
	cdr_log_recover(log, adopt, &offered);
	keep(log, offered.slot[1], "two", "c");
	const char *third = scratch_path("third.db");
	cdr_crash(log, second, third);
	log = cdr_opened(third);
	cdr_log_recover(log, adopt, &offered);
	assert_string_equal(offered.all, "one=a two=b one=a two=c ");
	cdr_log_close(log, 1000);
	assert_int_equal(sql_int(third, "SELECT count(*) FROM cdr"), 0);
}

static void calls_that_nobody_asks_for_wait_in_the_journal(void **state)
{
	(void)state;
	struct offered offered = {0};
	struct cdr_log *log = cdr_opened(path);
	keep(log, 0, "one", "a");
	cdr_log_close(log, 1000);
	cdr_log_close(cdr_opened(path), 1000);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 0);
	log = cdr_opened(path);
	cdr_log_recover(log, adopt, &offered);
	cdr_log_close(log, 1000);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr WHERE end_reason = 'switch restarted'"), 1);
}

static int no_entry(const struct cdr_journal_entry *entry, void *arg)
{
	(void)entry, (void)arg;
	return -1;
}

/* A crash between the entry of a change and the end of the one before. */
static void of_two_entries_of_a_call_the_later_counts(void **state)
{
	(void)state;
	struct cdr_journal *j = NULL;
	struct cdr_journal_found found;
	struct offered offered = {0};
	char error[256], bytes[1000];
	cdr_log_close(cdr_opened(path), 0);
	assert_int_equal(cdr_journal_open(&j, cdr_journal_of(path), error, sizeof(error)), 0);
	assert_int_equal(cdr_journal_read(j, &found, no_entry, NULL), 0);
	for (int i = 0; i < 2; i++) {
		char letter = i ? 'b' : 'a';
		struct cdr_record_lengths measure;
		struct cdr call = cdr_sample("one");
		cdr_record_measure(&call, &measure);
		cdr_live_write_head(bytes, 0, measure.size);
		cdr_record_write(&call, &measure, bytes + CDR_LIVE_HEAD);
		const struct iovec parts[] = {{bytes, CDR_LIVE_HEAD + measure.size}, {&letter, 1}};
		assert_int_not_equal(cdr_journal_put(j, CDR_JOURNAL_LIVE, 7, parts, 2), 0);
	}
	cdr_journal_close(j);
	struct cdr_log *log = cdr_opened(path);
	cdr_log_recover(log, adopt, &offered);
	assert_string_equal(offered.all, "one=b ");
	cdr_log_close(log, 1000);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 1);
}

static void what_a_call_leaves_to_a_side_is_offered_beside_it(void **state)
{
	(void)state;
	struct offered offered = {.adopted = {"one"}};
	struct cdr one = cdr_sample("one");
	struct cdr_log *log = cdr_opened(path);
	cdr_slot first = keep(log, 0, "one", "1");
	cdr_log_note(log, first, 2);
	cdr_slot next = cdr_log_keep_beside(log, first, &one, "2", 1);
	keep(log, next, "one", "3");
	cdr_crash(log, path, second);
	log = cdr_opened(second);
	cdr_log_recover(log, adopt, &offered);
	assert_string_equal(offered.all, "one=1/2 one=3 ");
	cdr_log_end(log, offered.slot[0], &one);
	cdr_wait_written(log, 1);
	cdr_log_close(log, 1000);
	log = cdr_opened(second);
	offered.all[0] = '\0';
	cdr_log_recover(log, adopt, &offered);
	assert_string_equal(offered.all, "one=1/2 ");
	cdr_slot longer = cdr_log_add(log, offered.slot[0], "+", 1);
	cdr_log_close(log, 1000);
	log = cdr_opened(second);
	offered.all[0] = '\0';
	cdr_log_recover(log, adopt, &offered);
	assert_string_equal(offered.all, "one=1+ ");
	assert_int_not_equal(longer, 0);
	cdr_log_parted(log, offered.slot[0]);
	cdr_log_close(log, 1000);
	assert_int_equal(sql_int(second, "SELECT count(*) FROM cdr"), 1);
}

static void what_is_added_beside_a_record_leaves_that_alone(void **state)
{
	(void)state;
	struct offered offered = {.adopted = {"one"}};
	struct cdr one = cdr_sample("one");
	struct cdr_log *log = cdr_opened(path);
	cdr_slot slot = keep(log, 0, "one", "1");
	assert_true(cdr_log_end_parting(log, slot, &one));
	cdr_log_add(log, slot, "+", 1);
	cdr_crash(log, path, second);
	log = cdr_opened(second);
	cdr_log_recover(log, adopt, &offered);
	assert_string_equal(offered.all, "one=1+ ");
	cdr_log_close(log, 1000);
	assert_string_equal(
		sql_text(second, "SELECT group_concat(a_call_id || ':' || end_reason) FROM cdr"), "one:BYE");
}

static bool take(const struct cdr_log_leftover *call, void *arg)
{
	*(bool *)arg |= call->parting && call->state_size == 1;
	return false;
}

static void a_call_whose_record_is_written_but_not_its_new_state_parts(void **state)
{
	(void)state;
	struct cdr_journal *j = NULL;
	struct cdr_journal_found found;
	struct cdr_record_lengths measure;
	struct cdr call = cdr_sample("one");
	char error[256], live[1000], ended[1000];
	bool parting = false;
	cdr_log_close(cdr_opened(path), 0);
	assert_int_equal(cdr_journal_open(&j, cdr_journal_of(path), error, sizeof(error)), 0);
	assert_int_equal(cdr_journal_read(j, &found, no_entry, NULL), 0);
	cdr_record_measure(&call, &measure);
	cdr_live_write_head(live, 0, measure.size);
	cdr_record_write(&call, &measure, live + CDR_LIVE_HEAD);
	cdr_record_write(&call, &measure, ended);
	const struct iovec parts[] = {{live, CDR_LIVE_HEAD + measure.size}, {(char *)"s", 1}};
	const struct iovec record = {ended, measure.size};
	assert_int_not_equal(cdr_journal_put(j, CDR_JOURNAL_LIVE, 7, parts, 2), 0);
	assert_int_not_equal(cdr_journal_put(j, CDR_JOURNAL_ENDED, 7, &record, 1), 0);
	cdr_journal_close(j);
	struct cdr_log *log = cdr_opened(path);
	cdr_log_recover(log, take, &parting);
	assert_true(parting);
	cdr_log_close(log, 1000);
	assert_int_equal(sql_int(path, "SELECT count(*) FROM cdr"), 1);
}

static void what_is_too_short_for_its_head_is_no_call(void **state)
{
	(void)state;
	struct cdr_live live;
	char bytes[CDR_LIVE_HEAD + 4] = {0};
	cdr_live_write_head(bytes, 1, 5);
	assert_int_not_equal(cdr_live_read(&live, bytes, sizeof(bytes)), 0);
	assert_int_not_equal(cdr_live_read(&live, bytes, CDR_LIVE_HEAD - 1), 0);
	cdr_live_write_head(bytes, 1, 4);
	assert_int_equal(cdr_live_read(&live, bytes, sizeof(bytes)), 0);
	assert_int_equal(live.state_size, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answered_call_is_offered_with_its_last_state),
		TEST(a_note_lasts_until_the_next_state),
		TEST(a_call_that_parts_is_offered_until_it_has_parted),
		TEST(what_a_call_leaves_to_a_side_is_offered_beside_it),
		TEST(what_is_added_beside_a_record_leaves_that_alone),
		TEST(an_adopted_call_is_offered_again_after_the_next_crash),
		TEST(calls_that_nobody_asks_for_wait_in_the_journal),
		TEST(of_two_entries_of_a_call_the_later_counts),
		TEST(a_call_whose_record_is_written_but_not_its_new_state_parts),
		TEST(what_is_too_short_for_its_head_is_no_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
