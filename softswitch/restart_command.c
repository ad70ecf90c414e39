#include "restart_command.h"

#include "control_methods.h"
#include "control_restart.h"
#include "control_socket.h"
#include "log.h"
#include "restart.h"
#include "stop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void on_answer(const char *refusal, const char *program, const char *version, void *arg)
{
	const struct restart_command *c = arg;
	struct control_error error = {.code = CONTROL_REFUSED};
	const struct control_restart parts = {
		program, version, c->context->calls, c->context->registrations, c->context->transport};
	json_t *plan = refusal ? NULL : control_restart_plan(&parts);

	if (refusal)
		snprintf(error.message, sizeof(error.message), "%s", refusal);
	control_socket_answer(c->control, plan, &error);
	json_decref(plan);
}

const char *restart_command_begin(const char *program, bool only_ask, void *arg)
{
	struct restart_command *c = arg;
	const struct restart_request request = {program, only_ask, on_answer, c};
	int err = stop_has_begun(c->stop) ? -ESHUTDOWN : restart_begin(c->restart, &request);

	if (!err && !only_ask)
		log_info(NULL, "asked to restart by command");
	switch (err) {
	case 0:
		return NULL;
	case -EBUSY:
		return "a restart is under way";
	case -ESHUTDOWN:
		return "the switch is stopping";
	default:
		return strerror(-err);
	}
}
