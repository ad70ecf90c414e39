/** @file admission.h  Which new call is served now, which one waits, and which one is refused: time is passed in.
 *
 * A pass of the loop serves a few new calls, others wait in order. What waits longest tells how late we are: once that is
 * too late the next ones are refused, so whoever is served is served soon (RFC 3261 section 21.5.4).
 */
#ifndef ADMISSION_H
#define ADMISSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/** One that waits; part of what the caller keeps of it. */
struct admission_entry {
	STAILQ_ENTRY(admission_entry) link;
	uint64_t since_ms;
};

struct admission {
	STAILQ_HEAD(, admission_entry) waiting;
	unsigned n_waiting;
	uint64_t pass;   /* that is going on */
	unsigned served; /* in it */
};

enum admission_verdict { ADMISSION_SERVE, ADMISSION_WAIT, ADMISSION_REFUSE };

void admission_init(struct admission *a);

/** A new call came in. @param pass  number of the pass of the loop */
enum admission_verdict admission_judge(struct admission *a, uint64_t pass, uint64_t now_ms);
/** It shall wait. */
void admission_wait(struct admission *a, struct admission_entry *entry, uint64_t now_ms);

/**
 * The next one that waits, if it may be served in this pass.
 *
 * @param busy  other work is left: only as many as keep calls going at all
 * @return NULL when there is none; it waits no longer
 */
struct admission_entry *admission_next(struct admission *a, uint64_t pass, bool busy);
/** Has it waited so long that its sender has resent it by now? */
bool admission_is_stale(const struct admission_entry *entry, uint64_t now_ms);

#endif
