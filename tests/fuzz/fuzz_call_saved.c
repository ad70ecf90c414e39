/*
 * The reader of calls that outlived the process. The input says which bytes of what a call has written are others, each by
 * two bytes for the place and one for the value, or is itself taken for such bytes: whatever they are, the reader ends and
 * reads nothing behind them, and what it takes for a call can be written again.
 */
#include "call.h"
#include "call_saved.h"
#include "clock.h"
#include "listen.h"
#include "loop.h"
#include "pace.h"
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
static char buffer[4096];
static size_t size_of_call;

static void expect(bool truth)
{
	if (!truth)
		abort();
}

static void begin_leg(struct dialog *d, struct call *call)
{
	struct hop hop = {.listener = (struct hop_listener *)transport_listener(stack.transport, 0)};

	hop.to.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = 9};
	hop.peer = hop_peer_create("peer", &hop.to.any);
	expect(hop.peer && !dialog_begin(d, stack.dialogs, call, &hop, "<sip:a@b>", "<sip:c@d>", "sip:e@f"));
	hop_peer_unref(hop.peer);
	d->remote_tag = strdup("tag");
	d->session.theirs = (struct session_description){
		.type = strdup("Content-Type: application/sdp\r\n"), .data = strdup("v=0\r\n"), .len = 5};
	d->session.theirs.sdp = (struct sdp_span){d->session.theirs.data, 5};
	expect(d->remote_tag && d->session.theirs.type && d->session.theirs.data);
}

static void end(struct call *call)
{
	invite_destroy(call->b);
	call_destroy(call);
}

static void set_up(void)
{
	static const struct listen at = {"127.0.0.1", 0, "udp"};
	struct text t = {.data = buffer, .size = sizeof(buffer)};
	char error[200];
	struct call *call;

	clock_init();
	expect(!loop_create(&stack.loop) &&
		!transport_create(&stack.transport, stack.loop, &at, 1, NULL, error, sizeof(error)) &&
		!dialogs_create(&stack.dialogs, NULL));
	call = call_prepare(&context);
	expect(call && !invite_resume(&call->b, &stack));
	call->begin_ms = call->answer_ms = clock_now_ms();
	begin_leg(&call->a, call);
	begin_leg(call_leg_b(call), call);
	call_saved_write(call, NULL, &t);
	expect(!t.full);
	size_of_call = t.len;
	end(call);
}

static int read_call(const char *data, size_t size)
{
	static char again[sizeof(buffer) + 65536];
	struct text t = {.data = again, .size = sizeof(again)};
	struct call *call = call_prepare(&context);
	int err;

	expect(call != NULL);
	err = call_saved_read(call, &record, &(struct field_bytes){data, size});
	if (!err)
		call_saved_write(call, NULL, &t);
	end(call);
	expect(dialogs_count(stack.dialogs) == 0);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char changed[sizeof(buffer)];

	if (!stack.loop)
		set_up();
	memcpy(changed, buffer, size_of_call);
	for (size_t i = 0; i + 2 < size; i += 3)
		changed[(data[i] << 8 | data[i + 1]) % size_of_call] = (char)data[i + 2];
	char *exact = malloc(size_of_call); /* an over-read is noticed */
	expect(exact != NULL);
	memcpy(exact, changed, size_of_call);
	expect(read_call(exact, size_of_call) == 0 || size >= 3);
	free(exact);
	read_call((const char *)data, size);
	return 0;
}
