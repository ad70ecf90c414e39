#include "service_manager.h"

#include "handover.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { STATE_MAX = HANDOVER_NAME_MAX + 40 };

static const char *where(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && (path[0] == '/' || path[0] == '@') ? path : NULL;
}

bool service_manager_started_us(void)
{
	const char *pid = getenv("SYSTEMD_EXEC_PID");

	return pid && strtol(pid, NULL, 10) == (long)getpid();
}

bool service_manager_restarts_us(void)
{
	return where() && service_manager_started_us();
}

/** @param fd  goes along; -1 = none */
static void send_message(const char *state, int fd)
{
	static const struct timeval patience = {.tv_sec = 1};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS,
			     .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)state, .iov_len = strlen(state)};
	struct msghdr m = {.msg_name = &to, .msg_iov = &iov, .msg_iovlen = 1};
	const char *path = where();
	int s = path && strlen(path) < sizeof(to.sun_path) ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)
							   : -1;

	if (s < 0)
		return;
	memcpy(to.sun_path, path, strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* a name that no file has */
	m.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
	}
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	sendmsg(s, &m, MSG_NOSIGNAL);
	close(s);
}

void service_manager_notify(const char *state)
{
	send_message(state, -1);
}

void service_manager_store(const struct handover *socket)
{
	char state[STATE_MAX];

	/* FDPOLL=0: else it would drop a UDP socket at the first ICMP error. */
	snprintf(state, sizeof(state), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", socket->name);
	send_message(state, socket->fd);
}

void service_manager_forget(const char *name)
{
	char state[STATE_MAX];

	snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	send_message(state, -1);
}
