#include "gate.h"

#include "access.h"
#include "bye.h"
#include "call_requests.h"
#include "calls.h"
#include "clock.h"
#include "gateway.h"
#include "gateway_targets.h"
#include "gate_ingress.h"
#include "gate_refusal.h"
#include "gate_responses.h"
#include "gate_trust.h"
#include "headers.h"
#include "mapping_gateways.h"
#include "nat.h"
#include "publish.h"
#include "registration_drivers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gate {
	struct stack *stack;
	struct calls *calls;
	struct gate_ingress_sets ingresses;
	struct access *access;
	struct publish *publish;
	struct registration_drivers *registrations;
	struct gate_responses *responses;
	struct gate_trust trust;
	bool refuse_new;
};

/** Live calls that came by registrations from one address that is not the registrar's. */
enum { CALLS_ELSEWHERE_MAX = 500 };

/* The gate: before anything is kept --------------------------------------------------------- */

static struct gate_refusal_question question(const struct gate *gate, const struct gate_ingress *ingress)
{
	return (struct gate_refusal_question){.ingress = ingress->ingress,
		.endpoint = ingress->endpoint,
		.parameters = &gate->stack->parameters,
		.refuse_new = gate->refuse_new,
		.now_ms = clock_now_ms()};
}

static void on_invite(struct gate *gate, const struct gate_ingress *ingress, const struct received *rx)
{
	struct stack *stack = gate->stack;
	struct received from_peer = *rx;
	struct gate_refusal_question q = question(gate, ingress);
	struct call_refusal refusal;
	char header[GATE_REFUSAL_HEADER_MAX];
	bool refused;
	int err;

	/* These two are no calls of their own: our INVITE has come back, or a call has come by a second way. */
	if (client_transactions_is_loop(stack->client_transactions, rx->sip)) {
		gate_trust_count(&gate->trust, STRANGERS_LOOP, rx, ingress_name(ingress->ingress));
		transport_reply_stateless(rx, 482, "Loop Detected", NULL);
		return;
	}
	if (server_transactions_merged(stack->server_transactions, rx)) {
		gate_trust_count(&gate->trust, STRANGERS_MERGED, rx, ingress_name(ingress->ingress));
		transport_reply_stateless(rx, 482, "Merged Request", NULL);
		return;
	}
	if (ingress->elsewhere && calls_from_elsewhere(gate->calls, rx->source) >= CALLS_ELSEWHERE_MAX) {
		gate_trust_count(&gate->trust, STRANGERS_TOO_MANY_CALLS, rx, ingress_name(ingress->ingress));
		transport_reply_stateless(rx, 503, NULL, "Retry-After: 10\r\n");
		return;
	}
	refused = gate_refusal_of_invite(&q, rx->sip, &refusal, header);
	from_peer.back.peer = gate_ingress_peer(ingress, rx->source);
	err = gate_ingress_identify(&from_peer.back.identity, ingress, rx->source);
	if (!err)
		err = calls_take(gate->calls, ingress->ingress, &from_peer, refused ? &refusal : NULL);
	hop_peer_unref(from_peer.back.peer);
	if (err)
		transport_reply_stateless(rx, err == -EMSGSIZE ? 513 : 500, NULL, NULL);
}

/** @param allow  what is taken from there */
static void on_options(const struct gate *gate, const struct gate_ingress *ingress, const struct received *rx,
	const char *allow)
{
	struct gate_refusal_question q = question(gate, ingress);
	struct ingress_policy policy;
	struct call_refusal refusal;
	char header[GATE_REFUSAL_HEADER_MAX], capabilities[HEADERS_CAPABILITIES_MAX];
	char lines[GATE_REFUSAL_HEADER_MAX + HEADERS_CAPABILITIES_MAX];

	if (!gate_refusal_of_options(&q, rx->sip, &refusal, header))
		refusal = (struct call_refusal){200, "", ""};
	ingress_policy(ingress->ingress, q.parameters, &policy);
	headers_capabilities(
		capabilities, allow, policy.session_timer, policy.sip_100rel != PARAMETER_100REL_OFF);
	snprintf(lines, sizeof(lines), "%s%s", refusal.headers, capabilities);
	transport_reply_stateless(rx, refusal.code, NULL, lines);
}

static void on_publish(struct gate *gate, const struct received *rx)
{
	char unsupported[GATE_REFUSAL_HEADER_MAX];

	if (gate_refusal_by_require(rx->sip, (struct gate_refusal_extensions){0}, unsupported))
		transport_reply_stateless(rx, 420, NULL, unsupported);
	else
		publish_on_request(gate->publish, rx);
}

static void note_nat(struct gateway *gw, void *arg)
{
	*(enum db_override *)arg = gateway_row(gw)->nat;
}

/** Of the customer that sends this, else of the gateway. */
static enum db_override find_nat(
	const struct gate *gate, const struct gate_ingress *ingress, const struct received *rx)
{
	enum db_override nat = DB_OVERRIDE_NONE;

	if (ingress->ingress)
		return ingress->nat;
	gateway_targets_at(gate->trust.gateway_targets, rx->source, note_nat, &nat);
	return nat;
}

/** Endpoints are answered where they send from: most are behind NAT. */
static void on_register(struct gate *gate, struct received *rx)
{
	char unsupported[GATE_REFUSAL_HEADER_MAX];

	gate_trust_note_fault(&gate->trust, rx, NULL);
	nat_answer(rx, DB_OVERRIDE_ON);
	if (gate_refusal_by_require(rx->sip, (struct gate_refusal_extensions){.path = true}, unsupported))
		transport_reply_stateless(rx, 420, NULL, unsupported);
	else
		access_register(gate->access, rx);
}

/** A request that belongs to nothing yet. */
static void on_new_request(struct gate *gate, struct received *rx)
{
	const sip_t *sip = rx->sip;
	sip_method_t method = sip->sip_request->rq_method;
	struct gate_ingress ingress;
	bool gateway = method != sip_method_invite && publish_is_gateway(gate->publish, rx->source);
	const char *allow = gateway && publish_takes(gate->publish, rx->source) ? headers_allow_publish
										: headers_allow_new;

	if (method == sip_method_register && access_is_open(gate->access)) {
		on_register(gate, rx);
		return;
	}
	ingress = gate_ingress_find(&gate->ingresses, rx);
	if (ingress.answered)
		return;
	if (!ingress.ingress && !gateway) {
		if (method != sip_method_ack) /* which only says that our refusal came */
			gate_trust_count(&gate->trust,
				ingress.refused ? STRANGERS_NOT_THE_REGISTRAR : STRANGERS_UNKNOWN_SOURCE, rx,
				ingress.refused ? registration_name(ingress.refused) : NULL);
		gate_trust_refuse(&gate->trust, rx);
		return;
	}
	gate_trust_note_fault(&gate->trust, rx, ingress.ingress ? ingress_name(ingress.ingress) : NULL);
	nat_answer(rx, find_nat(gate, &ingress, rx));
	if (sip->sip_request->rq_url->url_type != url_sip && sip->sip_request->rq_url->url_type != url_sips) {
		transport_reply_stateless(rx, 416, NULL, NULL);
		return;
	}
	if (sip->sip_to->a_tag) {
		transport_reply_stateless(rx, 481, NULL, NULL);
		return;
	}
	switch (method) {
	case sip_method_ack:
		return;
	case sip_method_invite:
		on_invite(gate, &ingress, rx);
		return;
	case sip_method_options:
		on_options(gate, &ingress, rx, allow);
		return;
	case sip_method_publish:
		if (gateway)
			on_publish(gate, rx);
		else
			transport_reply_stateless(rx, 405, NULL, allow);
		return;
	case sip_method_bye:
	case sip_method_cancel:
	case sip_method_prack:
		transport_reply_stateless(rx, 481, NULL, NULL);
		return;
	case sip_method_unknown:
		transport_reply_stateless(rx, 501, NULL, allow);
		return;
	default:
		transport_reply_stateless(rx, 405, NULL, allow);
		return;
	}
}

/** A request of a peer of ours, or a new one. @param s,d  its transaction and its dialog; NULL = none */
static void handle(struct gate *gate, struct server_transaction *s, struct dialog *d, struct received *rx)
{
	struct stack *stack = gate->stack;
	sip_method_t method = rx->sip->sip_request->rq_method;
	char unsupported[GATE_REFUSAL_HEADER_MAX];

	if (server_transactions_on_request(stack->server_transactions, s, rx))
		return;
	if (!d)
		on_new_request(gate, rx);
	else if (method != sip_method_ack && method != sip_method_bye &&
		!dialog_takes_request(d, clock_now_ms()))
		transport_reply_stateless(rx, 500, "Too Many Requests", "Retry-After: 32\r\n");
	else if (d->owner && !d->remote_tag)
		call_requests_receive_early(d->owner, rx);
	else if (method != sip_method_ack &&
		gate_refusal_by_require(rx->sip,
			(struct gate_refusal_extensions){
				.timer = d->session.timer, .rel100 = d->session.rel100},
			unsupported))
		transport_reply_stateless(rx, 420, NULL, unsupported);
	else if (d->owner)
		call_requests_receive(d->owner, d, rx);
	else
		bye_on_crossing(stack, rx);
}

static void on_request(const struct received *rx, void *arg)
{
	struct gate *gate = arg;
	const struct stack *stack = gate->stack;
	bool cancel = rx->sip->sip_request->rq_method == sip_method_cancel;
	struct dialog *d = cancel ? NULL : dialogs_find(stack->dialogs, rx->sip);
	struct server_transaction *s = server_transactions_find(stack->server_transactions, rx->sip);
	const struct hop *leg = s ? server_transaction_hop(s) : d ? &d->hop : NULL;
	struct received from_peer = *rx;

	if (leg && !gate_trust_believes(&gate->trust, leg, rx)) {
		gate_trust_refuse(&gate->trust, rx);
		return;
	}
	if (leg) { /* its answers go where they must, but it is this peer's transaction */
		gate_trust_note_fault(&gate->trust, rx, leg->peer ? leg->peer->name : NULL);
		from_peer.back.peer = hop_peer_ref(leg->peer);
		nat_answer(&from_peer, hop_nat(leg));
	}
	handle(gate, s, d, &from_peer);
	hop_peer_unref(from_peer.back.peer);
}

static bool on_malformed(const struct received *rx, void *arg)
{
	const struct gate *gate = arg;

	gate_trust_count(&gate->trust, STRANGERS_MALFORMED, rx, NULL);
	return gate->stack->parameters.reply_unauthorized || gate_trust_knows(&gate->trust, rx->source);
}

static void on_response(const struct received *rx, void *arg)
{
	const struct gate *gate = arg;

	gate_responses_receive(gate->responses, rx);
}

static void on_undelivered(const char *sent, size_t n, int error, void *arg)
{
	struct gate *gate = arg;

	client_transactions_on_undelivered(gate->stack->client_transactions, sent, n, error);
}

/** A new INVITE in overload. Its transaction may be known; then it only comes once more. */
static enum overload_verdict on_excess(const struct sockaddr *source, const struct scan *via, void *arg)
{
	const struct gate *gate = arg;

	if (server_transactions_has_invite(gate->stack->server_transactions, via))
		return OVERLOAD_SERVE;
	if (!gate->stack->parameters.reply_unauthorized && !gate_trust_knows(&gate->trust, source))
		return OVERLOAD_DROP;
	return OVERLOAD_REFUSE;
}

/** A gateway, customer or registrar of ours: others may open few connections. */
static bool is_known(const struct sockaddr *source, void *arg)
{
	const struct gate *gate = arg;

	return gate_trust_knows(&gate->trust, source);
}

static void on_ended(const struct stream *connection, void *arg)
{
	const struct gate *gate = arg;

	access_on_ended(gate->access, connection);
}

/** Somebody who claims to be an endpoint is not let in. */
static void on_login_refused(enum login_refusal why, const struct received *rx, const char *user, void *arg)
{
	static const enum strangers_reason reasons[] = {[LOGIN_WRONG_PASSWORD] = STRANGERS_WRONG_PASSWORD,
		[LOGIN_UNKNOWN_USER] = STRANGERS_UNKNOWN_USER,
		[LOGIN_SUSPENDED] = STRANGERS_SUSPENDED};
	const struct gate *gate = arg;

	gate_trust_count(&gate->trust, reasons[why], rx, user);
}

/* Life -------------------------------------------------------------------------------------- */

int gate_create(struct gate **out, const struct gate_parts *parts)
{
	static const struct transport_handlers handlers = {
		on_request, on_response, on_undelivered, on_excess, on_malformed, is_known, on_ended};
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate || gate_responses_create(&gate->responses, parts->stack, &gate->trust)) {
		free(gate);
		return -ENOMEM;
	}
	gate->stack = parts->stack;
	gate->calls = parts->calls;
	gate->ingresses =
		(struct gate_ingress_sets){parts->mapping_gateways, parts->registrations, parts->access};
	gate->access = parts->access;
	gate->publish = parts->publish;
	gate->registrations = parts->registrations;
	gate->trust = (struct gate_trust){.stack = parts->stack,
		.mapping_gateways = parts->mapping_gateways,
		.access = parts->access,
		.gateway_targets = parts->gateway_targets,
		.registrations = parts->registrations,
		.strangers = parts->strangers};
	access_on_refused(gate->access, on_login_refused, gate);
	transport_set_handlers(gate->stack->transport, &handlers, gate);
	*out = gate;
	return 0;
}

void gate_destroy(struct gate *gate)
{
	static const struct transport_handlers none = {0};

	if (!gate)
		return;
	transport_set_handlers(gate->stack->transport, &none, NULL);
	access_on_refused(gate->access, NULL, NULL);
	gate_responses_destroy(gate->responses);
	free(gate);
}

void gate_refuse_new(struct gate *gate)
{
	gate->refuse_new = true;
}
