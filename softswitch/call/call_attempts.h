/** @file call_attempts.h  The call record while the call lives: what was tried, and the row at its end. */
#ifndef CALL_ATTEMPTS_H
#define CALL_ATTEMPTS_H

#include "address.h"
#include "attempt.h"
#include "cdr.h"

#include <sys/queue.h>

/** One gateway tried, or passed over. */
struct call_attempt {
	STAILQ_ENTRY(call_attempt) link;
	char *gateway;
	char address[ADDRESS_NAME_MAX];
	const char *stage; /* "skipped", "answered", or the stage in which it failed */
	int code;          /* SIP code, 0 = none */
	char reason[80];
	int64_t begin_ms; /* epoch */
	int64_t duration_ms;
};

/** Embedded in the call; zeroed but for STAILQ_INIT by call_attempts_init(). */
struct call_attempts {
	STAILQ_HEAD(, call_attempt) attempts;
};

void call_attempts_init(struct call_attempts *r);
void call_attempts_clear(struct call_attempts *r);

/** Note an attempt or a gateway passed over. Lost when memory is short; the call goes on. */
void call_attempts_add(struct call_attempts *r, const char *gateway, const struct call_attempt *what);

/** The column `attempts`: a JSON array of {gateway, address, stage, code, reason, begin_ms, duration_ms}. @return free() it; NULL = no memory */
char *call_attempts_attempts_json(const struct call_attempts *r);

#endif
