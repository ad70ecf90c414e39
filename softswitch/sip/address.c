#include "address.h"

#include "text.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

socklen_t address_length(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

uint16_t address_port(const struct sockaddr *sa)
{
	return ntohs(sa->sa_family == AF_INET6 ? ((const struct sockaddr_in6 *)sa)->sin6_port
					       : ((const struct sockaddr_in *)sa)->sin_port);
}

void address_set_port(struct sockaddr *sa, uint16_t port)
{
	if (sa->sa_family == AF_INET6)
		((struct sockaddr_in6 *)sa)->sin6_port = port;
	else
		((struct sockaddr_in *)sa)->sin_port = port;
}

/** inet_ntop() prints numbers by sprintf(), which every message would pay for. */
static void add_ipv4(struct text *t, const struct in_addr *address)
{
	uint32_t bits = ntohl(address->s_addr);

	text_add_number(t, bits >> 24);
	for (int shift = 16; shift >= 0; shift -= 8) {
		text_add_bytes(t, ".", 1);
		text_add_number(t, bits >> shift & 0xff);
	}
}

static void add_host(struct text *t, const struct sockaddr *sa)
{
	char host[ADDRESS_HOST_MAX];

	if (sa->sa_family != AF_INET6)
		add_ipv4(t, &((const struct sockaddr_in *)sa)->sin_addr);
	else if (inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr, host, sizeof(host)))
		text_add(t, host);
}

void address_host(const struct sockaddr *sa, char out[ADDRESS_HOST_MAX])
{
	struct text t = {.data = out, .size = ADDRESS_HOST_MAX};

	add_host(&t, sa);
	text_end(&t);
}

void address_name(const struct sockaddr *sa, char out[ADDRESS_NAME_MAX])
{
	const bool v6 = sa->sa_family == AF_INET6;
	struct text t = {.data = out, .size = ADDRESS_NAME_MAX};

	text_add(&t, v6 ? "[" : "");
	add_host(&t, sa);
	text_add(&t, v6 ? "]:" : ":");
	text_add_number(&t, address_port(sa));
	text_end(&t);
}

void address_host_port(char out[ADDRESS_HOST_PORT_MAX], const char *host, uint16_t port)
{
	const bool v6 = strchr(host, ':') != NULL;
	struct text t = {.data = out, .size = ADDRESS_HOST_PORT_MAX};

	text_add_all(&t, v6 ? "[" : "", host, v6 ? "]" : "", NULL);
	if (port) {
		text_add(&t, ":");
		text_add_number(&t, port);
	}
	text_end(&t);
}

bool address_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET6)
		return !memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
			&((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr));
	return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

void address_bytes(const struct sockaddr *sa, unsigned char out[ADDRESS_BYTES])
{
	static const unsigned char mapped[ADDRESS_BYTES - 4] = {[10] = 0xff, [11] = 0xff};

	if (sa->sa_family == AF_INET6) {
		memcpy(out, &((const struct sockaddr_in6 *)sa)->sin6_addr, ADDRESS_BYTES);
		return;
	}
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + sizeof(mapped), &((const struct sockaddr_in *)sa)->sin_addr, 4);
}

void address_network(const struct sockaddr *sa, unsigned char out[ADDRESS_BYTES])
{
	struct in6_addr host;

	address_bytes(sa, host.s6_addr);
	if (!IN6_IS_ADDR_V4MAPPED(&host))
		memset(host.s6_addr + 8, 0, 8);
	memcpy(out, &host, ADDRESS_BYTES);
}

uint16_t address_parse_port(const char *text, uint16_t fallback)
{
	unsigned long port = 0;
	char *end = NULL;

	if (text && text[0] >= '0' && text[0] <= '9') /* strtoul() would take a sign too */
		port = strtoul(text, &end, 10);
	return htons(port && port <= UINT16_MAX && !*end ? (uint16_t)port : fallback);
}
