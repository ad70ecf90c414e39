#include "pace.h"

#include "loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>

enum { STEP_MS = 10 };

struct pace {
	struct loop *loop;
	struct event event;
	unsigned per_step;
	TAILQ_HEAD(, pace_task) waiting;
};

static void run_first(struct pace *p)
{
	struct pace_task *task = TAILQ_FIRST(&p->waiting);

	pace_remove(task);
	task->run(task);
}

static void wait_a_step(struct pace *p)
{
	struct timeval tv;

	event_add(&p->event, loop_delay(p->loop, STEP_MS, &tv));
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct pace *p = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < p->per_step && !TAILQ_EMPTY(&p->waiting); i++)
		run_first(p);
	if (!TAILQ_EMPTY(&p->waiting))
		wait_a_step(p);
}

int pace_create(struct pace **out, struct loop *loop, unsigned per_second)
{
	struct pace *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	p->per_step = per_second * STEP_MS / 1000;
	TAILQ_INIT(&p->waiting);
	event_assign(&p->event, loop_base(loop), -1, 0, on_step, p);
	*out = p;
	return 0;
}

void pace_destroy(struct pace *p)
{
	if (!p)
		return;
	while (!TAILQ_EMPTY(&p->waiting))
		run_first(p);
	event_del(&p->event);
	free(p);
}

void pace_add(struct pace *p, struct pace_task *task, void (*run)(struct pace_task *task))
{
	task->pace = p;
	task->run = run;
	TAILQ_INSERT_TAIL(&p->waiting, task, link);
	if (!event_pending(&p->event, EV_TIMEOUT, NULL))
		wait_a_step(p);
}

void pace_remove(struct pace_task *task)
{
	if (!task->pace)
		return;
	TAILQ_REMOVE(&task->pace->waiting, task, link);
	task->pace = NULL;
}
