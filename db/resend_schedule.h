/** @file resend_schedule.h  A resend schedule as an operator writes it: "0.5,1,2,4" or "auto". */
#ifndef RESEND_SCHEDULE_H
#define RESEND_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum { RESEND_SCHEDULE_MAX = 10 };

/** Waits before retransmission 1, 2, ... n. */
struct resend_schedule {
	uint32_t wait_ms[RESEND_SCHEDULE_MAX];
	unsigned n;
	bool automatic; /* "auto": n is valid, but the waits come from resend_schedule_auto() */
};

/**
 * Parse 1 to 10 positive decimals in seconds, separated by commas, or `auto`. A decimal is 0.001 to
 * 600 with at most three digits after the point and no spaces, as the table accepts it.
 *
 * @return 0; -EINVAL and *out untouched when the text is anything else
 */
int resend_schedule_parse(struct resend_schedule *out, const char *text);

/**
 * The schedule of `auto`: T1 is twice the smoothed response time, at least 500 ms; the waits are
 * T1, 2 T1, 4 T1, then 8 T1.
 *
 * @param rtt_ms  smoothed response time; 0 = not known yet
 */
struct resend_schedule resend_schedule_auto(uint32_t rtt_ms);

/** Cut the schedule to at most `retries` retransmissions (SS_SIP_SEND_RETRY). */
void resend_schedule_limit(struct resend_schedule *iv, unsigned retries);

#endif
