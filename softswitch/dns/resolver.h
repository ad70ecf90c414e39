/** @file resolver.h  Where does this host listen? RFC 3263 over asynchronous DNS, cached by TTL.
 *
 * Names are resolved here and never in the SIP library. Answers are kept for their TTL (1 s to 1 h),
 * "does not exist" for 5 s. A name in use is asked again in the last quarter of its TTL, so calls
 * do not wait for DNS; while the servers fail, the last good answer stays in use (logged).
 */
#ifndef RESOLVER_H
#define RESOLVER_H

#include "resolver_types.h"

struct event_base;
struct resolver;
struct resolver_query; /* one waiting resolver_lookup() */

/**
 * The end of a lookup; called once, from the event loop, never from within resolver_lookup().
 *
 * @param error   0; -ENOENT no such name, or it has no address for this transport; -ETIMEDOUT
 *                nothing came back; -EIO the servers failed or answered nonsense; -ENOMEM
 * @param answer  NULL unless error is 0; valid during the call
 */
typedef void resolver_h(int error, const struct resolver_answer *answer, void *arg);

/**
 * @param servers  "address:port,..." to ask instead of the system's (/etc/resolv.conf), or NULL
 * @return 0; -EINVAL servers not understood; -ENOMEM; -EIO the DNS library did not start
 */
int resolver_create(struct resolver **out, struct event_base *base, const char *servers);
/** Waiting lookups end without a call of their handler. */
void resolver_destroy(struct resolver *r);

/**
 * Answer at once when no question is needed: numeric hosts (no allocation, no lock, no system call)
 * and names in the cache. The choice by SRV weights is made anew in each call.
 *
 * @return 0; -EAGAIN not known, use resolver_lookup(); -ENOENT known not to exist; -EINVAL not a
 *         host name or transport; -ETIMEDOUT, -EIO the servers failed less than 5 s ago and there
 *         is no earlier answer. *out is untouched then.
 */
int resolver_try(struct resolver *r, const struct resolver_target *target, struct resolver_answer *out);

/**
 * Ask the DNS, after resolver_try() gave -EAGAIN. Lookups of the same target share their questions.
 * It takes 5 s at most. The target is copied.
 *
 * @return 0 with *out, which the handler's call ends; -EINVAL; -ENOMEM; -EBUSY too many names in flight
 */
int resolver_lookup(struct resolver_query **out, struct resolver *r, const struct resolver_target *target,
	resolver_h *on_answer, void *arg);
/** Forget it; the handler is not called any more. NULL is fine. */
void resolver_cancel(struct resolver_query *query);

#endif
