/* The journal of earlier versions, a mapped file beside cdr.db: an upgrade loses nothing that a crash left in it. */
#include "cdr_record.h"
#include "cdr_sample.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCKS = 8192, BLOCK_SIZE = 512, DATA = 472, PARTS_MAX = 16 };
enum { ANSWERED = 0x414e5731, ENDED = 0x454e4431, LIVE = 0x4c495631 };

/* As those versions had it. */
struct old_block {
	uint32_t state, next;
	uint64_t number, ended_by, sum;
	uint32_t size, unused;
	char data[DATA];
};
_Static_assert(sizeof(struct old_block) == BLOCK_SIZE, "no padding in a block");

static struct old_block blocks[BLOCKS];
static unsigned n_blocks;
static const char *path, *old;

static int make_path(void **state)
{
	int err = scratch_make(state);
	path = scratch_path("cdr.db");
	old = scratch_path("cdr.db-live");
	memset(blocks, 0, sizeof(blocks));
	n_blocks = 1;
	return err;
}

static uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum ^ sum >> 29;
}

static uint64_t sum_of(const struct old_block *head, const char *bytes)
{
	uint64_t word, sum = mix(mix(mix(0, head->state), head->number), head->size);
	size_t left = head->size;
	for (; left >= sizeof(word); bytes += sizeof(word), left -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum = mix(sum, word);
	}
	word = 0;
	memcpy(&word, bytes, left);
	return mix(sum, word);
}

static void put(uint32_t word, uint64_t number, uint64_t ended_by, const char *bytes, size_t size)
{
	struct old_block *head = &blocks[n_blocks], *block;
	head->state = word;
	head->number = number;
	head->ended_by = ended_by ? ended_by | mix(UINT32_MAX, ended_by) >> 48 << 48 : 0;
	head->size = (uint32_t)size;
	head->sum = sum_of(head, bytes);
	for (;;) {
		size_t part = size < DATA ? size : DATA;
		block = &blocks[n_blocks++];
		memcpy(block->data, bytes, part);
		bytes += part;
		size -= part;
		if (!size)
			return;
		block->next = n_blocks;
	}
}

/* A call with a state of so many bytes, all of one letter. */
static void put_live(const char *name, uint64_t number, uint64_t replaces, char letter, size_t n)
{
	static char bytes[DATA * PARTS_MAX];
	struct cdr_record_lengths measure;
	struct cdr call = cdr_sample(name);
	call.end_ms = 0;
	cdr_record_measure(&call, &measure);
	const uint64_t head[2] = {replaces, measure.size};
	memcpy(bytes, head, sizeof(head));
	cdr_record_write(&call, &measure, bytes + sizeof(head));
	memset(bytes + sizeof(head) + measure.size, letter, n);
	put(LIVE, number, 0, bytes, sizeof(head) + measure.size + n);
}

static void put_record(uint32_t word, const char *name, uint64_t number, uint64_t ended_by)
{
	char bytes[1000];
	struct cdr_record_lengths measure;
	struct cdr call = cdr_sample(name);
	cdr_record_measure(&call, &measure);
	cdr_record_write(&call, &measure, bytes);
	put(word, number, ended_by, bytes, measure.size);
}

/* A busy switch has died: rows up to number 20 are in the table. */
static void leave(void)
{
	char sql[80];
	cdr_log_close(cdr_opened(path), 0);
	snprintf(sql, sizeof(sql), "UPDATE journal SET written = 20");
	sql_run(path, sql);
	put_record(ENDED, "a row already", 20, 0);
	put_record(ENDED, "ended", 21, 0);
	put_record(ANSWERED, "a row, its end found no room", 11, 19);
	put_record(ANSWERED, "answered", 12, 0);
	put_live("superseded", 13, 0, 'a', 100);
	put_live("live", 22, 0, 'b', 3000);
	put_live("changed", 23, 13, 'c', 10);
	blocks[0].number = 1700000009000; /* the last sign */
	scratch_write(old, blocks, sizeof(blocks));
}

static char offered[4000];

static bool adopt_live(const struct cdr_log_leftover *call, void *arg)
{
	size_t n = strlen(offered);
	snprintf(offered + n, sizeof(offered) - n, "%s=%zu%c ", call->record.a_call_id, call->state_size,
		call->state[call->state_size - 1]);
	*(cdr_slot *)arg = call->slot;
	return strcmp(call->record.a_call_id, "live") == 0;
}

static const char *const rows = "SELECT group_concat(a_call_id || ':' || end_reason, ', ') FROM"
				" (SELECT a_call_id, end_reason FROM cdr ORDER BY a_call_id)";

static void what_an_earlier_version_left_is_adopted_once(void **state)
{
	(void)state;
	cdr_slot slot;
	leave();
	struct cdr_log *log = cdr_opened(path);
	assert_int_equal(cdr_log_last_sign(log)->epoch_ms, 1700000009000);
	offered[0] = '\0';
	cdr_log_recover(log, adopt_live, &slot);
	assert_string_equal(offered, "live=3000b changed=10c ");
	cdr_wait_written(log, 3);
	assert_string_equal(
		sql_text(path, rows), "answered:switch restarted, changed:switch restarted, ended:BYE");
	assert_int_equal(sql_int(path, "SELECT hold_ms FROM cdr WHERE a_call_id = 'changed'"), 7000);
	cdr_log_close(log, 1000);

	log = cdr_opened(path);
	offered[0] = '\0';
	cdr_log_recover(log, NULL, NULL);
	cdr_log_close(log, 1000);
	assert_string_equal(sql_text(path, rows),
		"answered:switch restarted, changed:switch restarted, ended:BYE, live:switch restarted");
}

/* The old file is there again, as it is when the crash comes before it is removed. */
static void a_crash_while_it_moves_costs_nothing(void **state)
{
	(void)state;
	cdr_slot slot;
	leave();
	sqlite3 *holder = sql_connect(path, "BEGIN EXCLUSIVE");
	cdr_log_close(cdr_opened(path), 0);
	sqlite3_close(holder);
	scratch_write(old, blocks, sizeof(blocks));
	struct cdr_log *log = cdr_opened(path);
	offered[0] = '\0';
	cdr_log_recover(log, adopt_live, &slot);
	assert_string_equal(offered, "live=3000b changed=10c ");
	struct cdr call = cdr_sample("live");
	cdr_log_end(log, slot, &call);
	cdr_log_close(log, 1000);
	assert_string_equal(sql_text(path, rows),
		"answered:switch restarted, changed:switch restarted, ended:BYE, live:BYE");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_path, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_an_earlier_version_left_is_adopted_once),
		TEST(a_crash_while_it_moves_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
