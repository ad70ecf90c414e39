/** @file attempt.h  One gateway is tried: resolve it, call its servers in turn, watch the stage timers. */
#ifndef ATTEMPT_H
#define ATTEMPT_H

#include "address.h"
#include "call_context.h"
#include "failover.h"
#include "invite.h"

struct attempt;

/** Why an attempt failed, and what is known of it. */
struct attempt_end {
	enum failover_failure failure;
	enum failover_stage stage;
	int sip_code;              /* FAILOVER_FAILURE_CODE */
	int error;                 /* FAILOVER_FAILURE_TRANSPORT: -errno */
	const struct received *rx; /* FAILOVER_FAILURE_CODE: the answer; else NULL */
};

struct attempt_handlers {
	/** An INVITE is about to be sent: attempt_save() writes it as it will be then. */
	void (*on_sending)(void *arg);
	/** attempt_stage() is another one. */
	void (*on_stage)(void *arg);
	void (*on_progress)(const struct received *rx, void *arg); /* 101-199 */
	void (*on_answer)(const struct received *rx, void *arg);   /* 2xx */
	/** The INVITE was refused and so its early dialogs end (RFC 3261 section 12.3), even if it is sent once more now. */
	void (*on_early_end)(void *arg);
	/** A server of the gateway has failed like this and another is left: may that one be called? */
	bool (*may_go_on)(const struct attempt_end *end, void *arg);
	/** The attempt is over and to be destroyed. */
	void (*on_failed)(const struct attempt_end *end, void *arg);
};

/**
 * Try a gateway, whose channel the caller has seized. No handler but on_sending is called before this returns.
 *
 * @param content  target is filled in here; borrowed with what it points to until the attempt ends
 */
int attempt_create(struct attempt **out, const struct call_context *context, struct call *call,
	struct gateway *gw, struct invite_content *content, const struct attempt_handlers *handlers,
	void *arg);

/** Write one that is about to send an INVITE, or awaits its final response; without an INVITE nothing is written. */
void attempt_save(const struct attempt *a, struct text *t);
/** The INVITE that was under way. @return as invite_read(); -ENOENT there was none, and NULL */
int attempt_read_invite(
	struct invite **out, struct stack *stack, void *owner, const struct field_bytes *bytes);
/**
 * Another one that was under way, to a contact of the same endpoint. What cannot be read is left out.
 *
 * @param left  attempt_save() to begin with
 * @return false when there is none left, and NULL
 */
bool attempt_read_branch(struct invite **out, struct stack *stack, void *owner, struct field_bytes *left);
/** Where an attempt of the process before goes on. */
struct attempt_rest {
	const struct field_bytes *bytes; /* attempt_save() */
	struct invite *invite_take;      /* attempt_read_invite() */
	enum failover_stage stage;       /* in which it was */
	uint64_t stage_ms;               /* since when, monotonic */
};
/**
 * Go on with it: the INVITE is sent again, and the stage lasts as long as it would have, but 2 s at least, so that the
 * gateway can say how far it is by now. The rest is as with attempt_create().
 */
int attempt_resume(struct attempt **out, const struct call_context *context, struct call *call,
	struct gateway *gw, struct invite_content *content, const struct attempt_handlers *handlers,
	void *arg, const struct attempt_rest *rest);

/** Its INVITE, or those to the contacts of an endpoint, borrowed. @param i  begin with 0. @return NULL behind the last */
struct invite *attempt_next_invite(const struct attempt *a, unsigned *i);
/** The one that it gives up for that which is about to be sent, to another server; NULL = there is none. */
struct invite *attempt_leaves(const struct attempt *a);
/** Give it up; what is under way at the gateway is cleaned up. NULL is fine. */
void attempt_abandon(struct attempt *a, const char *reason_header);
/** It has failed, or it was answered and the leg was taken. NULL is fine. */
void attempt_destroy(struct attempt *a);
/** After on_answer: the leg is the caller's now. */
struct invite *attempt_take_leg(struct attempt *a);

enum failover_stage attempt_stage(const struct attempt *a);
const struct gateway_policy *attempt_policy(const struct attempt *a);
/** Where it went last, "192.0.2.1:5060"; "" before that is known. */
const char *attempt_address(const struct attempt *a);
/**
 * What became of the servers of the gateway that were given up for another one, or never called.
 *
 * @param i        0 to RESOLVER_ADDRESSES_MAX - 1
 * @param address  receives where it is, if the result is not 0
 * @return its final response; -errno, -EAGAIN for one that was set aside (set_aside.h); 0 = nothing yet, or no such server
 */
int attempt_server(const struct attempt *a, unsigned i, char address[ADDRESS_NAME_MAX]);
/** Call-ID of the leg it tried last, "" before there is one. */
const char *attempt_call_id(const struct attempt *a);

/** The early dialogs of the INVITE under way; NULL when there is none. @param a  may be NULL */
struct early_dialogs *attempt_early(const struct attempt *a);

#endif
