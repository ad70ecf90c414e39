/** @file authentication.h  Are these the credentials of that account? A server of digests (RFC 7616, RFC 8760): MD5 and SHA-256, qop=auth. */
#ifndef AUTHENTICATION_H
#define AUTHENTICATION_H

#include "digest_hash.h"
#include "text.h"

#include <sofia-sip/sip.h>

#include <stdbool.h>
#include <stdint.h>

struct authentication;
struct received;

int authentication_create(struct authentication **out);
/** NULL is fine. */
void authentication_destroy(struct authentication *a);

/** Challenges differ by who asks: 401 by a server, 407 by a proxy (RFC 3261 section 22). */
struct authentication_realm {
	const char *name;     /* without quotes and backslashes */
	bool by_proxy;        /* 407 */
	uint32_t lifetime_ms; /* of a nonce */
};

/**
 * Write the lines of a challenge to the sender of this request: one for each algorithm, the better one first.
 *
 * @param simple  MD5 alone
 */
void authentication_challenge(struct text *t, const struct authentication_realm *realm,
	const struct received *rx, bool stale, bool simple);

enum { AUTHENTICATION_USER_MAX = 256 };
/** Credentials in a request, borrowed from it. */
struct authentication_credentials {
	char user[AUTHENTICATION_USER_MAX];
	enum digest_hash_algorithm algorithm;
	struct digest_parameter response;
	struct digest_hash_input input; /* without method */
	uint32_t count;                 /* nc; 0 = without qop */
};
/** Find those for this realm, whichever of the two headers has them. @return false when there are none that could be checked */
bool authentication_find(
	struct authentication_credentials *out, const sip_t *sip, const struct authentication_realm *realm);

/** What an account is checked by; "" = not known. */
struct authentication_account {
	const char *password;
	const char *hash[DIGEST_HASH_ALGORITHMS]; /* A1, in place of the password */
};

enum authentication_verdict {
	AUTHENTICATION_RIGHT,
	AUTHENTICATION_STALE, /* the nonce was not given to this address, is too old, or was used: says nothing about the password */
	AUTHENTICATION_WRONG,
};
/**
 * Check them.
 *
 * @param account  NULL = there is no such user; this takes as long as a wrong password
 */
enum authentication_verdict authentication_check(struct authentication *a,
	const struct authentication_credentials *credentials, const struct authentication_account *account,
	const struct authentication_realm *realm, const struct received *rx);

#endif
