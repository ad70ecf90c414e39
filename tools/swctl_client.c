#include "swctl_client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_TIMEOUT_S = 10 /* longer than a new program may take to say whether it can go on */ };

void swctl_client_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("swctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(SWCTL_CLIENT_USAGE);
}

/** @return a stream over the control socket; NULL with errno */
static FILE *connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	FILE *stream = NULL;
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		swctl_client_die("%s: the path is too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		stream = fdopen(fd, "r+");
	if (stream)
		return stream;
	err = errno;
	close(fd);
	errno = err;
	return NULL;
}

static void write_question(FILE *stream, const char *method, json_t *params)
{
	json_t *question = json_pack(
		"{s:s, s:i, s:s, s:O}", "jsonrpc", "2.0", "id", 1, "method", method, "params", params);

	if (!question)
		swctl_client_die("%s: not UTF-8", method);
	json_dumpf(question, stream, JSON_COMPACT);
	json_decref(question);
	fputc('\n', stream);
	fflush(stream);
}

json_t *swctl_client_try(const char *control, const char *method, json_t *params)
{
	FILE *stream = connect_to(control);
	json_t *reply = NULL;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int err;

	if (!stream)
		return NULL;
	write_question(stream, method, params);
	n = getline(&line, &size, stream);
	err = feof(stream) ? ECONNRESET : errno;
	if (n >= 0)
		reply = json_loadb(line, (size_t)n, 0, NULL);
	free(line);
	fclose(stream);
	if (n >= 0 && !json_is_object(reply))
		swctl_client_die("%s: not a reply from a switch", control);
	errno = err;
	return reply;
}

json_t *swctl_client_ask(const char *control, const char *method, json_t *params)
{
	json_t *reply = swctl_client_try(control, method, params);

	if (reply)
		return reply;
	swctl_client_die("no switch answers at %s: %s%s", control, strerror(errno),
		errno == ENOENT ? " (use --control SOCKET for another one)" : "");
}

int swctl_client_refused(const char *method, const json_t *reply)
{
	const char *words = json_string_value(json_object_get(json_object_get(reply, "error"), "message"));

	fprintf(stderr, "swctl: %s: ", method);
	for (words = words ? words : ""; *words; words++) /* a terminal would obey control characters */
		fputc((unsigned char)*words < 0x20 || *words == 0x7f ? '?' : *words, stderr);
	fputc('\n', stderr);
	return SWCTL_CLIENT_REFUSED;
}
