/** @file dns_server.h  DNS servers for the tests: a real one (dnsmasq) and one that misbehaves on order. */
#ifndef DNS_SERVER_H
#define DNS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;

/** dnsmasq as a child process on a loopback port. */
struct dnsmasq {
	int pid;
	uint16_t port;
	char address[32]; /* "127.0.0.1:port" */
};

bool dnsmasq_installed(void);
/**
 * Start it and wait until it serves. It answers for the domain `test` only.
 *
 * @param port     0 = a free one
 * @param records  options such as "--host-record=a.test,127.0.0.2", NULL at the end
 */
void dnsmasq_start(struct dnsmasq *d, uint16_t port, const char *const records[]);
void dnsmasq_stop(struct dnsmasq *d);

/** What the responder does with a question. */
enum responder_mode {
	RESPONDER_SILENT,
	RESPONDER_NXDOMAIN,
	RESPONDER_SERVFAIL,
	RESPONDER_ADDRESS, /* A 127.0.0.9 with ttl_s; no records of other types */
	RESPONDER_GARBAGE, /* records of the type asked for made of random bytes, counts and lengths that lie */
};

/** A UDP socket in the event loop of the test. */
struct responder {
	enum responder_mode mode;
	uint32_t ttl_s;
	unsigned refused_type; /* questions for this record type get SERVFAIL in any mode */
	unsigned questions;    /* received so far */
	unsigned seed;         /* of the garbage */
	char address[32];
	struct event *event;
	int fd;
};

void responder_start(struct responder *r, struct event_base *base, enum responder_mode mode);
void responder_stop(struct responder *r);

/** A UDP port of 127.0.0.1 that was free a moment ago. */
uint16_t free_port(void);

#endif
