#include "sdp_answer.h"

#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define AUDIO "m=audio 4000 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\n"
#define VIDEO "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
#define NO_VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
#define SENDRECV "a=sendrecv\r\n"
#define SENDONLY "a=sendonly\r\n"
#define RECVONLY "a=recvonly\r\n"
#define INACTIVE "a=inactive\r\n"

static const char *answer(const char *description, const char *offer)
{
	static char buffer[4096];
	struct text t = {.data = buffer, .size = sizeof(buffer) - 1};

	sdp_answer_write(&t, &(struct sdp_span){description, strlen(description)},
		&(struct sdp_span){offer, strlen(offer)});
	assert_false(t.full);
	buffer[t.len] = '\0';
	return buffer;
}

static void a_description_that_fits_stays_as_it_is(void **state)
{
	static const char *const rows[][2] = {
		{HEAD AUDIO, HEAD AUDIO},
		{HEAD AUDIO VIDEO, HEAD AUDIO VIDEO},
		{HEAD AUDIO SENDONLY, HEAD AUDIO RECVONLY},
		{HEAD AUDIO RECVONLY, HEAD AUDIO SENDONLY},
		{HEAD AUDIO INACTIVE, HEAD AUDIO SENDRECV},
		{HEAD AUDIO RECVONLY, HEAD AUDIO},
		{HEAD SENDONLY AUDIO, HEAD RECVONLY AUDIO},
		{HEAD NO_VIDEO AUDIO, HEAD NO_VIDEO AUDIO},
		{HEAD AUDIO "a=sendonlyish\r\n", HEAD AUDIO INACTIVE INACTIVE SENDRECV},
		{HEAD AUDIO VIDEO, HEAD}, /* of other streams the offer says nothing */
		{"v=0\n", "v=0\n"},
		{"v=0", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(answer(rows[i][0], rows[i][1]), rows[i][0]);
}

static void a_stream_refused_in_the_offer_is_refused(void **state)
{
	(void)state;
	assert_string_equal(answer(HEAD AUDIO VIDEO, HEAD AUDIO NO_VIDEO), HEAD AUDIO NO_VIDEO);
	assert_string_equal(
		answer(HEAD VIDEO SENDONLY AUDIO, HEAD NO_VIDEO AUDIO), HEAD NO_VIDEO SENDONLY AUDIO);
	assert_string_equal(answer("v=0\nm=image 9/2 udptl t38\na=x\n", "v=0\nm=image 0/2 udptl t38\n"),
		"v=0\nm=image 0 udptl t38\na=x\n");
	assert_string_equal(answer("v=0\nm=audio", "v=0\nm=audio 0 x\n"), "v=0\nm=audio");
}

static void no_stream_flows_where_the_offer_does_not_allow_it(void **state)
{
	static const struct {
		const char *ours, *offer, *result;
	} rows[] = {
		{HEAD AUDIO SENDRECV, HEAD AUDIO INACTIVE, HEAD AUDIO INACTIVE},
		{HEAD AUDIO, HEAD AUDIO INACTIVE, HEAD AUDIO INACTIVE},
		{HEAD AUDIO, HEAD INACTIVE AUDIO, HEAD AUDIO INACTIVE},
		{HEAD AUDIO SENDONLY, HEAD AUDIO INACTIVE, HEAD AUDIO INACTIVE},
		{HEAD AUDIO SENDRECV, HEAD AUDIO SENDONLY, HEAD AUDIO RECVONLY},
		{HEAD AUDIO, HEAD AUDIO RECVONLY, HEAD AUDIO SENDONLY},
		{HEAD AUDIO SENDONLY, HEAD AUDIO SENDONLY, HEAD AUDIO INACTIVE},
		{HEAD SENDONLY AUDIO, HEAD AUDIO SENDONLY, HEAD SENDONLY AUDIO INACTIVE},
		{HEAD AUDIO SENDRECV VIDEO, HEAD INACTIVE AUDIO VIDEO SENDRECV, HEAD AUDIO INACTIVE VIDEO},
		{HEAD AUDIO SENDRECV "a=ptime:20", HEAD AUDIO INACTIVE, HEAD AUDIO "a=ptime:20\r\n" INACTIVE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(answer(rows[i].ours, rows[i].offer), rows[i].result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_description_that_fits_stays_as_it_is),
		cmocka_unit_test(a_stream_refused_in_the_offer_is_refused),
		cmocka_unit_test(no_stream_flows_where_the_offer_does_not_allow_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
