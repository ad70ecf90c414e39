/*
 * The SDP scanner: whatever the body, what it finds lies inside it, is a description, stands where a
 * part of a multipart begins and ends, and is found again when looked for by itself.
 */
#include "sdp.h"
#include "target.h"

#include <stdlib.h>
#include <string.h>

const char *const fuzz_seeds[] = {
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
	"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\ns=-\r\n--b\r\nContent-Type: text/plain\r\n\r\nv=0\r\n--b--\r\n",
	"--b\nContent-Disposition: session\ncontent-type:application/SDP;charset=utf-8\n\nv=0\n",
	"preamble\r\n--b\r\n\r\nno type\r\n--b\r\nContent-Type: application/sdp\r\n\r\nx=1\r\n--b--",
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
	expect(part->data + part->len == body + len || memcmp(part->data + part->len, "--", 2) == 0);
	expect(sdp_find("application/sdp", part->data, part->len, &again));
	expect(again.data == part->data && again.len == part->len);
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
	return 0;
}
