/** @file gateway.h  One vendor gateway: its row, its channels, whether it may take a call now. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "call_limits.h"

#include "db_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gateway; /* owned by struct gateways, kept alive by gateway_ref() */

/** May this gateway take a call? Everything but GATEWAY_USABLE is a reason why not. */
enum gateway_verdict {
	GATEWAY_USABLE,
	GATEWAY_REMOVED, /* its row is gone; live calls go on */
	GATEWAY_DISABLED,
	GATEWAY_DRAINING,       /* live calls go on: the operator's wish */
	GATEWAY_FULL,           /* capacity */
	GATEWAY_CPS,            /* calls per second */
	GATEWAY_NOT_REGISTERED, /* the registration it names is not in force */
	GATEWAY_RETRY_AFTER,    /* it answered 503 with Retry-After, which is not over yet */
	GATEWAY_CLOSED,         /* its publication says so, or has expired */
	GATEWAY_OPTIONS_DOWN,   /* probes fail */
	GATEWAY_BREAKER_OPEN,   /* calls fail */
	GATEWAY_PROBING,        /* a test call is under way */
	GATEWAY_RAMPING,        /* up again, but does not get all calls yet */
};
/** "usable", "retry_after", "options_down", ...: for programs. */
const char *gateway_verdict_name(enum gateway_verdict verdict);

struct gateway *gateway_ref(struct gateway *gw);
/** Drop a reference; the last one of a removed gateway frees it. NULL is fine. */
void gateway_unref(struct gateway *gw);

/** The row as last loaded; valid until the next gateways_apply(). */
const struct db_gateway *gateway_row(const struct gateway *gw);
const char *gateway_name(const struct gateway *gw);

/** @param now_ms  monotonic */
enum gateway_verdict gateway_check(const struct gateway *gw, uint64_t now_ms);
/** Seize one channel for an attempt; pair with call_limits_release(). @return GATEWAY_USABLE when seized */
enum gateway_verdict gateway_seize(struct gateway *gw, struct channel *ch, uint64_t now_ms);

/**
 * The verdict in words with its figures: "full 30/30", "cps 10/10", "Retry-After, 12 s left",
 * "down: OPTIONS timeout for 42 s".
 */
void gateway_explain(
	const struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms, char *out, size_t size);

/** It answered 503 with Retry-After: leave it out for so long (clamped to 1-120 s). */
void gateway_retry_after(struct gateway *gw, uint32_t seconds, uint64_t now_ms);
/** Time until Retry-After is over in ms, 0 when it is not in force. */
uint32_t gateway_retry_after_left(const struct gateway *gw, uint64_t now_ms);

/** Feed the smoothed response time (INVITE to first reply), for `auto` (RFC 6298 section 2 weights). */
void gateway_response_time(struct gateway *gw, uint32_t rtt_ms);
/** Smoothed response time in ms, 0 = not known yet. */
uint32_t gateway_rtt_ms(const struct gateway *gw);

uint32_t gateway_calls(const struct gateway *gw);       /* channels in use */
uint64_t gateway_calls_total(const struct gateway *gw); /* channels ever seized */

/** What is in force for a call to this gateway: its overrides laid over the parameters. */
struct gateway_policy {
	uint32_t timeout_invite_ms, timeout_trying_ms, timeout_session_progress_ms,
		timeout_session_progress_sdp_ms, timeout_ringing_ms;
	struct resend_schedule resend; /* automatic already resolved */
	bool stop_switch_after_invite_timeout, stop_switch_after_sdp, switch_until_connect,
		switch_stop_after_user_busy;
	const struct stop_codes *stop_codes; /* borrowed from the parameters, or from gateway_row() */
	bool session_timer;
	enum db_100rel sip_100rel;
	uint32_t max_call_duration_ms; /* 0 = no limit */
	bool sdp_own_origin;
};
void gateway_policy(const struct gateway *gw, const struct parameters *p, struct gateway_policy *out);

#endif
