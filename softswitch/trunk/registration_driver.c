#include "registration_driver.h"

#include "cause.h"
#include "clock.h"
#include "digest_realm.h"
#include "log.h"
#include "loop.h"
#include "register_request.h"
#include "request_retry.h"
#include "response_time.h"
#include "set_aside.h"
#include "tls_identity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 96 };

/* Reporting the state ----------------------------------------------------------------------- */

/** Why it is not registered. */
static const char *words_of(const struct registration_info *info)
{
	if (info->state == REGISTRATION_DISABLED || info->state == REGISTRATION_UNREGISTERING)
		return registration_state_name(info->state);
	return info->words[0] ? info->words : "not answered yet";
}

static void report(struct registration_driver *d)
{
	uint64_t now = clock_now_ms();
	bool registered = registration_is_registered(d->registration, now);
	struct registration_info info;

	registration_info(d->registration, now, &info);
	for (size_t i = 0; i < d->n_gateways; i++)
		gateway_on_registration(d->gateways[i], registered, registered ? "" : words_of(&info), now);
	if (info.state == d->reported)
		return;
	log_info(NULL, "registration state name=%s from=%s to=%s", registration_name(d->registration),
		registration_state_name(d->reported), registration_state_name(info.state));
	d->reported = info.state;
}

static void error_words(const struct registration_driver *d, int error, char out[WORDS_MAX])
{
	const struct db_registration *row = registration_used(d->registration);

	if (error == -EADDRNOTAVAIL && row->local_port)
		snprintf(out, WORDS_MAX, "no listener with port %u leads there", row->local_port);
	else
		snprintf(out, WORDS_MAX, "%s", cause_error_words(error));
}

static void fail(struct registration_driver *d, int code, const char *words)
{
	if (d->remove)
		log_warning(NULL, "binding may remain name=%s reason=%s", registration_name(d->registration),
			words);
	else
		log_warning(NULL, "registration failed name=%s reason=%s", registration_name(d->registration),
			words);
	registration_failed(d->registration, code, words, clock_now_ms());
}

static void fail_error(struct registration_driver *d, int error)
{
	char words[WORDS_MAX];

	error_words(d, error, words);
	fail(d, 0, words);
}

/* One request ------------------------------------------------------------------------------- */

static const struct client_transaction_handlers client_handlers;

static struct register_request describe(const struct registration_driver *d)
{
	return (struct register_request){.row = registration_used(d->registration),
		.from = d->hop.listener,
		.privacy = d->stack->parameters.user_agent_privacy,
		.call_id = d->call_id,
		.tag = d->tag,
		.cseq = d->cseq,
		.expires_s = d->remove ? 0 : registration_expires_s(d->registration)};
}

static int send_register(struct registration_driver *d)
{
	struct stack *stack = d->stack;
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	struct hop hop = d->hop;
	struct client_transaction_request request = {.method = "REGISTER",
		.branch = client_transaction_branch(stack->client_transactions, branch),
		.call_id = d->call_id,
		.from_tag = d->tag,
		.cseq = ++d->cseq,
		.text = &t,
		.hop = &hop,
		.resend = &stack->parameters.resend};
	struct register_request content = describe(d);
	int err;

	if (!d->remove && !registration_is_wanted(d->registration))
		return -ECANCELED; /* not any more: better no binding than one to be removed at once */
	content.branch = branch;
	content.retry = &d->retry;
	register_request_write(&t, &content);
	hop.peer = hop_peer_create(registration_name(d->registration), &hop.to.any);
	if (hop.peer) {
		hop.peer->row_id = registration_row(d->registration)->id;
		hop.peer->strict_source = registration_row(d->registration)->strict_source;
		hop.peer->response_time = response_time_ref(registration_response_time(d->registration));
	}
	err = client_transaction_send(&d->client, stack->client_transactions, &request, &client_handlers, d);
	hop_peer_unref(hop.peer);
	if (!err && !d->remove)
		d->sent = true;
	return err;
}

static bool is_set_aside(const struct registration_driver *d, unsigned i)
{
	return set_aside_left_ms(d->set_aside, &d->addresses.address[i].addr.any, clock_now_ms()) > 0;
}

static uint64_t account_of(const struct db_registration *row)
{
	return digest_realm_account(row->auth_user, row->password, row->host);
}

/** @param uri  receives the Request-URI */
static struct request_retry_request identify(const struct registration_driver *d, char uri[REGISTER_URI_MAX])
{
	const struct db_registration *row = registration_used(d->registration);

	register_request_uri(row, uri);
	return (struct request_retry_request){.method = "REGISTER",
		.uri = uri,
		.credentials = {row->auth_user, row->password, row->realm, account_of(row)}};
}

/** Send REGISTER to the next server that can be reached. @return 0; the error of the last one */
static int try_servers(struct registration_driver *d)
{
	const struct db_registration *row = registration_used(d->registration);
	char uri[REGISTER_URI_MAX];
	const struct request_retry_request request = identify(d, uri);
	struct timeval tv;
	int err = -ENOENT;

	while (err && d->next_address < d->addresses.n) {
		unsigned i = d->next_address++;

		if (!d->forced && is_set_aside(d, i))
			continue;
		request_retry_clear(&d->retry);
		request_retry_begin(&d->retry, &request);
		err = transport_hop_from(
			d->stack->transport, row->local_port, &d->addresses.address[i], &d->hop);
		d->hop.identity = d->identity;
		if (!err)
			err = send_register(d);
	}
	if (!err && d->next_address < d->addresses.n)
		event_add(&d->silence, loop_delay(d->stack->loop, REQUEST_RETRY_SERVER_SILENCE_MS, &tv));
	return err;
}

/** Send it to the first server. When all have asked to be left alone, the retry delay must do. */
static int try_first_server(struct registration_driver *d)
{
	d->next_address = 0;
	d->forced = true;
	for (unsigned i = 0; i < d->addresses.n; i++)
		d->forced &= is_set_aside(d, i);
	return try_servers(d);
}

static void on_resolved(int error, const struct resolver_answer *answer, void *arg)
{
	struct registration_driver *d = arg;

	d->query = NULL;
	if (!error) {
		d->addresses = *answer;
		error = try_first_server(d);
	}
	if (error)
		fail_error(d, error);
	registration_driver_drive(d);
}

/** What is under way is not wanted any more. */
static void give_up(struct registration_driver *d)
{
	if (d->client)
		log_info(NULL, "request given up name=%s reason=unanswered",
			registration_name(d->registration));
	client_transaction_drop(d->client);
	d->client = NULL;
	resolver_cancel(d->query);
	d->query = NULL;
	event_del(&d->silence);
}

static void on_found(int error, const struct resolver_answer *answer, void *arg)
{
	struct registration_driver *d = arg;

	d->query = NULL;
	if (!error)
		d->addresses = *answer;
}

void registration_driver_resume(struct registration_driver *d)
{
	const struct db_registration *row = registration_used(d->registration);
	char proxy[REGISTRAR_ADDRESSES_PROXY_MAX];
	const struct resolver_target target = registrar_addresses_target(row, proxy);

	d->sent = true;
	d->identity = d->hop.identity;
	keep_alive_bind(&d->keep_alive, &d->hop, NULL);
	registrar_addresses_learn(&d->registrar, d->stack->resolver, row);
	if (resolver_try(d->stack->resolver, &target, &d->addresses) == -EAGAIN)
		resolver_lookup(&d->query, d->stack->resolver, &target, on_found, d);
}

/** Register, or unregister. @return 0 when it is under way */
static int begin(struct registration_driver *d, bool remove)
{
	const struct db_registration *row = registration_used(d->registration);
	struct resolver *resolver = d->stack->resolver;
	char proxy[REGISTRAR_ADDRESSES_PROXY_MAX];
	const struct resolver_target target = registrar_addresses_target(row, proxy);
	int err;

	d->remove = remove;
	registrar_addresses_learn(&d->registrar, resolver, row);
	err = tls_identity_find(&d->identity,
		&(struct tls_identity_demand){
			target.host, row->tls_verify, row->tls_fingerprint, row->tls_certificate});
	if (err)
		return err;
	err = resolver_try(resolver, &target, &d->addresses);
	if (err == -EAGAIN)
		return resolver_lookup(&d->query, resolver, &target, on_resolved, d);
	return err ? err : try_first_server(d);
}

/** Of a removed registration the row stays as it was. */
static void keep_alive(struct registration_driver *d)
{
	bool registered = registration_is_registered(d->registration, clock_now_ms());

	keep_alive_run(&d->keep_alive, registered ? registration_row(d->registration)->keep_alive_s : 0);
}

static void on_connection_lost(void *arg)
{
	struct registration_driver *d = arg;

	log_warning(NULL, "connection to the registrar lost name=%s", registration_name(d->registration));
	registration_renew(d->registration, clock_now_ms());
	registration_driver_drive(d);
}

void registration_driver_drive(struct registration_driver *d)
{
	struct stack *stack = d->stack;
	enum registration_task task;
	struct timeval tv;
	uint64_t due, now;
	int err = -EAGAIN;

	while (err && (task = registration_next(d->registration, &stack->parameters, clock_now_ms()))) {
		give_up(d);
		if (task == REGISTRATION_UNREGISTER && !d->sent) {
			registration_succeeded(d->registration, 0, clock_now_ms());
			continue;
		}
		err = begin(d, task == REGISTRATION_UNREGISTER);
		if (err)
			fail_error(d, err);
	}
	report(d);
	keep_alive(d);
	if (registration_is_removed(d->registration) && d->reported == REGISTRATION_DISABLED) {
		registration_driver_destroy(d);
		return;
	}
	due = registration_due_ms(d->registration);
	now = clock_now_ms();
	if (due == REGISTRATION_NEVER)
		event_del(&d->timer);
	else
		event_add(
			&d->timer, loop_delay_once(stack->loop, due > now ? (uint32_t)(due - now) : 0, &tv));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	registration_driver_drive(arg);
}

/* Responses --------------------------------------------------------------------------------- */

static void on_accepted(struct registration_driver *d, const struct received *rx)
{
	const sip_t *answer = rx->sip;
	struct register_request sent = describe(d);
	uint32_t granted_s = d->remove ? 0 : register_request_granted(answer, &sent);
	struct registration_route route;
	int err;

	if (!d->remove && !granted_s) {
		fail(d, answer->sip_status->st_status, "accepted, but without our Contact");
		return;
	}
	request_retry_accepted(&d->retry, account_of(registration_used(d->registration)), answer);
	err = register_request_service_route(answer, &route);
	if (err)
		log_error(NULL, "Service-Route not used name=%s error=%s", registration_name(d->registration),
			strerror(-err));
	registration_set_route(d->registration, &route);
	d->sent = !d->remove;
	keep_alive_bind(&d->keep_alive, &d->hop, rx->back.connection);
	registration_succeeded(d->registration, granted_s, clock_now_ms());
}

static enum request_retry_verdict answer_challenge(struct registration_driver *d, const sip_t *answer)
{
	char uri[REGISTER_URI_MAX];
	const struct request_retry_request request = identify(d, uri);

	return request_retry_decide(&d->retry, &request, answer);
}

/**
 * After 423 ask for the Min-Expires of the registrar, in a new request, which may be challenged like the first.
 *
 * @return 0 when it was sent; -ECANCELED when the response is final; else the error of sending
 */
static int raise_expiry(struct registration_driver *d, const sip_t *answer)
{
	if (answer->sip_status->st_status != 423 || d->remove || !answer->sip_min_expires ||
		registration_raise(d->registration, (uint32_t)answer->sip_min_expires->me_delta))
		return -ECANCELED;
	request_retry_clear(&d->retry);
	return send_register(d);
}

/** After 503 the next server is asked (RFC 3263 section 4.3). @return as raise_expiry() */
static int leave_server(struct registration_driver *d, const sip_t *answer)
{
	uint32_t seconds;

	if (request_retry_after(answer, &seconds))
		set_aside_add(&d->set_aside, &d->hop.to.any, seconds, clock_now_ms());
	return try_servers(d) ? -ECANCELED : 0;
}

static void on_refused(struct registration_driver *d, const sip_t *answer)
{
	int status = answer->sip_status->st_status, err = -ECANCELED;
	char words[WORDS_MAX];

	snprintf(words, sizeof(words), "%d %s", status, answer->sip_status->st_phrase);
	switch (answer_challenge(d, answer)) {
	case REQUEST_RETRY_AGAIN:
		err = send_register(d);
		break;
	case REQUEST_RETRY_FINAL:
		err = status == REQUEST_RETRY_NEXT_SERVER ? leave_server(d, answer) : raise_expiry(d, answer);
		break;
	case REQUEST_RETRY_REFUSED:
		snprintf(words, sizeof(words), "wrong password");
		break;
	case REQUEST_RETRY_UNANSWERABLE:
		snprintf(words, sizeof(words), "no challenge that we can answer");
		break;
	}
	if (err == -ECANCELED)
		fail(d, status, words);
	else if (err)
		fail_error(d, err);
}

static void on_response(const struct received *rx, void *arg)
{
	struct registration_driver *d = arg;
	int status = rx->sip->sip_status->st_status;

	event_del(&d->silence);
	if (status < 200)
		return;
	d->client = NULL;
	if (status < 300)
		on_accepted(d, rx);
	else
		on_refused(d, rx->sip);
	registration_driver_drive(d);
}

static void on_failure(int error, void *arg)
{
	struct registration_driver *d = arg;

	event_del(&d->silence);
	d->client = NULL;
	if (d->next_address == d->addresses.n || try_servers(d))
		fail_error(d, error);
	registration_driver_drive(d);
}

static void on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct registration_driver *d = arg;

	(void)fd;
	(void)what;
	client_transaction_drop(d->client);
	on_failure(-ETIMEDOUT, d);
}

static const struct client_transaction_handlers client_handlers = {on_response, on_failure};

/* Life -------------------------------------------------------------------------------------- */

int registration_driver_create(
	struct registration_driver_list *list, struct stack *stack, struct registration *r)
{
	struct registration_driver *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->stack = stack;
	d->registration = registration_ref(r);
	registration_set_driver(r, d);
	token_make(d->tag);
	token_make(d->call_id);
	token_make(d->call_id + strlen(d->call_id));
	event_assign(&d->timer, loop_base(stack->loop), -1, 0, on_timer, d);
	event_assign(&d->silence, loop_base(stack->loop), -1, 0, on_silence, d);
	keep_alive_init(&d->keep_alive, stack->loop, on_connection_lost, d);
	LIST_INSERT_HEAD(list, d, link);
	return 0;
}

void registration_driver_link_gateway(struct registration_driver *d, struct gateway *gw)
{
	struct gateway **more = realloc(d->gateways, (d->n_gateways + 1) * sizeof(struct gateway *));

	if (!more)
		return;
	d->gateways = more;
	d->gateways[d->n_gateways++] = gateway_ref(gw);
}

void registration_driver_unlink_gateways(struct registration_driver *d)
{
	while (d->n_gateways)
		gateway_unref(d->gateways[--d->n_gateways]);
}

void registration_driver_destroy(struct registration_driver *d)
{
	LIST_REMOVE(d, link);
	registration_set_driver(d->registration, NULL);
	if (d->client || (d->query && d->remove))
		log_warning(NULL, "binding may remain name=%s reason=unanswered",
			registration_name(d->registration));
	give_up(d);
	event_del(&d->timer);
	keep_alive_clear(&d->keep_alive);
	registrar_addresses_clear(&d->registrar);
	registration_unref(d->registration);
	registration_driver_unlink_gateways(d);
	request_retry_clear(&d->retry);
	free(d->gateways);
	free(d->set_aside);
	free(d);
}
