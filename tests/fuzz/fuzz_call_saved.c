/*
 * The reader of calls that outlived the process. The input says which bytes of what an answered call and one that is being set
 * up have written are others, each by two bytes for the place and one for the value, or is itself taken for such bytes:
 * whatever they are, the reader ends and reads nothing behind them, and what it takes for a call can be written again.
 */
#include "call.h"
#include "call_end.h"
#include "call_saved.h"
#include "clock.h"
#include "hop_state.h"
#include "intake.h"
#include "listen.h"
#include "loop.h"
#include "target.h"

#include <stdlib.h>
#include <string.h>

const char *const fuzz_seeds[] = {"", "a0b", " ! #\"%$&(') ", "0000111122223333", NULL};

static struct stack stack;
static struct call_context context = {.stack = &stack};
static struct cdr record = {.caller_in = "1",
	.callee_in = "2",
	.attempts = "[]",
	.source_addr = "",
	.destination_addr = "",
	.b_call_id = ""};
/** What was written of a call. */
static struct written {
	char bytes[8192];
	size_t size;
} answered, ringing;

static struct hop back; /* to everybody */

static void expect(bool truth)
{
	if (!truth)
		abort();
}

static void begin_leg(struct dialog *d, struct call *call)
{
	expect(!dialog_begin(d, stack.dialogs, call, &back, "<sip:a@b>", "<sip:c@d>", "sip:e@f"));
	d->remote_tag = strdup("tag");
	d->session.theirs = (struct session_description){
		.type = strdup("Content-Type: application/sdp\r\n"), .data = strdup("v=0\r\n"), .len = 5};
	d->session.theirs.sdp = (struct sdp_span){d->session.theirs.data, 5};
	expect(d->remote_tag && d->session.theirs.type && d->session.theirs.data);
}

static void end(struct call *call)
{
	dialog_clear(&call->a);
	invite_destroy(call->b);
	call_end_setup(call);
	call_destroy(call);
}

static const char request[] = "INVITE sip:2@127.0.0.1 SIP/2.0\r\n"
			      "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1;rport\r\n"
			      "From: <sip:1@b>;tag=1\r\nTo: <sip:2@a>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
			      "Max-Forwards: 70\r\nContact: <sip:1@127.0.0.1:9>\r\nSupported: 100rel\r\n"
			      "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";

/** An attempt as attempt_save() writes it: field 1 is the INVITE, whose field 20 is our request and 21 the hop. */
static void write_attempt(struct text *t)
{
	static const char ours[] =
		"INVITE sip:2@127.0.0.1:9 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK0123456789abcdec01234567\r\n"
		"Max-Forwards: 69\r\nFrom: <sip:1@127.0.0.1>;tag=0123456789abcdef\r\n"
		"To: <sip:2@127.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
		"Route: <sip:127.0.0.1;lr>\r\nContent-Length: 0\r\n\r\n";
	size_t invite = field_begin(t, 1), hop;

	field_add(t, 20, ours, sizeof(ours) - 1);
	hop = field_begin(t, 21);
	hop_state_write(&back, t);
	field_end(t, hop);
	field_end(t, invite);
}

static void write_answered(void)
{
	struct text t = {.data = answered.bytes, .size = sizeof(answered.bytes)};
	struct call *call = call_prepare(&context);

	expect(call && !invite_resume(&call->b, &stack));
	call->begin_ms = call->answer_ms = clock_now_ms();
	begin_leg(&call->a, call);
	begin_leg(call_leg_b(call), call);
	call_saved_write(call, NULL, &t);
	expect(!t.full);
	answered.size = t.len;
	end(call);
}

/** Its leg has got a request, and a response of ours awaits its PRACK. */
static void write_ringing(void)
{
	struct text t = {.data = ringing.bytes, .size = sizeof(ringing.bytes)};
	struct call *call = call_prepare(&context);
	struct received rx = {.source = &back.to.any, .back = back};
	char phrase[INTAKE_PHRASE_MAX];
	const int64_t plan[] = {1, 2};
	size_t begun;

	expect(call && !intake_message(&rx, request, sizeof(request) - 1, phrase));
	rx.back = back;
	call->begin_ms = call->attempt_ms = clock_now_ms();
	call->tried = 1;
	expect(!call_resume_invite(call, &rx));
	call->received = rx.msg;
	call->content.received = rx.sip;
	call->a.remote_seq++;
	call->rel100.on = call->rel100.outstanding = call->negotiated = true;
	call->negotiated_with = strdup("tag");
	server_transaction_reply(call->invite, 183, NULL, call->a.local_tag, NULL, NULL);
	call_saved_write_setup(call, &t);
	field_add(&t, 45, plan, sizeof(plan)); /* PLAN and ATTEMPT of call_saved.c */
	begun = field_begin(&t, 46);
	write_attempt(&t);
	field_end(&t, begun);
	expect(!t.full);
	ringing.size = t.len;
	call->rel100.on = false;
	server_transaction_reply(call->invite, 486, NULL, call->a.local_tag, NULL, &stack.parameters.resend);
	end(call);
	server_transactions_destroy(stack.server_transactions);
	expect(!server_transactions_create(&stack.server_transactions, stack.transport));
}

static void set_up(void)
{
	static const struct listen at = {"127.0.0.1", 0, "udp"};
	char error[200];

	clock_init();
	expect(!loop_create(&stack.loop) &&
		!transport_create(&stack.transport, stack.loop, &at, 1, NULL, error, sizeof(error)) &&
		!dialogs_create(&stack.dialogs, NULL) &&
		!client_transactions_create(&stack.client_transactions, stack.transport, NULL) &&
		!server_transactions_create(&stack.server_transactions, stack.transport));
	back.listener = (struct hop_listener *)transport_listener(stack.transport, 0);
	back.to.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = 9};
	back.peer = hop_peer_create("peer", &back.to.any);
	expect(back.peer != NULL);
	write_answered();
	write_ringing();
}

static int read_answered(struct call *call, const struct field_bytes *bytes, struct text *again)
{
	int err = call_saved_read(call, &record, bytes);

	if (!err)
		call_saved_write(call, NULL, again);
	return err;
}

static int read_ringing(struct call *call, const struct field_bytes *bytes, struct text *again)
{
	struct call_saved_setup saved = {0};
	int err = call_saved_read_setup(call, &record, bytes, &saved);

	if (!err)
		err = call_resume_invite(call, &saved.request.rx);
	if (!err)
		err = call_saved_read_caller(call, &saved);
	if (!err && saved.invite) {
		invite_save(saved.invite, again);
		call_saved_write_refusal(call, again);
	}
	for (unsigned i = 0; call_saved_candidate(&saved, i); i++)
		continue;
	if (call->invite)
		server_transaction_forget(call->invite);
	call_saved_clear(&saved);
	return err;
}

static int read_call(const char *data, size_t size,
	int (*read)(struct call *call, const struct field_bytes *bytes, struct text *again))
{
	static char again[sizeof(answered.bytes) + 65536];
	struct text t = {.data = again, .size = sizeof(again)};
	struct call *call = call_prepare(&context);
	int err;

	expect(call != NULL);
	err = read(call, &(struct field_bytes){data, size}, &t);
	end(call);
	expect(dialogs_count(stack.dialogs) == 0);
	server_transactions_destroy(stack.server_transactions);
	expect(!server_transactions_create(&stack.server_transactions, stack.transport));
	return err;
}

static void read_changed(const struct written *call, const uint8_t *data, size_t size,
	int (*read)(struct call *call, const struct field_bytes *bytes, struct text *again))
{
	char *exact = malloc(call->size); /* an over-read is noticed */

	expect(exact != NULL);
	memcpy(exact, call->bytes, call->size);
	for (size_t i = 0; i + 2 < size; i += 3)
		exact[(data[i] << 8 | data[i + 1]) % call->size] = (char)data[i + 2];
	expect(read_call(exact, call->size, read) == 0 || size >= 3);
	free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!stack.loop)
		set_up();
	read_changed(&answered, data, size, read_answered);
	read_changed(&ringing, data, size, read_ringing);
	read_call((const char *)data, size, read_answered);
	read_call((const char *)data, size, read_ringing);
	return 0;
}
