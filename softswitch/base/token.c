#include "token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/** Numbers fetched per system call. */
enum { NUMBERS = 32 };

static void fill(void *out, size_t n)
{
	/* Up to 256 bytes are never short and never interrupted; on Linux nothing else can fail. */
	if (getrandom(out, n, 0) != (ssize_t)n)
		abort();
}

uint64_t token_random(void)
{
	static uint64_t number[NUMBERS];
	static unsigned left;
	uint64_t taken;

	if (!left) {
		fill(number, sizeof(number));
		left = NUMBERS;
	}
	taken = number[--left];
	number[left] = 0;
	return taken;
}

void token_hex(char *out, uint64_t number, unsigned digits)
{
	out[digits] = '\0';
	for (; digits; number >>= 4)
		out[--digits] = "0123456789abcdef"[number & 15];
}

void token_make(char out[TOKEN_SIZE])
{
	token_hex(out, token_random(), TOKEN_SIZE - 1);
}

/* SipHash-2-4 by Aumasson and Bernstein ----------------------------------------------------- */

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void mix(uint64_t v[4], unsigned rounds)
{
	while (rounds--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v, 2);
	v[0] ^= word;
}

static uint64_t hash_bytes(const uint64_t key[2], uint64_t h, const char *s, size_t n)
{
	size_t i;
	uint64_t v[4], word;

	v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
	v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d);
	v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
	v[3] = key[1] ^ UINT64_C(0x7465646279746573);
	absorb(v, h);
	for (i = 0; i + 8 <= n; i += 8) {
		memcpy(&word, s + i, 8);
		absorb(v, word);
	}
	word = (uint64_t)n << 56;
	for (size_t byte = 0; i + byte < n; byte++)
		word |= (uint64_t)(unsigned char)s[i + byte] << 8 * byte;
	absorb(v, word);
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t token_hash_bytes(uint64_t h, const void *bytes, size_t n)
{
	static uint64_t key[2];
	static bool keyed;

	if (!keyed)
		fill(key, sizeof(key));
	keyed = true;
	return hash_bytes(key, h, bytes, n);
}

uint64_t token_hash(uint64_t h, const char *s)
{
	return token_hash_bytes(h, s, s ? strlen(s) : 0);
}

uint64_t token_hash_keyed(const struct token_key *k, uint64_t h, const char *s)
{
	return hash_bytes(k->half, h, s, s ? strlen(s) : 0);
}

/** @return 0; -ENODATA when it holds no whole key, or another error */
static int read_key(struct token_key *key, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, key, sizeof(*key));
	int err = n == (ssize_t)sizeof(*key) ? 0 : n < 0 ? -errno : -ENODATA;

	if (fd >= 0)
		close(fd);
	return err;
}

static int write_key(const struct token_key *key, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t n = fd < 0 ? -1 : write(fd, key, sizeof(*key));
	int err = n == (ssize_t)sizeof(*key) ? 0 : n < 0 ? -errno : -EIO;

	if (fd >= 0)
		close(fd);
	return err;
}

int token_key_load(struct token_key *key, const char *path)
{
	int err = read_key(key, path);

	if (!err)
		return 0;
	fill(key, sizeof(*key));
	return err == -ENOENT || err == -ENODATA ? write_key(key, path) : err;
}
