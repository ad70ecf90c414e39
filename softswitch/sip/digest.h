/** @file digest.h  Answers a digest challenge (RFC 7616, RFC 8760): SHA-256 and MD5, qop=auth. */
#ifndef DIGEST_H
#define DIGEST_H

#include "text.h"

#include <sofia-sip/sip.h>

struct digest_credentials {
	const char *user, *password;
	const char *
		realm; /* of several challenges, those of this realm come first; NULL or "" = all are equal */
};

/** How often one request was answered a challenge. Zeroed = not yet. */
struct digest_tries {
	unsigned answered;
};

/**
 * May this 401 or 407 be answered? The first one; a later one refuses the credentials, unless it says that only their
 * nonce was too old (stale=true). A server that finds every nonce stale is given up. Counts it when it may.
 */
bool digest_may_answer(struct digest_tries *tries, const sip_t *challenge);

/**
 * Write the Authorization or Proxy-Authorization line that answers a 401 or 407. Of several challenges the first that
 * we know is answered: servers list them in order of preference (RFC 7616 section 3.7).
 *
 * @param cnonce  fresh random text
 * @return 0; -ENOENT no challenge with an algorithm and qop we know; -EINVAL no credentials; -ENOTSUP the algorithm is
 *         switched off in this system's libcrypto
 */
int digest_answer(struct text *t, const sip_t *challenge, const struct digest_credentials *credentials,
	const char *method, const char *uri, const char *cnonce);

#endif
