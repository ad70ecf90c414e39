#include "attempt_state.h"

#include "clock.h"
#include "gateway.h"
#include "loop.h"
#include "message.h"
#include "request_retry.h"
#include "response_time.h"
#include "tls_identity.h"

#include <event2/event.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(struct attempt *a, const struct attempt_end *end)
{
	a->handlers->on_failed(end, a->arg);
}

static void fail_transport(struct attempt *a, int error)
{
	struct attempt_end end = {.failure = FAILOVER_FAILURE_TRANSPORT, .stage = a->stage, .error = error};

	fail(a, &end);
}

static void start_timer(struct attempt *a, struct event *timer, uint32_t ms)
{
	struct timeval tv;

	event_add(timer, loop_delay(a->stack->loop, ms, &tv));
}

void attempt_limit_stage(struct attempt *a, uint32_t ms)
{
	start_timer(a, &a->stage_timer, ms);
}

static void start_stage_timer(struct attempt *a)
{
	attempt_limit_stage(a, failover_stage_timeout_ms(&a->policy, a->stage));
}

/** Entering a stage cancels the timer of the one before; a stage is never left backwards. */
static void enter_stage(struct attempt *a, enum failover_stage stage)
{
	if (stage <= a->stage)
		return;
	a->stage = stage;
	start_stage_timer(a);
	a->handlers->on_stage(a->arg);
}

static void on_stage_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;
	struct attempt_end end = {.failure = FAILOVER_FAILURE_TIMEOUT, .stage = a->stage};

	(void)fd;
	(void)what;
	if (a->branches.of)
		attempt_branches_stop_resending(a);
	else if (a->invite)
		invite_stop_resending(a->invite);
	fail(a, &end);
}

/* Answers ----------------------------------------------------------------------------------- */

static bool next_server(struct attempt *a, const struct attempt_end *end);

/** Nothing came of the server: it keeps the timeout of the stage if no other can be called. */
static void on_server_silent(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;
	const struct attempt_end end = {
		.failure = FAILOVER_FAILURE_TIMEOUT, .stage = a->stage, .error = -ETIMEDOUT};

	(void)fd;
	(void)what;
	next_server(a, &end);
}

static void on_first_answer(struct attempt *a)
{
	if (a->answered_anything)
		return;
	a->answered_anything = true;
	event_del(&a->server_timer);
}

static void on_sending(void *arg)
{
	struct attempt *a = arg;

	a->handlers->on_sending(a->arg);
}

static void on_provisional(const struct received *rx, void *arg)
{
	struct attempt *a = arg;
	int status = rx->sip->sip_status->st_status;

	on_first_answer(a);
	if (status == 100) {
		enter_stage(a, FAILOVER_STAGE_TRYING);
		return;
	}
	if (status == 180)
		enter_stage(a, FAILOVER_STAGE_RINGING);
	else if (message_has_sdp(rx->sip))
		enter_stage(a, FAILOVER_STAGE_PROGRESS_SDP);
	else if (a->stage == FAILOVER_STAGE_PROGRESS && status >= 181 && status <= 183)
		start_stage_timer(a); /* a queue tells how it gets on */
	else
		enter_stage(a, FAILOVER_STAGE_PROGRESS);
	a->handlers->on_progress(rx, a->arg);
}

static void on_answer(const struct received *rx, void *arg)
{
	struct attempt *a = arg;

	on_first_answer(a);
	event_del(&a->stage_timer);
	a->handlers->on_answer(rx, a->arg);
}

/** A 503 may say when its server will be back. When all are set aside, so is the gateway until the first is back. */
static void set_server_aside(struct attempt *a, const sip_t *answer)
{
	const uint64_t now = clock_now_ms();
	uint32_t seconds, soonest = UINT32_MAX;

	if (!request_retry_after(answer, &seconds))
		return;
	gateway_set_server_aside(a->gateway, &a->servers.address[a->server].addr.any, seconds, now);
	for (unsigned i = 0; i < a->servers.n; i++) {
		uint32_t left = gateway_server_left(a->gateway, &a->servers.address[i].addr.any, now);

		soonest = left < soonest ? left : soonest;
	}
	if (soonest)
		gateway_retry_after(a->gateway, (soonest + 999) / 1000, now);
}

static void on_refused(const struct received *rx, void *arg)
{
	struct attempt *a = arg;
	struct attempt_end end = {.failure = FAILOVER_FAILURE_CODE,
		.stage = a->stage,
		.rx = rx,
		.sip_code = rx->sip->sip_status->st_status};

	on_first_answer(a);
	a->handlers->on_early_end(a->arg);
	if (invite_retry(a->invite, a->content, &a->policy.resend, rx->sip))
		return;
	set_server_aside(a, rx->sip);
	if (end.sip_code != REQUEST_RETRY_NEXT_SERVER || !next_server(a, &end))
		fail(a, &end);
}

static void on_failure(int error, void *arg)
{
	struct attempt *a = arg;
	struct attempt_end end = {
		.failure = error == -ETIMEDOUT ? FAILOVER_FAILURE_TIMEOUT : FAILOVER_FAILURE_TRANSPORT,
		.stage = a->stage,
		.error = error};

	if (!next_server(a, &end))
		fail(a, &end);
}

const struct invite_handlers attempt_invite_handlers = {
	on_sending, on_provisional, on_answer, on_refused, on_failure};

/* Servers ----------------------------------------------------------------------------------- */

static int find_hop(struct attempt *a, const struct resolver_address *server, struct hop *hop)
{
	const struct db_gateway *row = gateway_row(a->gateway);
	int err = transport_hop_from(a->stack->transport, a->route.local_port, server, hop);

	if (err == -EADDRNOTAVAIL) /* the registration has another transport */
		err = transport_hop_to(a->stack->transport, server, hop);
	if (!err)
		err = tls_identity_find(&hop->identity,
			&(struct tls_identity_demand){
				row->host, row->tls_verify, row->tls_fingerprint, row->tls_certificate});
	return err;
}

int attempt_create_invite(struct attempt *a, struct invite **out, struct hop *hop, enum db_override nat,
	const struct invite_handlers *handlers, void *arg)
{
	struct dialog *d;
	int err;

	hop->peer = hop_peer_create(gateway_name(a->gateway), &hop->to.any);
	if (hop->peer) {
		hop->peer->row_id = gateway_row(a->gateway)->id;
		hop->peer->strict_source = gateway_row(a->gateway)->strict_source;
		hop->peer->nat = nat;
		hop->peer->response_time = response_time_ref(gateway_response_time(a->gateway));
	}
	err = invite_create(out, a->stack, a->call, hop, a->content, handlers, arg);
	hop_peer_unref(hop->peer);
	if (err)
		return err;
	d = invite_dialog(*out);
	d->session.timer = a->policy.session_timer;
	d->own_origin = a->policy.sdp_own_origin;
	d->session.rel100 = a->policy.sip_100rel != PARAMETER_100REL_OFF;
	return 0;
}

/** @return 0 when an INVITE left to this server; the one before is given up then */
static int call_server(struct attempt *a, unsigned i)
{
	const struct resolver_address *server = &a->servers.address[i];
	struct invite *invite = NULL;
	struct hop hop;
	int err = gateway_server_left(a->gateway, &server->addr.any, clock_now_ms()) ? -EAGAIN : 0;

	if (!err)
		err = find_hop(a, server, &hop);
	if (!err)
		err = attempt_create_invite(
			a, &invite, &hop, gateway_row(a->gateway)->nat, &attempt_invite_handlers, a);
	a->sending = invite;
	if (!err)
		err = invite_send(invite, a->content, &a->policy.resend);
	a->sending = NULL;
	if (err) {
		invite_destroy(invite);
		return err;
	}
	if (a->invite) {
		invite_stop_resending(a->invite);
		invite_abandon(a->invite, NULL);
	}
	a->invite = invite;
	a->answered_anything = false;
	snprintf(a->call_id, sizeof(a->call_id), "%s", invite_dialog(invite)->call_id);
	return 0;
}

void attempt_limit_server(struct attempt *a)
{
	if (a->next_server < a->servers.n)
		start_timer(a, &a->server_timer, REQUEST_RETRY_SERVER_SILENCE_MS);
}

void attempt_name_server(struct attempt *a, unsigned i)
{
	a->server = i;
	address_name(&a->servers.address[i].addr.any, a->address);
}

/** Call the next server that is not set aside and can be reached. @return 0; the error of the last one */
static int call_next_server(struct attempt *a)
{
	int err = -ENOENT;

	while (err && a->next_server < a->servers.n) {
		unsigned i = a->next_server++, before = a->server;

		attempt_name_server(a, i);
		err = call_server(a, i);
		a->result[i] = err;
		if (err && a->invite)
			attempt_name_server(a, before);
	}
	if (!err)
		attempt_limit_server(a);
	return err;
}

/**
 * A 503, an error of the transport and silence are failures of one server (RFC 3263 section 4.3), after which the next
 * one is called if the rules for the next gateway allow it.
 *
 * @return false when none was called
 */
static bool next_server(struct attempt *a, const struct attempt_end *end)
{
	const unsigned failed = a->server;

	event_del(&a->server_timer);
	if (a->next_server == a->servers.n || !a->handlers->may_go_on(end, a->arg) || call_next_server(a))
		return false;
	a->result[failed] = end->sip_code ? end->sip_code : end->error;
	return true;
}

static void on_resolved(int error, const struct resolver_answer *answer, void *arg)
{
	struct attempt *a = arg;

	a->query = NULL;
	if (error) {
		fail_transport(a, error);
		return;
	}
	a->servers = *answer;
	error = call_next_server(a);
	if (error)
		fail_transport(a, error);
}

/** A failure in attempt_create() is told from the loop, when the caller is ready for it. */
static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;

	(void)fd;
	(void)what;
	fail_transport(a, a->soon_error);
}

void attempt_fail_soon(struct attempt *a, int error)
{
	static const struct timeval now = {0};

	a->soon_error = error;
	event_add(&a->soon, &now);
}

/** Call it where DNS says that it is, or where it has registered from as an endpoint. */
static void call_gateway(struct attempt *a, const struct bindings *bindings)
{
	const struct resolver_target target = attempt_route_target(&a->route);
	const char *endpoint = gateway_row(a->gateway)->endpoint;
	int err;

	if (endpoint[0]) {
		err = attempt_branches_call(a, bindings, endpoint);
	} else {
		err = resolver_try(a->stack->resolver, &target, &a->servers);
		if (err == -EAGAIN)
			err = resolver_lookup(&a->query, a->stack->resolver, &target, on_resolved, a);
		else if (!err)
			err = call_next_server(a);
	}
	if (err)
		attempt_fail_soon(a, err);
}

int attempt_make(struct attempt **out, const struct call_context *context, struct call *call,
	struct gateway *gw, struct invite_content *content, const struct attempt_handlers *handlers,
	void *arg)
{
	struct attempt *a = calloc(1, sizeof(*a));
	struct stack *stack = context->stack;
	struct event_base *base = loop_base(stack->loop);

	if (!a)
		return -ENOMEM;
	if (attempt_route_init(&a->route, gw, context->registrations, content)) {
		attempt_route_clear(&a->route);
		free(a);
		return -ENOMEM;
	}
	a->stack = stack;
	a->call = call;
	a->gateway = gateway_ref(gw);
	gateway_policy(gw, &stack->parameters, &a->policy);
	a->stop_codes = *a->policy.stop_codes;
	a->policy.stop_codes = &a->stop_codes;
	a->content = content;
	a->handlers = handlers;
	a->arg = arg;
	event_assign(&a->stage_timer, base, -1, 0, on_stage_timeout, a);
	event_assign(&a->server_timer, base, -1, 0, on_server_silent, a);
	event_assign(&a->soon, base, -1, 0, on_soon, a);
	content->sip_100rel = a->policy.sip_100rel;
	*out = a;
	return 0;
}

int attempt_create(struct attempt **out, const struct call_context *context, struct call *call,
	struct gateway *gw, struct invite_content *content, const struct attempt_handlers *handlers,
	void *arg)
{
	int err = attempt_make(out, context, call, gw, content, handlers, arg);

	if (err)
		return err;
	start_stage_timer(*out);
	call_gateway(*out, context->bindings);
	return 0;
}

struct invite *attempt_next_invite(const struct attempt *a, unsigned *i)
{
	if (a->branches.of)
		return attempt_branches_next(a, i);
	return (*i)++ ? NULL : a->invite;
}

struct invite *attempt_leaves(const struct attempt *a)
{
	return a->sending && !a->branches.of ? a->invite : NULL;
}

void attempt_abandon(struct attempt *a, const char *reason_header)
{
	if (!a)
		return;
	if (a->branches.of)
		attempt_branches_abandon(a, reason_header);
	else if (a->invite)
		invite_abandon(a->invite, reason_header);
	a->invite = NULL;
	attempt_destroy(a);
}

void attempt_destroy(struct attempt *a)
{
	if (!a)
		return;
	resolver_cancel(a->query);
	event_del(&a->stage_timer);
	event_del(&a->server_timer);
	event_del(&a->soon);
	if (!a->branches.of)
		invite_destroy(a->invite);
	attempt_branches_clear(a);
	gateway_unref(a->gateway);
	attempt_route_clear(&a->route);
	free(a);
}

struct invite *attempt_take_leg(struct attempt *a)
{
	struct invite *leg = a->invite;

	attempt_branches_take(a);
	a->invite = NULL;
	invite_detach(leg);
	return leg;
}

enum failover_stage attempt_stage(const struct attempt *a)
{
	return a->stage;
}

const struct gateway_policy *attempt_policy(const struct attempt *a)
{
	return &a->policy;
}

const char *attempt_address(const struct attempt *a)
{
	return a->address;
}

int attempt_server(const struct attempt *a, unsigned i, char address[ADDRESS_NAME_MAX])
{
	if (i == a->server || !a->result[i])
		return 0;
	address_name(&a->servers.address[i].addr.any, address);
	return a->result[i];
}

const char *attempt_call_id(const struct attempt *a)
{
	return a->sending ? invite_dialog(a->sending)->call_id : a->call_id;
}

struct early_dialogs *attempt_early(const struct attempt *a)
{
	return a && a->invite ? invite_early(a->invite) : NULL;
}
