/** @file resolver_types.h  A target to resolve, and the addresses found. */
#ifndef RESOLVER_TYPES_H
#define RESOLVER_TYPES_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

enum { RESOLVER_ADDRESSES_MAX = 16 };

/** What to resolve. */
struct resolver_target {
	const char *host;      /* IPv4, IPv6 (with or without brackets) or a name */
	uint16_t port;         /* 0 = from SRV, else 5060 (TLS 5061) */
	const char *transport; /* "udp", "tcp", "tls"; "" = from NAPTR and SRV, else udp */
};

/** Where to send. */
struct resolver_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr; /* port included */
	socklen_t length;
	const char *transport; /* "udp", "tcp", "tls": static text */
};

/** To be tried in this order: NAPTR preference, SRV priority, SRV weight at random, IPv4 before IPv6. */
struct resolver_answer {
	unsigned n; /* at least 1 */
	struct resolver_address address[RESOLVER_ADDRESSES_MAX];
};

#endif
