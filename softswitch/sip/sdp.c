#include "sdp.h"

#include <string.h>
#include <strings.h>

static bool is_type(const char *value, size_t len, const char *type)
{
	size_t n = strlen(type);

	while (len && (*value == ' ' || *value == '\t')) {
		value++;
		len--;
	}
	return len >= n && !strncasecmp(value, type, n);
}

/** The first line of every description is "v=0" (RFC 4566 section 5.1). */
static bool is_description(const char *data, size_t len)
{
	return len >= 3 && !memcmp(data, "v=0", 3);
}

size_t sdp_line(const char *at, const char *end, const char **next)
{
	const char *lf = memchr(at, '\n', (size_t)(end - at));
	size_t n = (size_t)((lf ? lf : end) - at);

	*next = lf ? lf + 1 : end;
	return n && at[n - 1] == '\r' ? n - 1 : n;
}

/** The line end before a delimiter belongs to the delimiter (RFC 2046 section 5.1.1). */
static size_t part_length(const char *start, const char *delimiter)
{
	size_t n = (size_t)(delimiter - start) - 1;

	return start[n - 1] == '\r' ? n - 1 : n;
}

/** A part begins behind a line that starts with "--"; its headers end with an empty line. */
static bool find_in_parts(const char *at, const char *end, struct sdp_span *out)
{
	bool in_headers = false, wanted = false;
	const char *start = NULL;

	while (at < end) {
		const char *next;
		size_t n = sdp_line(at, end, &next);

		if (n >= 2 && !memcmp(at, "--", 2)) {
			if (start) {
				*out = (struct sdp_span){start, part_length(start, at)};
				return true;
			}
			in_headers = true;
			wanted = false;
		} else if (in_headers && n == 0) {
			in_headers = false;
			if (wanted && is_description(next, (size_t)(end - next)))
				start = next;
		} else if (in_headers && n > 13 && !strncasecmp(at, "Content-Type:", 13)) {
			wanted = is_type(at + 13, n - 13, "application/sdp");
		}
		at = next;
	}
	if (!start)
		return false;
	*out = (struct sdp_span){start, (size_t)(end - start)};
	return true;
}

bool sdp_find(const char *content_type, const char *body, size_t len, struct sdp_span *out)
{
	if (!content_type || !body)
		return false;
	if (is_type(content_type, strlen(content_type), "application/sdp")) {
		*out = (struct sdp_span){body, len};
		return is_description(body, len);
	}
	if (is_type(content_type, strlen(content_type), "multipart/"))
		return find_in_parts(body, body + len, out);
	return false;
}
