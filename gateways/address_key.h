/** @file address_key.h  Private to gateways/: an address, or a block of them, as the key of a hash table. */
#ifndef ADDRESS_KEY_H
#define ADDRESS_KEY_H

#include <stdbool.h>
#include <stdint.h>

struct sockaddr;

enum { ADDRESS_KEY_V4, ADDRESS_KEY_V6, ADDRESS_KEY_FAMILIES, ADDRESS_KEY_BITS_MAX = 128 };

/** Without padding, because its bytes are hashed. */
struct address_key {
	uint8_t family;
	uint8_t bits;  /* length of the block; all bits after it are 0 */
	uint16_t port; /* host order; 0 = any */
	uint8_t address[16];
};
_Static_assert(sizeof(struct address_key) == 20, "address_key has padding");

/** Set it to an IPv4 address, given by four bytes, which may lie inside the key. */
void address_key_v4(struct address_key *key, const uint8_t *address);
/**
 * Set it to a whole address with its port; an IPv4-mapped IPv6 address counts as IPv4.
 *
 * @return false when it is neither IPv4 nor IPv6
 */
bool address_key(struct address_key *out, const struct sockaddr *sa);

#endif
