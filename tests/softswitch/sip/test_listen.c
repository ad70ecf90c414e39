/* Sockets that listen: opened anew, or handed over by the process before. The next process is this program, executed again. */

#include "address.h"
#include "listen.h"
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *self;

static struct handover open_one(const char *host, const char *transport)
{
	struct listen at = {.transport = transport};
	struct sockaddr_storage local;
	socklen_t size = sizeof(local);
	struct handover s;

	snprintf(at.host, sizeof(at.host), "%s", host);
	s.fd = listen_open(&at);
	assert_true(s.fd >= 0);
	assert_int_equal(getsockname(s.fd, (struct sockaddr *)&local, &size), 0);
	listen_name(transport, (struct sockaddr *)&local, s.name);
	return s;
}

static unsigned port_of(const struct handover *s)
{
	return (unsigned)strtoul(strrchr(s->name, '/') + 1, NULL, 10);
}

static unsigned long inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (unsigned long)st.st_ino : 0;
}

/** The next process listens at these places: "udp 127.0.0.1 5060", ... @return what it says: inodes, or -errno */
static void next_process(const struct handover *sockets, size_t n, char *const places[], long out[])
{
	char text[256] = "", *argv[12] = {(char *)(uintptr_t)self}, *at = text;
	int fds[2], status;
	ssize_t len;
	pid_t pid;

	for (size_t i = 0; places[i]; i++)
		argv[i + 1] = places[i];
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		handover_exec(self, argv, sockets, n);
		_exit(99);
	}
	close(fds[1]);
	len = read(fds[0], text, sizeof(text) - 1);
	assert_true(len > 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (size_t i = 0; places[i]; i++)
		out[i] = strtol(at, &at, 10);
}

static void on_rest(const char *name)
{
	(void)name;
	printf("-1 ");
}

static int be_next_process(char *places[])
{
	handover_receive();
	for (; *places; places++) {
		struct listen at = {.transport = ""};
		char transport[4];

		if (sscanf(*places, "%3s %45s %hu", transport, at.host, &at.port) == 3) {
			at.transport = transport;
			int fd = listen_open(&at);
			printf("%ld ", fd < 0 ? (long)fd : (long)inode(fd));
		} else {
			handover_close_rest(on_rest);
		}
	}
	return 0;
}

static char *place(const char *transport, const char *host, unsigned port)
{
	static char text[8][80];
	static unsigned next;
	char *out = text[next++ % 8];

	snprintf(out, sizeof(text[0]), "%s %s %u", transport, host, port);
	return out;
}

static void a_socket_is_taken_where_it_is_bound(void **state)
{
	static const char *const kinds[][2] = {{"127.0.0.1", "udp"}, {"127.0.0.1", "tcp"},
		{"127.0.0.1", "tls"}, {"::1", "udp"}, {"::1", "tcp"}};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct handover s = open_one(kinds[i][0], kinds[i][1]);
		char *places[] = {place(kinds[i][1], kinds[i][0], port_of(&s)), NULL};
		long got;

		next_process(&s, 1, places, &got);
		assert_int_equal(got, inode(s.fd));
		close(s.fd);
	}
}

static void for_port_0_any_port_will_do(void **state)
{
	struct handover s[] = {open_one("127.0.0.1", "udp"), open_one("127.0.0.1", "udp")};
	char *places[] = {place("udp", "127.0.0.1", 0), place("udp", "127.0.0.1", 0), NULL};
	long got[2];

	(void)state;
	next_process(s, 2, places, got);
	assert_true(got[0] != got[1]);
	for (int i = 0; i < 2; i++) {
		assert_true(got[i] == (long)inode(s[0].fd) || got[i] == (long)inode(s[1].fd));
		close(s[i].fd);
	}
}

/** It is still open here, so that the address cannot be had. */
static void expect_refused(const struct handover *s, char *at)
{
	char *places[] = {at, NULL};
	long got;

	next_process(s, 1, places, &got);
	assert_true(got != (long)inode(s->fd));
}

static void what_is_not_as_the_option_says_is_not_taken(void **state)
{
	struct handover udp = open_one("127.0.0.1", "udp"), tcp = open_one("127.0.0.1", "tcp");
	struct handover wrong = tcp;

	(void)state;
	expect_refused(&udp, place("udp", "127.0.0.1", port_of(&udp) ^ 1)); /* another port */
	expect_refused(&udp, place("udp", "127.0.0.2", port_of(&udp)));     /* another address */
	expect_refused(&udp, place("udp", "0.0.0.0", 0));
	expect_refused(&udp, place("udp", "::1", 0));
	expect_refused(&tcp, place("tls", "127.0.0.1", 0)); /* TLS under the name of TCP */
	expect_refused(&tcp, place("udp", "127.0.0.1", 0));
	snprintf(wrong.name, sizeof(wrong.name), "udp/127.0.0.1/%u", port_of(&tcp)); /* a name that lies */
	expect_refused(&wrong, place("udp", "127.0.0.1", 0));
	close(udp.fd);
	wrong.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* does not listen */
	snprintf(wrong.name, sizeof(wrong.name), "tcp/0.0.0.0/0");
	expect_refused(&wrong, place("tcp", "0.0.0.0", 0));
	close(wrong.fd);
	wrong.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	expect_refused(&wrong, place("tcp", "127.0.0.1", 0));
	close(wrong.fd);
	close(tcp.fd);
}

static void a_descriptor_of_any_number_is_handed_over(void **state)
{
	struct handover s[] = {open_one("127.0.0.1", "udp"), open_one("127.0.0.1", "tcp")};
	char *places[] = {
		place("udp", "127.0.0.1", port_of(&s[0])), place("tcp", "127.0.0.1", port_of(&s[1])), NULL};
	struct rlimit limit;
	long got[2];
	int high;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	high = fcntl(s[1].fd, F_DUPFD_CLOEXEC, limit.rlim_cur > 19000 ? 19000 : (int)limit.rlim_cur - 1);
	assert_true(high > 0);
	close(s[1].fd);
	s[1].fd = high;
	next_process(s, 2, places, got);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(got[i], inode(s[i].fd));
		close(s[i].fd);
	}
}

static void what_nobody_takes_is_closed_and_named(void **state)
{
	struct handover s = open_one("127.0.0.1", "udp");
	char *rest[] = {(char *)(uintptr_t) "rest", place("udp", "127.0.0.1", port_of(&s)), NULL};
	long got[2];

	(void)state;
	next_process(&s, 1, rest, got);
	assert_int_equal(got[0], -1);
	assert_int_equal(got[1], -EADDRINUSE); /* by this process; it was not taken later either */
	close(s.fd);
}

static void a_program_that_cannot_be_executed_changes_nothing(void **state)
{
	struct handover s = open_one("127.0.0.1", "udp");
	char *argv[] = {(char *)(uintptr_t) "x", NULL};

	(void)state;
	assert_int_equal(handover_exec("/nonexistent", argv, &s, 1), -ENOENT);
	assert_int_equal(handover_exec("/dev/null", argv, &s, 1), -EACCES);
	assert_int_equal(fcntl(s.fd, F_GETFD), FD_CLOEXEC);
	assert_null(getenv("LISTEN_FDS"));
	close(s.fd);
}

static void names_are_fit_for_systemd(void **state)
{
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(5061), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	char name[HANDOVER_NAME_MAX];

	(void)state;
	listen_name("tls", (struct sockaddr *)&v6, name);
	assert_string_equal(name, "tls/__1/5061");
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_is_taken_where_it_is_bound),
		cmocka_unit_test(for_port_0_any_port_will_do),
		cmocka_unit_test(what_is_not_as_the_option_says_is_not_taken),
		cmocka_unit_test(a_descriptor_of_any_number_is_handed_over),
		cmocka_unit_test(what_nobody_takes_is_closed_and_named),
		cmocka_unit_test(a_program_that_cannot_be_executed_changes_nothing),
		cmocka_unit_test(names_are_fit_for_systemd),
	};

	if (argc > 1)
		return be_next_process(argv + 1);
	self = realpath("/proc/self/exe", NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
