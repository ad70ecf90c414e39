/** @file stream_frame.h  Where a message ends in the bytes of a connection (RFC 3261 section 18.3). */
#ifndef STREAM_FRAME_H
#define STREAM_FRAME_H

#include <stdbool.h>
#include <stddef.h>

/** How far the present message has been looked at: each byte once. Zeroed for each message. */
struct stream_frame {
	size_t at;     /* bytes looked at */
	size_t line;   /* where the line begins */
	size_t head;   /* bytes up to the body; 0 = the headers are not complete */
	size_t length; /* the value of the Content-Length: where it begins, 0 = not in one */
	size_t body;   /* bytes as declared */
	bool declared, unreadable, too_large;
};

/**
 * How many of the first bytes are line ends between messages (RFC 3261 section 7.5).
 *
 * @param pings  receives how many double CRLF are among them (RFC 5626 section 3.5.1). A single one that may become the
 *               first half of such is left where it is
 */
size_t stream_frame_skip(const char *data, size_t n, unsigned *pings);

/**
 * Look at what has come of a message.
 *
 * @param data  from its first byte, which is no line end; n grows from call to call
 * @param max   bytes of a whole message
 * @return 1 it is complete: head + body bytes; 0 the rest has yet to come; -EPROTO this is not SIP; -EBADMSG it has no
 *         Content-Length or one that cannot be read; -EMSGSIZE it is too large
 */
int stream_frame_read(struct stream_frame *f, const char *data, size_t n, size_t max);

/** Take the name off each Content-Length, so that the headers can be parsed without their body. */
void stream_frame_hide_length(char *head, size_t n);

#endif
