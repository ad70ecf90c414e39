/** @file exchange.h  A request of ours inside a dialog until its final answer.
 *
 * A challenge (401, 407) and a session interval the peer finds too short (422) are answered here; a re-INVITE that got
 * a provisional answer and nothing after it is cancelled.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "digest.h"
#include "stack.h"

#include <event2/event_struct.h>

struct exchange_handlers {
	/** Headers and body of the request, message_end() included; again when it is sent again. */
	void (*write)(struct text *t, void *arg);
	/** 101-199, and the final answer, with which it is over. The owner acknowledges a 2xx to INVITE. */
	void (*on_response)(const struct received *rx, void *arg);
	/** It is over without an answer. */
	void (*on_failure)(int error, void *arg);
};

/** Embedded; zeroed = nothing under way. Its owner fills in the upper part before exchange_start(). */
struct exchange {
	struct stack *stack;
	struct dialog *dialog;
	const char *method; /* static text */
	struct intervals resend;
	unsigned max_forwards;
	const struct exchange_handlers *handlers;
	void *arg;

	struct client *client;
	struct event silence;
	struct digest_tries challenges;
	bool cancelled;
};

/** Send the request. @return 0; as client_send(), no handler is called then but write */
int exchange_start(struct exchange *x);
/** Cancel a re-INVITE. It may be accepted all the same, so its end is told as ever. Over is fine. */
void exchange_cancel(struct exchange *x);
/** Nobody wants its answer any more: a re-INVITE is cancelled as soon as that is allowed. NULL or over is fine. */
void exchange_stop(struct exchange *x);
static inline bool exchange_is_under_way(const struct exchange *x)
{
	return x->client != NULL;
}

#endif
