#include "registrations.h"

#include "unit.h"

#include "out_of_memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct parameters defaults = {
	.user_agent_retry_delay_ms = 60000,
	.user_agent_send_unregister = true,
};

struct fixture {
	struct registrations *set;
	struct registration *r;
	struct db_registration row;
	struct parameters p;
	uint64_t now;
};

static void apply(struct fixture *f)
{
	assert_int_equal(registrations_apply(f->set, &f->row, 1, &f->p, f->now), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f || registrations_create(&f->set))
		return -1;
	f->p = defaults;
	f->now = 1000000;
	f->row = unit_registration("carrier");
	apply(f);
	f->r = registration_ref(registrations_find(f->set, "carrier"));
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	registration_unref(f->r);
	registrations_destroy(f->set);
	free(f);
	return 0;
}

static enum registration_task next(struct fixture *f)
{
	return registration_next(f->r, &f->p, f->now);
}

static struct registration_info info(const struct fixture *f)
{
	struct registration_info out;

	registration_info(f->r, f->now, &out);
	return out;
}

/** The request that is due now is granted for so long. */
static void register_for(struct fixture *f, uint32_t granted_s)
{
	assert_int_equal(next(f), REGISTRATION_REGISTER);
	registration_succeeded(f->r, granted_s, f->now);
}

/** Nothing is due until this time, then this. */
static void due_after(struct fixture *f, uint64_t ms, enum registration_task task)
{
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(registration_due_ms(f->r) - f->now, ms);
	f->now += ms - 1;
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	f->now++;
	assert_int_equal(next(f), task);
}

static void an_automatic_expiry_asks_for_an_hour_and_adopts_what_is_granted(void **state)
{
	static const uint32_t granted_s[] = {3600, 300, 7200, 1};
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	for (unsigned i = 0; i < sizeof(granted_s) / sizeof(granted_s[0]); i++) {
		assert_int_equal(registration_expires_s(f->r), 3600);
		registration_succeeded(f->r, granted_s[i], f->now);
		assert_int_equal(info(f).expires_ms, f->now + granted_s[i] * 1000);
		due_after(f, granted_s[i] * 500, REGISTRATION_REGISTER);
	}
}

static void a_fixed_expiry_is_asked_for_and_can_only_be_shortened(void **state)
{
	struct fixture *f = *state;

	f->p.user_agent_expire_s = 600;
	register_for(f, 7200);
	assert_int_equal(registration_expires_s(f->r), 600);
	due_after(f, 300000, REGISTRATION_REGISTER);
	registration_succeeded(f->r, 100, f->now);
	due_after(f, 50000, REGISTRATION_REGISTER);
	assert_int_equal(registration_expires_s(f->r), 600);
}

static void the_expiry_of_the_row_comes_before_the_parameter(void **state)
{
	struct fixture *f = *state;

	f->p.user_agent_expire_s = 600;
	f->row.expiry = (struct db_override_expiry){true, 90};
	apply(f);
	register_for(f, 90);
	assert_int_equal(registration_expires_s(f->r), 90);
}

static void every_failure_is_followed_by_the_same_wait(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	for (unsigned i = 0; i < 50; i++) {
		f->now += 31500; /* the request took its time */
		registration_failed(f->r, 0, "timeout", f->now);
		assert_int_equal(info(f).state, REGISTRATION_WAITING);
		assert_string_equal(info(f).words, "timeout");
		due_after(f, 60000, REGISTRATION_REGISTER);
	}
	registration_succeeded(f->r, 3600, f->now);
	assert_int_equal(info(f).state, REGISTRATION_REGISTERED);
	assert_string_equal(info(f).words, "200 OK");
}

static void nothing_new_begins_while_a_request_is_under_way(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	f->row.host = "other.example";
	apply(f);
	due_after(f, 1000, REGISTRATION_REGISTER); /* the other one is asked without its answer */
	assert_string_equal(registration_used(f->r)->host, "other.example");
	f->now += 1000000;
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(registration_due_ms(f->r), REGISTRATION_NEVER);
}

static void a_request_that_nobody_wants_any_more_is_given_up_and_undone(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	f->now += 5000;
	assert_int_equal(registrations_apply(f->set, NULL, 0, &f->p, f->now), 0);
	due_after(f, 1000, REGISTRATION_UNREGISTER);
	assert_int_equal(registration_due_ms(f->r), REGISTRATION_NEVER);
	assert_int_equal(info(f).state, REGISTRATION_UNREGISTERING);
	f->now += 100000;
	assert_int_equal(next(f), REGISTRATION_NOTHING); /* this one is awaited */
	registration_failed(f->r, 0, "timeout", f->now);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(info(f).state, REGISTRATION_DISABLED);
}

static void a_refresh_that_nobody_wants_any_more_is_given_up_and_undone(void **state)
{
	struct fixture *f = *state;

	register_for(f, 3600);
	due_after(f, 1800000, REGISTRATION_REGISTER);
	f->row.enabled = false;
	apply(f);
	due_after(f, 1000, REGISTRATION_UNREGISTER);
}

static void a_request_that_is_wanted_again_is_awaited(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	f->row.enabled = false;
	apply(f);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	f->row.enabled = true;
	apply(f);
	f->now += 5000;
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(registration_due_ms(f->r), REGISTRATION_NEVER);
	registration_succeeded(f->r, 3600, f->now);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
}

static void an_operator_unregisters_and_registers_it(void **state)
{
	struct fixture *f = *state;

	f->p.user_agent_send_unregister = false; /* which is about the stop and removal */
	register_for(f, 3600);
	registration_hold(f->r);
	assert_int_equal(next(f), REGISTRATION_UNREGISTER);
	registration_succeeded(f->r, 0, f->now);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(info(f).state, REGISTRATION_DISABLED);
	assert_string_equal(info(f).words, "unregistered by command");
	f->row.password = "newer";
	apply(f);
	f->now += 100000000;
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	registration_release(f->r, f->now);
	register_for(f, 3600);
	f->now += 1000;
	registration_release(f->r, f->now);
	register_for(f, 3600); /* though no refresh is due */
	registration_hold(f->r);
	assert_int_equal(next(f), REGISTRATION_UNREGISTER);
	registration_failed(f->r, 403, "403 Forbidden", f->now);
	f->row.enabled = false;
	apply(f);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	f->row.enabled = true;
	apply(f);
	register_for(f, 3600);
}

static void registered_by_command_it_does_not_wait(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	registration_failed(f->r, 0, "timeout", f->now);
	f->now += 1000;
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	registration_release(f->r, f->now);
	assert_int_equal(next(f), REGISTRATION_REGISTER);
}

static void a_failed_refresh_leaves_what_was_granted_until_it_expires(void **state)
{
	struct fixture *f = *state;

	register_for(f, 100);
	due_after(f, 50000, REGISTRATION_REGISTER);
	registration_failed(f->r, 503, "503 Service Unavailable", f->now);
	assert_int_equal(info(f).state, REGISTRATION_REGISTERED);
	assert_int_equal(info(f).code, 503);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(registration_due_ms(f->r), f->now + 50000); /* the end of it, before the next try */
	f->now += 49999;
	assert_true(registration_is_registered(f->r, f->now));
	f->now++;
	assert_false(registration_is_registered(f->r, f->now));
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(info(f).state, REGISTRATION_WAITING);
	due_after(f, 10000, REGISTRATION_REGISTER); /* 60 s after the failure */
}

static void a_refresh_that_takes_longer_than_the_expiry_is_no_registration(void **state)
{
	struct fixture *f = *state;

	register_for(f, 20);
	due_after(f, 10000, REGISTRATION_REGISTER);
	assert_int_equal(registration_due_ms(f->r), f->now + 10000);
	f->now += 10000;
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(info(f).state, REGISTRATION_REGISTERING);
	registration_succeeded(f->r, 20, f->now);
	assert_true(registration_is_registered(f->r, f->now));
}

static void too_brief_an_interval_is_raised_once_and_remembered(void **state)
{
	struct fixture *f = *state;

	f->row.expiry = (struct db_override_expiry){true, 60};
	apply(f);
	assert_int_equal(next(f), REGISTRATION_REGISTER);
	assert_int_equal(registration_raise(f->r, 1800), 0);
	assert_int_equal(registration_expires_s(f->r), 1800);
	assert_int_equal(registration_raise(f->r, 3600), -EINVAL);
	registration_succeeded(f->r, 1800, f->now);
	due_after(f, 900000, REGISTRATION_REGISTER);
	assert_int_equal(registration_expires_s(f->r), 1800);
	assert_int_equal(registration_raise(f->r, 2000), 0); /* once for each request */
	registration_succeeded(f->r, 2000, f->now);
	f->row.host = "other.example";
	apply(f);
	assert_int_equal(next(f), REGISTRATION_UNREGISTER);
	registration_succeeded(f->r, 0, f->now);
	assert_int_equal(next(f), REGISTRATION_REGISTER);
	assert_int_equal(registration_expires_s(f->r), 60);
}

static void a_silly_min_expires_is_a_failure(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	assert_int_equal(registration_raise(f->r, 0), -EINVAL);
	assert_int_equal(registration_raise(f->r, 3600), -EINVAL);
	assert_int_equal(registration_raise(f->r, UINT32_MAX), -EINVAL);
}

static void an_absurd_expiry_is_not_believed(void **state)
{
	struct fixture *f = *state;

	register_for(f, UINT32_MAX);
	assert_int_equal(info(f).expires_ms, f->now + 7 * 86400000ull);
}

static void disabling_removes_the_binding_and_enabling_restores_it(void **state)
{
	struct fixture *f = *state;

	register_for(f, 3600);
	f->row.enabled = false;
	apply(f);
	assert_int_equal(next(f), REGISTRATION_UNREGISTER);
	assert_int_equal(info(f).state, REGISTRATION_UNREGISTERING);
	assert_false(registration_is_registered(f->r, f->now));
	registration_failed(f->r, 0, "timeout", f->now);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(info(f).state, REGISTRATION_DISABLED);
	assert_int_equal(registration_due_ms(f->r), REGISTRATION_NEVER);
	f->row.enabled = true;
	apply(f);
	assert_int_equal(next(f), REGISTRATION_REGISTER);
}

static void enabled_again_while_the_binding_is_removed_it_is_made_anew_at_once(void **state)
{
	struct fixture *f = *state;

	register_for(f, 3600);
	f->row.enabled = false;
	apply(f);
	assert_int_equal(next(f), REGISTRATION_UNREGISTER);
	f->row.enabled = true;
	apply(f);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	registration_succeeded(f->r, 0, f->now);
	assert_int_equal(next(f), REGISTRATION_REGISTER);
}

static void without_unregistering_the_binding_is_left_to_expire(void **state)
{
	struct fixture *f = *state;

	f->p.user_agent_send_unregister = false;
	register_for(f, 3600);
	f->row.enabled = false;
	apply(f);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(info(f).state, REGISTRATION_DISABLED);
}

static void a_removed_one_removes_its_binding_with_the_row_it_was_made_of(void **state)
{
	struct fixture *f = *state;

	register_for(f, 3600);
	assert_int_equal(registrations_apply(f->set, NULL, 0, &f->p, f->now), 0);
	assert_int_equal(next(f), REGISTRATION_UNREGISTER);
	assert_string_equal(registration_used(f->r)->password, "secret");
	registration_succeeded(f->r, 0, f->now);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(info(f).state, REGISTRATION_DISABLED);
	assert_true(registration_is_removed(f->r));
}

static void one_removed_while_its_first_request_is_under_way_is_unregistered_when_that_succeeds(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	assert_int_equal(registrations_apply(f->set, NULL, 0, &f->p, f->now), 0);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	registration_succeeded(f->r, 3600, f->now);
	assert_int_equal(next(f), REGISTRATION_UNREGISTER);
}

static void what_changes_the_binding_removes_the_old_one_first(void **state)
{
	struct fixture *f = *state;
	struct db_registration changed[8];

	for (unsigned i = 0; i < 8; i++)
		changed[i] = f->row;
	changed[0].host = "other.example";
	changed[1].port = 5070;
	changed[2].transport = "tcp";
	changed[3].local_port = 5062;
	changed[4].user = "4940";
	changed[5].realm = "example.com";
	changed[6].contact_host = "pbx.example";
	changed[7].line = "ff11223344556677";
	for (unsigned i = 0; i < 8; i++) {
		f->row = unit_registration("carrier");
		apply(f);
		if (i) { /* back from the change before */
			assert_int_equal(next(f), REGISTRATION_UNREGISTER);
			registration_succeeded(f->r, 0, f->now);
		}
		register_for(f, 3600);
		f->now += 1000;
		f->row = changed[i];
		apply(f);
		assert_int_equal(next(f), REGISTRATION_UNREGISTER);
		assert_int_equal(registration_used(f->r)->port, 0);
		assert_string_equal(registration_used(f->r)->host, "registrar.example");
		registration_succeeded(f->r, 0, f->now);
		register_for(f, 3600);
		assert_string_equal(registration_used(f->r)->host, changed[i].host);
		assert_int_equal(next(f), REGISTRATION_NOTHING);
	}
}

static void another_proxy_is_used_at_once_and_keeps_the_binding(void **state)
{
	struct fixture *f = *state;

	register_for(f, 3600);
	f->row.proxy = "proxy.example";
	apply(f);
	register_for(f, 3600);
	assert_string_equal(registration_used(f->r)->proxy, "proxy.example");
	assert_int_equal(next(f), REGISTRATION_NOTHING);
}

static void what_is_edited_while_registered_is_asked_for_at_once(void **state)
{
	struct fixture *f = *state;
	struct db_registration changed[7];

	for (unsigned i = 0; i < 7; i++)
		changed[i] = f->row;
	changed[0].password = "newer";
	changed[1].auth_user = "other";
	changed[2].expiry = (struct db_override_expiry){true, 300};
	changed[3].tls_verify = true;
	changed[4].tls_fingerprint = "00";
	changed[5].tls_certificate = "own.pem";
	changed[6].expiry = (struct db_override_expiry){true, 0};
	f->p.user_agent_expire_s = 600;
	register_for(f, 600);
	for (unsigned i = 0; i < 7; i++) {
		f->row = changed[i];
		f->now += 1000;
		apply(f);
		register_for(f, 200);
		assert_int_equal(registration_expires_s(f->r), i == 2 ? 300 : i == 6 ? 3600 : 600);
		due_after(f, 100000, REGISTRATION_REGISTER);
		registration_succeeded(f->r, 200, f->now);
		assert_int_equal(info(f).state, REGISTRATION_REGISTERED);
	}
}

static void what_does_not_concern_the_request_sends_none(void **state)
{
	struct fixture *f = *state;

	register_for(f, 3600);
	f->row.strict_source = true;
	f->row.inbound_from = DB_TABLE_INBOUND_ANY;
	f->row.keep_alive_s = 30;
	f->row.expiry = (struct db_override_expiry){true, 0}; /* the parameter is Auto, too */
	f->p.user_agent_retry_delay_ms = 30000;
	apply(f);
	due_after(f, 1800000, REGISTRATION_REGISTER);
}

static void the_parameters_behind_a_row_act_at_once(void **state)
{
	struct fixture *f = *state;

	register_for(f, 3600);
	f->p.user_agent_expire_s = 100;
	apply(f);
	register_for(f, 100);
	f->p.user_agent_privacy = PARAMETER_PRIVACY_ID;
	apply(f);
	register_for(f, 100);
	f->row.expiry = (struct db_override_expiry){
		true, 100}; /* of its own: what the parameter says no longer matters */
	apply(f);
	f->p.user_agent_expire_s = 60;
	apply(f);
	due_after(f, 50000, REGISTRATION_REGISTER);
}

/** Another process goes on with what this one has. @param edited  its row then */
static int next_process(struct fixture *f, const struct db_registration *edited, uint64_t later_ms)
{
	struct registrations *set = f->set;
	struct registration *r = f->r;
	struct registration_binding binding;
	int err;

	assert_true(registration_binding(r, f->now, &binding));
	assert_int_equal(registrations_create(&f->set), 0);
	f->row = *edited;
	f->now += later_ms;
	apply(f);
	f->r = registration_ref(registrations_find(f->set, "carrier"));
	err = registration_resume(f->r, &binding, f->now);
	registration_unref(r);
	registrations_destroy(set);
	return err;
}

static void a_binding_goes_on_in_another_process(void **state)
{
	struct fixture *f = *state;

	register_for(f, 1000);
	assert_int_equal(next_process(f, &f->row, 100000), 0);
	assert_true(registration_is_registered(f->r, f->now));
	assert_int_equal(info(f).expires_ms - f->now, 900000);
	due_after(f, 400000, REGISTRATION_REGISTER);
}

static void a_refresh_under_way_is_sent_again_by_another_process(void **state)
{
	struct fixture *f = *state;

	register_for(f, 1000);
	f->now += 500000;
	assert_int_equal(next(f), REGISTRATION_REGISTER);
	assert_int_equal(next_process(f, &f->row, 10), 0);
	assert_int_equal(next(f), REGISTRATION_REGISTER);
}

static void what_is_edited_between_two_processes_is_asked_for_at_once(void **state)
{
	struct fixture *f = *state;
	struct db_registration edited = f->row;

	register_for(f, 1000);
	edited.password = "other";
	assert_int_equal(next_process(f, &edited, 10), 0);
	assert_int_equal(next(f), REGISTRATION_REGISTER);
	registration_succeeded(f->r, 1000, f->now);
	edited.user = "4999";
	assert_int_equal(next_process(f, &edited, 10), 0);
	assert_int_equal(next(f), REGISTRATION_UNREGISTER);
	assert_string_not_equal(registration_used(f->r)->user, "4999");
}

static void what_has_expired_between_two_processes_is_made_anew(void **state)
{
	struct fixture *f = *state;

	register_for(f, 1000);
	assert_int_equal(next_process(f, &f->row, 1000000), -ESTALE);
	assert_false(registration_is_registered(f->r, f->now));
	assert_int_equal(next(f), REGISTRATION_REGISTER);
}

static void a_corrected_password_is_tried_now(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	registration_failed(f->r, 401, "wrong password", f->now);
	f->now += 20000;
	f->row.password = "right";
	apply(f);
	assert_int_equal(next(f), REGISTRATION_REGISTER);
	assert_string_equal(registration_used(f->r)->password, "right");
	registration_failed(f->r, 401, "wrong password", f->now);
	due_after(f, 60000, REGISTRATION_REGISTER);
	registration_succeeded(f->r, 3600, f->now);
	f->row.password = "newer";
	f->row.enabled = false;
	apply(f);
	assert_int_equal(next(f), REGISTRATION_UNREGISTER);
	assert_string_equal(registration_used(f->r)->password, "newer");
}

static void what_is_edited_during_a_request_is_asked_for_after_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	f->row.password = "right";
	apply(f);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	f->now += 500;
	registration_failed(f->r, 401, "wrong password", f->now);
	assert_int_equal(next(f), REGISTRATION_REGISTER);
}

static void another_retry_delay_counts_from_the_failure(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	registration_failed(f->r, 503, "503 Service Unavailable", f->now);
	f->now += 20000;
	f->p.user_agent_retry_delay_ms = 30000;
	due_after(f, 10000, REGISTRATION_REGISTER);
	registration_failed(f->r, 503, "503 Service Unavailable", f->now);
	f->p.user_agent_retry_delay_ms = 600000;
	due_after(f, 600000, REGISTRATION_REGISTER);
}

static void another_registrar_is_tried_at_once_after_a_failure(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(next(f), REGISTRATION_REGISTER);
	registration_failed(f->r, 0, "name not found", f->now);
	f->row.host = "other.example";
	apply(f);
	assert_int_equal(next(f), REGISTRATION_REGISTER);
	registration_failed(f->r, 403, "403 Forbidden", f->now);
	due_after(f, 60000, REGISTRATION_REGISTER);
}

static void a_route_is_known_while_registered(void **state)
{
	struct fixture *f = *state;
	struct registration_route route = {
		.lines = strdup("Route: <sip:edge;lr>\r\n"), .host = strdup("edge")};

	register_for(f, 100);
	registration_set_route(f->r, &route);
	assert_string_equal(registration_route(f->r, f->now)->host, "edge");
	assert_null(registration_route(f->r, f->now + 100000));
	registration_set_route(f->r, NULL);
	assert_null(registration_route(f->r, f->now));
}

static void registrations_take_turns_at_the_start(void **state)
{
	static const unsigned counts[] = {1, 2, 200, 1000};
	static struct db_registration rows[1000];
	static char names[1000][8];
	struct fixture *f = *state;

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(names[i], sizeof(names[i]), "t%03u", i);
		rows[i] = unit_registration(names[i]);
	}
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const unsigned n = counts[i], step = n > 200 ? 10000 / n : 50;

		assert_int_equal(registrations_apply(f->set, NULL, 0, &f->p, f->now), 0);
		assert_int_equal(registrations_apply(f->set, rows, n, &f->p, f->now), 0);
		for (unsigned k = 0; k < n; k++) {
			struct registration *r = registrations_at(f->set, k);

			if (k)
				assert_int_equal(registration_next(r, &f->p, f->now), REGISTRATION_NOTHING);
			if (k)
				assert_int_equal(registration_due_ms(r), f->now + k * step);
			assert_int_equal(
				registration_next(r, &f->p, f->now + k * step), REGISTRATION_REGISTER);
		}
	}
}

static void those_that_an_edited_parameter_concerns_take_turns(void **state)
{
	struct db_registration rows[3] = {
		unit_registration("a"), unit_registration("b"), unit_registration("c")};
	struct fixture *f = *state;

	rows[1].expiry = (struct db_override_expiry){true, 600};
	assert_int_equal(registrations_apply(f->set, rows, 3, &f->p, f->now), 0);
	f->now += 1000;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(
			registration_next(registrations_at(f->set, i), &f->p, f->now), REGISTRATION_REGISTER);
		registration_succeeded(registrations_at(f->set, i), 600, f->now);
	}
	f->p.user_agent_expire_s = 100;
	assert_int_equal(registrations_apply(f->set, rows, 3, &f->p, f->now), 0);
	assert_int_equal(
		registration_next(registrations_at(f->set, 0), &f->p, f->now), REGISTRATION_REGISTER);
	assert_int_equal(registration_next(registrations_at(f->set, 1), &f->p, f->now), REGISTRATION_NOTHING);
	assert_int_equal(registration_due_ms(registrations_at(f->set, 1)), f->now + 300000);
	assert_int_equal(registration_next(registrations_at(f->set, 2), &f->p, f->now), REGISTRATION_NOTHING);
	assert_int_equal(registration_due_ms(registrations_at(f->set, 2)), f->now + 50);
}

static void a_new_one_does_not_move_the_others(void **state)
{
	struct fixture *f = *state;
	struct db_registration rows[2] = {unit_registration("another"), f->row};

	register_for(f, 3600);
	assert_int_equal(registrations_apply(f->set, rows, 2, &f->p, f->now), 0);
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	assert_int_equal(registration_due_ms(f->r), f->now + 1800000);
	assert_int_equal(registration_next(registrations_find(f->set, "another"), &f->p, f->now),
		REGISTRATION_REGISTER);
}

static void without_memory_the_set_stays_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct db_registration rows[2] = {unit_registration("another"), f->row};

	register_for(f, 3600);
	rows[1].host = "other.example";
	for (unsigned n = 0; n < 4; n++) {
		fail_at = allocations + (long)n;
		int err = registrations_apply(f->set, rows, 2, &f->p, f->now);
		fail_at = -1;
		if (!err)
			return;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(registrations_count(f->set), 1);
		assert_int_equal(next(f), REGISTRATION_NOTHING);
	}
}

static void without_memory_a_request_fails_and_is_tried_again(void **state)
{
	struct fixture *f = *state;

	fail_at = allocations;
	assert_int_equal(next(f), REGISTRATION_NOTHING);
	fail_at = -1;
	assert_string_equal(info(f).words, "out of memory");
	due_after(f, 60000, REGISTRATION_REGISTER);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_automatic_expiry_asks_for_an_hour_and_adopts_what_is_granted),
		TEST(a_fixed_expiry_is_asked_for_and_can_only_be_shortened),
		TEST(the_expiry_of_the_row_comes_before_the_parameter),
		TEST(every_failure_is_followed_by_the_same_wait),
		TEST(nothing_new_begins_while_a_request_is_under_way),
		TEST(a_request_that_nobody_wants_any_more_is_given_up_and_undone),
		TEST(a_refresh_that_nobody_wants_any_more_is_given_up_and_undone),
		TEST(a_request_that_is_wanted_again_is_awaited),
		TEST(an_operator_unregisters_and_registers_it),
		TEST(registered_by_command_it_does_not_wait),
		TEST(a_failed_refresh_leaves_what_was_granted_until_it_expires),
		TEST(a_refresh_that_takes_longer_than_the_expiry_is_no_registration),
		TEST(too_brief_an_interval_is_raised_once_and_remembered),
		TEST(a_silly_min_expires_is_a_failure),
		TEST(an_absurd_expiry_is_not_believed),
		TEST(disabling_removes_the_binding_and_enabling_restores_it),
		TEST(enabled_again_while_the_binding_is_removed_it_is_made_anew_at_once),
		TEST(without_unregistering_the_binding_is_left_to_expire),
		TEST(a_removed_one_removes_its_binding_with_the_row_it_was_made_of),
		TEST(one_removed_while_its_first_request_is_under_way_is_unregistered_when_that_succeeds),
		TEST(what_changes_the_binding_removes_the_old_one_first),
		TEST(another_proxy_is_used_at_once_and_keeps_the_binding),
		TEST(what_is_edited_while_registered_is_asked_for_at_once),
		TEST(what_does_not_concern_the_request_sends_none),
		TEST(the_parameters_behind_a_row_act_at_once),
		TEST(a_binding_goes_on_in_another_process),
		TEST(a_refresh_under_way_is_sent_again_by_another_process),
		TEST(what_is_edited_between_two_processes_is_asked_for_at_once),
		TEST(what_has_expired_between_two_processes_is_made_anew),
		TEST(a_corrected_password_is_tried_now),
		TEST(what_is_edited_during_a_request_is_asked_for_after_it),
		TEST(another_retry_delay_counts_from_the_failure),
		TEST(another_registrar_is_tried_at_once_after_a_failure),
		TEST(a_route_is_known_while_registered),
		TEST(registrations_take_turns_at_the_start),
		TEST(those_that_an_edited_parameter_concerns_take_turns),
		TEST(a_new_one_does_not_move_the_others),
		TEST(without_memory_the_set_stays_as_it_was),
		TEST(without_memory_a_request_fails_and_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
