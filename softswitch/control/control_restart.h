/** @file control_restart.h  What a restart does, as JSON. */
#ifndef CONTROL_RESTART_H
#define CONTROL_RESTART_H

#include <jansson.h>

struct calls;
struct registrations;
struct transport;

/** All of it borrowed. */
struct control_restart {
	const char *program, *version; /* of the next process */
	const struct calls *calls;
	const struct registrations *registrations;
	const struct transport *transport;
};

/** binary, version, calls_kept, calls_ended, calls_setup, registrations, connections_closed */
json_t *control_restart_plan(const struct control_restart *r);

#endif
