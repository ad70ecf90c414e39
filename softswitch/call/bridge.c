#include "bridge.h"

void bridge_init(struct bridge *b, struct stack *stack, struct dialog *caller,
	const struct bridge_handlers *handlers, void *arg)
{
	*b = (struct bridge){.stack = stack, .leg = {caller}, .handlers = handlers, .arg = arg};
	LIST_INIT(&b->requests);
	b->refused[BRIDGE_CALLER].bridge = b->refused[BRIDGE_GATEWAY].bridge = b;
}

enum bridge_side bridge_side(const struct bridge *b, const struct dialog *d)
{
	return d == b->leg[BRIDGE_CALLER] ? BRIDGE_CALLER : BRIDGE_GATEWAY;
}

struct dialog *bridge_other_leg(const struct bridge *b, const struct dialog *d)
{
	return bridge_side(b, d) == BRIDGE_GATEWAY ? b->leg[BRIDGE_CALLER] : b->leg[BRIDGE_GATEWAY];
}

struct resend_schedule bridge_resend(const struct bridge *b, const struct dialog *to)
{
	return b->handlers->resend(to, b->arg);
}

const char *bridge_allow(const struct bridge *b, const struct dialog *d)
{
	const struct dialog *other = bridge_other_leg(b, d);

	return session_allow(other ? &other->session : NULL);
}

void bridge_reply(const struct bridge *b, const struct dialog *d, const struct received *rx, int status,
	const char *headers)
{
	struct resend_schedule resend = bridge_resend(b, d);

	server_transaction_answer(b->stack->server_transactions, rx, status, headers, &resend);
}
