/** @file sofia_port.h  Sofia-SIP's reactor interface over libevent.
 *
 * Sofia runs on a su_root over a su_port: a table of functions for descriptors, timers and messages. The library
 * accepts a port of our own through su_root_create_with_port() but does not install the header that declares it, so
 * sofia_port.c declares what the library expects. loop_create() checks at startup that a timer, a message and a
 * descriptor are really delivered: a library that differs is refused instead of crashing the process.
 */
#ifndef SOFIA_PORT_H
#define SOFIA_PORT_H

#include <sofia-sip/su_alloc.h>
#include <sofia-sip/su_time.h>
#include <sofia-sip/su_wait.h>

struct event_base;
struct sofia_port;

/** @param base  borrowed. @return 0 or -ENOMEM */
int sofia_port_create(struct sofia_port **out, struct event_base *base);
/** Everything registered must have been removed. NULL is fine. */
void sofia_port_destroy(struct sofia_port *self);

/** The root that Sofia's objects are created on. */
su_root_t *sofia_port_root(struct sofia_port *self);
/** Deliver Sofia's messages and run the timers that are due. @return ms until the next timer, -1 for none */
long sofia_port_run(struct sofia_port *self);

#endif
