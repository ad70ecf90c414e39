#include "callers.h"

#include "address.h"
#include "endpoints.h"
#include "location.h"
#include "nat.h"
#include "resolver.h"
#include "uri.h"

#include <string.h>

static const struct binding *find(const struct callers *c, const struct received *rx)
{
	struct binding_source source = {.transport = rx->back.listener->transport};
	const char *user = rx->sip->sip_from->a_url->url_user;

	memcpy(&source.address, rx->source, address_length(rx->source));
	return bindings_of_at(location_bindings(c->location), user ? user : "", &source);
}

struct endpoint *callers_at(const struct callers *c, const struct received *rx)
{
	const struct binding *b = find(c, rx);

	return b ? endpoints_by_user(c->endpoints, b->endpoint) : NULL;
}

enum login_offer callers_offer(const struct callers *c, const struct received *rx)
{
	const struct binding *b = find(c, rx);

	return !b ? LOGIN_OFFER_UNKNOWN : b->md5_only ? LOGIN_OFFER_MD5 : LOGIN_OFFER_BOTH;
}

bool callers_differ(const struct received *rx)
{
	static const struct sockaddr none = {.sa_family = AF_UNSPEC};
	char maddr[URI_MADDR_MAX];
	struct resolver_target target;
	struct resolver_answer numeric;
	struct uri contact;

	if (!uri_read_first(&contact, rx->sip->sip_contact) || uri_target(&contact, maddr, &target) ||
		!resolver_numeric(&target, &numeric))
		return nat_differs(rx, &none);
	return nat_differs(rx, &numeric.address[0].addr.any);
}

struct endpoint *callers_admit(const struct callers *c, const struct received *rx)
{
	struct endpoint *e = login_is_named(c->login, rx) ? NULL : callers_at(c, rx);
	enum login_offer offer = callers_offer(c, rx);

	return e && !endpoint_row(e)->auth_calls ? e : login_check(c->login, LOGIN_CALL, rx, &offer);
}
