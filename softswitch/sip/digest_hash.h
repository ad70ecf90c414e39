/** @file digest_hash.h  What digests are computed with (RFC 7616 section 3.4, RFC 8760): MD5 and SHA-256. */
#ifndef DIGEST_HASH_H
#define DIGEST_HASH_H

#include "digest_parameter.h"

/** Room for a hash in hexadecimal. */
enum { DIGEST_HASH_MAX = 65 };

enum digest_hash_algorithm { DIGEST_HASH_MD5, DIGEST_HASH_SHA256, DIGEST_HASH_ALGORITHMS };

/** As a challenge has it: "MD5", "SHA-256". */
const char *digest_hash_name(enum digest_hash_algorithm algorithm);
/** @return whether we support it */
bool digest_hash_named(const struct digest_parameter *name, enum digest_hash_algorithm *out);

/** A1 of an account, in lower-case hexadecimal. @return false when libcrypto refuses the algorithm */
bool digest_hash_account(enum digest_hash_algorithm algorithm, char out[DIGEST_HASH_MAX], const char *user,
	const struct digest_parameter *realm, const char *password);

/** What a response is made of besides A1. */
struct digest_hash_input {
	struct digest_parameter nonce;
	struct digest_parameter nc, cnonce; /* nc.data NULL: without qop; else with qop=auth */
	struct digest_parameter method, uri;
};
/** @return as digest_hash_account() */
bool digest_hash_response(enum digest_hash_algorithm algorithm, char out[DIGEST_HASH_MAX],
	const char *account, const struct digest_hash_input *in);

#endif
