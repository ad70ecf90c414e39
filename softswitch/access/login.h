/** @file login.h  Lets endpoints in: challenges, checks what they answer, and stops listening to those who guess. */
#ifndef LOGIN_H
#define LOGIN_H

#include "stack.h"

struct endpoint;
struct endpoints;
struct login;
struct state;
struct suspensions;
struct suspensions_pair;

/** What is to be let in: each has its parameters, and counts wrong answers by itself. */
enum login_kind { LOGIN_REGISTER, LOGIN_CALL, LOGIN_KINDS };

/** Why a request is not let in, apart from being challenged first. */
enum login_refusal { LOGIN_WRONG_PASSWORD, LOGIN_UNKNOWN_USER, LOGIN_SUSPENDED };
/** @param user  that it claims to be */
typedef void login_refused_h(enum login_refusal why, const struct received *rx, const char *user, void *arg);

/** Which algorithms to offer somebody: SHA-256 with MD5, unless it is known not to answer that. */
enum login_offer { LOGIN_OFFER_UNKNOWN, LOGIN_OFFER_BOTH, LOGIN_OFFER_MD5 };

/** Both borrowed. @return 0 or -ENOMEM */
int login_create(struct login **out, const struct stack *stack, const struct endpoints *endpoints);
/** Who is told of requests that are not let in; the refusal itself is done here. */
void login_on_refused(struct login *l, login_refused_h *h, void *arg);
/** NULL is fine. */
void login_destroy(struct login *l);

/** Does the request bring credentials for our realm? */
bool login_is_named(const struct login *l, const struct received *rx);
/**
 * Whose request is it? Unless its credentials are right it is answered: challenged, or refused.
 *
 * @param offer  as far as is known by what it has registered, and afterwards
 * @return NULL when it was answered
 */
struct endpoint *login_check(
	struct login *l, enum login_kind kind, const struct received *rx, enum login_offer *offer);

/** Suspend again who was suspended from registering before the last stop, and keep that from now on: as location_restore(). */
void login_restore(struct login *l, struct state *state);
/** Who is suspended from registering. */
const struct suspensions *login_suspensions(const struct login *l);
/** Suspend such a pair. @return 0; -ENOMEM */
int login_suspend(struct login *l, const struct suspensions_pair *pair, uint64_t length_ms);
/** @return false when it is not suspended */
bool login_lift(struct login *l, const struct suspensions_pair *pair);

#endif
