#include "stream_frame.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_line_end(char c)
{
	return c == '\r' || c == '\n';
}

size_t stream_frame_skip(const char *data, size_t n, unsigned *pings)
{
	size_t i = 0;

	*pings = 0;
	while (i < n && is_line_end(data[i])) {
		if (n - i < 4 && !memcmp(data + i, "\r\n\r\n", n - i))
			break;
		if (n - i >= 4 && !memcmp(data + i, "\r\n\r\n", 4)) {
			++*pings;
			i += 4;
		} else {
			i++;
		}
	}
	return i;
}

/** @return where the value of this line begins when it is a Content-Length; 0 = it is not */
static size_t length_value(const char *line, size_t n)
{
	static const char name[] = "Content-Length";
	size_t i = n && (line[0] == 'l' || line[0] == 'L') ? 1 : sizeof(name) - 1;

	if (i > 1 && (n < i || strncasecmp(line, name, i)))
		return 0;
	while (i < n && is_blank(line[i]))
		i++;
	return i < n && line[i] == ':' ? i + 1 : 0;
}

/** The value may be folded, so it is read once the next line shows where it ends. */
static void read_length(struct stream_frame *f, const char *data, size_t end, size_t max)
{
	size_t i = f->length, value = 0;
	bool digits = false, large = false;

	f->length = 0;
	while (i < end && (is_blank(data[i]) || is_line_end(data[i])))
		i++;
	for (; i < end && data[i] >= '0' && data[i] <= '9'; i++) {
		digits = true;
		if (!large)
			value = 10 * value + (size_t)(data[i] - '0');
		large = large || value > max;
	}
	while (i < end && (is_blank(data[i]) || is_line_end(data[i])))
		i++;
	if (i < end || !digits || (f->declared && value != f->body))
		f->unreadable = true;
	f->too_large = f->too_large || large;
	f->declared = true;
	f->body = value;
}

/** A start line names the protocol, at its begin or its end. */
static bool is_start_line(const char *line, size_t n)
{
	for (size_t i = 0; i + 4 <= n; i++)
		if (!strncasecmp(line + i, "SIP/", 4))
			return true;
	return false;
}

static int take_line(struct stream_frame *f, const char *data, size_t end, size_t max)
{
	const char *line = data + f->line;
	size_t n = end - f->line, value;

	if (f->line == 0)
		return is_start_line(line, n) ? 0 : -EPROTO;
	if (n && is_blank(line[0]))
		return 0;
	if (f->length)
		read_length(f, data, f->line, max);
	value = length_value(line, n);
	if (value)
		f->length = f->line + value;
	return 0;
}

/** @return 1 the headers are complete; 0; -EPROTO */
static int read_head(struct stream_frame *f, const char *data, size_t n, size_t max)
{
	for (;;) {
		size_t end;

		while (f->at < n && !is_line_end(data[f->at]) && data[f->at])
			f->at++;
		if (f->at < n && !data[f->at])
			return -EPROTO;
		if (f->at == n || (data[f->at] == '\r' && f->at + 1 == n))
			return 0; /* CR may be half of CRLF */
		end = f->at;
		if (take_line(f, data, end, max))
			return -EPROTO;
		f->at += data[end] == '\r' && data[end + 1] == '\n' ? 2 : 1;
		if (end == f->line) {
			f->head = f->at;
			return 1;
		}
		f->line = f->at;
	}
}

int stream_frame_read(struct stream_frame *f, const char *data, size_t n, size_t max)
{
	int result;

	if ((unsigned char)data[0] <= ' ' || (unsigned char)data[0] >= 0x7f)
		return -EPROTO;
	if (!f->head) {
		result = read_head(f, data, n, max);
		if (result < 0)
			return result;
		if (!result)
			return n > max ? -EMSGSIZE : 0;
	}
	if (f->unreadable || !f->declared)
		return -EBADMSG;
	if (f->too_large || f->head + f->body > max)
		return -EMSGSIZE;
	return n >= f->head + f->body;
}

void stream_frame_hide_length(char *head, size_t n)
{
	for (size_t line = 0, i = 0; i < n; i++) {
		if (!is_line_end(head[i]))
			continue;
		if (length_value(head + line, i - line))
			head[line] = '-';
		line = i + 1;
	}
}
