/** @file memory_trim.h  During a flood of calls its memory is in large pages (heap.h), after it goes back to the system.
 *
 * The allocator returns by itself only what is free at the end of its heap; one long-lived block there keeps the rest.
 * Asking it to look through all of it takes some 10 ms per 100 MB, so it is asked once the flood is over, when few
 * calls are there to notice and what lingers of them is gone.
 */
#ifndef MEMORY_TRIM_H
#define MEMORY_TRIM_H

#include <stdint.h>

struct cdr_log;
struct memory_trim;
struct stack;

/** @param calls  calls in progress; borrowed, as all is. @return 0 or -ENOMEM */
int memory_trim_create(
	struct memory_trim **out, const struct stack *stack, const uint64_t *calls, struct cdr_log *cdr_log);
/** NULL is fine. */
void memory_trim_destroy(struct memory_trim *m);

#endif
