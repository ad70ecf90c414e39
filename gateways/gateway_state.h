/** @file gateway_state.h  The state of a gateway: which of the inputs in gateway_liveness.h counts, and since when. */
#ifndef GATEWAY_STATE_H
#define GATEWAY_STATE_H

#include "gateway_verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gateway_state {
	GATEWAY_STATE_UP,
	GATEWAY_STATE_UNTRIED, /* nothing was heard of it since the start; used like one that is up */
	GATEWAY_STATE_PROBING, /* half open: calls are let through one at a time, as a test */
	GATEWAY_STATE_DOWN,
	GATEWAY_STATE_DRAINING, /* by the operator: live calls go on, no new ones */
	GATEWAY_STATE_DISABLED, /* by the operator, or its row is gone */
};
/** "up", "untried", "probing", "down", "draining", "disabled" */
const char *gateway_state_name(enum gateway_state state);

enum { GATEWAY_STATE_WORDS_MAX = 96 };

/** The state, explained. */
struct gateway_state_info {
	enum gateway_state state;
	uint64_t since_ms; /* monotonic: since when the reason has been what it is */
	/* "OPTIONS timeout", "not registered: 403 Forbidden"; "" = up or untried, nothing to say */
	char reason[GATEWAY_STATE_WORDS_MAX];
	/* What will change it: "a good answer to OPTIONS", "in 12 s a test call"; "" = nothing will */
	char until[GATEWAY_STATE_WORDS_MAX];
	/* What each input said last, for people. */
	char options[GATEWAY_STATE_WORDS_MAX]; /* "200 in 12 ms", "timeout, 2 in a row"; "" = not probed */
	char registration[GATEWAY_STATE_WORDS_MAX]; /* "" = the gateway names none */
	char publication[GATEWAY_STATE_WORDS_MAX];  /* "open", "closed", "expired"; "" = none */
};

/* Private to gateways/. */

struct gateway_liveness;

/** The line of the table that applies; only gateway_state_update() changes it. Zeroed: none was found yet. */
struct gateway_state_decision {
	bool made;
	unsigned rule;
	uint64_t since_ms;
};

/**
 * Bring the decision up to date with what is known and with the time.
 *
 * @param old  receives the state before
 * @return is this a change to tell: another state, or down for another reason?
 */
bool gateway_state_update(struct gateway_state_decision *d, const struct gateway_liveness *l, uint64_t now_ms,
	enum gateway_state *old);

/** GATEWAY_VERDICT_USABLE or why not; channels and calls per second left aside. */
enum gateway_verdict gateway_state_verdict(const struct gateway_liveness *l, uint64_t now_ms);
/** The same for want of a better gateway; see gateway_check_forced(). */
enum gateway_verdict gateway_state_verdict_forced(const struct gateway_liveness *l, uint64_t now_ms);
/** When an input last said something bad; 0 = never, or it is up or untried. */
uint64_t gateway_state_failed_ms(const struct gateway_liveness *l, uint64_t now_ms);

void gateway_state_info(const struct gateway_state_decision *d, const struct gateway_liveness *l,
	uint64_t now_ms, struct gateway_state_info *out);
/** Such a verdict in words: "down: OPTIONS timeout for 42 s". */
void gateway_state_explain(const struct gateway_state_decision *d, const struct gateway_liveness *l,
	enum gateway_verdict verdict, uint64_t now_ms, char *out, size_t size);

#endif
