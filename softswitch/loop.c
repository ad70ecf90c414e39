#include "loop.h"

#include "sofia_port.h"

#include <event2/event.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	DRAIN_MAX = 32,      /* datagrams read per wake-up: saves an epoll_wait for each of them */
	DELAYS_MAX = 128,    /* libevent allows 256 shared queues in a base */
	SELF_CHECK_MS = 2000
};

/** A descriptor of Sofia's; Sofia knows it by its index in the table plus one. */
struct watch {
	struct loop *loop;
	struct event *event; /* NULL: slot free */
	su_root_t *root;
	su_wakeup_f callback;
	su_wakeup_arg_t *arg;
	unsigned slot;
	int fd;
	bool datagram;
};

/** What Sofia takes for its su_port_t: it starts with a home and the table of functions. */
struct port {
	su_home_t home[1];
	struct sofia_port_functions const *functions;
	struct loop *loop;
};

struct loop {
	struct event_base *base;
	struct port *port;
	su_root_t *root;
	su_timer_queue_t *timers, *deferrable;
	su_msg_t *messages, **messages_tail;
	struct event *wake; /* the next of Sofia's timers */
	struct watch **watch;
	unsigned watches;
	loop_pass_h *on_pass;
	void *on_pass_arg;
	loop_error_h *on_error;
	void *on_error_arg;
	struct {
		uint32_t ms;
		const struct timeval *shared;
	} delay[DELAYS_MAX]; /* open addressing by ms */
	unsigned delays;
	bool stopped;
};

static struct loop *loop_of(su_port_t const *port)
{
	return ((struct port const *)port)->loop;
}

/* Descriptors ------------------------------------------------------------------------------- */

static void call_sofia(struct watch *w, short revents)
{
	su_wait_t wait = {.fd = w->fd, .revents = revents};

	w->callback(w->root ? su_root_magic(w->root) : NULL, &wait, w->arg);
}

/**
 * With IP_RECVERR a queued ICMP error makes the socket readable with nothing to read, and libevent does not tell:
 * nothing to read is an error to fetch, or an empty datagram, thrown away here. Sofia must not be called then: it
 * would throw away a datagram that came in between.
 *
 * @return true when there is a datagram to read after all
 */
static bool take_nothing(struct loop *loop, int fd)
{
	char byte;
	ssize_t n;

	if (loop->on_error)
		loop->on_error(fd, loop->on_error_arg);
	n = recv(fd, &byte, 1, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	if (n == 0)
		recv(fd, &byte, 1, MSG_DONTWAIT);
	return n > 0;
}

static void on_datagrams(struct watch *w)
{
	struct loop *loop = w->loop;
	unsigned slot = w->slot;

	for (int i = 0; i < DRAIN_MAX && loop->watch[slot] == w; i++) {
		int waiting = 0;

		if (ioctl(w->fd, FIONREAD, &waiting) < 0 || (!waiting && i))
			return;
		if (!waiting && !take_nothing(loop, w->fd))
			return;
		call_sofia(w, SU_WAIT_IN);
	}
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	if (w->datagram && what == EV_READ)
		on_datagrams(w);
	else
		call_sofia(w, (short)((what & EV_READ ? SU_WAIT_IN : 0) | (what & EV_WRITE ? SU_WAIT_OUT : 0)));
}

static int watch_events(struct watch *w, int events)
{
	short what = (short)(EV_PERSIST | (events & (SU_WAIT_IN | SU_WAIT_HUP) ? EV_READ : 0) |
		(events & SU_WAIT_OUT ? EV_WRITE : 0));

	if (w->event)
		event_free(w->event);
	w->event = event_new(w->loop->base, w->fd, what, on_event, w);
	if (!w->event)
		return -1;
	return event_add(w->event, NULL);
}

static unsigned free_slot(struct loop *loop)
{
	for (unsigned i = 0; i < loop->watches; i++)
		if (!loop->watch[i])
			return i;

	unsigned n = loop->watches ? 2 * loop->watches : 16;
	struct watch **grown = realloc(loop->watch, n * sizeof(*grown));

	if (!grown)
		return UINT_MAX;
	for (unsigned i = loop->watches; i < n; i++)
		grown[i] = NULL;
	unsigned slot = loop->watches;
	loop->watch = grown;
	loop->watches = n;
	return slot;
}

static int port_register(su_port_t *port, su_root_t *root, su_wait_t *wait, su_wakeup_f callback,
	su_wakeup_arg_t *arg, int priority)
{
	struct loop *loop = loop_of(port);
	unsigned slot = free_slot(loop);
	struct watch *w = slot == UINT_MAX ? NULL : calloc(1, sizeof(*w));
	int type = 0;
	socklen_t len = sizeof(type);

	(void)priority;
	if (!w)
		return -1;
	w->loop = loop;
	w->root = root;
	w->callback = callback;
	w->arg = arg;
	w->slot = slot;
	w->fd = wait->fd;
	w->datagram = getsockopt(w->fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM;
	if (watch_events(w, wait->events) < 0) {
		if (w->event)
			event_free(w->event);
		free(w);
		return -1;
	}
	loop->watch[slot] = w;
	return (int)slot + 1;
}

static int port_deregister(su_port_t *port, int index)
{
	struct loop *loop = loop_of(port);

	if (index <= 0 || (unsigned)index > loop->watches || !loop->watch[index - 1])
		return -1;
	event_free(loop->watch[index - 1]->event);
	free(loop->watch[index - 1]);
	loop->watch[index - 1] = NULL;
	return index;
}

static int port_unregister(su_port_t *port, su_root_t *root, su_wait_t *wait, su_wakeup_f callback,
	su_wakeup_arg_t *arg)
{
	struct loop *loop = loop_of(port);

	(void)root;
	for (unsigned i = 0; i < loop->watches; i++) {
		struct watch *w = loop->watch[i];

		if (w && w->fd == wait->fd && w->callback == callback && w->arg == arg)
			return port_deregister(port, (int)i + 1);
	}
	return -1;
}

static int port_unregister_all(su_port_t *port, su_root_t *root)
{
	struct loop *loop = loop_of(port);
	int n = 0;

	for (unsigned i = 0; i < loop->watches; i++)
		if (loop->watch[i] && loop->watch[i]->root == root)
			n += port_deregister(port, (int)i + 1) > 0;
	return n;
}

static int port_eventmask(su_port_t *port, int index, int socket, int events)
{
	struct loop *loop = loop_of(port);

	(void)socket;
	if (index <= 0 || (unsigned)index > loop->watches || !loop->watch[index - 1])
		return -1;
	return watch_events(loop->watch[index - 1], events);
}

/* Messages and timers ----------------------------------------------------------------------- */

static int port_send(su_port_t *port, su_msg_r rmsg)
{
	struct loop *loop = loop_of(port);

	*loop->messages_tail = rmsg[0];
	loop->messages_tail = &rmsg[0]->sum_next;
	rmsg[0] = NULL;
	return 0;
}

static int port_getmsgs(su_port_t *port)
{
	struct loop *loop = loop_of(port);
	su_msg_t *m = loop->messages;
	int n = 0;

	loop->messages = NULL;
	loop->messages_tail = &loop->messages;
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
	return (su_timer_queue_t *)&loop_of(port)->timers;
}

static su_timer_queue_t *port_deferrable(su_port_t *port)
{
	return (su_timer_queue_t *)&loop_of(port)->deferrable;
}

static int port_max_defer(su_port_t *port, su_duration_t *old, su_duration_t *set)
{
	(void)port;
	(void)set;
	if (old)
		*old = 0; /* nothing is put off */
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
	su_home_ref(((struct port *)port)->home);
}

static void port_decref(su_port_t *port, int block, char const *who)
{
	(void)block;
	(void)who;
	su_home_unref(((struct port *)port)->home);
}

static int port_thread(su_port_t *port, enum su_port_thread_op op)
{
	(void)port;
	return op == THREAD_IS_OBTAINED ? 2 /* this thread has it */ : 0;
}

static void port_run(su_port_t *port)
{
	loop_run(loop_of(port));
}

static void port_stop(su_port_t *port)
{
	loop_stop(loop_of(port));
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
	return 0; /* one thread: it is awake */
}

static int port_is_running(su_port_t const *port)
{
	return !loop_of(port)->stopped;
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
	.run = port_run,
	.stop = port_stop,
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

/* The loop ---------------------------------------------------------------------------------- */

/** Run what of Sofia's is due. @return ms to the next of its timers, -1 when there is none */
static long run_sofia(struct loop *loop)
{
	su_duration_t next = SU_DURATION_MAX;

	do {
		port_getmsgs((su_port_t *)loop->port);
		su_timer_expire((su_timer_queue_t *)&loop->timers, &next, su_now());
		su_timer_expire((su_timer_queue_t *)&loop->deferrable, &next, su_now());
	} while (loop->messages);
	if (next == SU_DURATION_MAX)
		return -1;
	/* Sofia's times are finer than ours: below 1 ms the loop would spin until the timer is due. */
	return next < 1 ? 1 : next;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

static void pass(struct loop *loop)
{
	long next = run_sofia(loop);

	if (next >= 0) {
		struct timeval tv = {.tv_sec = next / 1000, .tv_usec = next % 1000 * 1000};

		event_add(loop->wake, &tv);
	} else {
		event_del(loop->wake);
	}
	event_base_loop(loop->base, EVLOOP_ONCE);
	if (loop->on_pass)
		loop->on_pass(loop->on_pass_arg);
}

void loop_run(struct loop *loop)
{
	while (!loop->stopped)
		pass(loop);
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

/** What the self-check has seen arrive. */
struct self_check {
	bool message, timer, descriptor;
};

static void on_check_message(su_root_magic_t *magic, su_msg_r msg, su_msg_arg_t *arg)
{
	(void)magic;
	(void)msg;
	(*(struct self_check **)arg)->message = true;
}

static void on_check_timer(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	(void)magic;
	(void)timer;
	((struct self_check *)arg)->timer = true;
}

static int on_check_descriptor(su_root_magic_t *magic, su_wait_t *wait, su_wakeup_arg_t *arg)
{
	char byte;

	(void)magic;
	((struct self_check *)arg)->descriptor = read(wait->fd, &byte, 1) == 1;
	return 0;
}

static int self_check(struct loop *loop)
{
	struct self_check seen = {0};
	su_msg_r msg = SU_MSG_R_INIT;
	su_timer_t *timer = su_timer_create(su_root_task(loop->root), 1);
	su_wait_t wait = SU_WAIT_INIT;
	int fds[2] = {-1, -1}, index = -1;

	if (!timer || pipe(fds) < 0)
		goto out;
	su_timer_set(timer, on_check_timer, (su_timer_arg_t *)&seen);
	if (su_msg_create(msg, su_root_task(loop->root), su_root_task(loop->root), on_check_message,
		    sizeof(struct self_check *)) == 0) {
		*(struct self_check **)su_msg_data(msg) = &seen;
		su_msg_send(msg);
	}
	su_wait_create(&wait, fds[0], SU_WAIT_IN);
	index = su_root_register(loop->root, &wait, on_check_descriptor, (su_wakeup_arg_t *)&seen, 0);
	if (index < 0 || write(fds[1], "x", 1) != 1)
		goto out;
	for (int i = 0; i < SELF_CHECK_MS && !(seen.message && seen.timer && seen.descriptor); i++) {
		struct timeval tick = {.tv_usec = 1000};

		event_base_loopexit(loop->base, &tick);
		pass(loop);
	}
out:
	if (index > 0)
		su_root_deregister(loop->root, index);
	if (fds[0] >= 0) {
		close(fds[0]);
		close(fds[1]);
	}
	su_timer_destroy(timer);
	return seen.message && seen.timer && seen.descriptor ? 0 : -EPROTO;
}

/** libevent's usual clock has steps of 4 ms, which lets timers fire early; the precise one does not. */
static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config && event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

int loop_create(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int err = -ENOMEM;

	if (!loop)
		return -ENOMEM;
	loop->messages_tail = &loop->messages;
	loop->base = new_base();
	loop->wake = loop->base ? evtimer_new(loop->base, on_wake, loop) : NULL;
	loop->port = su_home_new(sizeof(*loop->port));
	if (!loop->wake || !loop->port)
		goto fail;
	loop->port->functions = &port_functions;
	loop->port->loop = loop;
	loop->root = su_root_create_with_port(NULL, (su_port_t *)loop->port);
	if (!loop->root)
		goto fail;
	su_root_threading(loop->root, 0);
	err = self_check(loop);
	if (err)
		goto fail;
	*out = loop;
	return 0;
fail:
	loop_destroy(loop);
	return err;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->root)
		su_root_destroy(loop->root);
	for (unsigned i = 0; i < loop->watches; i++)
		assert(!loop->watch[i]);
	if (loop->wake)
		event_free(loop->wake);
	if (loop->base)
		event_base_free(loop->base);
	free(loop->watch);
	free(loop);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

void *loop_sofia_root(struct loop *loop)
{
	return loop->root;
}

void loop_on_pass(struct loop *loop, loop_pass_h *h, void *arg)
{
	loop->on_pass = h;
	loop->on_pass_arg = arg;
}

void loop_on_datagram_error(struct loop *loop, loop_error_h *h, void *arg)
{
	loop->on_error = h;
	loop->on_error_arg = arg;
}

int loop_datagram_socket(struct loop *loop, const struct sockaddr *local, socklen_t length)
{
	for (unsigned i = 0; i < loop->watches; i++) {
		struct sockaddr_storage name;
		socklen_t len = sizeof(name);

		if (!loop->watch[i] || !loop->watch[i]->datagram)
			continue;
		if (getsockname(loop->watch[i]->fd, (struct sockaddr *)&name, &len) == 0 && len == length &&
			memcmp(&name, local, len) == 0)
			return loop->watch[i]->fd;
	}
	return -1;
}

const struct timeval *loop_delay(struct loop *loop, uint32_t delay_ms, struct timeval *storage)
{
	unsigned i = delay_ms * 2654435761u % DELAYS_MAX;

	event_base_update_cache_time(loop->base); /* or the delay would count from the start of this pass */
	*storage = (struct timeval){.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
	while (loop->delay[i].shared && loop->delay[i].ms != delay_ms)
		i = (i + 1) % DELAYS_MAX;
	if (loop->delay[i].shared)
		return loop->delay[i].shared;
	if (loop->delays >= DELAYS_MAX / 2)
		return storage; /* too many different ones: this timer goes into the heap */
	loop->delay[i].ms = delay_ms;
	loop->delay[i].shared = event_base_init_common_timeout(loop->base, storage);
	loop->delays += loop->delay[i].shared != NULL;
	return loop->delay[i].shared ? loop->delay[i].shared : storage;
}
