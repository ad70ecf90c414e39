#include "nat_keep_alive.h"

#include "clock.h"
#include "log.h"
#include "loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** How often the parameters are looked at while nothing is due. */
enum { LOOK_MS = 1000 };

TAILQ_HEAD(waiting, nat_keep_alive_to);

struct nat_keep_alive {
	const struct stack *stack;
	struct waiting waiting; /* the one that was sent one longest ago first */
	unsigned n;
	bool is_late; /* which was said */
	struct event timer;
};

static void plan(struct nat_keep_alive *k, uint32_t ms)
{
	struct timeval tv;

	if (k->n && !event_pending(&k->timer, EV_TIMEOUT, NULL))
		event_add(&k->timer, loop_delay(k->stack->loop, ms, &tv));
}

static void keep_open(const struct nat_keep_alive *k, const struct nat_keep_alive_to *to)
{
	const char *message = k->stack->parameters.nat_keep_alive_message;

	if (!message[0])
		message = "\r\n\r\n";
	transport_send(to->hop, message, strlen(message), NULL);
}

/** Say once what would be enough for as many as there are. */
static void look_whether_late(struct nat_keep_alive *k, uint64_t waited_ms)
{
	const struct parameters *p = &k->stack->parameters;
	const uint64_t turns = p->nat_keep_alive_period_ms / p->nat_keep_alive_send_interval_ms;
	const bool is_late =
		waited_ms > (uint64_t)p->nat_keep_alive_period_ms + p->nat_keep_alive_period_ms / 2;

	if (is_late && !k->is_late)
		log_warning(NULL,
			"keep-alives are late endpoints=%u SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME=%u enough=%llu",
			k->n, p->nat_keep_alive_send_one_time,
			(unsigned long long)(k->n / (turns ? turns : 1) + 1));
	k->is_late = is_late;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct nat_keep_alive *k = arg;
	const struct parameters *p = &k->stack->parameters;
	const uint64_t now = clock_now_ms();
	unsigned left = p->nat_keep_alive_send_one_time;
	struct nat_keep_alive_to *to;

	(void)fd;
	(void)what;
	while (p->nat_keep_alive_period_ms && left && (to = TAILQ_FIRST(&k->waiting)) &&
		now - to->sent_ms >= p->nat_keep_alive_period_ms) {
		look_whether_late(k, now - to->sent_ms);
		keep_open(k, to);
		to->sent_ms = now;
		TAILQ_REMOVE(&k->waiting, to, link);
		TAILQ_INSERT_TAIL(&k->waiting, to, link);
		left--;
	}
	plan(k, left ? LOOK_MS : p->nat_keep_alive_send_interval_ms);
}

void nat_keep_alive_add(struct nat_keep_alive *k, struct nat_keep_alive_to *to, struct hop *hop)
{
	nat_keep_alive_remove(k, to);
	to->hop = hop;
	to->sent_ms = clock_now_ms();
	TAILQ_INSERT_TAIL(&k->waiting, to, link);
	k->n++;
	plan(k, LOOK_MS);
}

void nat_keep_alive_remove(struct nat_keep_alive *k, struct nat_keep_alive_to *to)
{
	if (!to->sent_ms)
		return;
	TAILQ_REMOVE(&k->waiting, to, link);
	to->sent_ms = 0;
	k->n--;
}

int nat_keep_alive_create(struct nat_keep_alive **out, const struct stack *stack)
{
	struct nat_keep_alive *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->stack = stack;
	TAILQ_INIT(&k->waiting);
	event_assign(&k->timer, loop_base(stack->loop), -1, 0, on_turn, k);
	*out = k;
	return 0;
}

void nat_keep_alive_destroy(struct nat_keep_alive *k)
{
	if (!k)
		return;
	event_del(&k->timer);
	free(k);
}
