/** @file loop.h  The reactor: libevent runs everything, Sofia-SIP included. */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

struct loop;
struct event_base;
struct sofia_port;
struct timeval;

/** Called after each pass of the loop, when no handler is on the stack. */
typedef void loop_pass_h(void *arg);

/**
 * Create the event base and Sofia's root over it, and check that Sofia's timers, messages and
 * descriptors arrive through it.
 *
 * @return 0; -ENOMEM; -EPROTO when the library's port interface is not the one we know
 */
int loop_create(struct loop **out);
/** Everything registered must be gone before. NULL is fine. */
void loop_destroy(struct loop *loop);

/** Run until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

struct event_base *loop_base(struct loop *loop);
/** For whoever creates Sofia's objects or needs its sockets. */
struct sofia_port *loop_sofia(struct loop *loop);

/** Objects are never freed inside their own handler: they are parked and freed here. */
void loop_on_pass(struct loop *loop, loop_pass_h *h, void *arg);

/**
 * A delay to hand to event_add(): delays used often share a queue in libevent, so that setting and
 * cancelling a timer costs the same however many there are.
 */
const struct timeval *loop_delay(struct loop *loop, uint32_t delay_ms, struct timeval *storage);
/** The same for a delay that hardly comes twice, a random one: it takes no shared queue from those that do. */
const struct timeval *loop_delay_once(struct loop *loop, uint32_t delay_ms, struct timeval *storage);

#endif
