/** @file cdr_sum.h  A checksum, fast because the loop takes it for each change of a call. Private to db/. */
#ifndef CDR_SUM_H
#define CDR_SUM_H

#include <stddef.h>
#include <stdint.h>

/** A number depends on the one before. */
uint64_t cdr_sum_number(uint64_t sum, uint64_t number);
enum { CDR_SUM_PIECE = 16 };
/** The same of bytes. Taken over pieces, all but the last of a multiple of CDR_SUM_PIECE, it is what it is over the whole. */
uint64_t cdr_sum_bytes(uint64_t sum, const void *bytes, size_t size);

#endif
