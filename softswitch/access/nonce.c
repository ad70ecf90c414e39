#include "nonce.h"

#include "address.h"
#include "token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/**
 * The first 16 digits: when it was made, and what tells it from others of that millisecond. The rest: the keyed hash of
 * that and of the address.
 */
enum { STAMP_DIGITS = 16, STAMP_SALT_BITS = 20 };

/**
 * Used nonces, by a keyed hash. In a full bucket the one used longest ago goes; by then it is too old by itself, unless
 * there are a hundred thousand within the longest lifetime.
 */
enum { BUCKETS = 1 << 15, IN_BUCKET = 8 };

struct used {
	uint64_t hash, order;
	uint64_t window; /* bit i: highest - i was seen */
	uint32_t highest;
};

struct nonces {
	uint64_t order;
	struct used used[BUCKETS][IN_BUCKET];
};

int nonces_create(struct nonces **out)
{
	struct nonces *set = calloc(1, sizeof(*set)); /* the kernel gives the pages when they are touched */

	if (!set)
		return -ENOMEM;
	*out = set;
	return 0;
}

void nonces_destroy(struct nonces *set)
{
	free(set);
}

/** What it is bound to: the port may change, since a NAT may give another one to each connection. */
static uint64_t sign(uint64_t stamp, const struct sockaddr *address)
{
	unsigned char host[ADDRESS_BYTES];

	address_bytes(address, host);
	return token_hash_bytes(stamp, host, sizeof(host));
}

void nonce_make(char out[NONCE_SIZE], const struct sockaddr *to, uint64_t now_ms)
{
	uint64_t stamp =
		now_ms << STAMP_SALT_BITS | (token_random() & ((UINT64_C(1) << STAMP_SALT_BITS) - 1));

	token_hex(out, stamp, STAMP_DIGITS);
	token_hex(out + STAMP_DIGITS, sign(stamp, to), NONCE_SIZE - 1 - STAMP_DIGITS);
}

/** @return false when it is no number of this many digits */
static bool read_hex(const char *digits, size_t n, uint64_t *out)
{
	static const char values[] = "0123456789abcdef";

	*out = 0;
	for (size_t i = 0; i < n; i++) {
		const char *at = memchr(values, digits[i], sizeof(values) - 1);

		if (!at)
			return false;
		*out = *out << 4 | (uint64_t)(at - values);
	}
	return true;
}

bool nonce_is_good(const struct digest_parameter *nonce, const struct sockaddr *from, uint32_t lifetime_ms,
	uint64_t now_ms)
{
	const uint64_t mask = UINT64_MAX >> STAMP_SALT_BITS;
	uint64_t stamp, signature;

	return nonce->n == NONCE_SIZE - 1 && read_hex(nonce->data, STAMP_DIGITS, &stamp) &&
		read_hex(nonce->data + STAMP_DIGITS, NONCE_SIZE - 1 - STAMP_DIGITS, &signature) &&
		signature == sign(stamp, from) &&
		((now_ms - (stamp >> STAMP_SALT_BITS)) & mask) <= lifetime_ms;
}

/** A count that may come a little out of order, but once. */
static bool is_new(struct used *u, uint32_t count)
{
	uint64_t bit;

	if (count > u->highest) {
		u->window = count - u->highest < 64 ? u->window << (count - u->highest) | 1 : 1;
		u->highest = count;
		return true;
	}
	if (u->highest - count >= 64)
		return false;
	bit = UINT64_C(1) << (u->highest - count);
	if (u->window & bit)
		return false;
	u->window |= bit;
	return true;
}

bool nonces_use(struct nonces *set, const struct digest_parameter *nonce, uint32_t count)
{
	const uint64_t hash = token_hash_bytes(0, nonce->data, nonce->n);
	struct used *bucket = set->used[hash % BUCKETS], *oldest = bucket;

	for (unsigned i = 0; i < IN_BUCKET; i++) {
		if (bucket[i].order && bucket[i].hash == hash)
			return is_new(&bucket[i], count);
		if (bucket[i].order < oldest->order)
			oldest = &bucket[i];
	}
	*oldest = (struct used){.hash = hash, .order = ++set->order, .window = 1, .highest = count};
	return true;
}
