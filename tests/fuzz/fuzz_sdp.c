/*
 * The SDP scanner: whatever the body, what it finds lies inside it, is a description, stands where a
 * part of a multipart begins and ends, and is found again when looked for by itself. Whatever the
 * description, with our origin it differs in the lines o= and s= only, and the version tells whether the rest changed;
 * what was made to fit an offer fits it.
 */
#include "sdp.h"
#include "sdp_answer.h"
#include "sdp_origin.h"
#include "target.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

const char *const fuzz_seeds[] = {
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
	"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=-\r\n--b\r\nContent-Type: text/plain\r\n\r\nv=0\r\n--b--\r\n",
	"--b\nContent-Disposition: session\ncontent-type:application/SDP;charset=utf-8\n\nv=0\n",
	"preamble\r\n--b\r\n\r\nno type\r\n--b\r\nContent-Type: application/sdp\r\n\r\nx=1\r\n--b--",
	"v=0\no=\ns=\r\nso=s=o=\r\n\no=x",
	"v=0\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\nm=video 1 x\r\nv=0\r\nm=audio 4 RTP/AVP 8\r\na=inactive\r\nm=video 0 x",
	NULL,
};

static void expect(bool truth)
{
	if (!truth)
		abort();
}

static void check_part(const char *body, size_t len, const struct sdp_span *part)
{
	struct sdp_span again;

	expect(part->data >= body && part->len >= 3 && part->data + part->len <= body + len);
	expect(part->data > body && part->data[-1] == '\n');
	const char *end = part->data + part->len;
	expect(end == body + len || memcmp(end, "\n--", 3) == 0 || memcmp(end, "\r\n--", 4) == 0);
	expect(sdp_find("application/sdp", part->data, part->len, &again));
	expect(again.data == part->data && again.len == part->len);
}

/* Length of a line's end: CR LF, LF, at the end of all also CR or nothing. */
static size_t end_length(const char *line, size_t n)
{
	size_t lf = n && line[n - 1] == '\n';

	return lf + (n > lf && line[n - lf - 1] == '\r');
}

/* Line by line, the slow and plain way: the same but for what o= and s= say, and the last line end? */
static bool same_rest(const char *a, size_t a_len, const char *b, size_t b_len)
{
	while (a_len && strchr("\r\n", a[a_len - 1]) && a[a_len - 1])
		a_len--;
	while (b_len && strchr("\r\n", b[b_len - 1]) && b[b_len - 1])
		b_len--;
	while (a_len && b_len) {
		const char *a_end = memchr(a, '\n', a_len), *b_end = memchr(b, '\n', b_len);
		size_t an = a_end ? (size_t)(a_end - a) + 1 : a_len,
		       bn = b_end ? (size_t)(b_end - b) + 1 : b_len;

		if (an >= 2 && bn >= 2 && (!memcmp(a, "o=", 2) || !memcmp(a, "s=", 2))) {
			size_t n = end_length(a, an);

			if (memcmp(a, b, 2) != 0 || n != end_length(b, bn) ||
				memcmp(a + an - n, b + bn - n, n) != 0)
				return false;
		} else if (an != bn || memcmp(a, b, an) != 0) {
			return false;
		}
		a += an;
		a_len -= an;
		b += bn;
		b_len -= bn;
	}
	return !a_len && !b_len;
}

static void check_origin(const char *data, size_t size)
{
	static char first[TEXT_MAX], second[TEXT_MAX];
	struct text t = {.data = first, .size = sizeof(first)},
		    again = {.data = second, .size = sizeof(second)};
	struct sdp_origin o = {0};

	sdp_origin_write(&o, &t, &(struct sdp_span){data, size}, "::1");
	if (t.full)
		return;
	expect(o.version == 1 && same_rest(data, size, first, t.len));
	/* What we wrote changes no more, and is no change. */
	sdp_origin_write(&o, &again, &(struct sdp_span){first, t.len}, "::1");
	expect(o.version == 1 && again.len == t.len && !memcmp(first, second, t.len));
	again.len = 0;
	sdp_origin_write(&o, &again, &(struct sdp_span){data, size / 2}, "::1");
	expect(o.version == (same_rest(data, size / 2, data, size) ? 1 : 2));
}

/* What was made to fit an offer fits it. */
static void check_answer(const char *data, size_t size)
{
	static char first[TEXT_MAX], second[TEXT_MAX];
	struct text t = {.data = first, .size = sizeof(first)},
		    again = {.data = second, .size = sizeof(second)};
	const struct sdp_span offer = {data + size / 2, size - size / 2};

	sdp_answer_write(&t, &(struct sdp_span){data, size}, &offer);
	if (t.full)
		return;
	sdp_answer_write(&again, &(struct sdp_span){first, t.len}, &offer);
	expect(again.len == t.len && !memcmp(first, second, t.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	struct sdp_span found;

	expect(sdp_find("application/sdp", body, size, &found) == (size >= 3 && memcmp(body, "v=0", 3) == 0));
	if (sdp_find("Multipart/mixed; boundary=b", body, size, &found))
		check_part(body, size, &found);
	expect(!sdp_find("text/plain", body, size, &found));
	expect(!sdp_find(NULL, body, size, &found));
	check_origin(body, size);
	check_answer(body, size);
	return 0;
}
