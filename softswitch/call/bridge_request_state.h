/** @file bridge_request_state.h  What a request under way is made of, private to bridge_request*.c. */
#ifndef BRIDGE_REQUEST_STATE_H
#define BRIDGE_REQUEST_STATE_H

#include "bridge_request.h"
#include "dialog_request.h"

enum bridge_request_state {
	BRIDGE_REQUEST_CROSSING,
	BRIDGE_REQUEST_WAITING,  /* for bridge_request_go_on() */
	BRIDGE_REQUEST_ANSWERED, /* INVITE: its 2xx awaits the ACK */
};

struct bridge_request {
	LIST_ENTRY(bridge_request) link;
	enum bridge_request_state state;
	struct bridge *bridge;
	struct dialog *from, *to; /* to: NULL = answered here */
	struct server_transaction *server;
	struct dialog_request request;
	struct received_kept received;
	bool invite;
	bool session;   /* INVITE or UPDATE: it renews the session */
	bool target;    /* it may move the remote target, and so may its 2xx */
	bool offer;     /* a description, or an INVITE that asks for one */
	bool offerless; /* INVITE: the offer comes in its 2xx, the answer in the ACK */
	bool as_invite; /* UPDATE: it crosses as a re-INVITE */
};

static inline bool bridge_request_is_answered(const struct bridge_request *r)
{
	return r->state == BRIDGE_REQUEST_ANSWERED;
}

#endif
