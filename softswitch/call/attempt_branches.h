/** @file attempt_branches.h  Private to attempt*.c: the contacts of an endpoint ring together (RFC 3261 section 16.7).
 *
 * Each has an INVITE of its own. The last one heard of is that of the attempt. The first 2xx wins, and the others are
 * cancelled; when all have failed the best failure counts.
 */
#ifndef ATTEMPT_BRANCHES_H
#define ATTEMPT_BRANCHES_H

#include "bindings.h"
#include "received.h"

struct attempt;
struct attempt_branch;

/** Zeroed: it is no endpoint. */
struct attempt_branches {
	struct attempt_branch *of; /* one for each server of the attempt */
	unsigned n;
	struct received_kept best; /* the best failure so far; rx.msg NULL = there is none */
};

/**
 * Call all contacts of an endpoint.
 *
 * @return 0 when an INVITE has left; -EHOSTUNREACH nothing that can be reached is registered; the error of the last one;
 *         -ENOMEM. Clear them in any case
 */
int attempt_branches_call(struct attempt *a, const struct bindings *bindings, const char *endpoint);
/** No response came in time: nothing is resent any more. */
void attempt_branches_stop_resending(struct attempt *a);
/** Give up all of them, but for the one whose leg was taken. */
void attempt_branches_abandon(struct attempt *a, const char *reason_header);
/** The attempt's INVITE has another owner now. */
void attempt_branches_take(struct attempt *a);
void attempt_branches_clear(struct attempt *a);

#endif
