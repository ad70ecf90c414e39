/** @file hop.h  Our local sockets, and where a message goes by them. */
#ifndef HOP_H
#define HOP_H

#include "db_override.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct datagram;
struct response_time;
struct stream;
struct stream_set_listener;
struct tls_identity;
struct transport;

/** The address of a hop. */
union hop_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/** One local socket. */
struct hop_listener {
	struct transport *owner;
	const char *transport;              /* "udp", "tcp", "tls" */
	int family;                         /* AF_INET, AF_INET6 */
	union hop_address address;          /* it is bound to */
	struct datagram *datagram;          /* UDP; else NULL */
	struct stream_set_listener *stream; /* TCP, TLS; else NULL */
	char host[64];                      /* as in URIs: IPv6 in brackets */
	char sent_by[80];                   /* host:port, for Via and Contact */
	uint16_t port;
};
/** @param host  as in URIs: IPv6 in brackets */
void hop_listener_name(struct hop_listener *l, const char *host, uint16_t port);

/** Who is at the other end: shared by a leg and its transactions, and the same wherever its messages go later. */
struct hop_peer {
	unsigned references;
	bool called_us;       /* it is a caller: a customer or a registrar */
	bool elsewhere;       /* it called by a registration, and not from the registrar */
	bool strict_source;   /* messages with the right tokens are refused if they come from elsewhere */
	enum db_override nat; /* of its row: nat_hides() */
	union hop_address address;           /* of the first message */
	struct response_time *response_time; /* of its row: a reference; NULL = none */
	int64_t row_id;                      /* of its row; 0 = not known */
	char name[];                         /* of its row at that time */
};
/** @return with one reference; NULL without memory */
struct hop_peer *hop_peer_create(const char *name, const struct sockaddr *address);
/** @return the same; NULL is fine, here and below */
struct hop_peer *hop_peer_ref(struct hop_peer *peer);
void hop_peer_unref(struct hop_peer *peer);
/** Is this its row? One that was renamed has its id, one that was deleted and inserted again its name. */
bool hop_peer_is(const struct hop_peer *peer, int64_t row_id, const char *name);

/** Where a message goes, and from where. Connection and peer are references: hop_copy(), hop_clear(). */
struct hop {
	struct hop_listener *listener;
	struct stream *connection; /* TCP, TLS: by which it came; NULL = find or open one */
	union hop_address to;
	struct hop_peer *peer; /* NULL = not known */
	const struct tls_identity
		*identity; /* whom a connection over TLS that we open must lead to; NULL = any */
};
/** Do they lead from the same listener to the same peer at the same address? */
bool hop_is_same(const struct hop *a, const struct hop *b);
void hop_copy(struct hop *to, const struct hop *from);
void hop_clear(struct hop *hop);
/** Let go of its connection: the next message finds or opens one. */
void hop_disconnect(struct hop *hop);
/** Of the row of its peer. */
static inline enum db_override hop_nat(const struct hop *hop)
{
	return hop->peer ? hop->peer->nat : DB_OVERRIDE_NONE;
}
/** TCP, TLS: nothing is resent. */
static inline bool hop_is_reliable(const struct hop *hop)
{
	return !hop->listener->datagram;
}

#endif
