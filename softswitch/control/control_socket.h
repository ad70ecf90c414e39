/** @file control_socket.h  The control socket: a Unix socket, mode 0660, one request per line.
 *
 * A request is at most 64 KiB; a longer one is answered with an error and the connection closed. A client that
 * does not read its answers is not read from either, and is dropped when it has taken nothing for 30 s; at most one
 * answer and 256 KiB wait for it. Of more than 64 clients the one whose last request is the longest ago is dropped.
 * A socket file that is removed is made again within a second.
 */
#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H

#include <jansson.h>
#include <stddef.h>

struct control_error;
struct control_method;
struct control_socket;
struct event_base;

/**
 * Listen. A stale socket file, which nobody listens on, is replaced; anything else at the path is left alone.
 *
 * @param methods  borrowed until control_socket_destroy()
 * @param arg      passed to the handlers
 * @param error    receives a one-line message when the result is not 0
 * @return 0; -EADDRINUSE another process listens there; -EEXIST the path is not a socket;
 *         -ENAMETOOLONG; -EACCES and the like
 */
int control_socket_create(struct control_socket **out, struct event_base *base, const char *path,
	const struct control_method *methods, void *arg, char *error, size_t error_size);
/**
 * Answer every request whose method has said CONTROL_LATER. A client that has one is served nothing else meanwhile.
 *
 * @param result  borrowed; NULL: the error counts
 */
void control_socket_answer(struct control_socket *c, json_t *result, const struct control_error *error);
/** Close all connections and remove the socket file if it is still ours. NULL is fine. */
void control_socket_destroy(struct control_socket *c);

#endif
