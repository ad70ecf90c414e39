#include "registration_client.h"

#include "clock.h"
#include "digest.h"
#include "gateways.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "register.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <uthash.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum { WORDS_MAX = 96 };

/** One registration and its requests: one Call-ID, From tag and row of CSeq numbers for all of them. */
struct account {
	LIST_ENTRY(account) link;
	struct registration_client *owner;
	struct registration *registration;
	char call_id[2 * SIP_TOKEN_SIZE], tag[SIP_TOKEN_SIZE];
	uint32_t cseq;
	struct event timer;
	enum registration_state told; /* the state that was logged last */

	/* The request under way. */
	struct resolver_query *query;
	struct client *client;
	struct hop hop;
	bool remove;
	struct digest_tries challenges;
	unsigned next_address;

	struct resolver_answer addresses; /* of the registrar or proxy, as last resolved */
	struct gateway **gateways;        /* that name it */
	size_t n_gateways;
	UT_hash_handle by_line, by_user;
	struct account *same_user;        /* the next one with the same user */
};

LIST_HEAD(account_list, account);

struct registration_client {
	struct stack *stack;
	struct registrations *set;
	struct gateways *all_gateways;
	struct account_list accounts;
	struct account *by_line, *by_user;
	bool stopped;
};

/* Gateways and people are told -------------------------------------------------------------- */

/** Why it is not registered. */
static const char *words_of(const struct registration_info *info)
{
	if (info->state == REGISTRATION_DISABLED || info->state == REGISTRATION_UNREGISTERING)
		return registration_state_name(info->state);
	return info->words[0] ? info->words : "not answered yet";
}

static void tell(struct account *a)
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

static void error_words(const struct account *a, int error, char out[WORDS_MAX])
{
	const struct db_registration *row = registration_used(a->registration);

	if (error == -ETIMEDOUT)
		snprintf(out, WORDS_MAX, "timeout");
	else if (error == -ENOENT)
		snprintf(out, WORDS_MAX, "name not found");
	else if (error == -EADDRNOTAVAIL && row->local_port)
		snprintf(out, WORDS_MAX, "no listener with port %u leads there", row->local_port);
	else if (error == -EPROTONOSUPPORT)
		snprintf(out, WORDS_MAX, "no listener leads there");
	else
		snprintf(out, WORDS_MAX, "%s", strerror(-error));
}

static void fail(struct account *a, int code, const char *words)
{
	if (a->remove)
		log_warning(NULL, "unregistering failed name=%s reason=%s", registration_name(a->registration), words);
	else
		log_warning(NULL, "registration failed name=%s reason=%s", registration_name(a->registration), words);
	registration_failed(a->registration, code, words, &a->owner->stack->parameters, clock_now_ms());
}

static void fail_error(struct account *a, int error)
{
	char words[WORDS_MAX];

	error_words(a, error, words);
	fail(a, 0, words);
}

/* One request ------------------------------------------------------------------------------- */

static const struct client_handlers client_handlers;

static struct register_request describe(const struct account *a)
{
	return (struct register_request){.row = registration_used(a->registration), .from = a->hop.listener,
		.privacy = a->owner->stack->parameters.user_agent_privacy, .call_id = a->call_id, .tag = a->tag,
		.cseq = a->cseq, .expires_s = a->remove ? 0 : registration_expires_s(a->registration)};
}

/** @param authorization  a whole line, or NULL */
static int send_register(struct account *a, const char *authorization)
{
	struct stack *stack = a->owner->stack;
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	struct client_request request = {.method = "REGISTER", .branch = client_branch(stack->clients, branch),
		.call_id = a->call_id, .from_tag = a->tag, .cseq = ++a->cseq, .text = &t, .hop = &a->hop,
		.resend = &stack->parameters.resend};
	struct register_request content = describe(a);

	content.branch = branch;
	content.authorization = authorization;
	register_write(&t, &content);
	return client_send(&a->client, stack->clients, &request, &client_handlers, a);
}

/** Send it to the next address that takes it. @return 0; the error of the last one */
static int try_addresses(struct account *a)
{
	const struct db_registration *row = registration_used(a->registration);
	int err = -ENOENT;

	while (a->next_address < a->addresses.n) {
		err = sip_hop_from(a->owner->stack->sip, row->local_port, &a->addresses.address[a->next_address++], &a->hop);
		if (!err)
			err = send_register(a, NULL);
		if (!err)
			return 0;
	}
	return err;
}

static void drive(struct account *a);

static void on_resolved(int error, const struct resolver_answer *answer, void *arg)
{
	struct account *a = arg;

	a->query = NULL;
	if (!error) {
		a->addresses = *answer;
		error = try_addresses(a);
	}
	if (error)
		fail_error(a, error);
	drive(a);
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
static int begin(struct account *a, bool remove)
{
	const struct db_registration *row = registration_used(a->registration);
	struct resolver *resolver = a->owner->stack->resolver;
	struct resolver_target target = {.host = row->host, .port = row->port, .transport = row->transport};
	char proxy[300];
	int err;

	a->remove = remove;
	a->challenges = (struct digest_tries){0};
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

static void unlink_gateways(struct account *a)
{
	while (a->n_gateways)
		gateway_unref(a->gateways[--a->n_gateways]);
}

static void account_destroy(struct account *a)
{
	LIST_REMOVE(a, link);
	registration_set_driver(a->registration, NULL);
	resolver_cancel(a->query);
	client_forget(a->client);
	event_del(&a->timer);
	registration_unref(a->registration);
	unlink_gateways(a);
	free(a->gateways);
	free(a);
}

/** Do what is to be done; the account may be gone when this returns. */
static void drive(struct account *a)
{
	struct stack *stack = a->owner->stack;
	enum registration_task task;
	struct timeval tv;
	uint64_t due, now;
	int err = -EAGAIN;

	while (err && (task = registration_next(a->registration, &stack->parameters, clock_now_ms()))) {
		err = begin(a, task == REGISTRATION_UNREGISTER);
		if (err)
			fail_error(a, err);
	}
	tell(a);
	if (registration_is_removed(a->registration) && a->told == REGISTRATION_DISABLED) {
		account_destroy(a);
		return;
	}
	due = registration_due_ms(a->registration);
	now = clock_now_ms();
	if (due == REGISTRATION_NEVER)
		event_del(&a->timer);
	else
		event_add(&a->timer, loop_delay_once(stack->loop, due > now ? (uint32_t)(due - now) : 0, &tv));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drive(arg);
}

/* Answers ----------------------------------------------------------------------------------- */

static void on_accepted(struct account *a, const sip_t *answer)
{
	struct register_request sent = describe(a);
	uint32_t granted_s = a->remove ? 0 : register_granted(answer, &sent);
	struct registration_route route;

	if (!a->remove && !granted_s) {
		fail(a, answer->sip_status->st_status, "accepted, but without our Contact");
		return;
	}
	if (register_service_route(answer, &route))
		log_error(NULL, "Service-Route not kept name=%s error=%s", registration_name(a->registration), strerror(ENOMEM));
	registration_set_route(a->registration, &route);
	registration_succeeded(a->registration, granted_s, clock_now_ms());
}

/** @return 0 when it was sent again with credentials */
static int answer_challenge(struct account *a, const sip_t *challenge)
{
	const struct db_registration *row = registration_used(a->registration);
	struct digest_credentials credentials = {row->auth_user, row->password, row->realm};
	char line[2048], uri[REGISTER_URI_MAX], cnonce[SIP_TOKEN_SIZE];
	struct text t = {.data = line, .size = sizeof(line) - 1};
	int err;

	if (!digest_may_answer(&a->challenges, challenge))
		return -EACCES;
	register_uri(row, uri);
	sip_token(a->owner->stack->sip, cnonce);
	err = digest_answer(&t, challenge, &credentials, "REGISTER", uri, cnonce);
	if (err || t.full)
		return -EBADMSG;
	line[t.len] = '\0';
	return send_register(a, line);
}

static void on_refused(struct account *a, const sip_t *answer)
{
	int status = answer->sip_status->st_status, err = -ECANCELED;
	char words[WORDS_MAX];

	snprintf(words, sizeof(words), "%d %s", status, answer->sip_status->st_phrase);
	if (status == 401 || status == 407)
		err = answer_challenge(a, answer);
	else if (status == 423 && !a->remove && answer->sip_min_expires &&
		!registration_raise(a->registration, (uint32_t)answer->sip_min_expires->me_delta))
		err = send_register(a, NULL);
	if (err == -EACCES)
		fail(a, status, "wrong password");
	else if (err == -EBADMSG)
		fail(a, status, "no challenge that we can answer");
	else if (err == -ECANCELED)
		fail(a, status, words);
	else if (err)
		fail_error(a, err);
}

static void on_response(const struct received *rx, void *arg)
{
	struct account *a = arg;
	int status = rx->sip->sip_status->st_status;

	if (status < 200)
		return;
	a->client = NULL;
	if (status < 300)
		on_accepted(a, rx->sip);
	else
		on_refused(a, rx->sip);
	drive(a);
}

static void on_failure(int error, void *arg)
{
	struct account *a = arg;

	a->client = NULL;
	if (a->next_address < a->addresses.n)
		error = try_addresses(a);
	if (error)
		fail_error(a, error);
	drive(a);
}

static const struct client_handlers client_handlers = {on_response, on_failure};

/* The set ----------------------------------------------------------------------------------- */

int registration_client_create(struct registration_client **out, struct stack *stack, struct registrations *set,
	struct gateways *gateways)
{
	struct registration_client *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->stack = stack;
	c->set = set;
	c->all_gateways = gateways;
	LIST_INIT(&c->accounts);
	*out = c;
	return 0;
}

static void clear_indexes(struct registration_client *c)
{
	HASH_CLEAR(by_line, c->by_line);
	HASH_CLEAR(by_user, c->by_user);
}

void registration_client_destroy(struct registration_client *c)
{
	struct account *a, *next;

	if (!c)
		return;
	clear_indexes(c);
	for (a = LIST_FIRST(&c->accounts); a; a = next) {
		next = LIST_NEXT(a, link);
		account_destroy(a);
	}
	free(c);
}

static void account_create(struct registration_client *c, struct registration *r)
{
	struct account *a = calloc(1, sizeof(*a));
	struct sip *sip = c->stack->sip;

	if (!a) {
		log_error(NULL, "registration left out name=%s error=%s", registration_name(r), strerror(ENOMEM));
		return;
	}
	a->owner = c;
	a->registration = registration_ref(r);
	registration_set_driver(r, a);
	sip_token(sip, a->tag);
	sip_token(sip, a->call_id);
	sip_token(sip, a->call_id + strlen(a->call_id));
	event_assign(&a->timer, loop_base(c->stack->loop), -1, 0, on_timer, a);
	LIST_INSERT_HEAD(&c->accounts, a, link);
}

static void add_to_indexes(struct registration_client *c, struct account *a)
{
	const struct db_registration *row = registration_row(a->registration);
	struct account *first;

	HASH_ADD_KEYPTR(by_line, c->by_line, row->line, strlen(row->line), a);
	HASH_FIND(by_user, c->by_user, row->user, strlen(row->user), first);
	if (first) {
		a->same_user = first->same_user;
		first->same_user = a;
	} else {
		a->same_user = NULL;
		HASH_ADD_KEYPTR(by_user, c->by_user, row->user, strlen(row->user), a);
	}
}

static void link_gateway(struct account *a, struct gateway *gw)
{
	struct gateway **more = realloc(a->gateways, (a->n_gateways + 1) * sizeof(struct gateway *));

	if (!more)
		return; /* it stays unusable, as nobody tells it otherwise */
	a->gateways = more;
	a->gateways[a->n_gateways++] = gateway_ref(gw);
}

static void link_gateways(struct registration_client *c)
{
	for (size_t i = 0; i < gateways_count(c->all_gateways); i++) {
		struct gateway *gw = gateways_at(c->all_gateways, i);
		const char *name = gateway_row(gw)->registration;
		struct registration *r = name[0] ? registrations_find(c->set, name) : NULL;

		if (r && registration_driver(r))
			link_gateway(registration_driver(r), gw);
	}
}

static void drive_all(struct registration_client *c)
{
	struct account *a, *next;

	for (a = LIST_FIRST(&c->accounts); a; a = next) {
		next = LIST_NEXT(a, link);
		drive(a);
	}
}

int registration_client_apply(struct registration_client *c, const struct db_registration *rows, size_t n)
{
	int err = c->stopped ? 0 : registrations_apply(c->set, rows, n, clock_now_ms());
	struct account *a;

	clear_indexes(c);
	LIST_FOREACH(a, &c->accounts, link)
		unlink_gateways(a);
	for (size_t i = 0; i < registrations_count(c->set); i++) {
		struct registration *r = registrations_at(c->set, i);

		if (!registration_driver(r))
			account_create(c, r);
		if (registration_driver(r))
			add_to_indexes(c, registration_driver(r));
	}
	link_gateways(c);
	drive_all(c);
	return err;
}

void registration_client_stop(struct registration_client *c)
{
	if (c->stopped)
		return;
	if (registration_client_apply(c, NULL, 0))
		log_error(NULL, "not unregistered error=%s", strerror(ENOMEM));
	c->stopped = true;
}

bool registration_client_is_over(const struct registration_client *c)
{
	return LIST_EMPTY(&c->accounts);
}

/* Whose call is it? ------------------------------------------------------------------------- */

static const char *name_if_registered(const struct account *a)
{
	return a && registration_is_registered(a->registration, clock_now_ms()) ? registration_name(a->registration) : NULL;
}

const char *registration_client_by_line(const struct registration_client *c, const struct received *rx)
{
	const url_t *url = rx->sip->sip_request->rq_url;
	struct account *a = NULL;
	char line[64];

	if (url_param(url->url_params, "line", line, sizeof(line)) > 0)
		HASH_FIND(by_line, c->by_line, line, strlen(line), a);
	return name_if_registered(a);
}

static bool comes_from(const struct account *a, const struct sockaddr *source)
{
	for (unsigned i = 0; i < a->addresses.n; i++)
		if (sockaddr_same_host(&a->addresses.address[i].addr.any, source))
			return true;
	return false;
}

const char *registration_client_by_source(const struct registration_client *c, const struct received *rx)
{
	const char *user = rx->sip->sip_request->rq_url->url_user;
	struct account *a = NULL, *found = NULL;

	if (user)
		HASH_FIND(by_user, c->by_user, user, strlen(user), a);
	for (; a; a = a->same_user) {
		if (!comes_from(a, rx->source))
			continue;
		if (found)
			return NULL;
		found = a;
	}
	return name_if_registered(found);
}
