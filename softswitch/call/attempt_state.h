/** @file attempt_state.h  The struct of an attempt, private to attempt*.c. */
#ifndef ATTEMPT_STATE_H
#define ATTEMPT_STATE_H

#include "attempt.h"
#include "attempt_route.h"
#include "received.h"
#include "resolver_types.h"

#include <event2/event_struct.h>

struct attempt_branch;
struct bindings;
struct field_bytes;
struct gateway;
struct resolver_query;

/** Zeroed: it is no endpoint. */
struct attempt_branches {
	struct attempt_branch *of; /* one for each server of the attempt */
	unsigned n;
	struct received_kept best; /* the best failure so far; rx.msg NULL = there is none */
};

struct attempt {
	struct stack *stack;
	struct call *call;
	struct gateway *gateway;
	struct gateway_policy policy;
	struct parameter_codes stop_codes; /* of the policy: the row may be replaced meanwhile */
	struct invite_content *content;
	const struct attempt_handlers *handlers;
	void *arg;
	struct resolver_query *query;
	struct resolver_answer servers;
	int result[RESOLVER_ADDRESSES_MAX]; /* of each, as attempt_server() has it */
	unsigned server, next_server;       /* the one called last, and those after it */
	struct invite *invite, *sending;    /* under way; about to be sent, NULL = the same */
	enum failover_stage stage;
	struct event stage_timer, server_timer, soon;
	int soon_error;         /* what `soon` reports */
	bool answered_anything; /* that server has */
	char address[ADDRESS_NAME_MAX];
	char call_id[2 * TOKEN_SIZE];
	struct attempt_route route;
	struct attempt_branches branches; /* of an endpoint */
};

/** Make one that has called nobody. @return as attempt_create() */
int attempt_make(struct attempt **out, const struct call_context *context, struct call *call,
	struct gateway *gw, struct invite_content *content, const struct attempt_handlers *handlers,
	void *arg);
/** What becomes of the only INVITE of an attempt, its `arg`. */
extern const struct invite_handlers attempt_invite_handlers;
/** @param nat  of the peer. @return as invite_create() */
int attempt_create_invite(struct attempt *a, struct invite **out, struct hop *hop, enum db_override nat,
	const struct invite_handlers *handlers, void *arg);
/** Stay in the stage for so long, ms. */
void attempt_limit_stage(struct attempt *a, uint32_t ms);
/** If this server says nothing, the next one is called. */
void attempt_limit_server(struct attempt *a);
/** This server is called now. */
void attempt_name_server(struct attempt *a, unsigned i);
/** Report a failure from the loop. */
void attempt_fail_soon(struct attempt *a, int error);

/* attempt_branches.c: the contacts of an endpoint ring together (RFC 3261 section 16.7). Each has an INVITE of its own. The
 * last one heard of is that of the attempt. The first 2xx wins, and the others are cancelled; when all have failed the best
 * failure counts. */

/**
 * Call all contacts of an endpoint.
 *
 * @return 0 when an INVITE has left; -EHOSTUNREACH nothing that can be reached is registered; the error of the last one;
 *         -ENOMEM. Clear them in any case
 */
int attempt_branches_call(struct attempt *a, const struct bindings *bindings, const char *endpoint);
/**
 * Go on with those of the process before, of which the attempt's INVITE is one.
 *
 * @param bytes  attempt_save()
 * @return 0 or -errno of that one; clear them in any case
 */
int attempt_branches_resume(struct attempt *a, const struct field_bytes *bytes);
/** The next INVITE that is under way or about to be sent. @param i  begin with 0. @return NULL behind the last */
struct invite *attempt_branches_next(const struct attempt *a, unsigned *i);
/** No response came in time: nothing is resent any more. */
void attempt_branches_stop_resending(struct attempt *a);
/** Give up all of them, but for the one whose leg was taken. */
void attempt_branches_abandon(struct attempt *a, const char *reason_header);
/** The attempt's INVITE has another owner now. */
void attempt_branches_take(struct attempt *a);
void attempt_branches_clear(struct attempt *a);

#endif
