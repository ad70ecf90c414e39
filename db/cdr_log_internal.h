/** @file cdr_log_internal.h  The log of call records from within. Private to the files of cdr_log.h. */
#ifndef CDR_LOG_INTERNAL_H
#define CDR_LOG_INTERNAL_H

#include "cdr_log.h"

#include "cdr_disk.h"
#include "cdr_journal.h"
#include "cdr_leftovers.h"
#include "cdr_trouble.h"
#include "cdr_writer.h"

#include <stdatomic.h>

struct cdr_log {
	struct cdr_journal *journal;
	struct cdr_disk *disk;
	struct cdr_writer *writer;
	uint64_t number; /* of the last call put into the journal */
	char *scratch;   /* buffer for the record of a live call */
	size_t scratch_size;
	_Atomic uint64_t journal_failures, lost;
	struct cdr_leftovers live; /* calls of the process before, until cdr_log_recover() */
	struct cdr_sign last_sign; /* of the process before */
	cdr_news_h *on_news;
	void *news_arg;
	bool has_lost;                                 /* cdr_log_has_lost() */
	unsigned unasked;                              /* looks since then */
	uint64_t lost_until;                           /* so many rows, and what had ended by then is safe */
	bool no_room;                                  /* to grow in, as was found since the last look */
	bool is_wanting;                               /* room for a call, since then */
	struct cdr_trouble disk_trouble, rows_trouble; /* the latter: the disk does not answer the writer */
	struct cdr_trouble room_trouble;
	struct cdr_trouble loss_trouble;
	uint64_t failures_before, lost_before; /* at the last look */
	size_t alone;                          /* bytes, see CDR_LOG_ALONE_MAX */
};

/*
 * Queue the row of a call that is over.
 *
 * @param parting     as for cdr_log_end_parting()
 * @param may_be_row  a crash cut it off, or may have come after its row
 * @return as cdr_log_end_parting()
 */
bool cdr_log_end_call(
	struct cdr_log *log, cdr_slot slot, const struct cdr *record, bool parting, bool may_be_row);
/* Open the journals, and sort out what a crash left in them. @return 0; -EBUSY; -ENOMEM; one line in error, also with 0 */
int cdr_log_take_over(struct cdr_log *log, const struct cdr_log_parts *parts, char *error, size_t error_size);

#endif
