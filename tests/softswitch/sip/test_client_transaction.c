#include "client_transaction.h"

#include "clock.h"
#include "message.h"
#include "peer.h"

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
	TIMER_D_MS = 32000,          /* RFC 3261 section 17.1.1.2 */
	EARLY_MS = PEER_CLOCK_SPEED, /* the clocks cut off below 1 ms of real time */
};

#define FROM "<sip:a@a.example>;tag=a1"
#define TO "<sip:b@b.example>"
#define CALL_ID "c1@a.example"

/** One request of ours, and what its owner was told. */
struct scene {
	struct peer peer;
	struct client_transactions *set;
	struct client_transaction *c;
	const char *method, *route;
	const struct resend_schedule *resend;
	char branch[BRANCH_SIZE];
	bool in_dialog;
	char request[2048]; /* as the peer received it */
	uint64_t sent_ms;

	int responses, last_status;
	int failures, error;
	/* What the owner does when it is told; NULL = nothing. */
	void (*reaction)(struct scene *s);
};

static void on_response(const struct received *rx, void *arg)
{
	struct scene *s = arg;

	s->responses++;
	s->last_status = rx->sip->sip_status->st_status;
	if (s->reaction)
		s->reaction(s);
}

static void on_failure(int error, void *arg)
{
	struct scene *s = arg;

	s->failures++;
	s->error = error;
	if (s->reaction)
		s->reaction(s);
}

static const struct client_transaction_handlers handlers = {on_response, on_failure};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	*state = s;
	s->resend = &unhurried;
	peer_open(&s->peer);
	return client_transactions_create(&s->set, s->peer.transport, NULL);
}

static int teardown(void **state)
{
	struct scene *s = *state;

	s->reaction = NULL;
	client_transactions_destroy(s->set);
	peer_close(&s->peer);
	free(s);
	return 0;
}

/** Send it; the peer has not looked yet. */
static int start(struct scene *s, const char *method, const struct client_transaction_handlers *owner)
{
	struct text t = text_scratch();
	uint64_t number = client_transaction_branch(s->set, s->branch);
	struct message_request head = {.method = method,
		.uri = "sip:b@b.example",
		.branch = s->branch,
		.route = s->route,
		.max_forwards = 7,
		.from = FROM,
		.to = TO,
		.call_id = CALL_ID,
		.cseq = 42};
	struct client_transaction_request request = {.method = method,
		.branch = number,
		.call_id = CALL_ID,
		.from_tag = "a1",
		.cseq = 42,
		.text = &t,
		.hop = &s->peer.hop,
		.resend = s->resend,
		.in_dialog = s->in_dialog};

	message_request_head(&t, s->peer.listener, &head);
	text_add(&t, "Subject: test\r\n");
	message_end(&t, NULL);
	s->method = method;
	s->sent_ms = clock_now_ms();
	return client_transaction_send(&s->c, s->set, &request, owner, s);
}

static void send_to(struct scene *s, const char *method, const struct client_transaction_handlers *owner)
{
	assert_int_equal(start(s, method, owner), 0);
	peer_receive(&s->peer);
	assert_true(s->peer.len < sizeof(s->request));
	memcpy(s->request, s->peer.data, s->peer.len + 1);
}

static void send_request(struct scene *s, const char *method)
{
	send_to(s, method, &handlers);
}

/** A response as the peer sends it; what is NULL or 0 is as the request has it. */
struct answer {
	const char *method, *branch, *call_id, *from_tag, *to_tag, *more;
	unsigned cseq;
};

static const struct received *receive_answer(struct scene *s, int status, const struct answer *a)
{
	return peer_send(&s->peer,
		"SIP/2.0 %d Whatever\r\nVia: SIP/2.0/UDP %s;rport=%u;branch=%s\r\n%s"
		"From: <sip:a@a.example>;tag=%s\r\nTo: " TO "%s%s\r\nCall-ID: %s\r\n"
		"CSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
		status, s->peer.listener->sent_by, s->peer.listener->port, a->branch ? a->branch : s->branch,
		a->more ? a->more : "", a->from_tag ? a->from_tag : "a1",
		status > 100 && !a->to_tag ? ";tag=b1" : "", a->to_tag ? a->to_tag : "",
		a->call_id ? a->call_id : CALL_ID, a->cseq ? a->cseq : 42, a->method ? a->method : s->method);
}

static enum client_transaction_match answer_with(struct scene *s, int status, const struct answer *a)
{
	const struct received *rx = receive_answer(s, status, a);

	return client_transaction_on_response(client_transactions_find(s->set, rx->sip), rx);
}

static enum client_transaction_match answer(struct scene *s, int status)
{
	return answer_with(s, status, &(struct answer){0});
}

/** What the switch makes of its INVITE for one hop: ACK to a failure, CANCEL. */
static const char *hop_by_hop(const struct scene *s, const char *method, const char *to_tag, const char *more)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		"%s sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=%s\r\n%sFrom: " FROM
		"\r\nTo: " TO "%s\r\nCall-ID: " CALL_ID "\r\nCSeq: 42 %s\r\nMax-Forwards: 70\r\n%s"
		"Content-Length: 0\r\n\r\n",
		method, s->peer.listener->sent_by, s->branch, s->route ? s->route : "", to_tag, method, more);
	return text;
}

/** Not before that time; that it is not much later is for test_resend.c to see. */
static void receive_after(struct scene *s, uint64_t ms, const char *text)
{
	peer_receives(&s->peer, text);
	assert_true(clock_now_ms() - s->sent_ms + EARLY_MS >= ms);
}

static void failed_after(struct scene *s, uint64_t ms, int error)
{
	peer_wait(&s->peer, &s->failures);
	assert_int_equal(s->error, error);
	assert_true(clock_now_ms() - s->sent_ms + EARLY_MS >= ms);
}

/** What was said so far is all that will ever be said. */
static void nothing_follows(struct scene *s)
{
	peer_let_pass(&s->peer, UNHURRIED_MS + 5000);
	peer_receives_nothing(&s->peer);
}

/* Resending and expiry ---------------------------------------------------------------------- */

static void a_request_is_resent_byte_for_byte_by_the_schedule(void **state)
{
	struct scene *s = *state;

	s->resend = &quick;
	send_request(s, "BYE");
	receive_after(s, 1000, s->request);
	receive_after(s, 3000, s->request);
	receive_after(s, 7000, s->request);
	failed_after(s, QUICK_MS, -ETIMEDOUT);
}

static void expiry_is_reported_once(void **state)
{
	struct scene *s = *state;

	s->resend = &quick;
	send_request(s, "OPTIONS");
	assert_int_equal(client_transactions_count(s->set), 1);
	failed_after(s, QUICK_MS, -ETIMEDOUT);
	assert_int_equal(client_transactions_kept(s->set), 0);
	peer_let_pass(&s->peer, QUICK_MS + TIMER_D_MS);
	assert_int_equal(s->failures, 1);
	assert_int_equal(s->responses, 0);
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_UNKNOWN);
}

static void a_provisional_response_stops_the_resending_of_an_invite(void **state)
{
	struct scene *s = *state;

	s->resend = &quick;
	send_request(s, "INVITE");
	receive_after(s, 1000, s->request);
	assert_int_equal(answer(s, 100), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(s->last_status, 100);
	peer_receives_only(&s->peer, s->request);
	nothing_follows(s);
	assert_int_equal(s->failures, 0); /* how long it may ring is for the call to say */
	assert_int_equal(client_transactions_count(s->set), 1);
}

static void other_requests_go_on_at_the_last_interval_after_a_provisional(void **state)
{
	static const struct resend_schedule slow_at_last = {.wait_ms = {20000, 1000, 1000, 10000}, .n = 4};
	struct scene *s = *state;

	s->resend = &slow_at_last;
	send_request(s, "BYE");
	assert_int_equal(answer(s, 100), CLIENT_TRANSACTION_HANDLED);
	receive_after(s, 20000, s->request); /* was under way already */
	receive_after(s, 30000, s->request);
	receive_after(s, 40000, s->request);
	receive_after(s, 50000, s->request);
	failed_after(s, 70000, -ETIMEDOUT);
}

static void a_final_response_ends_any_other_request(void **state)
{
	struct scene *s = *state;

	send_request(s, "BYE");
	assert_int_equal(answer(s, 481), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(client_transactions_kept(s->set), 0);
	assert_int_equal(answer(s, 481), CLIENT_TRANSACTION_UNKNOWN);
	nothing_follows(s);
	assert_int_equal(s->responses, 1);
	assert_int_equal(s->failures, 0);
}

static void an_expired_invite_is_reported_at_once_and_cancelled_later(void **state)
{
	struct scene *s = *state;

	s->resend = &quick;
	send_request(s, "INVITE");
	for (int i = 0; i < 3; i++)
		peer_receives(&s->peer, s->request);
	failed_after(s, QUICK_MS, -ETIMEDOUT);
	assert_int_equal(client_transactions_count(s->set), 0);
	assert_int_equal(client_transactions_kept(s->set), 1);
	answer(s, 180); /* it rings all the same */
	peer_receives(&s->peer, hop_by_hop(s, "CANCEL", "", ""));
	assert_int_equal(s->responses, 0);
	answer(s, 487);
	peer_receives(&s->peer, hop_by_hop(s, "ACK", ";tag=b1", ""));
	assert_int_equal(s->failures, 1);
}

static void an_invite_can_be_stopped_from_being_resent(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	client_transaction_stop_resending(s->c);
	nothing_follows(s);
	assert_int_equal(s->failures, 0);
	assert_int_equal(answer(s, 486), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(s->last_status, 486);
}

static void a_text_that_is_full_is_not_sent(void **state)
{
	struct scene *s = *state;
	struct text t = {.data = s->request, .len = 100, .size = 100, .full = true};
	struct client_transaction *untouched = (struct client_transaction *)s, *c = untouched;
	struct client_transaction_request request = {.method = "INVITE",
		.branch = client_transaction_branch(s->set, s->branch),
		.call_id = CALL_ID,
		.text = &t,
		.hop = &s->peer.hop,
		.resend = &unhurried};

	assert_int_equal(client_transaction_send(&c, s->set, &request, &handlers, s), -EMSGSIZE);
	assert_ptr_equal(c, untouched);
	assert_int_equal(client_transactions_kept(s->set), 0);
	peer_receives_nothing(&s->peer);
	assert_int_equal(s->failures, 0);
}

static void what_still_waits_at_the_end_is_told(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	client_transactions_destroy(s->set);
	assert_int_equal(s->failures, 1);
	assert_int_equal(s->error, -ECANCELED);
	assert_int_equal(client_transactions_create(&s->set, s->peer.transport, NULL), 0);
}

/* CANCEL ------------------------------------------------------------------------------------ */

static void cancel_waits_for_the_first_provisional_response(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	client_transaction_cancel(s->c, "Reason: SIP;cause=200\r\n");
	receive_after(s, 20000, s->request); /* the provisional may have been lost */
	assert_int_equal(answer(s, 100), CLIENT_TRANSACTION_HANDLED);
	peer_receives(&s->peer, hop_by_hop(s, "CANCEL", "", "Reason: SIP;cause=200\r\n"));
	peer_receives_nothing(&s->peer);
}

static void cancel_goes_at_once_after_a_provisional_response(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	answer(s, 180);
	client_transaction_cancel(s->c, NULL);
	peer_receives(&s->peer, hop_by_hop(s, "CANCEL", "", ""));
	answer(s, 183);
	client_transaction_cancel(s->c, NULL);
	peer_receives_nothing(&s->peer); /* one is enough */
}

static void cancel_takes_the_route_of_its_invite(void **state)
{
	struct scene *s = *state;

	s->route = "Route: <sip:p1.example;lr>\r\nRoute: <sip:p2.example;lr>\r\n";
	send_request(s, "INVITE");
	answer(s, 100);
	client_transaction_cancel(s->c, NULL);
	peer_receives(&s->peer, hop_by_hop(s, "CANCEL", "", ""));
	answer(s, 487);
	peer_receives(&s->peer, hop_by_hop(s, "ACK", ";tag=b1", ""));
}

static void cancel_is_resent_until_it_is_answered(void **state)
{
	struct scene *s = *state;
	char cancel[2048];

	s->resend = &steady;
	send_request(s, "INVITE");
	answer(s, 100);
	client_transaction_cancel(s->c, NULL);
	s->sent_ms = clock_now_ms();
	peer_receive(&s->peer);
	snprintf(cancel, sizeof(cancel), "%s", hop_by_hop(s, "CANCEL", "", ""));
	receive_after(s, 10000, cancel);
	receive_after(s, 20000, cancel);
	assert_int_equal(
		answer_with(s, 200, &(struct answer){.method = "CANCEL"}), CLIENT_TRANSACTION_HANDLED);
	peer_receives_only(&s->peer, cancel);
	nothing_follows(s);
	assert_int_equal(s->responses, 1); /* the 100: the answer to CANCEL is nobody's */
}

static void who_cancels_may_await_the_end(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	answer(s, 180);
	client_transaction_cancel(s->c, NULL);
	assert_int_equal(client_transactions_count(s->set), 1); /* the CANCEL alone */
	answer_with(s, 200, &(struct answer){.method = "CANCEL"});
	assert_int_equal(client_transactions_count(s->set), 0);
	assert_int_equal(answer(s, 487), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(s->last_status, 487);
	assert_int_equal(s->responses, 2);
}

static void a_cancelled_invite_is_waited_for_32_s_and_reported(void **state)
{
	struct scene *s = *state;

	s->resend = &quick;
	send_request(s, "INVITE");
	answer(s, 180);
	client_transaction_cancel(s->c, NULL);
	failed_after(s, TIMER_D_MS, -ETIMEDOUT);
	assert_int_equal(s->failures, 1);
	assert_int_equal(client_transactions_kept(s->set), 0);
}

static void an_invite_cancelled_and_never_answered_is_reported(void **state)
{
	struct scene *s = *state;

	s->resend = &quick;
	send_request(s, "INVITE");
	client_transaction_cancel(s->c, NULL);
	for (int i = 0; i < 3; i++)
		peer_receives(&s->peer, s->request);
	failed_after(s, QUICK_MS + TIMER_D_MS, -ETIMEDOUT);
	peer_receives_nothing(&s->peer);
	assert_int_equal(client_transactions_kept(s->set), 0);
}

static void a_schedule_longer_than_32_s_is_waited_out_for_a_cancelled_invite(void **state)
{
	struct scene *s = *state;

	s->resend = &steady;
	send_request(s, "INVITE");
	answer(s, 180);
	client_transaction_cancel(s->c, NULL);
	failed_after(s, 50000, -ETIMEDOUT);
}

static void an_invite_that_is_not_resent_any_more_ends_once_it_is_cancelled(void **state)
{
	struct scene *s = *state;

	s->resend = &quick;
	send_request(s, "INVITE");
	client_transaction_stop_resending(s->c);
	client_transaction_cancel(s->c, NULL);
	failed_after(s, TIMER_D_MS, -ETIMEDOUT);
	peer_receives_only(&s->peer, s->request);
	assert_int_equal(client_transactions_kept(s->set), 0);
}

static void a_late_2xx_to_a_cancelled_invite_is_for_somebody_to_acknowledge(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	answer(s, 180);
	client_transaction_cancel(s->c, NULL);
	client_transaction_forget(s->c);
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_STRAY);
	assert_int_equal(s->last_status, 180);
}

/* ACK --------------------------------------------------------------------------------------- */

static void a_failure_is_acknowledged_for_each_time_it_comes(void **state)
{
	static const int statuses[] = {300, 300, 699};
	struct scene *s = *state;

	send_request(s, "INVITE");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(answer(s, statuses[i]), CLIENT_TRANSACTION_HANDLED);
		peer_receives(&s->peer, hop_by_hop(s, "ACK", ";tag=b1", ""));
	}
	assert_int_equal(s->responses, 1);
	assert_int_equal(client_transactions_count(s->set), 0);
	peer_receives_nothing(&s->peer);
}

static void a_provisional_response_after_a_failure_is_swallowed(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	answer(s, 503);
	peer_receive(&s->peer);
	assert_int_equal(answer(s, 180), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_HANDLED);
	peer_receives_nothing(&s->peer);
	assert_int_equal(s->responses, 1);
}

static void repeated_failures_are_recognized_for_32_s(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	answer(s, 486);
	peer_receive(&s->peer);
	peer_let_pass(&s->peer, TIMER_D_MS / 8);
	assert_int_equal(answer(s, 486), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(client_transactions_kept(s->set), 1);
	peer_receive(&s->peer);
	peer_let_pass(&s->peer, TIMER_D_MS);
	assert_int_equal(client_transactions_kept(s->set), 0);
	assert_int_equal(client_transactions_count(s->set), 0);
	assert_int_equal(answer(s, 486), CLIENT_TRANSACTION_UNKNOWN);
	peer_receives_nothing(&s->peer);
	assert_int_equal(s->failures, 0);
}

/** The ACK to a 2xx is the dialog's: any text is good for it here. */
static void acknowledge(struct scene *s, const char *to_tag, const char *text)
{
	struct text t = text_scratch();

	text_add(&t, text);
	client_transaction_acknowledge(s->set, s->branch, to_tag, &s->peer.hop, &t);
	peer_receives(&s->peer, text);
}

static void a_repeated_2xx_is_acknowledged_again_with_the_same_ack(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(s->last_status, 200);
	peer_receives_nothing(&s->peer); /* not by the transaction */
	acknowledge(s, "b1", "ACK the first");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_HANDLED);
		peer_receives(&s->peer, "ACK the first");
	}
	assert_int_equal(s->responses, 1);
}

static void each_fork_that_answers_has_an_ack_of_its_own(void **state)
{
	static const struct answer second = {.to_tag = ";tag=b2"}, none = {.to_tag = ""};
	struct scene *s = *state;

	send_request(s, "INVITE");
	answer(s, 200);
	acknowledge(s, "b1", "ACK the first");
	assert_int_equal(answer_with(s, 200, &second), CLIENT_TRANSACTION_STRAY);
	acknowledge(s, "b2", "ACK the second");
	assert_int_equal(answer_with(s, 200, &none), CLIENT_TRANSACTION_STRAY);
	acknowledge(s, NULL, "ACK the one without tag");
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_HANDLED);
	peer_receives(&s->peer, "ACK the first");
	assert_int_equal(answer_with(s, 200, &second), CLIENT_TRANSACTION_HANDLED);
	peer_receives(&s->peer, "ACK the second");
	assert_int_equal(answer_with(s, 200, &none), CLIENT_TRANSACTION_HANDLED);
	peer_receives(&s->peer, "ACK the one without tag");
	assert_int_equal(s->responses, 1);
}

static void another_fork_of_a_reinvite_is_told_apart(void **state)
{
	struct scene *s = *state;

	s->in_dialog = true;
	send_request(s, "INVITE");
	answer(s, 200);
	acknowledge(s, "b1", "ACK");
	assert_int_equal(answer_with(s, 200, &(struct answer){.to_tag = ";tag=b2"}),
		CLIENT_TRANSACTION_STRAY_IN_DIALOG);
}

static void after_a_2xx_other_responses_are_swallowed(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	answer(s, 200);
	acknowledge(s, "b1", "ACK");
	assert_int_equal(answer(s, 180), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(answer(s, 486), CLIENT_TRANSACTION_HANDLED);
	peer_receives_nothing(&s->peer);
	assert_int_equal(s->responses, 1);
	peer_let_pass(&s->peer, TIMER_D_MS + 1000);
	assert_int_equal(client_transactions_kept(s->set), 0);
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_UNKNOWN);
}

static void an_ack_that_is_full_is_not_sent(void **state)
{
	struct scene *s = *state;
	struct text full = {.data = s->request, .len = 100, .size = 100, .full = true};

	send_request(s, "INVITE");
	answer(s, 200);
	client_transaction_acknowledge(s->set, s->branch, "b1", &s->peer.hop, &full);
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_STRAY);
	peer_receives_nothing(&s->peer);
}

/* Whose answer? ----------------------------------------------------------------------------- */

static void a_response_that_does_not_repeat_the_request_is_not_ours(void **state)
{
	struct scene *s = *state;
	char other_digit[BRANCH_SIZE], longer[BRANCH_SIZE + 1], shorter[BRANCH_SIZE];
	char foreign[BRANCH_SIZE + 1];
	const struct answer strange[] = {
		{.branch = "z9hG4bK0000000000000000"}, {.branch = "z9hG4bK"}, {.branch = other_digit},
		{.branch = longer}, {.branch = shorter}, {.branch = foreign},
		{.branch = s->branch + strlen("z9hG4bK")}, {.method = "BYE"}, {.method = "CANCEL"},
		{.cseq = 43}, {.call_id = "c2@a.example"}, {.from_tag = "a2"},
		{.more = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"}, /* RFC 3261 section 8.1.3.3 */
	};

	send_request(s, "INVITE");
	snprintf(other_digit, sizeof(other_digit), "%s", s->branch);
	other_digit[10] = other_digit[10] == '0' ? '1' : '0';
	snprintf(longer, sizeof(longer), "%s0", s->branch);
	snprintf(foreign, sizeof(foreign), "%s-", s->branch);
	snprintf(shorter, sizeof(shorter), "%.*s", (int)strlen(s->branch) - 1, s->branch);
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
		if (answer_with(s, 200, &strange[i]) != CLIENT_TRANSACTION_UNKNOWN)
			fail_msg("strange answer %zu was taken", i);
	assert_int_equal(answer(s, 700), CLIENT_TRANSACTION_UNKNOWN);
	peer_receives_nothing(&s->peer);
	assert_int_equal(s->responses, 0);
	assert_int_equal(client_transactions_count(s->set), 1);
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_HANDLED);
}

static void each_of_many_requests_gets_its_own_answer(void **state)
{
	struct scene *s = *state;
	char first[BRANCH_SIZE];

	send_request(s, "OPTIONS");
	memcpy(first, s->branch, sizeof(first));
	send_request(s, "OPTIONS");
	assert_string_not_equal(first, s->branch);
	assert_int_equal(answer_with(s, 200, &(struct answer){.branch = first}), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(client_transactions_count(s->set), 1);
	assert_int_equal(answer_with(s, 200, &(struct answer){.branch = first}), CLIENT_TRANSACTION_UNKNOWN);
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(s->responses, 2);
}

/** An INVITE that calls this user, with these two Vias. */
static bool is_loop(const struct scene *s, const char *user, const char *first, const char *second)
{
	sip_via_t below = {.v_branch = second}, top = {.v_branch = first, .v_next = &below};
	sip_request_t line = {.rq_url = {{.url_user = user}}};
	sip_t sip = {.sip_request = &line, .sip_via = &top};

	return client_transactions_is_loop(s->set, &sip);
}

static void an_invite_that_comes_back_is_known_by_the_mark_and_the_user_called(void **state)
{
	struct scene *s = *state;
	char ours[BRANCH_SIZE], plain[BRANCH_SIZE], longer[BRANCH_SIZE + 1];

	client_transaction_marked_branch(s->set, "4930", ours);
	client_transaction_branch(s->set, plain);
	snprintf(longer, sizeof(longer), "%s0", ours);
	assert_true(is_loop(s, "4930", ours, "z9hG4bKother"));
	assert_true(is_loop(s, "4930", "z9hG4bKother", ours));
	assert_false(is_loop(s, "4931", ours, "z9hG4bKother"));
	assert_false(is_loop(s, NULL, ours, "z9hG4bKother"));
	assert_false(is_loop(s, "4930", plain, longer));
	assert_false(is_loop(s, "4930", NULL, "z9hG4bK"));
	ours[10] ^= 1;
	assert_false(is_loop(s, "4930", ours, "z9hG4bKother"));
}

static void a_mark_lasts_as_long_as_its_key(void **state)
{
	struct scene *s = *state;
	struct token_key key = {{1, 2}}, other = {{1, 3}};
	char ours[BRANCH_SIZE];

	client_transactions_destroy(s->set);
	assert_int_equal(client_transactions_create(&s->set, s->peer.transport, &key), 0);
	client_transaction_marked_branch(s->set, "4930", ours);
	client_transactions_destroy(s->set);
	assert_int_equal(client_transactions_create(&s->set, s->peer.transport, &key), 0);
	assert_true(is_loop(s, "4930", ours, NULL));
	client_transactions_destroy(s->set);
	assert_int_equal(client_transactions_create(&s->set, s->peer.transport, &other), 0);
	assert_false(is_loop(s, "4930", ours, NULL));
}

/* The owner goes ---------------------------------------------------------------------------- */

static void forget(struct scene *s)
{
	client_transaction_forget(s->c);
}

static void drop(struct scene *s)
{
	client_transaction_drop(s->c);
}

static void give_up(struct scene *s)
{
	client_transaction_cancel(s->c, NULL);
	client_transaction_forget(s->c);
}

static void ask_again(struct scene *s)
{
	s->reaction = NULL;
	assert_int_equal(start(s, s->method, &handlers), 0);
}

static void forgetting_inside_a_handler_is_safe(void **state)
{
	struct scene *s = *state;

	s->reaction = forget;
	send_request(s, "INVITE");
	assert_int_equal(answer(s, 180), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(answer(s, 183), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(answer(s, 486), CLIENT_TRANSACTION_HANDLED);
	peer_receives(&s->peer, hop_by_hop(s, "ACK", ";tag=b1", ""));
	assert_int_equal(s->responses, 1);
	assert_int_equal(s->failures, 0);
}

static void dropping_inside_a_handler_is_safe(void **state)
{
	struct scene *s = *state;

	s->reaction = drop;
	send_request(s, "OPTIONS");
	assert_int_equal(answer(s, 100), CLIENT_TRANSACTION_HANDLED);
	assert_int_equal(client_transactions_kept(s->set), 0);
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_UNKNOWN);
	nothing_follows(s);
	assert_int_equal(s->responses, 1);
}

static void cancelling_inside_a_handler_is_safe(void **state)
{
	struct scene *s = *state;

	s->reaction = give_up;
	send_request(s, "INVITE");
	answer(s, 180);
	peer_receives(&s->peer, hop_by_hop(s, "CANCEL", "", ""));
	answer(s, 487);
	peer_receives(&s->peer, hop_by_hop(s, "ACK", ";tag=b1", ""));
	assert_int_equal(s->responses, 1);
}

static void asking_again_inside_a_handler_is_safe(void **state)
{
	struct scene *s = *state;

	s->reaction = ask_again;
	send_request(s, "INVITE");
	char ack[2048], first[BRANCH_SIZE];
	memcpy(first, s->branch, sizeof(first));
	snprintf(ack, sizeof(ack), "%s", hop_by_hop(s, "ACK", ";tag=b1", ""));
	answer(s, 401);
	peer_receives(&s->peer, ack);
	assert_non_null(strstr(peer_receive(&s->peer), s->branch));
	assert_string_not_equal(s->branch, first);
	s->reaction = ask_again;
	s->failures = 0;
	peer_wait(&s->peer, &s->failures);
	assert_int_equal(client_transactions_count(s->set), 1);
}

static void a_request_without_owner_runs_its_course(void **state)
{
	struct scene *s = *state;

	send_to(s, "INVITE", NULL);
	answer(s, 100);
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_STRAY);
	send_to(s, "BYE", NULL);
	peer_receives(&s->peer, s->request);
	peer_let_pass(&s->peer, UNHURRIED_MS + 5000);
	assert_int_equal(client_transactions_kept(s->set), 0);
	client_transaction_forget(NULL);
	client_transaction_drop(NULL);
}

/* ICMP -------------------------------------------------------------------------------------- */

static void bring_back(struct scene *s)
{
	peer_wait_undelivered(&s->peer);
	client_transactions_on_undelivered(
		s->set, s->peer.undelivered, s->peer.undelivered_len, s->peer.undelivered_error);
	s->peer.undelivered_error = 0;
}

static void an_icmp_error_fails_the_request_at_once(void **state)
{
	struct scene *s = *state;

	peer_die(&s->peer);
	assert_int_equal(start(s, "INVITE", &handlers), 0);
	bring_back(s);
	assert_int_equal(s->failures, 1);
	assert_int_equal(s->error, -ECONNREFUSED);
	assert_int_equal(client_transactions_kept(s->set), 0);
}

static void an_icmp_error_after_a_provisional_response_says_nothing(void **state)
{
	struct scene *s = *state;

	send_request(s, "OPTIONS");
	answer(s, 100);
	peer_die(&s->peer);
	bring_back(s);
	assert_int_equal(s->failures, 0);
	failed_after(s, UNHURRIED_MS, -ETIMEDOUT);
}

static void an_icmp_error_does_not_end_a_cancel(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	answer(s, 180);
	peer_die(&s->peer);
	client_transaction_cancel(s->c, NULL);
	assert_int_equal(client_transactions_kept(s->set), 2);
	bring_back(s);
	assert_int_equal(s->failures, 0);
	assert_int_equal(client_transactions_kept(s->set), 2);
}

static void in_a_dialog_an_icmp_error_leaves_a_request_on_its_schedule(void **state)
{
	struct scene *s = *state;

	s->in_dialog = true;
	s->resend = &quick;
	peer_die(&s->peer);
	assert_int_equal(start(s, "BYE", &handlers), 0);
	for (unsigned i = 0; i < 1 + quick.n; i++) /* each copy comes back */
		bring_back(s);
	assert_int_equal(s->failures, 0);
	failed_after(s, QUICK_MS, -ETIMEDOUT);
}

static void an_invite_that_came_back_only_once_may_have_arrived_before(void **state)
{
	struct scene *s = *state;

	s->resend = &quick;
	send_request(s, "INVITE");
	peer_receives(&s->peer, s->request);
	client_transactions_on_undelivered(s->set, s->request, 200, ECONNREFUSED); /* the second copy */
	assert_int_equal(s->failures, 1);
	assert_int_equal(s->error, -ECONNREFUSED);
	assert_int_equal(client_transactions_kept(s->set), 1);
	assert_int_equal(answer(s, 200), CLIENT_TRANSACTION_STRAY);
}

static void what_is_too_big_for_the_path_is_sent_again_once(void **state)
{
	struct scene *s = *state;

	send_request(s, "INVITE");
	for (int i = 0; i < 3; i++)
		client_transactions_on_undelivered(s->set, s->request, 200, EMSGSIZE);
	peer_receives(&s->peer, s->request);
	peer_receives_nothing(&s->peer);
	assert_int_equal(s->failures, 0);
	answer(s, 200);
	assert_int_equal(s->responses, 1);
}

static void an_icmp_error_of_something_else_is_nobodys(void **state)
{
	struct scene *s = *state;

	send_request(s, "OPTIONS");
	for (size_t n = 0; n < strlen(s->request); n++) {
		char *cut = malloc(n ? n : 1); /* the sanitizer sees a byte read too much */
		bool whole;

		memcpy(cut, s->request, n);
		whole = memmem(cut, n, s->branch, strlen(s->branch)) != NULL;
		if (!whole)
			client_transactions_on_undelivered(s->set, cut, n, ECONNREFUSED);
		free(cut);
	}
	client_transactions_on_undelivered(s->set, "z9hG4bK0000000000000000", 23, ECONNREFUSED);
	client_transactions_on_undelivered(s->set, "z9hG4bKxxxxxxxxxxxxxxxx", 23, ECONNREFUSED);
	assert_int_equal(s->failures, 0);
	assert_int_equal(client_transactions_count(s->set), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_is_resent_byte_for_byte_by_the_schedule),
		TEST(expiry_is_reported_once),
		TEST(a_provisional_response_stops_the_resending_of_an_invite),
		TEST(other_requests_go_on_at_the_last_interval_after_a_provisional),
		TEST(a_final_response_ends_any_other_request),
		TEST(an_expired_invite_is_reported_at_once_and_cancelled_later),
		TEST(an_invite_can_be_stopped_from_being_resent),
		TEST(a_text_that_is_full_is_not_sent),
		TEST(what_still_waits_at_the_end_is_told),
		TEST(cancel_waits_for_the_first_provisional_response),
		TEST(cancel_goes_at_once_after_a_provisional_response),
		TEST(cancel_takes_the_route_of_its_invite),
		TEST(cancel_is_resent_until_it_is_answered),
		TEST(who_cancels_may_await_the_end),
		TEST(a_cancelled_invite_is_waited_for_32_s_and_reported),
		TEST(an_invite_cancelled_and_never_answered_is_reported),
		TEST(a_schedule_longer_than_32_s_is_waited_out_for_a_cancelled_invite),
		TEST(an_invite_that_is_not_resent_any_more_ends_once_it_is_cancelled),
		TEST(a_late_2xx_to_a_cancelled_invite_is_for_somebody_to_acknowledge),
		TEST(a_failure_is_acknowledged_for_each_time_it_comes),
		TEST(a_provisional_response_after_a_failure_is_swallowed),
		TEST(repeated_failures_are_recognized_for_32_s),
		TEST(a_repeated_2xx_is_acknowledged_again_with_the_same_ack),
		TEST(each_fork_that_answers_has_an_ack_of_its_own),
		TEST(another_fork_of_a_reinvite_is_told_apart),
		TEST(after_a_2xx_other_responses_are_swallowed),
		TEST(an_ack_that_is_full_is_not_sent),
		TEST(a_response_that_does_not_repeat_the_request_is_not_ours),
		TEST(each_of_many_requests_gets_its_own_answer),
		TEST(an_invite_that_comes_back_is_known_by_the_mark_and_the_user_called),
		TEST(a_mark_lasts_as_long_as_its_key),
		TEST(forgetting_inside_a_handler_is_safe),
		TEST(dropping_inside_a_handler_is_safe),
		TEST(cancelling_inside_a_handler_is_safe),
		TEST(asking_again_inside_a_handler_is_safe),
		TEST(a_request_without_owner_runs_its_course),
		TEST(an_icmp_error_fails_the_request_at_once),
		TEST(an_icmp_error_after_a_provisional_response_says_nothing),
		TEST(an_icmp_error_does_not_end_a_cancel),
		TEST(in_a_dialog_an_icmp_error_leaves_a_request_on_its_schedule),
		TEST(an_invite_that_came_back_only_once_may_have_arrived_before),
		TEST(what_is_too_big_for_the_path_is_sent_again_once),
		TEST(an_icmp_error_of_something_else_is_nobodys),
	};

	peer_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
