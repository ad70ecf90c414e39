#include "cdr_sum.h"

#include <string.h>

__extension__ typedef unsigned __int128 product;

/* As in wyhash: one multiplication for 16 bytes, of which both halves count. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	const product p = (product)(a ^ UINT64_C(0xa0761d6478bd642f)) * (b ^ UINT64_C(0xe7037ed1a0b428db));
	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t cdr_sum_number(uint64_t sum, uint64_t number)
{
	return fold(number, sum);
}

uint64_t cdr_sum_bytes(uint64_t sum, const void *bytes, size_t size)
{
	const char *at = bytes;
	uint64_t word[2];

	for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
		memcpy(word, at, sizeof(word));
		sum = fold(word[0], word[1] ^ sum);
	}
	if (!size)
		return sum;
	word[0] = word[1] = 0;
	memcpy(word, at, size);
	return fold(word[0], word[1] ^ sum);
}
