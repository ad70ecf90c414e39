/** @file cdr_disk_file.h  The journal on disk as a file: a log. Private to db/.
 *
 * A log that has grown too much is begun anew. Two files take turns, so that most writes go where the file system has
 * nothing to note but the bytes. Behind the end of a log lie items of an earlier one: each use of a file has a generation,
 * which is part of the sum of each item. By the sums, what follows a damaged item is still found, and a torn last one
 * costs only itself.
 */
#ifndef CDR_DISK_FILE_H
#define CDR_DISK_FILE_H

#include "cdr_journal.h"

#include <stdbool.h>

/** What was found in it. */
struct cdr_disk_file_found {
	struct cdr_sign sign; /* the last */
	uint64_t sequence;    /* the highest; 0 = the file was new */
	unsigned damaged;     /* places that could not be read */
	bool old;             /* it is the journal of an earlier version: cdr_old.h */
	int later;            /* 0, or the version of a later program that wrote it, with -ENOTSUP */
};

/**
 * Is it the log with this generation, of which nothing is newer than the journal in memory? Its items are not checked.
 *
 * @param sequence  of the last entry in memory
 */
bool cdr_disk_file_is_behind(int fd, uint64_t generation, uint64_t sequence);
/** Hand out what is in it, also several entries of a call. @return 0; -ENOMEM, -EIO, or what on_entry returned */
int cdr_disk_file_read(int fd, struct cdr_disk_file_found *found, cdr_journal_entry_h *on_entry, void *arg);

enum { CDR_DISK_FILE_BLOCK = 4096 /* bytes: what can be written past the page cache, on all disks */ };

/** Bytes to be added to the file. Zeroed = none; free(data). */
struct cdr_disk_file_bytes {
	char *data; /* begins at a multiple of CDR_DISK_FILE_BLOCK */
	size_t n, size;
};
/** What a file begins with. All of these: @return 0; -ENOMEM, and nothing was added */
int cdr_disk_file_begin(struct cdr_disk_file_bytes *bytes, uint64_t generation);
/** Add the entry of a slot, if it is still that with this sequence; 0 = whichever is there. */
int cdr_disk_file_add(struct cdr_disk_file_bytes *bytes, const struct cdr_journal *journal, cdr_slot slot,
	uint64_t sequence);
/** Add the note of a live call, if there is one. */
int cdr_disk_file_add_note(
	struct cdr_disk_file_bytes *bytes, const struct cdr_journal *journal, cdr_slot slot);
/** Nothing is left of the call with this number. */
int cdr_disk_file_add_done(struct cdr_disk_file_bytes *bytes, uint64_t number);
int cdr_disk_file_add_sign(struct cdr_disk_file_bytes *bytes, const struct cdr_sign *sign);
/** Make the items from this offset on those of a generation. The same call again takes that back. */
void cdr_disk_file_stamp(struct cdr_disk_file_bytes *bytes, size_t from, uint64_t generation);
enum { CDR_DISK_FILE_BEGINNING = 32 /* bytes */ };
/** Have what stands in the file there in place of what was added. @return 0; -ENOMEM; -EIO */
int cdr_disk_file_take(struct cdr_disk_file_bytes *bytes, int fd, size_t at, size_t n);
/** Fill the last block with zeros, which do not count. @return the bytes of all blocks */
size_t cdr_disk_file_fill(const struct cdr_disk_file_bytes *bytes);

#endif
