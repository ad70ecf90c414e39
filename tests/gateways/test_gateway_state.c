/* Liveness and state by themselves: two structs, no gateway, no set. */
#include "gateway_liveness.h"
#include "gateway_result.h"
#include "gateway_state.h"
#include "unit.h"

#include <string.h>

static const struct parameters p = {
	.options_down = 2,
	.options_up = 1,
	.breaker_failures = 1,
	.breaker_window = 20,
	.breaker_time_ms = 30000,
	.breaker_successes = 1,
	.breaker_on = {.timeout = true},
};

struct subject {
	struct db_gateway row;
	struct gateway_liveness l;
	struct gateway_state_decision d;
};

static void probe(struct subject *s, int code, uint64_t now_ms)
{
	const struct gateway_liveness_probe answer = {
		.code = (uint16_t)code, .words = code ? "" : "timeout", .rtt_ms = 5};

	gateway_liveness_on_probe(&s->l, &answer, &s->row, &p, now_ms);
}

static struct subject subject(void)
{
	struct subject s = {.row = unit_gateway("a")};
	enum gateway_state old;

	s.row.options_check = true;
	s.row.registration = "r";
	gateway_liveness_on_row(&s.l, &s.row, NULL, true, 0);
	gateway_liveness_on_registration(&s.l, true, "");
	probe(&s, 200, 500);
	assert_false(gateway_state_update(&s.d, &s.l, 1000, &old)); /* the first state is no change */
	return s;
}

/* A change from one state to another, with its reason. */
static void assert_change(struct subject *s, uint64_t now_ms, enum gateway_state from, enum gateway_state to,
	const char *reason)
{
	struct gateway_state_info info;
	enum gateway_state old;

	assert_true(gateway_state_update(&s->d, &s->l, now_ms, &old));
	assert_int_equal(old, from);
	gateway_state_info(&s->d, &s->l, now_ms, &info);
	assert_int_equal(info.state, to);
	assert_string_equal(info.reason, reason);
	assert_false(gateway_state_update(&s->d, &s->l, now_ms, &old));
}

/* Each input gets worse, the strongest last, and better again: what is left decides. */
static void a_good_result_of_one_input_masks_no_bad_one_of_another(void **unused)
{
	struct subject s = subject();

	(void)unused;
	probe(&s, 0, 2000);
	probe(&s, 0, 3000);
	assert_change(&s, 3000, GATEWAY_STATE_UP, GATEWAY_STATE_DOWN, "OPTIONS timeout");
	gateway_liveness_on_publication(&s.l, PUBLICATION_STATE_CLOSED, 4000);
	assert_change(&s, 4000, GATEWAY_STATE_DOWN, GATEWAY_STATE_DOWN, "PUBLISH says closed");
	gateway_liveness_on_registration(&s.l, false, "403 Forbidden");
	assert_change(&s, 5000, GATEWAY_STATE_DOWN, GATEWAY_STATE_DOWN, "not registered: 403 Forbidden");
	gateway_liveness_on_publication(&s.l, PUBLICATION_STATE_OPEN, 6000);
	gateway_liveness_on_registration(&s.l, true, "");
	assert_change(&s, 7000, GATEWAY_STATE_DOWN, GATEWAY_STATE_DOWN, "OPTIONS timeout");
	probe(&s, 200, 8000);
	assert_change(&s, 8000, GATEWAY_STATE_DOWN, GATEWAY_STATE_UP, "");
	assert_int_equal(gateway_state_failed_ms(&s.l, 8000), 0);
}

static void what_time_ends_ended_when_it_was_due(void **unused)
{
	struct subject s = subject();
	struct gateway_state_info info;

	(void)unused;
	gateway_liveness_on_retry_after(&s.l, 10, 2000);
	assert_int_equal(gateway_state_verdict(&s.l, 11999), GATEWAY_VERDICT_RETRY_AFTER);
	assert_int_equal(gateway_state_verdict_forced(&s.l, 11999), GATEWAY_VERDICT_RETRY_AFTER);
	assert_change(&s, 2000, GATEWAY_STATE_UP, GATEWAY_STATE_DOWN, "Retry-After");
	assert_change(&s, 60000, GATEWAY_STATE_DOWN, GATEWAY_STATE_UP, "");
	gateway_state_info(&s.d, &s.l, 60000, &info);
	assert_int_equal(info.since_ms, 12000);
}

static void a_row_that_is_gone_disables_until_it_comes_back(void **unused)
{
	struct subject s = subject();

	(void)unused;
	gateway_liveness_on_row(&s.l, NULL, &s.row, false, 0);
	assert_change(&s, 2000, GATEWAY_STATE_UP, GATEWAY_STATE_DISABLED, "its row is gone");
	gateway_liveness_on_row(&s.l, &s.row, &s.row, false, 0);
	assert_change(&s, 3000, GATEWAY_STATE_DISABLED, GATEWAY_STATE_UP, ""); /* still registered */
}

static void only_what_the_gateway_brings_on_itself_may_be_forced(void **unused)
{
	struct subject s = subject();

	(void)unused;
	probe(&s, 503, 2000);
	probe(&s, 503, 2000);
	assert_int_equal(gateway_state_verdict(&s.l, 2000), GATEWAY_VERDICT_OPTIONS_DOWN);
	assert_int_equal(gateway_state_verdict_forced(&s.l, 2000), GATEWAY_VERDICT_USABLE);
	assert_int_equal(gateway_state_failed_ms(&s.l, 3000), 2000);
	s.row.draining = true;
	gateway_liveness_on_row(&s.l, &s.row, &s.row, false, 0);
	assert_int_equal(gateway_state_verdict_forced(&s.l, 2000), GATEWAY_VERDICT_DRAINING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_result_of_one_input_masks_no_bad_one_of_another),
		cmocka_unit_test(what_time_ends_ended_when_it_was_due),
		cmocka_unit_test(a_row_that_is_gone_disables_until_it_comes_back),
		cmocka_unit_test(only_what_the_gateway_brings_on_itself_may_be_forced),
	};

	return cmocka_run_group_tests_name("gateway_state", tests, NULL, NULL);
}
