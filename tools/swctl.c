/* swctl: sends a request to a running switch over its control socket and prints the answer for people or programs. */
#include "control_path.h"
#include "swctl_client.h"
#include "swctl_files.h"
#include "swctl_hash.h"
#include "swctl_restart.h"

#include <jansson.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS_MAX = 16, NAME_COLUMN = 28 };

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
	"  endpoints [limit=N] [offset=N]            phones, PBXs and gateways that register with us, and where they are\n"
	"  endpoint NAME                             everything about one endpoint, with all its bindings\n"
	"  kick NAME                                 end the bindings of an endpoint; it may register again\n"
	"  bans [limit=N] [offset=N]                 who may not register for a while: wrong passwords, from where\n"
	"  ban USER SOURCE [seconds=N]               let nobody at that address register as this user, for an hour\n"
	"  unban USER SOURCE                         listen to them again\n" SWCTL_HASH_USAGE
	"  strangers [limit=N] [offset=N]            what was refused, dropped or odd: by source and reason, the last one first\n"
	"  lookup CALLEE [caller=..] [ingress=..]    the routing plan for a number, and why gateways are left out\n"
	"  restart [--upgrade BINARY] [--yes]        say what a restart does, ask, and restart: calls and registrations go on\n"
	"  db [ARGUMENT]...                          run sqlite3 on the configuration of the running switch\n" SWCTL_FILES_USAGE
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
	char **db_arguments;      /* of `db`, else NULL */
	char **restart_arguments; /* of `restart`, else NULL */
	char **file_words;        /* of a command on files, with its name; else NULL */
	char **hash_words;        /* of `hash`, else NULL */
};

/** Add "key=value"; only limit, offset and seconds are numbers, so a telephone number stays text. */
static void add_param(json_t *params, const char *word)
{
	static const char *const numbers[] = {"limit", "offset", "seconds"};
	const char *equals = strchr(word, '=');
	if (!equals || equals == word)
		swctl_client_die("%s: parameters have the form key=value", word);
	char *end, *key = strndup(word, (size_t)(equals - word));
	json_t *value = NULL;
	for (unsigned i = 0; key && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(key, numbers[i]) == 0) {
			value = json_integer(strtoll(equals + 1, &end, 10));
			if (end == equals + 1 || *end)
				swctl_client_die("%s: not a whole number", word);
		}
	if (!value)
		value = json_string(equals + 1);
	if (!key || json_object_set_new(params, key, value) != 0)
		swctl_client_die("%s: not UTF-8", word);
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
		{"endpoints", "endpoints.list"}, {"bans", "bans.list"}, {"strangers", "strangers.list"}};
	static const char *const named[][2] = {{"gateway", "gateways.get"}, {"endpoint", "endpoints.get"},
		{"kick", "endpoints.kick"}, {"register", "registrations.register"},
		{"unregister", "registrations.unregister"}};
	const char *command = *words++;
	r->method = command;
	for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(command, verbs[i][0]) == 0)
			r->method = verbs[i][1];
	for (unsigned i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (strcmp(command, named[i][0]) == 0) {
			if (!words[0] || words[1])
				swctl_client_die("%s: expected one NAME", command);
			r->method = named[i][1];
			json_object_set_new(r->params, "name", json_string(*words));
			return;
		}
	if (swctl_files_is(command)) {
		r->file_words = words - 1;
	} else if (strcmp(command, "db") == 0) {
		r->method = "system.status";
		r->db_arguments = words;
	} else if (strcmp(command, "restart") == 0) {
		r->restart_arguments = words;
	} else if (strcmp(command, "hash") == 0) {
		r->hash_words = words;
	} else if (strcmp(command, "lookup") == 0) {
		if (!*words)
			swctl_client_die("lookup: expected a CALLEE");
		r->method = "routes.lookup";
		json_object_set_new(r->params, "callee", json_string(*words));
		add_params(r->params, words + 1);
	} else if (strcmp(command, "ban") == 0 || strcmp(command, "unban") == 0) {
		if (!words[0] || !words[1])
			swctl_client_die("%s: expected a USER and a SOURCE", command);
		r->method = *command == 'b' ? "bans.add" : "bans.lift";
		json_object_set_new(r->params, "user", json_string(words[0]));
		json_object_set_new(r->params, "source", json_string(words[1]));
		add_params(r->params, words + 2);
	} else if (strcmp(command, "call") == 0) {
		if (!words[0] || !words[1] || words[2])
			swctl_client_die("call: expected METHOD and its parameters as one JSON object");
		json_decref(r->params);
		r->method = words[0];
		r->params = json_loads(words[1], JSON_REJECT_DUPLICATES, NULL);
		if (!r->params)
			swctl_client_die("call: %s: malformed JSON", words[1]);
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
			swctl_client_die("%s: unknown option, or its value is missing\n%s", *words, usage);
		}
	}
	if (!*words)
		swctl_client_die("expected a COMMAND\n%s", usage);
	parse_command(r, words);
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
		swctl_client_die("out of memory");
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
static const char *const endpoint_columns[] = {"name", "number", "enabled", "contacts", "calls", "source",
	"transport", "nat", "expires_s", "user_agent", NULL};
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
			swctl_client_die("out of memory");
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
	if (error)
		return swctl_client_refused(r->method, reply);
	if (r->json || !json_is_object(result)) {
		json_dumpf(result, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
		putchar('\n');
	} else {
		if (strcmp(r->method, "gateways.list") == 0)
			keep_columns(json_object_get(result, "gateways"), gateway_columns);
		if (strcmp(r->method, "endpoints.list") == 0)
			keep_columns(json_object_get(result, "endpoints"), endpoint_columns);
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
		swctl_client_die("%s: the switch does not report its database", r->control);
	while (r->db_arguments[n])
		n++;
	const char **command = calloc(n + 4, sizeof(*command));
	if (!command)
		swctl_client_die("out of memory");
	command[0] = "sqlite3";
	command[1] = path;
	memcpy(command + 2, r->db_arguments, n * sizeof(*command));
	execvp("sqlite3", (char *const *)(uintptr_t)command);
	swctl_client_die("sqlite3: %s%s", strerror(errno), errno == ENOENT ? " (apt install sqlite3)" : "");
}

static int run(const struct request *r)
{
	if (r->restart_arguments)
		return swctl_restart(r->control, r->json, r->restart_arguments);
	if (r->file_words)
		return swctl_files(r->control, r->file_words);
	if (r->hash_words)
		return swctl_hash(r->control, r->json, r->hash_words);
	json_t *reply = swctl_client_ask(r->control, r->method, r->params);
	if (r->db_arguments && json_object_get(reply, "result"))
		open_db(r, reply);
	int status = print_reply(r, reply);
	json_decref(reply);
	return status;
}

int main(int argc, char **argv)
{
	char *control = control_path(CONTROL_PATH_RUN, "softswitch.sock");
	struct request r = {.control = control, .params = json_object()};
	(void)argc;
	if (!control)
		swctl_client_die("out of memory");
	parse(&r, argv);
	int status = run(&r);
	json_decref(r.params);
	free(control);
	return status;
}
