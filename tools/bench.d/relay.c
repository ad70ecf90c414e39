/*
 * The floor of the benchmark: a relay that knows nothing about SIP. Datagrams from the gateway go to the
 * caller, all others to the gateway: one receive and one send per datagram, which is the least a server on
 * a plain UDP socket can do.
 *
 *	relay PORT GATEWAY-PORT		(both on 127.0.0.1)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int open_socket(const char *port)
{
	struct sockaddr_in local = loopback(port);
	int buffer_bytes = 4 << 20; /* as large as what it is compared with: bursts, not speed */
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) != 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
	return fd;
}

static void relay(int fd, const struct sockaddr_in *gateway)
{
	struct sockaddr_in caller = {0};
	char datagram[65536];

	for (;;) {
		struct sockaddr_in from;
		socklen_t from_size = sizeof(from);
		ssize_t n = recvfrom(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&from, &from_size);

		if (n < 0 && errno != ECONNREFUSED && errno != EINTR)
			return;
		if (n < 0)
			continue;
		bool from_gateway = from.sin_port == gateway->sin_port;
		if (!from_gateway)
			caller = from;
		const struct sockaddr_in *to = from_gateway ? &caller : gateway;
		(void)sendto(fd, datagram, (size_t)n, 0, (const struct sockaddr *)to, sizeof(*to));
	}
}

int main(int argc, char *argv[])
{
	if (argc != 3) {
		fprintf(stderr, "usage: relay PORT GATEWAY-PORT\n");
		return 2;
	}
	struct sockaddr_in gateway = loopback(argv[2]);
	int fd = open_socket(argv[1]);
	if (fd >= 0)
		relay(fd, &gateway);
	perror("relay");
	return 1;
}
