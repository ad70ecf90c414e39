#include "dialog.h"

#include "message_from_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

/*
 * Two users meet in these dialogs: Alice calls us, we call Bob. What the network would bring is parsed from text, and
 * what we would send is looked at as bytes.
 */

static struct hop_listener listener = {.transport = "udp",
	.family = AF_INET,
	.host = "192.0.2.1",
	.sent_by = "192.0.2.1:5060",
	.port = 5060};

#define SDP(version, port)                                                                                   \
	"v=0\r\no=them 7 " version " IN IP4 10.0.0.1\r\ns=their words\r\nt=0 0\r\nm=audio " port             \
	" RTP/AVP 0\r\n"

static struct hop hop_to(const char *host, uint16_t port)
{
	struct hop hop = {.listener = &listener};

	hop.to.v4.sin_family = AF_INET;
	hop.to.v4.sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, host, &hop.to.v4.sin_addr), 1);
	return hop;
}

static void goes_to(const struct dialog *d, const char *host, uint16_t port)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &d->hop.to.v4.sin_addr, text, sizeof(text));
	assert_string_equal(text, host);
	assert_int_equal(ntohs(d->hop.to.v4.sin_port), port);
}

/* What comes */

/** A message as it arrives from this source; valid until the next one. */
static struct received received(msg_t *msg, const char *host, uint16_t port)
{
	static struct hop from;

	from = hop_to(host, port);
	return (struct received){.msg = msg, .sip = sip_object(msg), .source = &from.to.any, .back = from};
}

/** Alice's INVITE or another request of hers. @param to_tag  ";tag=..." or "" */
static msg_t *from_alice(const char *method, unsigned cseq, const char *to_tag, const char *more)
{
	char start[128], headers[1024];

	snprintf(start, sizeof(start), "%s sip:4930@192.0.2.1 SIP/2.0", method);
	snprintf(headers, sizeof(headers),
		"Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\nFrom: \"Alice\" <sip:alice@example.org>;tag=alice\r\n"
		"To: <sip:4930@192.0.2.1>%s\r\nCall-ID: call-of-alice\r\nCSeq: %u %s\r\n%s",
		to_tag, cseq, method, more);
	return message_from_parts(start, headers, NULL);
}

static const char alice_source[] = "192.0.2.7";
static const char alice_contact[] = "Contact: <sip:alice@192.0.2.7:5070>\r\n";

static int accept_alice(struct dialog *d, struct dialogs *set, const char *more)
{
	msg_t *msg = from_alice("INVITE", 17, "", more);
	struct received rx = received(msg, alice_source, 5060);
	int err = dialog_accept(d, set, NULL, &rx);

	msg_destroy(msg);
	return err;
}

/** Bob's response to our INVITE. */
static msg_t *from_bob(const struct dialog *d, const char *status, const char *tag, const char *more)
{
	char start[128], headers[2048];

	snprintf(start, sizeof(start), "SIP/2.0 %s", status);
	snprintf(headers, sizeof(headers),
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb\r\nFrom: %s\r\nTo: <sip:bob@192.0.2.8>;tag=%s\r\n"
		"Call-ID: %s\r\nCSeq: %u INVITE\r\n%s",
		d->local, tag, d->call_id, d->local_seq, more);
	return message_from_parts(start, headers, NULL);
}

static void call_bob(struct dialog *d, struct dialogs *set)
{
	struct hop hop = hop_to("192.0.2.8", 5060);

	assert_int_equal(dialog_begin(d, set, NULL, &hop, "<sip:us@192.0.2.1>", "<sip:bob@192.0.2.8>",
				 "sip:bob@192.0.2.8"),
		0);
}

static int establish(struct dialog *d, const char *tag, const char *more)
{
	msg_t *msg = from_bob(d, "200 OK", tag, more);
	struct received rx = received(msg, "192.0.2.8", 5060);
	int err = dialog_establish(d, &rx);

	msg_destroy(msg);
	return err;
}

/* What we send */

/** The head of our next request. */
static const char *request(struct dialog *d, const char *method, uint32_t cseq)
{
	static char data[4096];
	struct text t = {.data = data, .size = sizeof(data) - 1};

	dialog_write_request(d, &t, method, "z9hG4bKtest", cseq, 70);
	assert_false(t.full);
	data[t.len] = '\0';
	return data;
}

static void starts_with(const char *text, const char *start)
{
	assert_non_null(text);
	if (strncmp(text, start, strlen(start)))
		fail_msg("not at the start of\n%s\n: %s", text, start);
}

static void has(const char *text, const char *part)
{
	assert_non_null(text);
	if (!strstr(text, part))
		fail_msg("not in\n%s\n: %s", text, part);
}

static void has_not(const char *text, const char *part)
{
	assert_non_null(text);
	if (strstr(text, part))
		fail_msg("is in\n%s\n: %s", text, part);
}

/* Tags -------------------------------------------------------------------------------------- */

/* RFC 3261 section 12.1.1 */
static void a_callers_dialog_has_our_tag_in_to_and_hers_in_from(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	char local[128];

	assert_int_equal(accept_alice(&d, set, alice_contact), 0);
	snprintf(local, sizeof(local), "<sip:4930@192.0.2.1>;tag=%s", d.local_tag);
	assert_string_equal(d.local, local);
	assert_string_equal(d.remote, "\"Alice\" <sip:alice@example.org>;tag=alice");
	assert_string_equal(d.remote_tag, "alice");
	assert_string_equal(d.call_id, "call-of-alice");
	assert_string_equal(d.target, "sip:alice@192.0.2.7:5070");
	assert_int_equal(d.remote_seq, 17);
	goes_to(&d, "192.0.2.7", 5070);
	dialog_clear(&d);
}

static void a_request_is_known_by_call_id_and_both_tags(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	char tag[64];
	msg_t *msg;

	accept_alice(&d, set, alice_contact);
	assert_int_equal(dialogs_count(set), 1);
	snprintf(tag, sizeof(tag), ";tag=%s", d.local_tag);
	msg = from_alice("BYE", 18, tag, "");
	assert_ptr_equal(dialogs_find(set, sip_object(msg)), &d);
	sip_object(msg)->sip_from->a_tag = "mallory";
	assert_null(dialogs_find(set, sip_object(msg)));
	sip_object(msg)->sip_from->a_tag = "alice";
	sip_object(msg)->sip_call_id->i_id = "call-of-mallory";
	assert_null(dialogs_find(set, sip_object(msg)));
	msg_destroy(msg);
	msg = from_alice("BYE", 18, ";tag=guessed", "");
	assert_null(dialogs_find(set, sip_object(msg)));
	msg_destroy(msg);
	msg = from_alice("BYE", 18, "", "");
	assert_null(dialogs_find(set, sip_object(msg)));
	msg_destroy(msg);
	dialog_clear(&d);
	assert_int_equal(dialogs_count(set), 0);
}

static void a_response_is_known_by_our_tag_until_the_peer_has_one(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	msg_t *msg;

	call_bob(&d, set);
	assert_null(d.remote_tag);
	msg = from_bob(&d, "180 Ringing", "b1", "");
	assert_ptr_equal(dialogs_find(set, sip_object(msg)), &d);
	msg_destroy(msg);
	assert_int_equal(establish(&d, "b1", "Contact: <sip:bob@192.0.2.8>\r\n"), 0);
	assert_string_equal(d.remote, "<sip:bob@192.0.2.8>;tag=b1");
	msg = from_bob(&d, "200 OK", "b2", "");
	assert_null(dialogs_find(set, sip_object(msg)));
	msg_destroy(msg);
	dialog_clear(&d);
}

/* RFC 3261 section 12.1.1: a peer of RFC 2543 may have none. */
static void a_peer_without_tag_has_the_empty_one(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	char text[1024];
	msg_t *msg =
		message_from_text("INVITE sip:4930@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7\r\n"
				  "From: <sip:old@192.0.2.7>\r\nTo: <sip:4930@192.0.2.1>\r\nCall-ID: old\r\n"
				  "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
	struct received rx = received(msg, "192.0.2.7", 5060);

	assert_int_equal(dialog_accept(&d, set, NULL, &rx), 0);
	msg_destroy(msg);
	assert_string_equal(d.target, "sip:old@192.0.2.7"); /* and no Contact: From has to do */
	snprintf(text, sizeof(text),
		"BYE sip:4930@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7\r\nFrom: <sip:old@192.0.2.7>\r\n"
		"To: <sip:4930@192.0.2.1>;tag=%s\r\nCall-ID: old\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n",
		d.local_tag);
	msg = message_from_text(text);
	assert_ptr_equal(dialogs_find(set, sip_object(msg)), &d);
	msg_destroy(msg);
	dialog_clear(&d);
}

static void tags_and_call_ids_differ_from_call_to_call(void **state)
{
	struct dialogs *set = *state;
	struct dialog one = {0}, other = {0};

	call_bob(&one, set);
	call_bob(&other, set);
	assert_string_not_equal(one.local_tag, other.local_tag);
	assert_string_not_equal(one.call_id, other.call_id);
	dialog_clear(&one);
	dialog_clear(&other);
}

/* CSeq -------------------------------------------------------------------------------------- */

static void each_request_has_the_next_cseq(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};

	call_bob(&d, set);
	has(request(&d, "INVITE", 0), "\r\nCSeq: 1 INVITE\r\n");
	establish(&d, "b1", "Contact: <sip:bob@192.0.2.8>\r\n");
	has(request(&d, "INFO", 0), "\r\nCSeq: 2 INFO\r\n");
	has(request(&d, "UPDATE", 0), "\r\nCSeq: 3 UPDATE\r\n");
	dialog_clear(&d);
}

/* RFC 3261 section 13.2.2.4 */
static void the_ack_has_the_cseq_of_its_invite_and_uses_up_none(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};

	call_bob(&d, set);
	request(&d, "INVITE", 0);
	establish(&d, "b1", "Contact: <sip:bob@192.0.2.8>\r\n");
	request(&d, "PRACK", 0);
	assert_int_equal(d.invite_seq, 1);
	assert_string_equal(d.invite_branch, "z9hG4bKtest");
	has(request(&d, "ACK", d.invite_seq), "\r\nCSeq: 1 ACK\r\n");
	has(request(&d, "BYE", 0), "\r\nCSeq: 3 BYE\r\n");
	dialog_clear(&d);
}

/* The route set ----------------------------------------------------------------------------- */

static void without_a_route_set_the_target_is_all(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};

	call_bob(&d, set);
	establish(&d, "b1", "Contact: <sip:bob@192.0.2.9:5080>\r\n");
	starts_with(request(&d, "BYE", 0), "BYE sip:bob@192.0.2.9:5080 SIP/2.0\r\n");
	has_not(request(&d, "BYE", 0), "\r\nRoute:");
	goes_to(&d, "192.0.2.9", 5080);
	dialog_clear(&d);
}

/* RFC 3261 section 12.1.2: as UAC the list is turned round. */
static void the_route_set_of_an_answer_is_reversed(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	const char *bye;

	call_bob(&d, set);
	establish(&d, "b1",
		"Record-Route: <sip:192.0.2.31;lr>, <sip:192.0.2.32;lr>\r\nRecord-Route: <sip:192.0.2.33:5090;lr>\r\n"
		"Contact: <sip:bob@192.0.2.9>\r\n");
	bye = request(&d, "BYE", 0);
	starts_with(bye, "BYE sip:bob@192.0.2.9 SIP/2.0\r\n");
	has(bye,
		"\r\nRoute: <sip:192.0.2.33:5090;lr>\r\nRoute: <sip:192.0.2.32;lr>\r\nRoute: <sip:192.0.2.31;lr>\r\n");
	goes_to(&d, "192.0.2.33", 5090);
	dialog_clear(&d);
}

/* RFC 3261 section 12.1.1: as UAS it stays as it came. */
static void the_route_set_of_a_request_keeps_its_order(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	char headers[256];

	snprintf(headers, sizeof(headers),
		"Record-Route: <sip:192.0.2.31;lr>\r\nRecord-Route: <sip:192.0.2.32;lr>\r\n%s",
		alice_contact);
	accept_alice(&d, set, headers);
	has(request(&d, "BYE", 0), "\r\nRoute: <sip:192.0.2.31;lr>\r\nRoute: <sip:192.0.2.32;lr>\r\n");
	goes_to(&d, "192.0.2.31", 5060);
	dialog_clear(&d);
}

/* RFC 3261 section 12.2.1.1 */
static void a_strict_router_takes_the_place_of_the_request_uri(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	const char *bye;

	call_bob(&d, set);
	establish(&d, "b1",
		"Record-Route: <sip:192.0.2.31;lr>\r\nRecord-Route: <sip:192.0.2.32>\r\nContact: <sip:bob@192.0.2.9>\r\n");
	bye = request(&d, "BYE", 0);
	starts_with(bye, "BYE sip:192.0.2.32 SIP/2.0\r\n");
	has(bye, "\r\nRoute: <sip:192.0.2.31;lr>\r\nRoute: <sip:bob@192.0.2.9>\r\n");
	goes_to(&d, "192.0.2.32", 5060);
	dialog_clear(&d);
}

static void a_route_set_without_end_is_refused(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	char *text = malloc(1 << 16);
	size_t n;
	msg_t *msg;
	struct received rx;

	assert_non_null(text);
	n = (size_t)sprintf(text,
		"INVITE sip:4930@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\n"
		"From: <sip:a@192.0.2.7>;tag=a\r\nTo: <sip:b@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n");
	for (int i = 0; i < 257; i++)
		n += (size_t)sprintf(text + n, "Record-Route: <sip:192.0.2.31;lr>\r\n");
	sprintf(text + n, "Contact: <sip:a@192.0.2.7>\r\nContent-Length: 0\r\n\r\n");
	msg = message_from_text(text);
	rx = received(msg, "192.0.2.7", 5060);
	assert_int_equal(dialog_accept(&d, set, NULL, &rx), -E2BIG);
	dialog_clear(&d);
	assert_int_equal(dialogs_count(set), 0);
	msg_destroy(msg);
	free(text);
}

/* A name would have to be resolved; the peer is known by its address already. */
static void a_name_in_contact_or_route_does_not_move_where_requests_go(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};

	call_bob(&d, set);
	establish(&d, "b1", "Contact: <sip:bob@pbx.example.org:5080>\r\n");
	starts_with(request(&d, "BYE", 0), "BYE sip:bob@pbx.example.org:5080 SIP/2.0\r\n");
	goes_to(&d, "192.0.2.8", 5060);
	dialog_clear(&d);
}

/* The remote target ------------------------------------------------------------------------- */

static int refresh(struct dialog *d, const char *more)
{
	char tag[64];
	struct received rx;
	msg_t *msg;
	int err;

	snprintf(tag, sizeof(tag), ";tag=%s", d->local_tag);
	msg = from_alice("UPDATE", 18, tag, more);
	rx = received(msg, alice_source, 5061);
	err = dialog_refresh_target(d, &rx);
	msg_destroy(msg);
	return err;
}

/* RFC 3261 section 12.2 */
static void contact_moves_the_remote_target(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};

	accept_alice(&d, set, alice_contact);
	assert_int_equal(refresh(&d, ""), 0);
	assert_string_equal(d.target, "sip:alice@192.0.2.7:5070");
	assert_int_equal(refresh(&d, "Contact: <sip:alice@192.0.2.17:5071;ob>\r\n"), 0);
	assert_string_equal(d.target, "sip:alice@192.0.2.17:5071;ob");
	goes_to(&d, "192.0.2.17", 5071);
	dialog_clear(&d);
}

static void behind_a_route_the_target_moves_and_the_way_stays(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	char headers[256];

	snprintf(headers, sizeof(headers), "Record-Route: <sip:192.0.2.31;lr>\r\n%s", alice_contact);
	accept_alice(&d, set, headers);
	assert_int_equal(
		refresh(&d, "Record-Route: <sip:192.0.2.99;lr>\r\nContact: <sip:alice@192.0.2.17>\r\n"), 0);
	starts_with(request(&d, "BYE", 0), "BYE sip:alice@192.0.2.17 SIP/2.0\r\n");
	has(request(&d, "BYE", 0), "\r\nRoute: <sip:192.0.2.31;lr>\r\n");
	goes_to(&d, "192.0.2.31", 5060);
	dialog_clear(&d);
}

/* Peers behind NAT -------------------------------------------------------------------------- */

static void a_private_contact_from_a_public_source_leads_to_the_source(void **state)
{
	static const char private[] = "Contact: <sip:alice@192.168.1.2:5070>\r\n";
	struct dialogs *set = *state;
	struct dialog d = {0};

	accept_alice(&d, set, private);
	starts_with(
		request(&d, "BYE", 0), "BYE sip:alice@192.168.1.2:5070 SIP/2.0\r\n"); /* it knows no other */
	goes_to(&d, alice_source, 5060);
	assert_int_equal(refresh(&d, private), 0);
	goes_to(&d, alice_source, 5061); /* from where she sends now */
	assert_int_equal(refresh(&d, "Contact: <sip:alice@192.0.2.17:5071>\r\n"), 0);
	goes_to(&d, "192.0.2.17", 5071);
	dialog_clear(&d);

	call_bob(&d, set);
	establish(&d, "b1", "Contact: <sip:bob@10.0.0.9:5080>\r\n");
	goes_to(&d, "192.0.2.8", 5060);
	dialog_clear(&d);
}

static void behind_a_route_the_route_decides(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};

	accept_alice(&d, set, "Record-Route: <sip:192.0.2.31;lr>\r\nContact: <sip:alice@10.0.0.7>\r\n");
	goes_to(&d, "192.0.2.31", 5060);
	assert_int_equal(refresh(&d, "Contact: <sip:alice@10.0.0.7>\r\n"), 0);
	goes_to(&d, "192.0.2.31", 5060);
	dialog_clear(&d);

	accept_alice(&d, set, "Record-Route: <sip:10.0.0.31;lr>\r\nContact: <sip:alice@192.0.2.17>\r\n");
	has(request(&d, "BYE", 0), "\r\nRoute: <sip:10.0.0.31;lr>\r\n");
	goes_to(&d, alice_source, 5060);
	assert_int_equal(refresh(&d, "Contact: <sip:alice@192.0.2.17>\r\n"), 0);
	goes_to(&d, alice_source, 5061);
	dialog_clear(&d);
}

/* Forks ------------------------------------------------------------------------------------- */

static void each_fork_has_its_own_tag_target_and_route(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0}, fork = {0};
	const char *prack;
	struct received rx;
	msg_t *msg;

	call_bob(&d, set);
	request(&d, "INVITE", 0);
	d.session.timer = true;
	msg = from_bob(&d, "183 Session Progress", "b2",
		"Record-Route: <sip:192.0.2.31;lr>\r\nContact: <sip:bob@192.0.2.10>\r\n");
	rx = received(msg, "192.0.2.8", 5060);
	assert_int_equal(dialog_fork(&fork, &d, &rx), 0);
	msg_destroy(msg);
	assert_string_equal(fork.local_tag, d.local_tag);
	assert_string_equal(fork.call_id, d.call_id);
	assert_string_equal(fork.remote_tag, "b2");
	assert_null(d.remote_tag);
	assert_int_equal(dialogs_count(set), 1); /* what comes for it is known by the tag of the INVITE */
	prack = request(&fork, "PRACK", 0);
	starts_with(prack, "PRACK sip:bob@192.0.2.10 SIP/2.0\r\n");
	has(prack, "\r\nRoute: <sip:192.0.2.31;lr>\r\n");
	has(prack, "\r\nTo: <sip:bob@192.0.2.8>;tag=b2\r\n");
	has(prack, "\r\nCSeq: 2 PRACK\r\n");
	assert_int_equal(d.local_seq, 1); /* each dialog counts for itself */
	assert_int_equal(fork.invite_seq, 1);
	assert_true(fork.session.timer);
	goes_to(&fork, "192.0.2.31", 5060);
	goes_to(&d, "192.0.2.8", 5060);
	dialog_clear(&fork);
	dialog_clear(&d);
}

static void a_stray_answer_makes_a_dialog_to_hang_up_in(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0}, stray = {0};
	msg_t *msg;
	struct received rx;

	call_bob(&d, set);
	request(&d, "INVITE", 0);
	msg = from_bob(&d, "200 OK", "b3", "Contact: <sip:bob@192.0.2.10>\r\n");
	rx = received(msg, "192.0.2.8", 5060);
	assert_int_equal(dialog_from_stray_answer(&stray, *state, &rx), 0);
	msg_destroy(msg);
	has(request(&stray, "BYE", 0), "\r\nCSeq: 2 BYE\r\n");
	has(request(&stray, "BYE", 0), ";tag=b3\r\n");
	assert_string_equal(stray.local_tag, d.local_tag);
	dialog_clear(&stray);

	msg = from_bob(&d, "200 OK", "b3", "");
	rx.sip = sip_object(msg);
	assert_int_equal(dialog_from_stray_answer(&stray, *state, &rx), 0);
	starts_with(
		request(&stray, "BYE", 0), "BYE sip:bob@192.0.2.8 SIP/2.0\r\n"); /* whom the INVITE called */
	dialog_clear(&stray);
	msg_destroy(msg);
	dialog_clear(&d);
}

static void a_dialog_that_moves_is_found_at_its_new_place(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0}, moved;
	msg_t *msg;
	char tag[64];

	accept_alice(&d, set, alice_contact);
	snprintf(tag, sizeof(tag), ";tag=%s", d.local_tag);
	dialog_move(&moved, &d);
	msg = from_alice("BYE", 18, tag, "");
	assert_ptr_equal(dialogs_find(set, sip_object(msg)), &moved);
	msg_destroy(msg);
	assert_null(d.call_id);
	dialog_clear(&moved);
}

/* Descriptions ------------------------------------------------------------------------------ */

/** A body of the other side's as this peer gets it. */
static const char *body_of(struct dialog *d, const char *sdp)
{
	static char data[4096];
	struct text t = {.data = data, .size = sizeof(data) - 1};
	msg_t *msg = message_from_parts("INVITE sip:x@192.0.2.1 SIP/2.0", HEADERS "CSeq: 1 INVITE\r\n", sdp);

	dialog_write_body(d, &t, sip_object(msg));
	msg_destroy(msg);
	assert_false(t.full);
	data[t.len] = '\0';
	return data;
}

static void a_body_passes_byte_for_byte(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	char expected[512];

	call_bob(&d, set);
	snprintf(expected, sizeof(expected), "Content-Length: %zu\r\n\r\n%s", strlen(SDP("5", "4000")),
		SDP("5", "4000"));
	assert_string_equal(body_of(&d, SDP("5", "4000")), expected);
	assert_string_equal(body_of(&d, NULL), "Content-Length: 0\r\n\r\n");
	dialog_clear(&d);
}

/* RFC 3264 section 8: one session id for the whole dialog, and a version that counts changes by one. */
static void our_own_origin_has_one_id_and_counts_its_versions(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	char first[128], second[128];

	call_bob(&d, set);
	d.own_origin = true;
	snprintf(first, sizeof(first), "o=- %llu 1 IN IP4 192.0.2.1\r\ns=-\r\n",
		(unsigned long long)d.origin.id);
	snprintf(second, sizeof(second), "o=- %llu 2 IN IP4 192.0.2.1\r\ns=-\r\n",
		(unsigned long long)d.origin.id);
	has(body_of(&d, SDP("5", "4000")), first);
	has_not(body_of(&d, SDP("5", "4000")), "10.0.0.1");
	has(body_of(&d, SDP("6", "4000")), first); /* nothing else changed */
	has(body_of(&d, SDP("6", "4002")), second);
	dialog_clear(&d);
}

static void a_description_kept_from_the_other_leg_is_written_with_its_type(void **state)
{
	struct dialogs *set = *state;
	struct dialog d = {0};
	struct session other = {0};
	char data[1024];
	struct text t = {.data = data, .size = sizeof(data) - 1};
	msg_t *msg = message_from_parts(
		"INVITE sip:x@192.0.2.1 SIP/2.0", HEADERS "CSeq: 1 INVITE\r\n", SDP("5", "4000"));

	call_bob(&d, set);
	session_describe(&other, sip_object(msg));
	msg_destroy(msg);
	dialog_write_description(&d, &t, &other);
	data[t.len] = '\0';
	starts_with(data, "Content-Type: application/sdp\r\nContent-Length: ");
	has(data, "\r\n\r\n" SDP("5", "4000"));
	session_clear(&other);
	t.len = 0;
	dialog_write_description(&d, &t, &other);
	data[t.len] = '\0';
	assert_string_equal(data, "Content-Length: 0\r\n\r\n");
	dialog_clear(&d);
}

static int setup(void **state)
{
	struct dialogs *set = NULL;

	assert_int_equal(dialogs_create(&set, NULL), 0);
	*state = set;
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(dialogs_count(*state), 0);
	dialogs_destroy(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_callers_dialog_has_our_tag_in_to_and_hers_in_from),
		TEST(a_request_is_known_by_call_id_and_both_tags),
		TEST(a_response_is_known_by_our_tag_until_the_peer_has_one),
		TEST(a_peer_without_tag_has_the_empty_one),
		TEST(tags_and_call_ids_differ_from_call_to_call),
		TEST(each_request_has_the_next_cseq),
		TEST(the_ack_has_the_cseq_of_its_invite_and_uses_up_none),
		TEST(without_a_route_set_the_target_is_all),
		TEST(the_route_set_of_an_answer_is_reversed),
		TEST(the_route_set_of_a_request_keeps_its_order),
		TEST(a_strict_router_takes_the_place_of_the_request_uri),
		TEST(a_route_set_without_end_is_refused),
		TEST(a_name_in_contact_or_route_does_not_move_where_requests_go),
		TEST(contact_moves_the_remote_target),
		TEST(behind_a_route_the_target_moves_and_the_way_stays),
		TEST(a_private_contact_from_a_public_source_leads_to_the_source),
		TEST(behind_a_route_the_route_decides),
		TEST(each_fork_has_its_own_tag_target_and_route),
		TEST(a_stray_answer_makes_a_dialog_to_hang_up_in),
		TEST(a_dialog_that_moves_is_found_at_its_new_place),
		TEST(a_body_passes_byte_for_byte),
		TEST(our_own_origin_has_one_id_and_counts_its_versions),
		TEST(a_description_kept_from_the_other_leg_is_written_with_its_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
