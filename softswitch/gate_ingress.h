/** @file gate_ingress.h  Who calls? One of our accounts at carriers, a customer by certificate or address, or an endpoint. */
#ifndef GATE_INGRESS_H
#define GATE_INGRESS_H

#include "mapping_gateways.h"
#include "received.h"
#include "registration.h"

struct access;
struct endpoint;
struct registration_drivers;

/** A caller. */
struct gate_ingress {
	struct ingress *ingress;                 /* NULL = it is a stranger */
	const struct mapping_gateway *customer;  /* the same, if it is one; else NULL */
	const struct endpoint *endpoint;         /* the same */
	const struct registration *registration; /* its call came by our account there; NULL = it did not */
	const struct registration *refused;      /* it would have, from another source */
	bool elsewhere;                          /* nor is it the registrar that sends it */
	bool answered;        /* it is a stranger that was asked for credentials, or refused for its own */
	enum db_override nat; /* of its row; of an endpoint also what its addresses say */
};

/** Those who may call; all borrowed. */
struct gate_ingress_sets {
	const struct mapping_gateways *customers;
	const struct registration_drivers *registrations;
	struct access *access;
};
struct gate_ingress gate_ingress_find(const struct gate_ingress_sets *sets, const struct received *rx);
/** @return with one reference; NULL without memory */
struct hop_peer *gate_ingress_peer(const struct gate_ingress *ingress, const struct sockaddr *source);
/** Whom a connection must lead to that we open to a caller whose own is gone. @return 0; -ENOMEM */
int gate_ingress_identify(
	const struct tls_identity **out, const struct gate_ingress *ingress, const struct sockaddr *source);

#endif
