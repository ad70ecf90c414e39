#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = 3, VARIABLES = 3, DESCRIPTORS_MAX = 1 << 20 };

static struct handover received[HANDOVER_MAX];
static size_t n_received;

/* From the process before ------------------------------------------------------------------- */

static long number(const char *variable)
{
	const char *text = getenv(variable);

	return text ? strtol(text, NULL, 10) : 0;
}

/** Of a list that colons separate. */
static const char *next_name(const char *names, char out[HANDOVER_NAME_MAX])
{
	size_t n = strcspn(names, ":");

	snprintf(out, HANDOVER_NAME_MAX, "%.*s", (int)n, names);
	return names + n + (names[n] == ':');
}

void handover_receive(void)
{
	const char *names = getenv("LISTEN_FDNAMES");
	const long n = number("LISTEN_PID") == (long)getpid() ? number("LISTEN_FDS") : 0;

	names = names ? names : "";
	for (long i = 0; i < n && i < DESCRIPTORS_MAX && n_received < HANDOVER_MAX; i++) {
		struct handover *s = &received[n_received];

		s->fd = FIRST + (int)i;
		names = next_name(names, s->name);
		if (s->name[0] && fcntl(s->fd, F_SETFD, FD_CLOEXEC) == 0)
			n_received++;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

int handover_take(bool (*fits)(const struct handover *socket, const void *arg), const void *arg)
{
	for (size_t i = 0; i < n_received; i++) {
		int fd = received[i].fd;

		if (fits(&received[i], arg)) {
			received[i] = received[--n_received];
			return fd;
		}
	}
	return -1;
}

void handover_close_rest(void (*h)(const char *name))
{
	while (n_received) {
		const struct handover *s = &received[--n_received];

		close(s->fd);
		if (h)
			h(s->name);
	}
}

/* To the next one --------------------------------------------------------------------------- */

/** What the next process is told. */
struct message {
	char pid[32], fds[32];
	char *names;
};

static const struct handover *find(const struct handover *sockets, size_t n, int fd)
{
	for (size_t i = 0; i < n; i++)
		if (sockets[i].fd == fd)
			return &sockets[i];
	return NULL;
}

/**
 * Descriptors keep their numbers, since other threads are using theirs; what is in between is not handed over, and has no
 * name.
 *
 * @return 0; -ENOMEM
 */
static int write_message(struct message *m, const struct handover *sockets, size_t n)
{
	int end = FIRST;
	size_t size;
	FILE *names;

	for (size_t i = 0; i < n; i++)
		end = sockets[i].fd >= end ? sockets[i].fd + 1 : end;
	snprintf(m->pid, sizeof(m->pid), "LISTEN_PID=%ld", (long)getpid());
	snprintf(m->fds, sizeof(m->fds), "LISTEN_FDS=%d", end - FIRST);
	names = open_memstream(&m->names, &size);
	if (!names)
		return -ENOMEM;
	fputs("LISTEN_FDNAMES=", names);
	for (int fd = FIRST; fd < end; fd++) {
		const struct handover *s = find(sockets, n, fd);

		fprintf(names, "%s%s", fd > FIRST ? ":" : "", s ? s->name : "");
	}
	return fclose(names) ? -ENOMEM : 0;
}

static void keep_over_exec(const struct handover *sockets, size_t n, bool keep)
{
	for (size_t i = 0; i < n; i++)
		fcntl(sockets[i].fd, F_SETFD, keep ? 0 : FD_CLOEXEC);
}

int handover_exec(const char *path, char *const argv[], const struct handover *sockets, size_t n)
{
	struct message m = {.names = NULL};
	int err = write_message(&m, sockets, n);
	size_t n_environment = 0;
	char **environment;

	while (environ[n_environment])
		n_environment++;
	environment = calloc(n_environment + VARIABLES + 1, sizeof(*environment));
	if (!err && environment) {
		memcpy(environment, environ, n_environment * sizeof(*environment));
		environment[n_environment] = m.pid;
		environment[n_environment + 1] = m.fds;
		environment[n_environment + 2] = m.names;
		keep_over_exec(sockets, n, true);
		execve(path, argv, environment);
		err = -errno;
		keep_over_exec(sockets, n, false);
	}
	free(m.names);
	err = environment ? err : -ENOMEM;
	free(environment);
	return err;
}
