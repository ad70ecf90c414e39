/** @file record.h  The call record while the call lives: what was tried, and the row at its end. */
#ifndef RECORD_H
#define RECORD_H

#include "attempt.h"
#include "db_cdr.h"

#include <sys/queue.h>

/** One gateway tried, or passed over. */
struct record_attempt {
	STAILQ_ENTRY(record_attempt) link;
	char *gateway;
	char address[HOP_NAME_MAX];
	const char *stage; /* "skipped", "answered", or the stage in which it failed */
	int code;          /* SIP code, 0 = none */
	char reason[80];
	int64_t begin_ms;    /* epoch */
	int64_t duration_ms;
};

/** Embedded in the call; zeroed but for STAILQ_INIT by record_init(). */
struct record {
	STAILQ_HEAD(, record_attempt) attempts;
};

void record_init(struct record *r);
void record_clear(struct record *r);

/** Note an attempt or a gateway passed over. Lost when memory is short; the call goes on. */
void record_add(struct record *r, const char *gateway, const struct record_attempt *what);

/** The column `attempts`: a JSON array of {gateway, address, stage, code, reason, begin_ms, duration_ms}. @return free() it; NULL = no memory */
char *record_attempts_json(const struct record *r);

#endif
