#include "swctl_restart.h"

#include "swctl_client.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000, LOOK_MS = 20 };

static void parse(char **words, json_t *params, bool *yes)
{
	for (; *words; words++) {
		char *folder = NULL, *path = NULL;

		if (strcmp(*words, "--yes") == 0) {
			*yes = true;
			continue;
		}
		if (strcmp(*words, "--upgrade") || !words[1])
			swctl_client_die("restart: %s: expected --upgrade BINARY or --yes", *words);
		words++;
		if (**words != '/') /* the switch may run in another folder */
			folder = getcwd(NULL, 0);
		if (asprintf(&path, "%s%s%s", folder ? folder : "", folder ? "/" : "", *words) < 0 ||
			json_object_set_new(params, "binary", json_string(path)))
			swctl_client_die("restart: %s: not UTF-8", *words);
		free(folder);
		free(path);
	}
}

static void print_plan(const json_t *plan)
{
	static const char *const lines[][2] = {{"calls_kept", "calls that go on"},
		{"calls_ended", "calls that end, since SS_CALL_RECOVERY is Off"},
		{"calls_setup", "of them being set up"}, {"registrations", "registrations that go on"},
		{"connections_closed", "TCP and TLS connections that are closed"}};

	printf("%s, version %s\n", json_string_value(json_object_get(plan, "binary")),
		json_string_value(json_object_get(plan, "version")));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const json_int_t n = json_integer_value(json_object_get(plan, lines[i][0]));

		if (n || strcmp(lines[i][0], "calls_ended"))
			printf("%8lld %s\n", (long long)n, lines[i][1]);
	}
	fflush(stdout);
}

static bool is_confirmed(void)
{
	char answer[8] = "";

	if (!isatty(STDIN_FILENO))
		return true;
	fputs("Restart? [y/N] ", stdout);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/** Another process has been up for less time than has passed. @return its status, of the present one at last; NULL without any */
static json_t *wait_for_next(const char *control, int64_t since_ms, bool *next)
{
	static const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	json_t *params = json_object(), *reply = NULL;

	for (*next = false; !*next && now_ms() - since_ms < PATIENCE_MS; nanosleep(&pause, NULL)) {
		json_decref(reply);
		reply = swctl_client_try(control, "system.status", params);
		*next = reply &&
			json_integer_value(json_object_get(json_object_get(reply, "result"), "uptime_ms")) <
				now_ms() - since_ms;
	}
	json_decref(params);
	return reply;
}

static int report(const char *control, int64_t since_ms, bool json)
{
	bool next;
	json_t *reply = wait_for_next(control, since_ms, &next);
	const json_t *status = json_object_get(reply, "result");

	if (!next) {
		fprintf(stderr,
			reply ? "swctl: restart: the switch has not been restarted; its log says why\n"
			      : "swctl: restart: no switch answers any more\n");
		json_decref(reply);
		return SWCTL_CLIENT_REFUSED;
	}
	if (json) {
		json_dumpf(status, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		printf("restarted, version %s, %lld calls\n",
			json_string_value(json_object_get(status, "version")),
			(long long)json_integer_value(
				json_object_get(json_object_get(status, "calls"), "active")));
	}
	json_decref(reply);
	return 0;
}

int swctl_restart(const char *control, bool json, char **words)
{
	json_t *params = json_object(), *reply;
	const char *method = "system.restart.check";
	bool yes = json, refused;
	int64_t since_ms;

	parse(words, params, &yes);
	reply = swctl_client_ask(control, method, params);
	refused = json_object_get(reply, "error");
	if (!refused && !json)
		print_plan(json_object_get(reply, "result"));
	if (!refused && !yes && !is_confirmed())
		return SWCTL_CLIENT_REFUSED;
	since_ms = now_ms();
	if (!refused) {
		method = "system.restart";
		json_decref(reply);
		reply = swctl_client_ask(control, method, params);
		refused = json_object_get(reply, "error");
	}
	if (refused)
		swctl_client_refused(method, reply);
	json_decref(reply);
	json_decref(params);
	return refused ? SWCTL_CLIENT_REFUSED : report(control, since_ms, json);
}
