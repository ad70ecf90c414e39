/** @file cdr_entry.h  An ended call on its way to table `cdr`. Private to db/. */
#ifndef CDR_ENTRY_H
#define CDR_ENTRY_H

#include "cdr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The number of a call goes into its row, so that after a crash the table tells which calls of the journal already have one. */
struct cdr_entry {
	struct cdr_entry *next;
	uint64_t number;
	uint64_t sequence;         /* of its entry in the journal, 0 = none */
	bool may_be_row;           /* it was left by a crash */
	bool alone;                /* nothing else has it: it counts against CDR_LOG_ALONE_MAX */
	cdr_slot answered, record; /* in the journal, 0 = none */
	size_t size;
	char bytes[]; /* cdr_record_write() */
};

#endif
