/** @file call_context.h  What all calls work with and count. */
#ifndef CALL_CONTEXT_H
#define CALL_CONTEXT_H

#include "stack.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct call;
struct call_parting;
struct bindings;
struct cdr_log;
struct endpoints;
struct pace;
struct registrations;
struct routing;

LIST_HEAD(call_context_list, call);

/** Owned by struct calls; what it points to is borrowed. */
struct call_context {
	struct stack *stack;
	struct registrations *registrations; /* lend their credentials and routes to gateways */
	struct routing *routing;
	const struct endpoints *endpoints;
	const struct bindings *bindings; /* what they have registered */
	struct cdr_log *cdr_log;
	struct call_context_list live,
		parked; /* a call that ends moves to `parked` and is freed after the pass */
	struct call_context_list
		changed, /* of the live ones, those to be put into the journal again after the pass */
		unkept;  /* of the live ones, those for whose change it had no room */
	struct call_context_list elsewhere; /* of the live ones, those whose peer is elsewhere (hop.h) */
	uint64_t total, answered, failed, active; /* calls since start, and now */
	uint64_t recovered;                       /* of the process before; they count as active alone */
	struct pace *pace;                        /* what is sent after a restart */
	LIST_HEAD(, call_parting) parting;        /* of ended calls, those whose BYEs are under way */
	size_t channels;                          /* seized now, of ingress and gateways together */
};

#endif
