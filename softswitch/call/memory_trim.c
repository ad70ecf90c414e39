#include "memory_trim.h"

#include "clock.h"
#include "cdr_log.h"
#include "heap.h"
#include "log.h"
#include "loop.h"
#include "stack.h"

#include <event2/event.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

enum {
	LOOK_MS = 1000,
	FLOOD = 1000,    /* at a time: less is not worth it */
	QUIET_SHARE = 8, /* the flood is over when an eighth is left */
	QUIET_MS = 5000, /* for so long */
};

struct memory_trim {
	const struct stack *stack;
	struct event *timer;
	const uint64_t *calls;
	struct cdr_log *cdr_log; /* keeps the last batch of records until the next one */
	uint64_t most;           /* kept at a time since memory was given back last */
	uint64_t quiet_since_ms; /* monotonic; 0 = it is not quiet */
};

static void schedule(struct memory_trim *m)
{
	struct timeval tv;

	event_add(m->timer, loop_delay(m->stack->loop, LOOK_MS, &tv));
}

/** Calls, and transactions of theirs, which stay for 32 s at least and as long as a resend list says. */
static uint64_t count(const struct memory_trim *m)
{
	return *m->calls + client_transactions_kept(m->stack->client_transactions) +
		server_transactions_kept(m->stack->server_transactions);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct memory_trim *m = arg;
	uint64_t now = clock_now_ms(), kept = count(m);

	(void)fd;
	(void)what;
	schedule(m);
	if (kept > m->most)
		m->most = kept;
	heap_look(m->most >= FLOOD);
	if (m->most < FLOOD || kept > m->most / QUIET_SHARE) {
		m->quiet_since_ms = 0;
	} else if (!m->quiet_since_ms) {
		m->quiet_since_ms = now;
	} else if (now - m->quiet_since_ms >= QUIET_MS) {
		cdr_log_reclaim(m->cdr_log);
		malloc_trim(0);
		log_debug(NULL, "memory given back kept=%lu most=%lu", (unsigned long)kept,
			(unsigned long)m->most);
		m->most = kept;
		m->quiet_since_ms = 0;
		heap_look(
			m->most >= FLOOD); /* else the kernel makes large pages of the little that is left */
	}
}

int memory_trim_create(
	struct memory_trim **out, const struct stack *stack, const uint64_t *calls, struct cdr_log *cdr_log)
{
	struct memory_trim *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->stack = stack;
	m->calls = calls;
	m->cdr_log = cdr_log;
	m->timer = evtimer_new(loop_base(stack->loop), on_look, m);
	if (!m->timer) {
		free(m);
		return -ENOMEM;
	}
	schedule(m);
	*out = m;
	return 0;
}

void memory_trim_destroy(struct memory_trim *m)
{
	if (!m)
		return;
	event_free(m->timer);
	free(m);
}
