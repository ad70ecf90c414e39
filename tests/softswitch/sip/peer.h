/** @file peer.h  A transport of ours on 127.0.0.1, and the peer of a test behind a UDP socket of its own.
 *
 * Nothing is imitated: what one side sends crosses the kernel. The loop runs only inside these functions, so a test
 * reads from top to bottom. Whatever takes longer than five seconds fails the test.
 */
#ifndef PEER_H
#define PEER_H

#include "transport.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Our time runs so many times as fast: 32 s pass in 320 ms. */
enum { PEER_CLOCK_SPEED = 100 };

struct peer {
	struct loop *loop;
	struct transport *transport;
	const struct hop_listener *listener; /* of the transport, its only one */
	struct hop hop;                      /* from there to the peer */
	int fd;                              /* the peer's socket */
	char address[32];                    /* of that, "127.0.0.1:port" */

	char data[65536]; /* what the peer received last, NUL-terminated */
	size_t len;
	struct received rx;     /* what the transport received last */
	int received;           /* 1 = it is there */
	char undelivered[1024]; /* the start of a datagram that came back */
	size_t undelivered_len;
	int undelivered_error; /* 0 = none came back */
};

/** To be called by main() before any test. */
void peer_init(void);
void peer_open(struct peer *p);
void peer_close(struct peer *p);

/** The peer sends a message. @return it as the transport hands it up; gone with the next one */
const struct received *peer_send(struct peer *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Wait for the next datagram at the peer. @return p->data */
const char *peer_receive(struct peer *p);
/** The peer has received all that was sent so far. */
void peer_receives_nothing(struct peer *p);
/** The same text, byte for byte. */
void peer_receives(struct peer *p, const char *text);
/** The peer has received nothing but repetitions of this text since it looked last. */
void peer_receives_only(struct peer *p, const char *text);
/** Close the peer's socket, so that the kernel answers with ICMP. */
void peer_die(struct peer *p);
/** Wait for an ICMP error: p->undelivered. */
void peer_wait_undelivered(struct peer *p);

/** Run the loop for so long, ms of our time. */
void peer_let_pass(struct peer *p, uint32_t ms);
/** Run the loop until *flag is not 0. */
void peer_wait(struct peer *p, const int *flag);

#endif
