#include "registration_driver.h"

#include "cause.h"
#include "clock.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "register_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 96 };

/* Gateways and people are told -------------------------------------------------------------- */

/** Why it is not registered. */
static const char *words_of(const struct registration_info *info)
{
	if (info->state == REGISTRATION_DISABLED || info->state == REGISTRATION_UNREGISTERING)
		return registration_state_name(info->state);
	return info->words[0] ? info->words : "not answered yet";
}

static void tell(struct registration_driver *a)
{
	uint64_t now = clock_now_ms();
	bool registered = registration_is_registered(a->registration, now);
	struct registration_info info;

	registration_info(a->registration, now, &info);
	for (size_t i = 0; i < a->n_gateways; i++)
		gateway_on_registration(a->gateways[i], registered, registered ? "" : words_of(&info), now);
	if (info.state == a->told)
		return;
	log_info(NULL, "registration name=%s was=%s is=%s", registration_name(a->registration),
		registration_state_name(a->told), registration_state_name(info.state));
	a->told = info.state;
}

static void error_words(const struct registration_driver *a, int error, char out[WORDS_MAX])
{
	const struct db_registration *row = registration_used(a->registration);

	if (error == -EADDRNOTAVAIL && row->local_port)
		snprintf(out, WORDS_MAX, "no listener with port %u leads there", row->local_port);
	else
		snprintf(out, WORDS_MAX, "%s", cause_error_words(error));
}

static void fail(struct registration_driver *a, int code, const char *words)
{
	if (a->remove)
		log_warning(NULL, "unregistering failed name=%s reason=%s",
			registration_name(a->registration), words);
	else
		log_warning(NULL, "registration failed name=%s reason=%s", registration_name(a->registration),
			words);
	registration_failed(a->registration, code, words, &a->stack->parameters, clock_now_ms());
}

static void fail_error(struct registration_driver *a, int error)
{
	char words[WORDS_MAX];

	error_words(a, error, words);
	fail(a, 0, words);
}

/* One request ------------------------------------------------------------------------------- */

static const struct client_transaction_handlers client_handlers;

static struct register_request describe(const struct registration_driver *a)
{
	return (struct register_request){.row = registration_used(a->registration),
		.from = a->hop.listener,
		.privacy = a->stack->parameters.user_agent_privacy,
		.call_id = a->call_id,
		.tag = a->tag,
		.cseq = a->cseq,
		.expires_s = a->remove ? 0 : registration_expires_s(a->registration)};
}

static int send_register(struct registration_driver *a)
{
	struct stack *stack = a->stack;
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	struct client_transaction_request request = {.method = "REGISTER",
		.branch = client_transaction_branch(stack->client_transactions, branch),
		.call_id = a->call_id,
		.from_tag = a->tag,
		.cseq = ++a->cseq,
		.text = &t,
		.hop = &a->hop,
		.resend = &stack->parameters.resend};
	struct register_request content = describe(a);

	if (!a->remove && !registration_is_wanted(a->registration))
		return -ECANCELED; /* since it began: better no binding than one to be removed at once */
	content.branch = branch;
	content.retry = &a->retry;
	register_request_write(&t, &content);
	return client_transaction_send(&a->client, stack->client_transactions, &request, &client_handlers, a);
}

/** Send it to the next address that takes it. @return 0; the error of the last one */
static int try_addresses(struct registration_driver *a)
{
	const struct db_registration *row = registration_used(a->registration);
	int err = -ENOENT;

	while (a->next_address < a->addresses.n) {
		request_retry_clear(&a->retry);
		err = transport_hop_from(a->stack->transport, row->local_port,
			&a->addresses.address[a->next_address++], &a->hop);
		if (!err)
			err = send_register(a);
		if (!err)
			return 0;
	}
	return err;
}

static void on_resolved(int error, const struct resolver_answer *answer, void *arg)
{
	struct registration_driver *a = arg;

	a->query = NULL;
	if (!error) {
		a->addresses = *answer;
		error = try_addresses(a);
	}
	if (error)
		fail_error(a, error);
	registration_driver_drive(a);
}

/** "host", "host:port", "[IPv6]", "[IPv6]:port" or "IPv6". @param host  room for the host, as long as the text */
static uint16_t split_proxy(const char *proxy, char *host)
{
	const char *colon = strrchr(proxy, ':'), *bracket = strrchr(proxy, ']');
	bool with_port = colon && (bracket ? colon > bracket : strchr(proxy, ':') == colon);
	size_t n = with_port ? (size_t)(colon - proxy) : strlen(proxy);

	memcpy(host, proxy, n);
	host[n] = '\0';
	return with_port ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

/** @return 0 when it is under way */
static int begin(struct registration_driver *a, bool remove)
{
	const struct db_registration *row = registration_used(a->registration);
	struct resolver *resolver = a->stack->resolver;
	struct resolver_target target = {.host = row->host, .port = row->port, .transport = row->transport};
	char proxy[300];
	int err;

	a->remove = remove;
	a->next_address = 0;
	if (row->proxy[0] && strlen(row->proxy) < sizeof(proxy)) {
		target.port = split_proxy(row->proxy, proxy);
		target.host = proxy;
	}
	err = resolver_try(resolver, &target, &a->addresses);
	if (err == -EAGAIN)
		return resolver_lookup(&a->query, resolver, &target, on_resolved, a);
	return err ? err : try_addresses(a);
}

void registration_driver_drive(struct registration_driver *a)
{
	struct stack *stack = a->stack;
	enum registration_task task;
	struct timeval tv;
	uint64_t due, now;
	int err = -EAGAIN;

	while (err && (task = registration_next(a->registration, &stack->parameters, clock_now_ms()))) {
		if (task == REGISTRATION_UNREGISTER && a->inherited) {
			registration_succeeded(a->registration, 0, clock_now_ms());
			continue;
		}
		err = begin(a, task == REGISTRATION_UNREGISTER);
		if (err)
			fail_error(a, err);
	}
	tell(a);
	if (registration_is_removed(a->registration) && a->told == REGISTRATION_DISABLED) {
		registration_driver_destroy(a);
		return;
	}
	due = registration_due_ms(a->registration);
	now = clock_now_ms();
	if (due == REGISTRATION_NEVER)
		event_del(&a->timer);
	else
		event_add(
			&a->timer, loop_delay_once(stack->loop, due > now ? (uint32_t)(due - now) : 0, &tv));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	registration_driver_drive(arg);
}

/* Answers ----------------------------------------------------------------------------------- */

static void on_accepted(struct registration_driver *a, const sip_t *answer)
{
	struct register_request sent = describe(a);
	uint32_t granted_s = a->remove ? 0 : register_request_granted(answer, &sent);
	struct registration_route route;

	if (!a->remove && !granted_s) {
		fail(a, answer->sip_status->st_status, "accepted, but without our Contact");
		return;
	}
	if (register_request_service_route(answer, &route))
		log_error(NULL, "Service-Route not kept name=%s error=%s", registration_name(a->registration),
			strerror(ENOMEM));
	registration_set_route(a->registration, &route);
	registration_succeeded(a->registration, granted_s, clock_now_ms());
}

static enum request_retry_verdict answer_challenge(struct registration_driver *a, const sip_t *answer)
{
	const struct db_registration *row = registration_used(a->registration);
	char uri[REGISTER_URI_MAX];
	const struct request_retry_request request = {
		.method = "REGISTER", .uri = uri, .credentials = {row->auth_user, row->password, row->realm}};

	register_request_uri(row, uri);
	return request_retry_decide(&a->retry, &request, answer);
}

/** A 423: ask for what the registrar wants, in another request, which may be challenged again. @return 0 when it was sent */
static int raise_expiry(struct registration_driver *a, const sip_t *answer)
{
	if (answer->sip_status->st_status != 423 || a->remove || !answer->sip_min_expires ||
		registration_raise(a->registration, (uint32_t)answer->sip_min_expires->me_delta))
		return -ECANCELED;
	request_retry_clear(&a->retry);
	return send_register(a);
}

static void on_refused(struct registration_driver *a, const sip_t *answer)
{
	int status = answer->sip_status->st_status, err = -ECANCELED;
	char words[WORDS_MAX];

	snprintf(words, sizeof(words), "%d %s", status, answer->sip_status->st_phrase);
	switch (answer_challenge(a, answer)) {
	case REQUEST_RETRY_AGAIN:
		err = send_register(a);
		break;
	case REQUEST_RETRY_FINAL:
		err = raise_expiry(a, answer);
		break;
	case REQUEST_RETRY_REFUSED:
		snprintf(words, sizeof(words), "wrong password");
		break;
	case REQUEST_RETRY_UNANSWERABLE:
		snprintf(words, sizeof(words), "no challenge that we can answer");
		break;
	}
	if (err == -ECANCELED)
		fail(a, status, words);
	else if (err)
		fail_error(a, err);
}

static void on_response(const struct received *rx, void *arg)
{
	struct registration_driver *a = arg;
	int status = rx->sip->sip_status->st_status;

	if (status < 200)
		return;
	a->client = NULL;
	if (status < 300)
		on_accepted(a, rx->sip);
	else
		on_refused(a, rx->sip);
	registration_driver_drive(a);
}

static void on_failure(int error, void *arg)
{
	struct registration_driver *a = arg;

	a->client = NULL;
	if (a->next_address < a->addresses.n)
		error = try_addresses(a);
	if (error)
		fail_error(a, error);
	registration_driver_drive(a);
}

static const struct client_transaction_handlers client_handlers = {on_response, on_failure};

/* Life -------------------------------------------------------------------------------------- */

int registration_driver_create(
	struct registration_driver_list *list, struct stack *stack, struct registration *r)
{
	struct registration_driver *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->stack = stack;
	a->registration = registration_ref(r);
	registration_set_driver(r, a);
	token_make(a->tag);
	token_make(a->call_id);
	token_make(a->call_id + strlen(a->call_id));
	event_assign(&a->timer, loop_base(stack->loop), -1, 0, on_timer, a);
	LIST_INSERT_HEAD(list, a, link);
	return 0;
}

void registration_driver_link_gateway(struct registration_driver *a, struct gateway *gw)
{
	struct gateway **more = realloc(a->gateways, (a->n_gateways + 1) * sizeof(struct gateway *));

	if (!more)
		return;
	a->gateways = more;
	a->gateways[a->n_gateways++] = gateway_ref(gw);
}

void registration_driver_unlink_gateways(struct registration_driver *a)
{
	while (a->n_gateways)
		gateway_unref(a->gateways[--a->n_gateways]);
}

void registration_driver_destroy(struct registration_driver *a)
{
	LIST_REMOVE(a, link);
	registration_set_driver(a->registration, NULL);
	resolver_cancel(a->query);
	client_transaction_forget(a->client);
	event_del(&a->timer);
	registration_unref(a->registration);
	registration_driver_unlink_gateways(a);
	request_retry_clear(&a->retry);
	free(a->gateways);
	free(a);
}
