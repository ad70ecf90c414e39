#include "gate_trust.h"

#include "access.h"
#include "address.h"
#include "clock.h"
#include "gateway_targets.h"
#include "log.h"
#include "mapping_gateways.h"
#include "registration_drivers.h"
#include "stack.h"

#include <string.h>

bool gate_trust_knows(const struct gate_trust *t, const struct sockaddr *source)
{
	return mapping_gateways_find(t->mapping_gateways, source) ||
		gateway_targets_at(t->gateway_targets, source, NULL, NULL) ||
		registration_drivers_knows(t->registrations, source) || access_knows(t->access, source);
}

void gate_trust_count(
	const struct gate_trust *t, enum strangers_reason reason, const struct received *rx, const char *name)
{
	const sip_request_t *request = rx->sip->sip_request;
	const sip_cseq_t *cseq = rx->sip->sip_cseq;
	struct strangers_event event = {.reason = reason,
		.source = rx->source,
		.transport = rx->back.listener->transport,
		.method = request ? request->rq_method_name
			: cseq    ? cseq->cs_method_name
				  : NULL,
		.user = request ? request->rq_url->url_user : NULL,
		.name = name};
	char source[ADDRESS_NAME_MAX];
	unsigned unlogged;

	if (!strangers_count(t->strangers, &event, clock_now_ms(), &unlogged))
		return;
	address_name(rx->source, source);
	log_info(rx->sip->sip_call_id ? rx->sip->sip_call_id->i_id : NULL,
		"message of a stranger reason=%s source=%s transport=%s method=%s user=%s name=%s fault=%s unlogged=%u",
		strangers_reason_name(reason), source, event.transport, event.method, event.user, event.name,
		rx->fault ? rx->fault : "", unlogged);
}

void gate_trust_note_fault(const struct gate_trust *t, const struct received *rx, const char *name)
{
	if (rx->fault)
		gate_trust_count(t, STRANGERS_UNREADABLE_HEADER, rx, name);
}

void gate_trust_refuse(const struct gate_trust *t, const struct received *rx)
{
	if (t->stack->parameters.reply_unauthorized || gate_trust_knows(t, rx->source))
		transport_reply_bounded(rx, 403, NULL, NULL);
}

/* Believing --------------------------------------------------------------------------------- */

struct search {
	const struct hop_peer *peer;
	bool found;
};

static void compare(struct gateway *gw, void *arg)
{
	struct search *s = arg;

	s->found |= hop_peer_is(s->peer, gateway_row(gw)->id, gateway_name(gw));
}

/** Is it an address of the same row? */
static bool is_of_row(const struct gate_trust *t, const struct hop_peer *peer, const struct sockaddr *source)
{
	const struct ingress *ingress =
		mapping_gateway_ingress(mapping_gateways_find(t->mapping_gateways, source));
	struct search s = {.peer = peer};

	if (registration_drivers_is_of(t->registrations, peer, source))
		return true;
	if (peer->called_us)
		return ingress && hop_peer_is(peer, ingress_id(ingress), ingress_name(ingress));
	gateway_targets_at(t->gateway_targets, source, compare, &s);
	return s.found;
}

static bool is_of_peer(const struct gate_trust *t, const struct hop *leg, const struct sockaddr *source)
{
	return address_same_host(&leg->to.any, source) ||
		(leg->peer &&
			(address_same_host(&leg->peer->address.any, source) ||
				is_of_row(t, leg->peer, source)));
}

static bool is_weaker(const struct hop *leg, const struct hop *by)
{
	return !strcmp(leg->listener->transport, "tls") && strcmp(by->listener->transport, "tls");
}

bool gate_trust_believes(const struct gate_trust *t, const struct hop *leg, const struct received *rx)
{
	const char *name = leg->peer ? leg->peer->name : NULL;
	bool strict = leg->peer && leg->peer->strict_source;

	if (is_weaker(leg, &rx->back)) {
		gate_trust_count(t, STRANGERS_WEAKER_TRANSPORT, rx, name);
		return false;
	}
	if (is_of_peer(t, leg, rx->source))
		return true;
	gate_trust_count(t, strict ? STRANGERS_STRICT_SOURCE : STRANGERS_OTHER_SOURCE, rx, name);
	return !strict;
}
