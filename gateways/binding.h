/** @file binding.h  One contact that an endpoint has registered. */
#ifndef BINDING_H
#define BINDING_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where an endpoint has sent its REGISTER from. */
struct binding_source {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
	const char *transport; /* static text: "udp", "tcp", "tls" */
};

/** One contact of an endpoint; texts are never NULL. Valid until it is removed, or put again. */
struct binding {
	const char *endpoint; /* name */
	const char *key;      /* what tells it from others of the endpoint */
	const char *contact;  /* a URI, as it came */
	const char *path;     /* whole Route lines of requests to it (RFC 3327); "" = none */
	const char *call_id, *user_agent;
	const char *listener; /* that it came by: its name */
	struct binding_source source;
	bool nat;      /* it is reached at its source only */
	bool md5_only; /* it cannot answer challenges that offer SHA-256, too */
	unsigned q;
	uint32_t cseq;
	int64_t since_ms, expires_epoch_ms; /* epoch */
	uint64_t expires_ms;                /* monotonic */
	void *attached; /* the owner's struct hop: where requests to it go; NULL in a new one */
};

/** A keyed hash: endpoints choose the keys. */
typedef uint64_t binding_hash_h(const void *bytes, size_t n);

#endif
