/** @file place.h  Addresses for tests. */
#ifndef PLACE_H
#define PLACE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/** Room for the address that place_at() gives. */
struct place {
	struct sockaddr_storage address;
};

static inline const struct sockaddr *place_at(struct place *p, const char *host, uint16_t port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&p->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&p->address;

	memset(p, 0, sizeof(*p));
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
	} else {
		assert_int_equal(inet_pton(AF_INET6, host, &v6->sin6_addr), 1);
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
	}
	return (const struct sockaddr *)&p->address;
}

#endif
