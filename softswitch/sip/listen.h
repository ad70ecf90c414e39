/** @file listen.h  Where the switch listens: a local address, a port, a transport. */
#ifndef LISTEN_H
#define LISTEN_H

#include "handover.h"

#include <stdint.h>

struct sockaddr;

struct listen {
	char host[46];         /* IPv4 or IPv6 address, no brackets */
	uint16_t port;         /* 0 = chosen by the kernel */
	const char *transport; /* "udp", "tcp", "tls": static text */
};

/**
 * The socket that listens there: one that was handed to this process (handover.h) and is bound there, to any port
 * for port 0, else a new one. IPv6 takes no IPv4.
 *
 * @return a descriptor that never blocks; -EADDRINUSE or the like
 */
int listen_open(const struct listen *at);

/** The name under which a socket is handed over: "udp/192.0.2.1/5060", "tls/2001_db8__1/5061". */
void listen_name(const char *transport, const struct sockaddr *local, char out[HANDOVER_NAME_MAX]);

#endif
