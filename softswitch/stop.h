/** @file stop.h  The switch stops: no new calls, those in progress may end by themselves, then both sides get BYE. */
#ifndef STOP_H
#define STOP_H

#include <stdbool.h>

struct calls;
struct control_methods_context;
struct gate;
struct gateway_watch;
struct loop;
struct registration_drivers;
struct stop;

/** All of it borrowed. */
struct stop_parts {
	struct loop *loop;
	struct calls *calls;
	struct gate *gate;
	struct gateway_watch *watch;
	struct registration_drivers *drivers;
	struct control_methods_context *context; /* its state says how far it is */
	unsigned drain_s;                        /* how long calls may go on */
};
/** @return 0; -ENOMEM */
int stop_create(struct stop **out, const struct stop_parts *parts);
/** NULL is fine. */
void stop_destroy(struct stop *stop);

/** Begin, because of this signal; the second time end at once. loop_run() returns when all is over. */
void stop_now(struct stop *stop, int signal);
bool stop_has_begun(const struct stop *stop);

#endif
