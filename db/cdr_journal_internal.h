/** @file cdr_journal_internal.h  The journal from within. Private to the files of cdr_journal.h. */
#ifndef CDR_JOURNAL_INTERNAL_H
#define CDR_JOURNAL_INTERNAL_H

#include "cdr_journal.h"
#include "cdr_sum.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	BLOCK_SIZE = 512,
	BLOCK_DATA = BLOCK_SIZE - 48,
	SEGMENT_BLOCKS = 8192,
	SEGMENT_SIZE = BLOCK_SIZE * SEGMENT_BLOCKS,
	SEGMENTS_MAX = 4096, /* 16 GiB */
};
_Static_assert(BLOCK_DATA % CDR_SUM_PIECE == 0, "the sum does not depend on where an entry is cut");

/* All members but `next` and `data` are used in the first block of an entry only. */
struct cdr_journal_block {
	_Atomic uint32_t state; /* cdr_journal_word(), or 0 */
	uint32_t next;          /* 0 = the last one */
	uint64_t number;
	_Atomic uint64_t sequence;
	uint64_t sum;          /* over all but state, next and note */
	uint32_t size;         /* of the entry in bytes */
	_Atomic uint32_t note; /* as given to cdr_journal_note() */
	uint32_t unused[2];
	char data[BLOCK_DATA];
};

/* Lies in block 0, which holds no entry. */
struct cdr_journal_header {
	uint32_t word;       /* HEADER */
	uint32_t incomplete; /* or 1: entries have been lost, cdr_journal_is_incomplete() */
	struct cdr_sign sign;
	uint64_t sequence; /* of the entry put last */
	uint64_t disk;     /* cdr_journal_set_disk(), 0 = never */
	/* What these should be; 0 = a version wrote it that did not say: */
	uint64_t sign_sum;      /* cdr_journal_sign_sum() */
	_Atomic uint64_t tally; /* cdr_journal_tally() */
};
enum { HEADER = 0x4a524e32 /* JRN2 */ };
_Static_assert(sizeof(struct cdr_journal_block) == BLOCK_SIZE, "no padding in a block");
_Static_assert(sizeof(struct cdr_journal_header) < BLOCK_SIZE, "the header fits");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "words in the file are plain words");

struct cdr_journal {
	char *path;
	int fd;
	bool in_memory; /* its file system is */
	bool whole;     /* its entries have been seen */
	bool was_there; /* when it was opened */
	struct cdr_journal_block *segment[SEGMENTS_MAX];
	_Atomic unsigned n_segments; /* mapped; its store publishes segment[] */
	_Atomic uint32_t in_use;     /* blocks of entries */
	/* cdr_journal_guard.c: */
	atomic_bool broken, incomplete; /* pages have gone; entries have gone with them */
	_Atomic(void *) copying;        /* a segment of the new file, while it is filled */
	atomic_bool has_new;
	pthread_mutex_t file_lock; /* for the next two, and while segments are added or moved */
	int new_fd;                /* the file to move to, -1 = none */
	unsigned new_segments;     /* in it */
	/* Only for the thread that puts and frees, which trusts nothing that is in the file: */
	uint64_t sequence; /* of the entry put last */
	uint64_t *number;  /* of the call whose entry begins in this block */
	uint32_t *next;    /* of each block */
	uint32_t n_blocks; /* that these have room for */
	uint32_t fresh;    /* blocks from this one on have never been used */
	uint32_t *spare;   /* free blocks that were used before */
	uint32_t n_spare;
};

static inline struct cdr_journal_block *cdr_journal_block(const struct cdr_journal *j, uint32_t i)
{
	return &j->segment[i / SEGMENT_BLOCKS][i % SEGMENT_BLOCKS];
}

static inline struct cdr_journal_header *cdr_journal_header(const struct cdr_journal *j)
{
	return (struct cdr_journal_header *)(void *)j->segment[0];
}

static inline uint64_t cdr_journal_block_sum(const struct cdr_journal_block *head)
{
	return cdr_journal_sum(
		head->number, atomic_load_explicit(&head->sequence, memory_order_relaxed), head->size);
}

static inline uint64_t cdr_journal_sign_sum(const struct cdr_sign *sign)
{
	return cdr_sum_bytes(HEADER, sign, sizeof(*sign));
}

static inline void cdr_journal_count(struct cdr_journal *j, uint64_t sum)
{
	atomic_fetch_xor_explicit(&cdr_journal_header(j)->tally, sum, memory_order_relaxed);
}

static inline uint32_t cdr_journal_blocks_for(size_t size)
{
	return size == 0 ? 1 : (uint32_t)((size + BLOCK_DATA - 1) / BLOCK_DATA);
}

/* Make room for what is noted of segments that were added meanwhile. Without memory for it the journal keeps its size. */
void cdr_journal_adopt_segments(struct cdr_journal *j);
/* Write the header anew. */
void cdr_journal_begin(struct cdr_journal *j, const struct cdr_sign *sign);
void cdr_journal_count_in_use(struct cdr_journal *j);
/*
 * What there is, as one number: the sums of the heads of all entries and of the last sequence, by XOR. In the file each
 * change is made to it, so that an entry that has vanished is missed.
 */
uint64_t cdr_journal_tally(const struct cdr_journal *j);
/* From now on a SIGBUS in its segments costs the pages only. @return 0; -EMFILE */
int cdr_journal_guard(struct cdr_journal *j);
void cdr_journal_unguard(const struct cdr_journal *j);

#endif
