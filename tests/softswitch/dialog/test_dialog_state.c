/* Dialogs as bytes, and the dialogs that go on from them. */
#include "dialog_state.h"

#include "clock.h"
#include "listen.h"
#include "loop.h"
#include "tls_identity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char buffer[16384], again[16384];

struct fixture {
	struct loop *loop;
	struct stack stack;
	struct dialog d;
};

static int set_up(void **state)
{
	static const struct listen at[] = {
		{"127.0.0.1", 0, "udp"}, {"127.0.0.1", 0, "tcp"}, {"127.0.0.2", 0, "udp"}};
	struct fixture *f = calloc(1, sizeof(*f));
	char error[200];

	*state = f;
	clock_init();
	if (loop_create(&f->loop) ||
		transport_create(&f->stack.transport, f->loop, at, 3, NULL, error, sizeof(error)) ||
		dialogs_create(&f->stack.dialogs, NULL))
		return -1;
	f->stack.loop = f->loop;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	dialog_clear(&f->d);
	dialogs_destroy(f->stack.dialogs);
	transport_destroy(f->stack.transport);
	loop_destroy(f->loop);
	tls_identity_forget();
	free(f);
	return 0;
}

/** Every member that is kept has a value of its own. */
static void fill(struct fixture *f)
{
	static const char sdp[] = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n";
	const struct tls_identity_demand demand = {"gw.example.org", true,
		"00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:FF",
		"client.pem"};
	struct hop hop = {.listener = (struct hop_listener *)transport_listener(f->stack.transport, 1)};
	struct dialog *d = &f->d;

	hop.to.v4 = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(5062), .sin_addr = {htonl(0x0a000001)}};
	hop.peer = hop_peer_create("gw1", &hop.to.any);
	hop.peer->called_us = hop.peer->elsewhere = hop.peer->strict_source = true;
	hop.peer->row_id = 77;
	hop.peer->nat = DB_OVERRIDE_ON;
	assert_int_equal(tls_identity_find(&hop.identity, &demand), 0);
	assert_int_equal(
		dialog_begin(d, f->stack.dialogs, f, &hop, "<sip:a@b>", "<sip:c@d>;tag=t", "sip:c@10.0.0.1"),
		0);
	hop_peer_unref(hop.peer);
	d->listener = transport_listener(f->stack.transport, 0);
	d->remote_tag = strdup("t");
	free(d->route);
	d->route = strdup("Route: <sip:p;lr>\r\n");
	d->strict_route = strdup("sip:strict");
	d->next = (struct next_hop){strdup("proxy.example.org"), 5070, "tcp"};
	d->local_seq = 5;
	d->remote_seq = 6;
	d->remote_end = 202;
	d->remote_acked = true;
	d->invite_seq = 3;
	d->ack_seq = 2;
	d->offerless = true;
	d->pass_headers = strdup("X-One");
	d->session = (struct session){
		.theirs = {strdup("Content-Type: application/sdp\r\n"), strdup(sdp), sizeof(sdp) - 1, {0}},
		.timer = true,
		.rel100 = true,
		.update = SESSION_UPDATE_REFUSED,
		.identity = 8,
		.interval_s = 1800,
		.min_se_s = 100,
		.refresher = SESSION_PEER};
	d->session.theirs.sdp = (struct sdp_span){d->session.theirs.data + 3, 7};
	d->own_origin = true;
	d->origin.version = 9;
	d->origin.hash = 10;
}

static struct field_bytes written(const struct dialog *d, char *to)
{
	struct text t = {.data = to, .size = sizeof(buffer)};

	dialog_state_write(d, &t);
	assert_false(t.full);
	return (struct field_bytes){t.data, t.len};
}

static void all_of_it_comes_back(void **state)
{
	struct fixture *f = *state;
	struct dialog *d = &f->d;
	struct field_bytes bytes, second;
	char tag[TOKEN_SIZE];
	bool moved = true;

	fill(f);
	bytes = written(d, buffer);
	memcpy(tag, d->local_tag, sizeof(tag));
	dialog_clear(d);
	assert_int_equal(dialog_state_read(d, &f->stack, f, &bytes, &moved), 0);
	assert_false(moved);
	assert_string_equal(d->local_tag, tag);
	assert_ptr_equal(d->owner, f);
	assert_int_equal(dialogs_count(f->stack.dialogs), 1);
	assert_int_equal(d->local_seq, 5 + DIALOG_STATE_JUMP);
	assert_int_equal(d->origin.version, 9 + DIALOG_STATE_JUMP);
	d->local_seq = 5;
	d->origin.version = 9;
	second = written(d, again);
	assert_int_equal(second.size, bytes.size);
	assert_memory_equal(second.data, bytes.data, bytes.size);
	/* And here is what those bytes are made of. */
	assert_ptr_equal(d->listener, transport_listener(f->stack.transport, 0));
	assert_ptr_equal(d->hop.listener, transport_listener(f->stack.transport, 1));
	assert_int_equal(ntohs(d->hop.to.v4.sin_port), 5062);
	assert_string_equal(d->hop.peer->name, "gw1");
	assert_true(d->hop.peer->called_us && d->hop.peer->elsewhere && d->hop.peer->strict_source);
	assert_int_equal(d->hop.peer->row_id, 77);
	assert_int_equal(d->hop.peer->nat, DB_OVERRIDE_ON);
	assert_non_null(d->hop.identity);
	assert_string_equal(d->next.transport, "tcp");
	assert_int_equal(d->session.theirs.sdp.data - d->session.theirs.data, 3);
	assert_int_equal(d->session.theirs.sdp.len, 7);
	assert_int_equal(d->session.refresher, SESSION_PEER);
}

static void a_tag_that_is_in_use_is_refused(void **state)
{
	struct fixture *f = *state;
	struct dialog other = {0};
	struct field_bytes bytes;
	bool moved;

	fill(f);
	bytes = written(&f->d, buffer);
	assert_int_equal(dialog_state_read(&other, &f->stack, f, &bytes, &moved), -EEXIST);
	dialog_clear(&other);
	assert_int_equal(dialogs_count(f->stack.dialogs), 1);
}

static void cseq_stays_below_two_to_the_31st(void **state)
{
	struct fixture *f = *state;
	struct field_bytes bytes;
	bool moved;

	fill(f);
	f->d.local_seq = INT32_MAX - 3;
	bytes = written(&f->d, buffer);
	dialog_clear(&f->d);
	assert_int_equal(dialog_state_read(&f->d, &f->stack, f, &bytes, &moved), 0);
	assert_int_equal(f->d.local_seq, INT32_MAX);
}

static void another_listener_of_its_kind_is_told(void **state)
{
	struct fixture *f = *state;
	struct hop_listener gone = *transport_listener(f->stack.transport, 0);
	struct field_bytes bytes;
	bool moved = false;

	fill(f);
	f->d.listener = &gone;
	hop_listener_name(&gone, "127.0.0.9", 5060);
	bytes = written(&f->d, buffer);
	dialog_clear(&f->d);
	assert_int_equal(dialog_state_read(&f->d, &f->stack, f, &bytes, &moved), 0);
	assert_true(moved);
	dialog_clear(&f->d);
	fill(f);
	f->d.listener = &gone;
	gone.transport = "tls";
	bytes = written(&f->d, buffer);
	dialog_clear(&f->d);
	assert_int_equal(dialog_state_read(&f->d, &f->stack, f, &bytes, &moved), -ENOTCONN);
}

static void what_is_missing_or_torn_is_refused(void **state)
{
	struct fixture *f = *state;
	struct field_bytes bytes;
	bool moved;

	fill(f);
	bytes = written(&f->d, buffer);
	dialog_clear(&f->d);
	for (size_t n = bytes.size; n-- > 0;) {
		const struct field_bytes part = {bytes.data, n};
		int err = dialog_state_read(&f->d, &f->stack, f, &part, &moved);

		assert_true(err == -EINVAL || n > bytes.size / 2);
		dialog_clear(&f->d);
	}
	assert_int_equal(dialogs_count(f->stack.dialogs), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_it_comes_back),
		TEST(a_tag_that_is_in_use_is_refused),
		TEST(cseq_stays_below_two_to_the_31st),
		TEST(another_listener_of_its_kind_is_told),
		TEST(what_is_missing_or_torn_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
