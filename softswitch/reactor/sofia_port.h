/** @file sofia_port.h  Sofia-SIP's reactor interface over libevent.
 *
 * Sofia runs on a su_root over a su_port: a table of functions for descriptors, timers and messages. The library
 * takes a foreign port through su_root_create_with_port() but does not install the header that declares it; what it
 * expects is declared in sofia_port.c as the library defines it. loop_create() checks at start that a timer, a message
 * and a descriptor really arrive, so a library that disagrees is refused, not crashed on.
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
/** Everything registered must be gone before. NULL is fine. */
void sofia_port_destroy(struct sofia_port *self);

/** What Sofia's objects are created with. */
su_root_t *sofia_port_root(struct sofia_port *self);
/** Run what of Sofia's is due: messages and timers. @return ms to its next timer, -1 when there is none */
long sofia_port_run(struct sofia_port *self);

#endif
