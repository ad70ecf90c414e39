#include "heap.h"

#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	PAGE = 2 << 20,
	STEP = 32 << 20, /* by which the heap grows: most of it is to be seen here before it is used */
};

static uintptr_t begin, seen; /* multiples of PAGE; between them, pages are large: */
static bool are_large;

static uintptr_t heap_end(void)
{
	return (uintptr_t)sbrk(0) / PAGE * PAGE;
}

void heap_setup(void)
{
	begin = seen = heap_end() + PAGE;
	mallopt(M_TOP_PAD, STEP);
	mallopt(M_TRIM_THRESHOLD, 2 * STEP);
	mallopt(M_MMAP_THRESHOLD, STEP); /* the arrays of hash tables, too */
}

void heap_look(bool large)
{
	const uintptr_t end = heap_end(), from = large == are_large ? seen : begin;

	if (end > from)
		madvise((void *)from, end - from, large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	are_large = large;
	seen = end > begin ? end : begin;
}
