/** @file dialog_request.h  A request of ours inside a dialog until its final answer.
 *
 * A challenge (401, 407) and a session interval the peer finds too short (422) are answered here; a re-INVITE that got
 * a provisional answer and nothing after it is cancelled.
 */
#ifndef DIALOG_REQUEST_H
#define DIALOG_REQUEST_H

#include "request_retry.h"
#include "stack.h"

#include <event2/event_struct.h>

#include <string.h>

struct dialog_request_handlers {
	/** Headers and body of the request, message_end() included; again when it is sent again. */
	void (*write)(struct text *t, void *arg);
	/** 101-199, and the final answer, with which it is over. The owner acknowledges a 2xx to INVITE. */
	void (*on_response)(const struct received *rx, void *arg);
	/** It is over without an answer. */
	void (*on_failure)(int error, void *arg);
};

/** Embedded; zeroed = nothing under way. Its owner fills in the upper part before dialog_request_start(). */
struct dialog_request {
	struct stack *stack;
	struct dialog *dialog;
	const char *method; /* static text */
	struct resend_schedule resend;
	unsigned max_forwards;
	const struct dialog_request_handlers *handlers;
	void *arg;

	struct client_transaction *client;
	struct event silence;
	struct request_retry retry;
	bool cancelled;
};

/** Send the request. @return 0; as client_transaction_send(), no handler is called then but write */
int dialog_request_start(struct dialog_request *x);
/** Cancel a re-INVITE. It may be accepted all the same, so its end is told as ever. Over is fine. */
void dialog_request_cancel(struct dialog_request *x);
/** Nobody wants its answer any more: a re-INVITE is cancelled as soon as that is allowed. NULL or over is fine. */
void dialog_request_stop(struct dialog_request *x);
static inline bool dialog_request_is_under_way(const struct dialog_request *x)
{
	return x->client != NULL;
}
/** Is a re-INVITE under way? */
static inline bool dialog_request_is_reinvite(const struct dialog_request *x)
{
	return x->client && !strcmp(x->method, "INVITE");
}

#endif
