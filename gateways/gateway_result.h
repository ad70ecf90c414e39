/** @file gateway_result.h  How an attempt at a gateway ended. */
#ifndef GATEWAY_RESULT_H
#define GATEWAY_RESULT_H

#include <stdint.h>

struct call_limits_channel;

enum gateway_result_outcome {
	GATEWAY_RESULT_ANSWERED,
	GATEWAY_RESULT_REFUSED, /* a final code other than 2xx */
	GATEWAY_RESULT_TIMEOUT,
	GATEWAY_RESULT_TRANSPORT, /* connection refused, unreachable, no such name */
	GATEWAY_RESULT_ABANDONED, /* by the caller or the switch: says nothing about the gateway */
};

struct gateway_result {
	const struct call_limits_channel *channel; /* seized for this attempt and not released yet */
	enum gateway_result_outcome outcome;
	int sip_code;   /* GATEWAY_RESULT_REFUSED */
	int32_t pdd_ms; /* post-dial delay: INVITE to the first 18x or the answer; -1 = none came */
};

#endif
