#include "gateway_policy.h"
#include "gateways.h"

#include "response_time.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One gateway "a" in a set. */
struct fixture {
	struct gateways *set;
	struct db_gateway row;
	struct gateway *gw;
};

static void apply(struct fixture *f)
{
	assert_int_equal(gateways_apply(f->set, &f->row, 1), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(gateways_create(&f->set), 0);
	f->row = unit_gateway("a");
	apply(f);
	f->gw = gateways_find(f->set, "a");
	assert_non_null(f->gw);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	gateways_destroy(f->set);
	free(f);
	return 0;
}

/* The verdict of check and seize, which must be one, and its words. */
static void assert_verdict(
	struct gateway *gw, enum gateway_verdict expected, uint64_t now_ms, const char *words)
{
	struct call_limits_channel ch = {0};
	char text[64];

	assert_int_equal(gateway_check(gw, now_ms), expected);
	gateway_explain(gw, expected, now_ms, text, sizeof(text));
	assert_string_equal(text, words);
	assert_int_equal(gateway_seize(gw, &ch, now_ms), expected);
	assert_int_equal(ch.limits != NULL, expected == GATEWAY_VERDICT_USABLE);
	call_limits_release(&ch);
}

static void a_new_gateway_is_usable(void **state)
{
	struct fixture *f = *state;

	assert_verdict(f->gw, GATEWAY_VERDICT_USABLE, 0, "usable");
	assert_string_equal(gateway_name(f->gw), "a");
	assert_string_equal(gateway_row(f->gw)->host, "127.0.0.1");
	assert_int_equal(gateway_rtt_ms(f->gw), 0);
	assert_int_equal(gateway_calls(f->gw), 0);
	assert_int_equal(gateway_calls_total(f->gw), 1);
}

static void each_reason_is_said_in_words(void **state)
{
	struct fixture *f = *state;
	struct call_limits_channel ch = {0};

	f->row.capacity = 1;
	f->row.cps = 1;
	apply(f);
	assert_int_equal(gateway_seize(f->gw, &ch, 1000), GATEWAY_VERDICT_USABLE);
	assert_verdict(f->gw, GATEWAY_VERDICT_FULL, 1000, "full 1/1");
	call_limits_release(&ch);
	assert_verdict(f->gw, GATEWAY_VERDICT_CPS, 1999, "cps 1/1");
	gateway_retry_after(f->gw, 12, 2000);
	assert_verdict(f->gw, GATEWAY_VERDICT_RETRY_AFTER, 2000, "Retry-After, 12 s left");
	assert_verdict(f->gw, GATEWAY_VERDICT_RETRY_AFTER, 2001, "Retry-After, 12 s left");
	assert_verdict(f->gw, GATEWAY_VERDICT_RETRY_AFTER, 3000, "Retry-After, 11 s left");
	f->row.enabled = false;
	apply(f);
	assert_verdict(f->gw, GATEWAY_VERDICT_DISABLED, 2000, "disabled");
	gateway_ref(f->gw);
	assert_int_equal(gateways_apply(f->set, NULL, 0), 0);
	assert_verdict(f->gw, GATEWAY_VERDICT_REMOVED, 2000, "removed");
	gateway_unref(f->gw);
	gateway_unref(NULL);
}

static void retry_after_ends_on_time(void **state)
{
	struct fixture *f = *state;

	gateway_retry_after(f->gw, 10, 5000);
	assert_int_equal(gateway_retry_after_left(f->gw, 5000), 10000);
	assert_int_equal(gateway_check(f->gw, 14999), GATEWAY_VERDICT_RETRY_AFTER);
	assert_int_equal(gateway_retry_after_left(f->gw, 14999), 1);
	assert_int_equal(gateway_check(f->gw, 15000), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateway_retry_after_left(f->gw, 15000), 0);
	assert_int_equal(gateway_retry_after_left(f->gw, 99999), 0);
}

static void retry_after_is_clamped(void **state)
{
	struct fixture *f = *state;

	gateway_retry_after(f->gw, 0, 0);
	assert_int_equal(gateway_retry_after_left(f->gw, 0), 1000);
	gateway_retry_after(f->gw, UINT32_MAX, 0);
	assert_int_equal(gateway_retry_after_left(f->gw, 0), 120000);
}

static void a_shorter_retry_after_does_not_cut_a_longer_one(void **state)
{
	struct fixture *f = *state;

	gateway_retry_after(f->gw, 60, 0);
	gateway_retry_after(f->gw, 5, 100);
	assert_int_equal(gateway_retry_after_left(f->gw, 100), 59900);
	gateway_retry_after(f->gw, 60, 200);
	assert_int_equal(gateway_retry_after_left(f->gw, 200), 60000);
}

static void another_address_is_another_machine(void **state)
{
	struct fixture *f = *state;

	gateway_retry_after(f->gw, 60, 0);
	response_time_learn(gateway_response_time(f->gw), 700);
	f->row.capacity = 30;
	apply(f);
	assert_int_equal(gateway_check(f->gw, 0), GATEWAY_VERDICT_RETRY_AFTER);
	assert_int_equal(gateway_rtt_ms(f->gw), 700);
	f->row.host = "127.0.0.2";
	apply(f);
	assert_int_equal(gateway_check(f->gw, 0), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateway_rtt_ms(f->gw), 0);
	gateway_retry_after(f->gw, 60, 0);
	f->row.port = 5070;
	apply(f);
	assert_int_equal(gateway_check(f->gw, 0), GATEWAY_VERDICT_USABLE);
	gateway_retry_after(f->gw, 60, 0);
	f->row.transport = "tcp";
	apply(f);
	assert_int_equal(gateway_check(f->gw, 0), GATEWAY_VERDICT_USABLE);
}

static const struct parameters defaults = {
	.resend = {.wait_ms = {500, 1000}, .n = 2},
	.timeout_invite_ms = 1,
	.timeout_trying_ms = 2,
	.timeout_session_progress_ms = 3,
	.timeout_session_progress_sdp_ms = 4,
	.timeout_ringing_ms = 5,
	.switch_stop_codes = {.code = {603}, .n = 1},
	.session_timer = true,
	.sip_100rel = PARAMETER_100REL_SUPPORTED,
	.max_call_duration_ms = 6,
};

static void without_overrides_the_parameters_are_in_force(void **state)
{
	struct fixture *f = *state;
	struct gateway_policy policy;

	gateway_policy(f->gw, &defaults, &policy);
	assert_int_equal(policy.timeout_invite_ms, 1);
	assert_int_equal(policy.timeout_trying_ms, 2);
	assert_int_equal(policy.timeout_session_progress_ms, 3);
	assert_int_equal(policy.timeout_session_progress_sdp_ms, 4);
	assert_int_equal(policy.timeout_ringing_ms, 5);
	assert_int_equal(policy.resend.n, 2);
	assert_int_equal(policy.resend.wait_ms[1], 1000);
	assert_ptr_equal(policy.stop_codes, &defaults.switch_stop_codes);
	assert_true(policy.session_timer);
	assert_int_equal(policy.sip_100rel, PARAMETER_100REL_SUPPORTED);
	assert_int_equal(policy.max_call_duration_ms, 6);
	assert_false(policy.sdp_own_origin);
}

static void timeouts_and_lists_of_the_row_win(void **state)
{
	struct fixture *f = *state;
	struct gateway_policy policy;

	f->row.timeout_invite_ms = 11;
	f->row.timeout_trying_ms = 12;
	f->row.timeout_session_progress_ms = 13;
	f->row.timeout_session_progress_sdp_ms = 14;
	f->row.timeout_ringing_ms = 15;
	f->row.resend.set = true;
	f->row.resend.value = (struct resend_schedule){.wait_ms = {100, 200, 300}, .n = 3};
	f->row.switch_stop_codes.set = true;
	apply(f);
	gateway_policy(f->gw, &defaults, &policy);
	assert_int_equal(policy.timeout_invite_ms, 11);
	assert_int_equal(policy.timeout_trying_ms, 12);
	assert_int_equal(policy.timeout_session_progress_ms, 13);
	assert_int_equal(policy.timeout_session_progress_sdp_ms, 14);
	assert_int_equal(policy.timeout_ringing_ms, 15);
	assert_int_equal(policy.resend.n, 3);
	assert_int_equal(policy.resend.wait_ms[2], 300);
	assert_int_equal(policy.stop_codes->n, 0); /* an empty list of its own */
}

static void what_the_row_says_of_sessions_wins(void **state)
{
	struct fixture *f = *state;
	struct parameters p = defaults;
	struct gateway_policy policy;

	f->row.session_timer = DB_OVERRIDE_OFF;
	f->row.sip_100rel.set = true;
	f->row.sip_100rel.value = PARAMETER_100REL_OFF;
	f->row.max_call_duration_ms = 16;
	f->row.sdp_own_origin = true;
	apply(f);
	gateway_policy(f->gw, &p, &policy);
	assert_false(policy.session_timer);
	assert_int_equal(policy.sip_100rel, PARAMETER_100REL_OFF);
	assert_int_equal(policy.max_call_duration_ms, 16);
	assert_true(policy.sdp_own_origin);
	f->row.session_timer = DB_OVERRIDE_ON;
	p.session_timer = false;
	apply(f);
	gateway_policy(f->gw, &p, &policy);
	assert_true(policy.session_timer);
}

/* Every override with both values of the parameter, one switch at a time. */
static void on_and_off_of_the_row_win(void **state)
{
	struct fixture *f = *state;

	for (unsigned bits = 0; bits < 16; bits++)
		for (unsigned own = 0; own < 81; own++) {
			const enum db_override o[4] = {own % 3, own / 3 % 3, own / 9 % 3, own / 27};
			struct parameters p = defaults;
			struct gateway_policy policy;

			p.stop_switch_after_invite_timeout = bits & 1;
			p.stop_switch_after_sdp = bits & 2;
			p.switch_until_connect = bits & 4;
			p.switch_stop_after_user_busy = bits & 8;
			f->row.switch_stop_after_invite_timeout = o[0];
			f->row.switch_stop_after_sdp = o[1];
			f->row.switch_until_connect = o[2];
			f->row.switch_stop_after_user_busy = o[3];
			apply(f);
			gateway_policy(f->gw, &p, &policy);
			const bool got[4] = {policy.stop_switch_after_invite_timeout,
				policy.stop_switch_after_sdp, policy.switch_until_connect,
				policy.switch_stop_after_user_busy};
			for (unsigned i = 0; i < 4; i++)
				assert_int_equal(got[i],
					o[i] == DB_OVERRIDE_NONE ? bits >> i & 1 : o[i] == DB_OVERRIDE_ON);
		}
}

static void the_row_is_an_owned_copy(void **state)
{
	struct fixture *f = *state;
	char host[] = "10.0.0.1", name[] = "a";

	f->row.host = host;
	f->row.name = name;
	apply(f);
	memset(host, 'x', sizeof(host) - 1);
	memset(name, 'x', sizeof(name) - 1);
	assert_string_equal(gateway_row(f->gw)->host, "10.0.0.1");
	assert_string_equal(gateway_row(f->gw)->name, "a");
	assert_ptr_equal(gateways_find(f->set, "a"), f->gw);
}

int main(void)
{
#define GATEWAY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		GATEWAY_TEST(a_new_gateway_is_usable),
		GATEWAY_TEST(each_reason_is_said_in_words),
		GATEWAY_TEST(retry_after_ends_on_time),
		GATEWAY_TEST(retry_after_is_clamped),
		GATEWAY_TEST(a_shorter_retry_after_does_not_cut_a_longer_one),
		GATEWAY_TEST(another_address_is_another_machine),
		GATEWAY_TEST(without_overrides_the_parameters_are_in_force),
		GATEWAY_TEST(timeouts_and_lists_of_the_row_win),
		GATEWAY_TEST(what_the_row_says_of_sessions_wins),
		GATEWAY_TEST(on_and_off_of_the_row_win),
		GATEWAY_TEST(the_row_is_an_owned_copy),
	};

	return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
