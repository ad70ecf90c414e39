#include "stop.h"

#include "calls.h"
#include "clock.h"
#include "control_methods.h"
#include "gate.h"
#include "gateway_watch.h"
#include "log.h"
#include "loop.h"
#include "registration_drivers.h"
#include "service_manager.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHECK_MS = 50,       /* how often it is looked whether all is over */
	FAREWELL_MS = 2000,  /* how long the last BYEs are waited for */
	UNREGISTER_MS = 5000 /* and the answers of the registrars */
};

struct stop {
	struct stop_parts parts;
	struct event timer;
	uint64_t drain_until_ms, farewell_until_ms, unregister_until_ms; /* 0: not stopping */
};

static void look(struct stop *stop)
{
	const struct stop_parts *p = &stop->parts;
	const struct timeval again = {.tv_usec = CHECK_MS * 1000};
	uint64_t now = clock_now_ms();
	struct calls_held held;

	calls_held(p->calls, &held);
	p->context->state = held.calls && now < stop->drain_until_ms ? "draining" : "stopping";
	if (held.calls && now >= stop->drain_until_ms) {
		log_info(NULL, "hanging up calls=%zu", held.calls);
		calls_hangup_all(p->calls, CAUSE_SHUTDOWN);
		calls_held(p->calls, &held);
	}
	if (!held.calls && !stop->farewell_until_ms)
		stop->farewell_until_ms = now + FAREWELL_MS;
	if (!held.calls && (!held.transactions || now >= stop->farewell_until_ms) &&
		(registration_drivers_is_over(p->drivers) || now >= stop->unregister_until_ms))
		loop_stop(p->loop);
	else
		event_add(&stop->timer, &again);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

void stop_now(struct stop *stop, int signal)
{
	const struct stop_parts *p = &stop->parts;

	if (stop->drain_until_ms) {
		log_info(NULL, "second signal, ending at once signal=%d", signal);
		calls_hangup_all(p->calls, CAUSE_SHUTDOWN);
		loop_stop(p->loop);
		return;
	}
	log_info(NULL, "stopping signal=%d drain_s=%u", signal, p->drain_s);
	snprintf(p->context->state_reason, sizeof(p->context->state_reason),
		"SIG%s, waits up to %u s for calls in progress", sigabbrev_np(signal), p->drain_s);
	service_manager_notify("STOPPING=1");
	stop->drain_until_ms = clock_now_ms() + 1000u * p->drain_s;
	stop->unregister_until_ms = clock_now_ms() + UNREGISTER_MS;
	gate_refuse_new(p->gate);
	gateway_watch_stop(p->watch);
	registration_drivers_stop(p->drivers);
	look(stop);
}

bool stop_has_begun(const struct stop *stop)
{
	return stop->drain_until_ms;
}

int stop_create(struct stop **out, const struct stop_parts *parts)
{
	struct stop *stop = calloc(1, sizeof(*stop));

	if (!stop)
		return -ENOMEM;
	stop->parts = *parts;
	event_assign(&stop->timer, loop_base(parts->loop), -1, 0, on_timer, stop);
	*out = stop;
	return 0;
}

void stop_destroy(struct stop *stop)
{
	if (!stop)
		return;
	event_del(&stop->timer);
	free(stop);
}
