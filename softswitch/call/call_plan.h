/** @file call_plan.h  Where a number leads: the endpoint of this number, and the routes. */
#ifndef CALL_PLAN_H
#define CALL_PLAN_H

#include "routing.h"

struct call_context;

/** routing_plan() with the endpoint: before the routes, or where there are none (SS_ENDPOINT_FIRST). @return 0 or -ENOMEM; clear the plan in either case */
int call_plan(
	const struct call_context *context, const struct routing_request *request, struct routing_plan *out);

#endif
