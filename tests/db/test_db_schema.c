/* What the tables take and refuse, through plain SQL. */
#include "db_config.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *path;
static char sql[4096];

static int make_file(void **state)
{
	struct db *db = NULL;
	char error[256];
	if (scratch_make(state))
		return -1;
	path = scratch_path("c.db");
	if (db_open(&db, path, DB_CONFIG, DB_CREATE, error, sizeof(error)))
		return -1;
	db_close(db);
	sql_run(path, "INSERT INTO gateway (name, host) VALUES ('gw', '127.0.0.1')");
	return 0;
}

static int ignore_route(const struct db_route *row, void *arg)
{
	(void)row, (void)arg;
	return 0;
}

/* Whatever the tables took, the switch can read. */
static struct db_config *loaded(void)
{
	struct db *db = NULL;
	struct db_config *config = NULL;
	char error[256];
	assert_int_equal(db_open(&db, path, DB_CONFIG, DB_CREATE, error, sizeof(error)), 0);
	assert_int_equal(db_config_load(db, NULL, ignore_route, NULL, &config), 0);
	db_close(db);
	return config;
}

struct parameter_case {
	const char *name, *range;
	const char *good[12], *bad[40];
};

/* Forms no number may have; shared by all that take whole numbers. */
#define NOT_WHOLE                                                                                            \
	"", " ", " 5", "5 ", "5x", "x", "1e1", "0.5", "5.0", "5.", "+5", "-5", "05", "0x5", "5,6", ",",      \
		"5,", "NULL", "99999999999999999999", "On", "None,5", "\"", "\\", "''", "[]", "$"
#define CODES_31                                                                                             \
	",400,401,402,403,404,405,406,407,408,409,410,411,412,413,414,415,416,417,418,419,420,421,422,423,424,425,426,427,428,429,430"

static const char codes_32[] = "431" CODES_31, codes_33[] = "432,431" CODES_31,
		  word_and_31[] = "timeout" CODES_31, word_and_32[] = "timeout,431" CODES_31;
#define TEXT_63 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"
static const char text_64[] = TEXT_63 "4", text_65[] = TEXT_63 "45";

#define NOT_SWITCH "", "on", "ON", "off", "1", "0", "true", "On,Off", "On ", " Off", ",", "None"

static const struct parameter_case parameter_cases[] = {
	{"SS_SIP_SEND_RETRY", "(0-10)", {"0", "1", "9", "10"}, {"11", "-1", NOT_WHOLE}},
	{"SS_SIP_TIMEOUT_INVITE", "(1-120 s)", {"1", "2", "119", "120"}, {"0", "121", NOT_WHOLE}},
	{"SS_SIP_TIMEOUT_TRYING", "(1-300 s)", {"1", "300"}, {"0", "301", NOT_WHOLE}},
	{"SS_SIP_TIMEOUT_SESSION_PROGRESS", "(1-300 s)", {"1", "300"}, {"0", "301", NOT_WHOLE}},
	{"SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP", "(1-600 s)", {"1", "600"}, {"0", "601", NOT_WHOLE}},
	{"SS_SIP_TIMEOUT_RINGING", "(1-600 s)", {"1", "600"}, {"0", "601", NOT_WHOLE}},
	{"SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT", "(On, Off)", {"On", "Off"}, {NOT_SWITCH}},
	{"SS_SIP_STOP_SWITCH_AFTER_SDP", "(On, Off)", {"On", "Off"}, {NOT_SWITCH}},
	{"SS_GATEWAY_SWITCH_LIMIT", "(None, 1-100)", {"None", "1", "100"},
		{"0", "101", "none", "Non", NOT_WHOLE}},
	{"SS_GATEWAY_SWITCH_UNTIL_CONNECT", "(On, Off)", {"On", "Off"}, {NOT_SWITCH}},
	{"SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY", "(On, Off)", {"On", "Off"}, {NOT_SWITCH}},
	{"SS_REPLY_UNAUTHORIZED", "(On, Off)", {"On", "Off"}, {NOT_SWITCH}},
	{"SS_GATEWAY_SWITCH_STOP_CODES", "(None, or 1 to 32 codes 400-699)",
		{"None", "400", "699", "484,603,604,606", "486,486", codes_32},
		{"", "399", "700", "200", "484, 603", "484,,603", ",484", "484,", "4840", "None,484", "484.5",
			codes_33}},
	{"SS_SIP_SESSION_TTL", "(90-86400 s)", {"90", "86400"}, {"89", "86401", NOT_WHOLE}},
	{"SS_SIP_SESSION_UPDATE_SEGMENT", "(2-10)", {"2", "10"}, {"1", "11", NOT_WHOLE}},
	{"SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", "(0, 5-600 s)", {"0", "5", "600"},
		{"1", "4", "601", NOT_WHOLE}},
	{"SS_SIP_NO_TIMER_REINVITE_INTERVAL", "(0, 60-86400 s)", {"0", "60", "86400"},
		{"59", "86401", NOT_WHOLE}},
	{"SS_SIP_SESSION_TIMER", "(On, Off)", {"On", "Off"}, {NOT_SWITCH}},
	{"SS_SIP_100REL", "(Off, Supported, Required)", {"Off", "Supported", "Required"},
		{"", "On", "off", "supported", "Off,Supported", "0"}},
	{"SS_MAXCALLDURATION", "(0, 10-86400 s)", {"0", "10", "86400"}, {"9", "86401", NOT_WHOLE}},
	{"SS_SIP_USER_AGENT_EXPIRE", "(Auto, 20-7200 s)", {"Auto", "20", "7200"},
		{"0", "19", "7201", "auto", "Auto,20", NOT_WHOLE}},
	{"SS_SIP_USER_AGENT_RETRY_DELAY", "(30-600 s)", {"30", "600"}, {"0", "29", "601", NOT_WHOLE}},
	{"SS_SIP_USER_AGENT_SEND_UNREGISTER", "(On, Off)", {"On", "Off"}, {NOT_SWITCH}},
	{"SS_SIP_USER_AGENT_PRIVACY", "(Ignore, Id, None)", {"Ignore", "Id", "None"},
		{"", "id", "none", "On", "0"}},
	{"SS_SIP_OPTIONS_CHECK_PERIOD", "(0, 5-3600 s)", {"0", "5", "3600"}, {"4", "3601", NOT_WHOLE}},
	{"SS_SIP_OPTIONS_TIMEOUT", "(0.1-32, at most 1 decimal s)", {"0.1", "2", "2.5", "31.9", "32", "32.0"},
		{"", "0", "0.0", "0.05", "0.15", "32.1", "33", "1,2", "auto", " 2", "2.", ".2", "2e1", "2s"}},
	{"SS_SIP_OPTIONS_DOWN", "(1-10)", {"1", "10"}, {"0", "11", NOT_WHOLE}},
	{"SS_SIP_OPTIONS_UP", "(1-10)", {"1", "10"}, {"0", "11", NOT_WHOLE}},
	{"SS_SIP_PUBLISH_EXPIRE", "(30-7200 s)", {"30", "7200"}, {"29", "7201", NOT_WHOLE}},
	{"SS_GATEWAY_BREAKER_FAILURES", "(None, 1-100)", {"None", "1", "100"}, {"0", "101", NOT_WHOLE}},
	{"SS_GATEWAY_BREAKER_WINDOW", "(5-64)", {"5", "64"}, {"4", "65", "None", NOT_WHOLE}},
	{"SS_GATEWAY_BREAKER_RATE", "(None, 1-100 %)", {"None", "1", "100"}, {"0", "101", NOT_WHOLE}},
	{"SS_GATEWAY_BREAKER_TIME", "(1-3600 s)", {"1", "3600"}, {"0", "3601", NOT_WHOLE}},
	{"SS_GATEWAY_BREAKER_SUCCESSES", "(1-10)", {"1", "10"}, {"0", "11", NOT_WHOLE}},
	{"SS_GATEWAY_BREAKER_RAMP", "(0-600 s)", {"0", "600"}, {"601", NOT_WHOLE}},
	{"SS_GATEWAY_BREAKER_ON", "(None, or 1 to 32 of timeout, transport and codes 400-699)",
		{"None", "timeout", "transport", "503", "timeout,transport,503", "503,timeout,400,699",
			"timeout,timeout", codes_32, word_and_31},
		{"", ",", "timeout,", ",timeout", "timeout,,503", "Timeout", "time", "out", "timeout,None",
			"None,503", "399", "700", "503x", "x503", "timeout,transport,5e2", "503.0",
			"timeout transport", "timeout,\"", word_and_32, codes_33}},
	{"SS_CALL_RECOVERY", "(On, Off)", {"On", "Off"}, {NOT_SWITCH}},
	{"SS_SIP_STREAM_TIMEOUT", "(5-300 s)", {"5", "300"}, {"4", "301", NOT_WHOLE}},
	{"SS_SIP_STREAM_LIMIT", "(16-65535)", {"16", "65535"}, {"15", "65536", NOT_WHOLE}},
	{"SS_SIP_STREAM_LIMIT_SOURCE", "(1-65535)", {"1", "65535"}, {"0", "65536", NOT_WHOLE}},
	{"SS_ENDPOINT_EXPIRE", "(60-86400 s)", {"60", "86400"}, {"0", "59", "86401", NOT_WHOLE}},
	{"SS_ENDPOINT_NAT_EXPIRE", "(30-3600 s)", {"30", "3600"}, {"0", "29", "3601", NOT_WHOLE}},
	{"SS_ENDPOINT_REGISTER_RETRY", "(1-999)", {"1", "999"}, {"0", "1000", NOT_WHOLE}},
	{"SS_ENDPOINT_REGISTER_SUSPEND", "(10-3600 s)", {"10", "3600"}, {"0", "9", "3601", NOT_WHOLE}},
	{"SS_ENDPOINT_REGISTER_REPLACE", "(On, Off)", {"On", "Off"}, {NOT_SWITCH}},
	{"SS_ENDPOINT_FIRST", "(On, Off)", {"On", "Off"}, {NOT_SWITCH}},
	{"SS_SIP_AUTHENTICATION_CODE", "(401, 407)", {"401", "407"}, {"402", "403", "401,407", NOT_WHOLE}},
	{"SS_SIP_AUTHENTICATION_RETRY", "(1-10)", {"1", "10"}, {"0", "11", NOT_WHOLE}},
	{"SS_SIP_AUTHENTICATION_TIMEOUT", "(1-60 s)", {"1", "60"}, {"0", "61", NOT_WHOLE}},
	{"SS_SIP_AUTHENTICATION_REALM", "(1-64 printable ASCII characters but \" and \\)",
		{"a", "sip.example.com", "5", "a,b", "[x] ^'`~!#;", text_64},
		{"", "a\"b", "a\\b", "a\nb", "a\r\nX: y", "\t", "\177", "Z\303\274rich", text_65}},
	{"SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "(0-64 printable ASCII characters but \" and \\)",
		{"", "HELLO", "x", " ", text_64}, {"a\"", "\\", "\r\n\r\n", "\303\274", text_65}},
	{"SS_SIP_NAT_KEEP_ALIVE_PERIOD", "(0, 5-300 s)", {"0", "5", "300"}, {"1", "4", "301", NOT_WHOLE}},
	{"SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL", "(10-5000 ms)", {"10", "5000"},
		{"0", "9", "5001", NOT_WHOLE}},
	{"SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME", "(1-10000)", {"1", "10000"}, {"0", "10001", NOT_WHOLE}},
	{"SS_SIP_RESEND_INTERVAL", "(auto, or 1 to 10 positive decimals 0.001-600 s)",
		{"auto", "0.5", "0.001", "600", "599.999", "1.0", "0.5,1,2,4,4,4,4,4,4,4"},
		{"", ",", "1,", ",1", "1,,2", " 1", "1, 2", "0", "0.0", "0.000", "0.0001", "1.2345", "-1",
			"+1", "1e1", ".5", "5.", "1.5.2", "05", "00.5", "600.001", "601", "Auto", "auto,1",
			"1,auto", "1,2,3,4,5,6,7,8,9,10,11", "1;2", "nan"}},
};
enum { PARAMETER_CASES = sizeof(parameter_cases) / sizeof(parameter_cases[0]) };

static void set_parameter(const char *name, const char *value)
{
	sqlite3_snprintf(sizeof(sql), sql, "UPDATE parameter SET value = %Q WHERE name = %Q", value, name);
}

static void each_parameter_takes_its_range(void **state)
{
	(void)state;
	for (size_t p = 0; p < PARAMETER_CASES; p++) {
		for (size_t i = 0; parameter_cases[p].good[i]; i++) {
			set_parameter(parameter_cases[p].name, parameter_cases[p].good[i]);
			sql_run(path, sql);
			sqlite3_snprintf(sizeof(sql), sql, "SELECT value FROM parameter WHERE name = %Q",
				parameter_cases[p].name);
			assert_string_equal(sql_text(path, sql), parameter_cases[p].good[i]);
			db_config_free(loaded());
		}
	}
}

static void each_parameter_refuses_the_rest_and_says_why(void **state)
{
	(void)state;
	for (size_t p = 0; p < PARAMETER_CASES; p++) {
		for (size_t i = 0; parameter_cases[p].bad[i]; i++) {
			char shown[512];
			set_parameter(parameter_cases[p].name, parameter_cases[p].bad[i]);
			const char *message = sql_refused(path, sql);
			assert_contains(message, parameter_cases[p].name);
			assert_contains(message, parameter_cases[p].range);
			/* json_each() doubles apostrophes. */
			sqlite3_snprintf(sizeof(shown), shown, "\"%q\"", parameter_cases[p].bad[i]);
			assert_contains(message, shown);
		}
	}
	assert_int_equal(sql_int(path, "SELECT count(*) FROM parameter WHERE value <> default_value"), 0);
}

static void the_cases_above_are_all_the_parameters(void **state)
{
	(void)state;
	assert_int_equal(sql_int(path, "SELECT count(*) FROM parameter"), PARAMETER_CASES);
	for (size_t p = 0; p < PARAMETER_CASES; p++) {
		sqlite3_snprintf(sizeof(sql), sql,
			"SELECT '(' || rtrim(range || ' ' || unit) || ')' FROM parameter"
			" WHERE name = %Q",
			parameter_cases[p].name);
		assert_string_equal(sql_text(path, sql), parameter_cases[p].range);
	}
}

static void defaults_are_those_of_the_text(void **state)
{
	(void)state;
	static const char *const defaults[][2] = {
		{"SS_SIP_RESEND_INTERVAL", "0.5,1,2,4,4,4,4,4,4,4"},
		{"SS_SIP_SEND_RETRY", "10"},
		{"SS_SIP_TIMEOUT_INVITE", "10"},
		{"SS_SIP_TIMEOUT_TRYING", "20"},
		{"SS_SIP_TIMEOUT_SESSION_PROGRESS", "20"},
		{"SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP", "120"},
		{"SS_SIP_TIMEOUT_RINGING", "120"},
		{"SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT", "Off"},
		{"SS_SIP_STOP_SWITCH_AFTER_SDP", "Off"},
		{"SS_GATEWAY_SWITCH_LIMIT", "None"},
		{"SS_GATEWAY_SWITCH_UNTIL_CONNECT", "Off"},
		{"SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY", "On"},
		{"SS_GATEWAY_SWITCH_STOP_CODES", "484,603,604,606"},
		{"SS_REPLY_UNAUTHORIZED", "On"},
		{"SS_CALL_RECOVERY", "On"},
		{"SS_SIP_SESSION_TTL", "1800"},
		{"SS_SIP_SESSION_UPDATE_SEGMENT", "4"},
		{"SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", "0"},
		{"SS_SIP_NO_TIMER_REINVITE_INTERVAL", "7200"},
		{"SS_SIP_SESSION_TIMER", "On"},
		{"SS_SIP_100REL", "Off"},
		{"SS_MAXCALLDURATION", "0"},
		{"SS_SIP_USER_AGENT_EXPIRE", "Auto"},
		{"SS_SIP_USER_AGENT_RETRY_DELAY", "60"},
		{"SS_SIP_USER_AGENT_SEND_UNREGISTER", "On"},
		{"SS_SIP_USER_AGENT_PRIVACY", "Ignore"},
		{"SS_SIP_OPTIONS_CHECK_PERIOD", "30"},
		{"SS_SIP_OPTIONS_TIMEOUT", "2"},
		{"SS_SIP_OPTIONS_DOWN", "2"},
		{"SS_SIP_OPTIONS_UP", "1"},
		{"SS_SIP_PUBLISH_EXPIRE", "3600"},
		{"SS_GATEWAY_BREAKER_FAILURES", "5"},
		{"SS_GATEWAY_BREAKER_WINDOW", "20"},
		{"SS_GATEWAY_BREAKER_RATE", "80"},
		{"SS_GATEWAY_BREAKER_TIME", "30"},
		{"SS_GATEWAY_BREAKER_SUCCESSES", "1"},
		{"SS_GATEWAY_BREAKER_RAMP", "10"},
		{"SS_GATEWAY_BREAKER_ON", "timeout,transport,503"},
		{"SS_SIP_STREAM_TIMEOUT", "30"},
		{"SS_SIP_STREAM_LIMIT", "1024"},
		{"SS_SIP_STREAM_LIMIT_SOURCE", "32"},
		{"SS_ENDPOINT_EXPIRE", "3600"},
		{"SS_ENDPOINT_NAT_EXPIRE", "300"},
		{"SS_ENDPOINT_REGISTER_RETRY", "6"},
		{"SS_ENDPOINT_REGISTER_SUSPEND", "180"},
		{"SS_ENDPOINT_REGISTER_REPLACE", "On"},
		{"SS_ENDPOINT_FIRST", "On"},
		{"SS_SIP_AUTHENTICATION_CODE", "401"},
		{"SS_SIP_AUTHENTICATION_RETRY", "3"},
		{"SS_SIP_AUTHENTICATION_TIMEOUT", "10"},
		{"SS_SIP_AUTHENTICATION_REALM", "softswitch"},
		{"SS_SIP_NAT_KEEP_ALIVE_MESSAGE", "HELLO"},
		{"SS_SIP_NAT_KEEP_ALIVE_PERIOD", "30"},
		{"SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL", "500"},
		{"SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME", "100"},
	};
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		sqlite3_snprintf(sizeof(sql), sql,
			"SELECT value || '|' || default_value FROM parameter WHERE name = %Q",
			defaults[i][0]);
		char wanted[64];
		snprintf(wanted, sizeof(wanted), "%s|%s", defaults[i][1], defaults[i][1]);
		assert_string_equal(sql_text(path, sql), wanted);
	}
}

static void numbers_need_no_quotes_and_nothing_but_text_and_numbers_is_taken(void **state)
{
	(void)state;
	sql_run(path, "UPDATE parameter SET value = 7 WHERE name = 'SS_SIP_TIMEOUT_INVITE'");
	sql_run(path, "UPDATE parameter SET value = 0.25 WHERE name = 'SS_SIP_RESEND_INTERVAL'");
	assert_string_equal(
		sql_text(path, "SELECT value FROM parameter WHERE name = 'SS_SIP_RESEND_INTERVAL'"), "0.25");
	assert_contains(
		sql_refused(path, "UPDATE parameter SET value = 7.5 WHERE name = 'SS_SIP_TIMEOUT_INVITE'"),
		"SS_SIP_TIMEOUT_INVITE: \"7.5\" is out of range (1-120 s)");
	assert_contains(
		sql_refused(path, "UPDATE parameter SET value = NULL WHERE name = 'SS_SIP_TIMEOUT_INVITE'"),
		"SS_SIP_TIMEOUT_INVITE: \"NULL\" is out of range (1-120 s)");
	assert_contains(
		sql_refused(path, "UPDATE parameter SET value = x'35' WHERE name = 'SS_SIP_TIMEOUT_INVITE'"),
		"BLOB");
	assert_contains(sql_refused(path,
				"UPDATE parameter SET value = '5' || char(0) || '6'"
				" WHERE name = 'SS_SIP_TIMEOUT_INVITE'"),
		"SS_SIP_TIMEOUT_INVITE: \"5");
	assert_contains(sql_refused(path,
				"UPDATE parameter SET value = 'a' || char(0) || 'b'"
				" WHERE name = 'SS_SIP_AUTHENTICATION_REALM'"),
		"SS_SIP_AUTHENTICATION_REALM: \"a");
}

static void only_the_value_of_a_parameter_changes(void **state)
{
	(void)state;
	static const char *const columns[] = {"name", "default_value", "unit", "range", "description",
		"words", "items", "decimals", "minimum", "maximum", "item_words", "free_text"};
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		sqlite3_snprintf(sizeof(sql), sql, "UPDATE parameter SET %s = 1", columns[i]);
		assert_contains(sql_refused(path, sql), "only the value of a parameter can be changed");
	}
	assert_contains(sql_refused(path, "DELETE FROM parameter"), "cannot be deleted");
	assert_contains(
		sql_refused(path,
			"INSERT INTO parameter SELECT 'SS_X', value, value, '', '', '', '', 1, 0, 1, 2, '', 0"
			" FROM parameter"),
		"no other parameters");
	assert_contains(
		sql_refused(path, "REPLACE INTO parameter SELECT * FROM parameter"), "no other parameters");
	sql_run(path, "UPDATE parameter SET value = default_value");
}

static void gateway_overrides_have_the_range_of_their_parameter(void **state)
{
	(void)state;
	static const struct refusal bad[] = {
		{"timeout_invite = 121",
			"gateway gw: timeout_invite (NULL: SS_SIP_TIMEOUT_INVITE): \"121\" is out of range (1-120 s)"},
		{"timeout_invite = -1", "\"-1\" is out of range (1-120 s)"},
		{"timeout_invite = 0.5", "REAL"},
		{"timeout_invite = 'x'", "TEXT"},
		{"timeout_trying = 301",
			"timeout_trying (NULL: SS_SIP_TIMEOUT_TRYING): \"301\" is out of range (1-300 s)"},
		{"timeout_session_progress = 301",
			"SS_SIP_TIMEOUT_SESSION_PROGRESS): \"301\" is out of range (1-300 s)"},
		{"timeout_session_progress_sdp = 601",
			"SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP): \"601\" is out of range (1-600 s)"},
		{"timeout_ringing = 601",
			"timeout_ringing (NULL: SS_SIP_TIMEOUT_RINGING): \"601\" is out of range (1-600 s)"},
		{"resend_interval = '1,0'",
			"resend_interval (NULL: SS_SIP_RESEND_INTERVAL): \"1,0\" is out of range"},
		{"resend_interval = ''", "\"\" is out of range"},
		{"switch_stop_after_invite_timeout = 'on'",
			"SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT): \"on\" is out of range (On, Off)"},
		{"switch_stop_after_sdp = 1",
			"SS_SIP_STOP_SWITCH_AFTER_SDP): \"1\" is out of range (On, Off)"},
		{"switch_until_connect = ''",
			"SS_GATEWAY_SWITCH_UNTIL_CONNECT): \"\" is out of range (On, Off)"},
		{"switch_stop_after_user_busy = 'NULL'",
			"SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY): \"NULL\" is out of range (On, Off)"},
		{"switch_stop_codes = '399'", "SS_GATEWAY_SWITCH_STOP_CODES): \"399\" is out of range"},
		{"options_alive_codes = '199'",
			"options_alive_codes (NULL: any answer but 408 and 503): \"199\" is out of range (1 to 32 codes 200-699)"},
		{"options_alive_codes = '700'", "\"700\" is out of range"},
		{"options_alive_codes = ''", "\"\" is out of range"},
		{"options_alive_codes = 'None'", "\"None\" is out of range"},
		{"options_alive_codes = 'timeout'", "\"timeout\" is out of range"},
		{"options_alive_codes = '200,'", "\"200,\" is out of range"},
		{"breaker_on = 'busy'",
			"breaker_on (NULL: SS_GATEWAY_BREAKER_ON): \"busy\" is out of range"
			" (None, or 1 to 32 of timeout, transport and codes 400-699)"},
		{"switch_stop_codes = 'timeout'",
			"SS_GATEWAY_SWITCH_STOP_CODES): \"timeout\" is out of range"},
		{"session_timer = 1",
			"session_timer (NULL: SS_SIP_SESSION_TIMER): \"1\" is out of range (On, Off)"},
		{"sip_100rel = 'On'",
			"sip_100rel (NULL: SS_SIP_100REL): \"On\" is out of range (Off, Supported, Required)"},
		{"max_call_duration = 9",
			"max_call_duration (NULL: SS_MAXCALLDURATION): \"9\" is out of range (0, 10-86400 s)"},
		{"max_call_duration = 86401", "\"86401\" is out of range"},
		{"max_call_duration = -1", "\"-1\" is out of range"},
		{"max_call_duration = 'x'", "TEXT"},
	};
	static const char *const good[] = {
		"timeout_invite = 120, timeout_trying = 300, timeout_session_progress = 300",
		"timeout_session_progress_sdp = 600, timeout_ringing = 600",
		"timeout_invite = 0, timeout_trying = NULL",
		"resend_interval = 'auto'",
		"resend_interval = '0.2,0.4'",
		"resend_interval = NULL",
		"switch_stop_after_invite_timeout = 'On', switch_stop_after_sdp = 'Off'",
		"switch_until_connect = 'On', switch_stop_after_user_busy = 'Off'",
		"switch_stop_codes = 'None'",
		"switch_stop_codes = '486,600'",
		"switch_stop_codes = NULL, switch_until_connect = NULL",
		"options_alive_codes = '200'",
		"options_alive_codes = '200,404,699'",
		"options_alive_codes = NULL",
		"breaker_on = 'None'",
		"breaker_on = 'timeout,486,transport'",
		"breaker_on = NULL",
		"session_timer = 'Off', sip_100rel = 'Supported'",
		"session_timer = NULL, sip_100rel = NULL",
		"max_call_duration = 10",
		"max_call_duration = 86400",
		"max_call_duration = 0",
		"max_call_duration = NULL",
	};
	sql_refusals(path, "gateway", bad, sizeof(bad) / sizeof(bad[0]));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(sql, sizeof(sql), "UPDATE gateway SET %s", good[i]);
		sql_run(path, sql);
		db_config_free(loaded());
	}
	assert_contains(
		sql_refused(path,
			"INSERT INTO gateway (name, host, timeout_invite) VALUES ('n', '127.0.0.1', 500)"),
		"gateway n: timeout_invite (NULL: SS_SIP_TIMEOUT_INVITE): \"500\" is out of range (1-120 s)");
}

static void gateway_columns_explain_themselves(void **state)
{
	(void)state;
	static const struct refusal bad[] = {
		{"name = ''", "name of a gateway is 1 to 64 characters"},
		{"name = ' x'", "no space at its ends"},
		{"name = 'a' || char(10)", "none of them a control character"},
		{"name = replace(hex(zeroblob(40)), '00', 'ab')", "1 to 64 characters"},
		{"name = NULL", "NOT NULL constraint failed: gateway.name"},
		{"host = ''", "host is an IPv4 address, an IPv6 address without brackets, or a domain name"},
		{"host = '[::1]'", "without brackets"},
		{"host = 'a b'", "domain name"},
		{"host = '-a'", "domain name"},
		{"host = 'a;b'", "domain name"},
		{"host = 'a:b'", "domain name"},
		{"host = '1.2.3.4:5060'", "domain name"},
		{"host = '1.2.3.256'",
			"gateway gw: host: \"1.2.3.256\" is not an IPv4 address (four numbers 0-255)"},
		{"host = '1.2.3'", "\"1.2.3\" is not an IPv4 address"},
		{"host = '1.2.3.4.5'", "not an IPv4 address"},
		{"host = '01.2.3.4'", "not an IPv4 address"},
		{"host = '1..2.3'", "not an IPv4 address"},
		{"host = '7'", "not an IPv4 address"},
		{"host = '', endpoint = NULL", "a gateway with an endpoint has none"},
		{"endpoint = 'nobody'", "gateway \"gw\": there is no endpoint \"nobody\""},
		{"port = -1", "port is 0"},
		{"port = 65536", "to 65535"},
		{"port = NULL", "gateway.port"},
		{"port = 'x'", "TEXT"},
		{"transport = 'UDP'", "transport is udp, tcp, tls, or NULL for what DNS says"},
		{"transport = ''", "transport is udp"},
		{"enabled = 2", "enabled is 1 (yes) or 0 (no)"},
		{"enabled = NULL", "gateway.enabled"},
		{"capacity = -1", "capacity is the calls at a time, 0 (no limit) to 1000000"},
		{"capacity = 1000001", "capacity is"},
		{"cps = -1", "cps is the new calls per second, 0 (no limit) to 100000"},
		{"cps = 100001", "cps is"},
		{"auth_user = 'a' || char(13, 10) || 'X: y'",
			"auth_user is at most 128 characters, none of them a control"},
		{"auth_user = replace(hex(zeroblob(65)), '00', 'ab')", "auth_user is at most 128"},
		{"auth_password = hex(zeroblob(129))", "auth_password is at most 256"},
		{"draining = 2", "draining is 1 (no new calls) or 0 (no)"},
		{"draining = NULL", "gateway.draining"},
		{"options_check = -1", "options_check is 1 (yes) or 0 (no)"},
		{"options_check = NULL", "gateway.options_check"},
		{"sdp_own_origin = 2", "sdp_own_origin is 1 (yes) or 0 (no)"},
		{"sdp_own_origin = NULL", "gateway.sdp_own_origin"},
	};
	sql_refusals(path, "gateway", bad, sizeof(bad) / sizeof(bad[0]));
	static const char *const good[] = {"host = '::1'", "host = '2001:db8::1'", "host = '::ffff:10.0.0.1'",
		"host = 'gw.example.com'", "host = '_sip.example.com'", "host = '255.255.255.255'",
		"host = '0.0.0.0'", "host = '3com.example'", "port = 0", "port = 65535", "transport = 'tcp'",
		"transport = 'tls'", "transport = NULL", "enabled = 0", "capacity = 1000000", "cps = 100000",
		"name = 'Carrier A (cheap), Zürich'", "auth_user = 'u', auth_password = 'p ''\"'",
		"auth_user = NULL", "draining = 1, options_check = 1, sdp_own_origin = 1"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(sql, sizeof(sql), "UPDATE gateway SET %s", good[i]);
		sql_run(path, sql);
	}
}

static void mapping_gateway_columns_explain_themselves(void **state)
{
	(void)state;
	static const struct refusal bad[] = {
		{"name = ''", "name of a mapping gateway is 1 to 64 characters"},
		{"host = ''",
			"host is an IPv4 or IPv6 address without brackets, or a block such as 10.0.0.0/8 or 2001:db8::/32"},
		{"host = 'gw.example.com'", "or a block such as"},
		{"host = '10.0.0.0/33'", "or a block such as"},
		{"host = '10.0.0.0/'", "or a block such as"},
		{"host = '10.0.0.0/8/8'", "or a block such as"},
		{"host = '10.0.0.0/x'", "or a block such as"},
		{"host = '10.0.0.0/-1'", "or a block such as"},
		{"host = '10.0.0.0/99999999999999999999'", "or a block such as"},
		{"host = '/8'", "or a block such as"},
		{"host = '::/129'", "or a block such as"},
		{"host = '[::1]'", "or a block such as"},
		{"host = '::1%eth0'", "or a block such as"},
		{"host = 'cafe'", "or a block such as"},
		{"host = '10.0.0/8'",
			"mapping_gateway m: host: \"10.0.0\" is not an IPv4 address (four numbers 0-255)"},
		{"host = '10.0.0.256'", "\"10.0.0.256\" is not an IPv4 address"},
		{"port = 0", "port is 1 to 65535, or NULL for any"},
		{"port = 65536", "port is 1 to 65535"},
		{"enabled = 7", "enabled is 1"},
		{"capacity = -1", "capacity is"},
		{"cps = 100001", "cps is"},
		{"session_timer = 'on'",
			"mapping_gateway m: session_timer (NULL: SS_SIP_SESSION_TIMER): \"on\" is out of range (On, Off)"},
		{"sip_100rel = ''",
			"sip_100rel (NULL: SS_SIP_100REL): \"\" is out of range (Off, Supported, Required)"},
		{"max_call_duration = 9",
			"max_call_duration (NULL: SS_MAXCALLDURATION): \"9\" is out of range (0, 10-86400 s)"},
	};
	static const char *const good[] = {"host = '0.0.0.0/0'", "host = '10.0.0.0/8'",
		"host = '10.0.0.1/32'", "host = '::/0'", "host = '2001:db8::/32'", "host = '::1'",
		"host = '::ffff:10.0.0.0/104'", "port = NULL", "port = 1", "port = 65535",
		"session_timer = 'Off', sip_100rel = 'Required', max_call_duration = 86400",
		"session_timer = NULL, sip_100rel = NULL, max_call_duration = 0", "max_call_duration = NULL"};
	sql_run(path, "INSERT INTO mapping_gateway (name, host) VALUES ('m', '127.0.0.0/8')");
	sql_refusals(path, "mapping_gateway", bad, sizeof(bad) / sizeof(bad[0]));
	assert_contains(sql_refused(path, "INSERT INTO mapping_gateway (name, host) VALUES ('n', '1.2.3')"),
		"mapping_gateway n: host: \"1.2.3\" is not an IPv4 address");
	assert_contains(
		sql_refused(path,
			"INSERT INTO mapping_gateway (name, host, sip_100rel) VALUES ('n', '::1', 'x')"),
		"mapping_gateway n: sip_100rel (NULL: SS_SIP_100REL): \"x\" is out of range");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(sql, sizeof(sql), "UPDATE mapping_gateway SET %s", good[i]);
		sql_run(path, sql);
	}
}

static void route_columns_explain_themselves(void **state)
{
	(void)state;
	static const struct refusal bad[] = {
		{"prefix = 'a b'",
			"prefix is empty (every number) or up to 64 characters of a SIP user name"},
		{"prefix = '4\"9'", "prefix is empty"},
		{"prefix = '<'", "prefix is empty"},
		{"prefix = 'é'", "prefix is empty"},
		{"prefix = 'a@b'", "prefix is empty"},
		{"prefix = hex(zeroblob(33))", "prefix is empty"},
		{"prefix = NULL", "route.prefix"},
		{"priority = -1", "priority is 0 (first) to 65535"},
		{"priority = 65536", "priority is"},
		{"weight = -1", "weight is 0 (not set) to 65535"},
		{"weight = 65536", "weight is"},
		{"carry_through = 2", "carry_through is 1 (shorter prefixes are tried as well) or 0 (not)"},
		{"enabled = 2", "enabled is 1"},
		{"gateway = 'nope'", "route \"49\": there is no gateway \"nope\""},
	};
	static const char *const good[] = {"prefix = ''", "prefix = '+49'", "prefix = '*21#'",
		"prefix = 'alice.b-c_d'", "prefix = '!$&()=,;?/%~'", "prefix = hex(zeroblob(32))",
		"priority = 65535, weight = 65535"};
	sql_run(path, "INSERT INTO route (prefix, gateway) VALUES ('49', 'gw')");
	sql_refusals(path, "route", bad, sizeof(bad) / sizeof(bad[0]));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(sql, sizeof(sql), "UPDATE route SET %s", good[i]);
		sql_run(path, sql);
	}
	assert_contains(sql_refused(path, "INSERT INTO route (prefix, gateway) VALUES ('1', 'nope')"),
		"route \"1\": there is no gateway \"nope\"");
	sql_run(path, "INSERT INTO route (prefix, gateway) VALUES ('1', 'gw')");
	assert_contains(
		sql_refused(path, "INSERT INTO route (prefix, gateway) VALUES ('1', 'gw')"), "UNIQUE");
}

static void routes_follow_their_gateway(void **state)
{
	(void)state;
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('b', '127.0.0.2');"
		"INSERT INTO route (prefix, gateway) VALUES ('1', 'gw'), ('2', 'gw'), ('2', 'b')");
	sql_run(path, "UPDATE gateway SET name = 'new' WHERE name = 'gw'");
	assert_string_equal(sql_text(path,
				    "SELECT group_concat(prefix || gateway) FROM (SELECT prefix, gateway"
				    " FROM route ORDER BY prefix, gateway)"),
		"1new,2b,2new");
	assert_contains(sql_refused(path, "DELETE FROM gateway WHERE name = 'new'"),
		"gateway \"new\": 2 routes name it; delete them first");
	assert_contains(
		sql_refused(path, "DELETE FROM gateway WHERE name = 'b'"), "gateway \"b\": 1 route names it");
	sql_run(path, "DELETE FROM route WHERE gateway = 'new'; DELETE FROM gateway WHERE name = 'new'");
	assert_string_equal(sql_text(path, "SELECT group_concat(prefix || gateway) FROM route"), "2b");
	sql_run(path, "REPLACE INTO gateway (name, host) VALUES ('b', '127.0.0.3')");
	assert_string_equal(sql_text(path, "SELECT group_concat(prefix || gateway) FROM route"), "2b");
}

/* A row has the same number for life, and no other row has it, however rows get there. */
static void rows_have_ids_that_tell_them_apart(void **state)
{
	(void)state;
	static const char *const tables[][3] = {
		{"gateway", "", ""}, {"mapping_gateway", "", ""}, {"registration", ", user", ", 'u'"}};
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const char *table = tables[i][0], *more = tables[i][1], *value = tables[i][2];
		snprintf(sql, sizeof(sql),
			"DELETE FROM route; DELETE FROM %s; INSERT INTO %s (name, host%s) VALUES ('a', '10.0.0.1'%s);"
			"INSERT INTO %s (name, host, id%s) SELECT 'b', '10.0.0.2', id%s FROM %s;"
			"INSERT INTO %s (name, host, id%s) VALUES ('c', '10.0.0.3', 0%s), ('d', '10.0.0.4', 77%s)",
			table, table, more, value, table, more, value, table, table, more, value, value);
		sql_run(path, sql);
		snprintf(sql, sizeof(sql), "SELECT count(DISTINCT id) FROM %s WHERE id <> 0", table);
		assert_int_equal(sql_int(path, sql), 4);
		snprintf(sql, sizeof(sql), "UPDATE %s SET name = 'e' WHERE name = 'd'", table);
		sql_run(path, sql);
		snprintf(sql, sizeof(sql), "SELECT id FROM %s WHERE name = 'e'", table);
		assert_int_equal(sql_int(path, sql), 77);
		snprintf(sql, sizeof(sql), "UPDATE %s SET id = 78 WHERE name = 'e'", table);
		assert_contains(sql_refused(path, sql), "cannot be changed");
	}
}

static void a_refused_statement_leaves_nothing_even_inside_a_transaction(void **state)
{
	(void)state;
	static const char *const refused[] = {
		"INSERT OR IGNORE INTO gateway (name, host) VALUES ('n', '1.2.3')",
		"INSERT OR REPLACE INTO gateway (name, host, timeout_invite) VALUES ('n', '1.2.3.4', 500)",
		"UPDATE OR IGNORE gateway SET timeout_invite = CASE name WHEN 'gw' THEN 5 ELSE 500 END",
		"INSERT OR IGNORE INTO mapping_gateway (name, host) VALUES ('n', '1.2.3')",
		"INSERT OR IGNORE INTO route (prefix, gateway) SELECT prefix || 'x', CASE prefix WHEN '2' THEN 'nope'"
		" ELSE gateway END FROM route",
		"UPDATE OR IGNORE parameter SET value = CASE name WHEN 'SS_SIP_TIMEOUT_TRYING' THEN '0' ELSE '5' END"
		" WHERE name LIKE 'SS_SIP_TIMEOUT%'",
	};
	static const char *const dump =
		"SELECT (SELECT group_concat(name || host || ifnull(timeout_invite, '')) FROM gateway)"
		" || (SELECT group_concat(prefix || gateway) FROM route) || (SELECT count(*) FROM mapping_gateway)"
		" || (SELECT group_concat(value) FROM parameter)";
	sql_run(path,
		"INSERT INTO gateway (name, host) VALUES ('z', '127.0.0.2');"
		"INSERT INTO route (prefix, gateway) VALUES ('1', 'gw'), ('2', 'gw')");
	char *before = strdup(sql_text(path, dump));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		sqlite3 *handle = sql_connect(path, "BEGIN");
		if (sqlite3_exec(handle, refused[i], NULL, NULL, NULL) == SQLITE_OK)
			fail_msg("taken: %s", refused[i]);
		sqlite3_exec(handle, "COMMIT", NULL, NULL, NULL);
		sqlite3_close(handle);
		assert_string_equal(sql_text(path, dump), before);
	}
	free(before);
}

static void columns_of_trust_explain_themselves(void **state)
{
	(void)state;
#define PAIRS "01:23:45:67:89:ab:cd:ef:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:"
	static const struct refusal bad[] = {
		{"strict_source = 2", "strict_source is 1 (yes) or 0 (no)"},
		{"strict_source = NULL", "strict_source"},
		{"tls_verify = 'on'", "tls_verify is On or Off"},
		{"tls_verify = NULL", "tls_verify"},
		{"tls_fingerprint = ''", "tls_fingerprint is a SHA-256 of 64 hexadecimal digits"},
		{"tls_fingerprint = hex(zeroblob(20))", "tls_fingerprint is"},
		{"tls_fingerprint = replace(hex(zeroblob(32)), '0', 'g')", "tls_fingerprint is"},
		{"tls_fingerprint = '" PAIRS "e'", "tls_fingerprint is"},
		{"tls_fingerprint = '" PAIRS "efa'", "tls_fingerprint is"},
		{"tls_fingerprint = replace('" PAIRS "ef', '23:4', '2:34')", "tls_fingerprint is"},
		{"tls_fingerprint = replace('" PAIRS "ef', '23:45:', '2345::')", "tls_fingerprint is"},
		{"tls_certificate = ''", "tls_certificate is the name of a file in the folder of --tls-dir"},
		{"tls_certificate = '../agent.pem'", "tls_certificate is"},
		{"tls_certificate = '/etc/agent.pem'", "tls_certificate is"},
		{"tls_certificate = '..'", "tls_certificate is"},
		{"tls_certificate = 'a b'", "tls_certificate is"},
	};
	static const struct refusal bad_peer[] = {
		{"pass_headers = ''", "pass_headers: a name is missing"},
		{"pass_headers = 'X-A;X-B'", "pass_headers is a list of header names"},
		{"pass_headers = 'X-A\"'", "pass_headers is a list of header names"},
		{"pass_headers = 'X-A\\'", "pass_headers is a list of header names"},
		{"pass_headers = 'X-A' || char(10) || ' X-B'", "pass_headers is a list of header names"},
		{"pass_headers = 'X-A' || char(0) || ', X-B'", "pass_headers is a list of header names"},
		{"pass_headers = replace(hex(zeroblob(257)), '00', 'aa')", "pass_headers is a list"},
		{"pass_headers = 'X-A, Contact'", "pass_headers: \"Contact\" cannot be passed"},
		{"pass_headers = 'X-A,v'", "pass_headers: \"v\" is short for another name; write that one"},
		{"pass_headers = 'Proxy-Status'", "pass_headers: \"Proxy-Status\" cannot be passed"},
		{"pass_headers = 'max-breadth'", "pass_headers: \"max-breadth\" cannot be passed"},
		{"pass_headers = 'content-language'", "\"content-language\" cannot be passed"},
		{"pass_headers = 'X-A X-B'", "\"X-A X-B\" cannot be passed"},
		{"pass_headers = 'X-A,, X-B'", "pass_headers: a name is missing"},
		{"pass_headers = 'X-A,'", "pass_headers: a name is missing"},
		{"nat = 'auto'", "nat is On, Off or Auto"},
		{"nat = NULL", "nat"},
	};
	static const char *const good_peer[] = {"pass_headers = 'X-Account'",
		"pass_headers = 'X-A, x-b,P-Charging-Vector'", "pass_headers = NULL", "nat = 'On'",
		"nat = 'Off'", "nat = 'Auto'"};
	static const char *const good[] = {"strict_source = 1", "tls_verify = 'Off'",
		"tls_fingerprint = hex(zeroblob(32))",
		"tls_fingerprint = '" PAIRS "ef'", /* NOLINT(bugprone-suspicious-missing-comma) */

		"tls_fingerprint = NULL", "tls_certificate = 'carrier-a.pem'", "tls_certificate = NULL"};
	static const struct refusal bad_gateway[] = {{"publish = 2", "publish is 1 (yes) or 0 (no)"}};
	static const struct refusal bad_customer[] = {{"tls_name = ''", "tls_name is a domain name, or NULL"},
		{"tls_name = '*.example.com'", "tls_name is"}};
	static const struct refusal bad_account[] = {
		{"inbound_from = 'Any'", "inbound_from is registrar or any"}};
	static const char *const tables[] = {"gateway", "mapping_gateway", "registration"};
	sql_run(path,
		"INSERT INTO mapping_gateway (name, host) VALUES ('m', '127.0.0.1');"
		"INSERT INTO registration (name, host, user) VALUES ('r', '127.0.0.1', 'u')");
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		sql_refusals(path, tables[t], bad, sizeof(bad) / sizeof(bad[0]));
		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
			snprintf(sql, sizeof(sql), "UPDATE %s SET %s", tables[t], good[i]);
			sql_run(path, sql);
		}
	}
	for (size_t t = 0; t < 2; t++) {
		sql_refusals(path, tables[t], bad_peer, sizeof(bad_peer) / sizeof(bad_peer[0]));
		for (size_t i = 0; i < sizeof(good_peer) / sizeof(good_peer[0]); i++) {
			snprintf(sql, sizeof(sql), "UPDATE %s SET %s", tables[t], good_peer[i]);
			sql_run(path, sql);
		}
	}
	sql_refusals(path, "gateway", bad_gateway, 1);
	sql_refusals(path, "mapping_gateway", bad_customer, 2);
	sql_refusals(path, "registration", bad_account, 1);
	sql_run(path,
		"UPDATE gateway SET publish = 1; UPDATE mapping_gateway SET tls_name = 'pbx.example.com';"
		"UPDATE registration SET inbound_from = 'any'");
	db_config_free(loaded());
}

/* All that an operator can write, and what makes it right. */
static void rows_that_could_not_be_used_are_refused_unless_disabled(void **state)
{
	(void)state;
	static const struct {
		const char *table, *columns, *values, *says;
	} bad[] = {
		{"gateway", "host", "'a..b'", "gateway x: host: \"a..b\" has an empty label"},
		{"gateway", "host", "'1::2::3'", "gateway x: host: \"1::2::3\" is not an IPv6 address"},
		{"gateway", "host", "'a' || char(0) || 'b'", "gateway x: a NUL in its texts"},
		{"gateway", "host, auth_password", "'a', 'p' || char(0)", "gateway x: a NUL in its texts"},
		{"mapping_gateway", "host", "'10.0.0.5/24'",
			"mapping_gateway x: host: \"10.0.0.5/24\" has host bits set"},
		{"mapping_gateway", "host", "'2001:db8::1/64'", "\"2001:db8::1/64\" has host bits set"},
		{"mapping_gateway", "host", "'::ffff:10.0.0.1/120'", "has host bits set"},
		{"mapping_gateway", "host", "'1:2:3/16'", "\"1:2:3/16\" is not an IPv6 address"},
		{"mapping_gateway", "host", "'12345::'", "is not an IPv6 address"},
		{"mapping_gateway", "host", "':::/0'", "is not an IPv6 address"},
		{"mapping_gateway", "host", "'10.0.0.0/08'", "has leading zeros in its length"},
		{"mapping_gateway", "host", "'192.0.2.1/32'", "mapping_gateway first has the same source"},
		{"mapping_gateway", "host", "'2001:DB8::1'", "mapping_gateway second has the same source"},
		{"registration", "host, user", "'a..', 'u'",
			"registration x: host: \"a..\" has an empty label"},
		{"registration", "host, user, proxy", "'a', 'u', '[1:2:3]:5060'",
			"registration x: proxy: \"[1:2:3]:5060\" is not an IPv6 address"},
		{"registration", "host, user, realm", "'a', 'u', 'b..c'",
			"realm: \"b..c\" has an empty label"},
	};
	sql_run(path,
		"INSERT INTO mapping_gateway (name, host) VALUES ('first', '192.0.2.1'), ('second', '2001:db8::1/128');"
		"INSERT INTO mapping_gateway (name, host, port) VALUES ('third', '192.0.2.1', 5060)");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO %s (name, %s) VALUES ('x', %s)", bad[i].table,
			bad[i].columns, bad[i].values);
		assert_contains(sql_refused(path, sql), bad[i].says);
		snprintf(sql, sizeof(sql), "INSERT INTO %s (name, enabled, %s) VALUES ('x', 0, %s)",
			bad[i].table, bad[i].columns, bad[i].values);
		sql_run(path, sql);
		db_config_free(loaded());
		snprintf(sql, sizeof(sql), "UPDATE %s SET enabled = 1 WHERE name = 'x'", bad[i].table);
		assert_contains(sql_refused(path, sql), bad[i].says);
		snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE name = 'x'", bad[i].table);
		sql_run(path, sql);
	}
	assert_contains(sql_refused(path, "INSERT INTO gateway (name, host) VALUES ('x' || char(0), 'a')"),
		"gateway x: a NUL in its texts");
	assert_contains(
		sql_refused(path, "INSERT INTO route (prefix, gateway) VALUES ('1' || char(0), 'gw')"),
		"prefix or gateway of a route contains NUL");
	assert_int_equal(sql_int(path, "SELECT count(*) FROM unusable"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_parameter_takes_its_range),
		TEST(each_parameter_refuses_the_rest_and_says_why),
		TEST(the_cases_above_are_all_the_parameters),
		TEST(defaults_are_those_of_the_text),
		TEST(numbers_need_no_quotes_and_nothing_but_text_and_numbers_is_taken),
		TEST(only_the_value_of_a_parameter_changes),
		TEST(gateway_overrides_have_the_range_of_their_parameter),
		TEST(gateway_columns_explain_themselves),
		TEST(mapping_gateway_columns_explain_themselves),
		TEST(route_columns_explain_themselves),
		TEST(columns_of_trust_explain_themselves),
		TEST(routes_follow_their_gateway),
		TEST(rows_have_ids_that_tell_them_apart),
		TEST(rows_that_could_not_be_used_are_refused_unless_disabled),
		TEST(a_refused_statement_leaves_nothing_even_inside_a_transaction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
