#include "session.h"

#include "message_from_text.h"

#include <stdlib.h>

static const struct parameters half_an_hour = {.session_ttl_s = 1800};

#define INVITE "INVITE sip:us@192.0.2.1 SIP/2.0"
#define OK "SIP/2.0 200 OK"
#define SDP(version, port)                                                                                   \
	"v=0\r\no=- 1 " version " IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio " port   \
	" RTP/AVP 0\r\n"

static msg_t *message(const char *start, const char *more, const char *sdp)
{
	char headers[1024];

	snprintf(headers, sizeof(headers), HEADERS "CSeq: 1 INVITE\r\n%s", more);
	return message_from_parts(start, headers, sdp);
}

/** session_accept() of an INVITE with these headers. @return the headers of the 2xx */
static const char *accept_with(struct session *s, const struct parameters *p, const char *headers)
{
	static char data[512];
	struct text t = {.data = data, .size = sizeof(data) - 1};
	msg_t *msg = message(INVITE, headers, NULL);

	session_accept(s, sip_object(msg), p, &t);
	msg_destroy(msg);
	assert_false(t.full);
	data[t.len] = '\0';
	return data;
}

static const char *propose(const struct session *s)
{
	static char data[512];
	struct text t = {.data = data, .size = sizeof(data) - 1};

	session_propose(s, &half_an_hour, false, &t);
	assert_false(t.full);
	data[t.len] = '\0';
	return data;
}

static void granted(struct session *s, const char *headers)
{
	msg_t *msg = message(OK, headers, NULL);

	session_granted(s, sip_object(msg));
	msg_destroy(msg);
}

static bool lengthen(struct session *s, const char *headers)
{
	msg_t *msg = message("SIP/2.0 422 Session Interval Too Small", headers, NULL);
	bool result = session_lengthen(s, sip_object(msg));

	msg_destroy(msg);
	return result;
}

static int describe(struct session *s, const char *sdp)
{
	msg_t *msg = message(INVITE, "", sdp);
	int err = session_describe(s, sip_object(msg));

	msg_destroy(msg);
	return err;
}

static bool is_unchanged(const struct session *s, const char *sdp)
{
	msg_t *msg = message(INVITE, "", sdp);
	bool result = session_is_unchanged(s, sip_object(msg));

	msg_destroy(msg);
	return result;
}

static bool is_same(const struct session *s, const char *sdp)
{
	msg_t *msg = message(INVITE, "", sdp);
	bool result = session_is_same(s, sip_object(msg));

	msg_destroy(msg);
	return result;
}

/* The timer as UAS -------------------------------------------------------------------------- */

/* RFC 4028 section 9, table 2 */
static void the_refresher_follows_the_request(void **state)
{
	static const struct {
		const char *headers;
		enum session_refresher refresher;
		uint32_t interval_s;
		const char *answer;
	} rows[] = {
		/* A peer without session timers that asks for none gets ours: we refresh. */
		{"", SESSION_NOBODY, 0, "Supported: timer\r\n"},
		{"Supported: timer\r\n", SESSION_US, 1800,
			"Supported: timer\r\nRequire: timer\r\nSession-Expires: 1800;refresher=uas\r\n"},
		{"Supported: timer\r\nSession-Expires: 600\r\n", SESSION_US, 600,
			"Supported: timer\r\nRequire: timer\r\nSession-Expires: 600;refresher=uas\r\n"},
		{"Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n", SESSION_PEER, 600,
			"Supported: timer\r\nRequire: timer\r\nSession-Expires: 600;refresher=uac\r\n"},
		{"Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", SESSION_US, 600,
			"Supported: timer\r\nRequire: timer\r\nSession-Expires: 600;refresher=uas\r\n"},
		/* A proxy asked, the peer itself knows no timers: it cannot refresh, nor be required to. */
		{"Session-Expires: 600;refresher=uac\r\n", SESSION_US, 600,
			"Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n"},
		{"Require: timer\r\nSession-Expires: 600;refresher=uac\r\n", SESSION_PEER, 600,
			"Supported: timer\r\nRequire: timer\r\nSession-Expires: 600;refresher=uac\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session s = {.timer = true};

		assert_string_equal(accept_with(&s, &half_an_hour, rows[i].headers), rows[i].answer);
		assert_int_equal(s.refresher, rows[i].refresher);
		assert_int_equal(s.interval_s, rows[i].interval_s);
	}
}

static void the_interval_is_never_above_what_was_asked_nor_below_the_least(void **state)
{
	static const struct parameters short_ttl = {.session_ttl_s = 90};
	static const struct {
		const struct parameters *p;
		const char *headers;
		uint32_t interval_s;
	} rows[] = {
		{&half_an_hour, "Session-Expires: 3600\r\n", 1800},
		{&half_an_hour, "Session-Expires: 90\r\n", 90}, {&short_ttl, "Session-Expires: 3600\r\n", 90},
		{&short_ttl, "Session-Expires: 3600\r\nMin-SE: 300\r\n", 300},
		{&short_ttl, "Min-SE: 300\r\n", 300},
		{&short_ttl, "Session-Expires: 200\r\nMin-SE: 300\r\n", 200}, /* its own fault */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char headers[128];
		struct session s = {.timer = true};

		snprintf(headers, sizeof(headers), "Supported: timer\r\n%s", rows[i].headers);
		accept_with(&s, rows[i].p, headers);
		assert_int_equal(s.interval_s, rows[i].interval_s);
	}
}

static void a_refresh_without_session_expires_ends_the_old_agreement(void **state)
{
	struct session s = {.timer = true, .interval_s = 600, .refresher = SESSION_PEER};

	(void)state;
	accept_with(&s, &half_an_hour, "");
	assert_int_equal(s.interval_s, 0);
	assert_int_equal(s.refresher, SESSION_NOBODY);
}

static void without_session_timers_nothing_is_said_or_agreed(void **state)
{
	struct session s = {.timer = false};

	(void)state;
	assert_string_equal(
		accept_with(&s, &half_an_hour, "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n"),
		"");
	assert_int_equal(s.interval_s, 0);
	assert_string_equal(propose(&s), "");
	granted(&s, "Session-Expires: 600;refresher=uac\r\n");
	assert_int_equal(s.interval_s, 0);
	assert_false(lengthen(&s, "Min-SE: 300\r\n"));
}

/* RFC 4028 section 8.1: only one who supports timers can make sense of a 422. */
static void an_interval_below_our_min_se_is_too_short(void **state)
{
	static const struct {
		const char *headers;
		bool timer, too_short;
	} rows[] = {
		{"Supported: timer\r\nSession-Expires: 89\r\n", true, true},
		{"Require: timer\r\nSession-Expires: 89\r\n", true, true},
		{"Supported: timer\r\nSession-Expires: 90\r\n", true, false},
		{"Session-Expires: 89\r\n", true, false},
		{"Supported: timer\r\n", true, false},
		{"Supported: timer\r\nSession-Expires: 89\r\n", false, false},
	};

	(void)state;
	assert_string_equal(session_min_se, "Min-SE: 90\r\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session s = {.timer = rows[i].timer};
		msg_t *msg = message(INVITE, rows[i].headers, NULL);

		assert_int_equal(session_is_too_short(&s, sip_object(msg)), rows[i].too_short);
		msg_destroy(msg);
	}
}

/* The timer as UAC -------------------------------------------------------------------------- */

static void the_first_request_leaves_the_refresher_to_the_peer(void **state)
{
	struct session s = {.timer = true};

	(void)state;
	assert_string_equal(propose(&s), "Supported: timer\r\nSession-Expires: 1800\r\n");
}

/* RFC 4028 section 7.1: in a refresh our role is uac whichever side made the call. */
static void a_refresh_proposes_what_is_in_force(void **state)
{
	struct session s = {.timer = true, .interval_s = 600, .refresher = SESSION_US};

	(void)state;
	assert_string_equal(propose(&s), "Supported: timer\r\nSession-Expires: 600;refresher=uac\r\n");
	s.refresher = SESSION_PEER;
	assert_string_equal(propose(&s), "Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n");
}

static void an_interval_below_our_min_se_is_obeyed_but_not_proposed(void **state)
{
	struct session s = {.timer = true};

	(void)state;
	granted(&s, "Session-Expires: 60;refresher=uas\r\n");
	assert_int_equal(s.interval_s, 60);
	assert_string_equal(propose(&s), "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n");
}

static void the_2xx_says_who_refreshes(void **state)
{
	static const struct {
		const char *headers;
		enum session_refresher refresher;
		uint32_t interval_s;
	} rows[] = {
		{"Require: timer\r\nSession-Expires: 600;refresher=uas\r\n", SESSION_PEER, 600},
		{"Require: timer\r\nSession-Expires: 600;refresher=uac\r\n", SESSION_US, 600},
		{"Session-Expires: 600\r\n", SESSION_US, 600},
		{"Session-Expires: 0;refresher=uas\r\n", SESSION_PEER, 1},
		{"Session-Expires: 4000000000;refresher=uas\r\n", SESSION_PEER, 86400},
		{"Session-Expires: 18446744073709551617\r\n", SESSION_US, 86400},
		{"Session-Expires: 86400\r\n", SESSION_US, 86400},
		{"", SESSION_NOBODY, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session s = {.timer = true, .interval_s = 1800, .refresher = SESSION_PEER};

		granted(&s, rows[i].headers);
		assert_int_equal(s.refresher, rows[i].refresher);
		assert_int_equal(s.interval_s, rows[i].interval_s);
	}
}

/* RFC 4028 section 7.4 */
static void we_refresh_before_the_peer_may_give_us_up(void **state)
{
	static const struct {
		uint32_t interval_s;
		unsigned segment;
		uint64_t refresh_ms, end_ms;
	} rows[] = {
		{90, 2, 45000, 60000},
		{90, 4, 50000, 60000},
		{90, 10, 50000, 60000},
		{95, 4, 53333, 63333},
		{96, 4, 54000, 64000},
		{120, 2, 60000, 88000},
		{120, 3, 78000, 88000},
		{120, 4, 78000, 88000},
		{168, 4, 126000, 136000},
		{300, 10, 258000, 268000},
		{420, 10, 378000, 388000},
		{600, 7, 514285, 568000},
		{1800, 4, 1350000, 1768000},
		{1800, 10, 1620000, 1768000},
		{86400, 10, 77760000, 86368000},
		{9, 2, 4500, 6000},
		{9, 4, 5000, 6000},
		{4, 10, 2221, 2666},
		{1, 4, 554, 666},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session s = {.interval_s = rows[i].interval_s, .refresher = SESSION_US};

		assert_int_equal(session_refresh_ms(&s, rows[i].segment), rows[i].refresh_ms);
		assert_int_equal(session_end_ms(&s), rows[i].end_ms);
	}
}

static void every_segment_leaves_time_for_every_interval(void **state)
{
	(void)state;
	for (uint32_t interval_s = 1; interval_s <= 86400; interval_s++) {
		struct session s = {.interval_s = interval_s};
		uint64_t ms = 1000 * (uint64_t)interval_s, before = 0;
		uint64_t ahead = ms < 90000 ? ms / 9 : 10000;

		for (unsigned segment = 2; segment <= 10; segment++) {
			uint64_t due = session_refresh_ms(&s, segment);

			assert_true(due >= before && segment * due <= (segment - 1) * ms);
			assert_true(due + ahead <= session_end_ms(&s));
			before = due;
		}
	}
}

static void a_422_raises_what_is_proposed_each_time_it_asks_for_more(void **state)
{
	struct session s = {.timer = true};

	(void)state;
	assert_true(lengthen(&s, "Min-SE: 3600\r\n"));
	assert_string_equal(propose(&s), "Supported: timer\r\nSession-Expires: 3600\r\nMin-SE: 3600\r\n");
	assert_false(lengthen(&s, "Min-SE: 3600\r\n"));
	assert_false(lengthen(&s, "Min-SE: 300\r\n"));
	assert_false(lengthen(&s, ""));
	assert_true(lengthen(&s, "Min-SE: 7200\r\n"));
	assert_int_equal(s.min_se_s, 7200);
	assert_false(lengthen(&s, "Min-SE: 86401\r\n"));
	assert_false(lengthen(&s, "Min-SE: 4294967295\r\n"));
	assert_false(lengthen(&s, "Min-SE: 18446744073709551617\r\n"));
	assert_int_equal(s.min_se_s, 7200);
	assert_true(lengthen(&s, "Min-SE: 86400\r\n"));
}

/* The description --------------------------------------------------------------------------- */

static void a_description_is_known_again_byte_by_byte(void **state)
{
	struct session s = {0};

	(void)state;
	assert_false(is_unchanged(&s, SDP("1", "4000")));
	assert_int_equal(describe(&s, SDP("1", "4000")), 0);
	assert_string_equal(s.theirs.type, "Content-Type: application/sdp\r\n");
	assert_true(is_unchanged(&s, SDP("1", "4000")));
	assert_false(is_unchanged(&s, SDP("2", "4000")));
	assert_false(is_unchanged(&s, SDP("1", "4002")));
	assert_false(is_unchanged(&s, NULL));
	session_clear(&s);
	assert_false(is_unchanged(&s, NULL));
}

/* RFC 3264 section 8: the version of o= alone says nothing of the media. */
static void another_version_of_the_same_media_is_the_same(void **state)
{
	struct session s = {0};

	(void)state;
	assert_false(is_same(&s, SDP("1", "4000")));
	assert_true(is_same(&s, NULL)); /* nothing was said */
	describe(&s, SDP("1", "4000"));
	assert_true(is_same(&s, SDP("2", "4000")));
	assert_false(is_same(&s, SDP("2", "4002")));
	assert_true(is_same(&s, NULL));
	session_clear(&s);
}

static void a_message_without_description_leaves_the_last_one(void **state)
{
	struct session s = {0};

	(void)state;
	describe(&s, SDP("1", "4000"));
	assert_int_equal(describe(&s, NULL), 0);
	assert_true(is_unchanged(&s, SDP("1", "4000")));
	describe(&s, SDP("2", "4002"));
	assert_true(is_unchanged(&s, SDP("2", "4002")));
	session_clear(&s);
}

static void a_description_is_found_inside_a_multipart_body(void **state)
{
	static const char body[] =
		"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
		"--x\r\nContent-Type: application/sdp\r\n\r\n" SDP("1", "4000") "--x--\r\n";
	struct session s = {0};
	char text[2048];
	msg_t *msg;

	(void)state;
	snprintf(text, sizeof(text),
		INVITE "\r\n" HEADERS "CSeq: 1 INVITE\r\nContent-Type: multipart/mixed;boundary=x\r\n"
		       "Content-Length: %zu\r\n\r\n%s",
		strlen(body), body);
	msg = message_from_text(text);
	assert_int_equal(session_describe(&s, sip_object(msg)), 0);
	assert_true(session_is_unchanged(&s, sip_object(msg)));
	msg_destroy(msg);
	assert_string_equal(s.theirs.type, "Content-Type: multipart/mixed;boundary=x\r\n");
	assert_int_equal(s.theirs.len, strlen(body));
	assert_int_equal(strncmp(s.theirs.sdp.data, "v=0\r\n", 5), 0);
	assert_true(is_same(&s, SDP("7", "4000"))); /* the rest of the body does not count */
	session_clear(&s);
}

/* Several sessions with one peer ------------------------------------------------------------ */

static void a_fork_knows_the_peer_but_not_its_description(void **state)
{
	struct session of = {.timer = true,
		.rel100 = true,
		.update = SESSION_UPDATE_TAKEN,
		.min_se_s = 300,
		.interval_s = 600,
		.refresher = SESSION_US};
	struct session fork;

	(void)state;
	describe(&of, SDP("1", "4000"));
	session_fork(&fork, &of);
	assert_true(fork.timer && fork.rel100 && fork.update == SESSION_UPDATE_TAKEN);
	assert_int_equal(fork.min_se_s, 300);
	assert_int_equal(fork.interval_s, 0); /* the INVITE's answer will say */
	assert_int_equal(fork.refresher, SESSION_NOBODY);
	assert_null(fork.theirs.data);
	session_clear(&of);
}

static void a_description_moves_from_the_early_session_to_the_leg(void **state)
{
	struct session early = {.update = SESSION_UPDATE_TAKEN}, leg = {0};

	(void)state;
	describe(&leg, SDP("1", "4000"));
	describe(&early, SDP("1", "4002"));
	session_take(&leg, &early);
	assert_true(is_unchanged(&leg, SDP("1", "4002")));
	assert_int_equal(leg.update, SESSION_UPDATE_TAKEN);
	assert_null(early.theirs.data);
	session_clear(&leg);
	session_clear(&early);
}

static void allow_says_whether_update_may_be_used(void **state)
{
	static const struct {
		const char *headers;
		enum session_update before, after;
	} rows[] = {
		{"Allow: INVITE, ACK, BYE, UPDATE\r\n", SESSION_UPDATE_UNKNOWN, SESSION_UPDATE_TAKEN},
		{"Allow: INVITE, ACK, BYE\r\n", SESSION_UPDATE_TAKEN, SESSION_UPDATE_REFUSED},
		{"", SESSION_UPDATE_TAKEN, SESSION_UPDATE_TAKEN},
		{"", SESSION_UPDATE_UNKNOWN, SESSION_UPDATE_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session s = {.update = rows[i].before};
		msg_t *msg = message(OK, rows[i].headers, NULL);

		session_learn(&s, sip_object(msg));
		msg_destroy(msg);
		assert_int_equal(s.update, rows[i].after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_refresher_follows_the_request),
		cmocka_unit_test(the_interval_is_never_above_what_was_asked_nor_below_the_least),
		cmocka_unit_test(a_refresh_without_session_expires_ends_the_old_agreement),
		cmocka_unit_test(without_session_timers_nothing_is_said_or_agreed),
		cmocka_unit_test(an_interval_below_our_min_se_is_too_short),
		cmocka_unit_test(the_first_request_leaves_the_refresher_to_the_peer),
		cmocka_unit_test(a_refresh_proposes_what_is_in_force),
		cmocka_unit_test(an_interval_below_our_min_se_is_obeyed_but_not_proposed),
		cmocka_unit_test(the_2xx_says_who_refreshes),
		cmocka_unit_test(we_refresh_before_the_peer_may_give_us_up),
		cmocka_unit_test(every_segment_leaves_time_for_every_interval),
		cmocka_unit_test(a_422_raises_what_is_proposed_each_time_it_asks_for_more),
		cmocka_unit_test(a_description_is_known_again_byte_by_byte),
		cmocka_unit_test(another_version_of_the_same_media_is_the_same),
		cmocka_unit_test(a_message_without_description_leaves_the_last_one),
		cmocka_unit_test(a_description_is_found_inside_a_multipart_body),
		cmocka_unit_test(a_fork_knows_the_peer_but_not_its_description),
		cmocka_unit_test(a_description_moves_from_the_early_session_to_the_leg),
		cmocka_unit_test(allow_says_whether_update_may_be_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
