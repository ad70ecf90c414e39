/** @file access.h  The door for endpoints: they register here, and are recognised when they call. */
#ifndef ACCESS_H
#define ACCESS_H

#include "login.h"
#include "suspensions.h"

struct access;
struct bindings;
struct gateways;
struct stream;

/** All borrowed. @return 0 or -ENOMEM */
int access_create(struct access **out, struct stack *stack, struct endpoints *endpoints);
/** Who is told of requests that are not let in. */
void access_on_refused(struct access *a, login_refused_h *h, void *arg);
/** Call it after gateways_commit(): some may register with us. */
void access_apply(struct access *a, const struct gateways *gateways);
/** What is registered stays in state.db. NULL is fine. */
void access_destroy(struct access *a);
/** location_restore() and login_restore(), once endpoints are in force. */
void access_restore(struct access *a, struct state *state);

/** Is there an endpoint that is enabled? Else nobody is challenged. */
bool access_is_open(const struct access *a);
/** Answer a REGISTER. */
void access_register(struct access *a, const struct received *rx);
/** Does a request bring credentials for our realm? */
bool access_is_named(const struct access *a, const struct received *rx);
/** Whose INVITE is it? @return NULL when it was answered: challenged, or refused */
struct endpoint *access_admit(struct access *a, const struct received *rx);
/** Who has registered from where this comes from? @return NULL when nobody has */
struct endpoint *access_at(const struct access *a, const struct received *rx);
/** Is the sender of this INVITE behind NAT: does it name another place than it sends from? */
bool access_is_behind_nat(const struct received *rx);
/** Has anybody registered from this host? */
bool access_knows(const struct access *a, const struct sockaddr *source);
/** A TCP or TLS connection has ended. */
void access_on_ended(struct access *a, const struct stream *connection);

/** What is registered. */
const struct bindings *access_bindings(const struct access *a);
/** End all bindings of an endpoint. @return false when it has none */
bool access_kick(struct access *a, const char *endpoint);
/** In which realm they are challenged. */
const char *access_realm(const struct access *a);
/** login_suspensions(), login_suspend() and login_lift(). */
struct login *access_login(const struct access *a);

#endif
