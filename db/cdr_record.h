/** @file cdr_record.h  A record serialised, for the queue and the journal. Private to db/. */
#ifndef CDR_RECORD_H
#define CDR_RECORD_H

#include "cdr.h"

#include <stddef.h>

enum { CDR_RECORD_TEXTS = 12 };

/** Text i of a record: a_call_id, b_call_id, ... end_reason, attempts. Never NULL. */
const char *cdr_record_text(const struct cdr *record, int i);

/** Lengths measured once, for cdr_record_write(). */
struct cdr_record_lengths {
	size_t size; /* of the record in bytes */
	size_t length[CDR_RECORD_TEXTS];
};
void cdr_record_measure(const struct cdr *record, struct cdr_record_lengths *out);
void cdr_record_write(const struct cdr *record, const struct cdr_record_lengths *measure, char *out);

/** The texts of *out point into bytes. @return 0; -EINVAL when the bytes are not a record */
int cdr_record_read(struct cdr *out, const char *bytes, size_t size);

#endif
