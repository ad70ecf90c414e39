#include "listen.h"

#include "address.h"
#include "handover.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 256 };

static bool is_stream(const struct listen *at)
{
	return strcmp(at->transport, "udp") != 0;
}

static void to_address(const struct listen *at, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, at->host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(at->port);
		return;
	}
	inet_pton(AF_INET6, at->host, &v6->sin6_addr);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(at->port);
}

/* Of the process before --------------------------------------------------------------------- */

void listen_name(const char *transport, const struct sockaddr *local, char out[HANDOVER_NAME_MAX])
{
	char host[ADDRESS_HOST_MAX];

	address_host(local, host);
	for (char *c = host; *c; c++)
		if (*c == ':')
			*c = '_';
	snprintf(out, HANDOVER_NAME_MAX, "%s/%s/%u", transport, host, address_port(local));
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	return getsockopt(fd, level, name, &value, &n) ? -1 : value;
}

/** The name alone tells TCP from TLS; of the rest only the socket itself is believed. */
static bool fits(const struct handover *s, const void *arg)
{
	const struct listen *at = arg;
	const size_t n = strlen(at->transport);
	struct sockaddr_storage local = {0}, wanted;
	const struct sockaddr *is = (struct sockaddr *)&local, *want = (struct sockaddr *)&wanted;
	socklen_t size = sizeof(local);

	to_address(at, &wanted);
	return strncmp(s->name, at->transport, n) == 0 && s->name[n] == '/' &&
		option(s->fd, SOL_SOCKET, SO_PROTOCOL) == (is_stream(at) ? IPPROTO_TCP : IPPROTO_UDP) &&
		option(s->fd, SOL_SOCKET, SO_ACCEPTCONN) == is_stream(at) &&
		getsockname(s->fd, (struct sockaddr *)&local, &size) == 0 && address_same_host(is, want) &&
		(!at->port || address_port(is) == at->port) &&
		(local.ss_family != AF_INET6 || option(s->fd, IPPROTO_IPV6, IPV6_V6ONLY) == 1);
}

/* Opening ----------------------------------------------------------------------------------- */

static int open_socket(const struct listen *at)
{
	static const int one = 1;
	struct sockaddr_storage local;
	int fd, err;

	to_address(at, &local);
	fd = socket(local.ss_family,
		(is_stream(at) ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (is_stream(at)) /* connections of a switch that has just ended do not keep the address */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (local.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&local, address_length((struct sockaddr *)&local)) == 0 &&
		(!is_stream(at) || listen(fd, BACKLOG) == 0))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int listen_open(const struct listen *at)
{
	int fd = handover_take(fits, at);

	if (fd < 0)
		return open_socket(at);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return fd;
}
