/** @file callers.h  Which endpoint calls? The one whose credentials the INVITE brings, or which has registered from there. */
#ifndef CALLERS_H
#define CALLERS_H

#include "login.h"
#include "received.h"

struct endpoint;
struct endpoints;
struct location;

/** All borrowed. */
struct callers {
	const struct endpoints *endpoints;
	const struct location *location;
	struct login *login;
};

/** The endpoint that has registered from where this comes from; of several the one in From. @return NULL when none has */
struct endpoint *callers_at(const struct callers *c, const struct received *rx);
/** What can be offered to who has registered from there? */
enum login_offer callers_offer(const struct callers *c, const struct received *rx);
/** Does it name another place in Contact or Via than it sends from? */
bool callers_differ(const struct received *rx);
/** Whose INVITE is it? Unless that is clear it is answered: challenged, or refused. @return NULL when it was answered */
struct endpoint *callers_admit(const struct callers *c, const struct received *rx);

#endif
