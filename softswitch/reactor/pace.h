/** @file pace.h  Runs tasks in the order they came, at most so many a second. */
#ifndef PACE_H
#define PACE_H

#include <sys/queue.h>

struct loop;
struct pace;

/** Embedded in its owner; zeroed = not waiting. */
struct pace_task {
	TAILQ_ENTRY(pace_task) link;
	struct pace *pace; /* it waits there; NULL = it does not */
	void (*run)(struct pace_task *task);
};

/** @param per_second  at least 100. @return 0 or -ENOMEM */
int pace_create(struct pace **out, struct loop *loop, unsigned per_second);
/** Run what still waits at once. NULL is fine. */
void pace_destroy(struct pace *pace);

/** @param run  called from the loop; the task does not wait any more then, and may be freed */
void pace_add(struct pace *pace, struct pace_task *task, void (*run)(struct pace_task *task));
/** Nothing when it does not wait. */
void pace_remove(struct pace_task *task);

#endif
