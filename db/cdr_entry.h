/** @file cdr_entry.h  An ended call on its way to table `cdr`. Private to db/. */
#ifndef CDR_ENTRY_H
#define CDR_ENTRY_H

#include "cdr.h"

#include <stddef.h>
#include <stdint.h>

/**
 * Ended calls are numbered in the order they are queued and committed, so the number of the last row, stored in the same
 * transaction, tells after a crash which records of the journal already are rows.
 */
struct cdr_entry {
	struct cdr_entry *next;
	uint64_t number;
	uint64_t
		written_as; /* left by a crash: a row if the last number in the table is this or more; 0 = certainly none */
	cdr_slot answered, record; /* in the journal, 0 = none */
	size_t size;
	char bytes[]; /* cdr_record_write() */
};

#endif
