/** @file resolver.h  Where does this host listen? RFC 3263 over asynchronous DNS, cached by TTL.
 *
 * Names are resolved here and never in the SIP library. Answers are kept for their TTL (1 s to 1 h),
 * "does not exist" for 5 s. A name in use is asked again in the last quarter of its TTL, so calls
 * do not wait for DNS; while the servers fail, the last good answer stays in use, which is logged.
 */
#ifndef RESOLVER_H
#define RESOLVER_H

#include "resolver_error.h"
#include "resolver_types.h"

#include <stdbool.h>

struct event_base;
struct resolver;
struct resolver_query; /* one pending resolver_lookup() */

/**
 * The end of a lookup; called once, from the event loop, never from within resolver_lookup().
 *
 * @param error   0; -ENOENT no such name, or it has no address for this transport; one of
 *                resolver_error.h; -EIO; -ENOMEM
 * @param answer  NULL unless error is 0; valid during the call
 */
typedef void resolver_h(int error, const struct resolver_answer *answer, void *arg);

/**
 * @param servers  "address:port,..." to ask instead of those in /etc/resolv.conf, or NULL
 * @return 0; -EINVAL servers is malformed; -ENOMEM; -EIO the DNS library failed to start
 */
int resolver_create(struct resolver **out, struct event_base *base, const char *servers);
/** Pending lookups are dropped; their handlers are not called. NULL is fine. */
void resolver_destroy(struct resolver *r);

/** Answer for a numeric host, for which no resolver is needed. @return false when the host is something else */
bool resolver_numeric(const struct resolver_target *target, struct resolver_answer *out);

/**
 * Answer at once when no DNS query is needed: numeric hosts (no allocation, no system call)
 * and names in the cache. SRV weights are drawn afresh on every call.
 *
 * @return 0; -EAGAIN not cached, use resolver_lookup(); -ENOENT known not to exist; -EINVAL not a valid
 *         host name or transport; -EIO or one of resolver_error.h: the servers failed less than 5 s ago
 *         and there is no earlier answer. On error *out is untouched.
 */
int resolver_try(struct resolver *r, const struct resolver_target *target, struct resolver_answer *out);

/**
 * Query the DNS after resolver_try() returned -EAGAIN. Lookups of the same target share their queries
 * and take 5 s at most. The target is copied.
 *
 * @return 0 and *out, valid until its handler is called; -EINVAL; -ENOMEM; -EBUSY too many lookups in flight
 */
int resolver_lookup(struct resolver_query **out, struct resolver *r, const struct resolver_target *target,
	resolver_h *on_answer, void *arg);
/** Cancel it: the handler will not be called. NULL is fine. */
void resolver_cancel(struct resolver_query *query);

#endif
