/** @file gateway_liveness.h  Private to gateways/: what is known about a gateway.
 *
 * Each input (operator, registration, Retry-After, PUBLISH, OPTIONS, calls) is kept by itself, so that a good result
 * from one never masks a bad one from another; gateway_state.h decides which of them counts. Only these functions
 * change it, and nothing waits for a timer.
 */
#ifndef GATEWAY_LIVENESS_H
#define GATEWAY_LIVENESS_H

#include "breaker.h"
#include "publication_state.h"

#include <stdbool.h>
#include <stdint.h>

struct db_gateway;
struct gateway_result;
struct parameters;

enum { GATEWAY_LIVENESS_WORDS_MAX = 48 };

/** The last OPTIONS probe. */
struct gateway_liveness_probe {
	uint16_t code;     /* final code of the answer; 0 = none came */
	const char *words; /* why none came: "timeout", "name not found" */
	uint32_t rtt_ms;   /* until the answer came */
};

/** Zeroed is a gateway nothing is known about; the first gateway_liveness_on_row() makes it one that may take calls. */
struct gateway_liveness {
	bool removed, enabled, draining;               /* the operator */
	bool named, registered;                        /* it names a registration, which is in force */
	char registration[GATEWAY_LIVENESS_WORDS_MAX]; /* why it is not in force */
	bool is_endpoint, bound;                       /* it is an endpoint, which has registered with us */
	uint64_t retry_after_end_ms;                   /* 0 = none */
	enum publication_state publication;
	struct {
		bool probed, down;
		uint8_t failures, successes; /* in a row */
		uint16_t code;
		char words[GATEWAY_LIVENESS_WORDS_MAX];
		uint32_t rtt_ms;
	} options;
	struct breaker breaker;
	uint64_t first_call; /* serial of the first channel seized at its present address */
	bool answered;       /* a probe or a call, whatever the answer; or it has published */
	uint64_t failed_ms;  /* when any input last said something bad; 0 = never */
};

/**
 * Its row has changed.
 *
 * @param row    NULL = it is gone
 * @param old    the row before; NULL = it is new
 * @param moved  it is at another address, so what the old one said is void
 * @param calls  channels ever seized: results of those that began before a move do not count
 */
void gateway_liveness_on_row(struct gateway_liveness *l, const struct db_gateway *row,
	const struct db_gateway *old, bool moved, uint64_t calls);

/** It answered 503 with Retry-After; so many seconds, clamped to 1-120. */
void gateway_liveness_on_retry_after(struct gateway_liveness *l, uint32_t seconds, uint64_t now_ms);

/**
 * An OPTIONS probe was answered, or not.
 *
 * @param row  options_alive_codes
 * @param p    options_down, options_up
 */
void gateway_liveness_on_probe(struct gateway_liveness *l, const struct gateway_liveness_probe *probe,
	const struct db_gateway *row, const struct parameters *p, uint64_t now_ms);
/** It is not probed any more: what probes said is forgotten. */
void gateway_liveness_on_probe_end(struct gateway_liveness *l);

void gateway_liveness_on_publication(
	struct gateway_liveness *l, enum publication_state publication, uint64_t now_ms);

/** @param words  why it is not in force */
void gateway_liveness_on_registration(struct gateway_liveness *l, bool registered, const char *words);

/** @param bound  the endpoint that it is has registered with us */
void gateway_liveness_on_binding(struct gateway_liveness *l, bool bound);

/** A channel was seized for a call that goes ahead. */
void gateway_liveness_on_seized(
	struct gateway_liveness *l, const struct call_limits_channel *ch, uint64_t now_ms);
/** A call was not let through because the gateway is ramping up. */
void gateway_liveness_on_passed_over(struct gateway_liveness *l, uint64_t now_ms);
/** An 18x came. */
void gateway_liveness_on_progress(struct gateway_liveness *l, const struct call_limits_channel *ch,
	const struct parameters *p, uint64_t now_ms);
/** An attempt ended. @param row,p  what counts as a failed call: breaker_on */
void gateway_liveness_on_result(struct gateway_liveness *l, const struct gateway_result *r,
	const struct db_gateway *row, const struct parameters *p, uint64_t now_ms);
/** The channel was released. */
void gateway_liveness_on_released(struct gateway_liveness *l, const struct call_limits_channel *ch);

#endif
