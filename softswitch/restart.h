/** @file restart.h  The next process goes on where this one leaves off: with its sockets, and with its calls as after a crash.
 *
 * Nothing is torn down before the next program is executed in place of this one, so if it cannot be, this one goes on as
 * if nothing had been. A process that systemd will start again (service_manager.h) exits instead.
 */
#ifndef RESTART_H
#define RESTART_H

struct calls;
struct loop;
struct records;
struct restart;
struct transport;

/** All of it borrowed. */
struct restart_parts {
	struct loop *loop;
	struct transport *transport;
	struct calls *calls;
	struct records *records;
	char *const *argv; /* of this process */
};
/** @return 0; -ENOMEM */
int restart_create(struct restart **out, const struct restart_parts *parts);
/** NULL is fine. */
void restart_destroy(struct restart *r);

/** Begin, unless it has begun. Calls are served until the last moment. */
void restart_begin(struct restart *r);
/** The switch is to stop instead. */
void restart_cancel(struct restart *r);

/** This process serves from now on: tell systemd, and have it store the sockets. */
void restart_serve(const struct restart *r);

#endif
