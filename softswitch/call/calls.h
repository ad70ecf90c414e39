/** @file calls.h  All calls: counted, listed, ended together, freed after the pass of the loop. */
#ifndef CALLS_H
#define CALLS_H

#include "call.h"
#include "cause.h"

#include <stddef.h>
#include <stdint.h>

struct calls;
struct cdr_log;
struct endpoints;
struct gateways;
struct mapping_gateways;
struct registrations;
struct routing;
struct routing_plan;
struct routing_request;
struct sockaddr;
struct stack;

/** What calls work with; all of it borrowed. */
struct calls_parts {
	struct stack *stack;
	struct gateways *gateways;
	struct mapping_gateways *mapping_gateways;
	struct endpoints *endpoints;
	const struct bindings *bindings;
	struct registrations *registrations;
	struct routing *routing;
	struct cdr_log *cdr_log;
};
int calls_create(struct calls **out, const struct calls_parts *parts);
/** Take up the answered calls of the process before (call_recovery.h). Once, before anything is received. */
void calls_recover(struct calls *set);
/** Calls must have ended: calls_hangup_all(). */
void calls_destroy(struct calls *set);

/** call_plan() */
int calls_plan(const struct calls *set, const struct routing_request *request, struct routing_plan *out);
/** A call that has passed the gate: call_create(). */
int calls_take(struct calls *set, struct ingress *ingress, const struct received *invite,
	const struct call_refusal *refusal);
/** How many live calls have come by a registration from this address, which is not the registrar's? */
size_t calls_from_elsewhere(const struct calls *set, const struct sockaddr *source);
/** End every call; both sides are told. */
void calls_hangup_all(struct calls *set, enum cause cause);

/** What will become of them when the process is restarted now. */
struct calls_future {
	size_t kept, ended; /* SS_CALL_RECOVERY decides */
	size_t setup;       /* of either, not answered yet */
};
void calls_future(const struct calls *set, struct calls_future *out);
/** Of the state that calls leave behind, as the next process must read it. */
int calls_version(void);
/** How many requests inside calls await their response; the next process will not know them. */
size_t calls_under_way(const struct calls *set);
/** This process leaves them to the next one, now: write down what has changed, and that they live. */
void calls_leave(struct calls *set);

/** Counters since start; active = now. */
struct calls_stats {
	uint64_t active, total, answered, failed;
	uint64_t recovered; /* of the process before: they count neither as total nor as answered */
};
void calls_stats(const struct calls *set, struct calls_stats *out);

/** What is held for calls now; all of it is 0 when nothing goes on. */
struct calls_held {
	size_t calls, legs, channels, transactions;
};
void calls_held(const struct calls *set, struct calls_held *out);

/**
 * Count the channels of all calls anew and compare with what the gateways, mapping gateways and calls_held() have.
 * Builds with -Dself_check do it after every pass of the loop and abort on a difference.
 *
 * @return how many differ; anything but 0 is a fault
 */
uint64_t calls_channel_drift(const struct calls *set);

void calls_each(const struct calls *set, void (*h)(const struct call_info *info, void *arg), void *arg);

#endif
