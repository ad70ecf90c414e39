/** @file digest_realm.h  Which realm an account belongs to, once its credentials were accepted there, and its next nonce.
 *
 * Whoever stands in the way of a request could ask for credentials in the name of another realm and search for the
 * password at leisure. So an account without a configured realm answers only the one that has accepted it first, for
 * servers and for proxies. Kept until the process ends; a changed password or host makes another account.
 */
#ifndef DIGEST_REALM_H
#define DIGEST_REALM_H

#include <stdbool.h>
#include <stdint.h>

/** The number of an account. @param peer  the host it is an account at */
uint64_t digest_realm_account(const char *user, const char *password, const char *peer);
/** @return NULL when it was not accepted yet, or account is 0 */
const char *digest_realm_get(uint64_t account, bool by_proxy);
/** Its credentials were accepted. The first realm stays. Out of memory it is not kept. */
void digest_realm_accepted(uint64_t account, bool by_proxy, const char *realm);
/** What digest_next() said last. @return NULL = nothing, or it has been challenged since */
const char *digest_realm_next(uint64_t account, bool by_proxy);
/** @param next_take  NULL = nothing; else it is freed here, sooner or later. Out of memory it is not kept */
void digest_realm_set_next(uint64_t account, bool by_proxy, char *next_take);

#endif
