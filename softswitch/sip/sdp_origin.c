#include "sdp_origin.h"

#include "text.h"

#include <string.h>

/* In a description nothing else begins like this, in its media sections neither (RFC 4566 section 5). */
static bool is_replaced(const char *line, size_t n)
{
	return n >= 2 && (line[0] == 'o' || line[0] == 's') && line[1] == '=';
}

/*
 * Of all but what the replaced lines say; that they are there counts, and how they end. The end of the last line does
 * not: in a multipart body some take it for that of the delimiter.
 */
static uint64_t hash_rest(const struct sdp_span *sdp)
{
	const char *end = sdp->data + sdp->len, *next;
	uint64_t hash = TEXT_HASH;

	while (end > sdp->data && (end[-1] == '\r' || end[-1] == '\n'))
		end--;
	for (const char *at = sdp->data; at < end; at = next) {
		size_t n = sdp_line(at, end, &next);

		if (!is_replaced(at, n))
			n = 0;
		else
			hash = text_hash(hash, at, strlen("o="));
		hash = text_hash(hash, at + n, (size_t)(next - at) - n);
	}
	return hash;
}

bool sdp_origin_same(const struct sdp_span *a, const struct sdp_span *b)
{
	return hash_rest(a) == hash_rest(b);
}

static void count(struct sdp_origin *o, uint64_t hash)
{
	if (o->version && o->hash == hash)
		return;
	o->version++;
	o->hash = hash;
}

static void add_origin(const struct sdp_origin *o, struct text *t, const char *address)
{
	text_add(t, "o=- ");
	text_add_number(t, o->id);
	text_add(t, " ");
	text_add_number(t, o->version);
	text_add_all(t, strchr(address, ':') ? " IN IP6 " : " IN IP4 ", address, NULL);
}

void sdp_origin_write(struct sdp_origin *o, struct text *t, const struct sdp_span *sdp, const char *address)
{
	const char *end = sdp->data + sdp->len, *next;

	count(o, hash_rest(sdp));
	for (const char *at = sdp->data; at < end; at = next) {
		size_t n = sdp_line(at, end, &next);

		if (!is_replaced(at, n))
			n = 0;
		else if (*at == 'o')
			add_origin(o, t, address);
		else
			text_add(t, "s=-");
		text_add_bytes(t, at + n, (size_t)(next - at) - n);
	}
}
