/* The heap asks for large pages while it should, also for what it grows by. */

#include "heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77 };

/** Is this address in memory that asks for large pages? */
static bool is_advised(const void *at)
{
	char line[512];
	unsigned long from, to;
	bool here = false, advised = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = (uintptr_t)at >= from && (uintptr_t)at < to;
		else if (here && !strncmp(line, "VmFlags:", 8))
			advised = strstr(line, " hg") != NULL;
	}
	fclose(f);
	return advised;
}

static void what_the_heap_grows_by_has_large_pages(void **state)
{
	enum { BLOCK = 8 << 20, BLOCKS = 12 };
	char *block[BLOCKS];

	(void)state;
	heap_setup();
	for (int i = 0; i < BLOCKS; i++) {
		block[i] = malloc(BLOCK);
		assert_non_null(block[i]);
		heap_look(true);
	}
	for (int i = 0; i < BLOCKS; i++)
		assert_true(is_advised(block[i] + BLOCK / 2));
	heap_look(false);
	for (int i = 0; i < BLOCKS; i++)
		assert_false(is_advised(block[i] + BLOCK / 2));
	heap_look(true);
	for (int i = 0; i < BLOCKS; i++)
		assert_true(is_advised(block[i] + BLOCK / 2));
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_heap_grows_by_has_large_pages),
	};

#ifdef __SANITIZE_ADDRESS__
	puts("skipped: the sanitizer has a heap of its own");
	return SKIPPED;
#endif
	if (access("/sys/kernel/mm/transparent_hugepage", F_OK)) {
		puts("skipped: no large pages, or no /sys to tell");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
