/** @file dialog_request.h  A request of ours inside a dialog until its final answer.
 *
 * It is sent again where the response asks for that (request_retry.h). A re-INVITE that got a provisional response and
 * nothing after it is cancelled.
 */
#ifndef DIALOG_REQUEST_H
#define DIALOG_REQUEST_H

#include "request_retry.h"
#include "stack.h"

#include <event2/event_struct.h>

#include <string.h>

struct dialog_request_handlers {
	/** Add headers and body, message_end() included. Called again when the request is sent again. */
	void (*write)(struct text *t, void *arg);
	/** 101-199, or the final response, which ends it. A 2xx to INVITE is for the owner to acknowledge. */
	void (*on_response)(const struct received *rx, void *arg);
	/** It ended without a final response: -ETIMEDOUT or the error of the transport. */
	void (*on_failure)(int error, void *arg);
};

/** Embedded in its owner, who fills in the upper part before dialog_request_start(). Zeroed = not under way. */
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

/** Send the request. @return as client_transaction_send(); if not 0, no handler but write was called */
int dialog_request_start(struct dialog_request *x);
/**
 * Cancel a re-INVITE; nothing once it is over. The peer may accept it all the same, so a handler is called in any case.
 */
void dialog_request_cancel(struct dialog_request *x);
/** Abandon it: no handler is called any more, and a re-INVITE is cancelled. Does nothing once it is over. */
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
