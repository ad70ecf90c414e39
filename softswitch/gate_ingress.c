#include "gate_ingress.h"

#include "access.h"
#include "address.h"
#include "endpoints.h"
#include "registration_drivers.h"
#include "response_time.h"
#include "tls_identity.h"
#include "transport.h"

static struct gate_ingress by_registration(
	const struct mapping_gateways *customers, const struct registration *r)
{
	struct mapping_gateway *trunk = mapping_gateways_trunk(customers, registration_name(r));

	return (struct gate_ingress){.ingress = mapping_gateway_ingress(trunk),
		.customer = trunk,
		.registration = r,
		.nat = trunk ? mapping_gateway_row(trunk)->nat : DB_OVERRIDE_NONE};
}

/** A customer, and who it is by the names in a certificate. */
struct bearer {
	const struct mapping_gateways *all;
	struct mapping_gateway *found;
};

static bool is_bearer(const char *name, void *arg)
{
	struct bearer *bearer = arg;

	bearer->found = mapping_gateways_by_tls_name(bearer->all, name);
	return bearer->found != NULL;
}

/** By its certificate, else by its address, unless the row wants the certificate. */
static struct mapping_gateway *find_customer(
	const struct mapping_gateways *customers, const struct received *rx)
{
	struct bearer bearer = {.all = customers};
	struct mapping_gateway *mg;

	if (transport_find_name(rx, is_bearer, &bearer))
		return bearer.found;
	mg = mapping_gateways_find(customers, rx->source);
	return mg && !mapping_gateway_row(mg)->tls_name[0] ? mg : NULL;
}

/** Whoever brings credentials wants to be known by them, wherever it is. */
static bool is_named(const struct access *access, const struct received *rx)
{
	return rx->sip->sip_request->rq_method == sip_method_invite && access_is_open(access) &&
		access_is_named(access, rx);
}

/** An INVITE is challenged; for the rest it is enough to have registered from there. */
static struct gate_ingress by_endpoint(
	struct access *access, const struct received *rx, const struct registration *refused)
{
	const bool invite = rx->sip->sip_request->rq_method == sip_method_invite;
	struct gate_ingress found = {.refused = refused};
	struct endpoint *e;

	if (!access_is_open(access))
		return found;
	e = invite ? access_admit(access, rx) : access_at(access, rx);
	found.ingress = endpoint_ingress(e);
	found.endpoint = e;
	found.answered = invite && !e;
	if (e)
		found.nat = endpoint_row(e)->nat;
	if (e && found.nat == DB_OVERRIDE_NONE && access_is_behind_nat(rx))
		found.nat = DB_OVERRIDE_ON;
	return found;
}

static struct gate_ingress by_customer(struct mapping_gateway *customer, const struct registration *refused)
{
	return (struct gate_ingress){.ingress = mapping_gateway_ingress(customer),
		.customer = customer,
		.refused = refused,
		.nat = mapping_gateway_row(customer)->nat};
}

struct gate_ingress gate_ingress_find(const struct gate_ingress_sets *sets, const struct received *rx)
{
	const struct registration *r = registration_drivers_by_token(sets->registrations, rx),
				  *refused = NULL;
	struct mapping_gateway *customer;
	struct gate_ingress found;

	if (r) {
		found = by_registration(sets->customers, r);
		found.elsewhere = !registration_drivers_is_from(r, rx->source);
		if (!found.elsewhere || registration_row(r)->inbound_from == DB_TABLE_INBOUND_ANY)
			return found;
		refused = r;
	}
	if (is_named(sets->access, rx))
		return by_endpoint(sets->access, rx, refused);
	customer = find_customer(sets->customers, rx);
	if (customer)
		return by_customer(customer, refused);
	r = registration_drivers_by_source(sets->registrations, rx);
	return r ? by_registration(sets->customers, r) : by_endpoint(sets->access, rx, refused);
}

struct hop_peer *gate_ingress_peer(const struct gate_ingress *ingress, const struct sockaddr *source)
{
	struct hop_peer *peer = hop_peer_create(ingress_name(ingress->ingress), source);

	if (!peer)
		return NULL;
	peer->called_us = true;
	peer->response_time = response_time_ref(ingress_response_time(ingress->ingress));
	peer->elsewhere = ingress->elsewhere;
	peer->nat = ingress->nat;
	peer->row_id = ingress_id(ingress->ingress);
	peer->strict_source = ingress_strict_source(ingress->ingress) ||
		(ingress->registration && registration_row(ingress->registration)->strict_source);
	return peer;
}

int gate_ingress_identify(
	const struct tls_identity **out, const struct gate_ingress *ingress, const struct sockaddr *source)
{
	const struct db_mapping_gateway *row;
	const struct db_registration *account =
		ingress->registration ? registration_row(ingress->registration) : NULL;
	char host[ADDRESS_HOST_MAX];

	if (account)
		return tls_identity_find(out,
			&(struct tls_identity_demand){account->host, account->tls_verify,
				account->tls_fingerprint, account->tls_certificate});
	if (!ingress->customer) { /* an endpoint is reached by the connection that it has opened, or not at all */
		*out = NULL;
		return 0;
	}
	row = mapping_gateway_row(ingress->customer);
	address_host(source, host);
	return tls_identity_find(out,
		&(struct tls_identity_demand){row->tls_name[0] ? row->tls_name : host, row->tls_verify,
			row->tls_fingerprint, row->tls_certificate});
}
