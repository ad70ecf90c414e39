#include "dns_server.h"

#include <event2/event.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUIRE(condition)                                                                                   \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                      \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

enum { HEADER_BYTES = 12, ARGUMENTS_MAX = 48 };

static const char *const dnsmasq_paths[] = {"/usr/sbin/dnsmasq", "/sbin/dnsmasq", "/usr/local/sbin/dnsmasq"};

static int bind_loopback(uint16_t *port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(any);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&any, length) == 0);
	REQUIRE(getsockname(fd, (struct sockaddr *)&any, &length) == 0);
	*port = ntohs(any.sin_port);
	return fd;
}

uint16_t free_port(void)
{
	uint16_t port;
	close(bind_loopback(&port));
	return port;
}

static const char *dnsmasq_path(void)
{
	for (unsigned i = 0; i < sizeof(dnsmasq_paths) / sizeof(dnsmasq_paths[0]); i++)
		if (access(dnsmasq_paths[i], X_OK) == 0)
			return dnsmasq_paths[i];
	return NULL;
}

bool dnsmasq_installed(void)
{
	return dnsmasq_path() != NULL;
}

/** dnsmasq says "started" on stderr when its sockets are open; when it cannot, it says why and ends. */
static bool wait_until_started(int log_fd)
{
	FILE *log = fdopen(log_fd, "r");
	char line[512];
	bool started = false;
	REQUIRE(log);
	while (!started && fgets(line, sizeof(line), log)) {
		started = strstr(line, "started") != NULL;
		if (!started)
			fputs(line, stderr);
	}
	fclose(log);
	return started;
}

static bool launch(struct dnsmasq *d, const char *const records[])
{
	char port_option[24];
	const char *arguments[ARGUMENTS_MAX] = {"dnsmasq", "--no-daemon", "--conf-file=/dev/null",
		"--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=127.0.0.1",
		"--local=/test/", "--local-ttl=1", port_option};
	unsigned n = 10;
	int log_pipe[2];
	snprintf(port_option, sizeof(port_option), "--port=%u", d->port);
	for (; *records; records++) {
		REQUIRE(n < ARGUMENTS_MAX - 1);
		arguments[n++] = *records;
	}
	REQUIRE(pipe(log_pipe) == 0);
	d->pid = fork();
	REQUIRE(d->pid >= 0);
	if (d->pid == 0) {
		dup2(log_pipe[1], STDERR_FILENO);
		close(log_pipe[0]);
		signal(SIGPIPE, SIG_IGN); /* nobody reads its log any more */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(dnsmasq_path(), (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	close(log_pipe[1]);
	return wait_until_started(log_pipe[0]);
}

/** It wants the same port over UDP and TCP, and another process may be quicker: try some more. */
void dnsmasq_start(struct dnsmasq *d, uint16_t port, const char *const records[])
{
	bool started = false;
	for (int tries = 0; !started && tries < 10; tries++) {
		d->port = port ? port : free_port();
		started = launch(d, records);
		if (!started)
			waitpid(d->pid, NULL, 0);
	}
	REQUIRE(started);
	snprintf(d->address, sizeof(d->address), "127.0.0.1:%u", d->port);
}

void dnsmasq_stop(struct dnsmasq *d)
{
	kill(d->pid, SIGKILL);
	REQUIRE(waitpid(d->pid, NULL, 0) == d->pid);
}

/** Length of the one question in the message, header included; 0 when malformed. */
static size_t question_length(const unsigned char *m, size_t n)
{
	size_t at = HEADER_BYTES;
	while (at < n && m[at])
		at += 1u + m[at];
	return at + 5 <= n ? at + 5 : 0;
}

/** Turn the question into an answer: A 127.0.0.9 for type A, no record for the others. */
static size_t make_answer(unsigned char *m, size_t n, uint32_t ttl_s)
{
	const unsigned char record[] = {0xc0, HEADER_BYTES, 0, 1, 0, 1, (unsigned char)(ttl_s >> 24),
		(unsigned char)(ttl_s >> 16), (unsigned char)(ttl_s >> 8), (unsigned char)ttl_s, 0, 4, 127, 0,
		0, 9};
	if (m[n - 3] != 1)
		return n;
	m[7] = 1; /* one answer */
	memcpy(m + n, record, sizeof(record));
	return n + sizeof(record);
}

/** A byte that a parser of records takes for something: a short length, a pointer, a letter, or any. */
static unsigned char odd_byte(struct responder *r)
{
	static const unsigned char special[] = {
		0, 1, 2, 3, 5, 10, 0x3f, 0x40, 0xc0, HEADER_BYTES, 's', 'S', 0xff};
	int roll = rand_r(&r->seed);
	return roll % 2 ? special[(size_t)(roll >> 8) % sizeof(special)] : (unsigned char)(roll >> 8);
}

/** A record of the type asked for with nonsense in it. */
static size_t add_odd_record(struct responder *r, unsigned char *m, size_t question, size_t n)
{
	size_t length = (size_t)rand_r(&r->seed) % 60;
	const unsigned char head[] = {
		0xc0, HEADER_BYTES, 0, m[question - 3], 0, 1, 0, 0, 0, 60, 0, (unsigned char)length};
	memcpy(m + n, head, sizeof(head));
	n += sizeof(head);
	while (length--)
		m[n++] = odd_byte(r);
	return n;
}

/** The id and the question stay right, or the library would not look at the rest. */
static size_t make_garbage(struct responder *r, unsigned char *m, size_t n)
{
	const size_t question = n;
	m[7] = (unsigned char)(1 + rand_r(&r->seed) % 3);
	for (int records = rand_r(&r->seed) % 4; records > 0; records--)
		n = add_odd_record(r, m, question, n);
	for (int changes = rand_r(&r->seed) % 4; changes > 0 && n > question; changes--)
		m[question + (size_t)rand_r(&r->seed) % (n - question)] = odd_byte(r);
	return n - (n > question && rand_r(&r->seed) % 4 == 0);
}

static void on_question(evutil_socket_t fd, short what, void *arg)
{
	struct responder *r = arg;
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	unsigned char m[1024];
	ssize_t got = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &length);
	(void)what;
	if (got < HEADER_BYTES)
		return;
	size_t n = question_length(m, (size_t)got);
	if (n == 0)
		return;
	r->questions++;
	memset(m + 6, 0, HEADER_BYTES - 6); /* no records: newer c-ares adds one for EDNS to its question */
	m[2] |= 0x80;                       /* a response */
	m[3] = 0x80;                        /* recursion available */
	bool refused = r->mode == RESPONDER_SERVFAIL || m[n - 3] == r->refused_type;
	if (refused)
		m[3] |= 2;
	else if (r->mode == RESPONDER_NXDOMAIN)
		m[3] |= 3;
	else if (r->mode == RESPONDER_ADDRESS)
		n = make_answer(m, n, r->ttl_s);
	else if (r->mode == RESPONDER_GARBAGE)
		n = make_garbage(r, m, n);
	if (r->mode != RESPONDER_SILENT)
		sendto(fd, m, n, 0, (struct sockaddr *)&from, length);
}

void responder_start(struct responder *r, struct event_base *base, enum responder_mode mode)
{
	uint16_t port;
	*r = (struct responder){.mode = mode, .ttl_s = 60, .fd = bind_loopback(&port)};
	snprintf(r->address, sizeof(r->address), "127.0.0.1:%u", port);
	r->event = event_new(base, r->fd, EV_READ | EV_PERSIST, on_question, r);
	REQUIRE(r->event && event_add(r->event, NULL) == 0);
}

void responder_stop(struct responder *r)
{
	event_free(r->event);
	close(r->fd);
}
