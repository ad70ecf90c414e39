#include "heap.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	PAGE = 2 << 20,
	STEP = 32
		<< 20, /* the heap grows by so much, so that most of it has been seen here before it is used */
};

static uintptr_t seen; /* up to here, a multiple of PAGE */

static uintptr_t round_up(uintptr_t address)
{
	return (address + PAGE - 1) / PAGE * PAGE;
}

static uintptr_t heap_end(void)
{
	return (uintptr_t)sbrk(0);
}

void heap_setup(void)
{
	seen = round_up(heap_end());
	mallopt(M_TOP_PAD, STEP);
	mallopt(M_TRIM_THRESHOLD, 2 * STEP);
	mallopt(M_MMAP_THRESHOLD, STEP); /* the arrays of hash tables, too */
	free(malloc(STEP / 2));
	heap_look();
}

void heap_look(void)
{
	const uintptr_t end = heap_end() / PAGE * PAGE;

	if (end > seen)
		madvise((void *)seen, end - seen, MADV_HUGEPAGE);
	seen = end;
}
