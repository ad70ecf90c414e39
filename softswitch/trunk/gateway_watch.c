#include "gateway_watch.h"

#include "cause.h"
#include "clock.h"
#include "gateway_policy.h"
#include "gateway_targets.h"
#include "log.h"
#include "loop.h"
#include "options_probe.h"
#include "registrations.h"
#include "response_time.h"
#include "token.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_MS = 60000, /* between look-ups of the name of a gateway that is not probed */
	SOON_MS = 1000,  /* the first probe or look-up is sent at random within this time */
	SPACE_MS = 2,    /* and so much later for each further target, to spread thousands */
	JITTER_PERCENT = 10
};

/** One target. */
struct watch {
	struct gateway_watch *set;
	struct gateway_target *target;
	uint32_t interval_ms; /* between probes or look-ups; 0 = none */
	uint64_t began_ms;    /* of the last one */
	struct event timer;   /* to the next one, unless one is under way: */
	struct resolver_query *query;
	struct options_probe *probe;
};

struct gateway_watch {
	struct stack *stack;
	const struct gateways *gateways;
	const struct registrations *registrations;
	struct gateway_targets *targets;
	uint32_t scheduled; /* targets scheduled for the first time in this apply */
	bool stopped;
};

/** Is it probed? Draining gateways are, since they come back; disabled ones are not. */
static bool is_probed(const struct watch *w, const struct gateway *gw)
{
	const struct db_gateway *row = gateway_row(gw);

	return w->set->stack->parameters.options_check_period_ms && row->options_check && row->enabled;
}

static struct gateway *first_probed(const struct watch *w)
{
	const struct gateway_target_member *m;

	STAILQ_FOREACH (m, &w->target->members, next)
		if (is_probed(w, m->gateway))
			return m->gateway;
	return NULL;
}

/* One probe or look-up ---------------------------------------------------------------------- */

static void plan(struct watch *w, uint32_t delay_ms)
{
	struct timeval tv;

	event_add(&w->timer, loop_delay_once(w->set->stack->loop, delay_ms, &tv));
}

static uint32_t random_below(uint32_t n)
{
	return n ? (uint32_t)(token_random() % n) : 0;
}

/** The next one is due one interval after this one began, give or take JITTER_PERCENT. */
static void plan_next(struct watch *w)
{
	uint32_t jitter = w->interval_ms / 100 * JITTER_PERCENT;
	uint32_t interval = w->interval_ms - jitter + random_below(2 * jitter);
	uint64_t passed = clock_now_ms() - w->began_ms;

	if (w->interval_ms)
		plan(w, passed < interval ? interval - (uint32_t)passed : 0);
}

static void on_probe_end(int result, uint32_t rtt_ms, bool once, void *arg)
{
	struct watch *w = arg;
	const int code = result > 0 ? result : 0;
	const char *words = code ? "" : cause_error_words(result);
	const struct gateway_target_member *m;

	w->probe = NULL;
	STAILQ_FOREACH (m, &w->target->members, next) {
		if (!is_probed(w, m->gateway))
			continue;
		if (code && once)
			response_time_learn(gateway_response_time(m->gateway), rtt_ms);
		gateway_on_probe(m->gateway, code, words, rtt_ms, &w->set->stack->parameters, clock_now_ms());
	}
	plan_next(w);
}

static void learn(struct watch *w, const struct resolver_answer *answer)
{
	const struct sockaddr *addresses[RESOLVER_ADDRESSES_MAX];

	for (unsigned i = 0; i < answer->n; i++)
		addresses[i] = &answer->address[i].addr.any;
	if (gateway_targets_learn(w->set->targets, w->target, addresses, answer->n))
		log_error(NULL, "cannot keep addresses of gateway host=%s error=%s", w->target->host,
			strerror(ENOMEM));
}

/** A carrier at which we are registered may know us by one port only. */
static uint16_t local_port(const struct watch *w, const struct gateway *gw)
{
	const char *name = gateway_row(gw)->registration;
	const struct registration *r = name[0] ? registrations_find(w->set->registrations, name) : NULL;

	return r ? registration_row(r)->local_port : 0;
}

static void on_located(int error, const struct resolver_answer *answer, void *arg)
{
	struct watch *w = arg;
	const struct parameters *p = &w->set->stack->parameters;
	struct gateway *gw = first_probed(w);
	struct gateway_policy policy;
	struct options_probe_target target = {.gateway = gw ? gateway_name(gw) : "",
		.strict_source = gw && gateway_row(gw)->strict_source,
		.host = w->target->host,
		.port = w->target->port,
		.addresses = answer,
		.local_port = gw ? local_port(w, gw) : 0,
		.resend = &policy.resend,
		.timeout_ms = p->options_timeout_ms};

	w->query = NULL;
	if (gw) {
		const struct db_gateway *row = gateway_row(gw);

		target.demand = (struct tls_identity_demand){
			row->host, row->tls_verify, row->tls_fingerprint, row->tls_certificate};
	}
	if (!error)
		learn(w, answer);
	if (!gw ||
		error == -EBUSY) { /* -EBUSY, too many look-ups at a time, says nothing about the gateway */
		plan_next(w);
		return;
	}
	gateway_policy(gw, p, &policy);
	target.response_time = gateway_response_time(gw);
	if (!error)
		error = options_probe_start(&w->probe, w->set->stack, &target, on_probe_end, w);
	if (error)
		on_probe_end(error, 0, false, w);
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;
	struct resolver *resolver = w->set->stack->resolver;
	struct resolver_target target = {w->target->host, w->target->port, w->target->transport};
	struct resolver_answer answer;
	int err;

	(void)fd;
	(void)what;
	w->began_ms = clock_now_ms();
	err = resolver_try(resolver, &target, &answer);
	if (err == -EAGAIN)
		err = resolver_lookup(&w->query, resolver, &target, on_located, w);
	if (!w->query)
		on_located(err, &answer, w);
}

/* The set ----------------------------------------------------------------------------------- */

static void stop_watching(struct watch *w)
{
	event_del(&w->timer);
	resolver_cancel(w->query);
	w->query = NULL;
	options_probe_cancel(w->probe);
	w->probe = NULL;
}

static void on_gone(void *watch)
{
	stop_watching(watch);
	free(watch);
}

static struct watch *watch_create(struct gateway_watch *set, struct gateway_target *target)
{
	struct resolver_target where = {target->host, target->port, target->transport};
	struct watch *w = calloc(1, sizeof(*w));
	struct resolver_answer answer;

	if (!w)
		return NULL;
	w->set = set;
	w->target = target;
	target->probe = w;
	event_assign(&w->timer, loop_base(set->stack->loop), -1, 0, on_due, w);
	if (target->is_address && resolver_try(set->stack->resolver, &where, &answer) == 0)
		learn(w, &answer);
	return w;
}

static void set_interval(struct watch *w, uint32_t interval_ms)
{
	if (interval_ms == w->interval_ms)
		return;
	w->interval_ms = interval_ms;
	if (!interval_ms)
		stop_watching(w);
	else if (!w->query && !w->probe)
		plan(w, random_below(SOON_MS) + SPACE_MS * w->set->scheduled++);
}

static void apply(struct gateway_target *target, void *arg)
{
	struct gateway_watch *set = arg;
	struct watch *w = target->probe ? target->probe : watch_create(set, target);
	const struct gateway_target_member *m;

	if (!w) {
		log_error(NULL, "cannot probe gateway host=%s error=%s", target->host, strerror(ENOMEM));
		return;
	}
	STAILQ_FOREACH (m, &target->members, next)
		if (!is_probed(w, m->gateway))
			gateway_on_probe_end(m->gateway, clock_now_ms());
	if (set->stopped)
		set_interval(w, 0);
	else if (first_probed(w))
		set_interval(w, set->stack->parameters.options_check_period_ms);
	else
		set_interval(w, target->is_address ? 0 : NAME_MS);
}

int gateway_watch_apply(struct gateway_watch *set)
{
	int err = gateway_targets_apply(set->targets, set->gateways);

	set->scheduled = 0;
	gateway_targets_each(set->targets, apply, set);
	return err;
}

void gateway_watch_stop(struct gateway_watch *set)
{
	set->stopped = true;
	gateway_targets_each(set->targets, apply, set);
}

const struct gateway_targets *gateway_watch_targets(const struct gateway_watch *set)
{
	return set->targets;
}

int gateway_watch_create(struct gateway_watch **out, struct stack *stack, const struct gateways *gateways,
	const struct registrations *registrations)
{
	struct gateway_watch *set = calloc(1, sizeof(*set));

	if (!set || gateway_targets_create(&set->targets, on_gone)) {
		free(set);
		return -ENOMEM;
	}
	set->stack = stack;
	set->gateways = gateways;
	set->registrations = registrations;
	*out = set;
	return 0;
}

void gateway_watch_destroy(struct gateway_watch *set)
{
	if (!set)
		return;
	gateway_targets_destroy(set->targets);
	free(set);
}
