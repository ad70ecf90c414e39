#include "scan.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool begins(const struct scan *s, size_t at, const char *text)
{
	size_t n = strlen(text);

	return s->n - at >= n && !memcmp(s->data + at, text, n);
}

bool scan_is_request(const struct scan *s, const char *method)
{
	size_t n = strlen(method);

	return begins(s, 0, method) && s->n > n && s->data[n] == ' ';
}

bool scan_uri_begins(const struct scan *s, const char *text)
{
	const char *blank = memchr(s->data, ' ', s->n);
	size_t at = blank ? (size_t)(blank - s->data) + 1 : s->n, n = strlen(text);

	return s->n - at >= n && !strncasecmp(s->data + at, text, n);
}

/** The end of the line, folds included: behind its line end. */
static size_t line_end(const struct scan *s, size_t at)
{
	do {
		const char *lf = memchr(s->data + at, '\n', s->n - at);

		if (!lf)
			return s->n;
		at = (size_t)(lf - s->data) + 1;
	} while (at < s->n && is_blank(s->data[at]));
	return at;
}

/** The length of this header's name and colon at the begin of a line; 0 = it is another one. */
static size_t match_name(const struct scan *s, size_t at, const char *name, char compact)
{
	size_t n = strlen(name), i = at;

	if (s->n - at >= n && !strncasecmp(s->data + at, name, n))
		i += n;
	else if (compact && (s->data[at] | 0x20) == compact)
		i++;
	else
		return 0;
	while (i < s->n && is_blank(s->data[i]))
		i++;
	return i < s->n && s->data[i] == ':' ? i + 1 - at : 0;
}

bool scan_header(const struct scan *s, const char *name, char compact, size_t *from, struct scan *value)
{
	size_t at = *from ? *from : line_end(s, 0), end;

	for (; at < s->n && s->data[at] != '\r' && s->data[at] != '\n'; at = end) {
		size_t skip = match_name(s, at, name, compact);

		end = line_end(s, at);
		if (!skip)
			continue;
		*from = end;
		*value = (struct scan){.data = s->data + at + skip, .n = end - at - skip};
		while (value->n && is_blank(value->data[0]))
			value->data++, value->n--;
		while (value->n && strchr("\r\n \t", value->data[value->n - 1]))
			value->n--;
		return true;
	}
	*from = s->n;
	return false;
}

bool scan_sent_by(const struct scan *via, struct scan *host, struct scan *port)
{
	const char *at = via->data, *end = via->data + via->n;

	while (at < end && !is_blank(*at)) /* SIP/2.0/UDP */
		at++;
	while (at < end && is_blank(*at))
		at++;
	host->data = at;
	if (at < end && *at == '[')
		while (at < end && *at != ']')
			at++;
	while (at < end && !strchr(":;, \t\r\n", *at))
		at++;
	host->n = (size_t)(at - host->data);
	port->data = at < end && *at == ':' ? ++at : at;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	port->n = (size_t)(at - port->data);
	return host->n > 0;
}

bool scan_parameter(const struct scan *value, const char *name, struct scan *out)
{
	size_t n = strlen(name), at = 0;
	bool quoted = false, bracketed = false;

	for (; at < value->n && (quoted || bracketed || value->data[at] != ','); at++) {
		char c = value->data[at];

		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\')
			at++;
		else if (!quoted && (c == '<' || c == '>'))
			bracketed = c == '<';
		if (quoted || bracketed || c != ';')
			continue;
		while (at + 1 < value->n && is_blank(value->data[at + 1]))
			at++;
		if (value->n - at - 1 <= n || strncasecmp(value->data + at + 1, name, n) ||
			value->data[at + 1 + n] != '=')
			continue;
		out->data = value->data + at + 1 + n + 1;
		out->n = 0;
		while (out->data + out->n < value->data + value->n &&
			!strchr(";, \t\r\n>", out->data[out->n]))
			out->n++;
		return true;
	}
	return false;
}
