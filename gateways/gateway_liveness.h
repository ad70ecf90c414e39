/** @file gateway_liveness.h  Is this gateway alive? What is told of it.
 *
 * Each input (operator, registration, Retry-After, PUBLISH, OPTIONS, calls) is kept by itself, so that good news
 * of one never hides bad news of another; the table in gateway_state.c decides which of them counts.
 */
#ifndef GATEWAY_LIVENESS_H
#define GATEWAY_LIVENESS_H

#include "gateway_state.h"

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

/** What its publication says (RFC 3903). */
enum gateway_publication {
	GATEWAY_PUBLICATION_NONE, /* never had one, or removed it: no opinion */
	GATEWAY_PUBLICATION_OPEN,
	GATEWAY_PUBLICATION_CLOSED,
	GATEWAY_PUBLICATION_EXPIRED, /* not renewed in time: down until the next one */
};
void gateway_on_publication(struct gateway *gw, enum gateway_publication publication, uint64_t now_ms);
/** As last told. Forgotten (NONE) when host, port or transport change. */
enum gateway_publication gateway_publication(const struct gateway *gw);

/**
 * The state of the registration that its row names; without a name it counts for nothing. A gateway that names
 * one is unusable until it is told that it is registered, also when its row begins to name another one: so tell
 * it again after gateways_apply().
 *
 * @param words  why not: "403 Forbidden", "not tried yet"; copied
 */
void gateway_on_registration(struct gateway *gw, bool registered, const char *words, uint64_t now_ms);

/** How an attempt ended. */
enum gateway_outcome {
	GATEWAY_ANSWERED,
	GATEWAY_REFUSED, /* a final code that is no 2xx */
	GATEWAY_TIMEOUT,
	GATEWAY_TRANSPORT, /* refused, unreachable, no such name */
	GATEWAY_ABANDONED, /* the caller or the switch gave it up: says nothing of the gateway */
};

struct gateway_result {
	const struct channel *channel; /* seized for this attempt and not released yet */
	enum gateway_outcome outcome;
	int sip_code;   /* GATEWAY_REFUSED */
	int32_t pdd_ms; /* INVITE to the first 18x or the answer; -1 = none came */
};
/** Tell how an attempt ended, once for each gateway_seize() or gateway_seize_forced(), before the release. */
void gateway_on_result(
	struct gateway *gw, const struct gateway_result *r, const struct parameters *p, uint64_t now_ms);
/** An 18x came: a test call has succeeded, however long its phone rings. May be told repeatedly. */
void gateway_on_progress(
	struct gateway *gw, const struct channel *ch, const struct parameters *p, uint64_t now_ms);
/** An answered call is over. */
void gateway_on_call_end(struct gateway *gw, uint64_t hold_ms, uint64_t now_ms);

#endif
