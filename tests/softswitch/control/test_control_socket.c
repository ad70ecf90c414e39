#include "control_socket.h"

#include "control.h"

#include <event2/event.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { BIG_BYTES = 1000000, HELD_BYTES = 255000 };

/* Methods of the test: what is under test is everything around them. */

static const struct control_param echo_params[] = {
	{"text", CONTROL_STRING, true, 1, 10},
	{"count", CONTROL_INTEGER, false, 1, 1000},
	{0},
};
static const struct control_param big_params[] = {{"bytes", CONTROL_INTEGER, false, 1, BIG_BYTES}, {0}};
static const struct control_param no_params[] = {{0}};

static json_t *echo(const json_t *params, void *arg, struct control_error *error)
{
	unsigned *calls = arg;
	(void)error;
	++*calls;
	return json_pack("{s:s, s:I}", "text", control_string(params, "text", "?"), "count",
		(json_int_t)control_integer(params, "count", 7));
}

static json_t *refuse(const json_t *params, void *arg, struct control_error *error)
{
	(void)params;
	(void)arg;
	*error = (struct control_error){CONTROL_INVALID_PARAMS, "number", "is not in service"};
	return NULL;
}

static json_t *big(const json_t *params, void *arg, struct control_error *error)
{
	unsigned *calls = arg;
	size_t bytes = (size_t)control_integer(params, "bytes", BIG_BYTES);
	(void)error;
	++*calls;
	char *text = malloc(bytes);
	memset(text, 'x', bytes);
	json_t *result = json_stringn(text, bytes);
	free(text);
	return result;
}

static const struct control_method methods[] = {
	{"echo", echo_params, echo},
	{"refuse", no_params, refuse},
	{"big", big_params, big},
	{0},
};

struct fixture {
	char folder[32], path[64];
	struct event_base *base;
	struct control_socket *control;
	unsigned calls; /* of echo and big */
};

static int create(struct fixture *f, struct control_socket **out, char *error)
{
	return control_socket_create(out, f->base, f->path, methods, &f->calls, error, 256);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char error[256];
	*state = f;
	strcpy(f->folder, "/tmp/test_control.XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/sock", f->folder);
	f->base = event_base_new();
	return create(f, &f->control, error);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	control_socket_destroy(f->control);
	event_base_free(f->base);
	unlink(f->path);
	int left = rmdir(f->folder);
	free(f);
	return left;
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/** One pass of the loop, 10 ms at most. */
static void turn(struct fixture *f)
{
	const struct timeval step = {.tv_usec = 10000};
	event_base_loopexit(f->base, &step);
	event_base_loop(f->base, EVLOOP_ONCE);
}

static int connect_client(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void send_bytes(struct fixture *f, int fd, const char *bytes, size_t n)
{
	int64_t end_ms = now_ms() + 5000;
	while (n > 0 && now_ms() < end_ms) {
		ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN) {
			turn(f);
			continue;
		}
		if (sent < 0)
			return; /* the other side let us go */
		bytes += sent;
		n -= (size_t)sent;
	}
	assert_int_equal(n, 0);
}

/** Read until `until` is seen or the connection ends, 5 s at most. @return the bytes read; *ended when it ended */
static size_t read_answer(struct fixture *f, int fd, char *out, size_t size, char until, bool *ended)
{
	int64_t end_ms = now_ms() + 5000;
	size_t n = 0;
	*ended = false;
	while (now_ms() < end_ms) {
		ssize_t got = recv(fd, out + n, until ? 1 : size - 1 - n, 0);
		if (got < 0 && errno == EAGAIN) {
			turn(f);
			continue;
		}
		if (got <= 0) {
			*ended = true;
			break;
		}
		n += (size_t)got;
		if (n == size - 1 || (until && out[n - 1] == until))
			break;
	}
	out[n] = '\0';
	return n;
}

/** Read on until so many lines came, 5 s at most. @return the lines */
static unsigned count_lines(struct fixture *f, int fd, unsigned lines)
{
	static char buffer[65536];
	int64_t end_ms = now_ms() + 5000;
	unsigned n = 0;
	while (n < lines && now_ms() < end_ms) {
		ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
		for (ssize_t i = 0; i < got; i++)
			n += buffer[i] == '\n';
		if (got <= 0)
			turn(f);
	}
	return n;
}

static json_t *receive(struct fixture *f, int fd)
{
	char line[4096];
	bool ended;
	size_t n = read_answer(f, fd, line, sizeof(line), '\n', &ended);
	assert_true(n > 0 && line[n - 1] == '\n');
	json_t *reply = json_loads(line, 0, NULL);
	assert_non_null(reply);
	assert_string_equal(json_string_value(json_object_get(reply, "jsonrpc")), "2.0");
	return reply;
}

/** The answer to one line on a connection of its own. */
static json_t *answer_to_bytes(struct fixture *f, const char *line, size_t n)
{
	int fd = connect_client(f->path);
	send_bytes(f, fd, line, n);
	send_bytes(f, fd, "\n", 1);
	json_t *reply = receive(f, fd);
	close(fd);
	return reply;
}

static json_t *answer_to(struct fixture *f, const char *line)
{
	return answer_to_bytes(f, line, strlen(line));
}

/** @param expected  the result or the error, as compact JSON */
static void expect(
	struct fixture *f, const char *line, const char *member, const char *id, const char *expected)
{
	json_t *reply = answer_to(f, line);
	char *got = json_dumps(json_object_get(reply, member), JSON_COMPACT | JSON_ENCODE_ANY);
	char *got_id = json_dumps(json_object_get(reply, "id"), JSON_COMPACT | JSON_ENCODE_ANY);
	assert_non_null(got);
	assert_string_equal(got, expected);
	assert_string_equal(got_id, id);
	assert_int_equal(json_object_size(reply), 3);
	free(got);
	free(got_id);
	json_decref(reply);
}

static void expect_error(struct fixture *f, const char *line, const char *id, const char *error)
{
	expect(f, line, "error", id, error);
}

static void a_request_is_answered_with_its_id(void **state)
{
	struct fixture *f = *state;
	expect(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"text\":\"a\"}}", "result",
		"1", "{\"text\":\"a\",\"count\":7}");
	expect(f,
		"{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"method\":\"echo\",\"params\":{\"text\":\"a\",\"count\":3}}",
		"result", "\"x\"", "{\"text\":\"a\",\"count\":3}");
	expect(f, "  {\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"echo\",\"params\":{\"text\":\"a\"}} \r",
		"result", "null", "{\"text\":\"a\",\"count\":7}");
}

static void what_is_not_json_is_a_parse_error(void **state)
{
	static const char *const lines[] = {"{", "hello", "{\"a\":1,\"a\":2}", "{} {}", "\xff\xfe",
		"\"\\u0000\"", "nul", "{\"id\":01}", "'", "]"};
	struct fixture *f = *state;
	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		json_t *reply = answer_to(f, lines[i]);
		assert_int_equal(
			json_integer_value(json_object_get(json_object_get(reply, "error"), "code")), -32700);
		assert_true(json_is_null(json_object_get(reply, "id")));
		json_decref(reply);
	}
	json_t *reply = answer_to_bytes(f, "{\"a\":\0}", 7);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(reply, "error"), "code")), -32700);
	json_decref(reply);
}

static void nesting_without_end_is_a_parse_error(void **state)
{
	struct fixture *f = *state;
	static char deep[60000];
	memset(deep, '[', sizeof(deep));
	json_t *reply = answer_to_bytes(f, deep, sizeof(deep));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(reply, "error"), "code")), -32700);
	json_decref(reply);
}

static void what_is_no_request_is_refused(void **state)
{
	struct fixture *f = *state;
	expect_error(f, "[]", "null",
		"{\"code\":-32600,\"message\":\"batches are not supported: write one request per line\"}");
	expect_error(f, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"}]", "null",
		"{\"code\":-32600,\"message\":\"batches are not supported: write one request per line\"}");
	expect_error(f, "1", "null", "{\"code\":-32600,\"message\":\"a request must be an object\"}");
	expect_error(f, "{\"id\":1,\"method\":\"echo\"}", "1",
		"{\"code\":-32600,\"message\":\"jsonrpc: must be \\\"2.0\\\"\",\"data\":{\"field\":\"jsonrpc\"}}");
	expect_error(f, "{\"jsonrpc\":\"2.0\",\"id\":1}", "1",
		"{\"code\":-32600,\"message\":\"method: must be a string\",\"data\":{\"field\":\"method\"}}");
	expect_error(f, "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"echo\"}", "null",
		"{\"code\":-32600,\"message\":\"id: must be a string, a number or null\",\"data\":{\"field\":\"id\"}}");
}

static void an_unknown_method_is_refused(void **state)
{
	expect_error(*state, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"Echo\"}", "1",
		"{\"code\":-32601,\"message\":\"unknown method\"}");
}

static void bad_parameters_are_refused_with_the_name_of_the_field(void **state)
{
	static const char *const cases[][2] = {
		{"{}", "text: is required"},
		{"{\"text\":1}", "text: must be a string of 1 to 10 bytes"},
		{"{\"text\":\"\"}", "text: must be a string of 1 to 10 bytes"},
		{"{\"text\":\"12345678901\"}", "text: must be a string of 1 to 10 bytes"},
		{"{\"text\":\"a\",\"count\":\"3\"}", "count: must be a whole number from 1 to 1000"},
		{"{\"text\":\"a\",\"count\":0}", "count: must be a whole number from 1 to 1000"},
		{"{\"text\":\"a\",\"count\":1001}", "count: must be a whole number from 1 to 1000"},
		{"{\"text\":\"a\",\"count\":1.5}", "count: must be a whole number from 1 to 1000"},
		{"{\"text\":\"a\",\"count\":null}", "count: must be a whole number from 1 to 1000"},
		{"{\"text\":\"a\",\"color\":1}", "color: unknown parameter"},
		{"[\"a\"]", "params: must be an object: parameters are passed by name"},
		{"\"a\"", "params: must be an object: parameters are passed by name"},
	};
	struct fixture *f = *state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[256], expected[256];
		int field = (int)strcspn(cases[i][1], ":");
		snprintf(line, sizeof(line),
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":%s}", cases[i][0]);
		snprintf(expected, sizeof(expected),
			"{\"code\":-32602,\"message\":\"%s\",\"data\":{\"field\":\"%.*s\"}}", cases[i][1],
			field, cases[i][1]);
		expect_error(f, line, "1", expected);
	}
	assert_int_equal(f->calls, 0);
}

static void an_error_of_the_method_is_passed_on(void **state)
{
	expect_error(*state, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"refuse\"}", "1",
		"{\"code\":-32602,\"message\":\"number: is not in service\",\"data\":{\"field\":\"number\"}}");
}

static void a_request_without_id_is_done_and_not_answered(void **state)
{
	static const char lines[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"text\":\"a\"}}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}\n\n \t\r\n"
		"{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"echo\",\"params\":{\"text\":\"a\"}}\n";
	struct fixture *f = *state;
	int fd = connect_client(f->path);
	send_bytes(f, fd, lines, strlen(lines));
	json_t *reply = receive(f, fd);
	assert_int_equal(json_integer_value(json_object_get(reply, "id")), 9);
	assert_int_equal(f->calls, 2);
	json_decref(reply);
	close(fd);
}

static void many_requests_in_one_write_are_answered_in_order(void **state)
{
	enum { REQUESTS = 500 };
	struct fixture *f = *state;
	int fd = connect_client(f->path);
	char *lines = malloc(REQUESTS * 100), *at = lines;
	for (int i = 0; i < REQUESTS; i++)
		at += sprintf(at,
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"echo\",\"params\":{\"text\":\"a\"}}\n",
			i);
	send_bytes(f, fd, lines, (size_t)(at - lines));
	for (int i = 0; i < REQUESTS; i++) {
		json_t *reply = receive(f, fd);
		assert_int_equal(json_integer_value(json_object_get(reply, "id")), i);
		json_decref(reply);
	}
	free(lines);
	close(fd);
}

/** The end is read while the answer waits: it is more than a socket holds, and less than stops the reading. */
static void the_answer_comes_although_the_client_writes_no_more(void **state)
{
	struct fixture *f = *state;
	int fd = connect_client(f->path);
	char line[128], *answer = malloc(BIG_BYTES);
	bool ended;
	snprintf(line, sizeof(line),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\",\"params\":{\"bytes\":%d}}\n", HELD_BYTES);
	send_bytes(f, fd, line, strlen(line));
	shutdown(fd, SHUT_WR);
	for (unsigned i = 0; i < 10; i++)
		turn(f);
	size_t n = read_answer(f, fd, answer, BIG_BYTES, '\0', &ended);
	assert_true(ended);
	assert_true(n > HELD_BYTES);
	assert_int_equal(answer[n - 1], '\n');
	free(answer);
	close(fd);
}

static void a_line_of_64_kib_is_taken_and_a_longer_one_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	static char line[70000];
	static const char request[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":{\"text\":\"a\"}}";
	bool ended;
	memset(line, ' ', sizeof(line));
	memcpy(line, request, sizeof(request) - 1);
	json_t *reply = answer_to_bytes(f, line, 65536);
	assert_non_null(json_object_get(reply, "result"));
	json_decref(reply);

	for (size_t ended_line = 0; ended_line < 2; ended_line++) {
		int fd = connect_client(f->path);
		char answer[512];
		line[65537] = ended_line ? '\n' : ' ';
		send_bytes(f, fd, line, 65537 + ended_line);
		read_answer(f, fd, answer, sizeof(answer), '\0', &ended);
		assert_true(ended);
		assert_string_equal(answer,
			"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":"
			"\"a line is limited to 65536 bytes\"},\"id\":null}\n");
		close(fd);
	}
}

static void a_client_that_does_not_read_is_not_served_on(void **state)
{
	enum { REQUESTS = 50 };
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n";
	struct fixture *f = *state;
	int deaf = connect_client(f->path);
	for (unsigned i = 0; i < REQUESTS; i++)
		send_bytes(f, deaf, line, strlen(line));
	for (unsigned i = 0; i < 20; i++)
		turn(f);
	assert_int_equal(f->calls, 1); /* 1 MB is more than a client may leave unread */
	json_t *reply = answer_to(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"refuse\"}"); /* others are */
	json_decref(reply);
	assert_int_equal(count_lines(f, deaf, REQUESTS), REQUESTS); /* once it reads, nothing is lost */
	assert_int_equal(f->calls, REQUESTS);
	close(deaf);
}

static const char a_request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"refuse\"}\n";

static bool is_served(struct fixture *f, int fd)
{
	char answer[256];
	bool ended;
	send_bytes(f, fd, a_request, sizeof(a_request) - 1);
	read_answer(f, fd, answer, sizeof(answer), '\n', &ended);
	return !ended;
}

static void of_too_many_clients_the_one_idle_for_longest_goes(void **state)
{
	enum { CLIENTS = 64 };
	struct fixture *f = *state;
	int fd[CLIENTS];
	for (unsigned i = 0; i < CLIENTS; i++) {
		fd[i] = connect_client(f->path);
		turn(f);
	}
	assert_true(is_served(f, fd[0]));
	int late = connect_client(f->path);
	assert_true(is_served(f, late));
	assert_true(is_served(f, fd[0]));
	assert_false(is_served(f, fd[1]));
	assert_true(is_served(f, fd[2]));
	close(late);
	for (unsigned i = 0; i < CLIENTS; i++)
		close(fd[i]);
}

/** Each of them holds what a client may leave unread. */
static void clients_that_never_read_do_not_lock_others_out(void **state)
{
	enum { CLIENTS = 64 };
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"big\"}\n";
	struct fixture *f = *state;
	int fd[CLIENTS];
	for (unsigned i = 0; i < CLIENTS; i++) {
		fd[i] = connect_client(f->path);
		for (unsigned n = 0; n < 3; n++)
			send_bytes(f, fd[i], line, strlen(line));
		turn(f);
	}
	for (int64_t end_ms = now_ms() + 5000; f->calls < CLIENTS && now_ms() < end_ms;)
		turn(f);
	assert_int_equal(f->calls, CLIENTS);
	json_decref(answer_to(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"refuse\"}"));
	for (unsigned i = 0; i < CLIENTS; i++)
		close(fd[i]);
}

/* The socket file. */

static void the_socket_is_for_owner_and_group(void **state)
{
	struct fixture *f = *state;
	struct control_socket *other;
	struct stat st;
	char error[256];
	control_socket_destroy(f->control);
	f->control = NULL;
	for (unsigned mask = 0; mask <= 077; mask += 077) {
		mode_t before = umask((mode_t)mask);
		assert_int_equal(create(f, &other, error), 0);
		umask(before);
		assert_int_equal(lstat(f->path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 0777, 0660);
		control_socket_destroy(other);
		assert_int_equal(lstat(f->path, &st), -1);
	}
}

static void a_socket_that_somebody_listens_at_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct control_socket *other = NULL;
	char error[256];
	assert_int_equal(create(f, &other, error), -EADDRINUSE);
	assert_null(other);
	assert_non_null(strstr(error, "another switch is listening there"));
	json_t *reply = answer_to(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"refuse\"}");
	json_decref(reply);
}

/** What a killed switch leaves. */
static void a_socket_that_nobody_listens_at_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char error[256];
	control_socket_destroy(f->control);
	f->control = NULL;
	strcpy(address.sun_path, f->path);
	int dead = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(dead, (struct sockaddr *)&address, sizeof(address)), 0);
	close(dead);
	assert_int_equal(create(f, &f->control, error), 0);
	json_t *reply = answer_to(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"refuse\"}");
	json_decref(reply);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct fixture *f = *state;
	char error[256];
	struct stat st;
	control_socket_destroy(f->control);
	f->control = NULL;
	close(open(f->path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(create(f, &f->control, error), -EEXIST);
	assert_non_null(strstr(error, "not a socket"));
	assert_int_equal(lstat(f->path, &st), 0);
	assert_null(f->control);
}

static void a_socket_of_another_is_not_removed_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct control_socket *newer;
	struct stat st;
	char error[256];
	unlink(f->path);
	assert_int_equal(create(f, &newer, error), 0);
	control_socket_destroy(f->control);
	f->control = newer;
	assert_int_equal(lstat(f->path, &st), 0);
}

static void a_socket_that_is_removed_is_made_again(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	int fd = connect_client(f->path);
	assert_true(is_served(f, fd));
	unlink(f->path);
	for (int64_t end_ms = now_ms() + 5000; lstat(f->path, &st) != 0 && now_ms() < end_ms;)
		turn(f);
	assert_int_equal(lstat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	json_decref(answer_to(f, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"refuse\"}"));
	assert_true(is_served(f, fd)); /* connections outlive it */
	close(fd);
	control_socket_destroy(f->control);
	f->control = NULL;
	assert_int_equal(lstat(f->path, &st), -1);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	struct fixture *f = *state;
	struct control_socket *other = NULL;
	char error[512], path[200];
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(control_socket_create(&other, f->base, path, methods, NULL, error, sizeof(error)),
		-ENAMETOOLONG);
	assert_non_null(strstr(error, "too long"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_answered_with_its_id),
		TEST(what_is_not_json_is_a_parse_error),
		TEST(nesting_without_end_is_a_parse_error),
		TEST(what_is_no_request_is_refused),
		TEST(an_unknown_method_is_refused),
		TEST(bad_parameters_are_refused_with_the_name_of_the_field),
		TEST(an_error_of_the_method_is_passed_on),
		TEST(a_request_without_id_is_done_and_not_answered),
		TEST(many_requests_in_one_write_are_answered_in_order),
		TEST(the_answer_comes_although_the_client_writes_no_more),
		TEST(a_line_of_64_kib_is_taken_and_a_longer_one_ends_the_connection),
		TEST(a_client_that_does_not_read_is_not_served_on),
		TEST(of_too_many_clients_the_one_idle_for_longest_goes),
		TEST(clients_that_never_read_do_not_lock_others_out),
		TEST(the_socket_is_for_owner_and_group),
		TEST(a_socket_that_somebody_listens_at_is_left_alone),
		TEST(a_socket_that_nobody_listens_at_is_replaced),
		TEST(a_file_that_is_no_socket_is_left_alone),
		TEST(a_socket_of_another_is_not_removed_at_the_end),
		TEST(a_socket_that_is_removed_is_made_again),
		TEST(a_path_that_is_too_long_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
