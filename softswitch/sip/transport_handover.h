/** @file transport_handover.h  The SIP sockets go to another process, which finds them in listen_open(). */
#ifndef TRANSPORT_HANDOVER_H
#define TRANSPORT_HANDOVER_H

#include "handover.h"

#include <stdbool.h>
#include <stddef.h>

struct transport;

/** The sockets that listen. @return how many */
size_t transport_handover_sockets(const struct transport *transport, struct handover out[HANDOVER_MAX]);
/** Leave in the kernel what comes to them from now on, or read on. Connections that are open are served meanwhile. */
void transport_handover_pause(struct transport *transport, bool pause);
/**
 * The process ends now, and its connections with it: over TLS, whoever is there is told (close_notify). If the process goes
 * on after all, those connections end.
 */
void transport_handover_take_leave(struct transport *transport);

#endif
