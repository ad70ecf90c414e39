#include "login.h"

#include "address.h"
#include "authentication.h"
#include "clock.h"
#include "endpoints.h"
#include "log.h"
#include "message.h"
#include "suspensions.h"

#include <errno.h>
#include <stdlib.h>

enum { LINES_MAX = 1024 };

struct login {
	const struct stack *stack;
	const struct endpoints *endpoints;
	struct authentication *authentication;
	struct suspensions *suspensions[LOGIN_KINDS];
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

static void challenge(const struct rule *rule, const struct received *rx, bool stale)
{
	char lines[LINES_MAX];
	struct text t = {.data = lines, .size = sizeof(lines) - 1};

	authentication_challenge(&t, &rule->realm, rx, stale);
	text_end(&t);
	transport_reply_bounded(rx, rule->status, NULL, lines);
}

static void log_suspended(const struct suspensions_pair *pair, const struct suspensions_limits *limits)
{
	char source[ADDRESS_NAME_MAX];

	address_name(pair->source, source);
	log_warning(
		NULL, "suspended user=%s source=%s seconds=%u", pair->user, source, limits->length_ms / 1000);
}

/** Without SS_REPLY_UNAUTHORIZED wrong answers get none. */
static void on_wrong(struct login *l, enum login_kind kind, const struct rule *rule,
	const struct suspensions_pair *pair, const struct received *rx)
{
	const bool suspended =
		suspensions_on_wrong(l->suspensions[kind], pair, &rule->limits, clock_now_ms());

	if (suspended && kind == LOGIN_REGISTER)
		log_suspended(pair, &rule->limits);
	if (!l->stack->parameters.reply_unauthorized)
		return;
	if (suspended)
		transport_reply_bounded(rx, 403, NULL, NULL);
	else
		challenge(rule, rx, false);
}

bool login_is_named(const struct login *l, const struct received *rx)
{
	const struct rule rule = rule_of(l, LOGIN_CALL);
	struct authentication_credentials credentials;

	return authentication_find(&credentials, rx->sip, &rule.realm);
}

struct endpoint *login_check(struct login *l, enum login_kind kind, const struct received *rx)
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

	if (suspensions_has(l->suspensions[kind], &pair, clock_now_ms())) {
		if (l->stack->parameters.reply_unauthorized)
			transport_reply_bounded(rx, 403, NULL, NULL);
		return NULL;
	}
	if (!found) {
		challenge(&rule, rx, false);
		return NULL;
	}
	switch (authentication_check(l->authentication, &credentials, e ? &account : NULL, &rule.realm, rx)) {
	case AUTHENTICATION_RIGHT:
		suspensions_on_right(l->suspensions[kind], &pair);
		return e;
	case AUTHENTICATION_STALE:
		challenge(&rule, rx, true);
		break;
	case AUTHENTICATION_WRONG:
		on_wrong(l, kind, &rule, &pair, rx);
		break;
	}
	return NULL;
}

struct suspensions *login_suspensions(const struct login *l)
{
	return l->suspensions[LOGIN_REGISTER];
}

int login_create(struct login **out, const struct stack *stack, const struct endpoints *endpoints)
{
	struct login *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->stack = stack;
	l->endpoints = endpoints;
	if (authentication_create(&l->authentication) ||
		suspensions_create(&l->suspensions[LOGIN_REGISTER]) ||
		suspensions_create(&l->suspensions[LOGIN_CALL])) {
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
	for (unsigned i = 0; i < LOGIN_KINDS; i++)
		suspensions_destroy(l->suspensions[i]);
	free(l);
}
