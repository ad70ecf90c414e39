/** @file cdr_live.h  A call as it lies in the journal: its record, and its state in bytes that only its owner reads. Private to db/. */
#ifndef CDR_LIVE_H
#define CDR_LIVE_H

#include <stddef.h>
#include <stdint.h>

struct cdr_live {
	int64_t offset_ms;  /* of the record: struct cdr */
	const char *record; /* cdr_record_write() */
	size_t record_size;
	const char *state; /* may be empty */
	size_t state_size;
};

enum { CDR_LIVE_HEAD = 16 };

/** Write what stands before the record, which is followed by the state. */
void cdr_live_write_head(char out[CDR_LIVE_HEAD], int64_t offset_ms, size_t record_size);
/** Record and state of *out point into bytes. @return 0; -EINVAL when the bytes are something else */
int cdr_live_read(struct cdr_live *out, const char *bytes, size_t size);

#endif
