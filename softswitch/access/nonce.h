/** @file nonce.h  The nonces of our challenges (RFC 7616 section 3.3): kept nowhere until an answer to one was right.
 *
 * A nonce says when it was made, and a keyed hash says that we made it for this address, so what was given to one address
 * is worth nothing at another, and a forged source never sees the one that it would have to answer.
 */
#ifndef NONCE_H
#define NONCE_H

#include "digest_parameter.h"

#include <stdint.h>

struct nonces;
struct sockaddr;

int nonces_create(struct nonces **out);
/** NULL is fine. */
void nonces_destroy(struct nonces *set);

enum { NONCE_SIZE = 33 };
/** For a challenge that goes to this address. */
void nonce_make(char out[NONCE_SIZE], const struct sockaddr *to, uint64_t now_ms);

/** Did we give it to this address, and is it no older than lifetime_ms? */
bool nonce_is_good(const struct digest_parameter *nonce, const struct sockaddr *from, uint32_t lifetime_ms,
	uint64_t now_ms);
/**
 * The answer to this good nonce was right. Has one with this count not been seen yet (RFC 7616 section 3.4)?
 *
 * @param count  the value of nc; without qop there is none, and a nonce is good once: 0
 */
bool nonces_use(struct nonces *set, const struct digest_parameter *nonce, uint32_t count);

#endif
