#include "login.h"

#include "address.h"
#include "authentication.h"
#include "clock.h"
#include "db_suspension.h"
#include "endpoints.h"
#include "log.h"
#include "message.h"
#include "state.h"
#include "suspensions.h"
#include "unanswered.h"

#include <event2/util.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 1024 };

struct login {
	const struct stack *stack;
	const struct endpoints *endpoints;
	struct authentication *authentication;
	struct unanswered *unanswered;
	struct suspensions *suspensions[LOGIN_KINDS];
	struct state *state; /* NULL: nothing is kept */
	login_refused_h *on_refused;
	void *arg;
};

/** What is in force for a kind of request. */
struct rule {
	struct authentication_realm realm;
	struct suspensions_limits limits;
	int status; /* of a challenge */
};

static struct rule rule_of(const struct login *l, enum login_kind kind)
{
	const struct parameters *p = &l->stack->parameters;
	const struct authentication_realm realm = {
		.name = p->authentication_realm, .lifetime_ms = p->authentication_timeout_ms};
	struct rule rule = {realm, {p->endpoint_register_retry, p->endpoint_register_suspend_ms}, 401};

	if (kind == LOGIN_CALL) {
		rule.limits =
			(struct suspensions_limits){p->authentication_retry, p->authentication_timeout_ms};
		rule.status = (int)p->authentication_code;
		rule.realm.by_proxy = rule.status == 407;
	}
	return rule;
}

/** To a request that is so short that the answer may not have both algorithms MD5 alone is offered. */
static void challenge(const struct rule *rule, const struct received *rx, bool stale, bool simple)
{
	char lines[LINES_MAX];
	struct text t = {.data = lines, .size = sizeof(lines) - 1};

	authentication_challenge(&t, &rule->realm, rx, stale, simple);
	text_end(&t);
	if (!transport_reply_bounded(rx, rule->status, NULL, lines) && !simple)
		challenge(rule, rx, stale, true);
}

static void tell(const struct login *l, enum login_refusal why, const struct received *rx, const char *user)
{
	if (l->on_refused)
		l->on_refused(why, rx, user, l->arg);
}

/* What outlives a restart ------------------------------------------------------------------- */

enum { ID_MAX = SUSPENSIONS_USER_MAX + ADDRESS_HOST_MAX + 1 };

/** The same for all addresses that count as one. */
static void write_id(char out[ID_MAX], const struct suspensions_pair *pair)
{
	struct sockaddr_in6 network = {.sin6_family = AF_INET6};
	char host[ADDRESS_HOST_MAX];

	address_network(pair->source, network.sin6_addr.s6_addr);
	address_host((const struct sockaddr *)&network, host);
	snprintf(out, ID_MAX, "%.*s %s", SUSPENSIONS_USER_MAX - 1, pair->user, host);
}

static void keep(const struct login *l, const struct suspensions_pair *pair, uint64_t length_ms)
{
	char id[ID_MAX], host[ADDRESS_HOST_MAX];
	const struct db_suspension row = {.id = id,
		.user = pair->user,
		.source = host,
		.until_s = (uint32_t)((clock_epoch_ms() + (int64_t)length_ms) / 1000)};

	if (!l->state)
		return;
	write_id(id, pair);
	address_host(pair->source, host);
	if (state_put(l->state, &db_suspension_table, &row))
		log_warning(NULL, "suspension would not survive a restart user=%s reason=%s", pair->user,
			"no memory");
}

static void on_ended(const char *user, const struct sockaddr *source, void *arg)
{
	const struct login *l = arg;
	const struct suspensions_pair pair = {source, user};
	char id[ID_MAX];

	if (!l->state)
		return;
	write_id(id, &pair);
	state_remove(l->state, &db_suspension_table, id);
}

static void on_kept(const void *kept, void *arg)
{
	const struct login *l = arg;
	const struct db_suspension *row = kept;
	const int64_t left_ms = 1000 * (int64_t)row->until_s - clock_epoch_ms();
	struct sockaddr_storage source;
	int n = sizeof(source);
	const struct suspensions_pair pair = {(const struct sockaddr *)&source, row->user};

	if (left_ms <= 0 || evutil_parse_sockaddr_port(row->source, (struct sockaddr *)&source, &n) ||
		suspensions_add(l->suspensions[LOGIN_REGISTER], &pair, clock_now_ms() + (uint64_t)left_ms))
		state_remove(l->state, &db_suspension_table, row->id);
}

void login_restore(struct login *l, struct state *state)
{
	l->state = state;
	if (state_load(state, &db_suspension_table, on_kept, l))
		log_warning(NULL, "suspensions not restored reason=%s", "no memory");
}

/* Wrong answers ----------------------------------------------------------------------------- */

static void log_suspended(const struct suspensions_pair *pair, const struct suspensions_limits *limits)
{
	char source[ADDRESS_NAME_MAX];

	address_name(pair->source, source);
	log_warning(
		NULL, "suspended user=%s source=%s seconds=%u", pair->user, source, limits->length_ms / 1000);
}

/** Without SS_REPLY_UNAUTHORIZED wrong answers get none. @return whether it gets another challenge */
static bool on_wrong(struct login *l, enum login_kind kind, const struct rule *rule,
	const struct suspensions_pair *pair, const struct received *rx)
{
	const bool suspended =
		suspensions_on_wrong(l->suspensions[kind], pair, &rule->limits, clock_now_ms());

	if (suspended && kind == LOGIN_REGISTER) {
		log_suspended(pair, &rule->limits);
		keep(l, pair, rule->limits.length_ms);
	}
	if (suspended && l->stack->parameters.reply_unauthorized)
		transport_reply_bounded(rx, 403, NULL, NULL);
	return !suspended && l->stack->parameters.reply_unauthorized;
}

bool login_is_named(const struct login *l, const struct received *rx)
{
	const struct rule rule = rule_of(l, LOGIN_CALL);
	struct authentication_credentials credentials;

	return authentication_find(&credentials, rx->sip, &rule.realm);
}

/** Somebody who has registered has shown what it can answer; requests that others forge change nothing about that. */
static bool is_simple(const struct login *l, enum login_offer offer, uint64_t key)
{
	return offer == LOGIN_OFFER_MD5 ||
		(offer == LOGIN_OFFER_UNKNOWN && unanswered_is_simple(l->unanswered, key));
}

struct endpoint *login_check(
	struct login *l, enum login_kind kind, const struct received *rx, enum login_offer *offer)
{
	const struct rule rule = rule_of(l, kind);
	struct authentication_credentials credentials;
	const bool found = authentication_find(&credentials, rx->sip, &rule.realm);
	const struct suspensions_pair pair = {
		rx->source, found ? credentials.user : message_uri_user(rx->sip->sip_from->a_url)};
	struct endpoint *e = found ? endpoints_by_user(l->endpoints, credentials.user) : NULL;
	const struct db_endpoint *row = e ? endpoint_row(e) : NULL;
	const struct authentication_account account = {
		row ? row->password : "", {row ? row->ha1_md5 : "", row ? row->ha1_sha256 : ""}};
	const uint64_t client = unanswered_key(rx->source, pair.user);

	if (suspensions_has(l->suspensions[kind], &pair, clock_now_ms())) {
		tell(l, LOGIN_SUSPENDED, rx, pair.user);
		if (l->stack->parameters.reply_unauthorized)
			transport_reply_bounded(rx, 403, NULL, NULL);
		return NULL;
	}
	if (!found) {
		unanswered_on_challenge(l->unanswered, client, rule.realm.lifetime_ms, clock_now_ms());
		challenge(&rule, rx, false, is_simple(l, *offer, client));
		return NULL;
	}
	unanswered_on_answer(l->unanswered, client);
	if (is_simple(l, *offer, client))
		*offer = LOGIN_OFFER_MD5;
	switch (authentication_check(l->authentication, &credentials, e ? &account : NULL, &rule.realm, rx)) {
	case AUTHENTICATION_RIGHT:
		suspensions_on_right(l->suspensions[kind], &pair);
		return e;
	case AUTHENTICATION_STALE:
		challenge(&rule, rx, true, credentials.algorithm == DIGEST_HASH_MD5);
		break;
	case AUTHENTICATION_WRONG:
		tell(l, e ? LOGIN_WRONG_PASSWORD : LOGIN_UNKNOWN_USER, rx, pair.user);
		if (on_wrong(l, kind, &rule, &pair, rx))
			challenge(&rule, rx, false, *offer == LOGIN_OFFER_MD5);
		break;
	}
	return NULL;
}

const struct suspensions *login_suspensions(const struct login *l)
{
	return l->suspensions[LOGIN_REGISTER];
}

int login_suspend(struct login *l, const struct suspensions_pair *pair, uint64_t length_ms)
{
	int err = suspensions_add(l->suspensions[LOGIN_REGISTER], pair, clock_now_ms() + length_ms);

	if (!err)
		keep(l, pair, length_ms);
	return err;
}

bool login_lift(struct login *l, const struct suspensions_pair *pair)
{
	return suspensions_lift(l->suspensions[LOGIN_REGISTER], pair, clock_now_ms());
}

void login_on_refused(struct login *l, login_refused_h *h, void *arg)
{
	l->on_refused = h;
	l->arg = arg;
}

int login_create(struct login **out, const struct stack *stack, const struct endpoints *endpoints)
{
	struct login *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->stack = stack;
	l->endpoints = endpoints;
	if (authentication_create(&l->authentication) || unanswered_create(&l->unanswered) ||
		suspensions_create(&l->suspensions[LOGIN_REGISTER], on_ended, l) ||
		suspensions_create(&l->suspensions[LOGIN_CALL], NULL, NULL)) {
		login_destroy(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

void login_destroy(struct login *l)
{
	if (!l)
		return;
	authentication_destroy(l->authentication);
	unanswered_destroy(l->unanswered);
	for (unsigned i = 0; i < LOGIN_KINDS; i++)
		suspensions_destroy(l->suspensions[i]);
	free(l);
}
