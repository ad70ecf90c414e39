#include "loop.h"

#include "clock.h"

#include <event2/event.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
	DELAYS_MAX = 128 /* libevent allows 256 shared queues per base */
};

struct loop {
	struct event_base *base;
	loop_pass_h *on_pass;
	void *on_pass_arg;
	struct {
		uint32_t ms;
		const struct timeval *shared;
	} delay[DELAYS_MAX]; /* open addressing by ms */
	unsigned delays;
	uint64_t passes;
	bool stopped;
};

void loop_run(struct loop *loop)
{
	while (!loop->stopped) {
		event_base_loop(loop->base, EVLOOP_ONCE);
		loop->passes++;
		if (loop->on_pass)
			loop->on_pass(loop->on_pass_arg);
	}
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

/** libevent's default clock has a resolution of 4 ms, so timers can fire early; the precise one does not. */
static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

int loop_create(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->base = new_base();
	if (!loop->base) {
		free(loop);
		return -ENOMEM;
	}
	*out = loop;
	return 0;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	event_base_free(loop->base);
	free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

uint64_t loop_passes(const struct loop *loop)
{
	return loop->passes;
}

void loop_on_pass(struct loop *loop, loop_pass_h *h, void *arg)
{
	loop->on_pass = h;
	loop->on_pass_arg = arg;
}

const struct timeval *loop_delay_once(struct loop *loop, uint32_t delay_ms, struct timeval *storage)
{
	uint64_t us = clock_delay_us(delay_ms);

	event_base_update_cache_time(loop->base); /* else the delay would count from the start of this pass */
	*storage = (struct timeval){.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
	return storage;
}

const struct timeval *loop_delay(struct loop *loop, uint32_t delay_ms, struct timeval *storage)
{
	unsigned i = delay_ms * 2654435761u % DELAYS_MAX;

	loop_delay_once(loop, delay_ms, storage);
	while (loop->delay[i].shared && loop->delay[i].ms != delay_ms)
		i = (i + 1) % DELAYS_MAX;
	if (loop->delay[i].shared)
		return loop->delay[i].shared;
	if (loop->delays >= DELAYS_MAX / 2)
		return storage; /* too many different delays: this timer goes into the heap */
	loop->delay[i].ms = delay_ms;
	loop->delay[i].shared = event_base_init_common_timeout(loop->base, storage);
	loop->delays += loop->delay[i].shared != NULL;
	return loop->delay[i].shared ? loop->delay[i].shared : storage;
}
