/** @file restart.h  The next process goes on with the sockets of this one, and with its calls as after a crash.
 *
 * Nothing but connections over TLS is torn down before the next program is executed in place of this one, so if it cannot
 * be, this one goes on as if nothing had been. A process that systemd will start again (service_manager.h) exits instead.
 */
#ifndef RESTART_H
#define RESTART_H

#include <stdbool.h>

struct calls;
struct loop;
struct records;
struct registration_drivers;
struct restart;
struct transport;

/** All of it borrowed. */
struct restart_parts {
	struct loop *loop;
	struct transport *transport;
	struct calls *calls;
	const struct registration_drivers *drivers;
	struct records *records;
	char *const *argv; /* of this process */
};
/** @return 0; -ENOMEM */
int restart_create(struct restart **out, const struct restart_parts *parts);
/** NULL is fine. */
void restart_destroy(struct restart *r);

struct restart_request {
	const char *program; /* its file, absolute; NULL = the one of this process, as it is now */
	bool only_ask;       /* whether it could go on */
	/**
	 * Called once, later.
	 *
	 * @param refusal  why nothing will happen, one sentence; NULL = it is about to, or, if only asked, would
	 * @param program  which
	 * @param version  its own
	 */
	void (*on_answer)(const char *refusal, const char *program, const char *version, void *arg);
	void *arg;
};
/**
 * Have another program go on in place of this process, if it says that it can (successor.h). Calls are served until the
 * last moment.
 *
 * @return 0; -EBUSY one is under way; -ENOMEM, -ENAMETOOLONG
 */
int restart_begin(struct restart *r, const struct restart_request *request);
/** By a signal: the same with this program. Under systemd, which starts the next process, this one ends unasked. */
void restart_on_signal(struct restart *r);
/** The switch is to stop instead. */
void restart_cancel(struct restart *r);

/** What the process before has left for registration_drivers_restore(). */
int restart_take_registrations(void);
/** This process serves from now on: tell systemd, have it store the sockets, close what was handed over and not taken. */
void restart_serve(const struct restart *r);

#endif
