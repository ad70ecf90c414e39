#include "sofia_port.h"

#include <event2/event.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

/** A descriptor that Sofia registered; Sofia knows it by its slot in the table plus one. */
struct watch {
	struct sofia_port *port;
	struct event *event;
	su_root_t *root;
	su_wakeup_f callback;
	su_wakeup_arg_t *arg;
	unsigned slot;
	int fd;
};

/** What Sofia takes for its su_port_t: it starts with a home and the table of functions. */
struct sofia_port {
	su_home_t home[1];
	struct sofia_port_functions const *functions;
	struct event_base *base;
	su_root_t *root;
	su_timer_queue_t timers, deferrable;
	su_msg_t *messages, **messages_tail;
	struct watch **watch;
	unsigned watches;
};

static struct sofia_port *self_of(su_port_t *port)
{
	return (struct sofia_port *)port;
}

/* What the library exports and expects, but does not declare in an installed header. */

struct _GSource;

su_root_t *su_root_create_with_port(su_root_magic_t *magic, su_port_t *port);
void su_msg_delivery_report(su_msg_r msg);

enum su_port_thread_op { THREAD_IS_OBTAINED, THREAD_RELEASE, THREAD_OBTAIN };

/** Head of a queued message; the library allocates it and fills it in. */
struct su_msg_s {
	size_t sum_size;
	su_msg_t *sum_next;
	su_task_r sum_to;
	su_task_r sum_from;
	su_msg_f sum_func;
	su_msg_f sum_report;
	su_msg_deinit_function *sum_deinit;
	su_msg_arg_t *sum_data[1];
};

struct sofia_port_functions {
	unsigned size;
	void (*lock)(su_port_t *, char const *who);
	void (*unlock)(su_port_t *, char const *who);
	void (*incref)(su_port_t *, char const *who);
	void (*decref)(su_port_t *, int block, char const *who);
	struct _GSource *(*gsource)(su_port_t *);
	int (*send)(su_port_t *, su_msg_r rmsg);
	int (*reg)(su_port_t *, su_root_t *, su_wait_t *, su_wakeup_f, su_wakeup_arg_t *, int priority);
	int (*unregister)(su_port_t *, su_root_t *, su_wait_t *, su_wakeup_f, su_wakeup_arg_t *);
	int (*deregister)(su_port_t *, int index);
	int (*unregister_all)(su_port_t *, su_root_t *);
	int (*eventmask)(su_port_t *, int index, int socket, int events);
	void (*run)(su_port_t *);
	void (*stop)(su_port_t *);
	su_duration_t (*step)(su_port_t *, su_duration_t);
	int (*thread)(su_port_t *, enum su_port_thread_op);
	int (*add_prepoll)(su_port_t *, su_root_t *, su_prepoll_f *, su_prepoll_magic_t *);
	int (*remove_prepoll)(su_port_t *, su_root_t *);
	su_timer_queue_t *(*timers)(su_port_t *);
	int (*multishot)(su_port_t *, int);
	int (*wait_events)(su_port_t *, su_duration_t);
	int (*getmsgs)(su_port_t *);
	int (*getmsgs_from)(su_port_t *, su_port_t *);
	char const *(*name)(su_port_t const *);
	int (*start_shared)(su_root_t *, su_clone_r, su_root_magic_t *, su_root_init_f, su_root_deinit_f);
	void (*wait)(su_clone_r);
	int (*execute)(su_task_r const, int (*function)(void *), void *arg, int *result);
	su_timer_queue_t *(*deferrable)(su_port_t *);
	int (*max_defer)(su_port_t *, su_duration_t *old, su_duration_t *set);
	int (*wakeup)(su_port_t *);
	int (*is_running)(su_port_t const *);
	su_time64_t (*stamp64)(su_port_t *);
	su_dur64_t (*stamp64_offset)(su_port_t *);
};

/* Descriptors ------------------------------------------------------------------------------- */

static void call_sofia(struct watch *w, short revents)
{
	su_wait_t wait = {.fd = w->fd, .revents = revents};

	w->callback(w->root ? su_root_magic(w->root) : NULL, &wait, w->arg);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	call_sofia(w, (short)((what & EV_READ ? SU_WAIT_IN : 0) | (what & EV_WRITE ? SU_WAIT_OUT : 0)));
}

static int watch_events(struct watch *w, int events)
{
	short what = (short)(EV_PERSIST | (events & (SU_WAIT_IN | SU_WAIT_HUP) ? EV_READ : 0) |
		(events & SU_WAIT_OUT ? EV_WRITE : 0));

	if (w->event)
		event_free(w->event);
	w->event = event_new(w->port->base, w->fd, what, on_event, w);
	if (!w->event)
		return -1;
	return event_add(w->event, NULL);
}

static unsigned free_slot(struct sofia_port *self)
{
	for (unsigned i = 0; i < self->watches; i++)
		if (!self->watch[i])
			return i;

	unsigned n = self->watches ? 2 * self->watches : 16;
	struct watch **grown = realloc(self->watch, n * sizeof(*grown));

	if (!grown)
		return UINT_MAX;
	for (unsigned i = self->watches; i < n; i++)
		grown[i] = NULL;
	unsigned slot = self->watches;
	self->watch = grown;
	self->watches = n;
	return slot;
}

static int port_register(su_port_t *port, su_root_t *root, su_wait_t *wait, su_wakeup_f callback,
	su_wakeup_arg_t *arg, int priority)
{
	struct sofia_port *self = self_of(port);
	unsigned slot = free_slot(self);
	struct watch *w = slot == UINT_MAX ? NULL : calloc(1, sizeof(*w));

	(void)priority;
	if (!w)
		return -1;
	w->port = self;
	w->root = root;
	w->callback = callback;
	w->arg = arg;
	w->slot = slot;
	w->fd = wait->fd;
	if (watch_events(w, wait->events) < 0) {
		if (w->event)
			event_free(w->event);
		free(w);
		return -1;
	}
	self->watch[slot] = w;
	return (int)slot + 1;
}

static int port_deregister(su_port_t *port, int index)
{
	struct sofia_port *self = self_of(port);

	if (index <= 0 || (unsigned)index > self->watches || !self->watch[index - 1])
		return -1;
	event_free(self->watch[index - 1]->event);
	free(self->watch[index - 1]);
	self->watch[index - 1] = NULL;
	return index;
}

static int port_unregister(
	su_port_t *port, su_root_t *root, su_wait_t *wait, su_wakeup_f callback, su_wakeup_arg_t *arg)
{
	struct sofia_port *self = self_of(port);

	(void)root;
	for (unsigned i = 0; i < self->watches; i++) {
		struct watch *w = self->watch[i];

		if (w && w->fd == wait->fd && w->callback == callback && w->arg == arg)
			return port_deregister(port, (int)i + 1);
	}
	return -1;
}

static int port_unregister_all(su_port_t *port, su_root_t *root)
{
	struct sofia_port *self = self_of(port);
	int n = 0;

	for (unsigned i = 0; i < self->watches; i++)
		if (self->watch[i] && self->watch[i]->root == root)
			n += port_deregister(port, (int)i + 1) > 0;
	return n;
}

static int port_eventmask(su_port_t *port, int index, int socket, int events)
{
	struct sofia_port *self = self_of(port);

	(void)socket;
	if (index <= 0 || (unsigned)index > self->watches || !self->watch[index - 1])
		return -1;
	return watch_events(self->watch[index - 1], events);
}

/* Messages and timers ----------------------------------------------------------------------- */

static int port_send(su_port_t *port, su_msg_r rmsg)
{
	struct sofia_port *self = self_of(port);

	*self->messages_tail = rmsg[0];
	self->messages_tail = &rmsg[0]->sum_next;
	rmsg[0] = NULL;
	return 0;
}

static int port_getmsgs(su_port_t *port)
{
	struct sofia_port *self = self_of(port);
	su_msg_t *m = self->messages;
	int n = 0;

	self->messages = NULL;
	self->messages_tail = &self->messages;
	for (; m; n++) {
		su_msg_t *next = m->sum_next;
		su_root_t *root = su_task_root(m->sum_to);

		m->sum_next = NULL;
		if (m->sum_func)
			m->sum_func(root ? su_root_magic(root) : NULL, &m, (su_msg_arg_t *)m->sum_data);
		su_msg_delivery_report(&m);
		m = next;
	}
	return n;
}

static su_timer_queue_t *port_timers(su_port_t *port)
{
	return &self_of(port)->timers;
}

static su_timer_queue_t *port_deferrable(su_port_t *port)
{
	return &self_of(port)->deferrable;
}

static int port_max_defer(su_port_t *port, su_duration_t *old, su_duration_t *set)
{
	(void)port;
	(void)set;
	if (old)
		*old = 0; /* nothing is deferred */
	return 0;
}

/* The rest of the table --------------------------------------------------------------------- */

static void port_lock(su_port_t *port, char const *who)
{
	(void)port;
	(void)who;
}

static void port_incref(su_port_t *port, char const *who)
{
	(void)who;
	su_home_ref(self_of(port)->home);
}

static void port_decref(su_port_t *port, int block, char const *who)
{
	(void)block;
	(void)who;
	su_home_unref(self_of(port)->home);
}

static int port_thread(su_port_t *port, enum su_port_thread_op op)
{
	(void)port;
	return op == THREAD_IS_OBTAINED ? 2 /* this thread has it */ : 0;
}

static int port_multishot(su_port_t *port, int multishot)
{
	(void)port;
	(void)multishot;
	return 1;
}

static char const *port_name(su_port_t const *port)
{
	(void)port;
	return "libevent";
}

static int port_wakeup(su_port_t *port)
{
	(void)port;
	return 0; /* there is one thread, and it is awake */
}

static int port_is_running(su_port_t const *port)
{
	(void)port;
	return 1;
}

static struct sofia_port_functions const port_functions = {
	.size = sizeof(port_functions),
	.lock = port_lock,
	.unlock = port_lock,
	.incref = port_incref,
	.decref = port_decref,
	.send = port_send,
	.reg = port_register,
	.unregister = port_unregister,
	.deregister = port_deregister,
	.unregister_all = port_unregister_all,
	.eventmask = port_eventmask,
	.thread = port_thread,
	.timers = port_timers,
	.multishot = port_multishot,
	.getmsgs = port_getmsgs,
	.name = port_name,
	.deferrable = port_deferrable,
	.max_defer = port_max_defer,
	.wakeup = port_wakeup,
	.is_running = port_is_running,
};

/* Public functions -------------------------------------------------------------------------- */

int sofia_port_create(struct sofia_port **out, struct event_base *base)
{
	struct sofia_port *self = su_home_new(sizeof(*self));

	if (!self)
		return -ENOMEM;
	self->functions = &port_functions;
	self->base = base;
	self->messages_tail = &self->messages;
	self->root = su_root_create_with_port(NULL, (su_port_t *)self); /* takes our reference */
	if (!self->root)
		return -ENOMEM;
	su_root_threading(self->root, 0);
	*out = self;
	return 0;
}

void sofia_port_destroy(struct sofia_port *self)
{
	if (!self)
		return;
	su_home_ref(self->home);
	su_root_destroy(self->root);
	for (unsigned i = 0; i < self->watches; i++)
		assert(!self->watch[i]);
	free(self->watch);
	su_home_unref(self->home);
}

su_root_t *sofia_port_root(struct sofia_port *self)
{
	return self->root;
}

long sofia_port_run(struct sofia_port *self)
{
	su_duration_t next = SU_DURATION_MAX;

	do {
		port_getmsgs((su_port_t *)self);
		su_timer_expire(&self->timers, &next, su_now());
		su_timer_expire(&self->deferrable, &next, su_now());
	} while (self->messages);
	if (next == SU_DURATION_MAX)
		return -1;
	/* Sofia's clock is finer than libevent's timers: with less than 1 ms the loop would spin until the timer is due. */
	return next < 1 ? 1 : next;
}
