#include "keep_alive.h"

#include "loop.h"
#include "transport.h"

static void set_timer(struct keep_alive *k)
{
	struct timeval storage;

	event_add(&k->timer, loop_delay(k->loop, k->period_s * 1000, &storage));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct keep_alive *k = arg;

	(void)fd;
	(void)what;
	if (hop_is_reliable(&k->to) && !(k->to.connection && stream_is_open(k->to.connection))) {
		keep_alive_run(k, 0);
		k->on_lost(k->arg);
		return;
	}
	transport_send(&k->to, "\r\n\r\n", 4, NULL);
	set_timer(k);
}

void keep_alive_init(struct keep_alive *k, struct loop *loop, void (*on_lost)(void *arg), void *arg)
{
	k->loop = loop;
	k->on_lost = on_lost;
	k->arg = arg;
	event_assign(&k->timer, loop_base(loop), -1, 0, on_timer, k);
}

void keep_alive_clear(struct keep_alive *k)
{
	keep_alive_run(k, 0);
	hop_clear(&k->to);
}

void keep_alive_bind(struct keep_alive *k, const struct hop *to, struct stream *connection)
{
	struct hop bound = *to;

	bound.connection = connection;
	hop_clear(&k->to);
	hop_copy(&k->to, &bound);
}

void keep_alive_run(struct keep_alive *k, uint32_t period_s)
{
	if (period_s == k->period_s)
		return;
	k->period_s = period_s;
	if (period_s)
		set_timer(k);
	else
		event_del(&k->timer);
}
