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

/** Behind ";rport" in the first Via of a value; NULL = it has none, or one with a value. */
static const char *find_rport(const struct scan *via)
{
	static const char name[] = ";rport";
	const size_t n = sizeof(name) - 1;

	for (size_t i = 0; i + n <= via->n && via->data[i] != ','; i++)
		if (via->data[i] == ';' && !strncasecmp(via->data + i, name, n) &&
			(i + n == via->n || strchr(";, \t", via->data[i + n])))
			return via->data + i + n;
	return NULL;
}

/** The topmost Via with the source it came from (RFC 3261 section 18.2.1, RFC 3581 section 4). */
static void add_first_via(struct text *t, const struct scan *via, const struct sockaddr *source)
{
	char host[ADDRESS_HOST_MAX];
	const char *rport = find_rport(via), *end = memchr(via->data, ',', via->n);
	struct scan first = {.data = via->data, .n = end ? (size_t)(end - via->data) : via->n};

	address_host(source, host);
	text_add(t, "Via: ");
	text_add_bytes(t, first.data, rport ? (size_t)(rport - first.data) : first.n);
	if (rport) {
		text_add(t, "=");
		text_add_number(t, address_port(source));
		text_add_bytes(t, rport, first.n - (size_t)(rport - first.data));
	}
	text_add_all(t, ";received=", host, NULL);
	if (end)
		text_add_bytes(t, end, via->n - first.n);
	text_add(t, "\r\n");
}

/** Where the answer goes: to the source, but to the port of the Via without rport (RFC 3261 section 18.2.2). */
static void answer_address(
	const struct scan *via, const struct sockaddr *source, struct sockaddr_storage *out)
{
	char text[8] = "";
	struct scan host, port;

	memcpy(out, source, address_length(source));
	if (find_rport(via) || !scan_sent_by(via, &host, &port))
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

/**
 * Add the Vias, and find the first of each other header, all in one look.
 *
 * @param first  the topmost Via
 * @return false when one is missing
 */
static bool read_headers(struct text *t, const struct scan *invite, const struct sockaddr *source,
	struct scan *first, struct scan value[REPEATED])
{
	struct scan line, via;
	unsigned found = 0;

	first->n = 0;
	for (size_t at = 0; scan_line(invite, &at, &line);) {
		if (scan_value(&line, "Via", 'v', &via)) {
			if (first->n) {
				text_add(t, "Via: ");
				text_add_bytes(t, via.data, via.n);
				text_add(t, "\r\n");
			} else {
				*first = via;
				add_first_via(t, &via, source);
			}
			continue;
		}
		for (unsigned i = 0; i < REPEATED; i++)
			if (!(found & 1u << i) &&
				scan_value(&line, repeated[i].name, repeated[i].compact, &value[i]))
				found |= 1u << i;
	}
	return first->n && found == (1u << REPEATED) - 1;
}

static void add_repeated(struct text *t, unsigned which, const struct scan value[REPEATED])
{
	text_add_all(t, repeated[which].name, ": ", NULL);
	text_add_bytes(t, value[which].data, value[which].n);
}

void refusal_send(const struct hop_listener *l, const struct scan *invite, const struct sockaddr *source)
{
	struct scan via, value[REPEATED];
	struct sockaddr_storage back;
	struct text t = text_scratch();

	text_add(&t, "SIP/2.0 503 Service Unavailable\r\n");
	if (!read_headers(&t, invite, source, &via, value))
		return;
	add_repeated(&t, FROM, value);
	text_add(&t, "\r\n");
	add_repeated(&t, TO, value);
	text_add_all(&t, ";tag=", refusal_tag, NULL);
	/* An INVITE that is resent gets the same (RFC 3261 section 8.2.7). */
	text_add_number(&t, token_hash_bytes(0, via.data, via.n) & 0xffffffff);
	text_add(&t, "\r\n");
	add_repeated(&t, CALL_ID, value);
	text_add(&t, "\r\n");
	add_repeated(&t, CSEQ, value);
	text_add(&t, "\r\nRetry-After: ");
	text_add_number(&t, RETRY_AFTER_S);
	text_add(&t, "\r\nContent-Length: 0\r\n\r\n");
	answer_address(&via, source, &back);
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
