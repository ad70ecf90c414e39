#include "message.h"

#include "peer.h"
#include "transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct hop_listener udp = {.transport = "udp", .sent_by = "192.0.2.1:5060"};
static const struct hop_listener tcp = {.transport = "tcp", .sent_by = "[2001:db8::1]:5060"};
static const struct hop_listener tls = {.transport = "tls", .sent_by = "192.0.2.1:5061"};

static int setup(void **state)
{
	struct peer *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	peer_open(p);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	peer_close(*state);
	free(*state);
	return 0;
}

static void assert_text(const struct text *t, const char *wanted)
{
	assert_false(t->full);
	t->data[t->len] = '\0';
	assert_string_equal(t->data, wanted);
	assert_int_equal(t->len, strlen(wanted));
}

/* What every message of these tests has, but for its Via. */
#define REST                                                                                                 \
	"From: <sip:a@a.example>;tag=a1\r\nTo: <sip:b@b.example>\r\nCall-ID: c1@a.example\r\nCSeq: 42 INVITE\r\n"

static const sip_t *receive(struct peer *p, const char *headers, const char *body)
{
	return peer_send(p,
		"INVITE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK1\r\n" REST
		"%sContent-Length: %zu\r\n\r\n%s",
		p->address, headers, strlen(body), body)
		->sip;
}

/* Head lines -------------------------------------------------------------------------------- */

static void a_status_line_has_the_usual_phrase_or_the_given_one(void **state)
{
	struct text t = text_scratch();

	(void)state;
	message_status(&t, 180, NULL);
	message_status(&t, 482, "Merged Request");
	message_status(&t, 499, NULL); /* a code nobody defined */
	assert_text(&t, "SIP/2.0 180 Ringing\r\nSIP/2.0 482 Merged Request\r\nSIP/2.0 499 Status\r\n");
}

static const struct message_request bye = {.method = "BYE",
	.uri = "sip:b@192.0.2.2;x=y",
	.branch = "z9hG4bK1",
	.max_forwards = 69,
	.from = "<sip:a@a.example>;tag=a1",
	.to = "<sip:b@b.example>;tag=b1",
	.call_id = "c1@a.example",
	.cseq = 4294967295};

static void a_request_begins_with_what_it_must_have(void **state)
{
	struct text t = text_scratch();

	(void)state;
	message_request_head(&t, &udp, &bye);
	assert_text(&t,
		"BYE sip:b@192.0.2.2;x=y SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1\r\n"
		"Max-Forwards: 69\r\nFrom: <sip:a@a.example>;tag=a1\r\nTo: <sip:b@b.example>;tag=b1\r\n"
		"Call-ID: c1@a.example\r\nCSeq: 4294967295 BYE\r\n");
}

static void routes_stand_behind_via_and_a_strict_routers_target_is_the_last(void **state)
{
	struct message_request head = bye;
	struct text t = text_scratch();
	const char *at;

	(void)state;
	head.route = "Route: <sip:p1.example;lr>\r\nRoute: <sip:p2.example;lr>\r\n";
	head.last_route = "sip:b@192.0.2.2";
	message_request_head(&t, &udp, &head);
	t.data[t.len] = '\0';
	at = strstr(t.data, "branch=z9hG4bK1\r\n");
	assert_non_null(at);
	at += strlen("branch=z9hG4bK1\r\n");
	assert_memory_equal(at,
		"Route: <sip:p1.example;lr>\r\nRoute: <sip:p2.example;lr>\r\nRoute: <sip:b@192.0.2.2>\r\nMax-",
		86);
}

static void via_and_contact_name_the_transport(void **state)
{
	struct text t = text_scratch();

	(void)state;
	message_contact(&t, &udp);
	message_contact(&t, &tcp);
	message_contact(&t, &tls);
	assert_text(&t,
		"Contact: <sip:192.0.2.1:5060>\r\nContact: <sip:[2001:db8::1]:5060;transport=tcp>\r\n"
		"Contact: <sip:192.0.2.1:5061;transport=tls>\r\n");
	t = text_scratch();
	message_request_head(&t, &tcp, &bye);
	message_request_head(&t, &tls, &bye);
	t.data[t.len] = '\0';
	assert_non_null(strstr(t.data, "\r\nVia: SIP/2.0/TCP [2001:db8::1]:5060;rport;"));
	assert_non_null(strstr(t.data, "\r\nVia: SIP/2.0/TLS 192.0.2.1:5061;rport;"));
}

/* Responses --------------------------------------------------------------------------------- */

static void a_response_repeats_via_from_call_id_cseq_and_record_route(void **state)
{
	struct peer *p = *state;
	struct text t = text_scratch();
	char wanted[1024];

	message_response_head(&t,
		peer_send(p,
			"INVITE sip:b@b.example SIP/2.0\r\nRecord-Route: <sip:p2.example;lr>, <sip:p1.example;lr>\r\n"
			"Via: SIP/2.0/UDP %s;branch=z9hG4bK1\r\nMax-Forwards: 9\r\nRoute: <sip:gone.example;lr>\r\n"
			"Via:SIP/2.0/TCP  p1.example;branch=z9hG4bK2 , SIP/2.0/UDP a.example;branch=z9hG4bK3\r\n"
			"From:  \"A\" <sip:a@a.example> ; tag=a1\r\nTo: <sip:b@b.example>\r\nCall-ID:c1@a.example\r\n"
			"CSeq: 42   INVITE\r\nRecord-Route: <sip:p0.example;lr>;x=1\r\nContact: <sip:a@a.example>\r\n"
			"Content-Length: 0\r\n\r\n",
			p->address));
	snprintf(wanted, sizeof(wanted),
		"Via: SIP/2.0/UDP %s;branch=z9hG4bK1\r\n"
		"Via:SIP/2.0/TCP  p1.example;branch=z9hG4bK2 , SIP/2.0/UDP a.example;branch=z9hG4bK3\r\n"
		"From:  \"A\" <sip:a@a.example> ; tag=a1\r\nCall-ID:c1@a.example\r\nCSeq: 42   INVITE\r\n"
		"Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>\r\nRecord-Route: <sip:p0.example;lr>;x=1\r\n",
		p->address);
	assert_text(&t, wanted);
}

/** @return the first line of the response's head */
static const char *via_of_response(struct peer *p, const char *sent_by, const char *parameters)
{
	static char line[256];
	struct text t = text_scratch();

	message_response_head(&t,
		peer_send(p,
			"OPTIONS sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP %s%s;branch=z9hG4bK1\r\n"
			"From: <sip:a@a.example>;tag=a1\r\nTo: <sip:b@b.example>\r\nCall-ID: c1\r\n"
			"CSeq: 42 OPTIONS\r\nContent-Length: 0\r\n\r\n",
			sent_by, parameters));
	snprintf(line, sizeof(line), "%.*s", (int)((char *)memchr(t.data, '\r', t.len) - t.data), t.data);
	return line;
}

static void rport_is_filled_with_the_port_it_came_from_and_gets_received(void **state)
{
	struct peer *p = *state;
	char wanted[256];

	snprintf(wanted, sizeof(wanted),
		"Via: SIP/2.0/UDP 127.0.0.1:9;rport=%s;branch=z9hG4bK1;received=127.0.0.1",
		strchr(p->address, ':') + 1);
	assert_string_equal(via_of_response(p, "127.0.0.1:9", ";rport"), wanted);
	snprintf(wanted, sizeof(wanted), "Via: SIP/2.0/UDP %s;branch=z9hG4bK1", p->address);
	assert_string_equal(via_of_response(p, p->address, ""), wanted); /* not asked for */
}

static void received_names_another_address_it_came_from(void **state)
{
	struct peer *p = *state;
	const char *via = via_of_response(p, "192.0.2.9:5060", "");
	char wanted[256];

	assert_string_equal(via, "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1;received=127.0.0.1");
	snprintf(wanted, sizeof(wanted), "Via: SIP/2.0/UDP %s;branch=z9hG4bK1", p->address);
	assert_string_equal(via_of_response(p, p->address, ";received=192.0.2.7"), wanted); /* a lie */
	via = via_of_response(p, "a.example", ";rport");
	snprintf(wanted, sizeof(wanted), ";rport=%s;", strchr(p->address, ':') + 1);
	assert_non_null(strstr(via, wanted));
	assert_non_null(strstr(via, ";received=127.0.0.1"));
}

/* The line they shared no longer says what they are. */
static void of_several_vias_in_one_line_none_is_lost_when_the_first_is_changed(void **state)
{
	struct peer *p = *state;
	struct text t = text_scratch();
	char wanted[512];

	message_response_head(&t,
		peer_send(p,
			"INVITE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK1,"
			" SIP/2.0/UDP p1.example;branch=z9hG4bK2, SIP/2.0/UDP p2.example;branch=z9hG4bK3\r\n" REST
			"Content-Length: 0\r\n\r\n",
			p->address));
	snprintf(wanted, sizeof(wanted),
		"Via: SIP/2.0/UDP %s;rport=%s;branch=z9hG4bK1;received=127.0.0.1\r\nVia: SIP/2.0/UDP p1.example;branch=z9hG4bK2\r\n"
		"Via: SIP/2.0/UDP p2.example;branch=z9hG4bK3\r\nFrom: <sip:a@a.example>;tag=a1\r\n"
		"Call-ID: c1@a.example\r\nCSeq: 42 INVITE\r\n",
		p->address, strchr(p->address, ':') + 1);
	assert_text(&t, wanted);
}

static void to_gets_a_tag_unless_it_has_one(void **state)
{
	struct peer *p = *state;
	struct text t = text_scratch();

	message_to(&t, receive(p, "", "")->sip_to, "b1");
	assert_text(&t, "To: <sip:b@b.example>;tag=b1\r\n");
	t = text_scratch();
	message_to(&t,
		peer_send(p,
			"BYE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK1\r\n"
			"From: <sip:a@a.example>;tag=a1\r\nt: <sip:b@b.example> ;tag=b7\r\nCall-ID: c1\r\n"
			"CSeq: 42 BYE\r\nContent-Length: 0\r\n\r\n",
			p->address)
			->sip->sip_to,
		"b1");
	assert_text(&t, "t: <sip:b@b.example> ;tag=b7\r\n");
}

static void a_stateless_response_is_whole_and_has_the_same_tag_each_time(void **state)
{
	struct peer *p = *state;
	const struct received *rx;
	char first[1024];

	receive(p, "", "");
	rx = &p->rx;
	transport_reply_stateless(rx, 404, NULL, "Subject: test\r\n");
	snprintf(first, sizeof(first), "%s", peer_receive(p));
	assert_memory_equal(first, "SIP/2.0 404 Not Found\r\nVia: ", 28);
	assert_non_null(strstr(first, "\r\nTo: <sip:b@b.example>;tag="));
	assert_non_null(strstr(first, "\r\nSubject: test\r\nContent-Length: 0\r\n\r\n"));
	transport_reply_stateless(rx, 404, NULL, "Subject: test\r\n");
	peer_receives(p, first);
	transport_reply_tagged(rx, 404, NULL, "b1", NULL);
	assert_non_null(strstr(peer_receive(p), "\r\nTo: <sip:b@b.example>;tag=b1\r\n"));
}

static void a_stateless_response_that_does_not_fit_is_not_sent(void **state)
{
	struct peer *p = *state;
	char *large = malloc(TEXT_MAX + 1);

	assert_non_null(large);
	memset(large, 'x', TEXT_MAX);
	large[TEXT_MAX] = '\0';
	receive(p, "", "");
	transport_reply_stateless(&p->rx, 404, NULL, large);
	peer_receives_nothing(p);
	free(large);
}

static void ask(struct peer *p, const char *sent_by, const char *branch)
{
	peer_send(p,
		"OPTIONS sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=%s\r\n"
		"From: <sip:a@a.example>;tag=a1\r\nTo: <sip:b@b.example>\r\nCall-ID: c1\r\n"
		"CSeq: 42 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		sent_by, branch);
}

static void the_tag_of_a_stateless_response_differs_from_request_to_request(void **state)
{
	static const char line[] = "\r\nTo: <sip:b@b.example>;tag=0123456789abcdef\r\n";
	struct peer *p = *state;
	char first[sizeof(line)];

	ask(p, p->address, "z9hG4bK1");
	transport_reply_stateless(&p->rx, 200, NULL, NULL);
	snprintf(first, sizeof(first), "%s", strstr(peer_receive(p), "\r\nTo: "));
	ask(p, p->address, "z9hG4bK2");
	transport_reply_stateless(&p->rx, 200, NULL, NULL);
	assert_null(strstr(peer_receive(p), first));
}

static void without_rport_a_response_goes_to_the_port_of_via(void **state)
{
	struct peer *p = *state, other;

	peer_open(&other);
	ask(p, other.address, "z9hG4bK1");
	transport_reply_stateless(&p->rx, 200, NULL, NULL);
	assert_memory_equal(peer_receive(&other), "SIP/2.0 200 OK\r\n", 16);
	peer_receives_nothing(p);
	peer_close(&other);
}

static void with_rport_a_response_goes_to_the_port_it_came_from(void **state)
{
	struct peer *p = *state;

	ask(p, "127.0.0.1:9;rport", "z9hG4bK1");
	transport_reply_stateless(&p->rx, 200, NULL, NULL);
	assert_memory_equal(peer_receive(p), "SIP/2.0 200 OK\r\n", 16);
}

/* The end of a message ---------------------------------------------------------------------- */

static void content_length_counts_the_bytes_of_the_body(void **state)
{
	static const struct message_body none = {0}, five = {.data = "v=0\0\xff", .len = 5};
	struct text t = text_scratch();

	(void)state;
	message_end(&t, NULL);
	assert_text(&t, "Content-Length: 0\r\n\r\n");
	t = text_scratch();
	message_end(&t, &none);
	assert_text(&t, "Content-Length: 0\r\n\r\n");
	t = text_scratch();
	message_end(&t, &five);
	assert_int_equal(t.len, 26);
	assert_memory_equal(t.data, "Content-Length: 5\r\n\r\nv=0\0\xff", 26);
}

static void a_body_is_taken_as_it_came(void **state)
{
	struct peer *p = *state;
	struct message_body body =
		message_body(receive(p, "Content-Type: text/plain\r\n", "\r\nline\nline\r\n"));

	assert_int_equal(body.len, 13);
	assert_memory_equal(body.data, "\r\nline\nline\r\n", 13);
	body = message_body(receive(p, "", ""));
	assert_int_equal(body.len, 0);
}

/* Headers one by one ------------------------------------------------------------------------ */

static void foreign_and_compact_headers_are_copied_as_they_came_and_folds_undone(void **state)
{
	struct peer *p = *state;
	const sip_t *sip = receive(
		p, "X-Foreign :  a, b ;c\r\ns:compact\r\nm: <sip:a@a.example> ;q=1\r\nsUPPORTED: x\r\n", "");
	struct text t = text_scratch();

	assert_non_null(sip->sip_unknown);
	message_header(&t, (const sip_header_t *)sip->sip_unknown);
	message_header(&t, (const sip_header_t *)sip->sip_subject);
	message_header(&t, (const sip_header_t *)sip->sip_contact);
	message_header(&t, (const sip_header_t *)sip->sip_supported);
	assert_text(&t, "X-Foreign :  a, b ;c\r\ns:compact\r\nm: <sip:a@a.example> ;q=1\r\nsUPPORTED: x\r\n");
}

static void of_a_list_in_one_line_the_first_has_the_line_and_the_others_nothing(void **state)
{
	struct peer *p = *state;
	const sip_t *sip = receive(p, "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n", "");
	struct text t = text_scratch();

	assert_non_null(sip->sip_record_route->r_next);
	message_header(&t, (const sip_header_t *)sip->sip_record_route);
	message_header(&t, (const sip_header_t *)sip->sip_record_route->r_next);
	assert_text(&t, "Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n");
}

static void what_would_end_a_line_elsewhere_becomes_a_blank(void **state)
{
	static const char *const rows[][2] = {{"Subject: a\r\n \r\n\tb\r\n", "Subject: a b\r\n"},
		{"Subject: a\n b\n", "Subject: a b\r\n"}, {"Subject: a  \r\tb \r\n", "Subject: a b\r\n"},
		{"Subject: a\x01\x02"
		 "b\x7f\r\n",
			"Subject: a b\r\n"},
		{"Subject: abcdef\n", "Subject: abcdef\r\n"},
		{"Subject: \xc3\xa4\xff  b  \r\n", "Subject: \xc3\xa4\xff  b  \r\n"},
		{"Subject: 1234567890123456789\x1b\r\n", "Subject: 1234567890123456789\r\n"}};
	struct peer *p = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text t = text_scratch();

		message_header(&t, (const sip_header_t *)receive(p, rows[i][0], "")->sip_subject);
		assert_text(&t, rows[i][1]);
	}
}

static void a_number_has_neither_blanks_nor_control_characters(void **state)
{
	static const char *const usable[] = {"", "+49-30", "a%40b", "I%20have%20spaces", "49;x=y", "%C3%A4"};
	static const char *const unusable[] = {"49 30", "49\t30", "49%0d%0a", "%00", "49%7F", "%09", "49%",
		"49%2", "%zz", "49%1B", "4\"9", "4<9"};
	char number[MESSAGE_NUMBER_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(usable) / sizeof(usable[0]); i++)
		assert_true(message_number_is_usable(usable[i]));
	for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++)
		assert_false(message_number_is_usable(unusable[i]));
	snprintf(number, sizeof(number), "%0*d", MESSAGE_NUMBER_MAX, 0);
	assert_true(message_number_is_usable(number));
	snprintf(number, sizeof(number), "%0*d", MESSAGE_NUMBER_MAX + 1, 0);
	assert_false(message_number_is_usable(number));
}

static void a_uri_without_user_is_anonymous(void **state)
{
	struct peer *p = *state;

	assert_string_equal(
		message_uri_user(
			receive(p, "Contact: <sip:+49-30;x=y:pw@a.example>\r\n", "")->sip_contact->m_url),
		"+49-30;x=y");
	assert_string_equal(
		message_uri_user(receive(p, "Contact: <sip:a.example>\r\n", "")->sip_contact->m_url),
		"anonymous");
}

/* Text that does not fit -------------------------------------------------------------------- */

static void write_status(struct text *t, const struct received *rx)
{
	(void)rx;
	message_status(t, 180, NULL);
}

static void write_request_head(struct text *t, const struct received *rx)
{
	(void)rx;
	message_request_head(t, &udp, &bye);
}

static void write_contact(struct text *t, const struct received *rx)
{
	(void)rx;
	message_contact(t, &tcp);
}

static void write_response_head(struct text *t, const struct received *rx)
{
	message_response_head(t, rx);
}

static void write_to(struct text *t, const struct received *rx)
{
	message_to(t, rx->sip->sip_to, "b1");
}

static void write_body(struct text *t, const struct received *rx)
{
	static const struct message_body body = {.data = "v=0", .len = 3};

	(void)rx;
	message_end(t, &body);
}

/* In a block of its exact size: the sanitizer sees a byte written too much. */
static void what_does_not_fit_makes_the_text_full_and_what_just_fits_does_not(void **state)
{
	static void (*const writers[])(struct text *, const struct received *) = {
		write_status, write_request_head, write_contact, write_response_head, write_to, write_body};
	struct peer *p = *state;
	const struct received *rx = peer_send(p,
		"INVITE sip:b@b.example;x=y SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK1\r\n" REST
		"Record-Route: <sip:p.example;lr>\r\nContent-Length: 0\r\n\r\n",
		p->address);

	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		struct text whole = text_scratch();

		writers[i](&whole, rx);
		assert_false(whole.full);
		for (size_t size = 0; size <= whole.len + 1; size++) {
			struct text t = {.data = malloc(size ? size : 1), .size = size};

			assert_non_null(t.data);
			writers[i](&t, rx);
			assert_true(t.len <= t.size);
			/* The library's own writers need a byte more, for a NUL. */
			if (size != whole.len)
				assert_int_equal(t.full, size < whole.len);
			free(t.data);
		}
	}
}

/* Session descriptions ---------------------------------------------------------------------- */

#define SDP "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"

static void a_session_description_is_found_alone_and_in_a_multipart_body(void **state)
{
	struct peer *p = *state;
	struct sdp_span sdp = {0};
	const sip_t *sip = receive(p, "Content-Type: application/sdp\r\n", SDP);

	assert_true(message_has_sdp(sip));
	assert_true(message_find_sdp(sip, &sdp));
	assert_int_equal(sdp.len, strlen(SDP));
	assert_memory_equal(sdp.data, SDP, strlen(SDP));
	sip = receive(p, "c:multipart/mixed ;boundary=\"b\"\r\n",
		"--b\r\nContent-Type: application/isup\r\n\r\nx\r\n--b\r\nContent-Type: application/sdp\r\n\r\n" SDP
		"\r\n--b--\r\n");
	assert_true(message_has_sdp(sip));
	assert_true(message_find_sdp(sip, &sdp));
	assert_int_equal(sdp.len, strlen(SDP));
	assert_memory_equal(sdp.data, SDP, strlen(SDP));
}

static void other_bodies_have_no_session_description(void **state)
{
	static const char *const types[] = {"Content-Type: text/plain\r\n",
		"Content-Type: application/dtmf-relay\r\n", "Content-Type: message/sipfrag\r\n",
		"Subject: application/sdp\r\n"};
	struct peer *p = *state;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		assert_false(message_has_sdp(receive(p, types[i], SDP)));
	assert_false(message_has_sdp(receive(p, "Content-Type: application/sdp\r\n", "")));
	assert_false(message_has_sdp(receive(p, "Content-Type: multipart/mixed;boundary=b\r\n", SDP)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_status_line_has_the_usual_phrase_or_the_given_one),
		TEST(a_request_begins_with_what_it_must_have),
		TEST(routes_stand_behind_via_and_a_strict_routers_target_is_the_last),
		TEST(via_and_contact_name_the_transport),
		TEST(a_response_repeats_via_from_call_id_cseq_and_record_route),
		TEST(rport_is_filled_with_the_port_it_came_from_and_gets_received),
		TEST(received_names_another_address_it_came_from),
		TEST(of_several_vias_in_one_line_none_is_lost_when_the_first_is_changed),
		TEST(to_gets_a_tag_unless_it_has_one),
		TEST(a_stateless_response_is_whole_and_has_the_same_tag_each_time),
		TEST(a_stateless_response_that_does_not_fit_is_not_sent),
		TEST(the_tag_of_a_stateless_response_differs_from_request_to_request),
		TEST(without_rport_a_response_goes_to_the_port_of_via),
		TEST(with_rport_a_response_goes_to_the_port_it_came_from),
		TEST(content_length_counts_the_bytes_of_the_body),
		TEST(a_body_is_taken_as_it_came),
		TEST(foreign_and_compact_headers_are_copied_as_they_came_and_folds_undone),
		TEST(of_a_list_in_one_line_the_first_has_the_line_and_the_others_nothing),
		TEST(what_would_end_a_line_elsewhere_becomes_a_blank),
		TEST(a_number_has_neither_blanks_nor_control_characters),
		TEST(a_uri_without_user_is_anonymous),
		TEST(what_does_not_fit_makes_the_text_full_and_what_just_fits_does_not),
		TEST(a_session_description_is_found_alone_and_in_a_multipart_body),
		TEST(other_bodies_have_no_session_description),
	};

	peer_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
