/** @file gateway_stats.h  How a gateway's attempts ended: over the last 5 minutes, and since the start. */
#ifndef GATEWAY_STATS_H
#define GATEWAY_STATS_H

#include "gateway_result.h"

enum {
	GATEWAY_STATS_PERIODS = 10, /* the window moves by one of these at a time */
	GATEWAY_STATS_PERIOD_MS = 30000,
	GATEWAY_STATS_CODES = 16, /* codes counted by themselves; all others are counted together */
};

/** Failed attempts of one kind. */
struct gateway_stats_failures {
	enum gateway_result_outcome
		outcome; /* GATEWAY_RESULT_REFUSED, GATEWAY_RESULT_TIMEOUT or GATEWAY_RESULT_TRANSPORT */
	int sip_code;    /* GATEWAY_RESULT_REFUSED; 0 = all other codes */
	uint64_t count;
};

/**
 * Figures as defined in ITU-T E.425 and E.411; -1 = nothing to compute them from.
 *
 * ASR, answer-seizure ratio: answered / attempts.
 * NER, network effectiveness ratio: (answered + ended by the callee) / attempts. The callee, not the network, ended an
 * attempt with 404, 410, 480, 484, 486, 487, 600, 603 or 604, and one that rang (an 18x came) but was not answered:
 * timeout, 408, or the caller gave up.
 * ACD, average call duration: hold time of answered calls that are over.
 * PDD, post dial delay: INVITE to the first 18x or the answer.
 */
struct gateway_stats_figures {
	uint64_t attempts, answered, effective;
	int asr_percent, ner_percent; /* to the nearest */
	int64_t acd_ms;
	int64_t pdd_median_ms, pdd_95_ms; /* accurate to an eighth of the value */
	struct gateway_stats_failures failures[GATEWAY_STATS_CODES + 3];
	unsigned n_failures; /* kinds that occurred; codes in order of their first occurrence */
};

struct gateway_stats; /* made when there is something to count, so that an idle gateway costs nothing */

/** Without memory nothing is counted. */
void gateway_stats_on_result(struct gateway_stats **stats, const struct gateway_result *r, uint64_t now_ms);
void gateway_stats_on_call_end(struct gateway_stats **stats, uint64_t hold_ms, uint64_t now_ms);
/** NULL is fine: nothing was counted. @param window  the last 4.5 to 5 minutes; total: since the start */
void gateway_stats_figures(const struct gateway_stats *stats, uint64_t now_ms,
	struct gateway_stats_figures *window, struct gateway_stats_figures *total);
void gateway_stats_free(struct gateway_stats *stats);

#endif
