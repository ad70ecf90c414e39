/* swctl: sends a request to a running switch over its control socket and prints the answer for people or programs. */
#include "control_path.h"

#include <jansson.h>

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, ANSWER_TIMEOUT_S = 10, COLUMNS_MAX = 16, NAME_COLUMN = 28 };

static const char usage[] =
	"usage: swctl [--control SOCKET] [--json] COMMAND\n"
	"\n"
	"  status                                    version, uptime, calls, records\n"
	"  calls [limit=N] [offset=N]                calls in progress\n"
	"  gateways [limit=N] [offset=N]             vendor gateways: state, load, statistics of the last 5 minutes\n"
	"  gateway NAME                              everything about one gateway\n"
	"  registrations [limit=N] [offset=N]        our accounts at registrars\n"
	"  register NAME                             send the REGISTER of an account now\n"
	"  unregister NAME                           remove its binding, until it is registered again by command\n"
	"  strangers [limit=N] [offset=N]            what was refused, dropped or odd: by source and reason, the last one first\n"
	"  lookup CALLEE [caller=..] [ingress=..]    the routing plan for a number, and why gateways are left out\n"
	"  db [ARGUMENT]...                          run sqlite3 on the configuration of the running switch\n"
	"  METHOD [key=value]...                     any method, such as system.status\n"
	"  call METHOD JSON                          any method, its parameters as one JSON object\n"
	"\n"
	"SOCKET defaults to $SOFTSWITCH_CONTROL, else /run/softswitch/control.sock where that folder may be written in,\n"
	"else ./softswitch.sock. Exit status: 0 success, 1 the switch returned an error, 2 usage error or no switch\n"
	"reached.\n";

/** A parsed command line. */
struct request {
	const char *control;
	bool json;
	const char *method;
	json_t *params;
	char **db_arguments; /* of `db`, else NULL */
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("swctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(EXIT_USAGE);
}

/** Add "key=value"; only limit and offset are numbers, so a telephone number stays text. */
static void add_param(json_t *params, const char *word)
{
	static const char *const numbers[] = {"limit", "offset"};
	const char *equals = strchr(word, '=');
	if (!equals || equals == word)
		die("%s: parameters have the form key=value", word);
	char *end, *key = strndup(word, (size_t)(equals - word));
	json_t *value = NULL;
	for (unsigned i = 0; key && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(key, numbers[i]) == 0) {
			value = json_integer(strtoll(equals + 1, &end, 10));
			if (end == equals + 1 || *end)
				die("%s: not a whole number", word);
		}
	if (!value)
		value = json_string(equals + 1);
	if (!key || json_object_set_new(params, key, value) != 0)
		die("%s: not UTF-8", word);
	free(key);
}

static void add_params(json_t *params, char **words)
{
	for (; *words; words++)
		add_param(params, *words);
}

static void parse_command(struct request *r, char **words)
{
	static const char *const verbs[][2] = {{"status", "system.status"}, {"calls", "calls.list"},
		{"gateways", "gateways.list"}, {"registrations", "registrations.list"},
		{"strangers", "strangers.list"}};
	static const char *const named[][2] = {{"gateway", "gateways.get"},
		{"register", "registrations.register"}, {"unregister", "registrations.unregister"}};
	const char *command = *words++;
	r->method = command;
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(command, verbs[i][0]) == 0)
			r->method = verbs[i][1];
	for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (strcmp(command, named[i][0]) == 0) {
			if (!words[0] || words[1])
				die("%s: expected one NAME", command);
			r->method = named[i][1];
			json_object_set_new(r->params, "name", json_string(*words));
			return;
		}
	if (strcmp(command, "db") == 0) {
		r->method = "system.status";
		r->db_arguments = words;
	} else if (strcmp(command, "lookup") == 0) {
		if (!*words)
			die("lookup: expected a CALLEE");
		r->method = "routes.lookup";
		json_object_set_new(r->params, "callee", json_string(*words));
		add_params(r->params, words + 1);
	} else if (strcmp(command, "call") == 0) {
		if (!words[0] || !words[1] || words[2])
			die("call: expected METHOD and its parameters as one JSON object");
		json_decref(r->params);
		r->method = words[0];
		r->params = json_loads(words[1], JSON_REJECT_DUPLICATES, NULL);
		if (!r->params)
			die("call: %s: malformed JSON", words[1]);
	} else {
		add_params(r->params, words);
	}
}

static void parse(struct request *r, char **words)
{
	for (words++; *words && strncmp(*words, "--", 2) == 0; words++) {
		if (strcmp(*words, "--json") == 0) {
			r->json = true;
		} else if (strcmp(*words, "--help") == 0) {
			fputs(usage, stdout);
			exit(0);
		} else if (strcmp(*words, "--control") == 0 && words[1]) {
			r->control = *++words;
		} else {
			die("%s: unknown option, or its value is missing\n%s", *words, usage);
		}
	}
	if (!*words)
		die("expected a COMMAND\n%s", usage);
	parse_command(r, words);
}

/** @return a stream over the control socket */
static FILE *connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	if (strlen(path) >= sizeof(address.sun_path))
		die("%s: the path is too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("no switch answers at %s: %s%s", path, strerror(errno),
			errno == ENOENT ? " (use --control SOCKET for another one)" : "");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	FILE *stream = fdopen(fd, "r+");
	if (!stream)
		die("%s", strerror(errno));
	return stream;
}

/** Send the request. @return the reply, an object */
static json_t *ask(const struct request *r)
{
	FILE *stream = connect_to(r->control);
	char *line = NULL;
	size_t size = 0;
	json_t *question = json_pack(
		"{s:s, s:i, s:s, s:O}", "jsonrpc", "2.0", "id", 1, "method", r->method, "params", r->params);
	if (!question)
		die("%s: not UTF-8", r->method);
	json_dumpf(question, stream, JSON_COMPACT);
	json_decref(question);
	fputc('\n', stream);
	fflush(stream);
	ssize_t n = getline(&line, &size, stream);
	if (n < 0)
		die("%s: no answer: %s", r->control, feof(stream) ? "connection closed" : strerror(errno));
	json_t *reply = json_loadb(line, (size_t)n, 0, NULL);
	free(line);
	fclose(stream);
	if (!json_is_object(reply))
		die("%s: not a reply from a switch", r->control);
	return reply;
}

/* Printing */

/** A value as the text of a cell; control characters, which a terminal would obey, become '?'. */
static char *cell(const json_t *value)
{
	char *text;
	if (json_is_null(value) || !value)
		text = strdup("-");
	else if (json_is_string(value))
		text = strdup(json_string_length(value) ? json_string_value(value) : "-");
	else
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	if (!text)
		die("out of memory");
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return text;
}

/** Columns on the terminal, where UTF-8 continuation bytes take up none. */
static int width(const char *text)
{
	int n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_cell(const char *text, int to_width)
{
	printf("%s%*s", text, to_width - width(text), "");
}

static void widen(int widths[COLUMNS_MAX], json_t *row)
{
	const char *key;
	json_t *value;
	int column = 0;
	json_object_foreach (row, key, value) {
		if (column == COLUMNS_MAX)
			return;
		char *text = cell(value);
		int wide = width(text) > width(key) ? width(text) : width(key);
		widths[column] = wide > widths[column] ? wide : widths[column];
		column++;
		free(text);
	}
}

static void print_row(const int widths[COLUMNS_MAX], json_t *row, bool heading)
{
	const char *key;
	json_t *value;
	size_t last = json_object_size(row) - 1, column = 0;
	json_object_foreach (row, key, value) {
		char *text = heading ? strdup(key) : cell(value);
		if (text && column < COLUMNS_MAX)
			print_cell(text, column == last ? 0 : widths[column] + 2);
		column++;
		free(text);
	}
	putchar('\n');
}

/** An array of objects with the same members. */
static void print_table(const char *name, json_t *rows)
{
	int widths[COLUMNS_MAX] = {0};
	size_t n = json_array_size(rows);
	if (n == 0) {
		printf("%s: none\n", name);
		return;
	}
	printf("%s:\n", name);
	for (size_t i = 0; i < n; i++)
		widen(widths, json_array_get(rows, i));
	print_row(widths, json_array_get(rows, 0), true);
	for (size_t i = 0; i < n; i++)
		print_row(widths, json_array_get(rows, i), false);
}

static const char *const gateway_columns[] = {"name", "state", "for_s", "reason", "until", "calls",
	"capacity", "attempts", "asr_percent", "ner_percent", "acd_ms", "pdd_ms", "rtt_ms", NULL};
static const char *const stranger_columns[] = {
	"source", "transport", "reason", "method", "user", "name", "count", "first_s", "last_s", NULL};

/** Keep what fits on a terminal's line; `gateway NAME` and --json show the rest. */
static void keep_columns(json_t *rows, const char *const *columns)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *kept = json_object();
		for (size_t c = 0; columns[c]; c++)
			json_object_set(
				kept, columns[c], json_object_get(json_array_get(rows, i), columns[c]));
		json_array_set_new(rows, i, kept);
	}
}

static void print_list(json_t *values)
{
	for (size_t i = 0; i < json_array_size(values); i++) {
		char *text = cell(json_array_get(values, i));
		printf("%s%s", i ? ", " : "", text);
		free(text);
	}
	putchar('\n');
}

static void print_object(const char *prefix, json_t *object)
{
	const char *key;
	json_t *value;
	json_object_foreach (object, key, value) {
		char *name, *text;
		if (asprintf(&name, "%s%s%s", prefix, *prefix ? "." : "", key) < 0)
			die("out of memory");
		if (json_is_object(value)) {
			print_object(name, value);
		} else if (json_is_array(value) && !json_is_string(json_array_get(value, 0))) {
			print_table(name, value);
		} else if (json_is_array(value)) {
			print_cell(name, NAME_COLUMN);
			print_list(value);
		} else {
			text = cell(value);
			print_cell(name, NAME_COLUMN);
			puts(text);
			free(text);
		}
		free(name);
	}
}

static int print_reply(const struct request *r, json_t *reply)
{
	json_t *result = json_object_get(reply, "result"), *error = json_object_get(reply, "error");
	if (error) {
		char *text = cell(json_object_get(error, "message"));
		fprintf(stderr, "swctl: %s: %s\n", r->method, text);
		free(text);
		return EXIT_REFUSED;
	}
	if (r->json || !json_is_object(result)) {
		json_dumpf(result, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		putchar('\n');
	} else {
		if (strcmp(r->method, "gateways.list") == 0)
			keep_columns(json_object_get(result, "gateways"), gateway_columns);
		if (strcmp(r->method, "strangers.list") == 0)
			keep_columns(json_object_get(result, "strangers"), stranger_columns);
		print_object("", result);
	}
	return 0;
}

/** Run sqlite3 on the path that the switch reports: with a mistyped one sqlite3 would create an empty file. */
__attribute__((noreturn)) static void open_db(const struct request *r, const json_t *reply)
{
	const char *path = json_string_value(json_object_get(json_object_get(reply, "result"), "db"));
	size_t n = 0;
	if (!path)
		die("%s: the switch does not report its database", r->control);
	while (r->db_arguments[n])
		n++;
	const char **command = calloc(n + 4, sizeof(*command));
	if (!command)
		die("out of memory");
	command[0] = "sqlite3";
	command[1] = path;
	memcpy(command + 2, r->db_arguments, n * sizeof(*command));
	execvp("sqlite3", (char *const *)(uintptr_t)command);
	die("sqlite3: %s%s", strerror(errno), errno == ENOENT ? " (apt install sqlite3)" : "");
}

int main(int argc, char **argv)
{
	char *control = control_path(CONTROL_PATH_RUN, "softswitch.sock");
	struct request r = {.control = control, .params = json_object()};
	(void)argc;
	if (!control)
		die("out of memory");
	parse(&r, argv);
	json_t *reply = ask(&r);
	if (r.db_arguments && json_object_get(reply, "result"))
		open_db(&r, reply);
	int status = print_reply(&r, reply);
	json_decref(reply);
	json_decref(r.params);
	free(control);
	return status;
}
