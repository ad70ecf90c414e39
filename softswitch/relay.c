#include "relay.h"

#include "headers.h"
#include "leg.h"
#include "loop.h"
#include "message.h"

#include <sofia-sip/sip_header.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct relay {
	LIST_ENTRY(relay) link;
	struct call *call;
	struct dialog *from, *to;
	struct server *server;
	struct client *client;
	msg_t *received; /* until it is answered: it may have to be sent again, with credentials */
	struct event silence; /* re-INVITE: a provisional answer, and nothing after it */
	bool invite, offerless, challenged;
	bool answered; /* re-INVITE: its 2xx awaits the ACK */
};

static void relay_free(struct relay *r)
{
	LIST_REMOVE(r, link);
	event_del(&r->silence);
	msg_destroy(r->received);
	free(r);
}

/** Targets move with re-INVITE and UPDATE and their answers (RFC 3261 section 12.2, RFC 3311 section 5). */
static bool refreshes_target(const sip_t *sip)
{
	return sip->sip_cseq->cs_method == sip_method_invite || sip->sip_cseq->cs_method == sip_method_update;
}

static void on_unacknowledged(void *arg)
{
	struct relay *r = arg;
	struct call *call = r->call;

	relay_free(r);
	call_hangup(call, CAUSE_NO_ACK);
}

static void send_answer(struct relay *r, const struct text *t, int status)
{
	struct intervals resend = call_resend(r->call, r->from);

	server_send(r->server, t, status, &resend);
}

static void reply(struct relay *r, int status, const char *headers)
{
	struct text t = text_scratch();

	server_begin(r->server, &t, status, NULL, NULL);
	if (headers)
		text_add(&t, headers);
	message_end(&t, NULL);
	send_answer(r, &t, status);
}

/** The re-INVITE is over for the side that sent it; what the other side still says is acknowledged by the set. */
static void cancel(struct relay *r, int status)
{
	reply(r, status, NULL);
	client_cancel(r->client, NULL);
	client_forget(r->client);
	relay_free(r);
}

static void on_cancel(const struct received *rx, void *arg)
{
	struct relay *r = arg;

	(void)rx;
	if (r->client)
		cancel(r, 487);
}

static void on_silence(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	cancel(arg, 408);
}

static const struct server_handlers server_handlers = {.on_cancel = on_cancel, .on_unacknowledged = on_unacknowledged};

/** Pass the other side's answer back. @return the status it came through with */
static int answer(struct relay *r, const struct received *rx)
{
	int status = rx->sip->sip_status->st_status;
	struct text t = text_scratch();
	struct body body = message_body(rx->sip);

	server_begin(r->server, &t, status, rx->sip->sip_status->st_phrase, NULL);
	if (refreshes_target(rx->sip) && status < 300)
		dialog_contact(r->from, &t);
	headers_pass(&t, rx->sip, HEADERS_RESPONSE);
	message_end(&t, &body);
	send_answer(r, &t, status);
	return t.full && status >= 200 ? 513 : status;
}

static const struct client_handlers client_handlers;

/** @param authorization  a line, "" = none */
static int send_on(struct relay *r, const char *authorization)
{
	const sip_t *sip = sip_object(r->received);
	struct stack *stack = call_stack(r->call);
	struct text t = text_scratch();
	char branch[BRANCH_SIZE];
	struct body body = message_body(sip);
	/* The client keeps the name: it must outlive this message. */
	static const char *const methods[] = {"INVITE", "UPDATE", "INFO", "MESSAGE", "NOTIFY", "REFER"};
	struct intervals resend = call_resend(r->call, r->to);
	struct client_request request = {.text = &t, .hop = &r->to->hop, .resend = &resend};

	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i], sip->sip_request->rq_method_name))
			request.method = methods[i];
	if (!request.method)
		return -ENOTSUP;
	request.branch = client_branch(stack->clients, branch);
	dialog_request(r->to, &t, request.method, branch, 0,
		sip->sip_max_forwards ? (unsigned)sip->sip_max_forwards->mf_count - 1 : MAX_FORWARDS);
	request.call_id = r->to->call_id;
	request.from_tag = r->to->local_tag;
	request.cseq = r->to->local_seq;
	dialog_contact(r->to, &t);
	text_add(&t, authorization);
	headers_pass(&t, sip, HEADERS_REQUEST);
	message_end(&t, &body);
	return client_send(&r->client, stack->clients, &request, &client_handlers, r);
}

/** @return true when the request was sent again with credentials */
static bool answer_challenge(struct relay *r, const struct received *rx)
{
	int status = rx->sip->sip_status->st_status;
	char line[2048];
	struct text t = {.data = line, .size = sizeof(line) - 1};

	if ((status != 401 && status != 407) || r->challenged ||
		leg_answer_challenge(call_stack(r->call), r->to, rx->sip,
			sip_object(r->received)->sip_request->rq_method_name, &t) || t.full)
		return false;
	line[t.len] = '\0';
	r->challenged = true;
	r->client = NULL;
	return send_on(r, line) == 0;
}

static void on_response(const struct received *rx, void *arg)
{
	struct relay *r = arg;
	struct call *call = r->call;
	struct dialog *to = r->to;
	int status = rx->sip->sip_status->st_status, passed;
	struct timeval tv;

	if (status < 200 && r->invite)
		event_add(&r->silence, loop_delay(call_stack(call)->loop,
			call_stack(call)->parameters.timeout_trying_ms, &tv));
	if (status == 100 || answer_challenge(r, rx))
		return;
	passed = answer(r, rx);
	if (status < 200)
		return;
	r->client = NULL;
	event_del(&r->silence);
	if (status < 300 && refreshes_target(rx->sip))
		dialog_refresh_target(to, rx->sip);
	if (r->invite && status < 300) {
		r->answered = passed < 300;
		if (!r->offerless || !r->answered)
			leg_acknowledge(call_stack(call), to, NULL);
	}
	if (r->answered)
		return;
	relay_free(r);
	if (status == 481)
		call_leg_gone(call, to);
}

static void on_failure(int error, void *arg)
{
	struct relay *r = arg;

	(void)error;
	reply(r, 408, NULL);
	relay_free(r);
}

static const struct client_handlers client_handlers = {on_response, on_failure};

static bool invite_pending(struct call *call)
{
	const struct relay *r;

	LIST_FOREACH (r, call_relays(call), link)
		if (r->invite)
			return true;
	return false;
}

void relay_request(struct call *call, struct dialog *from, const struct received *rx)
{
	struct stack *stack = call_stack(call);
	struct dialog *to = call_other_leg(call, from);
	bool invite = rx->sip->sip_request->rq_method == sip_method_invite;
	struct relay *r;
	int err;

	if (rx->sip->sip_max_forwards && !rx->sip->sip_max_forwards->mf_count) {
		sip_reply_stateless(stack->sip, rx, 483, NULL, NULL);
		return;
	}
	if (!to || (invite && invite_pending(call))) {
		sip_reply_stateless(stack->sip, rx, 491, NULL, NULL);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r || server_create(&r->server, stack->servers, rx, &server_handlers, r)) {
		free(r);
		sip_reply_stateless(stack->sip, rx, 500, NULL, NULL);
		return;
	}
	r->received = msg_ref(rx->msg);
	r->call = call;
	r->from = from;
	r->to = to;
	r->invite = invite;
	r->offerless = invite && !message_has_sdp(rx->sip);
	event_assign(&r->silence, loop_base(stack->loop), -1, 0, on_silence, r);
	LIST_INSERT_HEAD(call_relays(call), r, link);
	if (invite)
		reply(r, 100, NULL);
	if (refreshes_target(rx->sip))
		dialog_refresh_target(from, rx->sip);
	err = send_on(r, "");
	if (!err)
		return;
	reply(r, err == -ENOTSUP ? 501 : 503, err == -ENOTSUP ? headers_allow : NULL);
	relay_free(r);
}

void relay_acknowledge(struct call *call, struct dialog *from, const struct received *ack)
{
	struct relay *r;

	LIST_FOREACH (r, call_relays(call), link)
		if (r->answered && r->from == from)
			break;
	if (!r)
		return;
	if (r->offerless)
		leg_acknowledge(call_stack(call), r->to, ack->sip);
	server_acknowledge(r->server);
	relay_free(r);
}

bool relay_awaits_ack(const struct relay_list *relays, const struct dialog *to)
{
	const struct relay *r;

	LIST_FOREACH (r, relays, link)
		if (r->answered && r->to == to)
			return true;
	return false;
}

void relay_end_all(struct call *call)
{
	struct relay *r;

	while ((r = LIST_FIRST(call_relays(call)))) {
		if (!r->answered)
			reply(r, r->invite ? 487 : 481, NULL);
		else
			server_forget(r->server);
		client_forget(r->client);
		relay_free(r);
	}
}
