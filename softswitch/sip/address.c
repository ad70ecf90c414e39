#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>
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

void address_host(const struct sockaddr *sa, char out[ADDRESS_HOST_MAX])
{
	out[0] = '\0';
	if (sa->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr, out, ADDRESS_HOST_MAX);
	else
		inet_ntop(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr, out, ADDRESS_HOST_MAX);
}

void address_name(const struct sockaddr *sa, char out[ADDRESS_NAME_MAX])
{
	char host[ADDRESS_HOST_MAX];

	address_host(sa, host);
	snprintf(out, ADDRESS_NAME_MAX, sa->sa_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
		address_port(sa));
}

void address_host_port(char out[ADDRESS_HOST_PORT_MAX], const char *host, uint16_t port)
{
	bool v6 = strchr(host, ':') != NULL;

	snprintf(out, ADDRESS_HOST_PORT_MAX, port ? "%s%s%s:%u" : "%s%s%s", v6 ? "[" : "", host,
		v6 ? "]" : "", port);
}

bool address_same_host(const struct sockaddr *a, const struct sockaddr *b)
{
	char host_a[ADDRESS_HOST_MAX], host_b[ADDRESS_HOST_MAX];

	address_host(a, host_a);
	address_host(b, host_b);
	return !strcmp(host_a, host_b);
}

uint16_t address_parse_port(const char *text, uint16_t fallback)
{
	unsigned long port = 0;
	char *end = NULL;

	if (text && text[0] >= '0' && text[0] <= '9') /* strtoul() would take a sign too */
		port = strtoul(text, &end, 10);
	return htons(port && port <= UINT16_MAX && !*end ? (uint16_t)port : fallback);
}
