/** @file suspensions.h  Who has given wrong credentials too often? A pair of address and user, for a time.
 *
 * Only wrong answers to nonces that went to the address count (nonce.h), so nobody can have somebody else suspended. Wrong
 * answers are forgotten when a right one comes, or none for as long as a suspension lasts. Bounded: in a full table the
 * pair goes that was seen longest ago, those that are suspended last.
 */
#ifndef SUSPENSIONS_H
#define SUSPENSIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;
struct suspensions;

enum {
	SUSPENSIONS_MAX = 16384,
	SUSPENSIONS_USER_MAX = 128 /* with the NUL; of a longer user this much counts */
};

/** A suspension has ended, or was forgotten. */
typedef void suspensions_ended_h(const char *user, const struct sockaddr *source, void *arg);

/** @param on_ended  may be NULL */
int suspensions_create(struct suspensions **out, suspensions_ended_h *on_ended, void *arg);
/** The handler is not called. NULL is fine. */
void suspensions_destroy(struct suspensions *set);

/** Of IPv6 addresses the first 64 bits count: a host has all that begin with them. */
struct suspensions_pair {
	const struct sockaddr *source; /* its port does not count */
	const char *user;
};
struct suspensions_limits {
	uint32_t retries; /* the wrong answer with this number suspends; at least 1 */
	uint32_t length_ms;
};

bool suspensions_has(const struct suspensions *set, const struct suspensions_pair *pair, uint64_t now_ms);
/** A wrong answer. Out of memory it is not counted. @return true when the pair is suspended now */
bool suspensions_on_wrong(struct suspensions *set, const struct suspensions_pair *pair,
	const struct suspensions_limits *limits, uint64_t now_ms);
/** A right answer. */
void suspensions_on_right(struct suspensions *set, const struct suspensions_pair *pair);

/** Suspend a pair until then. @return 0; -ENOMEM */
int suspensions_add(struct suspensions *set, const struct suspensions_pair *pair, uint64_t until_ms);
/** @return false when it is not suspended */
bool suspensions_lift(struct suspensions *set, const struct suspensions_pair *pair, uint64_t now_ms);

struct suspensions_entry {
	const char *user;
	const struct sockaddr *source; /* of the last wrong answer */
	uint64_t until_ms;
};
/** Those that are suspended, the one seen last first. */
void suspensions_each(const struct suspensions *set, uint64_t now_ms,
	void (*h)(const struct suspensions_entry *entry, void *arg), void *arg);

#endif
