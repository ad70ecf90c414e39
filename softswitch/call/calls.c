#include "calls.h"

#include "call_cdr.h"
#include "call_end.h"
#include "call_parting.h"
#include "call_plan.h"
#include "call_recovery.h"
#include "call_saved.h"
#include "cdr_log.h"
#include "clock.h"
#include "endpoints.h"
#include "gateways.h"
#include "log.h"
#include "loop.h"
#include "mapping_gateways.h"
#include "memory_trim.h"
#include "pace.h"

#include <event2/event.h>

#include <errno.h>
#include <stdlib.h>

enum {
	SIGN_MS = 200,   /* how often the journal is told that we are alive, while there are calls */
	PER_SECOND = 500 /* requests and BYEs after a restart */
};

struct calls {
	struct call_context context;
	struct event sign;
	bool signs;
	struct memory_trim *memory;
	struct gateways *gateways;
	struct mapping_gateways *mapping_gateways;
	struct endpoints *endpoints;
};

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

/** The journal has lost some. */
static void keep_all(const struct calls *set)
{
	struct call *call;

	LIST_FOREACH (call, &set->context.live, link)
		call_cdr_changed(call);
}

static void on_sign(evutil_socket_t fd, short what, void *arg)
{
	struct calls *set = arg;

	(void)fd;
	(void)what;
	set->signs = false;
	if (cdr_log_has_lost(set->context.cdr_log))
		keep_all(set);
}

static void sign(const struct calls *set)
{
	struct clock_moment now;

	clock_note(&now);
	cdr_log_sign(set->context.cdr_log, &(struct cdr_sign){now.boot, now.now_ms, now.epoch_ms});
}

/** A crash ends the records of the calls that do not go on with the last sign. */
static void schedule_sign(struct calls *set)
{
	const struct timeval tv = {.tv_usec = SIGN_MS * 1000};

	if (set->signs || !set->context.active)
		return;
	sign(set);
	set->signs = true;
	event_add(&set->sign, &tv);
}

/** Those for which there was no room: once there is, or else the process might die before they change again. */
static void keep_unkept(struct calls *set)
{
	struct call *call = NULL, *before;

	while (!LIST_EMPTY(&set->context.unkept) && cdr_log_has_room(set->context.cdr_log)) {
		before = call;
		call = LIST_FIRST(&set->context.unkept);
		if (call == before)
			return; /* it is not the room */
		call_cdr_keep(call, NULL);
	}
}

static void keep_changed(struct calls *set)
{
	while (!LIST_EMPTY(&set->context.changed))
		call_cdr_keep(LIST_FIRST(&set->context.changed), NULL);
	keep_unkept(set);
}

static void free_parked(struct calls *set)
{
	struct call *call;

	while ((call = LIST_FIRST(&set->context.parked))) {
		LIST_REMOVE(call, link);
		call_destroy(call);
	}
}

static void after_pass(void *arg)
{
	struct calls *set = arg;

	keep_changed(set);
	schedule_sign(set);
	free_parked(set);
	check_self(set);
}

/* The set ----------------------------------------------------------------------------------- */

int calls_create(struct calls **out, const struct calls_parts *parts)
{
	struct calls *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->context.stack = parts->stack;
	set->context.registrations = parts->registrations;
	set->context.routing = parts->routing;
	set->context.cdr_log = parts->cdr_log;
	set->gateways = parts->gateways;
	set->mapping_gateways = parts->mapping_gateways;
	set->context.endpoints = set->endpoints = parts->endpoints;
	set->context.bindings = parts->bindings;
	event_assign(&set->sign, loop_base(parts->stack->loop), -1, 0, on_sign, set);
	if (memory_trim_create(&set->memory, parts->stack, &set->context.active, parts->cdr_log) ||
		pace_create(&set->context.pace, parts->stack->loop, PER_SECOND)) {
		memory_trim_destroy(set->memory);
		free(set);
		return -ENOMEM;
	}
	loop_on_pass(parts->stack->loop, after_pass, set);
	*out = set;
	return 0;
}

void calls_destroy(struct calls *set)
{
	if (!set)
		return;
	pace_destroy(set->context.pace);
	call_parting_close(&set->context);
	free_parked(set);
	event_del(&set->sign);
	memory_trim_destroy(set->memory);
	loop_on_pass(set->context.stack->loop, NULL, NULL);
	free(set);
}

void calls_recover(struct calls *set)
{
	call_recovery(&set->context, set->gateways, set->mapping_gateways, set->endpoints);
}

int calls_plan(const struct calls *set, const struct routing_request *request, struct routing_plan *out)
{
	return call_plan(&set->context, request, out);
}

int calls_take(struct calls *set, struct ingress *ingress, const struct received *invite,
	const struct call_refusal *refusal)
{
	return call_create(&set->context, ingress, invite, refusal);
}

size_t calls_from_elsewhere(const struct calls *set, const struct sockaddr *source)
{
	const struct call *call;
	size_t n = 0;

	LIST_FOREACH (call, &set->context.elsewhere, elsewhere)
		n += address_same_host(&call->a.hop.peer->address.any, source);
	return n;
}

void calls_hangup_all(struct calls *set, enum cause cause)
{
	struct call *call, *next;

	for (call = LIST_FIRST(&set->context.live); call; call = next) {
		next = LIST_NEXT(call, link);
		call_end_hangup(call, cause);
	}
}

void calls_future(const struct calls *set, struct calls_future *out)
{
	const struct call *call;
	size_t answered = 0;

	LIST_FOREACH (call, &set->context.live, link)
		answered += call_state_is_answered(call);
	*out = (struct calls_future){.setup = set->context.active - answered};
	*(set->context.stack->parameters.call_recovery ? &out->kept : &out->ended) = set->context.active;
}

int calls_version(void)
{
	return call_saved_version();
}

size_t calls_under_way(const struct calls *set)
{
	return client_transactions_in_dialogs(set->context.stack->client_transactions);
}

void calls_leave(struct calls *set)
{
	keep_changed(set);
	sign(set);
}

void calls_stats(const struct calls *set, struct calls_stats *out)
{
	*out = (struct calls_stats){.active = set->context.active,
		.total = set->context.total,
		.answered = set->context.answered,
		.failed = set->context.failed,
		.recovered = set->context.recovered};
}

void calls_held(const struct calls *set, struct calls_held *out)
{
	const struct stack *stack = set->context.stack;

	*out = (struct calls_held){.calls = set->context.active,
		.legs = dialogs_count(stack->dialogs),
		.channels = set->context.channels,
		.transactions = client_transactions_count(stack->client_transactions) +
			server_transactions_count(stack->server_transactions)};
}

uint64_t calls_channel_drift(const struct calls *set)
{
	const struct call *call;
	size_t channels = 0;
	uint64_t drift;

	gateways_recount(set->gateways);
	mapping_gateways_recount(set->mapping_gateways);
	endpoints_recount(set->endpoints);
	LIST_FOREACH (call, &set->context.live, link)
		channels += call_count_channels(call);
	drift = gateways_channel_drift(set->gateways) +
		mapping_gateways_channel_drift(set->mapping_gateways) +
		endpoints_channel_drift(set->endpoints);
	return drift +
		(channels > set->context.channels ? channels - set->context.channels
						  : set->context.channels - channels);
}

void calls_each(const struct calls *set, void (*h)(const struct call_info *info, void *arg), void *arg)
{
	const struct call *call;
	struct call_info info;

	LIST_FOREACH (call, &set->context.live, link) {
		call_info(call, &info);
		h(&info, arg);
	}
}
