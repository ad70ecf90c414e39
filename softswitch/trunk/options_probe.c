#include "options_probe.h"

#include "address.h"
#include "clock.h"
#include "loop.h"
#include "message.h"
#include "request_retry.h"
#include "response_time.h"
#include "token.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options_probe {
	struct stack *stack;
	char *gateway;
	bool strict_source, reliable;
	char host_port[ADDRESS_HOST_PORT_MAX];
	uint16_t local_port;
	const struct tls_identity *identity;
	struct resolver_answer addresses;
	unsigned next_address;
	struct resend_schedule resend;
	uint32_t timeout_ms;
	struct client_transaction *client; /* NULL = not under way */
	struct event timer;
	uint64_t sent_ms;
	options_probe_h *on_end;
	void *arg;
};

static void end(struct options_probe *p, int result)
{
	options_probe_h *on_end = p->on_end;
	void *arg = p->arg;
	uint32_t rtt_ms = (uint32_t)(clock_now_ms() - p->sent_ms);
	bool once = p->reliable || rtt_ms < p->resend.wait_ms[0];

	options_probe_cancel(p);
	on_end(result, rtt_ms, once, arg);
}

static int ask_next(struct options_probe *p);

static void on_response(const struct received *rx, void *arg)
{
	struct options_probe *p = arg;
	int status = rx->sip->sip_status->st_status;

	if (status < 200)
		return;
	p->client = NULL;
	if (status != REQUEST_RETRY_NEXT_SERVER ||
		ask_next(p)) /* calls would go on to the next server, too */
		end(p, status);
}

static void on_failure(int error, void *arg)
{
	struct options_probe *p = arg;

	p->client = NULL;
	if (ask_next(p))
		end(p, error);
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_transaction_drop(((struct options_probe *)arg)->client);
	on_failure(-ETIMEDOUT, arg);
}

static const struct client_transaction_handlers client_handlers = {on_response, on_failure};

static int ask(struct options_probe *p, const struct hop *hop)
{
	struct stack *stack = p->stack;
	const struct hop_listener *l = hop->listener;
	struct text t = text_scratch();
	char uri[ADDRESS_HOST_PORT_MAX + 32], from[128], to[ADDRESS_HOST_PORT_MAX + 8], tag[TOKEN_SIZE],
		call_id[TOKEN_SIZE], branch[BRANCH_SIZE];
	struct message_request head = {.method = "OPTIONS",
		.uri = uri,
		.branch = branch,
		.max_forwards = MAX_FORWARDS,
		.from = from,
		.to = to,
		.call_id = call_id,
		.cseq = 1};
	struct client_transaction_request request = {.method = "OPTIONS",
		.branch = client_transaction_branch(stack->client_transactions, branch),
		.call_id = call_id,
		.from_tag = tag,
		.cseq = 1,
		.text = &t,
		.hop = hop,
		.resend = &p->resend};

	token_make(tag);
	token_make(call_id);
	snprintf(uri, sizeof(uri), "sip:%s%s%s", p->host_port, hop_is_reliable(hop) ? ";transport=" : "",
		hop_is_reliable(hop) ? l->transport : "");
	snprintf(from, sizeof(from), "<sip:%s>;tag=%s", l->sent_by, tag);
	snprintf(to, sizeof(to), "<sip:%s>", p->host_port);
	message_request_head(&t, l, &head);
	message_contact(&t, l);
	text_add(&t, "Accept: application/sdp\r\n");
	message_end(&t, NULL);
	return client_transaction_send(&p->client, stack->client_transactions, &request, &client_handlers, p);
}

/** @return 0 when an OPTIONS was sent; -ENOENT no address is left; else the error of the last one */
static int ask_next(struct options_probe *p)
{
	uint32_t timeout_ms = p->timeout_ms;
	struct timeval tv;
	int err = -ENOENT;

	while (err && p->next_address < p->addresses.n) {
		struct hop hop;

		err = transport_hop_from(
			p->stack->transport, p->local_port, &p->addresses.address[p->next_address++], &hop);
		if (err)
			continue;
		hop.peer = hop_peer_create(p->gateway, &hop.to.any);
		if (hop.peer)
			hop.peer->strict_source = p->strict_source;
		hop.identity = p->identity;
		p->reliable = hop_is_reliable(&hop);
		err = ask(p, &hop);
		hop_peer_unref(hop.peer);
	}
	if (err)
		return err;
	p->sent_ms = clock_now_ms();
	if (p->next_address < p->addresses.n && timeout_ms > REQUEST_RETRY_SERVER_SILENCE_MS)
		timeout_ms = REQUEST_RETRY_SERVER_SILENCE_MS;
	event_add(&p->timer, loop_delay(p->stack->loop, timeout_ms, &tv));
	return 0;
}

/** It is in no hurry, and only what was sent once can tell that a gateway is farther away than the first wait of `auto`. */
static void set_resend(struct options_probe *p, const struct options_probe_target *target)
{
	uint32_t known_ms = response_time_ms(target->response_time);

	p->resend = *target->resend;
	if (!p->resend.automatic)
		return;
	p->resend = resend_schedule_auto(known_ms);
	resend_schedule_limit(&p->resend, target->resend->n);
	p->resend.automatic = false;
	if (!known_ms)
		p->resend.wait_ms[0] *= 4;
}

int options_probe_start(struct options_probe **out, struct stack *stack,
	const struct options_probe_target *target, options_probe_h *on_end, void *arg)
{
	struct options_probe *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->stack = stack;
	p->strict_source = target->strict_source;
	p->gateway = strdup(target->gateway);
	if (!p->gateway) {
		free(p);
		return -ENOMEM;
	}
	address_host_port(p->host_port, target->host, target->port);
	p->local_port = target->local_port;
	p->addresses = *target->addresses;
	set_resend(p, target);
	p->timeout_ms = target->timeout_ms;
	p->on_end = on_end;
	p->arg = arg;
	event_assign(&p->timer, loop_base(stack->loop), -1, 0, on_timeout, p);
	err = tls_identity_find(&p->identity, &target->demand);
	if (!err)
		err = ask_next(p);
	if (err)
		options_probe_cancel(p);
	else
		*out = p;
	return err;
}

void options_probe_cancel(struct options_probe *p)
{
	if (!p)
		return;
	client_transaction_drop(p->client);
	event_del(&p->timer);
	free(p->gateway);
	free(p);
}
