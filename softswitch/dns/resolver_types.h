/** @file resolver_types.h  What is asked of the resolver, and what it answers. */
#ifndef RESOLVER_TYPES_H
#define RESOLVER_TYPES_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

enum { RESOLVER_ADDRESSES_MAX = 16 };

/** What is looked for. */
struct resolver_target {
	const char *host;      /* IPv4, IPv6 (with or without brackets) or a name */
	uint16_t port;         /* 0 = as SRV says, else 5060 (TLS 5061) */
	const char *transport; /* "udp", "tcp", "tls"; "" = as NAPTR and SRV say, else udp */
};

/** Where to send. */
struct resolver_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr; /* with the port */
	socklen_t length;
	const char *transport; /* "udp", "tcp", "tls": static text */
};

/** To be tried in this order: NAPTR preference, SRV priority, SRV weight at random, IPv4 before IPv6. */
struct resolver_answer {
	unsigned n; /* at least 1 */
	struct resolver_address address[RESOLVER_ADDRESSES_MAX];
};

#endif
