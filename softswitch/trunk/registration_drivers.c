#include "registration_drivers.h"

#include "address.h"
#include "clock.h"
#include "log.h"
#include "register_request.h"
#include "registration_driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct registration_drivers {
	struct stack *stack;
	struct registrations *set;
	struct gateways *all_gateways;
	struct registration_driver_list accounts;
	struct registration_driver *by_line, *by_user;
	bool stopped;
};

/* The set ----------------------------------------------------------------------------------- */

int registration_drivers_create(struct registration_drivers **out, struct stack *stack,
	struct registrations *set, struct gateways *gateways)
{
	struct registration_drivers *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->stack = stack;
	c->set = set;
	c->all_gateways = gateways;
	LIST_INIT(&c->accounts);
	*out = c;
	return 0;
}

static void clear_indexes(struct registration_drivers *c)
{
	HASH_CLEAR(by_line, c->by_line);
	HASH_CLEAR(by_user, c->by_user);
}

void registration_drivers_destroy(struct registration_drivers *c)
{
	struct registration_driver *a, *next;

	if (!c)
		return;
	clear_indexes(c);
	for (a = LIST_FIRST(&c->accounts); a; a = next) {
		next = LIST_NEXT(a, link);
		registration_driver_destroy(a);
	}
	free(c);
}

static void add_to_indexes(struct registration_drivers *c, struct registration_driver *a)
{
	const struct db_registration *row = registration_row(a->registration);
	struct registration_driver *first;

	HASH_ADD_KEYPTR(by_line, c->by_line, row->line, strlen(row->line), a);
	HASH_FIND(by_user, c->by_user, row->user, strlen(row->user), first);
	if (first) {
		a->same_user = first->same_user;
		first->same_user = a;
	} else {
		a->same_user = NULL;
		HASH_ADD_KEYPTR(by_user, c->by_user, row->user, strlen(row->user), a);
	}
}

static void link_gateways(struct registration_drivers *c)
{
	for (size_t i = 0; i < gateways_count(c->all_gateways); i++) {
		struct gateway *gw = gateways_at(c->all_gateways, i);
		const char *name = gateway_row(gw)->registration;
		struct registration *r = name[0] ? registrations_find(c->set, name) : NULL;

		if (r && registration_driver(r))
			registration_driver_link_gateway(registration_driver(r), gw);
	}
}

/** A renamed row is a new registration with the binding of the removed one, which is not to be taken from it. */
static bool is_inherited(const struct registration_drivers *c, const struct registration_driver *a)
{
	const struct db_registration *row = registration_row(a->registration);
	struct registration_driver *heir;

	HASH_FIND(by_line, c->by_line, row->line, strlen(row->line), heir);
	return heir && heir != a && registration_same_binding(row, registration_row(heir->registration));
}

static void drive_all(struct registration_drivers *c)
{
	struct registration_driver *a, *next;

	for (a = LIST_FIRST(&c->accounts); a; a = next) {
		next = LIST_NEXT(a, link);
		a->inherited = is_inherited(c, a);
		registration_driver_drive(a);
	}
}

int registration_drivers_apply(struct registration_drivers *c, const struct db_registration *rows, size_t n)
{
	int err = c->stopped ? 0 : registrations_apply(c->set, rows, n, clock_now_ms());
	struct registration_driver *a;

	clear_indexes(c);
	LIST_FOREACH (a, &c->accounts, link)
		registration_driver_unlink_gateways(a);
	for (size_t i = 0; i < registrations_count(c->set); i++) {
		struct registration *r = registrations_at(c->set, i);

		if (!registration_driver(r) && registration_driver_create(&c->accounts, c->stack, r))
			log_error(NULL, "registration left out name=%s error=%s", registration_name(r),
				strerror(ENOMEM));
		else
			add_to_indexes(c, registration_driver(r));
	}
	link_gateways(c);
	drive_all(c);
	return err;
}

void registration_drivers_stop(struct registration_drivers *c)
{
	if (c->stopped)
		return;
	if (registration_drivers_apply(c, NULL, 0))
		log_error(NULL, "not unregistered error=%s", strerror(ENOMEM));
	c->stopped = true;
}

bool registration_drivers_is_over(const struct registration_drivers *c)
{
	return LIST_EMPTY(&c->accounts);
}

/* Whose call is it? ------------------------------------------------------------------------- */

static bool is_registered(const struct registration_driver *a)
{
	return registration_is_registered(a->registration, clock_now_ms());
}

const char *registration_drivers_by_line(const struct registration_drivers *c, const struct received *rx)
{
	struct registration_driver *a = NULL;
	char line[REGISTER_LINE_MAX];

	if (register_request_line(rx->sip->sip_request->rq_url, line))
		HASH_FIND(by_line, c->by_line, line, strlen(line), a);
	return a && is_registered(a) ? registration_name(a->registration) : NULL;
}

static bool comes_from(const struct registration_driver *a, const struct sockaddr *source)
{
	for (unsigned i = 0; i < a->addresses.n; i++)
		if (address_same_host(&a->addresses.address[i].addr.any, source))
			return true;
	return false;
}

const char *registration_drivers_by_source(const struct registration_drivers *c, const struct received *rx)
{
	const char *user = rx->sip->sip_request->rq_url->url_user;
	struct registration_driver *a = NULL, *found = NULL;

	if (user)
		HASH_FIND(by_user, c->by_user, user, strlen(user), a);
	for (; a; a = a->same_user) {
		if (!is_registered(a) || !comes_from(a, rx->source))
			continue;
		if (found)
			return NULL;
		found = a;
	}
	return found ? registration_name(found->registration) : NULL;
}
