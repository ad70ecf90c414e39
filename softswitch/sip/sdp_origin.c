#include "sdp_origin.h"

#include "text.h"

#include <string.h>

/* In a description nothing else begins like this, in its media sections neither (RFC 4566 section 5). */
static bool is_replaced(const char *line, size_t n)
{
	return n >= 2 && (line[0] == 'o' || line[0] == 's') && line[1] == '=';
}

/* FNV-1a */
static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3;
	return hash;
}

/*
 * Of all but what the replaced lines say; that they are there counts, and how they end. The end of the last line does
 * not: in a multipart body some take it for that of the delimiter.
 */
static uint64_t hash_rest(const struct sdp_span *sdp)
{
	const char *end = sdp->data + sdp->len, *next;
	uint64_t hash = 0xcbf29ce484222325;

	while (end > sdp->data && (end[-1] == '\r' || end[-1] == '\n'))
		end--;
	for (const char *at = sdp->data; at < end; at = next) {
		size_t n = sdp_line(at, end, &next);

		if (!is_replaced(at, n))
			n = 0;
		else
			hash = hash_bytes(hash, at, strlen("o="));
		hash = hash_bytes(hash, at + n, (size_t)(next - at) - n);
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
