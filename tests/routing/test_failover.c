#include "failover.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

static const unsigned codes[] = {300, 302, 305, 380, 399, 400, 403, 404, 408, 480, 484, 486, 487, 488, 491,
	500, 502, 503, 504, 580, 600, 603, 604, 606, 607, 699};
enum { CODES = sizeof(codes) / sizeof(codes[0]) };

static const struct parameter_codes lists[] = {
	{.n = 0},
	{.code = {484, 603, 604, 606}, .n = 4}, /* the default */
	{.code = {486, 404, 699, 400}, .n = 4},
	{.code = {503}, .n = 1},
};
enum { LISTS = sizeof(lists) / sizeof(lists[0]) };

/* One cell of the matrix: every guard and everything a call can have seen. */
struct cell {
	bool after_invite_timeout, after_sdp, until_connect, after_user_busy;
	const struct parameter_codes *list;
	struct failover_result result;
};

/*
 * The oracle, written down from the parameters' descriptions as a row of independent sentences: is
 * there any guard that ends switching?
 */
static bool may_switch(const struct cell *c)
{
	const bool answered = c->result.failure == FAILOVER_FAILURE_CODE;
	bool ended = false;

	/* "On: after an INVITE timeout the call fails, no other gateway is tried" */
	ended |= c->after_invite_timeout && c->result.failure == FAILOVER_FAILURE_TIMEOUT &&
		c->result.stage == FAILOVER_STAGE_CALLING;
	/* "On: once a gateway sent SDP, no other gateway is tried" */
	ended |= c->after_sdp && c->result.sdp_seen;
	/* "gateways tried per call at most" */
	ended |= c->result.limit != 0 && c->result.tried >= c->result.limit;
	/* "Off: ringing (180) ends switching" */
	ended |= !c->until_connect && c->result.ringing_seen;
	/* "On: 486/600 ends switching, even with UNTIL_CONNECT On" */
	ended |= c->after_user_busy && answered && (c->result.sip_code == 486 || c->result.sip_code == 600);
	/* "final codes that end switching" */
	for (unsigned i = 0; i < c->list->n; i++)
		ended |= answered && c->list->code[i] == c->result.sip_code;
	return !ended;
}

static void check_cell(const struct cell *c)
{
	const struct gateway_policy policy = {
		.stop_switch_after_invite_timeout = c->after_invite_timeout,
		.stop_switch_after_sdp = c->after_sdp,
		.switch_until_connect = c->until_connect,
		.switch_stop_after_user_busy = c->after_user_busy,
		.stop_codes = c->list,
	};
	const struct failover_verdict verdict = failover_decide(&policy, &c->result);

	assert_int_equal(verdict.next, may_switch(c));
	if (verdict.next)
		assert_null(verdict.reason);
	else
		assert_true(strlen(verdict.reason) > 0 && strlen(verdict.reason) < 60);
}

/* All combinations of the guards and of what was seen before, for one failure in one stage. */
static void check_guards(struct cell c)
{
	static const struct {
		unsigned tried, limit;
	} counts[] = {{1, 0}, {200, 0}, {1, 1}, {1, 2}, {2, 2}, {3, 2}, {99, 100}};

	for (unsigned bits = 0; bits < 64; bits++)
		for (size_t list = 0; list < LISTS; list++)
			for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
				c.after_invite_timeout = bits & 1;
				c.after_sdp = bits & 2;
				c.until_connect = bits & 4;
				c.after_user_busy = bits & 8;
				c.result.sdp_seen = bits & 16;
				c.result.ringing_seen = bits & 32;
				c.list = &lists[list];
				c.result.tried = counts[i].tried;
				c.result.limit = counts[i].limit;
				check_cell(&c);
			}
}

static void every_guard_stage_and_code_agrees_with_the_descriptions(void **unused)
{
	(void)unused;
	for (int stage = FAILOVER_STAGE_CALLING; stage <= FAILOVER_STAGE_RINGING; stage++) {
		struct cell c = {.result = {.stage = (enum failover_stage)stage}};

		c.result.failure = FAILOVER_FAILURE_TIMEOUT;
		check_guards(c);
		c.result.failure = FAILOVER_FAILURE_TRANSPORT;
		check_guards(c);
		c.result.failure = FAILOVER_FAILURE_CODE;
		for (size_t i = 0; i < CODES; i++) {
			c.result.sip_code = codes[i];
			check_guards(c);
		}
	}
}

/* A code left over from an earlier attempt says nothing about a timeout. */
static void only_an_answer_has_a_code(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < CODES; i++) {
		struct cell c = {.result = {.failure = FAILOVER_FAILURE_TIMEOUT, .sip_code = codes[i]}};

		check_guards(c);
		c.result.failure = FAILOVER_FAILURE_TRANSPORT;
		check_guards(c);
	}
}

static const char *reason(struct gateway_policy policy, struct failover_result result)
{
	policy.stop_codes = policy.stop_codes ? policy.stop_codes : &lists[1];
	return failover_decide(&policy, &result).reason;
}

static void reasons_name_the_guard(void **unused)
{
	const struct gateway_policy strict = {.stop_switch_after_invite_timeout = true,
		.stop_switch_after_sdp = true,
		.switch_stop_after_user_busy = true};

	(void)unused;
	assert_string_equal(reason(strict, (struct failover_result){.sip_code = 603}), "stop code 603");
	assert_string_equal(reason(strict, (struct failover_result){.sip_code = 484}), "stop code 484");
	assert_string_equal(reason(strict, (struct failover_result){.sip_code = 486}), "user busy");
	assert_string_equal(reason(strict, (struct failover_result){.failure = FAILOVER_FAILURE_TIMEOUT}),
		"no switching after an INVITE timeout");
	assert_string_equal(reason(strict, (struct failover_result){.sip_code = 500, .sdp_seen = true}),
		"no switching after SDP");
	assert_string_equal(reason(strict, (struct failover_result){.sip_code = 500, .ringing_seen = true}),
		"no switching after ringing");
	assert_string_equal(reason(strict, (struct failover_result){.sip_code = 500, .tried = 3, .limit = 3}),
		"switch limit reached");
}

static void each_stop_code_is_named_by_its_number(void **unused)
{
	(void)unused;
	for (unsigned code = 400; code <= 699; code++) {
		const struct parameter_codes list = {.code = {(uint16_t)code}, .n = 1};
		char expected[32];

		snprintf(expected, sizeof(expected), "stop code %u", code);
		assert_string_equal(reason((struct gateway_policy){.stop_codes = &list},
					    (struct failover_result){.sip_code = code}),
			expected);
	}
}

static void each_stage_has_its_timeout_and_name(void **unused)
{
	const struct gateway_policy policy = {.timeout_invite_ms = 1,
		.timeout_trying_ms = 2,
		.timeout_session_progress_ms = 3,
		.timeout_session_progress_sdp_ms = 4,
		.timeout_ringing_ms = 5};
	static const char *const names[] = {"calling", "trying", "progress", "progress_sdp", "ringing"};

	(void)unused;
	for (int stage = FAILOVER_STAGE_CALLING; stage <= FAILOVER_STAGE_RINGING; stage++) {
		assert_int_equal(failover_stage_timeout_ms(&policy, (enum failover_stage)stage), stage + 1);
		assert_string_equal(failover_stage_name((enum failover_stage)stage), names[stage]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_guard_stage_and_code_agrees_with_the_descriptions),
		cmocka_unit_test(only_an_answer_has_a_code),
		cmocka_unit_test(reasons_name_the_guard),
		cmocka_unit_test(each_stop_code_is_named_by_its_number),
		cmocka_unit_test(each_stage_has_its_timeout_and_name),
	};

	return cmocka_run_group_tests_name("failover", tests, NULL, NULL);
}
