/** @file control_endpoints.h  Methods about endpoints: what is registered, who is suspended. */
#ifndef CONTROL_ENDPOINTS_H
#define CONTROL_ENDPOINTS_H

#include "control.h"

struct access;
struct endpoints;

/** Borrowed; the first member of the `arg` of the methods. */
struct control_endpoints_context {
	const struct endpoints *endpoints;
	struct access *access;
};

extern const struct control_param control_endpoints_name[], control_endpoints_ban[], control_endpoints_pair[];

/** endpoints.list {limit, offset}: total, bindings, realm, endpoints */
json_t *control_endpoints_list(const json_t *params, void *arg, struct control_error *error);
/** endpoints.get {name}: the same for one, with all its bindings */
json_t *control_endpoints_get(const json_t *params, void *arg, struct control_error *error);
/** endpoints.kick {name}: end its bindings; it may register again */
json_t *control_endpoints_kick(const json_t *params, void *arg, struct control_error *error);
/** bans.list {limit, offset}: total, bans */
json_t *control_endpoints_bans(const json_t *params, void *arg, struct control_error *error);
/** bans.add {user, source, seconds}, bans.lift {user, source} */
json_t *control_endpoints_ban_add(const json_t *params, void *arg, struct control_error *error);
json_t *control_endpoints_ban_lift(const json_t *params, void *arg, struct control_error *error);

#endif
