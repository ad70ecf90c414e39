/** @file loop.h  The reactor: libevent runs everything. */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

struct loop;
struct event_base;
struct timeval;

/** Called after each pass of the loop, when no handler is on the stack. */
typedef void loop_pass_h(void *arg);

/** @return 0; -ENOMEM */
int loop_create(struct loop **out);
/** Everything registered must have been removed. NULL is fine. */
void loop_destroy(struct loop *loop);

/** Run until loop_stop(). */
void loop_run(struct loop *loop);
/** Let loop_run() return after the present pass. */
void loop_stop(struct loop *loop);

/** The event base, for timers and descriptors of our own. */
struct event_base *loop_base(struct loop *loop);
/** Passes since the start. */
uint64_t loop_passes(const struct loop *loop);

/** Set the handler called after each pass: objects ended inside their own handler are freed here. */
void loop_on_pass(struct loop *loop, loop_pass_h *h, void *arg);

/**
 * A delay to pass to event_add(). Timers of the same delay share a queue in libevent, so setting and
 * cancelling one costs the same however many there are.
 *
 * @param storage  the caller's; the result may point to it
 */
const struct timeval *loop_delay(struct loop *loop, uint32_t delay_ms, struct timeval *storage);
/** The same for a delay that is unlikely to recur, such as a random one: it takes up no shared queue. */
const struct timeval *loop_delay_once(struct loop *loop, uint32_t delay_ms, struct timeval *storage);

#endif
