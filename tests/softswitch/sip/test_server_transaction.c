#include "server_transaction.h"

#include "clock.h"
#include "peer.h"
#include "scan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Times are ours, a hundred times as fast as real ones. Between two steps of a test a busy machine may lose some 100 ms. */
static const struct resend_schedule quick = {.wait_ms = {1000, 2000, 4000}, .n = 3};
static const struct resend_schedule steady = {.wait_ms = {10000, 10000, 10000, 10000}, .n = 4};
static const struct resend_schedule unhurried = {.wait_ms = {20000}, .n = 1}; /* the usual one */
enum {
	QUICK_MS = 8000, /* until it is used up: the first interval is waited once more */
	UNHURRIED_MS = 40000,
	TIMER_I_MS = 5000,           /* RFC 3261 section 17.2.1 */
	TIMER_J_MS = 32000,          /* and 17.2.2 */
	EARLY_MS = PEER_CLOCK_SPEED, /* the clocks cut off below 1 ms of real time */
};

/** One request of the peer's, and what the owner of its transaction was told. */
struct scene {
	struct peer peer;
	struct server_transactions *set;
	struct server_transaction *s;
	const struct resend_schedule *resend;
	uint64_t sent_ms;
	char response[2048]; /* as the peer received it */

	int cancels, unacknowledged, late_acks, over;
	bool refuses_when_cancelled;
};

static void on_cancel(const struct received *rx, void *arg)
{
	struct scene *s = arg;

	assert_int_equal(rx->sip->sip_request->rq_method, sip_method_cancel);
	s->cancels++;
	if (s->refuses_when_cancelled)
		server_transaction_reply(s->s, 487, NULL, "b1", NULL, s->resend);
}

static void on_unacknowledged(void *arg)
{
	((struct scene *)arg)->unacknowledged++;
}

static void on_late_ack(void *arg)
{
	((struct scene *)arg)->late_acks++;
}

static void on_over(void *arg)
{
	((struct scene *)arg)->over++;
}

static const struct server_transaction_handlers handlers = {on_cancel, on_unacknowledged, NULL, on_over};
static const struct server_transaction_handlers without_dialog = {
	on_cancel, on_unacknowledged, on_late_ack, NULL};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	*state = s;
	s->resend = &unhurried;
	peer_open(&s->peer);
	return server_transactions_create(&s->set, s->peer.transport);
}

static int teardown(void **state)
{
	struct scene *s = *state;

	server_transactions_destroy(s->set);
	peer_close(&s->peer);
	free(s);
	return 0;
}

/** A request as the peer sends it; what is NULL or 0 is the usual. */
struct request {
	const char *method, *branch, *sent_by, *call_id, *from_tag, *to_tag, *more;
	unsigned cseq;
};

static const struct received *receive_request(struct scene *s, const struct request *r)
{
	return peer_send(&s->peer,
		"%s sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=%s\r\n%sMax-Forwards: 70\r\n"
		"From: <sip:a@a.example>;tag=%s\r\nTo: <sip:b@b.example>%s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n"
		"Content-Length: 0\r\n\r\n",
		r->method, r->sent_by ? r->sent_by : s->peer.address, r->branch ? r->branch : "z9hG4bK1",
		r->more ? r->more : "", r->from_tag ? r->from_tag : "a1", r->to_tag ? r->to_tag : "",
		r->call_id ? r->call_id : "c1@a.example", r->cseq ? r->cseq : 42, r->method);
}

/** @return true when a transaction took it */
static bool take(struct scene *s, const struct received *rx)
{
	return server_transactions_on_request(s->set, server_transactions_find(s->set, rx->sip), rx);
}

static bool request_with(struct scene *s, const struct request *r)
{
	return take(s, receive_request(s, r));
}

static bool request(struct scene *s, const char *method)
{
	return request_with(s, &(struct request){.method = method});
}

static void accept_with(
	struct scene *s, const struct request *r, const struct server_transaction_handlers *owner)
{
	const struct received *rx = receive_request(s, r);

	assert_false(take(s, rx));
	assert_int_equal(server_transaction_create(&s->s, s->set, rx, owner, s), 0);
}

static void accept_request(struct scene *s, const char *method)
{
	accept_with(s, &(struct request){.method = method}, &handlers);
}

/** Respond with the tag "b1"; s->response is what the peer received. */
static void respond(struct scene *s, int status)
{
	s->sent_ms = clock_now_ms();
	server_transaction_reply(s->s, status, NULL, "b1", NULL, s->resend);
	peer_receive(&s->peer);
	assert_true(s->peer.len < sizeof(s->response));
	memcpy(s->response, s->peer.data, s->peer.len + 1);
}

/** Not before that time; that it is not much later is for test_resend.c to see. */
static void receive_after(struct scene *s, uint64_t ms, const char *text)
{
	peer_receives(&s->peer, text);
	assert_true(clock_now_ms() - s->sent_ms + EARLY_MS >= ms);
}

/** What was said so far is all that will ever be said. */
static void nothing_follows(struct scene *s)
{
	peer_let_pass(&s->peer, UNHURRIED_MS + 5000);
	peer_receives_nothing(&s->peer);
}

/* What a response says ---------------------------------------------------------------------- */

static void expect_response(struct scene *s, const char *status_line, const char *tag, const char *more)
{
	char text[2048];

	snprintf(text, sizeof(text),
		"SIP/2.0 %s\r\nVia: SIP/2.0/UDP %s;rport=%s;branch=z9hG4bK1;received=127.0.0.1\r\n"
		"From: <sip:a@a.example>;tag=a1\r\nCall-ID: c1@a.example\r\nCSeq: 42 INVITE\r\n"
		"To: <sip:b@b.example>%s\r\n%sContent-Length: 0\r\n\r\n",
		status_line, s->peer.address, strchr(s->peer.address, ':') + 1, tag, more);
	peer_receives(&s->peer, text);
}

static void a_response_repeats_what_the_request_had(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	server_transaction_reply(s->s, 180, NULL, "b1", "Subject: test\r\n", NULL);
	expect_response(s, "180 Ringing", ";tag=b1", "Subject: test\r\n");
	server_transaction_reply(s->s, 486, "Not Now", "b1", NULL, s->resend);
	expect_response(s, "486 Not Now", ";tag=b1", "");
}

static void a_100_has_no_tag(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	server_transaction_reply(s->s, 100, NULL, "b1", NULL, NULL);
	expect_response(s, "100 Trying", "", "");
}

static void a_100_repeats_the_timestamp(void **state)
{
	struct scene *s = *state;

	accept_with(s, &(struct request){.method = "INVITE", .more = "Timestamp: 54.21\r\n"}, &handlers);
	server_transaction_reply(s->s, 100, NULL, "b1", NULL, NULL);
	expect_response(s, "100 Trying", "", "Timestamp: 54.21\r\n");
	server_transaction_reply(s->s, 486, NULL, "b1", NULL, s->resend);
	expect_response(s, "486 Busy Here", ";tag=b1", "");
}

static void the_tag_of_a_request_inside_a_dialog_stays(void **state)
{
	struct scene *s = *state;

	accept_with(s, &(struct request){.method = "INVITE", .to_tag = ";tag=ours"}, &handlers);
	server_transaction_reply(s->s, 200, NULL, NULL, NULL, s->resend);
	expect_response(s, "200 OK", ";tag=ours", "");
	assert_int_equal(server_transaction_cseq(s->s), 42);
}

static void a_request_whose_headers_leave_no_room_is_not_kept(void **state)
{
	struct scene *s = *state;
	char *route = malloc(62001);
	const struct received *rx;

	assert_non_null(route);
	strcpy(route, "Record-Route: <sip:p.example;x=");
	memset(route + strlen(route), 'x', 62000 - strlen(route));
	strcpy(route + 62000 - strlen(">\r\n"), ">\r\n");
	rx = receive_request(s, &(struct request){.method = "INVITE", .more = route});
	assert_int_equal(server_transaction_create(&s->s, s->set, rx, &handlers, s), -EMSGSIZE);
	assert_null(s->s);
	assert_int_equal(server_transactions_kept(s->set), 0);
	server_transaction_answer(s->set, rx, 486, NULL, s->resend);
	assert_int_equal(server_transactions_kept(s->set), 0);
	assert_non_null(strstr(peer_receive(&s->peer), "SIP/2.0 500 "));
	free(route);
}

static void refuse(struct scene *s, const char *branch)
{
	accept_with(s, &(struct request){.method = "INVITE", .branch = branch}, &handlers);
	server_transaction_reply(s->s, 486, NULL, "b1", NULL, s->resend);
	peer_receive(&s->peer);
}

static void a_failure_is_over_once(void **state)
{
	struct scene *s = *state;

	refuse(s, NULL);
	assert_int_equal(s->over, 0);
	assert_true(request(s, "ACK"));
	assert_true(request(s, "ACK"));
	assert_int_equal(s->over, 1);
	s->over = 0;
	refuse(s, "z9hG4bK2"); /* never acknowledged */
	peer_wait(&s->peer, &s->over);
	assert_int_equal(s->over, 1);
}

static void a_final_response_that_is_full_becomes_513(void **state)
{
	struct scene *s = *state;
	struct text t = text_scratch();

	accept_request(s, "INVITE");
	server_transaction_begin(s->s, &t, 200, NULL, "b1");
	t.full = true;
	server_transaction_send(s->s, &t, 200, s->resend);
	expect_response(s, "513 Message Too Large", ";tag=b1", "");
	assert_true(request(s, "ACK")); /* as a failure is acknowledged */
	assert_int_equal(server_transactions_count(s->set), 0);
}

static void a_provisional_response_that_is_full_is_dropped(void **state)
{
	struct scene *s = *state;
	struct text t = text_scratch();

	accept_request(s, "INVITE");
	respond(s, 180);
	server_transaction_begin(s->s, &t, 183, NULL, "b1");
	t.full = true;
	server_transaction_send(s->s, &t, 183, NULL);
	peer_receives_nothing(&s->peer);
	assert_true(request(s, "INVITE"));
	peer_receives(&s->peer, s->response);
}

/* Repeated requests ------------------------------------------------------------------------- */

static void a_repeated_request_gets_the_last_response_again_byte_for_byte(void **state)
{
	static const int statuses[] = {100, 180, 183, 486};
	struct scene *s = *state;

	accept_request(s, "INVITE");
	assert_true(request(s, "INVITE"));
	peer_receives_nothing(&s->peer); /* nothing was said yet */
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		respond(s, statuses[i]);
		for (int n = 0; n < 2; n++) {
			assert_true(request(s, "INVITE"));
			peer_receives(&s->peer, s->response);
		}
	}
	peer_receives_nothing(&s->peer);
}

static void any_other_request_is_recognized_for_32_s(void **state)
{
	struct scene *s = *state;

	accept_with(s, &(struct request){.method = "BYE"}, NULL);
	assert_int_equal(server_transactions_count(s->set), 1);
	respond(s, 200);
	assert_int_equal(server_transactions_count(s->set), 0);
	peer_let_pass(&s->peer, TIMER_J_MS / 8);
	assert_true(request(s, "BYE"));
	peer_receives(&s->peer, s->response);
	peer_let_pass(&s->peer, TIMER_J_MS);
	peer_receives_nothing(&s->peer); /* of itself it is not resent */
	assert_int_equal(server_transactions_kept(s->set), 0);
	assert_false(request(s, "BYE"));
}

static void a_provisional_response_is_resent_only_when_asked_for(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	server_transaction_resend(s->s);
	peer_receives_nothing(&s->peer);
	respond(s, 183);
	nothing_follows(s);
	server_transaction_resend(s->s);
	peer_receives(&s->peer, s->response);
	assert_int_equal(server_transactions_count(s->set), 1);
}

static void a_request_is_answered_for_good(void **state)
{
	struct scene *s = *state;
	const struct received *rx =
		receive_request(s, &(struct request){.method = "INVITE", .to_tag = ";tag=ours"});

	server_transaction_answer(s->set, rx, 491, "Subject: test\r\n", s->resend);
	for (int i = 0; i < 2; i++)
		expect_response(s, "491 Request Pending", ";tag=ours", "Subject: test\r\n");
	assert_true(request(s, "ACK"));
	nothing_follows(s);
}

static void another_branch_sent_by_or_method_is_another_request(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	assert_false(request_with(s, &(struct request){.method = "INVITE", .branch = "z9hG4bK2"}));
	assert_false(request_with(s, &(struct request){.method = "INVITE", .sent_by = "127.0.0.1:1"}));
	assert_false(request_with(s, &(struct request){.method = "INVITE", .sent_by = "192.0.2.1"}));
	assert_false(request(s, "OPTIONS"));
	assert_true(request(s, "INVITE"));
}

static bool has_invite(struct scene *s, const char *sent_by, const char *branch)
{
	char text[200];
	struct scan via = {.data = text};

	via.n = (size_t)snprintf(text, sizeof(text), "SIP/2.0/UDP %s;rport;branch=%s", sent_by, branch);
	return server_transactions_has_invite(s->set, &via);
}

static void an_invite_is_recognized_before_it_is_parsed(void **state)
{
	struct scene *s = *state;

	accept_request(s, "OPTIONS");
	assert_false(has_invite(s, s->peer.address, "z9hG4bK1"));
	accept_request(s, "INVITE");
	assert_true(has_invite(s, s->peer.address, "z9hG4bK1"));
	assert_false(has_invite(s, s->peer.address, "z9hG4bK2"));
	assert_false(has_invite(s, "127.0.0.1:1", "z9hG4bK1"));
}

/* RFC 2543: the branch of such a peer says nothing. */
static void without_magic_cookie_call_id_tag_and_cseq_are_compared(void **state)
{
	struct request r = {.method = "INVITE", .branch = "1"};
	struct scene *s = *state;

	accept_with(s, &r, &handlers);
	respond(s, 180);
	r.branch = "2";
	assert_true(request_with(s, &r));
	peer_receives(&s->peer, s->response);
	r.cseq = 43;
	assert_false(request_with(s, &r));
	r.cseq = 42;
	r.from_tag = "a2";
	assert_false(request_with(s, &r));
	r.from_tag = NULL;
	r.call_id = "c2@a.example";
	assert_false(request_with(s, &r));
}

static void a_request_that_came_by_another_way_is_merged(void **state)
{
	struct request other = {.method = "INVITE", .branch = "z9hG4bK2"};
	struct scene *s = *state;

	assert_false(server_transactions_merged(s->set, receive_request(s, &other)));
	accept_request(s, "INVITE");
	assert_true(server_transactions_merged(s->set, receive_request(s, &other)));
	other.cseq = 43;
	assert_false(server_transactions_merged(s->set, receive_request(s, &other)));
	other.cseq = 42;
	other.from_tag = "a2";
	assert_false(server_transactions_merged(s->set, receive_request(s, &other)));
	other.from_tag = NULL;
	other.call_id = "c2@a.example";
	assert_false(server_transactions_merged(s->set, receive_request(s, &other)));
	other.call_id = NULL;
	other.method = "OPTIONS";
	assert_false(server_transactions_merged(s->set, receive_request(s, &other)));
}

static void of_merged_requests_that_were_answered_each_is_recognized(void **state)
{
	struct request other = {.method = "INVITE", .branch = "z9hG4bK2"};
	struct scene *s = *state;

	accept_request(s, "INVITE");
	server_transaction_answer(s->set, receive_request(s, &other), 482, NULL, s->resend);
	assert_non_null(strstr(peer_receive(&s->peer), "branch=z9hG4bK2"));
	assert_true(request_with(s, &other));
	assert_non_null(strstr(peer_receive(&s->peer), "SIP/2.0 482 "));
	other.method = "ACK";
	assert_true(request_with(s, &other));
	respond(s, 180);
	assert_true(request(s, "INVITE"));
	peer_receives(&s->peer, s->response);
	assert_int_equal(server_transactions_count(s->set), 1);
}

/* ACK --------------------------------------------------------------------------------------- */

static void a_2xx_to_an_invite_is_resent_until_the_ack(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	s->resend = &steady;
	respond(s, 200);
	receive_after(s, 10000, s->response);
	receive_after(s, 20000, s->response);
	server_transaction_acknowledge(s->s);
	assert_int_equal(server_transactions_count(s->set), 0);
	peer_receives_only(&s->peer, s->response);
	nothing_follows(s);
	assert_int_equal(s->unacknowledged, 0);
	assert_int_equal(server_transactions_kept(s->set), 0);
}

static void a_2xx_without_ack_is_reported_once(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	s->resend = &quick;
	respond(s, 200);
	receive_after(s, 1000, s->response);
	receive_after(s, 3000, s->response);
	receive_after(s, 7000, s->response);
	peer_wait(&s->peer, &s->unacknowledged);
	assert_true(clock_now_ms() - s->sent_ms + EARLY_MS >= QUICK_MS);
	assert_int_equal(server_transactions_kept(s->set), 0);
	nothing_follows(s);
	assert_int_equal(s->unacknowledged, 1);
}

static void the_ack_to_a_2xx_is_the_dialogs(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	respond(s, 200);
	assert_false(request_with(s, &(struct request){.method = "ACK", .branch = "z9hG4bK2"}));
	assert_int_equal(server_transactions_count(s->set), 1);
	server_transaction_acknowledge(s->s);
	assert_true(request(s, "INVITE")); /* late on its way: swallowed */
	peer_receives_nothing(&s->peer);
	peer_let_pass(&s->peer, TIMER_I_MS + 1000);
	assert_int_equal(server_transactions_kept(s->set), 0);
}

static void an_owner_without_dialog_is_told_of_the_ack(void **state)
{
	struct request ack = {.method = "ACK", .branch = "z9hG4bK2"};
	struct scene *s = *state;

	accept_with(s, &(struct request){.method = "INVITE"}, &without_dialog);
	respond(s, 200);
	ack.cseq = 43;
	assert_false(request_with(s, &ack)); /* to something else */
	assert_int_equal(s->late_acks, 0);
	ack.cseq = 42;
	assert_true(request_with(s, &ack));
	assert_int_equal(s->late_acks, 1);
	assert_int_equal(server_transactions_count(s->set), 0);
	request_with(s, &ack);
	assert_int_equal(s->late_acks, 1);
	nothing_follows(s);
	assert_int_equal(s->unacknowledged, 0);
}

static void a_failure_is_resent_until_its_ack_which_is_absorbed(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	respond(s, 300);
	receive_after(s, 20000, s->response);
	assert_int_equal(server_transactions_count(s->set), 1);
	assert_true(request(s, "ACK"));
	assert_true(request(s, "ACK"));
	assert_int_equal(server_transactions_count(s->set), 0);
	peer_receives_nothing(&s->peer);
	peer_let_pass(&s->peer, TIMER_I_MS + 1000);
	assert_int_equal(server_transactions_kept(s->set), 0);
	nothing_follows(s);
}

static void a_failure_that_is_never_acknowledged_ends_in_silence(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	s->resend = &quick;
	respond(s, 486);
	for (int i = 0; i < 3; i++)
		peer_receives(&s->peer, s->response);
	nothing_follows(s);
	assert_int_equal(server_transactions_kept(s->set), 0);
	assert_int_equal(s->unacknowledged, 0);
}

static void an_ack_to_nothing_is_not_taken(void **state)
{
	struct scene *s = *state;

	assert_false(request(s, "ACK"));
	accept_request(s, "INVITE");
	assert_true(request(s, "ACK")); /* before any final response: nonsense, and no dialog's */
	respond(s, 180);
	peer_receives_nothing(&s->peer);
	assert_int_equal(server_transactions_count(s->set), 1);
}

/* CANCEL ------------------------------------------------------------------------------------ */

static void a_cancel_is_matched_to_its_invite(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	respond(s, 180);
	assert_true(request(s, "CANCEL"));
	assert_int_equal(s->cancels, 1);
	peer_receive(&s->peer);
	assert_non_null(strstr(s->peer.data, "SIP/2.0 200 OK\r\n"));
	assert_non_null(strstr(s->peer.data, "CSeq: 42 CANCEL\r\n"));
	assert_non_null(strstr(s->peer.data, ";tag=b1\r\n")); /* RFC 3261 section 9.2: the same tag */
	assert_int_equal(server_transactions_count(s->set), 1);
	respond(s, 487); /* the INVITE still awaits it */
	assert_non_null(strstr(s->response, "CSeq: 42 INVITE\r\n"));
	assert_true(request(s, "ACK"));
	assert_int_equal(server_transactions_count(s->set), 0);
}

static void a_cancel_before_any_tag_is_answered_with_the_same_one_each_time(void **state)
{
	struct scene *s = *state;
	char first[2048];

	accept_request(s, "INVITE");
	assert_true(request(s, "CANCEL"));
	snprintf(first, sizeof(first), "%s", peer_receive(&s->peer));
	assert_non_null(strstr(first, "To: <sip:b@b.example>;tag="));
	assert_true(request(s, "CANCEL"));
	peer_receives(&s->peer, first);
	assert_int_equal(s->cancels, 2);
}

static void the_invite_may_be_answered_while_the_cancel_is_handled(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	s->refuses_when_cancelled = true;
	assert_true(request(s, "CANCEL"));
	assert_non_null(strstr(peer_receive(&s->peer), "CSeq: 42 CANCEL\r\n"));
	assert_non_null(strstr(peer_receive(&s->peer), "SIP/2.0 487 "));
	assert_true(request(s, "ACK"));
	assert_int_equal(server_transactions_count(s->set), 0);
}

static void a_cancel_after_the_final_response_changes_nothing(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	respond(s, 200);
	assert_true(request(s, "CANCEL"));
	assert_non_null(strstr(peer_receive(&s->peer), "CSeq: 42 CANCEL\r\n"));
	assert_int_equal(s->cancels, 0);
	receive_after(s, 20000, s->response);
}

static void a_cancel_without_invite_is_not_taken(void **state)
{
	struct scene *s = *state;

	assert_false(request(s, "CANCEL"));
	accept_request(s, "INVITE");
	assert_false(request_with(s, &(struct request){.method = "CANCEL", .branch = "z9hG4bK2"}));
	assert_false(request_with(s, &(struct request){.method = "CANCEL", .sent_by = "192.0.2.1"}));
	peer_receives_nothing(&s->peer);
	assert_int_equal(s->cancels, 0);
}

/* The owner changes ------------------------------------------------------------------------- */

static void who_it_is_handed_over_to_is_told_from_then_on(void **state)
{
	struct scene *s = *state, heir = {0};

	accept_request(s, "INVITE");
	server_transaction_hand_over(s->s, &handlers, &heir);
	assert_true(request(s, "CANCEL"));
	peer_receive(&s->peer);
	respond(s, 200);
	peer_wait(&s->peer, &heir.unacknowledged);
	assert_int_equal(heir.cancels, 1);
	assert_int_equal(heir.unacknowledged, 1);
	assert_int_equal(s->cancels + s->unacknowledged, 0);
	server_transaction_hand_over(NULL, &handlers, &heir);
}

static void a_forgotten_2xx_is_resent_and_takes_its_ack_itself(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	respond(s, 200);
	server_transaction_forget(s->s);
	receive_after(s, 20000, s->response);
	assert_true(request_with(s, &(struct request){.method = "ACK", .branch = "z9hG4bK2"}));
	nothing_follows(s);
	assert_int_equal(server_transactions_kept(s->set), 0);
	assert_int_equal(s->unacknowledged, 0);
}

static void a_forgotten_2xx_without_ack_ends_in_silence(void **state)
{
	struct scene *s = *state;

	accept_request(s, "INVITE");
	respond(s, 200);
	server_transaction_forget(s->s);
	receive_after(s, 20000, s->response);
	nothing_follows(s);
	assert_int_equal(server_transactions_kept(s->set), 0);
	assert_int_equal(s->unacknowledged, 0);
	server_transaction_forget(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_response_repeats_what_the_request_had),
		TEST(a_100_has_no_tag),
		TEST(a_100_repeats_the_timestamp),
		TEST(the_tag_of_a_request_inside_a_dialog_stays),
		TEST(a_request_whose_headers_leave_no_room_is_not_kept),
		TEST(a_failure_is_over_once),
		TEST(a_final_response_that_is_full_becomes_513),
		TEST(a_provisional_response_that_is_full_is_dropped),
		TEST(a_repeated_request_gets_the_last_response_again_byte_for_byte),
		TEST(any_other_request_is_recognized_for_32_s),
		TEST(a_provisional_response_is_resent_only_when_asked_for),
		TEST(a_request_is_answered_for_good),
		TEST(another_branch_sent_by_or_method_is_another_request),
		TEST(an_invite_is_recognized_before_it_is_parsed),
		TEST(without_magic_cookie_call_id_tag_and_cseq_are_compared),
		TEST(a_request_that_came_by_another_way_is_merged),
		TEST(of_merged_requests_that_were_answered_each_is_recognized),
		TEST(a_2xx_to_an_invite_is_resent_until_the_ack),
		TEST(a_2xx_without_ack_is_reported_once),
		TEST(the_ack_to_a_2xx_is_the_dialogs),
		TEST(an_owner_without_dialog_is_told_of_the_ack),
		TEST(a_failure_is_resent_until_its_ack_which_is_absorbed),
		TEST(a_failure_that_is_never_acknowledged_ends_in_silence),
		TEST(an_ack_to_nothing_is_not_taken),
		TEST(a_cancel_is_matched_to_its_invite),
		TEST(a_cancel_before_any_tag_is_answered_with_the_same_one_each_time),
		TEST(the_invite_may_be_answered_while_the_cancel_is_handled),
		TEST(a_cancel_after_the_final_response_changes_nothing),
		TEST(a_cancel_without_invite_is_not_taken),
		TEST(who_it_is_handed_over_to_is_told_from_then_on),
		TEST(a_forgotten_2xx_is_resent_and_takes_its_ack_itself),
		TEST(a_forgotten_2xx_without_ack_ends_in_silence),
	};

	peer_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
