#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static bool exhausted;

static void *allocate(size_t n)
{
	return exhausted ? NULL : malloc(n);
}
#define uthash_malloc(n) allocate(n)

#include "keyed_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { N = 512 };

struct item {
	char key[32];
	UT_hash_handle hh;
};

/* Of such keys Jenkins' hash, which anybody can compute, puts all into one bucket. */
static void keys_that_were_chosen_to_collide_are_spread(void **state)
{
	struct item *table = NULL, *item, *next;
	static struct item items[N];
	unsigned hash, found = 0, longest = 0;

	(void)state;
	for (unsigned i = 0; found < N; i++) {
		snprintf(items[found].key, sizeof(items[found].key), "z9hG4bK%u", i);
		HASH_JEN(items[found].key, strlen(items[found].key), hash);
		if (hash % 1024 == 7)
			found++;
	}
	for (unsigned i = 0; i < N; i++)
		HASH_ADD_STR(table, key, &items[i]);
	for (unsigned i = 0; i < table->hh.tbl->num_buckets; i++)
		if (table->hh.tbl->buckets[i].count > longest)
			longest = table->hh.tbl->buckets[i].count;
	assert_in_range(longest, 1, 30);
	HASH_ITER (hh, table, item, next)
		HASH_DEL(table, item);
}

static void without_memory_an_element_is_left_out(void **state)
{
	struct item *table = NULL, item = {.key = "one"};

	(void)state;
	exhausted = true;
	HASH_ADD_STR(table, key, &item);
	exhausted = false;
	assert_null(item.hh.tbl);
	assert_null(table);
	HASH_ADD_STR(table, key, &item);
	assert_non_null(item.hh.tbl);
	HASH_DEL(table, &item); /* NOLINT(clang-analyzer-core.NullDereference): it is in the table */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_that_were_chosen_to_collide_are_spread),
		cmocka_unit_test(without_memory_an_element_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
