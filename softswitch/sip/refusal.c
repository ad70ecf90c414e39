#include "refusal.h"

#include "address.h"
#include "datagram.h"
#include "text.h"
#include "token.h"

#include <string.h>
#include <strings.h>

enum { RETRY_AFTER_S = 5 };

/** To tags of our refusals begin so. */
static const char refusal_tag[] = "busy-";

/** The topmost Via, and others behind a comma. */
struct top {
	struct scan value;
	size_t n;          /* bytes of the topmost one alone */
	const char *rport; /* behind ";rport"; NULL = it has none, or one with a value */
};

static void read_top(struct top *top, const struct scan *via)
{
	static const char name[] = ";rport";
	const size_t n = sizeof(name) - 1;
	const char *comma = memchr(via->data, ',', via->n), *at = via->data;

	top->value = *via;
	top->n = comma ? (size_t)(comma - via->data) : via->n;
	top->rport = NULL;
	for (const char *end = at + top->n; !top->rport && (at = memchr(at, ';', (size_t)(end - at))); at++)
		if ((size_t)(end - at) >= n && !strncasecmp(at, name, n) &&
			(at + n == end || strchr("; \t", at[n])))
			top->rport = at + n;
}

/** The topmost Via with the source it came from (RFC 3261 section 18.2.1, RFC 3581 section 4). */
static void add_top(struct text *t, const struct top *top, const struct sockaddr *source)
{
	char host[ADDRESS_HOST_MAX];
	const char *via = top->value.data;
	const size_t n = top->rport ? (size_t)(top->rport - via) : top->n;

	address_host(source, host);
	text_add(t, "Via: ");
	text_add_bytes(t, via, n);
	if (top->rport) {
		text_add(t, "=");
		text_add_number(t, address_port(source));
		text_add_bytes(t, via + n, top->n - n);
	}
	text_add_all(t, ";received=", host, NULL);
	text_add_bytes(t, via + top->n, top->value.n - top->n);
	text_add(t, "\r\n");
}

/** Where the answer goes: to the source, but to the port of the Via without rport (RFC 3261 section 18.2.2). */
static void answer_address(const struct top *top, const struct sockaddr *source, struct sockaddr_storage *out)
{
	char text[8] = "";
	struct scan host, port;

	memcpy(out, source, address_length(source));
	if (top->rport || !scan_sent_by(&top->value, &host, &port))
		return;
	if (port.n < sizeof(text))
		memcpy(text, port.data, port.n);
	address_set_port((struct sockaddr *)out, address_parse_port(text, 5060));
}

/** What an answer repeats. */
enum { FROM, TO, CALL_ID, CSEQ, REPEATED };
static const struct {
	const char *name;
	char compact;
} repeated[REPEATED] = {{"From", 'f'}, {"To", 't'}, {"Call-ID", 'i'}, {"CSeq", 0}};
static const char initials[] = "vVfFtTiIcC"; /* of their names, and of Via */

/**
 * Add the Vias, and find the first of each other header, all in one look.
 *
 * @return false when one is missing
 */
static bool read_headers(struct text *t, const struct scan *invite, const struct sockaddr *source,
	struct top *top, struct scan value[REPEATED])
{
	struct scan line, via;
	unsigned found = 0;

	top->n = 0;
	for (size_t at = 0; scan_line(invite, &at, &line);) {
		if (!memchr(initials, line.data[0], sizeof(initials) - 1))
			continue;
		if (scan_value(&line, "Via", 'v', &via)) {
			if (top->n) {
				text_add(t, "Via: ");
				text_add_bytes(t, via.data, via.n);
				text_add(t, "\r\n");
			} else {
				read_top(top, &via);
				add_top(t, top, source);
			}
			continue;
		}
		for (unsigned i = 0; i < REPEATED; i++)
			if (!(found & 1u << i) &&
				scan_value(&line, repeated[i].name, repeated[i].compact, &value[i]))
				found |= 1u << i;
	}
	return top->n && found == (1u << REPEATED) - 1;
}

static void add_repeated(struct text *t, unsigned which, const struct scan value[REPEATED])
{
	text_add_all(t, repeated[which].name, ": ", NULL);
	text_add_bytes(t, value[which].data, value[which].n);
}

void refusal_send(const struct hop_listener *l, const struct scan *invite, const struct sockaddr *source)
{
	struct top top;
	struct scan value[REPEATED];
	struct sockaddr_storage back;
	struct text t = text_scratch();

	text_add(&t, "SIP/2.0 503 Service Unavailable\r\n");
	if (!read_headers(&t, invite, source, &top, value))
		return;
	add_repeated(&t, FROM, value);
	text_add(&t, "\r\n");
	add_repeated(&t, TO, value);
	text_add_all(&t, ";tag=", refusal_tag, NULL);
	/* An INVITE that is resent gets the same (RFC 3261 section 8.2.7). */
	text_add_number(&t, token_hash_bytes(0, top.value.data, top.value.n) & 0xffffffff);
	text_add(&t, "\r\n");
	add_repeated(&t, CALL_ID, value);
	text_add(&t, "\r\n");
	add_repeated(&t, CSEQ, value);
	text_add(&t, "\r\nRetry-After: ");
	text_add_number(&t, RETRY_AFTER_S);
	text_add(&t, "\r\nContent-Length: 0\r\n\r\n");
	answer_address(&top, source, &back);
	if (!t.full && t.len <= 2 * invite->n) /* its source may be forged */
		datagram_send_soon(l->datagram, t.data, t.len, (struct sockaddr *)&back);
}

bool refusal_is_acknowledged(const struct scan *s)
{
	const size_t n = sizeof(refusal_tag) - 1;
	struct scan to, tag;

	return scan_is_request(s, "ACK") && scan_header(s, "To", 't', &(size_t){0}, &to) &&
		scan_parameter(&to, "tag", &tag) && tag.n > n && !memcmp(tag.data, refusal_tag, n);
}
