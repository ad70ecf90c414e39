#include "address_key.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

void address_key_v4(struct address_key *key, const uint8_t *address)
{
	uint8_t v4[4];

	memcpy(v4, address, sizeof(v4));
	memset(key->address, 0, sizeof(key->address));
	memcpy(key->address, v4, sizeof(v4));
	key->family = ADDRESS_KEY_V4;
	key->bits = 32;
}

bool address_key(struct address_key *out, const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

		address_key_v4(out, (const uint8_t *)&in->sin_addr);
		out->port = ntohs(in->sin_port);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

		out->family = ADDRESS_KEY_V6;
		out->bits = 128;
		memcpy(out->address, &in6->sin6_addr, sizeof(out->address));
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
			address_key_v4(out, out->address + 12);
		out->port = ntohs(in6->sin6_port);
		return true;
	}
	return false;
}
