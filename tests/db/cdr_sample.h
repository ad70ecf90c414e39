/** @file cdr_sample.h  Call records for the tests of cdr.h. */
#ifndef CDR_SAMPLE_H
#define CDR_SAMPLE_H

#include "cdr_log.h"

#include "scratch.h"

/** A call as it ends well; `a_call_id` tells it from the others. */
struct cdr cdr_sample(const char *a_call_id);

/** Where the tests have the journal of this cdr.db. Valid until the next call but one. */
const char *cdr_journal_of(const char *path);
struct cdr_log *cdr_opened(const char *path);
/** A sign of life at this moment, on a steady clock that agrees with the wall clock. */
void cdr_sign(struct cdr_log *log, int64_t now_ms);
/** End n calls, named 0 to n - 1, most of which were answered. */
void cdr_calls(struct cdr_log *log, int n);

uint64_t cdr_now_ms(void);
/** Wait until so many rows are written, 10 s at most. */
void cdr_wait_written(struct cdr_log *log, uint64_t rows);
/** Wait until a commit has failed, 10 s at most. */
struct cdr_stats cdr_wait_error(struct cdr_log *log);

/** Copy the files as they are in this moment. */
void cdr_copy(const char *path, const char *copy);
/** The process stops dead: what it left is copied before closing can tidy it up. */
void cdr_crash(struct cdr_log *log, const char *path, const char *copy);

#endif
