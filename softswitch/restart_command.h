/** @file restart_command.h  The control socket asks for a restart, and is told what becomes of it. */
#ifndef RESTART_COMMAND_H
#define RESTART_COMMAND_H

#include <stdbool.h>

struct control_methods_context;
struct control_socket;
struct restart;
struct stop;

/** All of it borrowed. */
struct restart_command {
	struct restart *restart;
	const struct stop *stop;
	struct control_socket *control;
	const struct control_methods_context *context;
};

/** For struct control_methods_context. @param arg  a struct restart_command */
const char *restart_command_begin(const char *program, bool only_ask, void *arg);

#endif
