#include "calls.h"

#include "gateways.h"
#include "headers.h"
#include "leg.h"
#include "log.h"
#include "loop.h"
#include "memory.h"
#include "message.h"
#include "publish.h"
#include "registration_client.h"
#include "reliable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct calls {
	struct call_context context;
	struct memory *memory;
	struct gateways *gateways;
	struct mapping_gateways *mapping_gateways;
	struct publish *publish;
	struct registration_client *registrations;
	bool refuse_new;
};

/* The gate: before anything is kept --------------------------------------------------------- */

static void reply(struct calls *set, const struct received *rx, int status, const char *phrase, const char *headers)
{
	sip_reply_stateless(set->context.stack->sip, rx, status, phrase, headers);
}

enum { HEADER_MAX = 512 };

/**
 * Option tags of Require that we do not support for this peer (RFC 3261 section 8.2.2.3).
 *
 * @param timer,rel100  session timers and reliable provisional responses are on: `timer`, `100rel` are supported
 * @param header  receives the Unsupported line
 * @return true when there are some
 */
static bool requires_unsupported(const sip_t *sip, bool timer, bool rel100, char header[HEADER_MAX])
{
	const sip_require_t *r = sip->sip_require;
	struct text t = {.data = header, .size = HEADER_MAX - sizeof("\r\n")};

	for (unsigned i = 0; r && r->k_items && r->k_items[i]; i++)
		if (!(timer && !strcasecmp(r->k_items[i], "timer")) &&
			!(rel100 && !strcasecmp(r->k_items[i], "100rel")))
			text_add_all(&t, t.len ? ", " : "Unsupported: ", r->k_items[i], NULL);
	memcpy(header + t.len, "\r\n", sizeof("\r\n"));
	return t.len > 0;
}

enum { NUMBER_MAX = 255 };

/** Numbers are copied into URIs of ours, between brackets. */
static bool is_plain(const url_t *url)
{
	return !url->url_user || (strlen(url->url_user) <= NUMBER_MAX && !strpbrk(url->url_user, "<>\""));
}

/** @param header  room for the lines of the refusal. @return true when the gate turns the call away */
static bool find_refusal(const struct calls *set, const struct mapping_gateway *ingress, const sip_t *sip,
	struct call_refusal *out, char header[HEADER_MAX])
{
	struct mapping_gateway_policy policy;

	mapping_gateway_policy(ingress, &set->context.stack->parameters, &policy);
	if (sip->sip_max_forwards && !sip->sip_max_forwards->mf_count)
		*out = (struct call_refusal){483, "too many hops", ""};
	else if (requires_unsupported(sip, policy.session_timer, policy.sip_100rel != DB_100REL_OFF, header))
		*out = (struct call_refusal){420, "unsupported extension required", header};
	else if (policy.sip_100rel == DB_100REL_REQUIRED && !reliable_is_offered(sip))
		*out = (struct call_refusal){421, "no reliable provisional responses", "Require: 100rel\r\n"};
	else if (sip->sip_contact && sip->sip_contact->m_url->url_type == url_any)
		*out = (struct call_refusal){400, "no address in Contact", ""};
	else if (!sip->sip_request->rq_url->url_user)
		*out = (struct call_refusal){484, "no number", ""};
	else if (!is_plain(sip->sip_request->rq_url) || !is_plain(sip->sip_from->a_url))
		*out = (struct call_refusal){400, "number too long, or with quotes or brackets", ""};
	else if (session_is_too_short(&(struct session){.timer = policy.session_timer}, sip))
		*out = (struct call_refusal){422, "session interval too small", session_min_se};
	else if (set->refuse_new)
		*out = (struct call_refusal){503, "switch is stopping", "Retry-After: 10\r\n"};
	else
		return false;
	return true;
}

static void on_invite(struct calls *set, struct mapping_gateway *ingress, const struct received *rx)
{
	struct stack *stack = set->context.stack;
	struct call_refusal refusal;
	char header[HEADER_MAX];
	bool refused;
	int err;

	/* These two are no calls of their own: our INVITE has come back, or a call has come by a second way. */
	if (clients_own(stack->clients, rx->sip->sip_via)) {
		reply(set, rx, 482, "Loop Detected", NULL);
		return;
	}
	if (servers_merged(stack->servers, rx)) {
		reply(set, rx, 482, "Merged Request", NULL);
		return;
	}
	refused = find_refusal(set, ingress, rx->sip, &refusal, header);
	err = call_create(&set->context, ingress, rx, refused ? &refusal : NULL);
	if (err)
		reply(set, rx, err == -EMSGSIZE ? 513 : 500, NULL, NULL);
}

static void on_options(struct calls *set, const struct received *rx, const char *allow)
{
	char unsupported[HEADER_MAX];

	if (requires_unsupported(rx->sip, true, true, unsupported))
		reply(set, rx, 420, NULL, unsupported);
	else
		reply(set, rx, 200, NULL, allow);
}

static void on_publish(struct calls *set, const struct received *rx)
{
	char unsupported[HEADER_MAX];

	if (requires_unsupported(rx->sip, false, false, unsupported))
		reply(set, rx, 420, NULL, unsupported);
	else
		publish_on_request(set->publish, rx);
}

/** Who sends this? NULL: a stranger. */
static struct mapping_gateway *find_ingress(const struct calls *set, const struct received *rx)
{
	const char *trunk = registration_client_by_line(set->registrations, rx);
	struct mapping_gateway *ingress;

	if (trunk)
		return mapping_gateways_trunk(set->mapping_gateways, trunk);
	ingress = mapping_gateways_find(set->mapping_gateways, rx->source);
	if (ingress)
		return ingress;
	trunk = registration_client_by_source(set->registrations, rx);
	return trunk ? mapping_gateways_trunk(set->mapping_gateways, trunk) : NULL;
}

/** A request that belongs to nothing yet. */
static void on_new_request(struct calls *set, const struct received *rx)
{
	const sip_t *sip = rx->sip;
	sip_method_t method = sip->sip_request->rq_method;
	struct mapping_gateway *ingress = find_ingress(set, rx);
	bool gateway = method != sip_method_invite && publish_is_gateway(set->publish, rx->source);
	const char *allow = gateway ? headers_allow_gateway : headers_allow;

	if (!ingress && !gateway) {
		if (set->context.stack->parameters.reply_unauthorized)
			reply(set, rx, 403, NULL, NULL);
		return;
	}
	if (sip->sip_request->rq_url->url_type != url_sip && sip->sip_request->rq_url->url_type != url_sips) {
		reply(set, rx, 416, NULL, NULL);
		return;
	}
	if (sip->sip_to->a_tag) {
		reply(set, rx, 481, NULL, NULL);
		return;
	}
	switch (method) {
	case sip_method_ack:
		return;
	case sip_method_invite:
		on_invite(set, ingress, rx);
		return;
	case sip_method_options:
		on_options(set, rx, allow);
		return;
	case sip_method_publish:
		if (gateway)
			on_publish(set, rx);
		else
			reply(set, rx, 405, NULL, allow);
		return;
	case sip_method_bye:
	case sip_method_cancel:
	case sip_method_prack:
		reply(set, rx, 481, NULL, NULL);
		return;
	case sip_method_unknown:
		reply(set, rx, 501, NULL, allow);
		return;
	default:
		reply(set, rx, 405, NULL, allow);
		return;
	}
}

static void on_request(const struct received *rx, void *arg)
{
	struct calls *set = arg;
	struct stack *stack = set->context.stack;
	sip_method_t method = rx->sip->sip_request->rq_method;
	char unsupported[HEADER_MAX];
	struct dialog *d;

	if (servers_on_request(stack->servers, rx))
		return;
	d = method == sip_method_cancel ? NULL : dialogs_find(stack->dialogs, rx->sip);
	if (!d)
		on_new_request(set, rx);
	else if (d->call && !d->remote_tag)
		call_on_early_request(d->call, rx);
	else if (method != sip_method_ack &&
		 requires_unsupported(rx->sip, d->session.timer, d->session.rel100, unsupported))
		reply(set, rx, 420, NULL, unsupported);
	else if (d->call)
		call_on_request(d->call, d, rx);
	else
		leg_on_crossing(stack, rx);
}

/** A 2xx to an INVITE that has had one is repeated, or of another fork. */
static void on_response(const struct received *rx, void *arg)
{
	struct calls *set = arg;
	struct stack *stack = set->context.stack;
	enum client_match match = clients_on_response(stack->clients, rx);
	struct dialog *d;

	if (match != CLIENT_ANSWERED && match != CLIENT_ANSWERED_INSIDE)
		return;
	d = dialogs_find(stack->dialogs, rx->sip);
	if (!d)
		leg_acknowledge_stray(stack, rx, match == CLIENT_ANSWERED);
	else if (!d->call || !call_awaits_ack(d->call, d))
		leg_acknowledge_late(stack, d, rx);
}

static void on_undelivered(const char *sent, size_t n, int error, void *arg)
{
	struct calls *set = arg;

	clients_on_undelivered(set->context.stack->clients, sent, n, error);
}

/** In test builds: whatever this pass has done, the channels in use are those of the calls. */
static void check_self(const struct calls *set)
{
#ifdef SELF_CHECK
	const uint64_t drift = calls_channel_drift(set);

	if (!drift)
		return;
	log_error(NULL, "channels in use are not those of the calls drift=%llu", (unsigned long long)drift);
	abort();
#else
	(void)set;
#endif
}

static void after_pass(void *arg)
{
	struct calls *set = arg;

	call_free_parked(&set->context);
	check_self(set);
}

/* The set ----------------------------------------------------------------------------------- */

int calls_create(struct calls **out, const struct calls_parts *parts)
{
	static const struct sip_handlers handlers = {on_request, on_response, on_undelivered};
	struct calls *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->context.stack = parts->stack;
	set->context.routing = parts->routing;
	set->context.cdr_log = parts->cdr_log;
	set->gateways = parts->gateways;
	set->mapping_gateways = parts->mapping_gateways;
	set->registrations = parts->registrations;
	set->publish = parts->publish;
	if (memory_create(&set->memory, parts->stack, &set->context.active, parts->cdr_log)) {
		free(set);
		return -ENOMEM;
	}
	sip_set_handlers(parts->stack->sip, &handlers, set);
	loop_on_pass(parts->stack->loop, after_pass, set);
	*out = set;
	return 0;
}

void calls_destroy(struct calls *set)
{
	static const struct sip_handlers none = {0};

	if (!set)
		return;
	call_free_parked(&set->context);
	memory_destroy(set->memory);
	sip_set_handlers(set->context.stack->sip, &none, NULL);
	loop_on_pass(set->context.stack->loop, NULL, NULL);
	free(set);
}

void calls_refuse_new(struct calls *set)
{
	set->refuse_new = true;
}

void calls_hangup_all(struct calls *set, enum cause cause)
{
	struct call *call, *next;

	for (call = LIST_FIRST(&set->context.live); call; call = next) {
		next = call_next(call);
		call_hangup(call, cause);
	}
}

void calls_stats(const struct calls *set, struct calls_stats *out)
{
	*out = (struct calls_stats){.active = set->context.active, .total = set->context.total,
		.answered = set->context.answered, .failed = set->context.failed};
}

void calls_held(const struct calls *set, struct calls_held *out)
{
	const struct stack *stack = set->context.stack;

	*out = (struct calls_held){.calls = set->context.active, .legs = dialogs_count(stack->dialogs),
		.channels = set->context.channels,
		.transactions = clients_count(stack->clients) + servers_count(stack->servers)};
}

uint64_t calls_channel_drift(const struct calls *set)
{
	size_t channels = 0;
	uint64_t drift;

	gateways_count_anew(set->gateways);
	mapping_gateways_count_anew(set->mapping_gateways);
	for (const struct call *call = LIST_FIRST(&set->context.live); call; call = call_next(call))
		channels += call_count_channels(call);
	drift = gateways_channel_drift(set->gateways) + mapping_gateways_channel_drift(set->mapping_gateways);
	return drift + (channels > set->context.channels ? channels - set->context.channels
							 : set->context.channels - channels);
}

void calls_each(const struct calls *set, void (*h)(const struct call_info *info, void *arg), void *arg)
{
	struct call_info info;

	for (const struct call *call = LIST_FIRST(&set->context.live); call; call = call_next(call)) {
		call_info(call, &info);
		h(&info, arg);
	}
}
