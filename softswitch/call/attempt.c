#include "attempt.h"

#include "address.h"
#include "clock.h"
#include "gateway.h"
#include "loop.h"
#include "message.h"
#include "registrations.h"
#include "tls_identity.h"
#include "token.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** An address is left after so long a silence while others are left. */
enum { ADDRESS_SILENCE_MS = 2000 };

struct attempt {
	struct stack *stack;
	struct call *call;
	struct gateway *gateway;
	struct gateway_policy policy;
	struct parameter_codes stop_codes; /* of the policy: the row may be replaced meanwhile */
	struct invite_content *content;
	const struct attempt_handlers *handlers;
	void *arg;
	struct resolver_query *query;
	struct resolver_answer addresses;
	unsigned next_address;
	struct invite *invite;
	enum failover_stage stage;
	struct event stage_timer, address_timer, soon;
	int soon_error; /* what `soon` reports */
	bool answered_anything;
	uint64_t sent_ms;
	char address[ADDRESS_NAME_MAX];
	char call_id[2 * TOKEN_SIZE];
	char target[ADDRESS_HOST_PORT_MAX];
	/* Of the gateway's row or its registration, which may change meanwhile. */
	char *user, *password, *realm;
	char *route, *route_host; /* Route lines and where the first one is; NULL = straight to the gateway */
	uint16_t route_port, local_port;
	char route_transport[4];
};

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

/** Entering a stage cancels the timer of the one before; a stage is never left backwards. */
static void enter_stage(struct attempt *a, enum failover_stage stage)
{
	if (stage <= a->stage)
		return;
	a->stage = stage;
	start_timer(a, &a->stage_timer, failover_stage_timeout_ms(&a->policy, stage));
}

static void on_stage_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;
	struct attempt_end end = {.failure = FAILOVER_FAILURE_TIMEOUT, .stage = a->stage};

	(void)fd;
	(void)what;
	if (a->invite)
		invite_stop_resending(a->invite);
	fail(a, &end);
}

/* Addresses --------------------------------------------------------------------------------- */

static void next_address(struct attempt *a, int last_error);

static void on_address_silent(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;

	(void)fd;
	(void)what;
	invite_stop_resending(a->invite);
	invite_abandon(a->invite, NULL);
	a->invite = NULL;
	next_address(a, -ETIMEDOUT);
}

/* Answers ----------------------------------------------------------------------------------- */

static void on_first_answer(struct attempt *a)
{
	if (a->answered_anything)
		return;
	a->answered_anything = true;
	event_del(&a->address_timer);
	gateway_response_time(a->gateway, (uint32_t)(clock_now_ms() - a->sent_ms));
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
	else
		enter_stage(
			a, message_has_sdp(rx->sip) ? FAILOVER_STAGE_PROGRESS_SDP : FAILOVER_STAGE_PROGRESS);
	a->handlers->on_progress(rx, a->arg);
}

static void on_answer(const struct received *rx, void *arg)
{
	struct attempt *a = arg;

	on_first_answer(a);
	event_del(&a->stage_timer);
	a->handlers->on_answer(rx, a->arg);
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
	if (!invite_retry(a->invite, a->content, &a->policy.resend, rx->sip))
		fail(a, &end);
}

static void on_failure(int error, void *arg)
{
	struct attempt *a = arg;

	invite_destroy(a->invite);
	a->invite = NULL;
	next_address(a, error);
}

static const struct invite_handlers invite_handlers = {on_provisional, on_answer, on_refused, on_failure};

/** @return 0 when an INVITE left to this address */
static int try_address(struct attempt *a, const struct resolver_address *address)
{
	const struct db_gateway *row = gateway_row(a->gateway);
	struct hop hop;
	int err = transport_hop_from(a->stack->transport, a->local_port, address, &hop);

	if (err == -EADDRNOTAVAIL) /* the registration has another transport */
		err = transport_hop_to(a->stack->transport, address, &hop);
	if (!err)
		err = tls_identity_find(&hop.identity,
			&(struct tls_identity_demand){
				row->host, row->tls_verify, row->tls_fingerprint, row->tls_certificate});
	if (err)
		return err;
	address_name(&hop.to.any, a->address);
	hop.peer = hop_peer_create(gateway_name(a->gateway), &hop.to.any);
	if (hop.peer)
		hop.peer->strict_source = gateway_row(a->gateway)->strict_source;
	err = invite_create(&a->invite, a->stack, a->call, &hop, a->content, &invite_handlers, a);
	hop_peer_unref(hop.peer);
	if (err)
		return err;
	invite_dialog(a->invite)->session.timer = a->policy.session_timer;
	invite_dialog(a->invite)->own_origin = a->policy.sdp_own_origin;
	invite_dialog(a->invite)->session.rel100 = a->policy.sip_100rel != PARAMETER_100REL_OFF;
	snprintf(a->call_id, sizeof(a->call_id), "%s", invite_dialog(a->invite)->call_id);
	err = invite_send(a->invite, a->content, &a->policy.resend);
	if (err) {
		invite_destroy(a->invite);
		a->invite = NULL;
		return err;
	}
	a->sent_ms = clock_now_ms();
	if (a->next_address < a->addresses.n)
		start_timer(a, &a->address_timer, ADDRESS_SILENCE_MS);
	return 0;
}

/** @param last_error  what the address before this one failed with */
static void next_address(struct attempt *a, int last_error)
{
	struct attempt_end end = {.failure = FAILOVER_FAILURE_TIMEOUT, .stage = a->stage};

	event_del(&a->address_timer);
	while (a->stage == FAILOVER_STAGE_CALLING && a->next_address < a->addresses.n) {
		last_error = try_address(a, &a->addresses.address[a->next_address++]);
		if (!last_error)
			return;
	}
	if (last_error == -ETIMEDOUT)
		fail(a, &end);
	else
		fail_transport(a, last_error);
}

static void on_resolved(int error, const struct resolver_answer *answer, void *arg)
{
	struct attempt *a = arg;

	a->query = NULL;
	if (error) {
		fail_transport(a, error);
		return;
	}
	a->addresses = *answer;
	next_address(a, 0);
}

/** A failure in attempt_create() is told from the loop, when the caller is ready for it. */
static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;

	(void)fd;
	(void)what;
	if (a->addresses.n)
		next_address(a, a->soon_error);
	else
		fail_transport(a, a->soon_error);
}

static void resolve(struct attempt *a)
{
	const struct db_gateway *row = gateway_row(a->gateway);
	struct resolver_target target = {.host = row->host, .port = row->port, .transport = row->transport};
	static const struct timeval now = {0};
	int err;

	if (a->route)
		target = (struct resolver_target){a->route_host, a->route_port, a->route_transport};
	err = resolver_try(a->stack->resolver, &target, &a->addresses);

	if (err == -EAGAIN)
		err = resolver_lookup(&a->query, a->stack->resolver, &target, on_resolved, a);
	else if (!err)
		err = try_address(a, &a->addresses.address[a->next_address++]);
	if (err) {
		a->soon_error = err;
		event_add(&a->soon, &now);
	}
}

/** What the gateway's registration lends it: credentials, and the way the registrar wants calls to take (RFC 3608). */
static void use_registration(struct attempt *a, const struct registration *r)
{
	const struct registration_route *route = registration_route(r, clock_now_ms());
	const struct db_registration *row = registration_row(r);

	a->local_port = row->local_port;
	if (!a->user[0]) {
		free(a->user);
		free(a->password);
		free(a->realm);
		a->user = strdup(row->auth_user);
		a->password = strdup(row->password);
		a->realm = row->realm[0] ? strdup(row->realm) : NULL;
	}
	if (!route)
		return;
	a->route = strdup(route->lines);
	a->route_host = strdup(route->host);
	a->route_port = route->port;
	memcpy(a->route_transport, route->transport, sizeof(a->route_transport));
}

static void use_row(struct attempt *a, const struct db_gateway *row, const struct registrations *accounts)
{
	const struct registration *r =
		row->registration[0] ? registrations_find(accounts, row->registration) : NULL;

	address_host_port(a->target, row->host, row->port);
	a->user = strdup(row->auth_user);
	a->password = strdup(row->auth_password);
	if (r && a->user)
		use_registration(a, r);
	a->content->target = a->target;
	a->content->user = a->password ? a->user : NULL;
	a->content->password = a->password;
	a->content->realm = a->realm;
	a->content->route = a->route;
}

int attempt_create(struct attempt **out, const struct call_context *context, struct call *call,
	struct gateway *gw, struct invite_content *content, const struct attempt_handlers *handlers,
	void *arg)
{
	struct attempt *a = calloc(1, sizeof(*a));
	struct stack *stack = context->stack;
	struct event_base *base = loop_base(stack->loop);

	if (!a)
		return -ENOMEM;
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
	event_assign(&a->address_timer, base, -1, 0, on_address_silent, a);
	event_assign(&a->soon, base, -1, 0, on_soon, a);
	use_row(a, gateway_row(gw), context->registrations);
	content->sip_100rel = a->policy.sip_100rel;
	start_timer(a, &a->stage_timer, failover_stage_timeout_ms(&a->policy, FAILOVER_STAGE_CALLING));
	resolve(a);
	*out = a;
	return 0;
}

void attempt_abandon(struct attempt *a, const char *reason_header)
{
	if (!a)
		return;
	if (a->invite)
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
	event_del(&a->address_timer);
	event_del(&a->soon);
	invite_destroy(a->invite);
	gateway_unref(a->gateway);
	free(a->user);
	free(a->password);
	free(a->route);
	free(a->route_host);
	free(a);
}

struct invite *attempt_take_leg(struct attempt *a)
{
	struct invite *leg = a->invite;

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

const char *attempt_call_id(const struct attempt *a)
{
	return a->call_id;
}

struct early_dialogs *attempt_early(const struct attempt *a)
{
	return a && a->invite ? invite_early(a->invite) : NULL;
}
