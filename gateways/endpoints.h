/** @file endpoints.h  Phones, PBXs and gateways that register with us; reloaded in place. */
#ifndef ENDPOINTS_H
#define ENDPOINTS_H

#include "db_endpoint.h"
#include "ingress.h"

struct endpoints;
struct gateway;
struct endpoint; /* owned by the set, kept alive by a reference to its ingress */

int endpoints_create(struct endpoints **out);
void endpoints_destroy(struct endpoints *set);

/**
 * An endpoint is new, or its row has changed, or is gone or back. Look-ups are those of the new load already.
 *
 * @param before  its row before; NULL when it is new; as endpoint_row() when it is gone or back
 */
typedef void endpoints_change_h(struct endpoint *e, const struct db_endpoint *before, void *arg);
/** Who is told by endpoints_commit(); h may be NULL. */
void endpoints_on_change(struct endpoints *set, endpoints_change_h *h, void *arg);

/**
 * Prepare to make the set equal to these rows, in place, as gateways_stage() does; one of commit and abandon must follow.
 * Names differ, and so do numbers.
 *
 * @return 0; -ENOMEM with nothing staged
 */
int endpoints_stage(struct endpoints *set, const struct db_endpoint *rows, size_t n);
/** Put in force what was staged; cannot fail. */
void endpoints_commit(struct endpoints *set);
/** Forget what was staged. */
void endpoints_abandon(struct endpoints *set);
/** Stage and commit at once. @return 0; -ENOMEM with the set as it was */
int endpoints_apply(struct endpoints *set, const struct db_endpoint *rows, size_t n);

/* Look-ups whose cost does not depend on the number of rows. Disabled ones are not found. */

/** Who registers and authenticates as this user? @return NULL when nobody does */
struct endpoint *endpoints_by_user(const struct endpoints *set, const char *user);
/** Who is called by this number? */
struct endpoint *endpoints_by_number(const struct endpoints *set, const char *number);
/** How many are enabled. */
size_t endpoints_enabled(const struct endpoints *set);

/** A row by its id or, if none has it, by its name; disabled ones, too. @return NULL when there is none */
struct endpoint *endpoints_recognise(const struct endpoints *set, int64_t id, const char *name);
/** In order of name, disabled ones too, removed ones left out. */
size_t endpoints_count(const struct endpoints *set);
struct endpoint *endpoints_at(const struct endpoints *set, size_t i);

/** The same as where calls come from; NULL of NULL. */
struct ingress *endpoint_ingress(struct endpoint *e);
/** The same as what is called: a gateway of its own, made when it is called first. Borrowed. @return NULL without memory */
struct gateway *endpoint_gateway(struct endpoint *e);
/** The row as last loaded; valid until the next endpoints_commit(). */
const struct db_endpoint *endpoint_row(const struct endpoint *e);
/** Is it in force, that is enabled, and its row there? */
bool endpoint_is_enabled(const struct endpoint *e);
/** May it call as this number? */
bool endpoint_may_show(const struct endpoint *e, const char *number);

/** As gateways_recount() and gateways_channel_drift(). */
void endpoints_recount(struct endpoints *set);
uint64_t endpoints_channel_drift(const struct endpoints *set);

#endif
