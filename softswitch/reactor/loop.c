#include "loop.h"

#include "clock.h"
#include "sofia_port.h"

#include <event2/event.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	DELAYS_MAX = 128, /* libevent allows 256 shared queues per base */
	SELF_CHECK_MS = 2000
};

struct loop {
	struct event_base *base;
	struct sofia_port *sofia;
	struct event *wake; /* the next of Sofia's timers */
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

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void pass(struct loop *loop)
{
	long next = sofia_port_run(loop->sofia);

	if (next >= 0) {
		struct timeval tv = {.tv_sec = next / 1000, .tv_usec = next % 1000 * 1000};

		event_add(loop->wake, &tv);
	} else {
		event_del(loop->wake);
	}
	event_base_loop(loop->base, EVLOOP_ONCE);
	loop->passes++;
	if (loop->on_pass)
		loop->on_pass(loop->on_pass_arg);
}

void loop_run(struct loop *loop)
{
	while (!loop->stopped)
		pass(loop);
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

/** What has arrived during the self-check. */
struct self_check {
	bool message, timer, descriptor;
};

static void on_check_message(su_root_magic_t *magic, su_msg_r msg, su_msg_arg_t *arg)
{
	(void)magic;
	(void)msg;
	(*(struct self_check **)arg)->message = true;
}

static void on_check_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	(void)magic;
	(void)timer;
	((struct self_check *)arg)->timer = true;
}

static int on_check_descriptor(su_root_magic_t *magic, su_wait_t *wait, su_wakeup_arg_t *arg)
{
	char byte;

	(void)magic;
	((struct self_check *)arg)->descriptor = read(wait->fd, &byte, 1) == 1;
	return 0;
}

static int self_check(struct loop *loop)
{
	struct self_check seen = {0};
	su_msg_r msg = SU_MSG_R_INIT;
	su_root_t *root = sofia_port_root(loop->sofia);
	su_timer_t *timer = su_timer_create(su_root_task(root), 1);
	su_wait_t wait = SU_WAIT_INIT;
	int fds[2] = {-1, -1}, index = -1;

	if (!timer || pipe(fds) < 0)
		goto out;
	su_timer_set(timer, on_check_timer, (su_timer_arg_t *)&seen);
	if (su_msg_create(msg, su_root_task(root), su_root_task(root), on_check_message,
		    sizeof(struct self_check *)) == 0) {
		*(struct self_check **)su_msg_data(msg) = &seen;
		su_msg_send(msg);
	}
	su_wait_create(&wait, fds[0], SU_WAIT_IN);
	index = su_root_register(root, &wait, on_check_descriptor, (su_wakeup_arg_t *)&seen, 0);
	if (index < 0 || write(fds[1], "x", 1) != 1)
		goto out;
	for (int i = 0; i < SELF_CHECK_MS && !(seen.message && seen.timer && seen.descriptor); i++) {
		struct timeval tick = {.tv_usec = 1000};

		event_base_loopexit(loop->base, &tick);
		pass(loop);
	}
out:
	if (index > 0)
		su_root_deregister(root, index);
	if (fds[0] >= 0) {
		close(fds[0]);
		close(fds[1]);
	}
	su_timer_destroy(timer);
	return seen.message && seen.timer && seen.descriptor ? 0 : -EPROTO;
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
	int err = -ENOMEM;

	if (!loop)
		return -ENOMEM;
	loop->base = new_base();
	loop->wake = loop->base ? evtimer_new(loop->base, on_wake, loop) : NULL;
	if (!loop->wake || sofia_port_create(&loop->sofia, loop->base))
		goto fail;
	err = self_check(loop);
	if (err)
		goto fail;
	*out = loop;
	return 0;
fail:
	loop_destroy(loop);
	return err;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	sofia_port_destroy(loop->sofia);
	if (loop->wake)
		event_free(loop->wake);
	if (loop->base)
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

struct sofia_port *loop_sofia(struct loop *loop)
{
	return loop->sofia;
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
