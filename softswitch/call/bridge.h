/** @file bridge.h  The two legs of a call side by side, and what is under way between them.
 *
 * A bridge knows dialogs, not calls: what happens on its legs is reported to its handlers.
 *
 *	session_timer     refreshes the session of each leg
 *	offer             whose offer is open?
 *	bridge_request    a request of one leg crosses to the other
 */
#ifndef BRIDGE_H
#define BRIDGE_H

#include "dialog_request.h"
#include "stack.h"

#include <sys/queue.h>

struct bridge_request;
LIST_HEAD(bridge_request_list, bridge_request);

/** The side of a leg. */
enum bridge_side { BRIDGE_CALLER, BRIDGE_GATEWAY };

/** A re-INVITE that was refused, until the ACK. */
struct bridge_refusal {
	struct bridge *bridge;
	struct server_transaction *server; /* NULL = there is none */
};

struct bridge_handlers {
	/** The session of this leg was set up or refreshed. */
	void (*on_refreshed)(struct dialog *leg, void *arg);
	/** The peer of this leg does not know the dialog any more (481). */
	void (*on_gone)(struct dialog *leg, void *arg);
	/** A refresh of this leg's session has failed. */
	void (*on_refresh_failed)(struct dialog *leg, void *arg);
	/** The peer of this leg has not refreshed its session in time. */
	void (*on_expired)(struct dialog *leg, void *arg);
	/** A re-INVITE has come, has got its final response, or the ACK to that. */
	void (*on_reinvite)(void *arg);
	/** remote_end or remote_acked of this leg is another one. */
	void (*on_request_end)(struct dialog *leg, void *arg);
	/** The media of this leg have moved, and the other side has not been told. */
	void (*on_moved)(struct dialog *leg, void *arg);
	/** Our 2xx to a re-INVITE of this leg was never acknowledged. */
	void (*on_unacknowledged)(struct dialog *leg, void *arg);
	/** The resend schedule towards this leg; the gateway may have one of its own. */
	struct resend_schedule (*resend)(const struct dialog *leg, void *arg);
};

/** Embedded in the call. */
struct bridge {
	struct stack *stack;
	struct dialog *leg[2];               /* by side; the gateway's is NULL until it has answered */
	struct bridge_request_list requests; /* those that cross */
	struct bridge_refusal refused[2];    /* by side */
	struct dialog_request refresh[2];    /* our own on each leg: session_timer.h */
	bool answer_in_ack; /* the gateway's 2xx made an offer that the caller's ACK will answer */
	const struct bridge_handlers *handlers;
	void *arg;
};

/** @param stack,caller,handlers,arg  borrowed as long as the bridge */
void bridge_init(struct bridge *b, struct stack *stack, struct dialog *caller,
	const struct bridge_handlers *handlers, void *arg);

/** Any dialog that is not the caller's leg is the gateway's, early ones included. */
enum bridge_side bridge_side(const struct bridge *b, const struct dialog *d);
/** @return NULL until the gateway has answered */
struct dialog *bridge_other_leg(const struct bridge *b, const struct dialog *d);
struct resend_schedule bridge_resend(const struct bridge *b, const struct dialog *to);
/** Our Allow in what is sent in this dialog: session_allow() of the other leg. */
const char *bridge_allow(const struct bridge *b, const struct dialog *d);
/**
 * Answer a request without body; the answer comes again when the request does.
 *
 * @param d        the dialog it came in
 * @param headers  whole lines, or NULL
 */
void bridge_reply(const struct bridge *b, const struct dialog *d, const struct received *rx, int status,
	const char *headers);

#endif
