#include "successor.h"

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

struct successor {
	struct successor_parts parts;
	char *program, *file; /* as it was given, and where that led */
	char **check;         /* the arguments of `--check` */
	bool checking;
	bool late;
	pid_t pid; /* 0 = it does not run */
	int pidfd, output;
	struct event exited, readable, timeout;
	char printed[OUTPUT_MAX]; /* what it has written, as far as there is room */
	size_t n;
	char version[STATE_VERSION_MAX];
	char refusal[REFUSAL_MAX];
};

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

/** It has ended, or is to end now. @return its wait status */
static int reap(struct successor *s, bool running)
{
	int status = -1;

	if (running)
		kill(s->pid, SIGKILL);
	event_del(&s->exited);
	event_del(&s->readable);
	if (s->pidfd >= 0)
		close(s->pidfd);
	close(s->output);
	waitpid(s->pid, &status, 0);
	s->pid = 0;
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
	if (err)
		reap(s, true);
	return err;
}

/* What it says ------------------------------------------------------------------------------ */

/** Later, when successor_ask() has returned. */
static void refuse(struct successor *s, const char *words, const char *more)
{
	snprintf(s->refusal, sizeof(s->refusal), "%s %s%.*s", s->program, words, (int)strcspn(more, "\n"),
		more);
	event_active(&s->timeout, EV_TIMEOUT, 0);
}

/** Without the name that it puts in front of each line. */
static const char *first_line(const struct successor *s)
{
	static const char name[] = "softswitch: ";

	return strncmp(s->printed, name, strlen(name)) ? s->printed : s->printed + strlen(name);
}

static void run_next(struct successor *s)
{
	char *const version[] = {(char *)(uintptr_t)s->program, (char *)(uintptr_t) "--state-version", NULL};
	int err = s->file ? 0 : find_file(s);

	if (!err)
		err = run(s, s->checking ? s->check : version);
	if (err == -EPERM)
		refuse(s,
			"or a folder above it belongs neither to root nor to the user of the switch, or everybody may write to it",
			"");
	else if (err)
		refuse(s, "cannot be executed: ", strerror(-err));
}

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
	struct successor *s = arg;
	char words[WORDS_MAX] = "does not say which state it reads: ";
	int status;

	(void)fd;
	(void)what;
	read_output(s);
	status = reap(s, false);
	if (s->late) {
		refuse(s, "did not answer in time", "");
	} else if (s->checking && status) {
		refuse(s, "would not start: ", first_line(s));
	} else if (s->checking) {
		event_active(&s->timeout, EV_TIMEOUT, 0);
	} else if (status) {
		refuse(s, words, first_line(s));
	} else if (state_version_judge(s->printed, words, sizeof(words))) {
		refuse(s, words, "");
	} else {
		state_version_of(s->printed, s->version);
		s->checking = true;
		run_next(s);
	}
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct successor *s = arg;

	(void)fd;
	(void)what;
	if (s->pid) {
		s->late = true;
		kill(s->pid, SIGKILL);
		return;
	}
	s->parts.on_answer(s->refusal[0] ? s->refusal : NULL, s->version, s->parts.arg);
}

/* Life -------------------------------------------------------------------------------------- */

/** Its name, "--check", the rest. */
static char **check_arguments(char *program, char *const argv[])
{
	size_t n = 0;
	char **out;

	while (argv[n])
		n++;
	out = calloc(n + 3, sizeof(*out));
	if (!out)
		return NULL;
	out[0] = program;
	out[1] = (char *)(uintptr_t) "--check";
	if (n > 1)
		memcpy(out + 2, argv + 1, (n - 1) * sizeof(*out));
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
	s->check = s->program ? check_arguments(s->program, parts->argv) : NULL;
	if (!s->check) {
		successor_destroy(s);
		return -ENOMEM;
	}
	event_add(&s->timeout, &patience);
	run_next(s);
	*out = s;
	return 0;
}

const char *successor_file(const struct successor *s)
{
	return s->file;
}

void successor_destroy(struct successor *s)
{
	if (!s)
		return;
	event_del(&s->timeout);
	if (s->pid)
		reap(s, true);
	free(s->check);
	free(s->file);
	free(s->program);
	free(s);
}
