#include "routing_table.h"

#include "out_of_memory.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 100000, NUMBERS = 60000, LINEAR = 300, TEXT_SIZE = ROUTING_TABLE_PREFIX_MAX + 2 };

/* A row of the naive table; its index in the sorted array is its gateway, so each is told apart. */
struct row {
	char prefix[TEXT_SIZE];
	uint16_t priority, weight;
	bool carry_through, enabled;
};

struct naive {
	struct row *row;
	size_t n;
};

static uint64_t state = 42;

static int compare_rows(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	const int order = strcmp(a->prefix, b->prefix); /* bytes as unsigned char, as SQLite's BINARY */

	return order ? order : a->priority - b->priority;
}

static void random_text(char *out, const char *alphabet, unsigned length)
{
	const unsigned letters = (unsigned)strlen(alphabet);

	for (unsigned i = 0; i < length; i++)
		out[i] = alphabet[unit_random_below(&state, letters)];
	out[length] = '\0';
}

static const struct alphabet {
	const char *text;
	unsigned max;
} alphabets[] = {
	{"0123456789", 12},
	{"0123456789", 6},
	{"01", 20},
	{"0123456789*#+", 8},
	{"0123456789ABCDabcdxyz*#+._~!$&'()=,;?/%-", 5},
	{"+,-./09:;@\x01\x7f\x80\xf0\xff", 6},
};
static const struct alphabet one_letter = {"7", ROUTING_TABLE_PREFIX_MAX};
enum { ALPHABETS = sizeof(alphabets) / sizeof(alphabets[0]) };

static void random_prefix(char *out)
{
	const struct alphabet *a = &alphabets[unit_random_below(&state, ALPHABETS)];
	const unsigned rare = unit_random_below(&state, 10000);

	if (rare < 20)
		a = &one_letter;
	random_text(out, a->text, rare == 20 ? 0 : 1 + unit_random_below(&state, a->max));
}

static void naive_create(struct naive *naive)
{
	naive->row = calloc(ROWS, sizeof(struct row));
	naive->n = ROWS;
	assert_non_null(naive->row);
	for (size_t i = 0; i < ROWS; i++) {
		struct row *row = &naive->row[i];

		random_prefix(row->prefix);
		row->priority = (uint16_t)unit_random_below(&state, 4);
		row->weight = (uint16_t)unit_random_below(&state, 100);
		row->carry_through = unit_random_below(&state, 2);
		row->enabled = unit_random_below(&state, 10) != 0;
	}
	qsort(naive->row, naive->n, sizeof(struct row), compare_rows);
}

static int add(struct routing_table *t, const char *prefix, uint32_t gateway, uint16_t priority)
{
	const struct db_route row = {
		.prefix = prefix, .gateway = gateway, .priority = priority, .enabled = true};

	return routing_table_add(t, &row);
}

static struct routing_table *table_of(const struct naive *naive)
{
	struct routing_table *t;

	assert_int_equal(routing_table_create(&t), 0);
	for (size_t i = 0; i < naive->n; i++) {
		const struct row *from = &naive->row[i];
		const struct db_route row = {.prefix = from->prefix,
			.gateway = (uint32_t)i,
			.priority = from->priority,
			.weight = from->weight,
			.carry_through = from->carry_through,
			.enabled = from->enabled};

		assert_int_equal(routing_table_add(t, &row), 0);
	}
	assert_int_equal(routing_table_finish(t), 0);
	return t;
}

/* The first row that is not below this prefix. */
static size_t lower_bound(const struct naive *naive, const char *prefix)
{
	size_t low = 0, high = naive->n;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (strcmp(naive->row[middle].prefix, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Compares a match with the enabled rows of exactly this prefix. @return how many there are */
static unsigned check_routes(
	const struct naive *naive, const char *prefix, const struct routing_table_match *match)
{
	unsigned n = 0;

	for (size_t i = lower_bound(naive, prefix); i < naive->n; i++) {
		const struct row *row = &naive->row[i];

		if (strcmp(row->prefix, prefix) != 0)
			break;
		if (!row->enabled)
			continue;
		if (match) {
			assert_true(n < match->n_routes);
			assert_int_equal(match->routes[n].gateway, i);
			assert_int_equal(match->routes[n].priority, row->priority);
			assert_int_equal(match->routes[n].weight, row->weight);
			assert_int_equal(match->routes[n].carry_through, row->carry_through);
		}
		n++;
	}
	return n;
}

/* Every beginning of the number is looked for in the sorted rows, the longest first. */
static void check_number(const struct routing_table *t, const struct naive *naive, const char *number)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	const unsigned n = routing_table_match(t, number, match);
	unsigned found = 0;

	for (size_t length = strlen(number) + 1; length-- > 0 && found < ROUTING_TABLE_DEPTH_MAX;) {
		char prefix[2 * TEXT_SIZE];

		memcpy(prefix, number, length);
		prefix[length] = '\0';
		if (!check_routes(naive, prefix, NULL))
			continue;
		assert_true(found < n);
		assert_int_equal(match[found].length, length);
		assert_int_equal(check_routes(naive, prefix, &match[found]), match[found].n_routes);
		found++;
	}
	assert_int_equal(n, found);
}

/* The same without any order: each row is compared with the number. */
static void check_number_linearly(
	const struct routing_table *t, const struct naive *naive, const char *number)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	const unsigned n = routing_table_match(t, number, match);
	size_t routes = 0, expected = 0;

	for (unsigned i = 0; i < n; i++)
		routes += match[i].n_routes;
	for (size_t i = 0; i < naive->n; i++) {
		const struct row *row = &naive->row[i];

		expected += row->enabled && strncmp(row->prefix, number, strlen(row->prefix)) == 0;
	}
	if (n < ROUTING_TABLE_DEPTH_MAX)
		assert_int_equal(routes, expected);
}

/* Some prefix, cut, changed in one byte or carried on; or just anything. */
static void random_number(const struct naive *naive, char out[2 * TEXT_SIZE])
{
	const unsigned way = unit_random_below(&state, 5);
	size_t length;

	random_prefix(out);
	if (way == 0)
		return;
	memcpy(out, naive->row[unit_random_below(&state, (unsigned)naive->n)].prefix, TEXT_SIZE);
	length = strlen(out);
	if (way == 1 && length)
		out[unit_random_below(&state, (unsigned)length)] = '5';
	if (way == 2 && length)
		out[length - 1] = '\0';
	if (way >= 3)
		random_prefix(out + length);
}

static void finds_what_a_naive_search_finds(void **unused)
{
	struct naive naive;
	struct routing_table *t;
	char number[2 * TEXT_SIZE];

	(void)unused;
	naive_create(&naive);
	t = table_of(&naive);
	for (unsigned i = 0; i < NUMBERS; i++) {
		random_number(&naive, number);
		check_number(t, &naive, number);
	}
	for (unsigned i = 0; i < LINEAR; i++) {
		random_number(&naive, number);
		check_number_linearly(t, &naive, number);
	}
	routing_table_destroy(t);
	free(naive.row);
}

static bool has_gateway(const struct routing_table_match *match, uint32_t gateway)
{
	for (unsigned i = 0; i < match->n_routes; i++)
		if (match->routes[i].gateway == gateway)
			return true;
	return false;
}

static void each_prefix_finds_itself(void **unused)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	struct naive naive;
	struct routing_table *t;
	size_t prefixes = 0, routes = 0;
	const char *last = NULL;

	(void)unused;
	naive_create(&naive);
	t = table_of(&naive);
	for (size_t i = 0; i < naive.n; i++) {
		const char *prefix = naive.row[i].prefix;

		if (!naive.row[i].enabled)
			continue;
		assert_true(routing_table_match(t, prefix, match) > 0);
		assert_int_equal(match[0].length, strlen(prefix));
		assert_true(has_gateway(&match[0], (uint32_t)i));
		routes++;
		prefixes += !last || strcmp(last, prefix) != 0;
		last = prefix;
	}
	assert_int_equal(routing_table_routes(t), routes);
	assert_int_equal(routing_table_prefixes(t), prefixes);
	routing_table_destroy(t);
	free(naive.row);
}

static void empty_table_matches_nothing(void **unused)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	struct routing_table *t;

	(void)unused;
	assert_int_equal(routing_table_create(&t), 0);
	assert_int_equal(routing_table_finish(t), 0);
	assert_int_equal(routing_table_match(t, "", match), 0);
	assert_int_equal(routing_table_match(t, "1", match), 0);
	assert_int_equal(routing_table_prefixes(t), 0);
	routing_table_destroy(t);
	routing_table_destroy(NULL);
}

static void empty_prefix_matches_everything(void **unused)
{
	static const char *const numbers[] = {"", "1", "+49", "alice", "\xff"};
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	struct routing_table *t;

	(void)unused;
	assert_int_equal(routing_table_create(&t), 0);
	assert_int_equal(add(t, "", 7, 1), 0);
	assert_int_equal(routing_table_finish(t), 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_int_equal(routing_table_match(t, numbers[i], match), 1);
		assert_int_equal(match[0].length, 0);
		assert_int_equal(match[0].routes[0].gateway, 7);
	}
	routing_table_destroy(t);
}

static void of_too_many_matches_the_longest_stay(void **unused)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	char sevens[ROUTING_TABLE_PREFIX_MAX + 1] = "";
	struct routing_table *t;

	(void)unused;
	assert_int_equal(routing_table_create(&t), 0);
	for (unsigned i = 0; i <= ROUTING_TABLE_PREFIX_MAX; i++) {
		assert_int_equal(add(t, sevens, i, 1), 0);
		if (i < ROUTING_TABLE_PREFIX_MAX)
			sevens[i] = '7';
	}
	assert_int_equal(routing_table_finish(t), 0);
	assert_int_equal(routing_table_match(t, sevens, match), ROUTING_TABLE_DEPTH_MAX);
	for (unsigned i = 0; i < ROUTING_TABLE_DEPTH_MAX; i++)
		assert_int_equal(match[i].length, ROUTING_TABLE_PREFIX_MAX - i);
	routing_table_destroy(t);
}

/* Each of these is refused, and the table goes on as if it had not been offered. */
static void refuses_rows_out_of_order(void **unused)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	char long_prefix[ROUTING_TABLE_PREFIX_MAX + 2];
	struct routing_table *t;

	(void)unused;
	memset(long_prefix, '9', sizeof(long_prefix) - 1);
	long_prefix[sizeof(long_prefix) - 1] = '\0';
	assert_int_equal(routing_table_create(&t), 0);
	assert_int_equal(add(t, "49", 1, 5), 0);
	assert_int_equal(add(t, "49", 2, 4), -EINVAL);
	assert_int_equal(add(t, "48", 2, 5), -EINVAL);
	assert_int_equal(add(t, "4", 2, 5), -EINVAL);
	assert_int_equal(add(t, "", 2, 5), -EINVAL);
	assert_int_equal(add(t, "+49", 2, 5), -EINVAL);
	assert_int_equal(add(t, "#49", 2, 5), -EINVAL);
	assert_int_equal(add(t, long_prefix, 2, 5), -EINVAL);
	assert_int_equal(add(t, "49", 3, 5), 0);
	assert_int_equal(add(t, "490", 4, 1), 0);
	assert_int_equal(add(t, "A", 5, 1), 0);
	assert_int_equal(add(t, "9", 6, 1), -EINVAL);
	assert_int_equal(routing_table_finish(t), 0);
	assert_int_equal(routing_table_routes(t), 4);
	assert_int_equal(routing_table_match(t, "4901", match), 2);
	assert_int_equal(match[0].routes[0].gateway, 4);
	assert_int_equal(match[1].n_routes, 2);
	assert_int_equal(match[1].routes[0].gateway, 1);
	assert_int_equal(match[1].routes[1].gateway, 3);
	routing_table_destroy(t);
}

static void refuses_more_routes_than_a_prefix_can_hold(void **unused)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	struct routing_table *t;

	(void)unused;
	assert_int_equal(routing_table_create(&t), 0);
	for (uint32_t i = 0; i < ROUTING_TABLE_ROUTES_MAX; i++)
		assert_int_equal(add(t, "1", i, 1), 0);
	assert_int_equal(add(t, "1", 0, 1), -E2BIG);
	assert_int_equal(add(t, "2", 0, 1), 0);
	assert_int_equal(routing_table_finish(t), 0);
	assert_int_equal(routing_table_match(t, "1", match), 1);
	assert_int_equal(match[0].n_routes, ROUTING_TABLE_ROUTES_MAX);
	routing_table_destroy(t);
}

/* Folded runs are what makes this small: a long tail costs a node or two, not one a digit. */
static void a_prefix_costs_few_bytes(void **unused)
{
	struct routing_table *t;
	char prefix[16];

	(void)unused;
	assert_int_equal(routing_table_create(&t), 0);
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(prefix, sizeof(prefix), "49%04u%06u", i, unit_random_below(&state, 1000000));
		assert_int_equal(add(t, prefix, i, 1), 0);
	}
	assert_int_equal(routing_table_finish(t), 0);
	assert_true(routing_table_bytes(t) < 10000 * 36);
	routing_table_destroy(t);
}

/* A row that finds no memory can be offered again; the table does not know that it was. */
static void a_row_refused_for_memory_can_be_offered_again(void **unused)
{
	enum { N = 20000 };
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	struct routing_table *t;
	char prefix[16];
	unsigned refused = 0;

	(void)unused;
	assert_int_equal(routing_table_create(&t), 0);
	for (unsigned i = 0; i < N; i++) {
		snprintf(prefix, sizeof(prefix), "%05u", i);
		fail_at = allocations;
		int err = add(t, prefix, i, 1);
		fail_at = -1;
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(add(t, prefix, i, 1), 0);
			refused++;
		}
	}
	assert_true(refused > 4);
	assert_int_equal(routing_table_finish(t), 0);
	assert_int_equal(routing_table_routes(t), N);
	for (unsigned i = 0; i < N; i++) {
		snprintf(prefix, sizeof(prefix), "%05u9", i);
		assert_int_equal(routing_table_match(t, prefix, match), 1);
		assert_int_equal(match[0].routes[0].gateway, i);
	}
	routing_table_destroy(t);
}

static void finishing_can_be_tried_again(void **unused)
{
	struct routing_table_match match[ROUTING_TABLE_DEPTH_MAX];
	struct routing_table *t = NULL;

	(void)unused;
	for (unsigned i = 0; i < 2; i++) {
		fail_at = allocations + i;
		assert_int_equal(routing_table_create(&t), -ENOMEM);
		fail_at = -1;
		assert_null(t);
	}
	assert_int_equal(routing_table_create(&t), 0);
	assert_int_equal(add(t, "1", 5, 1), 0);
	fail_at = allocations; /* room for the last nodes */
	assert_int_equal(routing_table_finish(t), -ENOMEM);
	fail_at = allocations + 1; /* giving room back, which is not needed */
	assert_int_equal(routing_table_finish(t), 0);
	fail_at = -1;
	assert_int_equal(routing_table_match(t, "12", match), 1);
	assert_int_equal(match[0].routes[0].gateway, 5);
	routing_table_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_a_naive_search_finds),
		cmocka_unit_test(each_prefix_finds_itself),
		cmocka_unit_test(empty_table_matches_nothing),
		cmocka_unit_test(empty_prefix_matches_everything),
		cmocka_unit_test(of_too_many_matches_the_longest_stay),
		cmocka_unit_test(refuses_rows_out_of_order),
		cmocka_unit_test(refuses_more_routes_than_a_prefix_can_hold),
		cmocka_unit_test(a_prefix_costs_few_bytes),
		cmocka_unit_test(a_row_refused_for_memory_can_be_offered_again),
		cmocka_unit_test(finishing_can_be_tried_again),
	};

	return cmocka_run_group_tests_name("routing_table", tests, NULL, NULL);
}
