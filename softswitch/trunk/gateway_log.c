#include "gateway_log.h"

#include "clock.h"
#include "gateways.h"
#include "log.h"
#include "loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>

/** How late a change made by time alone may be logged. Calls see it at once. */
enum { CHECK_MS = 1000 };

struct gateway_log {
	struct loop *loop;
	struct gateways *gateways;
	struct event timer;
};

static void on_change(
	const struct gateway *gw, enum gateway_state old, const struct gateway_state_info *health, void *arg)
{
	(void)arg;
	LOG_AT(health->state == GATEWAY_STATE_DOWN ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, NULL,
		"gateway state gateway=%s from=%s to=%s reason=%s until=%s", gateway_name(gw),
		gateway_state_name(old), gateway_state_name(health->state), health->reason, health->until);
}

static void start_timer(struct gateway_log *w)
{
	struct timeval tv;

	event_add(&w->timer, loop_delay(w->loop, CHECK_MS, &tv));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct gateway_log *w = arg;

	(void)fd;
	(void)what;
	gateways_update_states(w->gateways, clock_now_ms());
	start_timer(w);
}

int gateway_log_create(struct gateway_log **out, struct loop *loop, struct gateways *gateways)
{
	struct gateway_log *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->loop = loop;
	w->gateways = gateways;
	event_assign(&w->timer, loop_base(loop), -1, 0, on_timer, w);
	start_timer(w);
	gateways_on_change(gateways, on_change, NULL);
	*out = w;
	return 0;
}

void gateway_log_destroy(struct gateway_log *w)
{
	if (!w)
		return;
	event_del(&w->timer);
	gateways_on_change(w->gateways, NULL, NULL);
	free(w);
}
