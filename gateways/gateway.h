/** @file gateway.h  One vendor gateway: its row, its channels, its state, its figures. */
#ifndef GATEWAY_H
#define GATEWAY_H

#include "call_limits.h"
#include "gateway_result.h"
#include "gateway_state.h"
#include "gateway_verdict.h"
#include "publication_state.h"

#include "db_gateway.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gateway; /* owned by struct gateways, kept alive by gateway_ref() */
struct gateway_stats_figures;
struct response_time;
struct sockaddr;

/* All times are monotonic, in ms. */

struct gateway *gateway_ref(struct gateway *gw);
/** Drop a reference; the last one of a removed gateway frees it. NULL is fine. */
void gateway_unref(struct gateway *gw);

/** The row as last loaded; valid until the next gateways_commit(). */
const struct db_gateway *gateway_row(const struct gateway *gw);
/** The same for its name. */
const char *gateway_name(const struct gateway *gw);

/* Calls ------------------------------------------------------------------------------------- */

/** May it take a call now? */
enum gateway_verdict gateway_check(const struct gateway *gw, uint64_t now_ms);
/** Seize one channel for an attempt; pair with call_limits_release(). @return GATEWAY_VERDICT_USABLE when seized */
enum gateway_verdict gateway_seize(struct gateway *gw, struct call_limits_channel *ch, uint64_t now_ms);

/**
 * May it be tried if no better gateway is left? A gateway that is down by PUBLISH, OPTIONS or failed calls may, one
 * that the operator, its registration, Retry-After or its limits keep out may not.
 *
 * @return GATEWAY_VERDICT_USABLE or why not
 */
enum gateway_verdict gateway_check_forced(const struct gateway *gw, uint64_t now_ms);
/** gateway_seize() by that rule. */
enum gateway_verdict gateway_seize_forced(
	struct gateway *gw, struct call_limits_channel *ch, uint64_t now_ms);
/** Seize a channel for a call that goes on from before the start. */
void gateway_resume(struct gateway *gw, struct call_limits_channel *ch);
/** When an input last said something bad about it; 0 = never, or it is up (ramping up included). */
uint64_t gateway_failed_ms(const struct gateway *gw, uint64_t now_ms);

/**
 * The verdict in words with its figures: "full 30/30", "cps 10/10", "Retry-After, 12 s left",
 * "down: OPTIONS timeout for 42 s".
 */
void gateway_explain(
	const struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms, char *out, size_t size);

uint32_t gateway_calls(const struct gateway *gw);       /* channels in use */
uint64_t gateway_calls_total(const struct gateway *gw); /* channels ever seized */

/* Inputs ------------------------------------------------------------------------------------ */

/** All its servers are set aside: leave it out for so many seconds (clamped to 1-120). */
void gateway_retry_after(struct gateway *gw, uint32_t seconds, uint64_t now_ms);
/** Time until Retry-After is over, ms; 0 when it is not in force. */
uint32_t gateway_retry_after_left(const struct gateway *gw, uint64_t now_ms);
/** One of its servers answered 503 with Retry-After: leave that server out (set_aside.h). */
void gateway_set_server_aside(
	struct gateway *gw, const struct sockaddr *server, uint32_t seconds, uint64_t now_ms);
/** Time until it may be called again, ms; 0 when it is not set aside. */
uint32_t gateway_server_left(const struct gateway *gw, const struct sockaddr *server, uint64_t now_ms);

/**
 * An OPTIONS probe was answered, or not. Forgotten when host, port or transport change or options_check is
 * switched off.
 *
 * @param code    final code of the answer; 0 = none came
 * @param words   why none came: "timeout", "name not found"; copied
 * @param rtt_ms  until the answer came
 * @param p       options_down, options_up
 */
void gateway_on_probe(struct gateway *gw, int code, const char *words, uint32_t rtt_ms,
	const struct parameters *p, uint64_t now_ms);
/** It is not probed any more (the period was set to 0): what probes said is forgotten. */
void gateway_on_probe_end(struct gateway *gw, uint64_t now_ms);

/** What its publication says (RFC 3903). Forgotten (NONE) when host, port or transport change. */
void gateway_on_publication(struct gateway *gw, enum publication_state publication, uint64_t now_ms);
enum publication_state gateway_publication(const struct gateway *gw);

/**
 * The state of the registration that its row names; without a name it counts for nothing. A gateway that names
 * one is unusable until it is told that it is registered, also when its row begins to name another one: so tell
 * it again after gateways_commit().
 *
 * @param words  why not: "403 Forbidden", "not tried yet"; copied
 */
void gateway_on_registration(struct gateway *gw, bool registered, const char *words, uint64_t now_ms);

/** Has the endpoint that its row names registered with us? To be told like the state of a registration. */
void gateway_on_binding(struct gateway *gw, bool bound, uint64_t now_ms);

/** How an attempt ended: once for each gateway_seize() or gateway_seize_forced(), before the release. */
void gateway_on_result(
	struct gateway *gw, const struct gateway_result *r, const struct parameters *p, uint64_t now_ms);
/** An 18x came: a test call has succeeded, however long the callee lets it ring. May be told repeatedly. */
void gateway_on_progress(struct gateway *gw, const struct call_limits_channel *ch, const struct parameters *p,
	uint64_t now_ms);
/** An answered call is over. */
void gateway_on_call_end(struct gateway *gw, uint64_t hold_ms, uint64_t now_ms);

/** How fast it answers; NULL without memory. Forgotten when host, port or transport change. */
struct response_time *gateway_response_time(struct gateway *gw);
/** Smoothed response time in ms, 0 = not known yet. */
uint32_t gateway_rtt_ms(const struct gateway *gw);

/* State and figures ------------------------------------------------------------------------- */

/** Its state, explained. */
void gateway_info(const struct gateway *gw, uint64_t now_ms, struct gateway_state_info *out);
/** What became of its attempts. @param window  the last 4.5 to 5 minutes; total: since the start */
void gateway_figures(const struct gateway *gw, uint64_t now_ms, struct gateway_stats_figures *window,
	struct gateway_stats_figures *total);

/** A gateway's state changed, or it is down for another reason. Called from within what made the change. */
typedef void gateway_change_h(
	const struct gateway *gw, enum gateway_state old, const struct gateway_state_info *info, void *arg);

/* Private to gateways/. */

/** Who is told; the owner of a set of this peer type. */
struct gateway_owner {
	gateway_change_h *on_change; /* may be NULL */
	void *arg;
};
/** struct gateway begins with its struct peer. */
extern const struct peer_type gateway_peer_type;
/** Let the state follow what time or a reload has changed. */
void gateway_update_state(struct gateway *gw, uint64_t now_ms);

#endif
