/** @file token.h  Unpredictable random numbers and strings, and keyed hashes. */
#ifndef TOKEN_H
#define TOKEN_H

#include <stddef.h>
#include <stdint.h>

/** Text for tags, branches, Call-IDs and cnonces: 64 random bits as 16 hexadecimal digits. */
enum { TOKEN_SIZE = 17 };
void token_make(char out[TOKEN_SIZE]);
/** The lowest bits of a number in hexadecimal, 4 to a digit, and a NUL. */
void token_hex(char *out, uint64_t number, unsigned digits);

/** 64 bits from the kernel's generator: one number reveals nothing about the next. */
uint64_t token_random(void);

/**
 * SipHash-2-4 under a random key of this process, so nobody outside can compute it.
 *
 * @param h  the hash of the preceding strings, or a number to mix in; 0 to start
 * @param s  NULL counts as ""
 */
uint64_t token_hash(uint64_t h, const char *s);
uint64_t token_hash_bytes(uint64_t h, const void *bytes, size_t n);

/** A key that outlives the process. */
struct token_key {
	uint64_t half[2];
};
/**
 * Read the key that this file keeps, or make one and keep it there.
 *
 * @return 0; -errno: the key is a new one, and will be lost
 */
int token_key_load(struct token_key *key, const char *path);
/** As token_hash() under this key. */
uint64_t token_hash_keyed(const struct token_key *key, uint64_t h, const char *s);

#endif
