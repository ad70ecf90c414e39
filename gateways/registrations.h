/** @file registrations.h  The set of registrations, by name; reloaded in place. */
#ifndef REGISTRATIONS_H
#define REGISTRATIONS_H

#include "registration.h"

#include <stddef.h>

struct registrations;

int registrations_create(struct registrations **out);
/** Registrations still held elsewhere are freed with their last reference. NULL is fine. */
void registrations_destroy(struct registrations *set);

/**
 * Prepare to make the set equal to these rows, in place, matched by name, as gateways_stage() does; one of commit and
 * abandon must follow.
 *
 * @return 0; -ENOMEM with nothing staged
 */
int registrations_stage(struct registrations *set, const struct db_registration *rows, size_t n);
/**
 * Put in force what was staged; cannot fail. Those that are to register from now on, or again because their row or a
 * parameter was edited, get their turns one after the other, so that they do not all register at the same moment: the
 * first at once, the others 50 ms apart, all of them within 10 s.
 *
 * @param p  as they are from now on
 * @param now_ms  monotonic
 */
void registrations_commit(struct registrations *set, const struct parameters *p, uint64_t now_ms);
/** Forget what was staged. */
void registrations_abandon(struct registrations *set);
/** Stage and commit at once. @return 0; -ENOMEM with the set as it was */
int registrations_apply(struct registrations *set, const struct db_registration *rows, size_t n,
	const struct parameters *p, uint64_t now_ms);

/** On shutdown: remove all, and let no later row in. @return 0; -ENOMEM: those that are there stay */
int registrations_stop(struct registrations *set);

struct registration *registrations_find(const struct registrations *set, const char *name);
/** In order of name, removed ones left out. */
size_t registrations_count(const struct registrations *set);
struct registration *registrations_at(const struct registrations *set, size_t i);

#endif
