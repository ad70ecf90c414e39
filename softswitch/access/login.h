/** @file login.h  Lets endpoints in: challenges, checks what they answer, and stops listening to those who guess. */
#ifndef LOGIN_H
#define LOGIN_H

#include "stack.h"

struct endpoint;
struct endpoints;
struct login;
struct suspensions;

/** What is to be let in: each has its parameters, and counts wrong answers by itself. */
enum login_kind { LOGIN_REGISTER, LOGIN_CALL, LOGIN_KINDS };

/** Both borrowed. @return 0 or -ENOMEM */
int login_create(struct login **out, const struct stack *stack, const struct endpoints *endpoints);
/** NULL is fine. */
void login_destroy(struct login *l);

/** Does the request bring credentials for our realm? */
bool login_is_named(const struct login *l, const struct received *rx);
/** Whose request is it? Unless its credentials are right it is answered: challenged, or refused. @return NULL when it was answered */
struct endpoint *login_check(struct login *l, enum login_kind kind, const struct received *rx);

/** Who is suspended from registering. */
struct suspensions *login_suspensions(const struct login *l);

#endif
