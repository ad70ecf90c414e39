#include "control_socket.h"

#include "control.h"
#include "log.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 64 * 1024,
	OUTPUT_HIGH_BYTES = 256 * 1024, /* a client with more unread output than this has to read first */
	CLIENTS_MAX = 64,
	WRITE_TIMEOUT_S = 30,
	ACCEPT_PAUSE_S = 1, /* after accept() failed, mostly for lack of descriptors */
	LOOK_S = 1,         /* whether the socket file is still there */
	SOCKET_MODE = 0660,
	BACKLOG = 16,
};

struct client {
	TAILQ_ENTRY(client) link;
	struct control_socket *control;
	struct bufferevent *bev;
	json_t *later; /* id of a request that is answered later; NULL = none */
	bool ending;   /* nothing more is read; closed once its output is written */
};

struct control_socket {
	struct event_base *base;
	const struct control_method *methods;
	void *arg;
	struct evconnlistener *listener;
	struct event *resume; /* accept again */
	struct event *look;
	struct sockaddr_un address;
	dev_t device; /* with inode: our socket file, which somebody may have replaced */
	ino_t inode;
	bool lost; /* the file is gone and could not be made again */
	unsigned n_clients;
	TAILQ_HEAD(, client) clients; /* the one whose last request is the longest ago first */
};

/* Connections. */

static void client_destroy(struct client *client)
{
	TAILQ_REMOVE(&client->control->clients, client, link);
	client->control->n_clients--;
	bufferevent_free(client->bev);
	json_decref(client->later);
	free(client);
}

static void free_text(const void *text, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	free((void *)(uintptr_t)text);
}

/** Queue one line, or nothing for NULL; takes over the reply. */
static void send_reply_take(struct client *client, json_t *reply)
{
	struct evbuffer *out = bufferevent_get_output(client->bev);
	if (!reply)
		return;
	char *text = json_dumps(reply, JSON_COMPACT);
	json_decref(reply);
	if (!text || evbuffer_add_reference(out, text, strlen(text), free_text, NULL) != 0) {
		free(text);
		client->ending = true;
	}
	evbuffer_add(out, "\n", 1);
}

static void refuse_long_line(struct client *client)
{
	const struct control_error error = {
		.code = CONTROL_INVALID_REQUEST, .message = "a line is limited to 65536 bytes"};
	send_reply_take(client, control_error_reply(NULL, &error));
	client->ending = true;
}

static bool has_room(const struct client *client)
{
	return evbuffer_get_length(bufferevent_get_output(client->bev)) < OUTPUT_HIGH_BYTES;
}

/** It asks for something. */
static void note_request(struct client *client)
{
	TAILQ_REMOVE(&client->control->clients, client, link);
	TAILQ_INSERT_TAIL(&client->control->clients, client, link);
}

/** Answer complete lines as long as the client reads the answers. */
static void serve(struct client *client)
{
	const struct control_socket *c = client->control;
	struct evbuffer *in = bufferevent_get_input(client->bev);
	char *line;
	size_t n;
	while (!client->ending && !client->later && has_room(client) &&
		(line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF))) {
		note_request(client);
		if (n > LINE_MAX_BYTES)
			refuse_long_line(client);
		else
			send_reply_take(client, control_answer(c->methods, c->arg, line, n, &client->later));
		free(line);
	}
	if (!client->ending && has_room(client) && evbuffer_get_length(in) > LINE_MAX_BYTES)
		refuse_long_line(client);
	if (client->ending || !has_room(client))
		bufferevent_disable(client->bev, EV_READ);
	else
		bufferevent_enable(client->bev, EV_READ);
}

void control_socket_answer(struct control_socket *c, json_t *result, const struct control_error *error)
{
	struct client *client, *next;

	for (client = TAILQ_FIRST(&c->clients); client; client = next) {
		next = TAILQ_NEXT(client, link);
		if (!client->later)
			continue;
		send_reply_take(client, control_reply(client->later, json_incref(result), error));
		json_decref(client->later);
		client->later = NULL;
		serve(client);
	}
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	serve(arg);
}

/** All output has been written. */
static void on_written(struct bufferevent *bev, void *arg)
{
	struct client *client = arg;
	(void)bev;
	if (client->ending)
		client_destroy(client);
	else
		serve(client);
}

/** The client has shut down its side, has not read for too long, or is gone. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *client = arg;
	client->ending = true;
	if (!(what & BEV_EVENT_EOF) || evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		client_destroy(client);
}

static void on_accept(
	struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int length, void *arg)
{
	struct control_socket *c = arg;
	const struct timeval patience = {.tv_sec = WRITE_TIMEOUT_S};
	struct client *client = calloc(1, sizeof(*client));
	(void)listener;
	(void)from;
	(void)length;
	if (client)
		client->bev = bufferevent_socket_new(c->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client || !client->bev) {
		log_warning(NULL, "control connection refused, out of memory open=%u", c->n_clients);
		free(client);
		close(fd);
		return;
	}
	client->control = c;
	if (c->n_clients == CLIENTS_MAX)
		client_destroy(TAILQ_FIRST(&c->clients));
	TAILQ_INSERT_TAIL(&c->clients, client, link);
	c->n_clients++;
	bufferevent_setcb(client->bev, on_read, on_written, on_event, client);
	bufferevent_setwatermark(client->bev, EV_READ, 0, LINE_MAX_BYTES + 2);
	bufferevent_set_timeouts(client->bev, NULL, &patience);
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
}

/** The connection stays queued and the socket readable, so pause, or the loop would spin. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct control_socket *c = arg;
	const struct timeval pause = {.tv_sec = ACCEPT_PAUSE_S};
	log_warning(NULL, "control socket cannot accept error=%s", strerror(errno));
	evconnlistener_disable(listener);
	evtimer_add(c->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct control_socket *c = arg;
	(void)fd;
	(void)what;
	evconnlistener_enable(c->listener);
}

/* The socket file. */

/** Where the error message goes. */
struct reason {
	char *text;
	size_t size;
};

static int refuse(const struct reason *why, int error, const char *path, const char *words)
{
	snprintf(why->text, why->size, "control socket %s: %s", path, words);
	return error;
}

/** Remove a socket left behind by a switch that died, and nothing else. */
static int remove_stale(const struct sockaddr_un *address, const struct reason *why)
{
	struct stat st;
	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ? 0 : refuse(why, -errno, address->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return refuse(why, -EEXIST, address->sun_path, "a file that is not a socket is in the way");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refuse(why, -errno, address->sun_path, strerror(errno));
	int error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	close(fd);
	if (error == 0 || error == EAGAIN)
		return refuse(why, -EADDRINUSE, address->sun_path, "another switch is listening there");
	if (error != ECONNREFUSED)
		return refuse(why, -error, address->sun_path, strerror(error));
	if (unlink(address->sun_path) != 0 && errno != ENOENT)
		return refuse(why, -errno, address->sun_path, strerror(errno));
	return 0;
}

/** @return the listening descriptor or -errno */
static int open_socket(struct control_socket *c, const struct reason *why)
{
	const char *path = c->address.sun_path;
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return refuse(why, -errno, path, strerror(errno));
	/* before bind(), so the file is never more accessible than this; and after it, as the umask cuts bits */
	if (fchmod(fd, SOCKET_MODE) != 0 ||
		bind(fd, (struct sockaddr *)&c->address, sizeof(c->address)) != 0 ||
		chmod(path, SOCKET_MODE) != 0 || listen(fd, BACKLOG) != 0 || lstat(path, &st) != 0) {
		int error = refuse(why, -errno, path, strerror(errno));
		close(fd);
		return error;
	}
	c->device = st.st_dev;
	c->inode = st.st_ino;
	return fd;
}

static int listen_at(struct control_socket *c, const struct reason *why)
{
	struct evconnlistener *listener;
	int fd = open_socket(c, why);
	if (fd < 0)
		return fd;
	listener = evconnlistener_new(
		c->base, on_accept, c, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (!listener) {
		close(fd);
		return refuse(why, -ENOMEM, c->address.sun_path, "out of memory");
	}
	if (c->listener)
		evconnlistener_free(c->listener);
	c->listener = listener;
	evconnlistener_set_error_cb(c->listener, on_accept_error);
	return 0;
}

/** A file that was removed is made again; one that another has put there is left alone. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct control_socket *c = arg;
	char error[256];
	const struct reason why = {error, sizeof(error)};
	struct stat st;
	(void)fd;
	(void)what;
	if (lstat(c->address.sun_path, &st) == 0 || errno != ENOENT)
		return;
	if (listen_at(c, &why) == 0)
		log_warning(NULL, "control socket was removed, made again path=%s", c->address.sun_path);
	else if (!c->lost)
		log_warning(NULL, "control socket was removed, cannot be made again error=%s", error);
	c->lost = lstat(c->address.sun_path, &st) != 0;
}

static int start(struct control_socket *c, const char *path, const struct reason *why)
{
	const struct timeval pause = {.tv_sec = LOOK_S};
	c->address.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(c->address.sun_path))
		return refuse(
			why, -ENAMETOOLONG, path, "the path is too long for a socket (at most 107 bytes)");
	memcpy(c->address.sun_path, path, strlen(path) + 1);
	c->resume = evtimer_new(c->base, on_resume, c);
	c->look = event_new(c->base, -1, EV_PERSIST, on_look, c);
	if (!c->resume || !c->look || event_add(c->look, &pause))
		return refuse(why, -ENOMEM, path, "out of memory");
	int error = remove_stale(&c->address, why);
	return error ? error : listen_at(c, why);
}

int control_socket_create(struct control_socket **out, struct event_base *base, const char *path,
	const struct control_method *methods, void *arg, char *error, size_t error_size)
{
	const struct reason why = {error, error_size};
	struct control_socket *c = calloc(1, sizeof(*c));
	if (!c)
		return refuse(&why, -ENOMEM, path, "out of memory");
	c->base = base;
	c->methods = methods;
	c->arg = arg;
	TAILQ_INIT(&c->clients);
	int result = start(c, path, &why);
	if (result) {
		control_socket_destroy(c);
		return result;
	}
	*out = c;
	return 0;
}

void control_socket_destroy(struct control_socket *c)
{
	struct stat st;
	if (!c)
		return;
	while (!TAILQ_EMPTY(
		&c->clients)) /* NOLINT(clang-analyzer-unix.Malloc): a destroyed one leaves the list */
		client_destroy(TAILQ_FIRST(&c->clients)); /* NOLINT(clang-analyzer-unix.Malloc) */
	if (c->inode && lstat(c->address.sun_path, &st) == 0 && st.st_dev == c->device &&
		st.st_ino == c->inode)
		unlink(c->address.sun_path);
	if (c->listener)
		evconnlistener_free(c->listener);
	if (c->resume)
		event_free(c->resume);
	if (c->look)
		event_free(c->look);
	free(c);
}
