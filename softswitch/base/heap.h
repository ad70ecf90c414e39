/** @file heap.h  The process's heap in large pages.
 *
 * Calls and the transactions that outlive them are spread over some hundred megabytes. In pages of 4 KiB the processor
 * spends a fifth of a call on finding out where they are. A switch that carries few calls is smaller without.
 */
#ifndef HEAP_H
#define HEAP_H

#include <stdbool.h>

/** Call it before anything else. Where the kernel has no large pages nothing happens. */
void heap_setup(void);
/** Call it once a second: the heap may have grown. @param large  ask for large pages */
void heap_look(bool large);

#endif
