/** @file handover.h  Open sockets, and memory, pass from one process to the next, by the protocol of sd_listen_fds(3).
 *
 * They come from systemd, which stores them (service_manager.h), or from the process before, which has executed this
 * program in its place: LISTEN_PID, LISTEN_FDS, and in LISTEN_FDNAMES a name for each.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <stdbool.h>
#include <stddef.h>

enum { HANDOVER_MAX = 64, HANDOVER_NAME_MAX = 80 };

/** An open descriptor; what its name says is up to the giver: no colon, no control character. */
struct handover {
	int fd;
	char name[HANDOVER_NAME_MAX];
};

/** Note what was handed to this process. First of all, before it opens anything, and with one thread. */
void handover_receive(void);
/** @return the descriptor of the first one that fits, now the caller's; -1 without one */
int handover_take(bool (*fits)(const struct handover *socket, const void *arg), const void *arg);
/** Close those that nobody has taken. @param h  told each name; may be NULL */
void handover_close_rest(void (*h)(const char *name));

/**
 * Execute a program in place of this one and hand it these sockets. It gets the environment of this process.
 *
 * @param path  absolute
 * @return -errno: it could not be, and nothing has changed
 */
int handover_exec(const char *path, char *const argv[], const struct handover *sockets, size_t n);

#endif
