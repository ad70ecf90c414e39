#include "calls.h"

#include "headers.h"
#include "leg.h"
#include "log.h"
#include "loop.h"
#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct calls {
	struct call_context context;
	struct mapping_gateways *mapping_gateways;
	bool refuse_new;
};

/* The gate: before anything is kept --------------------------------------------------------- */

static void reply(struct calls *set, const struct received *rx, int status, const char *phrase, const char *headers)
{
	sip_reply_stateless(set->context.stack->sip, rx, status, phrase, headers);
}

/** Option tags of Require that we do not support: none is (RFC 3261 section 8.2.2.3). @return false when refused */
static bool check_required(struct calls *set, const struct received *rx)
{
	char header[512] = "Unsupported: ";
	const sip_require_t *r = rx->sip->sip_require;
	size_t n = strlen(header);

	if (!r || !r->k_items || !r->k_items[0])
		return true;
	for (unsigned i = 0; r->k_items[i]; i++) {
		int added = snprintf(header + n, sizeof(header) - n - 2, "%s%s", i ? ", " : "", r->k_items[i]);

		if (added < 0 || (size_t)added >= sizeof(header) - n - 2)
			break;
		n += (size_t)added;
	}
	memcpy(header + n, "\r\n", sizeof("\r\n"));
	reply(set, rx, 420, NULL, header);
	return false;
}

static void on_invite(struct calls *set, struct mapping_gateway *ingress, const struct received *rx)
{
	const sip_t *sip = rx->sip;
	struct stack *stack = set->context.stack;

	if (clients_own(stack->clients, sip->sip_via)) {
		reply(set, rx, 482, "Loop Detected", NULL); /* a gateway's address is our own */
	} else if (servers_merged(stack->servers, rx)) {
		reply(set, rx, 482, "Merged Request", NULL);
	} else if (sip->sip_max_forwards && !sip->sip_max_forwards->mf_count) {
		reply(set, rx, 483, NULL, NULL);
	} else if (!check_required(set, rx)) {
		return;
	} else if (!sip->sip_request->rq_url->url_user) {
		reply(set, rx, 484, NULL, NULL);
	} else if (set->refuse_new) {
		reply(set, rx, 503, NULL, "Retry-After: 10\r\n");
	} else if (call_create(&set->context, ingress, rx)) {
		reply(set, rx, 500, NULL, NULL);
	}
}

/** A request that belongs to nothing yet. */
static void on_new_request(struct calls *set, const struct received *rx)
{
	const sip_t *sip = rx->sip;
	struct mapping_gateway *ingress = mapping_gateways_find(set->mapping_gateways, rx->source);

	if (!ingress) {
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
	switch (sip->sip_request->rq_method) {
	case sip_method_ack:
		return;
	case sip_method_invite:
		on_invite(set, ingress, rx);
		return;
	case sip_method_options:
		if (check_required(set, rx))
			reply(set, rx, 200, NULL, headers_own);
		return;
	case sip_method_bye:
	case sip_method_cancel:
	case sip_method_prack:
		reply(set, rx, 481, NULL, NULL);
		return;
	case sip_method_unknown:
		reply(set, rx, 501, NULL, headers_allow);
		return;
	default:
		reply(set, rx, 405, NULL, headers_allow);
		return;
	}
}

static void on_request(const struct received *rx, void *arg)
{
	struct calls *set = arg;
	struct stack *stack = set->context.stack;
	struct dialog *d;

	if (servers_on_request(stack->servers, rx))
		return;
	d = dialogs_find(stack->dialogs, rx->sip);
	if (d && d->call && d->remote_tag)
		call_on_request(d->call, d, rx);
	else if (d && !d->call)
		leg_on_crossing(stack, rx);
	else
		on_new_request(set, rx);
}

/** An answer nobody waits for: a 2xx to an INVITE is repeated, of another fork, or too late. */
static void on_response(const struct received *rx, void *arg)
{
	struct calls *set = arg;
	struct stack *stack = set->context.stack;
	int status = rx->sip->sip_status->st_status;
	struct dialog *d;

	if (clients_on_response(stack->clients, rx))
		return;
	if (rx->sip->sip_cseq->cs_method != sip_method_invite || status < 200 || status >= 300)
		return;
	if (!client_is_branch(rx->sip->sip_via))
		return;
	d = dialogs_find(stack->dialogs, rx->sip);
	if (d)
		leg_acknowledge_again(stack, d);
	else
		leg_acknowledge_and_bye(stack, rx);
}

static void on_undelivered(const char *sent, size_t n, int error, void *arg)
{
	struct calls *set = arg;

	clients_on_undelivered(set->context.stack->clients, sent, n, error);
}

static void after_pass(void *arg)
{
	call_free_parked(&((struct calls *)arg)->context);
}

/* The set ----------------------------------------------------------------------------------- */

int calls_create(struct calls **out, struct stack *stack, struct mapping_gateways *mapping_gateways,
	struct routing *routing, struct cdr_log *cdr_log)
{
	static const struct sip_handlers handlers = {on_request, on_response, on_undelivered};
	struct calls *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->context.stack = stack;
	set->context.routing = routing;
	set->context.cdr_log = cdr_log;
	set->mapping_gateways = mapping_gateways;
	sip_set_handlers(stack->sip, &handlers, set);
	loop_on_pass(stack->loop, after_pass, set);
	*out = set;
	return 0;
}

void calls_destroy(struct calls *set)
{
	static const struct sip_handlers none = {0};

	if (!set)
		return;
	call_free_parked(&set->context);
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
		.transactions = clients_count(stack->clients) + servers_count(stack->servers)};
}

void calls_each(const struct calls *set, void (*h)(const struct call_info *info, void *arg), void *arg)
{
	struct call_info info;

	for (const struct call *call = LIST_FIRST(&set->context.live); call; call = call_next(call)) {
		call_info(call, &info);
		h(&info, arg);
	}
}
