#include "control_restart.h"

#include "calls.h"
#include "clock.h"
#include "json_text.h"
#include "registrations.h"
#include "transport.h"

static size_t count_registered(const struct registrations *set)
{
	size_t n = 0;

	for (size_t i = 0; i < registrations_count(set); i++)
		n += registration_is_registered(registrations_at(set, i), clock_now_ms());
	return n;
}

json_t *control_restart_plan(const struct control_restart *r)
{
	struct calls_future calls;

	calls_future(r->calls, &calls);
	return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I}", "binary", json_text(r->program), "version",
		json_text(r->version), "calls_kept", (json_int_t)calls.kept, "calls_ended",
		(json_int_t)calls.ended, "calls_setup", (json_int_t)calls.setup, "registrations",
		(json_int_t)count_registered(r->registrations), "connections_closed",
		(json_int_t)transport_connections(r->transport));
}
