#include "registration.h"

#include "peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	AUTO_EXPIRES_S = 3600,         /* what we ask for when the registrar decides */
	EXPIRES_MAX_S = 7 * 24 * 3600, /* longer expiries are cut to this */
	PATIENCE_MS = 1000,            /* with a request under way that is not wanted any more */
	WORDS_MAX = 96
};

struct registration {
	struct peer peer; /* first: the set sees it as this */
	void *driver;
	enum registration_state state;
	uint64_t since_ms;
	bool held;           /* an operator has unregistered it */
	bool busy;           /* a request is under way */
	uint64_t give_up_ms; /* busy: when it is given up because something else is wanted; 0 = it is not */
	uint64_t next_ms;    /* the next request */
	uint64_t turn_ms;    /* since when what has been edited may act */
	uint64_t failed_ms;  /* when the last request failed; 0 = it did not */
	uint64_t expires_ms; /* REGISTERED: end of what was granted */
	struct db_registration *used;
	uint32_t fixed_s; /* the expiry that the operator wanted of it; 0 = Auto */
	enum parameter_privacy privacy;
	uint32_t asked_s;
	uint32_t floor_s; /* the registrar's Min-Expires, as long as the row stays the same */
	bool raised;      /* this request was already answered with 423 */
	int code;
	char words[WORDS_MAX];
	struct registration_route route;
};

/* A kind of peer ---------------------------------------------------------------------------- */

static void on_free(struct peer *p)
{
	struct registration *r = (struct registration *)p;

	registration_set_route(r, NULL);
	free(r->used);
}

const struct peer_type registration_peer_type = {
	.peer_size = sizeof(struct registration),
	.table = &db_registration_table,
	.capacity = PEER_UNLIMITED,
	.cps = PEER_UNLIMITED,
	.on_free = on_free,
};

struct registration *registration_ref(struct registration *r)
{
	peer_ref(&r->peer);
	return r;
}

void registration_unref(struct registration *r)
{
	if (r)
		peer_unref(&r->peer);
}

const char *registration_name(const struct registration *r)
{
	return peer_name(&r->peer);
}

struct response_time *registration_response_time(struct registration *r)
{
	return response_time_of(&r->peer.response_time);
}

const struct db_registration *registration_row(const struct registration *r)
{
	return r->peer.row;
}

const struct db_registration *registration_used(const struct registration *r)
{
	return r->used;
}

bool registration_is_removed(const struct registration *r)
{
	return r->peer.removed;
}

void registration_set_driver(struct registration *r, void *driver)
{
	r->driver = driver;
}

void *registration_driver(const struct registration *r)
{
	return r->driver;
}

/* States ------------------------------------------------------------------------------------ */

const char *registration_state_name(enum registration_state state)
{
	switch (state) {
	case REGISTRATION_DISABLED:
		return "disabled";
	case REGISTRATION_UNREGISTERED:
		return "unregistered";
	case REGISTRATION_REGISTERING:
		return "registering";
	case REGISTRATION_REGISTERED:
		return "registered";
	case REGISTRATION_WAITING:
		return "waiting";
	case REGISTRATION_UNREGISTERING:
		return "unregistering";
	}
	return "unknown";
}

static void set_state(struct registration *r, enum registration_state state, uint64_t now_ms)
{
	if (state == r->state)
		return;
	r->state = state;
	r->since_ms = now_ms;
}

bool registration_is_wanted(const struct registration *r)
{
	return !r->peer.removed && registration_row(r)->enabled && !r->held;
}

void registration_hold(struct registration *r)
{
	r->held = true;
}

void registration_release(struct registration *r, uint64_t now_ms)
{
	r->held = false;
	registration_renew(r, now_ms);
}

void registration_renew(struct registration *r, uint64_t at_ms)
{
	r->next_ms = r->turn_ms = at_ms;
	r->failed_ms = 0;
}

/* Do both rows name the same address of record, Contact and registrar? */
static bool same_binding(const struct db_registration *a, const struct db_registration *b)
{
	return !strcmp(a->host, b->host) && a->port == b->port && !strcmp(a->transport, b->transport) &&
		!strcmp(a->user, b->user) && !strcmp(a->realm, b->realm) &&
		!strcmp(a->contact_host, b->contact_host) && a->local_port == b->local_port &&
		!strcmp(a->line, b->line);
}

static bool same_way(const struct db_registration *a, const struct db_registration *b)
{
	return same_binding(a, b) && !strcmp(a->proxy, b->proxy);
}

static bool same_credentials(const struct db_registration *a, const struct db_registration *b)
{
	return !strcmp(a->auth_user, b->auth_user) && !strcmp(a->password, b->password) &&
		a->tls_verify == b->tls_verify && !strcmp(a->tls_fingerprint, b->tls_fingerprint) &&
		!strcmp(a->tls_certificate, b->tls_certificate);
}

/** What the operator wants; 0 = Auto. */
static uint32_t fixed_expiry_s(const struct registration *r, const struct parameters *p)
{
	const struct db_override_expiry *own = &registration_row(r)->expiry;

	return own->set ? own->value_s : p->user_agent_expire_s;
}

/** Would a request now be another one than the last one was? */
static bool is_edited(const struct registration *r, const struct parameters *p)
{
	const struct db_registration *row = registration_row(r);

	return r->used &&
		(!same_way(r->used, row) || !same_credentials(r->used, row) ||
			r->fixed_s != fixed_expiry_s(r, p) || r->privacy != p->user_agent_privacy);
}

bool registration_wants_turn(const struct registration *r, const struct parameters *p)
{
	return registration_is_wanted(r) && (r->state == REGISTRATION_DISABLED || is_edited(r, p));
}

/** The next request is made from the row in force. */
static int use_row(struct registration *r)
{
	struct db_registration *copy = db_table_copy_row(&db_registration_table, registration_row(r));

	if (!copy)
		return -ENOMEM;
	if (!r->used || !same_way(r->used, copy))
		r->floor_s = 0;
	free(r->used);
	r->used = copy;
	return 0;
}

static enum registration_task begin_register(
	struct registration *r, const struct parameters *p, uint64_t now_ms)
{
	if (use_row(r)) {
		registration_failed(r, 0, "out of memory", now_ms);
		r->turn_ms = now_ms + p->user_agent_retry_delay_ms;
		return REGISTRATION_NOTHING;
	}
	r->fixed_s = fixed_expiry_s(r, p);
	r->privacy = p->user_agent_privacy;
	r->asked_s = r->fixed_s ? r->fixed_s : AUTO_EXPIRES_S;
	if (r->asked_s < r->floor_s)
		r->asked_s = r->floor_s;
	r->raised = false;
	r->busy = true;
	if (r->state != REGISTRATION_REGISTERED)
		set_state(r, REGISTRATION_REGISTERING, now_ms);
	return REGISTRATION_REGISTER;
}

static enum registration_task begin_unregister(struct registration *r, uint64_t now_ms)
{
	if (same_binding(r->used, registration_row(r)))
		use_row(r); /* the password may have changed; without memory the old one is used */
	r->busy = true;
	set_state(r, REGISTRATION_UNREGISTERING, now_ms);
	return REGISTRATION_UNREGISTER;
}

/**
 * Is the REGISTER under way to be given up? If something else is wanted by now, its answer is still awaited for a moment:
 * most come, and then it is known what there is at the registrar.
 */
static bool gives_up(struct registration *r, const struct parameters *p, uint64_t now_ms)
{
	if (r->state == REGISTRATION_UNREGISTERING || (registration_is_wanted(r) && !is_edited(r, p)))
		r->give_up_ms = 0;
	else if (!r->give_up_ms)
		r->give_up_ms = now_ms + PATIENCE_MS;
	return r->give_up_ms && now_ms >= r->give_up_ms;
}

enum registration_task registration_next(struct registration *r, const struct parameters *p, uint64_t now_ms)
{
	bool wanted, given_up;

	if (!registration_row(r)->enabled)
		r->held = false;
	wanted = registration_is_wanted(r);
	if (r->state == REGISTRATION_REGISTERED && now_ms >= r->expires_ms)
		set_state(r, r->busy ? REGISTRATION_REGISTERING : REGISTRATION_WAITING, now_ms);
	given_up = r->busy && gives_up(r, p, now_ms);
	if (r->busy && !given_up)
		return REGISTRATION_NOTHING;
	r->busy = false;
	r->give_up_ms = 0;
	if ((r->state == REGISTRATION_REGISTERED &&
		    !(wanted && same_binding(r->used, registration_row(r)))) ||
		(given_up && !wanted)) { /* it may have made a binding */
		if (p->user_agent_send_unregister || r->held)
			return begin_unregister(r, now_ms);
		set_state(r, REGISTRATION_UNREGISTERED, now_ms);
	}
	if (!wanted) {
		set_state(r, REGISTRATION_DISABLED, now_ms);
		return REGISTRATION_NOTHING;
	}
	if (r->state == REGISTRATION_DISABLED)
		set_state(r, REGISTRATION_UNREGISTERED, now_ms);
	else if (is_edited(r, p))
		r->next_ms = r->turn_ms;
	else if (r->failed_ms)
		r->next_ms = r->failed_ms + p->user_agent_retry_delay_ms;
	return now_ms < r->next_ms ? REGISTRATION_NOTHING : begin_register(r, p, now_ms);
}

uint64_t registration_due_ms(const struct registration *r)
{
	if (r->busy && r->give_up_ms)
		return r->give_up_ms;
	switch (r->state) {
	case REGISTRATION_REGISTERED:
		return r->busy || r->expires_ms < r->next_ms ? r->expires_ms : r->next_ms;
	case REGISTRATION_UNREGISTERED:
	case REGISTRATION_WAITING:
		return r->next_ms;
	case REGISTRATION_DISABLED:
	case REGISTRATION_REGISTERING:
	case REGISTRATION_UNREGISTERING:
		break;
	}
	return REGISTRATION_NEVER;
}

/* Answers ----------------------------------------------------------------------------------- */

uint32_t registration_expires_s(const struct registration *r)
{
	return r->asked_s;
}

int registration_raise(struct registration *r, uint32_t min_expires_s)
{
	if (r->raised || min_expires_s <= r->asked_s || min_expires_s > EXPIRES_MAX_S)
		return -EINVAL;
	r->raised = true;
	r->asked_s = r->floor_s = min_expires_s;
	return 0;
}

static void note_answer(struct registration *r, int code, const char *words)
{
	r->busy = false;
	r->code = code;
	snprintf(r->words, sizeof(r->words), "%s", words);
}

/** The binding is gone. If one is wanted again, or elsewhere, register at once. */
static void end_binding(struct registration *r, uint64_t now_ms)
{
	set_state(r, REGISTRATION_UNREGISTERED, now_ms);
	r->next_ms = now_ms;
	r->failed_ms = 0;
}

void registration_succeeded(struct registration *r, uint32_t granted_s, uint64_t now_ms)
{
	note_answer(r, 200, "200 OK");
	if (r->state == REGISTRATION_UNREGISTERING) {
		end_binding(r, now_ms);
		return;
	}
	if (granted_s > (r->fixed_s ? r->asked_s : EXPIRES_MAX_S))
		granted_s = r->fixed_s ? r->asked_s : EXPIRES_MAX_S;
	r->failed_ms = 0;
	r->expires_ms = now_ms + granted_s * UINT64_C(1000);
	r->next_ms = now_ms + granted_s * UINT64_C(500);
	set_state(r, REGISTRATION_REGISTERED, now_ms);
}

void registration_failed(struct registration *r, int code, const char *words, uint64_t now_ms)
{
	note_answer(r, code, words);
	if (r->state == REGISTRATION_UNREGISTERING) {
		end_binding(r, now_ms);
		return;
	}
	r->failed_ms = now_ms;
	if (r->state != REGISTRATION_REGISTERED)
		set_state(r, REGISTRATION_WAITING, now_ms);
}

bool registration_is_registered(const struct registration *r, uint64_t now_ms)
{
	return r->state == REGISTRATION_REGISTERED && now_ms < r->expires_ms;
}

bool registration_binding(const struct registration *r, uint64_t now_ms, struct registration_binding *out)
{
	*out = (struct registration_binding){.used = r->used,
		.fixed_s = r->fixed_s,
		.asked_s = r->asked_s,
		.privacy = r->privacy,
		.expires_ms = r->expires_ms,
		.next_ms = r->busy ? now_ms : r->next_ms};
	return registration_is_registered(r, now_ms);
}

int registration_resume(struct registration *r, const struct registration_binding *b, uint64_t now_ms)
{
	struct db_registration *copy;

	if (b->expires_ms <= now_ms)
		return -ESTALE;
	copy = db_table_copy_row(&db_registration_table, b->used);
	if (!copy)
		return -ENOMEM;
	free(r->used);
	r->used = copy;
	r->fixed_s = b->fixed_s;
	r->asked_s = b->asked_s;
	r->privacy = b->privacy;
	r->expires_ms = b->expires_ms;
	r->next_ms = b->next_ms;
	note_answer(r, 200, "200 OK");
	set_state(r, REGISTRATION_REGISTERED, now_ms);
	return 0;
}

void registration_set_route(struct registration *r, struct registration_route *route_take)
{
	free(r->route.lines);
	free(r->route.host);
	r->route = route_take ? *route_take : (struct registration_route){0};
}

const struct registration_route *registration_route(const struct registration *r, uint64_t now_ms)
{
	return r->route.lines && registration_is_registered(r, now_ms) ? &r->route : NULL;
}

void registration_info(const struct registration *r, uint64_t now_ms, struct registration_info *out)
{
	*out = (struct registration_info){
		.state = r->state, .since_ms = r->since_ms, .code = r->code, .words = r->words};
	if (r->held && r->state == REGISTRATION_DISABLED)
		out->words = "unregistered by command";
	if (registration_is_registered(r, now_ms))
		out->expires_ms = r->expires_ms;
	if (!r->busy && r->state != REGISTRATION_DISABLED)
		out->due_ms = r->next_ms;
}
