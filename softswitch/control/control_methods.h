/** @file control_methods.h  The methods of the control socket. */
#ifndef CONTROL_METHODS_H
#define CONTROL_METHODS_H

#include "control_endpoints.h"

#include <stdint.h>

struct calls;
struct cdr_log;
struct gateways;
struct mapping_gateways;
struct routing;
struct registration;
struct registrations;
struct strangers;
struct transport;

/** What the methods report on, all of it borrowed: the `arg` of control_socket_create(). */
struct control_methods_context {
	struct control_endpoints_context endpoints; /* first: its methods see nothing else */
	const char *name, *version;
	const char *db, *cdr;  /* absolute paths */
	uint64_t started_ms;   /* clock_now_ms() at startup */
	const char *state;     /* "running", "draining": calls may end by themselves; "stopping" */
	char state_reason[80]; /* why it is not running; "" */
	const struct gateways *gateways;
	const struct mapping_gateways *mapping_gateways;
	const struct registrations *registrations;
	/** One of them was told to register or to unregister. */
	void (*on_registration)(struct registration *r);
	struct routing *routing;
	const struct calls *calls;
	struct cdr_log *cdr_log;
	const struct transport *transport;
	const struct strangers *strangers;
	/**
	 * Have another program go on in place of this process; control_socket_answer() says what has become of it.
	 *
	 * @param program   its file; NULL = the one that runs
	 * @param only_ask  whether it could
	 * @return NULL; why not even that can be asked now
	 */
	const char *(*on_restart)(const char *program, bool only_ask, void *arg);
	void *on_restart_arg;
};

/**
 * system.status   {}: name, version, state, reason, uptime_ms, db, cdr, calls, records, held, listeners
 * system.restart  {binary}: control_restart_plan(), then the switch restarts in place, with this program or its own
 * system.restart.check {binary}: the same, and nothing happens
 * calls.list      {limit, offset}: total, calls
 * gateways.list   {limit, offset}: total, gateways: state and main figures, without passwords
 * gateways.get    {name}: the same for one gateway, with all statistics
 * registrations.list {limit, offset}: total, registrations, without passwords
 * registrations.register {name}: send REGISTER now; the same for one, as it is then
 * registrations.unregister {name}: remove the binding, and make none until registrations.register, a restart, or
 *                 until the row has been disabled meanwhile
 * endpoints.list, endpoints.get, endpoints.kick, bans.list, bans.add, bans.lift: control_endpoints.h
 * strangers.list {limit, offset}: total, counts since the start by reason, strangers: the one seen last first
 * routes.lookup   {callee, caller, ingress, limit, offset}: matched, candidates in order with a verdict, left_out
 *                 (a page of the other gateways, each with the reason)
 */
extern const struct control_method control_methods[];

#endif
