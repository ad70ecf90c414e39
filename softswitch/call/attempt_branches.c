#include "attempt_state.h"

#include "address.h"
#include "bindings.h"
#include "cause.h"
#include "field.h"
#include "gateway.h"
#include "request_retry.h"

#include <sofia-sip/sip.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** A contact; a copy: what is registered may change meanwhile. */
struct attempt_branch {
	struct attempt *attempt;
	struct invite *invite; /* NULL: not called, over, or somebody else's */
	struct hop hop;
	bool nat;
	char *uri;  /* Request-URI */
	char *path; /* whole Route lines; "" = none */
};

static const struct invite_handlers handlers;

static unsigned index_of(const struct attempt_branch *b)
{
	return (unsigned)(b - b->attempt->branches.of);
}

/** It is the one heard of last. What crosses between the caller and the early dialogs of the one before ends. */
static void focus(const struct attempt_branch *b)
{
	struct attempt *a = b->attempt;
	const bool another = a->invite && a->invite != b->invite;

	if (another)
		a->handlers->on_early_end(a->arg);
	a->invite = b->invite;
	attempt_name_server(a, index_of(b));
	snprintf(a->call_id, sizeof(a->call_id), "%s", invite_dialog(b->invite)->call_id);
	if (another && invite_is_open(b->invite))
		a->handlers->on_sending(a->arg); /* which INVITE it is must outlive the process */
}

/** What its INVITE is made from. */
static void use(struct attempt *a, const struct attempt_branch *b)
{
	address_name(&b->hop.to.any, a->route.target);
	a->content->request_uri = b->uri;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): without memory for it nobody is called */
	a->content->route = b->path[0] ? b->path : NULL;
}

static int call(struct attempt *a, struct attempt_branch *b)
{
	struct hop hop = b->hop;
	struct invite *invite = NULL;
	int err;

	use(a, b);
	err = attempt_create_invite(
		a, &invite, &hop, b->nat ? DB_OVERRIDE_ON : gateway_row(a->gateway)->nat, &handlers, b);
	if (!err && !a->invite)
		a->sending = invite;
	b->invite = invite; /* with which it is written */
	if (!err)
		err = invite_send(invite, a->content, &a->policy.resend);
	a->sending = NULL;
	if (err) {
		b->invite = NULL;
		invite_destroy(invite);
	} else if (!a->invite) {
		focus(b);
	}
	return err;
}

static bool is_alone(const struct attempt_branch *b)
{
	const struct attempt_branches *all = &b->attempt->branches;

	for (unsigned i = 0; i < all->n; i++)
		if (&all->of[i] != b && all->of[i].invite)
			return false;
	return true;
}

static void abandon_others(const struct attempt_branch *b, const char *reason_header)
{
	const struct attempt_branches *all = &b->attempt->branches;

	for (unsigned i = 0; i < all->n; i++)
		if (&all->of[i] != b && all->of[i].invite) {
			invite_abandon(all->of[i].invite, reason_header);
			all->of[i].invite = NULL;
		}
}

/** It has failed, and others go on. */
static void drop(struct attempt_branch *b, int result)
{
	struct attempt *a = b->attempt;
	struct invite *over = b->invite;

	a->result[index_of(b)] = result;
	b->invite = NULL;
	for (unsigned i = 0; i < a->branches.n && a->invite == over; i++)
		if (a->branches.of[i].invite)
			focus(&a->branches.of[i]);
	invite_destroy(over);
}

/* Answers ----------------------------------------------------------------------------------- */

static void on_sending(void *arg)
{
	const struct attempt_branch *b = arg;

	attempt_invite_handlers.on_sending(b->attempt);
}

static void on_provisional(const struct received *rx, void *arg)
{
	const struct attempt_branch *b = arg;

	if (rx->sip->sip_status->st_status != 100)
		focus(b);
	attempt_invite_handlers.on_provisional(rx, b->attempt);
}

static void on_answer(const struct received *rx, void *arg)
{
	const struct attempt_branch *b = arg;
	char reason[128];

	focus(b);
	cause_reason_header(reason, sizeof(reason), 200, "Call completed elsewhere");
	abandon_others(b, reason);
	attempt_invite_handlers.on_answer(rx, b->attempt);
}

/** The lower the better (RFC 3261 section 16.7 step 6). */
static int rank(const struct received *rx)
{
	static const int telling[] = {401, 407, 415, 420, 484};
	const int status = rx->sip->sip_status->st_status;

	for (unsigned i = 0; i < sizeof(telling) / sizeof(telling[0]); i++)
		if (status == telling[i])
			return 400;
	return status >= 600 ? 0 : status / 100 * 100 + 1;
}

static void keep_best(struct attempt_branches *all, const struct received *rx)
{
	if (all->best.rx.msg && rank(&all->best.rx) <= rank(rx))
		return;
	if (all->best.rx.msg)
		received_drop(&all->best);
	received_keep(&all->best, rx);
}

/** All have failed. @param error  of the last one, if nobody has said anything */
static void fail(struct attempt *a, int error)
{
	struct received_kept kept = {0}; /* the attempt goes, and the answer is still needed */
	const struct received *best = a->branches.best.rx.msg ? &kept.rx : NULL;
	struct attempt_end end = {.failure = best ? FAILOVER_FAILURE_CODE
			: error == -ETIMEDOUT     ? FAILOVER_FAILURE_TIMEOUT
						  : FAILOVER_FAILURE_TRANSPORT,
		.stage = a->stage,
		.error = error,
		.rx = best};

	if (best) {
		received_keep(&kept, &a->branches.best.rx);
		end.sip_code = best->sip->sip_status->st_status;
	}
	a->handlers->on_failed(&end, a->arg);
	if (best)
		received_drop(&kept);
}

/** A 6xx is everybody's answer. */
static void on_refused(const struct received *rx, void *arg)
{
	struct attempt_branch *b = arg;
	struct attempt *a = b->attempt;
	const int status = rx->sip->sip_status->st_status;

	if (a->invite == b->invite)
		a->handlers->on_early_end(a->arg);
	if (invite_retry(b->invite, a->content, &a->policy.resend, rx->sip))
		return;
	keep_best(&a->branches, rx);
	if (status >= 600) {
		focus(b);
		abandon_others(b, NULL);
	}
	if (is_alone(b))
		fail(a, 0);
	else
		drop(b, status);
}

static void on_failure(int error, void *arg)
{
	struct attempt_branch *b = arg;

	if (is_alone(b))
		fail(b->attempt, error);
	else
		drop(b, error);
}

static const struct invite_handlers handlers = {
	on_sending, on_provisional, on_answer, on_refused, on_failure};

/* All of them ------------------------------------------------------------------------------- */

static int make_room(struct attempt *a)
{
	a->branches.of = calloc(RESOLVER_ADDRESSES_MAX, sizeof(*a->branches.of));
	return a->branches.of ? 0 : -ENOMEM;
}

static struct attempt_branch *add(struct attempt *a, const struct hop *hop)
{
	const unsigned i = a->branches.n++;
	struct attempt_branch *b = &a->branches.of[i];
	struct resolver_address *server = &a->servers.address[i];

	b->attempt = a;
	hop_copy(&b->hop, hop);
	server->length = address_length(&hop->to.any);
	server->transport = hop->listener->transport;
	memcpy(&server->addr, &hop->to, server->length);
	a->servers.n = a->next_server = a->branches.n;
	return b;
}

static int add_contact(struct attempt *a, const struct binding *binding, const struct hop *hop)
{
	struct attempt_branch *b = add(a, hop);

	b->nat = binding->nat;
	b->uri = strdup(binding->contact);
	b->path = strdup(binding->path);
	return b->uri && b->path ? 0 : -ENOMEM;
}

static int copy(struct attempt *a, const struct bindings *bindings, const char *endpoint)
{
	int err = make_room(a);

	for (const struct binding *b = bindings_first(bindings, endpoint);
		b && !err && a->branches.n < RESOLVER_ADDRESSES_MAX; b = binding_next(b)) {
		const struct hop *hop = b->attached;

		if (hop && hop->listener)
			err = add_contact(a, b, hop);
	}
	return err;
}

/** A PRACK would have to know whose response it is for. */
static void choose_100rel(const struct attempt *a)
{
	if (a->branches.n > 1)
		a->content->sip_100rel = PARAMETER_100REL_OFF;
}

int attempt_branches_call(struct attempt *a, const struct bindings *bindings, const char *endpoint)
{
	int err = copy(a, bindings, endpoint), last = -EHOSTUNREACH;

	choose_100rel(a);
	for (unsigned i = 0; i < a->branches.n && !err; i++)
		if ((a->result[i] = call(a, &a->branches.of[i])))
			last = a->result[i];
	return err ? err : a->invite ? 0 : last;
}

static int go_on(struct attempt *a, struct invite *invite_take)
{
	struct attempt_branch *b = add(a, &invite_dialog(invite_take)->hop);

	b->invite = invite_take;
	return invite_go_on(invite_take, a->content, &a->policy.resend, &handlers, b);
}

int attempt_branches_resume(struct attempt *a, const struct field_bytes *bytes)
{
	struct field_bytes left = *bytes;
	struct invite *invite;
	int err = make_room(a);

	if (!err)
		err = go_on(a, a->invite);
	while (!err && a->branches.n < RESOLVER_ADDRESSES_MAX &&
		attempt_read_branch(&invite, a->stack, a->call, &left)) {
		const unsigned i = a->branches.n;

		a->result[i] = go_on(a, invite);
		if (!a->result[i])
			continue;
		a->branches.of[i].invite = NULL;
		invite_destroy(invite);
	}
	choose_100rel(a);
	return err;
}

struct invite *attempt_branches_next(const struct attempt *a, unsigned *i)
{
	while (*i < a->branches.n) {
		struct invite *invite = a->branches.of[(*i)++].invite;

		if (invite)
			return invite;
	}
	return NULL;
}

void attempt_branches_stop_resending(struct attempt *a)
{
	for (unsigned i = 0; i < a->branches.n; i++)
		if (a->branches.of[i].invite)
			invite_stop_resending(a->branches.of[i].invite);
}

void attempt_branches_abandon(struct attempt *a, const char *reason_header)
{
	for (unsigned i = 0; i < a->branches.n; i++)
		if (a->branches.of[i].invite)
			invite_abandon(a->branches.of[i].invite, reason_header);
	for (unsigned i = 0; i < a->branches.n; i++)
		a->branches.of[i].invite = NULL;
}

void attempt_branches_take(struct attempt *a)
{
	for (unsigned i = 0; i < a->branches.n; i++)
		if (a->branches.of[i].invite == a->invite)
			a->branches.of[i].invite = NULL;
}

void attempt_branches_clear(struct attempt *a)
{
	for (unsigned i = 0; i < a->branches.n; i++) {
		struct attempt_branch *b = &a->branches.of[i];

		invite_destroy(b->invite);
		hop_clear(&b->hop);
		free(b->uri);
		free(b->path);
	}
	free(a->branches.of);
	if (a->branches.best.rx.msg)
		received_drop(&a->branches.best);
	a->branches = (struct attempt_branches){0};
}
