/** @file attempt_bindings.h  Private to attempt*.c: the contacts of an endpoint, which are called like the servers of a gateway. */
#ifndef ATTEMPT_BINDINGS_H
#define ATTEMPT_BINDINGS_H

#include "bindings.h"
#include "hop.h"
#include "resolver_types.h"

/** A copy: what is registered may change meanwhile. */
struct attempt_binding {
	struct hop hop;
	bool nat;
	char *uri;  /* Request-URI */
	char *path; /* whole Route lines; "" = none */
};
struct attempt_bindings {
	struct attempt_binding *of; /* NULL: it is no endpoint */
	unsigned n;
};

/**
 * Copy those of an endpoint in the order in which they are called.
 *
 * @param servers  receives where they are, in the same order
 * @return 0; -EHOSTUNREACH there is none that can be reached; -ENOMEM. Clear it in either case
 */
int attempt_bindings_init(struct attempt_bindings *out, const struct bindings *bindings, const char *endpoint,
	struct resolver_answer *servers);
void attempt_bindings_clear(struct attempt_bindings *b);

#endif
