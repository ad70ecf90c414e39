/**
 * @file out_of_memory.h  malloc(), calloc() and realloc() that fail on demand.
 *
 * For a test linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc, in its one source file.
 */
#ifndef OUT_OF_MEMORY_H
#define OUT_OF_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static long allocations;  /* made so far */
static long fail_at = -1; /* the allocation that fails, counted as above; -1 = none */

static bool allocation_fails(void)
{
	return allocations++ == fail_at;
}

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return allocation_fails() ? NULL : __real_realloc(old, size);
}

#endif
