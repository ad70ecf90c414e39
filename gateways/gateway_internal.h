/** @file gateway_internal.h  Private to gateways/: a gateway from within, and what makes it one kind of peer. */
#ifndef GATEWAY_INTERNAL_H
#define GATEWAY_INTERNAL_H

#include "breaker.h"
#include "gateway_liveness.h"
#include "peers.h"

enum { INPUT_WORDS_MAX = 48 };

/** What the inputs said last; see gateway_liveness.h. All of it zeroed is a new gateway. */
struct liveness {
	uint64_t retry_after_end_ms; /* 0 = none */
	struct {
		bool probed, down;
		uint8_t failures, successes; /* in a row */
		uint16_t code;               /* last answer, 0 = none came */
		char words[INPUT_WORDS_MAX]; /* why none came */
		uint32_t rtt_ms;
	} options;
	enum gateway_publication publication;
	struct breaker breaker;
	bool registered;
	char registration[INPUT_WORDS_MAX];
	uint64_t failed_ms; /* last bad news, 0 = none */
	/* What decided last; only gateway_settle() changes it. */
	struct liveness_status {
		unsigned rule; /* of the table */
		uint64_t since_ms;
		bool settled; /* false: nothing was decided yet */
	} status;
};

struct gateway {
	struct peer peer;      /* first: the set sees it as this */
	uint64_t srtt_eighths; /* smoothed response time in eighths of a ms, 0 = not known */
	struct liveness liveness;
	struct gateway_stats *stats; /* NULL: nothing to count yet */
};

/** struct gateway begins with its struct peer. */
extern const struct peer_type gateway_peer_type;

/** Channels and calls per second alone: GATEWAY_USABLE, GATEWAY_FULL or GATEWAY_CPS. */
enum gateway_verdict gateway_limits_check(const struct gateway *gw, uint64_t now_ms);
/** What liveness has to say, without channels and calls per second: GATEWAY_USABLE or why not. */
enum gateway_verdict gateway_state_check(const struct gateway *gw, uint64_t now_ms);
/** The words of such a verdict, "down: OPTIONS timeout for 42 s". */
void gateway_state_explain(
	const struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms, char *out, size_t size);
/** Take a channel, which limits allow, for a call that goes ahead. */
void gateway_take_channel(struct gateway *gw, struct channel *ch, uint64_t now_ms);
void gateway_liveness_on_seized(struct gateway *gw, const struct channel *ch, uint64_t now_ms);
/** A call was not let through. */
void gateway_liveness_on_passed_over(struct gateway *gw, enum gateway_verdict verdict, uint64_t now_ms);
void gateway_liveness_on_released(struct gateway *gw, const struct channel *ch);
/** Its row changed, old is the former one (NULL: it is new): forget what is void now. */
void gateway_liveness_reload(struct gateway *gw, const struct db_gateway *old, bool moved);
/** Bring the state up to date and tell the set's handler when it is another one. */
void gateway_settle(struct gateway *gw, uint64_t now_ms);
/** Tell the set's handler. */
void gateways_tell_change(const struct gateway *gw, enum gateway_state old, uint64_t now_ms);

#endif
