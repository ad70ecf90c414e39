/** @file received.h  A message from the wire, as it is handed up. */
#ifndef RECEIVED_H
#define RECEIVED_H

#include "hop.h"

#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>

#include <sys/socket.h>

/** A received message; everything in it is gone after the handler, unless it is kept. */
struct received {
	msg_t *msg;
	const sip_t *sip;
	const struct sockaddr *source;
	const char *fault; /* static text: what could not be read, a header mostly; NULL = nothing */
	size_t size; /* of the datagram, bytes; 0 = it came over a connection, whose source is not forged */
	struct hop
		back; /* of a request: where the answer goes (RFC 3261 section 18.2.2, RFC 3581); of a response: where it came
	                    from. Copy it to keep it */
};

/** One that is kept beyond its handler, in place. Zeroed = none. */
struct received_kept {
	struct received rx;
	struct sockaddr_storage source;
};
/** @param kept  received_drop() it; not moved until then */
void received_keep(struct received_kept *kept, const struct received *rx);
void received_drop(struct received_kept *kept);

#endif
