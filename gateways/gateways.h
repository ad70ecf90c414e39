/** @file gateways.h  The set of gateways; reloaded in place. */
#ifndef GATEWAYS_H
#define GATEWAYS_H

#include "gateway.h"

struct gateways;

int gateways_create(struct gateways **out);
/** Gateways that calls still hold are freed with the last reference. */
void gateways_destroy(struct gateways *gws);

/**
 * Prepare to make the set equal to these rows: rows are matched by id, and by name if no row has their id; changed ones
 * will be updated in place, missing ones marked removed (no new call, live calls go on), new ones added. Nothing changes before
 * gateways_commit(); exactly one of commit and abandon must follow when it returns 0.
 *
 * @param rows  names differ; copied
 * @return 0; -ENOMEM with nothing staged
 */
int gateways_stage(struct gateways *gws, const struct db_gateway *rows, size_t n);
/** Put in force what was staged; cannot fail. */
void gateways_commit(struct gateways *gws);
/** Forget what was staged. */
void gateways_abandon(struct gateways *gws);
/** Stage and commit at once. @return 0; -ENOMEM with the set as it was */
int gateways_apply(struct gateways *gws, const struct db_gateway *rows, size_t n);

/** Who is told of changes of state; h may be NULL. */
void gateways_on_change(struct gateways *gws, gateway_change_h *h, void *arg);
/** Notice what a reload or time alone has changed: to be called after gateways_commit() and every now and then. */
void gateways_update_states(struct gateways *gws, uint64_t now_ms);

struct gateway *gateways_find(const struct gateways *gws, const char *name);
/** A row by its id or, if none has it, by its name. @return NULL when there is none */
struct gateway *gateways_recognise(const struct gateways *gws, int64_t id, const char *name);
/** In order of name, removed ones left out. */
size_t gateways_count(const struct gateways *gws);
struct gateway *gateways_at(const struct gateways *gws, size_t i);

/**
 * Self-check: are the channels in use exactly those of the calls? Begin with gateways_recount(), call_limits_recount()
 * each channel of each call, then compare.
 *
 * @return of the second: how many differ; anything but 0 is a bug
 */
void gateways_recount(struct gateways *gws);
uint64_t gateways_channel_drift(const struct gateways *gws);

#endif
