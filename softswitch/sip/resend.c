#include "resend.h"

#include "clock.h"
#include "hop.h"
#include "loop.h"
#include "response_time.h"

static uint32_t wait_ms(const struct resend *r)
{
	const struct resend_schedule *iv = &r->schedule;

	return r->done < iv->n ? iv->wait_ms[r->done] : iv->wait_ms[0];
}

static void arm(struct resend *r)
{
	struct timeval tv;

	event_add(&r->event, loop_delay(r->loop, wait_ms(r), &tv));
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct resend *r = arg;

	(void)fd;
	(void)what;
	if (r->done >= r->schedule.n) {
		r->running = false;
		r->handlers->on_expired(r->arg);
		return;
	}
	r->done++;
	arm(r); /* before the handler, which may stop us */
	r->handlers->on_due(r->arg);
}

void resend_start(struct resend *r, struct loop *loop, const struct resend_schedule *schedule,
	const struct resend_handlers *handlers, void *arg)
{
	resend_stop(r);
	if (schedule != &r->schedule)
		r->schedule = *schedule;
	r->loop = loop;
	r->handlers = handlers;
	r->arg = arg;
	r->done = 0;
	r->running = true;
	event_assign(&r->event, loop_base(loop), -1, 0, on_time, r);
	arm(r);
}

void resend_slow(struct resend *r)
{
	struct resend_schedule *iv = &r->schedule;

	for (unsigned i = r->done + 1; i < iv->n; i++)
		iv->wait_ms[i] = iv->wait_ms[iv->n - 1];
}

void resend_stop(struct resend *r)
{
	if (!r->running)
		return;
	event_del(&r->event);
	r->running = false;
}

struct resend_schedule resend_over(const struct hop *hop, const struct resend_schedule *wanted)
{
	static const struct resend_schedule reliable = {
		.wait_ms = {500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000}, .n = 10};

	struct resend_schedule made;

	if (hop_is_reliable(hop))
		return reliable;
	if (!wanted->automatic)
		return *wanted;
	made = resend_schedule_auto(hop->peer ? response_time_ms(hop->peer->response_time) : 0);
	resend_schedule_limit(&made, wanted->n);
	made.automatic = false;
	return made;
}

void resend_learn(const struct hop *hop, uint64_t sent_ms)
{
	if (hop->peer)
		response_time_learn(hop->peer->response_time, clock_now_ms() - sent_ms);
}

uint32_t resend_total_ms(const struct resend_schedule *schedule)
{
	uint32_t total = schedule->wait_ms[0];

	for (unsigned i = 0; i < schedule->n; i++)
		total += schedule->wait_ms[i];
	return total;
}
