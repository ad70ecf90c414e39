/** @file digest.h  Answers digest challenges (RFC 7616, RFC 8760): MD5 and SHA-256, qop=auth or none; nextnonce. */
#ifndef DIGEST_H
#define DIGEST_H

#include "text.h"

#include <sofia-sip/sip.h>

#include <stdbool.h>
#include <stdint.h>

struct digest_credentials {
	const char *user, *password;
	const char *
		realm; /* no other one gets an answer; NULL or "" = the one that accepted the account first, else any */
	uint64_t account; /* digest_realm_account(); 0 = none is kept */
};

/** How often the challenges of one request were answered. Zeroed = not yet. */
struct digest_tries {
	unsigned answered;
};

/**
 * May this 401 or 407 be answered? The first one may. A later one refuses the credentials, unless it says that only the
 * nonce was stale; after four answers it may not in any case. Counts those that may.
 */
bool digest_may_answer(
	struct digest_tries *tries, const sip_t *challenge, const struct digest_credentials *credentials);
/** The realm of the challenge that digest_answer() answers. @return NULL without one; the caller frees it */
char *digest_realm(const sip_t *challenge, const struct digest_credentials *credentials);

/**
 * Write the Authorization or Proxy-Authorization line that answers a 401 or 407. Of several challenges the first that
 * we support is answered: servers list them in order of preference (RFC 7616 section 3.7). A nonce that was used before
 * is counted on.
 *
 * @param cnonce  fresh random text
 * @return 0; -ENOENT no challenge of the realm with an algorithm and qop we support; -EINVAL no user; -ENOTSUP libcrypto refuses the
 *         algorithm
 */
int digest_answer(struct text *t, const sip_t *challenge, const struct digest_credentials *credentials,
	const char *method, const char *uri, const char *cnonce);

/**
 * The nonce that a server wants to see next (RFC 7616 section 3.5, RFC 7615), as digest_continue() takes it.
 *
 * @param response  a 2xx
 * @param answer    the line with credentials that the request had
 * @return NULL when it names none; the caller frees it
 */
char *digest_next(const sip_t *response, bool by_proxy, const char *answer);
/** Write credentials with such a nonce into another request. @return 0; -ENOENT they are for another realm; -EINVAL, -ENOTSUP */
int digest_continue(struct text *t, const char *next, bool by_proxy,
	const struct digest_credentials *credentials, const char *method, const char *uri);

#endif
