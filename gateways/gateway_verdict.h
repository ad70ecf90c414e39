/** @file gateway_verdict.h  May a gateway take a call? */
#ifndef GATEWAY_VERDICT_H
#define GATEWAY_VERDICT_H

/** Everything but GATEWAY_USABLE is a reason why not. */
enum gateway_verdict {
	GATEWAY_USABLE,
	GATEWAY_REMOVED, /* its row is gone; live calls go on */
	GATEWAY_DISABLED,
	GATEWAY_DRAINING,       /* by the operator: live calls go on, no new ones */
	GATEWAY_FULL,           /* capacity */
	GATEWAY_CPS,            /* calls per second */
	GATEWAY_NOT_REGISTERED, /* the registration it names is not in force */
	GATEWAY_RETRY_AFTER,    /* it answered 503 with Retry-After, which is not over yet */
	GATEWAY_CLOSED,         /* its publication says so, or has expired */
	GATEWAY_OPTIONS_DOWN,   /* OPTIONS probes fail */
	GATEWAY_BREAKER_OPEN,   /* calls fail */
	GATEWAY_PROBING,        /* a test call is under way */
	GATEWAY_RAMPING,        /* up again, but it does not get all calls yet */
};

/** "usable", "retry_after", "options_down", ...: for programs. */
const char *gateway_verdict_name(enum gateway_verdict verdict);

#endif
