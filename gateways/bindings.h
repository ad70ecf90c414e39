/** @file bindings.h  Where endpoints are: what they have registered (RFC 3261 section 10.3), until it expires.
 *
 * Every look-up takes the same time, however many there are; what expires is found second by second.
 */
#ifndef BINDINGS_H
#define BINDINGS_H

#include "binding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bindings;
struct sockaddr;

enum bindings_end {
	BINDINGS_UNREGISTERED, /* the endpoint said so */
	BINDINGS_REPLACED,     /* it has more contacts than it may, and this is the oldest */
	BINDINGS_EXPIRED,
	BINDINGS_DISCONNECTED, /* the connection it came by has ended */
	BINDINGS_REMOVED,      /* an operator, or a change of its row */
	BINDINGS_ENDS
};
/** "unregistered", ... */
const char *bindings_end_name(enum bindings_end end);

struct bindings_handlers {
	/** New, or refreshed. */
	void (*on_put)(struct binding *b, bool is_new, void *arg);
	void (*on_removed)(struct binding *b, enum bindings_end end, void *arg);
	/** Its memory goes after this, and so must what is attached. */
	void (*on_freed)(struct binding *b, void *arg);
	void *arg;
};

/** @param now_ms  monotonic */
int bindings_create(struct bindings **out, binding_hash_h *hash, const struct bindings_handlers *handlers,
	uint64_t now_ms);
/** Of the handlers only on_freed is called. NULL is fine. */
void bindings_destroy(struct bindings *set);
size_t bindings_count(const struct bindings *set);

/** One contact of a REGISTER. */
struct bindings_contact {
	const char *key, *uri;
	uint32_t expires_s; /* 0 = it is to go */
	unsigned q;
};
enum { BINDINGS_CONTACTS_MAX = 16 };
/** A REGISTER; all borrowed. */
struct bindings_request {
	const char *endpoint, *call_id, *path, *user_agent, *listener;
	struct binding_source source;
	bool nat, md5_only;
	uint32_t cseq;
	bool remove_all;
	const struct bindings_contact *contacts;
	unsigned n;   /* at most BINDINGS_CONTACTS_MAX, each key once */
	unsigned max; /* contacts that the endpoint may have */
	bool replace; /* above that the oldest goes; else the request is refused */
};
/**
 * Do all that a REGISTER asks for, or nothing.
 *
 * @return 0; -ESTALE its CSeq is not above that of a binding with this Call-ID; -EBUSY the endpoint has as many contacts
 *         as it may; -E2BIG the request alone has more; -ENOMEM
 */
int bindings_register(
	struct bindings *set, const struct bindings_request *r, uint64_t now_ms, int64_t epoch_ms);
/** Put one as it was before a restart; its times are in it. on_put is called. @return 0; -EEXIST; -ENOMEM */
int bindings_restore(struct bindings *set, const struct binding *b);

/** Those of an endpoint, in the order in which they are called: by q, then the newest first. */
struct binding *bindings_first(const struct bindings *set, const char *endpoint);
struct binding *binding_next(const struct binding *b);

/** The first of those that came from there. @return NULL when there is none */
struct binding *bindings_at(const struct bindings *set, const struct binding_source *source);
struct binding *binding_next_at(const struct binding *b);
/** That of this endpoint that came from there, else the first that did. @return NULL when there is none */
struct binding *bindings_of_at(
	const struct bindings *set, const char *endpoint, const struct binding_source *source);
/** Has anybody registered from this host, by whatever transport and port? */
bool bindings_have_host(const struct bindings *set, const struct sockaddr *address);

void bindings_remove(struct bindings *set, struct binding *b, enum bindings_end end);
/** Those whose time has come, within two seconds. Call it each second. */
void bindings_expire(struct bindings *set, uint64_t now_ms);

#endif
