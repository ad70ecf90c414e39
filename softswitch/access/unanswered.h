/** @file unanswered.h  Which clients cannot answer a challenge that offers SHA-256 as well?
 *
 * Older ones give up when one of several challenges has an algorithm that they do not know (RFC 8760 came in 2020). They
 * ask again some time later, and are offered MD5 alone then. Kept in a table of fixed size, by a keyed hash; where another
 * takes its place, a client has to fail once more.
 */
#ifndef UNANSWERED_H
#define UNANSWERED_H

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;
struct unanswered;

/** A client: a user at an address, whose port may change. Made with unanswered_key(). */
uint64_t unanswered_key(const struct sockaddr *source, const char *user);

int unanswered_create(struct unanswered **out);
/** NULL is fine. */
void unanswered_destroy(struct unanswered *set);

/** It is challenged, since it brought no credentials. From now on it is simple if one before, longer ago than patience_ms, was not answered. */
void unanswered_on_challenge(struct unanswered *set, uint64_t key, uint32_t patience_ms, uint64_t now_ms);
/** Is it offered MD5 alone? */
bool unanswered_is_simple(const struct unanswered *set, uint64_t key);
/** It has answered one. */
void unanswered_on_answer(struct unanswered *set, uint64_t key);

#endif
