/** @file gateway_state.h  The state of a gateway, which follows from all that gateway_liveness.h was told; explained. */
#ifndef GATEWAY_STATE_H
#define GATEWAY_STATE_H

#include "gateway.h"

enum gateway_state {
	GATEWAY_STATE_UP,
	GATEWAY_STATE_PROBING, /* half open: calls are let through one at a time, as a test */
	GATEWAY_STATE_DOWN,
	GATEWAY_STATE_DRAINING, /* calls go on, no new ones: the operator's wish */
	GATEWAY_STATE_DISABLED, /* the operator's wish, or its row is gone */
};
/** "up", "probing", "down", "draining", "disabled" */
const char *gateway_state_name(enum gateway_state state);

enum { GATEWAY_WORDS_MAX = 96 };

/** The state, explained. */
struct gateway_health {
	enum gateway_state state;
	uint64_t since_ms; /* monotonic: when what decides now came to decide */
	char reason
		[GATEWAY_WORDS_MAX]; /* "OPTIONS timeout", "not registered: 403 Forbidden"; "" = up, nothing to say */
	char until
		[GATEWAY_WORDS_MAX]; /* what will change it: "a good answer to OPTIONS", "in 12 s a test call"; "" = nothing will */
	/* Facts behind it, for people. */
	char options[GATEWAY_WORDS_MAX];      /* "200 in 12 ms", "timeout, 2 in a row"; "" = not probed */
	char registration[GATEWAY_WORDS_MAX]; /* as last told; "" = the gateway names none */
	char publication[GATEWAY_WORDS_MAX];  /* "open", "closed", "expired"; "" = none */
};
void gateway_health(const struct gateway *gw, uint64_t now_ms, struct gateway_health *out);

/**
 * May it be tried for want of a better one? A gateway that is down by PUBLISH, OPTIONS or failed calls may, one
 * that the operator, its registration, Retry-After or its limits keep out may not.
 *
 * @return GATEWAY_USABLE or why not
 */
enum gateway_verdict gateway_check_forced(const struct gateway *gw, uint64_t now_ms);
/** gateway_seize() by that rule. */
enum gateway_verdict gateway_seize_forced(struct gateway *gw, struct channel *ch, uint64_t now_ms);
/** When it last gave bad news, monotonic; 0 = never, or it is up (ramping up included). */
uint64_t gateway_failed_ms(const struct gateway *gw, uint64_t now_ms);

#endif
