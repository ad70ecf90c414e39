#include "signals.h"

#include "log.h"
#include "loop.h"
#include "reload.h"
#include "restart.h"
#include "stop.h"

#include <event2/event.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum { N_CAUGHT = 5 };

struct signals {
	struct signals_parts parts;
	struct event *events[N_CAUGHT];
};

static void on_stop(evutil_socket_t number, short what, void *arg)
{
	const struct signals *s = arg;

	(void)what;
	restart_cancel(s->parts.restart);
	stop_now(s->parts.stop, (int)number);
}

static void on_reload(evutil_socket_t number, short what, void *arg)
{
	const struct signals *s = arg;

	(void)what;
	log_info(NULL, "reading the configuration again signal=%d", (int)number);
	reload_now(s->parts.config);
}

static void on_restart(evutil_socket_t number, short what, void *arg)
{
	const struct signals *s = arg;

	(void)what;
	log_info(NULL, "asked to restart signal=%d", (int)number);
	if (stop_has_begun(s->parts.stop))
		log_info(NULL, "not restarted reason=stopping");
	else
		restart_on_signal(s->parts.restart);
}

/** What the kernel says with the last two comes as errno. */
void signals_ignore(void)
{
	static const int ignored[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGPIPE, SIGXFSZ};

	for (unsigned i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

int signals_create(struct signals **out, struct loop *loop, const struct signals_parts *parts)
{
	static const struct {
		int number;
		event_callback_fn on_signal;
	} caught[N_CAUGHT] = {{SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGQUIT, on_stop}, {SIGHUP, on_reload},
		{SIGUSR2, on_restart}};
	struct signals *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->parts = *parts;
	for (unsigned i = 0; i < N_CAUGHT; i++) {
		s->events[i] = evsignal_new(loop_base(loop), caught[i].number, caught[i].on_signal, s);
		if (!s->events[i] || event_add(s->events[i], NULL)) {
			signals_destroy(s);
			return -ENOMEM;
		}
	}
	*out = s;
	return 0;
}

void signals_destroy(struct signals *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < N_CAUGHT; i++)
		if (s->events[i])
			event_free(s->events[i]);
	free(s);
}
