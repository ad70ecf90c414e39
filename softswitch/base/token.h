/** @file token.h  Random numbers and texts that nobody can predict, and hashes that nobody can compute from outside. */
#ifndef TOKEN_H
#define TOKEN_H

#include <stdint.h>

/** Text for tags, branches, Call-IDs and cnonces: 64 random bits as 16 hexadecimal digits. */
enum { TOKEN_SIZE = 17 };
void token_make(char out[TOKEN_SIZE]);

/** 64 bits from the kernel's generator. One of them tells nothing of the next. */
uint64_t token_random(void);

/**
 * SipHash-2-4 under a key of this process.
 *
 * @param h  the hash of what comes before the string, or a number; 0 to begin
 * @param s  NULL counts as ""
 */
uint64_t token_hash(uint64_t h, const char *s);

#endif
