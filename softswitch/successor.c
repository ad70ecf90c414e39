#include "successor.h"

#include "log.h"
#include "loop.h"
#include "state_version.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_S = 8, OUTPUT_MAX = 2048, REFUSAL_MAX = 1024, WORDS_MAX = 400 };

enum successor_state {
	SUCCESSOR_IDLE,    /* it does not run */
	SUCCESSOR_VERSION, /* it says which state it reads */
	SUCCESSOR_CHECK,   /* it says whether it would start */
	SUCCESSOR_LATE,    /* it runs still, and is refused */
	SUCCESSOR_ORPHAN   /* it was killed, and nobody waits for its answer; the struct goes with it */
};

struct successor {
	struct successor_parts parts;
	char *program, *file; /* as it was given, and where that led */
	char **argv, **check; /* what it is executed with, and for `--check` */
	enum successor_state state;
	pid_t pid;
	int pidfd, output;
	struct event exited, readable, timeout;
	char printed[OUTPUT_MAX]; /* what it has written, as far as there is room */
	size_t n;
	char version[STATE_VERSION_MAX];
	char refusal[REFUSAL_MAX];
};

static void set_state(struct successor *s, enum successor_state state)
{
	static const char *const names[] = {"idle", "version", "check", "late", "orphan"};

	log_debug(NULL, "successor state from=%s to=%s pid=%ld", names[s->state], names[state], (long)s->pid);
	s->state = state;
}

/* Running it -------------------------------------------------------------------------------- */

static void read_output(struct successor *s)
{
	char beyond[512];
	ssize_t n;

	do {
		const size_t left = sizeof(s->printed) - 1 - s->n;

		n = left ? read(s->output, s->printed + s->n, left) : read(s->output, beyond, sizeof(beyond));
		if (n > 0 && left)
			s->n += (size_t)n;
	} while (n > 0);
	s->printed[s->n] = '\0';
	if (n == 0)
		event_del(&s->readable);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	read_output(arg);
}

static void on_exited(evutil_socket_t fd, short what, void *arg);

static int start(struct successor *s, char *const argv[], int output)
{
	posix_spawn_file_actions_t actions;
	int err;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	err = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	if (!err)
		err = posix_spawn(&s->pid, s->file, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

/** It has ended, or cannot be watched. @return its wait status */
static int reap(struct successor *s)
{
	int status = -1;

	event_del(&s->exited);
	event_del(&s->readable);
	if (s->pidfd >= 0)
		close(s->pidfd);
	close(s->output);
	waitpid(s->pid, &status, WNOHANG);
	return status;
}

/** Somebody else may put another file in its place, or write to it. The sticky bit keeps what is in a folder. */
static bool is_open_to_others(const struct stat *st)
{
	const bool sticky = S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX;

	return (st->st_uid && st->st_uid != geteuid()) || (st->st_mode & S_IWOTH && !sticky);
}

/**
 * Who may use the control socket cannot have a program of his own run as the user of the switch. The answer is still true
 * when the file is executed.
 *
 * @param file  without links; its name is cut
 * @return 0; -EPERM; another -errno
 */
static int check_owner(char *file)
{
	struct stat st;

	for (;; file = dirname(file)) {
		if (stat(file, &st))
			return -errno;
		if (is_open_to_others(&st))
			return -EPERM;
		if (strcmp(file, "/") == 0)
			return 0;
	}
}

/** @return 0; -EPERM; another -errno */
static int find_file(struct successor *s)
{
	char *folders = NULL;
	int err;

	s->file = realpath(s->program, NULL);
	if (!s->file)
		return -errno;
	folders = strdup(s->file);
	err = folders ? check_owner(folders) : -ENOMEM;
	free(folders);
	return err;
}

/** @return 0 when on_exited() will be called; -errno */
static int run(struct successor *s, char *const argv[])
{
	int fds[2], err;

	s->n = 0;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	fcntl(fds[1], F_SETFL, 0); /* it writes as to any pipe */
	err = start(s, argv, fds[1]);
	close(fds[1]);
	if (err) {
		close(fds[0]);
		return err;
	}
	s->output = fds[0];
	s->pidfd = pidfd_open(s->pid, 0);
	err = s->pidfd < 0 ? -errno : 0;
	event_assign(&s->readable, loop_base(s->parts.loop), s->output, EV_READ | EV_PERSIST, on_readable, s);
	event_assign(&s->exited, loop_base(s->parts.loop), s->pidfd, EV_READ, on_exited, s);
	if (!err && (event_add(&s->readable, NULL) || event_add(&s->exited, NULL)))
		err = -ENOMEM;
	if (err) {
		kill(s->pid, SIGKILL);
		reap(s);
	}
	return err;
}

/* What it says ------------------------------------------------------------------------------ */

static void explain(struct successor *s, const char *words, const char *more)
{
	snprintf(s->refusal, sizeof(s->refusal), "%s %s%.*s", s->program, words, (int)strcspn(more, "\n"),
		more);
}

/** Later, when successor_ask() has returned. */
static void refuse(struct successor *s, const char *words, const char *more)
{
	explain(s, words, more);
	event_active(&s->timeout, EV_TIMEOUT, 0);
}

/** Without the name that it puts in front of each line. */
static const char *first_line(const struct successor *s)
{
	static const char name[] = "softswitch: ";

	return strncmp(s->printed, name, strlen(name)) ? s->printed : s->printed + strlen(name);
}

/** Run it for what this state says. */
static void run_for(struct successor *s, enum successor_state state)
{
	char *const version[] = {s->program, (char *)(uintptr_t) "--state-version", NULL};
	int err = s->file ? 0 : find_file(s);

	if (!err)
		err = run(s, state == SUCCESSOR_CHECK ? s->check : version);
	set_state(s, err ? SUCCESSOR_IDLE : state);
	if (err == -EPERM)
		refuse(s,
			"or a folder above it belongs neither to root nor to the user of the switch, or everybody may write to it",
			"");
	else if (err)
		refuse(s, "cannot be executed: ", strerror(-err));
}

static void on_version(struct successor *s, int status)
{
	char words[WORDS_MAX] = "does not say which state it reads: ";

	if (status) {
		refuse(s, words, first_line(s));
	} else if (state_version_judge(s->printed, words, sizeof(words))) {
		refuse(s, words, "");
	} else {
		state_version_of(s->printed, s->version);
		run_for(s, SUCCESSOR_CHECK);
	}
}

static void on_checked(struct successor *s, int status)
{
	if (status)
		refuse(s, "would not start: ", first_line(s));
	else
		event_active(&s->timeout, EV_TIMEOUT, 0);
}

static void forget(struct successor *s);

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
	struct successor *s = arg;
	const enum successor_state state = s->state;
	int status;

	(void)fd;
	(void)what;
	read_output(s);
	status = reap(s);
	set_state(s, SUCCESSOR_IDLE);
	switch (state) {
	case SUCCESSOR_VERSION:
		on_version(s, status);
		return;
	case SUCCESSOR_CHECK:
		on_checked(s, status);
		return;
	case SUCCESSOR_ORPHAN:
		forget(s);
		return;
	case SUCCESSOR_IDLE:
	case SUCCESSOR_LATE:
		return;
	}
}

/** It has taken too long, or all has been said. */
static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct successor *s = arg;

	(void)fd;
	(void)what;
	if (s->state != SUCCESSOR_IDLE) {
		set_state(s, SUCCESSOR_LATE);
		explain(s, "did not answer in time", "");
	}
	s->parts.on_answer(s->refusal[0] ? s->refusal : NULL, s->version, s->parts.arg);
}

/* Life -------------------------------------------------------------------------------------- */

/** Its name, an option or NULL, and the rest of what this process was given. @return NULL without memory */
static char **arguments(char *program, const char *option, char *const argv[])
{
	size_t rest = 0, n = 0;
	char **out;

	while (argv[0] && argv[1 + rest])
		rest++;
	out = calloc(rest + 3, sizeof(*out));
	if (!out)
		return NULL;
	out[n++] = program;
	if (option)
		out[n++] = (char *)(uintptr_t)option;
	if (rest)
		memcpy(out + n, argv + 1, rest * sizeof(*out));
	return out;
}

int successor_ask(struct successor **out, const struct successor_parts *parts)
{
	static const struct timeval patience = {.tv_sec = PATIENCE_S}; /* real time, as the program has */
	struct successor *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->parts = *parts;
	event_assign(&s->timeout, loop_base(parts->loop), -1, 0, on_timeout, s);
	s->program = strdup(parts->program);
	if (s->program) {
		s->argv = arguments(s->program, NULL, parts->argv);
		s->check = arguments(s->program, "--check", parts->argv);
	}
	if (!s->argv || !s->check) {
		forget(s);
		return -ENOMEM;
	}
	event_add(&s->timeout, &patience);
	run_for(s, SUCCESSOR_VERSION);
	*out = s;
	return 0;
}

const char *successor_file(const struct successor *s)
{
	return s->file;
}

char *const *successor_arguments(const struct successor *s)
{
	return s->argv;
}

static void forget(struct successor *s)
{
	event_del(&s->timeout);
	free(s->argv);
	free(s->check);
	free(s->file);
	free(s->program);
	free(s);
}

/** A process may outlive SIGKILL for a while, in the middle of a system call. */
void successor_destroy(struct successor *s)
{
	if (!s)
		return;
	if (s->state == SUCCESSOR_IDLE) {
		forget(s);
		return;
	}
	kill(s->pid, SIGKILL);
	event_del(&s->timeout);
	set_state(s, SUCCESSOR_ORPHAN);
}
