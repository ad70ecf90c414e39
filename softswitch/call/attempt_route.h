/** @file attempt_route.h  The way to a gateway, as its row and its registration say; they may change meanwhile. */
#ifndef ATTEMPT_ROUTE_H
#define ATTEMPT_ROUTE_H

#include "address.h"
#include "invite.h"

#include <stdint.h>

struct gateway;
struct registrations;
struct resolver_target;

/** Embedded in its owner. */
struct attempt_route {
	char target[ADDRESS_HOST_PORT_MAX]; /* host and port for the Request-URI */
	char *user, *password, *realm;      /* to answer challenges */
	char *host;                         /* its servers are called */
	char *lines;                        /* Route lines; NULL = straight to the gateway */
	uint16_t port;                      /* 0 = from DNS */
	uint16_t local_port;                /* to send from; 0 = any */
	char transport[4];                  /* "" = from DNS */
};

/** @param content  gets what an INVITE needs, valid until attempt_route_clear(). @return 0 or -ENOMEM; clear it in either case */
int attempt_route_init(struct attempt_route *r, const struct gateway *gw,
	const struct registrations *accounts, struct invite_content *content);
void attempt_route_clear(struct attempt_route *r);

/** Whose servers are called. */
struct resolver_target attempt_route_target(const struct attempt_route *r);

#endif
