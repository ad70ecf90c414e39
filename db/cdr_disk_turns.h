/** @file cdr_disk_turns.h  The two files that take turns as the journal on disk. Private to db/.
 *
 * All functions may wait for the disk, so they belong to its thread.
 */
#ifndef CDR_DISK_TURNS_H
#define CDR_DISK_TURNS_H

#include "cdr_disk_file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CDR_DISK_TURNS_PATH = 4096 + 16 };

/** A file and the end of the log in it. */
struct cdr_disk_turns_file {
	int fd; /* -1 = none */
	size_t at;
	uint64_t generation;
};

struct cdr_disk_turns {
	char path[CDR_DISK_TURNS_PATH], next_path[CDR_DISK_TURNS_PATH];
	struct cdr_disk_turns_file present; /* under the name */
	struct cdr_disk_turns_file next;    /* written to take its place */
	int lock, spare; /* what was under the name before ours, and what waits for its turn; -1 = none */
	/* What is to be added, behind what the last block of the present file has already: whole blocks are written. */
	struct cdr_disk_file_bytes bytes;
	size_t old;        /* of these bytes are in the present file */
	size_t size;       /* of that file */
	cdr_slot slot;     /* of the journal, to be written into the next file */
	uint64_t sequence; /* of the last entry when that was begun */
	size_t limit;      /* at which size of the present file it is time for the next */
};

/**
 * Open what is beside this cdr.db, whose lock it is; it is read, but not written to.
 *
 * @return 0, also when there is no file and none can be made now; -EBUSY another process has it
 */
int cdr_disk_turns_open(struct cdr_disk_turns *turns, const char *cdr);
/** @param remove  no file has to stay */
void cdr_disk_turns_close(struct cdr_disk_turns *turns, bool remove);
/** After an error it is not known what of a file is on the disk: there is none, until the next one is whole. */
void cdr_disk_turns_fail(struct cdr_disk_turns *turns);

/** Add what was added to turns->bytes to the present file, where it is on the disk then, and to the next one. @return 0 or -errno */
int cdr_disk_turns_write(struct cdr_disk_turns *turns);
/** Begin the next file. @return 0 or -errno */
int cdr_disk_turns_begin(
	struct cdr_disk_turns *turns, const struct cdr_journal *journal, const struct cdr_sign *sign);
/**
 * Write some more of the journal into the next file, which takes its turn when it is whole; but not in place of a present one
 * that has what the journal lacks.
 *
 * @return 0 or -errno
 */
int cdr_disk_turns_go_on(struct cdr_disk_turns *turns, const struct cdr_journal *journal);

#endif
