#include "sdp_answer.h"

#include "text.h"

#include <string.h>

/** Which way media flow, as the describing side sees it. */
enum { INACTIVE = 0, SENDS = 1, RECEIVES = 2, BOTH = SENDS | RECEIVES };

static const char *const attributes[] = {"a=inactive", "a=sendonly", "a=recvonly", "a=sendrecv"};

/** What stands before the first m= line, or one stream with what belongs to it. */
struct section {
	const char *begin, *end;
};

static bool is_stream(const char *at, const char *end)
{
	return end - at >= 2 && at[0] == 'm' && at[1] == '=';
}

/** The section after `at`, which is empty at the end. */
static struct section section_at(const char *at, const char *end)
{
	struct section s = {at, at};

	if (at < end)
		do
			sdp_line(s.end, end, &s.end);
		while (s.end < end && !is_stream(s.end, end));
	return s;
}

/** @return -1 when this line says nothing of it */
static int flow_of_line(const char *line, size_t n)
{
	for (int flow = INACTIVE; flow <= BOTH; flow++)
		if (n == strlen(attributes[flow]) && !memcmp(line, attributes[flow], n))
			return flow;
	return -1;
}

static int flow_of(const struct section *s, int otherwise)
{
	const char *next;

	for (const char *at = s->begin; at < s->end; at = next) {
		size_t n = sdp_line(at, s->end, &next);
		int flow = flow_of_line(at, n);

		otherwise = flow < 0 ? otherwise : flow;
	}
	return otherwise;
}

/** The port in a line "m=audio 4000 RTP/AVP 0". @return its length, 0 without */
static size_t find_port(const char *line, size_t n, const char **out)
{
	const char *blank = memchr(line, ' ', n), *end;

	if (!blank)
		return 0;
	*out = blank + 1;
	end = memchr(*out, ' ', n - (size_t)(*out - line));
	return end ? (size_t)(end - *out) : 0;
}

static bool is_refused(const struct section *stream)
{
	const char *next, *port;
	size_t n = sdp_line(stream->begin, stream->end, &next);

	n = find_port(stream->begin, n, &port);
	return n && port[0] == '0' && (n == 1 || port[1] == '/');
}

static void write_refused(struct text *t, const struct section *stream)
{
	const char *next, *port;
	size_t n = sdp_line(stream->begin, stream->end, &next);

	n = find_port(stream->begin, n, &port);
	if (!n)
		port = stream->begin;
	text_add_bytes(t, stream->begin, (size_t)(port - stream->begin));
	if (n)
		text_add(t, "0");
	text_add_bytes(t, port + n, (size_t)(stream->end - port) - n);
}

static void write_flowing(struct text *t, const struct section *stream, int flow)
{
	const char *next;

	for (const char *at = stream->begin; at < stream->end; at = next) {
		size_t n = sdp_line(at, stream->end, &next);

		if (flow_of_line(at, n) < 0)
			text_add_bytes(t, at, (size_t)(next - at));
	}
	if (stream->end[-1] != '\n')
		text_add(t, "\r\n");
	text_add_all(t, attributes[flow], "\r\n", NULL);
}

/** What the other side sends we receive, and the other way round. */
static int mirrored(int flow)
{
	return (flow & SENDS ? RECEIVES : 0) | (flow & RECEIVES ? SENDS : 0);
}

void sdp_answer_write(struct text *t, const struct sdp_span *description, const struct sdp_span *offer)
{
	const char *end = description->data + description->len, *offer_end = offer->data + offer->len;
	struct section ours = section_at(description->data, end), theirs = section_at(offer->data, offer_end);
	const int our_default = flow_of(&ours, BOTH), their_default = flow_of(&theirs, BOTH);

	text_add_bytes(t, ours.begin, (size_t)(ours.end - ours.begin));
	while (ours.end < end) {
		ours = section_at(ours.end, end);
		theirs = section_at(theirs.end, offer_end);
		int flow = flow_of(&ours, our_default);
		int allowed = flow & mirrored(flow_of(&theirs, their_default));

		if (theirs.begin < theirs.end && is_refused(&theirs))
			write_refused(t, &ours);
		else if (theirs.begin < theirs.end && allowed != flow)
			write_flowing(t, &ours, allowed);
		else
			text_add_bytes(t, ours.begin, (size_t)(ours.end - ours.begin));
	}
}
