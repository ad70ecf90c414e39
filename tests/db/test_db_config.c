/* Reading softswitch.db. */
#include "db_config.h"
#include "scratch.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *path;
static struct db *db;

struct seen {
	struct {
		char prefix[70];
		struct db_route row;
	} route[16];
	int n;
	int stop_at; /* return -ECANCELED at this route, -1 = never */
};

static int make_file(void **state)
{
	char error[256];
	if (scratch_make(state))
		return -1;
	path = scratch_path("c.db");
	return db_open(&db, path, DB_CONFIG, DB_CREATE, error, sizeof(error));
}

static int remove_file(void **state)
{
	db_close(db);
	return scratch_remove(state);
}

static int on_route(const struct db_route *row, void *arg)
{
	struct seen *seen = arg;
	if (seen->n == seen->stop_at)
		return -ECANCELED;
	assert_true(seen->n < 16);
	snprintf(seen->route[seen->n].prefix, sizeof(seen->route[0].prefix), "%s", row->prefix);
	seen->route[seen->n++].row = *row;
	return 0;
}

/* @param routes  the revision that is known */
static struct db_config *load(int64_t routes, struct seen *seen)
{
	const struct db_config_revision known = {routes, -1};
	struct db_config *config = NULL;
	*seen = (struct seen){.stop_at = -1};
	assert_int_equal(db_config_load(db, &known, on_route, seen, &config), 0);
	return config;
}

static void a_new_file_gives_the_defaults(void **state)
{
	(void)state;
	static const uint32_t waits[] = {500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000};
	static const uint16_t codes[] = {484, 603, 604, 606};
	struct seen seen;
	struct db_config *config = load(-1, &seen);
	const struct parameters *p = &config->parameters;
	assert_int_equal(p->resend.n, 10);
	assert_memory_equal(p->resend.wait_ms, waits, sizeof(waits));
	assert_int_equal(p->timeout_invite_ms, 10000);
	assert_int_equal(p->timeout_trying_ms, 20000);
	assert_int_equal(p->timeout_session_progress_ms, 20000);
	assert_int_equal(p->timeout_session_progress_sdp_ms, 120000);
	assert_int_equal(p->timeout_ringing_ms, 120000);
	assert_false(p->stop_switch_after_invite_timeout);
	assert_false(p->stop_switch_after_sdp);
	assert_int_equal(p->switch_limit, 0);
	assert_false(p->switch_until_connect);
	assert_true(p->switch_stop_after_user_busy);
	assert_int_equal(p->switch_stop_codes.n, 4);
	assert_memory_equal(p->switch_stop_codes.code, codes, sizeof(codes));
	assert_true(p->reply_unauthorized);
	assert_true(p->call_recovery);
	assert_true(p->session_timer);
	assert_int_equal(p->session_ttl_s, 1800);
	assert_int_equal(p->session_update_segment, 4);
	assert_int_equal(p->early_hangup_ms, 0);
	assert_int_equal(p->no_timer_reinvite_ms, 7200000);
	assert_int_equal(p->max_call_duration_ms, 0);
	assert_int_equal(p->sip_100rel, PARAMETER_100REL_OFF);
	assert_int_equal(p->user_agent_expire_s, 0);
	assert_int_equal(p->user_agent_retry_delay_ms, 60000);
	assert_true(p->user_agent_send_unregister);
	assert_int_equal(p->user_agent_privacy, PARAMETER_PRIVACY_IGNORE);
	assert_int_equal(p->options_check_period_ms, 30000);
	assert_int_equal(p->options_timeout_ms, 2000);
	assert_int_equal(p->options_down, 2);
	assert_int_equal(p->options_up, 1);
	assert_int_equal(p->publish_expire_s, 3600);
	assert_int_equal(p->breaker_failures, 5);
	assert_int_equal(p->breaker_window, 20);
	assert_int_equal(p->breaker_rate, 80);
	assert_int_equal(p->breaker_time_ms, 30000);
	assert_int_equal(p->breaker_successes, 1);
	assert_int_equal(p->breaker_ramp_ms, 10000);
	assert_true(p->breaker_on.timeout && p->breaker_on.transport);
	assert_int_equal(p->breaker_on.codes.n, 1);
	assert_int_equal(p->breaker_on.codes.code[0], 503);
	assert_int_equal(p->stream_timeout_ms, 30000);
	assert_int_equal(p->stream_limit, 1024);
	assert_int_equal(p->stream_limit_source, 32);
	assert_int_equal(p->endpoint_expire_s, 3600);
	assert_int_equal(p->endpoint_nat_expire_s, 300);
	assert_int_equal(p->endpoint_register_retry, 6);
	assert_int_equal(p->endpoint_register_suspend_ms, 180000);
	assert_true(p->endpoint_register_replace);
	assert_true(p->endpoint_first);
	assert_int_equal(p->authentication_code, 401);
	assert_int_equal(p->authentication_retry, 3);
	assert_int_equal(p->authentication_timeout_ms, 10000);
	assert_string_equal(p->authentication_realm, "softswitch");
	assert_string_equal(p->nat_keep_alive_message, "HELLO");
	assert_int_equal(p->nat_keep_alive_period_ms, 30000);
	assert_int_equal(p->nat_keep_alive_send_interval_ms, 500);
	assert_int_equal(p->nat_keep_alive_send_one_time, 100);
	assert_int_equal(config->n_registrations + config->n_endpoints, 0);
	assert_int_equal(config->n_gateways + config->n_mapping_gateways + (size_t)seen.n, 0);
	db_config_free(config);
}

static void every_parameter_is_read_into_its_own_field(void **state)
{
	(void)state;
	struct seen seen;
	sql_run(path,
		"UPDATE parameter SET value = CASE name"
		" WHEN 'SS_SIP_RESEND_INTERVAL' THEN '0.1,0.2,0.3,0.4' WHEN 'SS_SIP_SEND_RETRY' THEN '3'"
		" WHEN 'SS_SIP_TIMEOUT_INVITE' THEN '1' WHEN 'SS_SIP_TIMEOUT_TRYING' THEN '2'"
		" WHEN 'SS_SIP_TIMEOUT_SESSION_PROGRESS' THEN '3' WHEN 'SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP' THEN '4'"
		" WHEN 'SS_SIP_TIMEOUT_RINGING' THEN '5' WHEN 'SS_GATEWAY_SWITCH_LIMIT' THEN '6'"
		" WHEN 'SS_GATEWAY_SWITCH_STOP_CODES' THEN '486'"
		" WHEN 'SS_SIP_SESSION_TTL' THEN '90' WHEN 'SS_SIP_SESSION_UPDATE_SEGMENT' THEN '7'"
		" WHEN 'SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP' THEN '8' WHEN 'SS_SIP_NO_TIMER_REINVITE_INTERVAL' THEN '86400'"
		" WHEN 'SS_MAXCALLDURATION' THEN '86399' WHEN 'SS_SIP_100REL' THEN 'Required'"
		" WHEN 'SS_SIP_USER_AGENT_EXPIRE' THEN '7200' WHEN 'SS_SIP_USER_AGENT_RETRY_DELAY' THEN '600'"
		" WHEN 'SS_SIP_USER_AGENT_PRIVACY' THEN 'None' WHEN 'SS_SIP_OPTIONS_CHECK_PERIOD' THEN '3600'"
		" WHEN 'SS_SIP_OPTIONS_TIMEOUT' THEN '0.1' WHEN 'SS_SIP_OPTIONS_DOWN' THEN '9'"
		" WHEN 'SS_SIP_OPTIONS_UP' THEN '10' WHEN 'SS_SIP_PUBLISH_EXPIRE' THEN '7199'"
		" WHEN 'SS_GATEWAY_BREAKER_FAILURES' THEN 'None' WHEN 'SS_GATEWAY_BREAKER_WINDOW' THEN '64'"
		" WHEN 'SS_GATEWAY_BREAKER_RATE' THEN '100' WHEN 'SS_GATEWAY_BREAKER_TIME' THEN '3599'"
		" WHEN 'SS_GATEWAY_BREAKER_SUCCESSES' THEN '4' WHEN 'SS_GATEWAY_BREAKER_RAMP' THEN '599'"
		" WHEN 'SS_SIP_STREAM_TIMEOUT' THEN '300' WHEN 'SS_SIP_STREAM_LIMIT' THEN '65535'"
		" WHEN 'SS_SIP_STREAM_LIMIT_SOURCE' THEN '65534'"
		" WHEN 'SS_ENDPOINT_EXPIRE' THEN '86400' WHEN 'SS_ENDPOINT_NAT_EXPIRE' THEN '3600'"
		" WHEN 'SS_ENDPOINT_REGISTER_RETRY' THEN '999' WHEN 'SS_ENDPOINT_REGISTER_SUSPEND' THEN '3599'"
		" WHEN 'SS_SIP_AUTHENTICATION_CODE' THEN '407' WHEN 'SS_SIP_AUTHENTICATION_RETRY' THEN '10'"
		" WHEN 'SS_SIP_AUTHENTICATION_TIMEOUT' THEN '60' WHEN 'SS_SIP_AUTHENTICATION_REALM' THEN 'sip.example.com'"
		" WHEN 'SS_SIP_NAT_KEEP_ALIVE_MESSAGE' THEN '' WHEN 'SS_SIP_NAT_KEEP_ALIVE_PERIOD' THEN '300'"
		" WHEN 'SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL' THEN '5000' WHEN 'SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME' THEN '10000'"
		" WHEN 'SS_GATEWAY_BREAKER_ON' THEN '404,timeout' ELSE iif(value = 'On', 'Off', 'On') END");
	struct db_config *config = load(-1, &seen);
	const struct parameters *p = &config->parameters;
	assert_int_equal(p->resend.n, 3); /* cut by SS_SIP_SEND_RETRY */
	assert_int_equal(p->resend.wait_ms[2], 300);
	assert_int_equal(p->timeout_invite_ms, 1000);
	assert_int_equal(p->timeout_trying_ms, 2000);
	assert_int_equal(p->timeout_session_progress_ms, 3000);
	assert_int_equal(p->timeout_session_progress_sdp_ms, 4000);
	assert_int_equal(p->timeout_ringing_ms, 5000);
	assert_true(p->stop_switch_after_invite_timeout);
	assert_true(p->stop_switch_after_sdp);
	assert_int_equal(p->switch_limit, 6);
	assert_true(p->switch_until_connect);
	assert_false(p->switch_stop_after_user_busy);
	assert_int_equal(p->switch_stop_codes.n, 1);
	assert_int_equal(p->switch_stop_codes.code[0], 486);
	assert_false(p->reply_unauthorized);
	assert_false(p->call_recovery);
	assert_int_equal(p->session_ttl_s, 90);
	assert_int_equal(p->session_update_segment, 7);
	assert_int_equal(p->early_hangup_ms, 8000);
	assert_int_equal(p->no_timer_reinvite_ms, 86400000);
	assert_int_equal(p->max_call_duration_ms, 86399000);
	assert_int_equal(p->sip_100rel, PARAMETER_100REL_REQUIRED);
	assert_int_equal(p->user_agent_expire_s, 7200);
	assert_int_equal(p->user_agent_retry_delay_ms, 600000);
	assert_int_equal(p->user_agent_privacy, PARAMETER_PRIVACY_NONE);
	assert_int_equal(p->options_check_period_ms, 3600000);
	assert_int_equal(p->options_timeout_ms, 100);
	assert_int_equal(p->options_down, 9);
	assert_int_equal(p->options_up, 10);
	assert_int_equal(p->publish_expire_s, 7199);
	assert_int_equal(p->breaker_failures, 0);
	assert_int_equal(p->breaker_window, 64);
	assert_int_equal(p->breaker_rate, 100);
	assert_int_equal(p->breaker_time_ms, 3599000);
	assert_int_equal(p->breaker_successes, 4);
	assert_int_equal(p->breaker_ramp_ms, 599000);
	assert_true(p->breaker_on.timeout);
	assert_false(p->breaker_on.transport);
	assert_int_equal(p->breaker_on.codes.n, 1);
	assert_int_equal(p->breaker_on.codes.code[0], 404);
	assert_int_equal(p->stream_timeout_ms, 300000);
	assert_int_equal(p->stream_limit, 65535);
	assert_int_equal(p->stream_limit_source, 65534);
	assert_int_equal(p->endpoint_expire_s, 86400);
	assert_int_equal(p->endpoint_nat_expire_s, 3600);
	assert_int_equal(p->endpoint_register_retry, 999);
	assert_int_equal(p->endpoint_register_suspend_ms, 3599000);
	assert_false(p->endpoint_register_replace);
	assert_false(p->endpoint_first);
	assert_int_equal(p->authentication_code, 407);
	assert_int_equal(p->authentication_retry, 10);
	assert_int_equal(p->authentication_timeout_ms, 60000);
	assert_string_equal(p->authentication_realm, "sip.example.com");
	assert_string_equal(p->nat_keep_alive_message, "");
	assert_int_equal(p->nat_keep_alive_period_ms, 300000);
	assert_int_equal(p->nat_keep_alive_send_interval_ms, 5000);
	assert_int_equal(p->nat_keep_alive_send_one_time, 10000);
	db_config_free(config);
}

/* One On at a time, so that two fields cannot be mixed up. */
static void each_switch_is_its_own(void **state)
{
	(void)state;
	static const char *const names[] = {"SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT",
		"SS_SIP_STOP_SWITCH_AFTER_SDP", "SS_GATEWAY_SWITCH_UNTIL_CONNECT",
		"SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY", "SS_REPLY_UNAUTHORIZED", "SS_SIP_SESSION_TIMER",
		"SS_SIP_USER_AGENT_SEND_UNREGISTER", "SS_CALL_RECOVERY", "SS_ENDPOINT_REGISTER_REPLACE",
		"SS_ENDPOINT_FIRST"};
	enum { SWITCHES = sizeof(names) / sizeof(names[0]) };
	for (unsigned i = 0; i < SWITCHES; i++) {
		struct seen seen;
		char sql[256];
		snprintf(sql, sizeof(sql),
			"UPDATE parameter SET value = iif(name = '%s', 'On', 'Off')"
			" WHERE range = 'On, Off'",
			names[i]);
		sql_run(path, sql);
		struct db_config *config = load(-1, &seen);
		const struct parameters *p = &config->parameters;
		const bool got[] = {p->stop_switch_after_invite_timeout, p->stop_switch_after_sdp,
			p->switch_until_connect, p->switch_stop_after_user_busy, p->reply_unauthorized,
			p->session_timer, p->user_agent_send_unregister, p->call_recovery,
			p->endpoint_register_replace, p->endpoint_first};
		for (unsigned k = 0; k < SWITCHES; k++)
			assert_int_equal(got[k], k == i);
		db_config_free(config);
	}
}

static void a_gateway_comes_with_all_its_columns(void **state)
{
	(void)state;
	struct seen seen;
	sql_run(path, "INSERT INTO registration (name, host, user) VALUES ('trunk', '::1', 'u')");
	sql_run(path,
		"INSERT INTO gateway (name, host, port, transport, enabled, capacity, cps, timeout_invite,"
		" timeout_trying, timeout_session_progress, timeout_session_progress_sdp, timeout_ringing,"
		" resend_interval, switch_stop_after_invite_timeout, switch_stop_after_sdp, switch_until_connect,"
		" switch_stop_after_user_busy, switch_stop_codes, auth_user, auth_password, registration, draining,"
		" options_check, options_alive_codes, breaker_on, session_timer, sip_100rel, max_call_duration, sdp_own_origin) VALUES"
		" ('full', '::1', 5070, 'tls', 0, 30, 10, 1, 2, 3, 4, 5, '0.2,0.4', 'On', 'Off', 'On', 'Off',"
		" '486,600', 'user', 'pass', 'trunk', 1, 0, '200,404', 'transport,500', 'Off', 'Supported', 86400, 1)");
	struct db_config *config = load(-1, &seen);
	assert_int_equal(config->n_gateways, 1);
	const struct db_gateway *gw = &config->gateway[0];
	assert_string_equal(gw->name, "full");
	assert_string_equal(gw->host, "::1");
	assert_int_equal(gw->port, 5070);
	assert_string_equal(gw->transport, "tls");
	assert_false(gw->enabled);
	assert_int_equal(gw->capacity, 30);
	assert_int_equal(gw->cps, 10);
	assert_int_equal(gw->timeout_invite_ms, 1000);
	assert_int_equal(gw->timeout_trying_ms, 2000);
	assert_int_equal(gw->timeout_session_progress_ms, 3000);
	assert_int_equal(gw->timeout_session_progress_sdp_ms, 4000);
	assert_int_equal(gw->timeout_ringing_ms, 5000);
	assert_true(gw->resend.set);
	assert_int_equal(gw->resend.value.n, 2);
	assert_int_equal(gw->resend.value.wait_ms[1], 400);
	assert_int_equal(gw->switch_stop_after_invite_timeout, DB_OVERRIDE_ON);
	assert_int_equal(gw->switch_stop_after_sdp, DB_OVERRIDE_OFF);
	assert_int_equal(gw->switch_until_connect, DB_OVERRIDE_ON);
	assert_int_equal(gw->switch_stop_after_user_busy, DB_OVERRIDE_OFF);
	assert_true(gw->switch_stop_codes.set);
	assert_int_equal(gw->switch_stop_codes.value.n, 2);
	assert_int_equal(gw->switch_stop_codes.value.code[1], 600);
	assert_string_equal(gw->auth_user, "user");
	assert_string_equal(gw->auth_password, "pass");
	assert_string_equal(gw->registration, "trunk");
	assert_true(gw->draining);
	assert_false(gw->options_check);
	assert_true(gw->options_alive_codes.set);
	assert_int_equal(gw->options_alive_codes.value.n, 2);
	assert_int_equal(gw->options_alive_codes.value.code[0], 200);
	assert_true(gw->breaker_on.set);
	assert_true(gw->breaker_on.value.transport);
	assert_false(gw->breaker_on.value.timeout);
	assert_int_equal(gw->breaker_on.value.codes.code[0], 500);
	assert_int_equal(gw->session_timer, DB_OVERRIDE_OFF);
	assert_true(gw->sip_100rel.set);
	assert_int_equal(gw->sip_100rel.value, PARAMETER_100REL_SUPPORTED);
	assert_int_equal(gw->max_call_duration_ms, 86400000);
	assert_true(gw->sdp_own_origin);
	db_config_free(config);
}

static void what_a_gateway_does_not_set_is_left_to_the_parameters(void **state)
{
	(void)state;
	struct seen seen;
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('a', '127.0.0.1');"
		"INSERT INTO gateway (name, host, transport, timeout_invite) VALUES ('b', 'gw.example', NULL, 0)");
	struct db_config *config = load(-1, &seen);
	assert_int_equal(config->n_gateways, 2);
	const struct db_gateway *gw = &config->gateway[0];
	assert_string_equal(gw->transport, "udp");
	assert_int_equal(gw->port, 0);
	assert_true(gw->enabled);
	assert_int_equal(gw->capacity + gw->cps + gw->timeout_invite_ms + gw->timeout_ringing_ms, 0);
	assert_false(gw->resend.set);
	assert_false(gw->switch_stop_codes.set);
	assert_int_equal(gw->switch_stop_after_invite_timeout, DB_OVERRIDE_NONE);
	assert_int_equal(gw->switch_stop_after_user_busy, DB_OVERRIDE_NONE);
	assert_string_equal(gw->auth_user, "");
	assert_string_equal(gw->auth_password, "");
	assert_string_equal(gw->registration, "");
	assert_false(gw->draining || gw->options_check || gw->sdp_own_origin);
	assert_false(gw->options_alive_codes.set || gw->breaker_on.set || gw->sip_100rel.set);
	assert_int_equal(gw->session_timer, DB_OVERRIDE_NONE);
	assert_int_equal(gw->max_call_duration_ms, 0);
	assert_string_equal(config->gateway[1].transport, "");
	assert_int_equal(config->gateway[1].timeout_invite_ms, 0);
	db_config_free(config);
}

static void a_gateways_own_list_obeys_the_limit_of_retries(void **state)
{
	(void)state;
	struct seen seen;
	sql_run(path,
		"UPDATE parameter SET value = 2 WHERE name = 'SS_SIP_SEND_RETRY';"
		"INSERT INTO gateway (name, host, resend_interval) VALUES ('a', '127.0.0.1', '1,2,3'),"
		" ('b', '127.0.0.1', 'auto')");
	struct db_config *config = load(-1, &seen);
	assert_int_equal(config->gateway[0].resend.value.n, 2);
	assert_int_equal(config->gateway[1].resend.value.n, 2);
	assert_true(config->gateway[1].resend.value.automatic);
	db_config_free(config);
}

static void mapping_gateways_come_with_their_columns(void **state)
{
	(void)state;
	struct seen seen;
	sql_run(path,
		"INSERT INTO mapping_gateway (name, host, port, enabled, capacity, cps, session_timer, sip_100rel,"
		" max_call_duration) VALUES ('b', '10.0.0.0/8', 5062, 0, 7, 8, 'On', 'Required', 10),"
		" ('a', '::1', NULL, 1, 0, 0, NULL, NULL, NULL)");
	struct db_config *config = load(-1, &seen);
	assert_int_equal(config->n_mapping_gateways, 2);
	assert_string_equal(config->mapping_gateway[0].name, "a");
	assert_int_equal(config->mapping_gateway[0].port, 0);
	assert_true(config->mapping_gateway[0].enabled);
	const struct db_mapping_gateway *mg = &config->mapping_gateway[1];
	assert_string_equal(mg->host, "10.0.0.0/8");
	assert_int_equal(mg->port, 5062);
	assert_false(mg->enabled);
	assert_int_equal(mg->capacity, 7);
	assert_int_equal(mg->cps, 8);
	assert_int_equal(mg->session_timer, DB_OVERRIDE_ON);
	assert_true(mg->sip_100rel.set);
	assert_int_equal(mg->sip_100rel.value, PARAMETER_100REL_REQUIRED);
	assert_int_equal(mg->max_call_duration_ms, 10000);
	assert_int_equal(config->mapping_gateway[0].session_timer, DB_OVERRIDE_NONE);
	assert_false(config->mapping_gateway[0].sip_100rel.set);
	assert_int_equal(config->mapping_gateway[0].max_call_duration_ms, 0);
	db_config_free(config);
}

static void a_registration_comes_with_all_its_columns(void **state)
{
	(void)state;
	struct seen seen;
	sql_run(path,
		"INSERT INTO registration (name, host, port, transport, proxy, local_port, user, auth_user, password,"
		" realm, contact_host, expiry, keep_alive, enabled, line) VALUES ('full', 'reg.example', 5070, 'tls', '[::1]:5080', 5090,"
		" 'u', 'au', 'pass', 'dom.example', 'our.example', 20, 30, 0, '0123456789abcdef')");
	struct db_config *config = load(-1, &seen);
	assert_int_equal(config->n_registrations, 1);
	const struct db_registration *r = &config->registration[0];
	assert_string_equal(r->name, "full");
	assert_string_equal(r->host, "reg.example");
	assert_int_equal(r->port, 5070);
	assert_string_equal(r->transport, "tls");
	assert_string_equal(r->proxy, "[::1]:5080");
	assert_int_equal(r->local_port, 5090);
	assert_string_equal(r->user, "u");
	assert_string_equal(r->auth_user, "au");
	assert_string_equal(r->password, "pass");
	assert_string_equal(r->realm, "dom.example");
	assert_string_equal(r->contact_host, "our.example");
	assert_true(r->expiry.set);
	assert_int_equal(r->expiry.value_s, 20);
	assert_int_equal(r->keep_alive_s, 30);
	assert_false(r->enabled);
	assert_string_equal(r->line, "0123456789abcdef");
	db_config_free(config);
}

static void what_a_registration_leaves_out_has_a_meaning(void **state)
{
	(void)state;
	struct seen seen;
	sql_run(path,
		"INSERT INTO registration (name, host, user, auth_user, transport) VALUES ('b', '::1', 'u', '', NULL);"
		"INSERT INTO registration (name, host, user) VALUES ('a', '::1', 'v');"
		"INSERT INTO registration (name, host, user, expiry) VALUES ('c', '::1', 'v', 'Auto'), ('d', '::1', 'v', '60')");
	struct db_config *config = load(-1, &seen);
	assert_int_equal(config->n_registrations, 4);
	const struct db_registration *r = &config->registration[0];
	assert_string_equal(r->name, "a");
	assert_string_equal(r->transport, "udp");
	assert_string_equal(r->auth_user, "v");
	assert_int_equal(r->port + r->local_port + r->keep_alive_s, 0);
	assert_false(r->expiry.set);
	assert_true(r->enabled);
	assert_int_equal(
		strlen(r->proxy) + strlen(r->password) + strlen(r->realm) + strlen(r->contact_host), 0);
	assert_int_equal(strlen(r->line), 16);
	assert_string_not_equal(r->line, config->registration[1].line);
	assert_string_equal(config->registration[1].auth_user, "u");
	assert_string_equal(config->registration[1].transport, "");
	assert_true(config->registration[2].expiry.set && config->registration[2].expiry.value_s == 0);
	assert_true(config->registration[3].expiry.set && config->registration[3].expiry.value_s == 60);
	db_config_free(config);
}

static void routes_come_in_order_of_bytes_then_priority(void **state)
{
	(void)state;
	static const char *const wanted[] = {"", "#1", "*2", "+49", "4", "49", "490", "5", "A", "a"};
	struct seen seen;
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('g', '127.0.0.1'), ('h', '127.0.0.1');"
		"INSERT INTO route (prefix, gateway) VALUES ('a', 'g'), ('A', 'g'), ('5', 'g'), ('49', 'h'), ('490', 'g'),"
		" ('4', 'g'), ('', 'g'), ('+49', 'g'), ('*2', 'g'), ('#1', 'g');"
		"INSERT INTO route (prefix, gateway, priority, weight, carry_through, enabled) VALUES ('4', 'h', 0, 9, 1, 0)");
	db_config_free(load(-1, &seen));
	assert_int_equal(seen.n, 11);
	for (int i = 0, w = 0; i < seen.n; i++) {
		assert_string_equal(seen.route[i].prefix, wanted[w]);
		w += i != 4;
	}
	const struct db_route *first = &seen.route[4].row;
	assert_int_equal(first->gateway, 1);
	assert_int_equal(first->priority, 0);
	assert_int_equal(first->weight, 9);
	assert_true(first->carry_through);
	assert_false(first->enabled);
	const struct db_route *second = &seen.route[5].row;
	assert_int_equal(second->gateway, 0);
	assert_int_equal(second->priority, 1);
	assert_int_equal(second->weight, 0);
	assert_false(second->carry_through);
	assert_true(second->enabled);
}

static void a_handler_that_stops_ends_the_load(void **state)
{
	(void)state;
	struct seen seen = {.stop_at = 1};
	struct db_config *config = (struct db_config *)&seen;
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('g', '127.0.0.1');"
		"INSERT INTO route (prefix, gateway) VALUES ('1', 'g'), ('2', 'g'), ('3', 'g')");
	assert_int_equal(db_config_load(db, NULL, on_route, &seen, &config), -ECANCELED);
	assert_int_equal(seen.n, 1);
	assert_ptr_equal(config, &seen);
	/* And the connection is free again. */
	db_config_free(load(-1, &seen));
	assert_int_equal(seen.n, 3);
}

static void routes_of_a_known_revision_are_not_read_again(void **state)
{
	(void)state;
	struct seen seen;
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('g', '127.0.0.1');"
		"INSERT INTO route (prefix, gateway) VALUES ('1', 'g')");
	struct db_config *config = load(-1, &seen);
	int64_t revision = config->revision.routes;
	db_config_free(config);
	assert_int_equal(seen.n, 1);
	config = load(revision, &seen);
	assert_int_equal(config->revision.routes, revision);
	assert_int_equal(config->n_gateways, 1);
	db_config_free(config);
	assert_int_equal(seen.n, 0);
}

static void the_revision_changes_with_what_routes_mean_and_nothing_else(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool changes;
	} steps[] = {
		{"INSERT INTO gateway (name, host) VALUES ('g', '127.0.0.1')", true},
		{"INSERT INTO gateway (name, host) VALUES ('h', '127.0.0.1')", true},
		{"INSERT INTO route (prefix, gateway) VALUES ('1', 'g')", true},
		{"REPLACE INTO route (prefix, gateway, priority) VALUES ('1', 'g', 3)", true},
		{"INSERT INTO route (prefix, gateway) VALUES ('1', 'g') ON CONFLICT DO UPDATE SET weight = 4",
			true},
		{"UPDATE route SET enabled = 0", true},
		{"UPDATE gateway SET name = 'i' WHERE name = 'h'", true},
		{"UPDATE gateway SET host = '127.0.0.2', enabled = 0, capacity = 5", false},
		{"UPDATE gateway SET name = name", false},
		{"INSERT INTO registration (name, host, user) VALUES ('r', '::1', 'u')", false},
		{"UPDATE gateway SET registration = 'r', draining = 1", false},
		{"UPDATE registration SET name = 's', password = 'x'", false},
		{"INSERT INTO mapping_gateway (name, host) VALUES ('m', '::1')", false},
		{"UPDATE parameter SET value = '3' WHERE name = 'SS_SIP_SEND_RETRY'", false},
		{"DELETE FROM route", true},
		{"DELETE FROM gateway WHERE name = 'i'", true},
	};
	struct seen seen;
	struct db_config *config = load(-1, &seen);
	int64_t revision = config->revision.routes;
	db_config_free(config);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		sql_run(path, steps[i].sql);
		config = load(-1, &seen);
		if ((config->revision.routes != revision) != steps[i].changes)
			fail_msg("%s", steps[i].sql);
		assert_true(config->revision.routes >= 0);
		revision = config->revision.routes;
		db_config_free(config);
	}
}

static void endpoints_of_a_known_revision_are_not_read_again(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool changes;
	} steps[] = {
		{"INSERT INTO endpoint (name, password) VALUES ('a', 'p'), ('b', 'p')", true},
		{"INSERT INTO gateway (name, endpoint) VALUES ('g', 'a')", false},
		{"UPDATE endpoint SET name = 'c' WHERE name = 'a'", true},
		{"UPDATE endpoint SET capacity = 5", true},
		{"UPDATE parameter SET value = '3' WHERE name = 'SS_SIP_SEND_RETRY'", false},
		{"INSERT INTO route (prefix, gateway) VALUES ('1', 'g')", false},
		{"REPLACE INTO endpoint (name, password) VALUES ('b', 'q')", true},
		{"DELETE FROM endpoint WHERE name = 'b'", true},
	};
	struct db_config_revision known = {-1, -1};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct seen seen = {.stop_at = -1};
		struct db_config *config = NULL;
		sql_run(path, steps[i].sql);
		assert_int_equal(db_config_load(db, &known, on_route, &seen, &config), 0);
		if (config->endpoints_known == steps[i].changes)
			fail_msg("%s", steps[i].sql);
		assert_int_equal(config->n_endpoints > 0, steps[i].changes);
		assert_true(config->revision.endpoints >= 0);
		known = config->revision;
		db_config_free(config);
	}
}

struct writer {
	struct seen seen;
	bool wrote;
};

/* Another process commits in the middle of our reading. */
static int write_meanwhile(const struct db_route *row, void *arg)
{
	struct writer *w = arg;
	if (!w->wrote)
		sql_run(path, "DELETE FROM route; DELETE FROM gateway");
	w->wrote = true;
	return on_route(row, &w->seen);
}

static void all_of_a_load_is_one_moment(void **state)
{
	(void)state;
	struct writer w = {.seen = {.stop_at = -1}};
	struct db_config *config = NULL;
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('g', '127.0.0.1');"
		"INSERT INTO route (prefix, gateway) VALUES ('1', 'g'), ('2', 'g'), ('3', 'g')");
	assert_int_equal(db_config_load(db, NULL, write_meanwhile, &w, &config), 0);
	assert_int_equal(w.seen.n, 3);
	assert_int_equal(config->n_gateways, 1);
	db_config_free(config);
	struct seen seen;
	config = load(-1, &seen);
	assert_int_equal(seen.n + (int)config->n_gateways, 0);
	db_config_free(config);
}

/* A writer that keeps three tables in step; a load that mixes two moments would see them differ. */
static void *write_in_step(void *arg)
{
	atomic_bool *stop = arg;
	sqlite3 *handle = sql_connect(path, "");
	for (int n = 1; !atomic_load(stop); n = n % 9 + 1) {
		char sql[500];
		snprintf(sql, sizeof(sql),
			"BEGIN IMMEDIATE; UPDATE parameter SET value = %d WHERE name = 'SS_SIP_SEND_RETRY';"
			"DELETE FROM route; DELETE FROM gateway; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
			" INSERT INTO gateway (name, host) SELECT 'g' || i, '127.0.0.1' FROM n;"
			"INSERT INTO route (prefix, gateway) SELECT name, name FROM gateway; COMMIT",
			n, n);
		if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
			break;
	}
	sqlite3_close(handle);
	return NULL;
}

static void tables_of_a_load_are_in_step(void **state)
{
	(void)state;
	atomic_bool stop = false;
	pthread_t thread;
	int64_t revision = -1;
	int changes = 0;
	sql_run(path, "PRAGMA synchronous = OFF");
	assert_int_equal(pthread_create(&thread, NULL, write_in_step, &stop), 0);
	for (int i = 0; i < 2000 && changes < 200; i++) {
		struct seen seen;
		struct db_config *config = load(-1, &seen);
		if (config->revision.routes != revision && config->n_gateways) {
			assert_int_equal(config->n_gateways, config->parameters.resend.n);
			assert_int_equal(seen.n, config->n_gateways);
			changes++;
		}
		revision = config->revision.routes;
		db_config_free(config);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	assert_true(changes > 10);
}

static void a_file_another_process_holds_is_busy_at_once(void **state)
{
	(void)state;
	struct seen seen = {.stop_at = -1};
	struct db_config *config = NULL;
	/* Only a file whose owner took it out of shared use can hold up a reader. */
	db_close(db);
	sqlite3 *holder = sql_connect(path, "PRAGMA journal_mode = DELETE");
	char error[256];
	sqlite3_close(holder);
	assert_int_equal(db_open(&db, path, DB_CONFIG, DB_CHECK, error, sizeof(error)), 0);
	holder = sql_connect(path, "BEGIN EXCLUSIVE");
	assert_int_equal(db_config_load(db, NULL, on_route, &seen, &config), -EBUSY);
	assert_null(config);
	sqlite3_close(holder);
	db_config_free(load(-1, &seen));
}

static void damage_gives_an_error_and_no_configuration(void **state)
{
	(void)state;
	static const char *const damage[] = {
		"DROP TRIGGER parameter_no_delete; DELETE FROM parameter WHERE name = 'SS_SIP_TIMEOUT_RINGING'",
		"DROP TRIGGER parameter_value; UPDATE parameter SET value = 'x' WHERE name = 'SS_SIP_TIMEOUT_RINGING'",
		"UPDATE parameter SET value = '601' WHERE name = 'SS_SIP_TIMEOUT_RINGING'",
		"UPDATE parameter SET value = default_value; UPDATE parameter SET value = 'x' WHERE name ="
		" 'SS_REPLY_UNAUTHORIZED'",
		"DROP TRIGGER gateway_insert; UPDATE parameter SET value = default_value;"
		" INSERT INTO gateway (name, host, resend_interval) VALUES ('a', 'a', 'x')",
		"UPDATE gateway SET resend_interval = NULL; DELETE FROM revision",
		"INSERT INTO revision (one, routes) VALUES (1, 1); DROP TRIGGER gateway_update;"
		" UPDATE gateway SET breaker_on = 'x'",
		"UPDATE gateway SET breaker_on = NULL, sip_100rel = 'x'",
		"UPDATE gateway SET sip_100rel = NULL, options_alive_codes = 'timeout'",
		"UPDATE gateway SET options_alive_codes = NULL; DROP TRIGGER mapping_gateway_insert;"
		" INSERT INTO mapping_gateway (name, host, sip_100rel) VALUES ('m', '::1', 'x')",
		"DROP TABLE mapping_gateway",
	};
	sql_run(path, "CREATE TABLE spare AS SELECT * FROM parameter");
	for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		struct seen seen = {.stop_at = -1};
		struct db_config *config = (struct db_config *)&seen;
		sql_run(path, damage[i]);
		if (db_config_load(db, NULL, on_route, &seen, &config) != -EIO)
			fail_msg("loaded after: %s", damage[i]);
		assert_ptr_equal(config, &seen);
		if (i == 0)
			sql_run(path,
				"DROP TRIGGER parameter_no_insert; INSERT INTO parameter SELECT * FROM spare"
				" WHERE name = 'SS_SIP_TIMEOUT_RINGING'");
	}
}

/* Broken pages show only when they are read. */
static void a_broken_page_of_any_table_gives_an_error(void **state)
{
	(void)state;
	static const char *const tables[] = {
		"parameter", "gateway", "mapping_gateway", "registration", "route", "revision"};
	const char *copy = scratch_path("copy.db");
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('a', '127.0.0.1');"
		"INSERT INTO mapping_gateway (name, host) VALUES ('a', '127.0.0.1');"
		"INSERT INTO registration (name, host, user) VALUES ('a', '127.0.0.1', 'u');"
		"INSERT INTO route (prefix, gateway) VALUES ('', 'a')");
	db_close(db);
	db = NULL;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		struct seen seen = {.stop_at = -1};
		struct db_config *config = NULL;
		char query[100], error[256], garbage[4096];
		snprintf(query, sizeof(query), "SELECT rootpage FROM sqlite_schema WHERE name = '%s'",
			tables[i]);
		int64_t page = sql_int(path, query);
		scratch_copy(path, copy);
		FILE *file = fopen(copy, "r+b");
		assert_non_null(file);
		memset(garbage, 0xee, sizeof(garbage));
		fseek(file, (long)(page - 1) * 4096, SEEK_SET);
		assert_int_equal(fwrite(garbage, sizeof(garbage), 1, file), 1);
		fclose(file);
		assert_int_equal(db_open(&db, copy, DB_CONFIG, DB_CREATE, error, sizeof(error)), 0);
		if (db_config_load(db, NULL, on_route, &seen, &config) != -EUCLEAN)
			fail_msg("loaded in spite of %s", tables[i]);
		assert_null(config);
		db_close(db);
		db = NULL;
	}
}

static void a_text_no_check_has_seen_is_kept_whole(void **state)
{
	(void)state;
	struct seen seen;
	sql_run(path,
		"PRAGMA ignore_check_constraints = ON; INSERT INTO gateway (name, host, auth_password)"
		" VALUES ('a', '127.0.0.1', hex(zeroblob(20000)) || 'x'), ('b', '127.0.0.1', 'y')");
	struct db_config *config = load(-1, &seen);
	assert_int_equal(strlen(config->gateway[0].auth_password), 40001);
	assert_string_equal(config->gateway[0].auth_password + 39999, "0x");
	assert_string_equal(config->gateway[1].auth_password, "y");
	db_config_free(config);
}

static void long_texts_and_many_rows_are_kept_whole(void **state)
{
	(void)state;
	struct seen seen;
	sql_run(path,
		"WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)"
		" INSERT INTO gateway (name, host, auth_password)"
		" SELECT format('gw%04d', i), '127.0.0.1', hex(zeroblob(120)) || i FROM n");
	struct db_config *config = load(-1, &seen);
	assert_int_equal(config->n_gateways, 3000);
	for (int i = 0; i < 3000; i++) {
		char name[16], password[256];
		snprintf(name, sizeof(name), "gw%04d", i);
		snprintf(password, sizeof(password), "%0240d%d", 0, i);
		assert_string_equal(config->gateway[i].name, name);
		assert_string_equal(config->gateway[i].auth_password, password);
	}
	db_config_free(config);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_file_gives_the_defaults),
		TEST(every_parameter_is_read_into_its_own_field),
		TEST(each_switch_is_its_own),
		TEST(a_gateway_comes_with_all_its_columns),
		TEST(what_a_gateway_does_not_set_is_left_to_the_parameters),
		TEST(a_gateways_own_list_obeys_the_limit_of_retries),
		TEST(mapping_gateways_come_with_their_columns),
		TEST(a_registration_comes_with_all_its_columns),
		TEST(what_a_registration_leaves_out_has_a_meaning),
		TEST(routes_come_in_order_of_bytes_then_priority),
		TEST(a_handler_that_stops_ends_the_load),
		TEST(routes_of_a_known_revision_are_not_read_again),
		TEST(the_revision_changes_with_what_routes_mean_and_nothing_else),
		TEST(endpoints_of_a_known_revision_are_not_read_again),
		TEST(all_of_a_load_is_one_moment),
		TEST(a_file_another_process_holds_is_busy_at_once),
		TEST(damage_gives_an_error_and_no_configuration),
		TEST(tables_of_a_load_are_in_step),
		TEST(a_broken_page_of_any_table_gives_an_error),
		TEST(a_text_no_check_has_seen_is_kept_whole),
		TEST(long_texts_and_many_rows_are_kept_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
