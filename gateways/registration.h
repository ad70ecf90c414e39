/** @file registration.h  One account of ours at a carrier's registrar: what to do next, and when.
 *
 *	                wanted                REGISTER sent              2xx
 *	DISABLED ──────────────► UNREGISTERED ─────────────► REGISTERING ─────► REGISTERED ◄──┐ refreshed at half time;
 *	    ▲                     ▲       ▲                   │       ▲            │   │  └───┘ a refresh that fails is tried
 *	    │ not wanted          │       │ wanted again,     │failed │ retry      │   │        again after the same wait
 *	    │                     │       │ or elsewhere      ▼       │            │   │
 *	    ├─────────────────────┘       │                  WAITING ─┘◄───────────┘   │ not wanted, or elsewhere
 *	    │                             │                             expired        ▼
 *	    └─────────────────────────────┴──────────────────────────────────── UNREGISTERING
 *
 * Wanted: its row is there and enabled, and no operator has unregistered it. A REGISTER that is unanswered a second after
 * something else was wanted is given up, and what it may have made is removed.
 *
 * Its driver asks registration_next() whenever something may have changed, does what it says, and reports back.
 */
#ifndef REGISTRATION_H
#define REGISTRATION_H

#include "db_registration.h"

#include <stdbool.h>
#include <stdint.h>

struct registration; /* owned by struct registrations, kept alive by registration_ref() */

enum registration_state {
	REGISTRATION_DISABLED,     /* not wanted */
	REGISTRATION_UNREGISTERED, /* to be registered at the scheduled time */
	REGISTRATION_REGISTERING,  /* no binding yet, a request is under way */
	REGISTRATION_REGISTERED, /* a binding is in force, also while a refresh is under way or has failed */
	REGISTRATION_WAITING,    /* the last attempt failed, the next one is scheduled */
	REGISTRATION_UNREGISTERING, /* the binding is being removed */
};
/** "disabled", "unregistered", ... */
const char *registration_state_name(enum registration_state state);

enum registration_task { REGISTRATION_NOTHING, REGISTRATION_REGISTER, REGISTRATION_UNREGISTER };

struct registration *registration_ref(struct registration *r);
/** Drop a reference; the last one of a removed registration frees it. NULL is fine. */
void registration_unref(struct registration *r);

/** Valid until the next registrations_commit(). */
const char *registration_name(const struct registration *r);
/** The row as last loaded; valid until the next registrations_commit(). */
const struct db_registration *registration_row(const struct registration *r);
/** How fast its registrar answers; NULL without memory. */
struct response_time *registration_response_time(struct registration *r);
/** The row that the request under way, or the last one, was made from; NULL before the first. */
const struct db_registration *registration_used(const struct registration *r);
/** Is it to be registered? */
bool registration_is_wanted(const struct registration *r);
bool registration_is_removed(const struct registration *r);

/** The driver's own pointer; NULL at first. */
void registration_set_driver(struct registration *r, void *driver);
void *registration_driver(const struct registration *r);

/**
 * What to do now. Anything but REGISTRATION_NOTHING has begun when this returns, and what was under way is over: send it and report with
 * registration_succeeded() or registration_failed(). Ask again after that, at registration_due_ms(), and when rows or
 * parameters have changed.
 *
 * What has been edited acts at once, or in its turn when much has been (registrations_commit()): another password,
 * expiry or proxy, and the parameters behind them, send REGISTER again; another address of record, Contact or registrar
 * removes the old binding and creates a new one. Another retry delay counts from the failure.
 *
 * @param now_ms  monotonic
 */
enum registration_task registration_next(struct registration *r, const struct parameters *p, uint64_t now_ms);
/** An operator unregisters it. So it stays until registration_release(), or until its row has been disabled meanwhile. */
void registration_hold(struct registration *r);
/** An operator registers it, now; a disabled row stays unregistered. */
void registration_release(struct registration *r, uint64_t now_ms);
/** Register at this time, whatever was due before: another try, a refresh. @param at_ms  monotonic; not later than now for at once */
void registration_renew(struct registration *r, uint64_t at_ms);
enum { REGISTRATION_NEVER = 0 };
/** When to ask again even if nothing happens, monotonic; REGISTRATION_NEVER = only after an event. */
uint64_t registration_due_ms(const struct registration *r);

/** The expiry that the REGISTER under way asks for, in seconds. */
uint32_t registration_expires_s(const struct registration *r);
/** It was answered with 423 and this Min-Expires. @return 0: send it again; -EINVAL: it counts as a failure */
int registration_raise(struct registration *r, uint32_t min_expires_s);

/**
 * The request was accepted.
 *
 * @param granted_s  of a REGISTER: the expiry granted. With an automatic expiry it applies as it is, otherwise it can only
 *                   shorten what was asked for. A refresh is due after half of it
 */
void registration_succeeded(struct registration *r, uint32_t granted_s, uint64_t now_ms);
/**
 * The request failed, for any reason. A REGISTER is repeated after SS_SIP_USER_AGENT_RETRY_DELAY; a binding that was
 * granted before stays in force until it expires. An UNREGISTER is abandoned: the binding will expire.
 *
 * @param code   final code, 0 = none came
 * @param words  why: "403 Forbidden", "timeout"; copied
 */
void registration_failed(struct registration *r, int code, const char *words, uint64_t now_ms);

/** What a binding in force is, for another process; times are monotonic. */
struct registration_binding {
	const struct db_registration *used; /* registration_used() */
	uint32_t fixed_s, asked_s; /* the expiry that the operator wanted, 0 = Auto; that was asked for */
	enum parameter_privacy privacy;
	uint64_t expires_ms, next_ms; /* when the next REGISTER is due */
};
/** @return false when there is none; out->used is valid as long as that of the registration */
bool registration_binding(const struct registration *r, uint64_t now_ms, struct registration_binding *out);
/**
 * Go on with the binding of the process before, as a new registration; registration_next() sees what has been edited
 * since.
 *
 * @return 0; -ESTALE it has expired; -ENOMEM
 */
int registration_resume(struct registration *r, const struct registration_binding *binding, uint64_t now_ms);

/** Is a binding in force? */
bool registration_is_registered(const struct registration *r, uint64_t now_ms);

/** The Service-Route that the registrar gave us (RFC 3608). */
struct registration_route {
	char *lines;       /* "Route: <sip:...>\r\n" for each */
	char *host;        /* of the first one */
	char transport[4]; /* "udp", "tcp", "tls"; "" = as DNS says */
	uint16_t port;     /* 0 = as DNS says */
};
/** @param route_take  its strings are freed here; NULL = none */
void registration_set_route(struct registration *r, struct registration_route *route_take);
/** @return NULL when there is none, or while not registered; valid until the next answer of the registrar */
const struct registration_route *registration_route(const struct registration *r, uint64_t now_ms);

/** For people. */
struct registration_info {
	enum registration_state state;
	uint64_t since_ms;   /* the state's */
	uint64_t due_ms;     /* the next request; 0 = none is planned */
	uint64_t expires_ms; /* when the binding expires; 0 = there is none */
	int code;            /* of the last answer; 0 = none came */
	/* How the last request ended: "200 OK", "403 Forbidden", "timeout"; "" = none was sent yet. Or why it is disabled. */
	const char *words;
};
void registration_info(const struct registration *r, uint64_t now_ms, struct registration_info *out);

/* Private to gateways/. */

/** struct registration begins with its struct peer. */
extern const struct peer_type registration_peer_type;
/** Is it to register for the first time, or again because of what has been edited? */
bool registration_wants_turn(const struct registration *r, const struct parameters *p);

#endif
