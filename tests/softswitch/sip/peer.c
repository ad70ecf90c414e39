#include "peer.h"

#include "address.h"
#include "clock.h"
#include "listen.h"
#include "loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEADLINE_S = 5 };

void peer_init(void)
{
	char speed[16];

	snprintf(speed, sizeof(speed), "%d", PEER_CLOCK_SPEED);
	setenv("SOFTSWITCH_CLOCK_SPEED", speed, 1);
	clock_init();
}

/* The transport ----------------------------------------------------------------------------- */

static void forget_received(struct peer *p)
{
	if (p->rx.msg)
		msg_destroy(p->rx.msg);
	p->rx = (struct received){0};
	p->received = 0;
}

static void on_message(const struct received *rx, void *arg)
{
	struct peer *p = arg;

	forget_received(p);
	p->rx = *rx;
	p->rx.msg = msg_ref_create(rx->msg);
	p->received = 1;
}

static void on_undelivered(const char *sent, size_t n, int error, void *arg)
{
	struct peer *p = arg;

	memcpy(p->undelivered, sent, n);
	p->undelivered_len = n;
	p->undelivered_error = error;
}

static void open_transport(struct peer *p)
{
	static const struct transport_handlers handlers = {
		.on_request = on_message, .on_response = on_message, .on_undelivered = on_undelivered};
	static const struct listen any_port = {.host = "127.0.0.1", .transport = "udp"};
	char error[200] = "";

	assert_int_equal(loop_create(&p->loop), 0);
	if (transport_create(&p->transport, p->loop, &any_port, 1, NULL, error, sizeof(error)))
		fail_msg("%s", error);
	transport_set_handlers(p->transport, &handlers, p);
	p->listener = transport_listener(p->transport, 0);
}

static void open_socket(struct peer *p)
{
	struct resolver_address address = {
		.addr.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
		.length = sizeof(address.addr.v4),
		.transport = "udp"};

	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(p->fd >= 0);
	assert_int_equal(bind(p->fd, &address.addr.any, address.length), 0);
	assert_int_equal(getsockname(p->fd, &address.addr.any, &address.length), 0);
	snprintf(p->address, sizeof(p->address), "127.0.0.1:%u", address_port(&address.addr.any));
	assert_int_equal(transport_hop_to(p->transport, &address, &p->hop), 0);
}

void peer_open(struct peer *p)
{
	*p = (struct peer){.fd = -1};
	open_transport(p);
	open_socket(p);
}

void peer_close(struct peer *p)
{
	forget_received(p);
	peer_die(p);
	transport_destroy(p->transport);
	loop_destroy(p->loop);
}

/* The loop ---------------------------------------------------------------------------------- */

static void on_flag(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(int *)arg = 1;
}

/** Run the loop as loop_run() does, but not for good. */
static void run_until(struct peer *p, const int *flag)
{
	static const struct timeval delay = {.tv_sec = DEADLINE_S};
	struct event deadline;
	int late = 0;

	event_assign(&deadline, loop_base(p->loop), -1, 0, on_flag, &late);
	event_add(&deadline, &delay);
	while (!*flag && !late)
		event_base_loop(loop_base(p->loop), EVLOOP_ONCE);
	event_del(&deadline);
	if (!*flag)
		fail_msg("waited in vain for %d s", DEADLINE_S);
}

void peer_wait(struct peer *p, const int *flag)
{
	run_until(p, flag);
}

void peer_let_pass(struct peer *p, uint32_t ms)
{
	struct event timer;
	struct timeval delay;
	int over = 0;

	event_assign(&timer, loop_base(p->loop), -1, 0, on_flag, &over);
	event_add(&timer, loop_delay_once(p->loop, ms, &delay));
	run_until(p, &over);
}

/* The peer ---------------------------------------------------------------------------------- */

const struct received *peer_send(struct peer *p, const char *format, ...)
{
	static char text[65536];
	va_list ap;
	int n;

	forget_received(p);
	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	assert_in_range(n, 1, sizeof(text) - 1);
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(p->listener->port)};
	assert_int_equal(sendto(p->fd, text, (size_t)n, 0, (const struct sockaddr *)&to, sizeof(to)), n);
	run_until(p, &p->received);
	return &p->rx;
}

const char *peer_receive(struct peer *p)
{
	struct event readable;
	int arrived = 0;
	ssize_t n;

	event_assign(&readable, loop_base(p->loop), p->fd, EV_READ, on_flag, &arrived);
	event_add(&readable, NULL);
	run_until(p, &arrived);
	event_del(&readable);
	n = recv(p->fd, p->data, sizeof(p->data) - 1, 0);
	assert_true(n >= 0);
	p->len = (size_t)n;
	p->data[n] = '\0';
	return p->data;
}

void peer_receives(struct peer *p, const char *text)
{
	peer_receive(p);
	assert_string_equal(p->data, text);
	assert_int_equal(p->len, strlen(text));
}

/* Datagrams between two sockets of this machine keep their order. */
static const char mark[] = "the end";

static void send_mark(struct peer *p)
{
	assert_int_equal(transport_send(&p->hop, mark, strlen(mark), NULL), 0);
}

void peer_receives_nothing(struct peer *p)
{
	send_mark(p);
	peer_receives(p, mark);
}

void peer_receives_only(struct peer *p, const char *text)
{
	send_mark(p);
	while (strcmp(peer_receive(p), mark))
		assert_string_equal(p->data, text);
}

void peer_die(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

void peer_wait_undelivered(struct peer *p)
{
	run_until(p, &p->undelivered_error);
}
