#include "restart.h"

#include "calls.h"
#include "clock.h"
#include "log.h"
#include "loop.h"
#include "records.h"
#include "registration_drivers.h"
#include "service_manager.h"
#include "successor.h"
#include "transport.h"
#include "transport_handover.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LOOK_MS = 2,      /* between two looks whether it is time */
	SETTLE_MS = 1000, /* longest wait for rows, which are in the journal in any case, and for responses */
	WAITING_MS = 200, /* and for datagrams that were read and have not had their turn */
	PATH_SIZE = 4096
};

enum restart_state {
	RESTART_NONE,
	RESTART_ASKING,   /* the next program, whether it can go on */
	RESTART_SETTLING, /* records are being written, requests inside calls answered; the switch serves */
	RESTART_PAUSED    /* what comes waits for the next process */
};

static const char registrations_name[] = "registrations";

struct restart {
	struct restart_parts parts;
	enum restart_state state;
	struct event timer;
	uint64_t until_ms;       /* this state's, clock_real_ms() */
	char path[PATH_SIZE];    /* of this program */
	char program[PATH_SIZE]; /* the next one; "" = systemd starts it */
	struct successor *successor;
	struct restart_request request; /* while it is asked */
};

/* The last moment --------------------------------------------------------------------------- */

/** Signals wait for the next process, which would otherwise be ended by them before it can handle them. */
static void hold_signals(bool hold)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &all, NULL);
}

/** @return -errno when it cannot be executed */
static int execute(const struct restart *r, const struct handover *handed, size_t n)
{
	int err;

	service_manager_notify("RELOADING=1");
	hold_signals(true);
	err = handover_exec(successor_file(r->successor), successor_arguments(r->successor), handed, n);
	hold_signals(false);
	service_manager_notify("READY=1");
	return err;
}

/** What our registrations need to go on. @return false: they register again */
static bool save_registrations(const struct restart *r, struct handover *out)
{
	out->fd = registration_drivers_save(r->parts.drivers);
	snprintf(out->name, sizeof(out->name), "%s", registrations_name);
	if (out->fd < 0)
		log_warning(
			NULL, "registrations do not go on, but register again error=%s", strerror(-out->fd));
	return out->fd >= 0;
}

static void leave(struct restart *r)
{
	struct handover handed[HANDOVER_MAX];
	size_t n = transport_handover_sockets(r->parts.transport, handed);
	bool saved = n < HANDOVER_MAX && save_registrations(r, &handed[n]);
	int err;

	calls_leave(r->parts.calls);
	transport_handover_take_leave(r->parts.transport);
	if (!r->program[0]) {
		log_info(NULL, "leaving the calls to the process that systemd starts next");
		if (saved)
			service_manager_store(&handed[n]);
		_exit(EXIT_SUCCESS); /* nothing is ended: as a crash does */
	}
	log_info(NULL, "leaving the calls to the next process program=%s", r->program);
	err = execute(r, handed, n + saved);
	if (saved)
		close(handed[n].fd);
	log_error(NULL, "not restarted, serving on program=%s error=%s", r->program, strerror(-err));
	restart_cancel(r);
}

/* On the way there -------------------------------------------------------------------------- */

static void enter(struct restart *r, enum restart_state state, unsigned for_ms)
{
	static const char *const names[] = {"none", "asking", "settling", "paused"};
	struct timeval now = {0};

	if (state != r->state)
		log_debug(NULL, "restart state from=%s to=%s", names[r->state], names[state]);
	if (r->state == RESTART_PAUSED || state == RESTART_PAUSED)
		transport_handover_pause(r->parts.transport, state == RESTART_PAUSED);
	r->state = state;
	r->until_ms = clock_real_ms() + for_ms;
	if (state == RESTART_SETTLING || state == RESTART_PAUSED)
		event_add(&r->timer, &now);
	else
		event_del(&r->timer);
}

/** Is there something that this state waits for? */
static bool waits(const struct restart *r)
{
	if (clock_real_ms() >= r->until_ms)
		return false;
	if (r->state == RESTART_PAUSED)
		return transport_waiting(r->parts.transport) > 0;
	return !records_are_written(r->parts.records) || calls_under_way(r->parts.calls) > 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval again = {.tv_usec = LOOK_MS * 1000};
	struct restart *r = arg;

	(void)fd;
	(void)what;
	if (waits(r))
		event_add(&r->timer, &again);
	else if (r->state == RESTART_PAUSED)
		leave(r);
	else
		enter(r, RESTART_PAUSED, WAITING_MS);
}

/** Who has not had an answer gets it. */
static void answer(struct restart *r, const char *refusal, const char *version)
{
	const struct restart_request request = r->request;

	r->request.on_answer = NULL;
	if (request.on_answer)
		request.on_answer(refusal, r->program, version, request.arg);
}

static void on_successor(const char *refusal, const char *version, void *arg)
{
	struct restart *r = arg;

	answer(r, refusal, version);
	if (refusal || r->request.only_ask)
		restart_cancel(r);
	else
		enter(r, RESTART_SETTLING, SETTLE_MS);
}

int restart_begin(struct restart *r, const struct restart_request *request)
{
	const struct successor_parts parts = {.loop = r->parts.loop,
		.program = r->program,
		.argv = r->parts.argv,
		.on_answer = on_successor,
		.arg = r};
	const char *program = request->program ? request->program : r->path;
	int err;

	if (r->state != RESTART_NONE)
		return -EBUSY;
	if (strlen(program) >= sizeof(r->program))
		return -ENAMETOOLONG;
	memcpy(r->program, program, strlen(program) + 1);
	r->request = *request;
	err = successor_ask(&r->successor, &parts);
	if (!err)
		enter(r, RESTART_ASKING, 0);
	return err;
}

static void on_signal_answer(const char *refusal, const char *program, const char *version, void *arg)
{
	(void)program;
	(void)arg;
	if (refusal)
		log_error(NULL, "not restarted reason=\"%s\"", refusal);
	else
		log_info(NULL, "restarting version=%s", version);
}

void restart_cancel(struct restart *r)
{
	answer(r, "the switch is stopping", NULL);
	successor_destroy(r->successor);
	r->successor = NULL;
	enter(r, RESTART_NONE, 0);
}

void restart_on_signal(struct restart *r)
{
	const struct restart_request request = {.on_answer = on_signal_answer};
	int err = 0;

	if (service_manager_restarts_us()) { /* it waits for our end, also when a command has begun a restart */
		restart_cancel(r);
		r->program[0] = '\0';
		enter(r, RESTART_SETTLING, SETTLE_MS);
	} else {
		err = restart_begin(r, &request);
	}
	if (err)
		log_warning(NULL, "not restarted error=%s", strerror(-err));
}

static bool is_registrations(const struct handover *handed, const void *arg)
{
	(void)arg;
	return strcmp(handed->name, registrations_name) == 0;
}

int restart_take_registrations(void)
{
	int fd = handover_take(is_registrations, NULL);

	if (fd >= 0)
		service_manager_forget(registrations_name);
	return fd;
}

void restart_serve(const struct restart *r)
{
	struct handover sockets[HANDOVER_MAX];
	size_t n = transport_handover_sockets(r->parts.transport, sockets);

	handover_close_rest(service_manager_forget);
	for (size_t i = 0; i < n; i++) {
		const struct hop_listener *l = transport_listener(r->parts.transport, i);

		service_manager_store(&sockets[i]);
		log_info(NULL, "listening on=%s transport=%s", l->sent_by, l->transport);
	}
	hold_signals(false);
	service_manager_notify("READY=1");
}

/* Life -------------------------------------------------------------------------------------- */

/** As it was started, so that a symbolic link may lead elsewhere next time; else where the kernel found it. */
static int find_program(struct restart *r)
{
	const char *given = r->parts.argv[0];
	struct stat is, named;
	ssize_t n;

	if (given && strchr(given, '/') && strlen(given) < sizeof(r->path) && !stat("/proc/self/exe", &is) &&
		!stat(given, &named) && is.st_dev == named.st_dev && is.st_ino == named.st_ino) {
		memcpy(r->path, given, strlen(given) + 1);
		return 0;
	}
	n = readlink("/proc/self/exe", r->path, sizeof(r->path) - 1);
	return n < 0 ? -errno : 0;
}

int restart_create(struct restart **out, const struct restart_parts *parts)
{
	struct restart *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->parts = *parts;
	err = find_program(r);
	if (err)
		log_warning(NULL, "cannot be restarted in place error=%s", strerror(-err));
	event_assign(&r->timer, loop_base(parts->loop), -1, 0, on_timer, r);
	*out = r;
	return 0;
}

void restart_destroy(struct restart *r)
{
	if (!r)
		return;
	successor_destroy(r->successor);
	event_del(&r->timer);
	free(r);
}
