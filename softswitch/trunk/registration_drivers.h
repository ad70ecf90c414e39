/** @file registration_drivers.h  Keeps us registered with carriers, and recognises calls that come by it. */
#ifndef REGISTRATION_DRIVERS_H
#define REGISTRATION_DRIVERS_H

#include "registrations.h"
#include "stack.h"

struct gateways;
struct registration_drivers;

/** @param stack,registrations,gateways  borrowed. @return 0 or -ENOMEM */
int registration_drivers_create(struct registration_drivers **out, struct stack *stack,
	struct registrations *registrations, struct gateways *gateways);
/** Destroy them; requests under way are abandoned, so call registration_drivers_stop() first. NULL is fine. */
void registration_drivers_destroy(struct registration_drivers *set);

/**
 * Follow the registrations and gateways after a change of the configuration: removed and disabled registrations are
 * unregistered, changed ones register again where needed, and gateways learn whether the registration they name is
 * registered.
 */
void registration_drivers_apply(struct registration_drivers *set);

/** What the next process needs to go on with the bindings. @return a descriptor of memory; -errno */
int registration_drivers_save(const struct registration_drivers *set);
/** Go on with those of the process before, before registration_drivers_apply(). @param fd_take  registration_drivers_save()'s; -1 = none */
void registration_drivers_restore(struct registration_drivers *set, int fd_take);

/** Act on registration_hold() or registration_release(). */
void registration_drivers_drive(struct registration *r);

/** Unregister everything; later rows are ignored. */
void registration_drivers_stop(struct registration_drivers *set);
/** After that: has every registrar answered, or been given up? */
bool registration_drivers_is_over(const struct registration_drivers *set);

/**
 * Which registration did a call come by? Found by the token in the Request-URI: it is in our Contact, and only the
 * registrar knows it. From where it may come is for the caller to decide.
 *
 * @return NULL without such a token, or when it is not registered
 */
const struct registration *registration_drivers_by_token(
	const struct registration_drivers *set, const struct received *rx);
/**
 * The same for a registrar that does not keep the token. Found by the user of the Request-URI, if exactly one
 * registration has that user, is registered, and has the source among the addresses of its registrar or proxy.
 */
const struct registration *registration_drivers_by_source(
	const struct registration_drivers *set, const struct received *rx);
/** Is this an address of its registrar or proxy? */
bool registration_drivers_is_from(const struct registration *r, const struct sockaddr *source);
/** Is this an address of the registrar or proxy of any registration? */
bool registration_drivers_knows(const struct registration_drivers *set, const struct sockaddr *source);
/** Is this an address of the registrar or proxy of the registration that the peer is? */
bool registration_drivers_is_of(
	const struct registration_drivers *set, const struct hop_peer *peer, const struct sockaddr *source);

#endif
