#include "attempt_route.h"

#include "clock.h"
#include "gateway.h"
#include "registrations.h"
#include "resolver.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What the gateway's registration lends it: credentials, and the way the registrar wants calls to take (RFC 3608). */
static int use_registration(struct attempt_route *r, const struct registration *account)
{
	const struct registration_route *route = registration_route(account, clock_now_ms());
	const struct db_registration *row = registration_row(account);

	r->local_port = row->local_port;
	if (!r->user[0] &&
		(text_set(&r->user, row->auth_user) || text_set(&r->password, row->password) ||
			(row->realm[0] && text_set(&r->realm, row->realm))))
		return -ENOMEM;
	if (!route)
		return 0;
	r->port = route->port;
	memcpy(r->transport, route->transport, sizeof(r->transport));
	return text_set(&r->lines, route->lines) || text_set(&r->host, route->host) ? -ENOMEM : 0;
}

int attempt_route_init(struct attempt_route *r, const struct gateway *gw,
	const struct registrations *accounts, struct invite_content *content)
{
	const struct db_gateway *row = gateway_row(gw);
	const struct registration *account =
		row->registration[0] ? registrations_find(accounts, row->registration) : NULL;

	*r = (struct attempt_route){.port = row->port};
	address_host_port(r->target, row->host, row->port);
	snprintf(r->transport, sizeof(r->transport), "%s", row->transport);
	if (text_set(&r->host, row->host) || text_set(&r->user, row->auth_user) ||
		text_set(&r->password, row->auth_password) || (account && use_registration(r, account)))
		return -ENOMEM;
	content->target = r->target;
	content->request_uri = NULL;
	content->user = r->user;
	content->password = r->password;
	content->realm = r->realm;
	content->route = r->lines;
	return 0;
}

void attempt_route_clear(struct attempt_route *r)
{
	free(r->user);
	free(r->password);
	free(r->realm);
	free(r->host);
	free(r->lines);
	*r = (struct attempt_route){0};
}

struct resolver_target attempt_route_target(const struct attempt_route *r)
{
	return (struct resolver_target){r->host, r->port, r->transport};
}
