/** @file loop.h  The reactor: libevent runs everything, Sofia-SIP included. */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>
#include <sys/socket.h>

struct loop;
struct event_base;
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
/** The su_root_t to give to Sofia. */
void *loop_sofia_root(struct loop *loop);

/** Objects are never freed inside their own handler: they are parked and freed here. */
void loop_on_pass(struct loop *loop, loop_pass_h *h, void *arg);

/** A datagram socket of Sofia's has something in its error queue (IP_RECVERR), to be read by the handler. */
typedef void loop_error_h(int fd, void *arg);
void loop_on_datagram_error(struct loop *loop, loop_error_h *h, void *arg);

/** The datagram socket of Sofia's that is bound to this address. @return -1 when there is none */
int loop_datagram_socket(struct loop *loop, const struct sockaddr *local, socklen_t length);

/**
 * A delay to hand to event_add(): delays used often share a queue in libevent, so that setting and
 * cancelling a timer costs the same however many there are.
 */
const struct timeval *loop_delay(struct loop *loop, uint32_t delay_ms, struct timeval *storage);

#endif
