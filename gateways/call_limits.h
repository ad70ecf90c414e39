/** @file call_limits.h  Channels and calls per second of a gateway or a mapping gateway. */
#ifndef CALL_LIMITS_H
#define CALL_LIMITS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/** One seized channel, embedded in the call that uses it. Zeroed = not seized. */
struct call_limits_channel {
	LIST_ENTRY(call_limits_channel) link;
	struct call_limits *limits;
	uint64_t serial; /* number of the seizure: call_limits.total at that moment */
};

struct call_limits {
	uint32_t capacity; /* 0 = unlimited */
	uint32_t cps;      /* 0 = unlimited */
	LIST_HEAD(, call_limits_channel) channels;
	uint32_t in_use; /* length of the list; only call_limits_seize() and call_limits_release() touch it */
	uint32_t counted;    /* by call_limits_recount(), to be compared with in_use */
	uint64_t total;      /* channels ever seized */
	uint64_t *recent_ms; /* ring: when each of the last recent_size seizures will be one second old */
	uint32_t recent_size, recent_next; /* recent_size >= cps, so no second holds more than cps */
	/* A channel was released; may free l. May be NULL. */
	void (*on_release)(struct call_limits *l, const struct call_limits_channel *ch);
};

/** Allocate what a calls-per-second limit needs, so that call_limits_set() cannot fail. @return 0 or -ENOMEM */
int call_limits_reserve(struct call_limits *l, uint32_t cps);
/**
 * Change the limits in place; channels in use and recent seizures stay.
 *
 * @return 0; -ENOMEM with the old limits in force
 */
int call_limits_set(struct call_limits *l, uint32_t capacity, uint32_t cps);
/** Free the memory. No channel may be in use. */
void call_limits_clear(struct call_limits *l);

/**
 * @param now_ms  monotonic
 * @return 0; -EBUSY all channels are in use; -EAGAIN the calls per second are used up
 */
int call_limits_check(const struct call_limits *l, uint64_t now_ms);
/** If call_limits_check() returns 0, seize the channel, which must be free. @return as call_limits_check() */
int call_limits_seize(struct call_limits *l, struct call_limits_channel *ch, uint64_t now_ms);
/** Seize a channel for a call that goes on from before the start: limits do not count, nor is it a new call. */
void call_limits_resume(struct call_limits *l, struct call_limits_channel *ch);
/** Release the channel; one that is not seized is left alone. */
void call_limits_release(struct call_limits_channel *ch);

/** Count a channel for the self-check, see gateways_recount(); one that is not seized is not counted. */
void call_limits_recount(const struct call_limits_channel *ch);

/** The answer of call_limits_check() in words: "full 30/30", "cps 10/10", "usable". */
void call_limits_explain(const struct call_limits *l, int error, char *out, size_t size);

#endif
