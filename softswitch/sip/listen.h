/** @file listen.h  Where the switch listens: a local address, a port, a transport. */
#ifndef LISTEN_H
#define LISTEN_H

#include <netinet/in.h>
#include <stdint.h>

struct listen {
	char host[46];         /* IPv4 or IPv6 address, no brackets */
	uint16_t port;         /* 0 = chosen by the kernel */
	const char *transport; /* "udp", "tcp", "tls": static text */
};

void listen_address(const struct listen *at, struct sockaddr_storage *out);

#endif
