/** @file registration_drivers.h  Registers us at carriers' registrars, and knows the calls that come for it. */
#ifndef REGISTRATION_DRIVERS_H
#define REGISTRATION_DRIVERS_H

#include "registrations.h"
#include "stack.h"

struct gateways;
struct registration_drivers;

/** @param stack,set,gateways  borrowed */
int registration_drivers_create(struct registration_drivers **out, struct stack *stack,
	struct registrations *registrations, struct gateways *gateways);
/** What is under way is forgotten; registration_drivers_stop() ends it properly. NULL is fine. */
void registration_drivers_destroy(struct registration_drivers *set);

/**
 * Put these rows in force, after gateways_apply(): removed and disabled ones are unregistered, changed ones register
 * as they need to, gateways are told whether the registration they name stands.
 *
 * @return 0; -ENOMEM with the rows as they were
 */
int registration_drivers_apply(
	struct registration_drivers *set, const struct db_registration *rows, size_t n);

/** Unregister everywhere; rows are not applied any more. */
void registration_drivers_stop(struct registration_drivers *set);
/** After that: is everything answered or given up? */
bool registration_drivers_is_over(const struct registration_drivers *set);

/**
 * Whose call is it? By the line in the Request-URI, which is in our Contact and nobody else knows, wherever it comes
 * from.
 *
 * @return the name; NULL when there is no such line, or not registered
 */
const char *registration_drivers_by_token(const struct registration_drivers *set, const struct received *rx);
/**
 * The same for a registrar that does not keep the line: by the user, if exactly one that is registered has it and its
 * registrar or proxy has the source address.
 */
const char *registration_drivers_by_source(const struct registration_drivers *set, const struct received *rx);

#endif
