#include "scan.h"

#include <string.h>
#include <strings.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/** Which characters end something: looked up, since every character of a value is asked about. */
enum { ENDS_PROTOCOL = 1, ENDS_HOST = 2, ENDS_VALUE = 4, BLANK = 8, STRUCTURE = 16 };
static const unsigned char kinds[256] = {
	['/'] = ENDS_PROTOCOL,
	['['] = ENDS_PROTOCOL,
	[':'] = ENDS_HOST | STRUCTURE,
	[';'] = ENDS_HOST | ENDS_VALUE | STRUCTURE,
	[','] = ENDS_HOST | ENDS_VALUE | STRUCTURE,
	['>'] = ENDS_VALUE | STRUCTURE,
	['<'] = STRUCTURE,
	['"'] = STRUCTURE,
	['\\'] = STRUCTURE,
	[' '] = BLANK,
	['\t'] = BLANK,
	['\r'] = BLANK,
	['\n'] = BLANK,
};

static bool is_any(char c, int of)
{
	return kinds[(unsigned char)c] & of;
}

/** Blanks and folds, between the words of a value. */
static bool is_lws(char c)
{
	return is_any(c, BLANK);
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

/** The end of this one line: behind its CR LF, LF or, as the parser has it, CR. */
static size_t next_line(const struct scan *s, size_t at)
{
	const char *lf = memchr(s->data + at, '\n', s->n - at);
	size_t n = lf ? (size_t)(lf - s->data) : s->n;
	const char *cr = memchr(s->data + at, '\r', n - at);

	if (cr && cr + 1 != lf)
		return (size_t)(cr - s->data) + 1;
	return lf ? n + 1 : s->n;
}

/** The same with the lines folded onto it. */
static size_t line_end(const struct scan *s, size_t at)
{
	do
		at = next_line(s, at);
	while (at < s->n && is_blank(s->data[at]));
	return at;
}

/** Nothing is folded onto the start line: blanks behind it are skipped. */
static size_t first_header(const struct scan *s)
{
	size_t at = next_line(s, 0);

	while (at < s->n && is_blank(s->data[at]))
		at++;
	return at;
}

/** The length of this header's name and colon; 0 = it is another one. */
static size_t match_name(const struct scan *line, const char *name, char compact)
{
	size_t n = strlen(name), i = 0;

	if ((line->data[0] ^ name[0]) & ~0x20 && (line->data[0] | 0x20) != compact)
		return 0;
	if (line->n >= n && !strncasecmp(line->data, name, n))
		i = n;
	else if (compact && (line->data[0] | 0x20) == compact)
		i = 1;
	else
		return 0;
	while (i < line->n && is_lws(line->data[i]))
		i++;
	return i < line->n && line->data[i] == ':' ? i + 1 : 0;
}

bool scan_line(const struct scan *s, size_t *from, struct scan *line)
{
	size_t at = *from ? *from : first_header(s);

	*from = s->n;
	if (at >= s->n || s->data[at] == '\r' || s->data[at] == '\n')
		return false;
	*from = line_end(s, at);
	*line = (struct scan){.data = s->data + at, .n = *from - at};
	return true;
}

bool scan_value(const struct scan *line, const char *name, char compact, struct scan *value)
{
	size_t skip = match_name(line, name, compact);

	if (!skip)
		return false;
	*value = (struct scan){.data = line->data + skip, .n = line->n - skip};
	while (value->n &&
		(is_lws(value->data[0]) || value->data[0] == ',')) /* a list may begin with an empty value */
		value->data++, value->n--;
	while (value->n && is_lws(value->data[value->n - 1]))
		value->n--;
	return true;
}

bool scan_header(const struct scan *s, const char *name, char compact, size_t *from, struct scan *value)
{
	struct scan line;

	while (scan_line(s, from, &line))
		if (scan_value(&line, name, compact, value))
			return true;
	return false;
}

/** Blanks between the words of a value, folds included. */
static const char *skip_lws(const char *at, const char *end)
{
	while (at < end && is_lws(*at))
		at++;
	return at;
}

/** Behind "SIP/2.0/UDP", where blanks may stand around each "/" (RFC 3261 section 25.1); NULL = it is something else. */
static const char *skip_protocol(const char *at, const char *end)
{
	for (unsigned i = 0; i < 3; i++) {
		if (i > 0 && (at == end || *at++ != '/'))
			return NULL;
		for (at = skip_lws(at, end); at < end && !is_any(*at, ENDS_PROTOCOL | BLANK);)
			at++;
		at = skip_lws(at, end);
	}
	return at;
}

bool scan_sent_by(const struct scan *via, struct scan *host, struct scan *port)
{
	const char *end = via->data + via->n, *at = skip_protocol(via->data, end);

	if (!at)
		return false;
	host->data = at;
	if (at < end && *at == '[')
		while (at < end && *at != ']')
			at++;
	while (at < end && !is_any(*at, ENDS_HOST | BLANK))
		at++;
	host->n = (size_t)(at - host->data);
	at = skip_lws(at, end);
	port->data = at < end && *at == ':' ? skip_lws(at + 1, end) : at;
	for (at = port->data; at < end && *at >= '0' && *at <= '9';)
		at++;
	port->n = (size_t)(at - port->data);
	return host->n > 0;
}

/** Is this parameter the one? @param at  behind its ";" */
static bool match_parameter(const char *at, const char *end, const char *name, struct scan *out)
{
	size_t n = strlen(name);

	at = skip_lws(at, end);
	if ((size_t)(end - at) <= n || strncasecmp(at, name, n))
		return false;
	at = skip_lws(at + n, end);
	if (at == end || *at != '=')
		return false;
	out->data = at = skip_lws(at + 1, end);
	while (at < end && !is_any(*at, ENDS_VALUE | BLANK))
		at++;
	out->n = (size_t)(at - out->data);
	return true;
}

/** The last character before this one that is no blank; 0 = there is none. */
static char before(const struct scan *value, size_t at)
{
	while (at > 0 && is_lws(value->data[at - 1]))
		at--;
	return at > 0 ? value->data[at - 1] : '\0';
}

/** Only a whole name or value is quoted. */
static bool may_quote(const struct scan *value, size_t at, bool in_name)
{
	char c = before(value, at);

	return !c || (c == '=' && !in_name);
}

bool scan_parameter(const struct scan *value, const char *name, struct scan *out)
{
	bool quoted = false, bracketed = false, found = false, in_name = true; /* until a URI begins */

	for (size_t at = 0; at < value->n && (quoted || bracketed || value->data[at] != ','); at++) {
		char c = value->data[at];

		if (!is_any(c, STRUCTURE))
			continue;
		if (quoted && c == '\\')
			at++;
		else if (c == '"' && (quoted || may_quote(value, at, in_name)))
			quoted = !quoted;
		else if (!quoted && c == (bracketed ? '>' : '<'))
			bracketed = !bracketed && in_name;
		else if (!quoted && !bracketed && c == ';')
			found |= match_parameter(value->data + at + 1, value->data + value->n, name, out);
		in_name = in_name && (quoted || bracketed || (c != ':' && c != ';' && c != '>'));
	}
	return found;
}

/** The first of these two characters that does not stand in quotes. @return the end if there is none */
static size_t find_unquoted(const struct scan *value, size_t at, char one, char other)
{
	bool quoted = false;

	for (; at < value->n && (quoted || (value->data[at] != one && value->data[at] != other)); at++) {
		if (value->data[at] == '"')
			quoted = !quoted;
		else if (quoted && value->data[at] == '\\')
			at++;
	}
	return at < value->n ? at : value->n;
}

static void trim(struct scan *s)
{
	while (s->n && is_lws(s->data[0]))
		s->data++, s->n--;
	while (s->n && is_lws(s->data[s->n - 1]))
		s->n--;
}

bool scan_address(const struct scan *value, size_t *from, struct scan *uri)
{
	size_t at = *from, end;

	while (at < value->n && (is_lws(value->data[at]) || value->data[at] == ','))
		at++;
	if (at == value->n)
		return false;
	end = find_unquoted(value, at, '<', ',');
	if (end < value->n && value->data[end] == '<') {
		const char *begin = value->data + end + 1;
		const char *close = memchr(begin, '>', value->n - end - 1);

		uri->data = begin;
		uri->n = close ? (size_t)(close - begin) : 0;
		*from = close ? find_unquoted(value, (size_t)(close - value->data), ',', ',') : value->n;
	} else {
		uri->data = value->data + at;
		for (uri->n = 0; at < end && value->data[at] != ';'; at++)
			uri->n++;
		*from = end;
	}
	trim(uri);
	return true;
}
