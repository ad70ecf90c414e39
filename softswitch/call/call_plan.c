#include "call_plan.h"

#include "bindings.h"
#include "call_context.h"
#include "endpoints.h"

#include <errno.h>

static int add_endpoint(
	const struct call_context *context, struct endpoint *e, uint64_t now_ms, struct routing_plan *plan)
{
	struct gateway *gw = endpoint_gateway(e);

	if (!gw)
		return -ENOMEM;
	gateway_on_binding(gw, bindings_first(context->bindings, endpoint_row(e)->name) != NULL, now_ms);
	return routing_plan_add_endpoint(plan, gw, now_ms);
}

int call_plan(
	const struct call_context *context, const struct routing_request *request, struct routing_plan *out)
{
	struct endpoint *e = endpoints_by_number(context->endpoints, request->callee);
	int err = routing_plan(context->routing, request, out);

	if (err || !e || (out->matched && !context->stack->parameters.endpoint_first))
		return err;
	return add_endpoint(context, e, request->now_ms, out);
}
