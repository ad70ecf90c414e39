/** @file gateway_verdict.h  May a gateway take a call? */
#ifndef GATEWAY_VERDICT_H
#define GATEWAY_VERDICT_H

/** Everything but GATEWAY_VERDICT_USABLE is a reason why not. */
enum gateway_verdict {
	GATEWAY_VERDICT_USABLE,
	GATEWAY_VERDICT_REMOVED, /* its row is gone; live calls go on */
	GATEWAY_VERDICT_DISABLED,
	GATEWAY_VERDICT_DRAINING,       /* by the operator: live calls go on, no new ones */
	GATEWAY_VERDICT_FULL,           /* capacity */
	GATEWAY_VERDICT_CPS,            /* calls per second */
	GATEWAY_VERDICT_NOT_REGISTERED, /* the registration it names is not in force */
	GATEWAY_VERDICT_NOT_BOUND,      /* the endpoint that it is has not registered with us */
	GATEWAY_VERDICT_RETRY_AFTER,    /* it answered 503 with Retry-After, which is not over yet */
	GATEWAY_VERDICT_CLOSED,         /* its publication says so, or has expired */
	GATEWAY_VERDICT_OPTIONS_DOWN,   /* OPTIONS probes fail */
	GATEWAY_VERDICT_BREAKER_OPEN,   /* calls fail */
	GATEWAY_VERDICT_PROBING,        /* a test call is under way */
	GATEWAY_VERDICT_RAMPING,        /* up again, but it does not get all calls yet */
};

/** "usable", "retry_after", "options_down", ...: for programs. */
const char *gateway_verdict_name(enum gateway_verdict verdict);

#endif
