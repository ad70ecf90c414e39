#include "access.h"

#include "bound_gateways.h"
#include "callers.h"
#include "clock.h"
#include "endpoints.h"
#include "location.h"
#include "log.h"
#include "login.h"
#include "registrar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct access {
	const struct stack *stack;
	struct endpoints *endpoints;
	struct login *login;
	struct location *location;
	struct registrar *registrar;
	struct bound_gateways *gateways;
	struct callers callers;
};

static bool has_other_secrets(const struct db_endpoint *a, const struct db_endpoint *b)
{
	return strcmp(a->password, b->password) || strcmp(a->ha1_md5, b->ha1_md5) ||
		strcmp(a->ha1_sha256, b->ha1_sha256);
}

/** Whoever registered with a secret that does not hold any more has to do so again. */
static void on_change(struct endpoint *e, const struct db_endpoint *before, void *arg)
{
	struct access *a = arg;
	const struct db_endpoint *row = endpoint_row(e);

	if (before && (strcmp(before->name, row->name) || has_other_secrets(before, row)))
		location_remove(a->location, before->name);
	if (!endpoint_is_enabled(e))
		location_remove(a->location, row->name);
}

static void on_bound(const char *endpoint, bool bound, void *arg)
{
	const struct access *a = arg;

	bound_gateways_tell(a->gateways, endpoint, bound, clock_now_ms());
}

int access_create(struct access **out, struct stack *stack, struct endpoints *endpoints)
{
	struct access *a = calloc(1, sizeof(*a));
	int err = a ? login_create(&a->login, stack, endpoints) : -ENOMEM;

	if (!err)
		err = bound_gateways_create(&a->gateways);
	if (!err)
		err = location_create(&a->location, stack, on_bound, a);
	if (!err) {
		a->callers = (struct callers){endpoints, a->location, a->login};
		err = registrar_create(&a->registrar,
			&(struct registrar_parts){.stack = stack,
				.location = a->location,
				.login = a->login,
				.callers = &a->callers});
	}
	if (err) {
		access_destroy(a);
		return err;
	}
	a->stack = stack;
	a->endpoints = endpoints;
	endpoints_on_change(endpoints, on_change, a);
	*out = a;
	return 0;
}

void access_destroy(struct access *a)
{
	if (!a)
		return;
	if (a->endpoints)
		endpoints_on_change(a->endpoints, NULL, NULL);
	registrar_destroy(a->registrar);
	location_destroy(a->location);
	bound_gateways_destroy(a->gateways);
	login_destroy(a->login);
	free(a);
}

void access_restore(struct access *a, struct state *state)
{
	location_restore(a->location, a->endpoints, state);
	login_restore(a->login, state);
}

void access_on_refused(struct access *a, login_refused_h *h, void *arg)
{
	login_on_refused(a->login, h, arg);
}

void access_apply(struct access *a, const struct gateways *gateways)
{
	if (bound_gateways_apply(a->gateways, gateways, location_bindings(a->location), clock_now_ms()))
		log_error(NULL, "gateways not told of registrations reason=%s", "no memory");
}

bool access_is_open(const struct access *a)
{
	return endpoints_enabled(a->endpoints) > 0;
}

void access_register(struct access *a, const struct received *rx)
{
	registrar_on_request(a->registrar, rx);
}

bool access_is_named(const struct access *a, const struct received *rx)
{
	return login_is_named(a->login, rx);
}

struct endpoint *access_admit(struct access *a, const struct received *rx)
{
	return callers_admit(&a->callers, rx);
}

struct endpoint *access_at(const struct access *a, const struct received *rx)
{
	return callers_at(&a->callers, rx);
}

bool access_is_behind_nat(const struct received *rx)
{
	return callers_differ(rx);
}

bool access_knows(const struct access *a, const struct sockaddr *source)
{
	return bindings_have_host(location_bindings(a->location), source);
}

void access_on_ended(struct access *a, const struct stream *connection)
{
	location_on_ended(a->location, connection);
}

const struct bindings *access_bindings(const struct access *a)
{
	return location_bindings(a->location);
}

bool access_kick(struct access *a, const char *endpoint)
{
	const bool found = bindings_first(location_bindings(a->location), endpoint) != NULL;

	location_remove(a->location, endpoint);
	return found;
}

const char *access_realm(const struct access *a)
{
	return a->stack->parameters.authentication_realm;
}

struct login *access_login(const struct access *a)
{
	return a->login;
}
