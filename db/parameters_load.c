#include "parameters_load.h"

#include "parameter_parse.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The table has already checked every value: one that does not parse means a damaged file. */
static int parse_number(unsigned *out, const char *text, unsigned max)
{
	char *end;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	unsigned long value = strtoul(text, &end, 10);
	if (*end || value > max)
		return -EINVAL;
	*out = (unsigned)value;
	return 0;
}

/* `None` and `Auto` are 0. */
static int parse_count(void *out, const char *text, unsigned max)
{
	if (strcmp(text, "None") == 0 || strcmp(text, "Auto") == 0) {
		*(unsigned *)out = 0;
		return 0;
	}
	return parse_number(out, text, max);
}

static int parse_seconds(void *out, const char *text, unsigned max)
{
	unsigned seconds;
	int err = parse_number(&seconds, text, max);
	if (!err)
		*(uint32_t *)out = seconds * 1000;
	return err;
}

/* Seconds with decimals: a schedule of one wait. */
static int parse_decimal(void *out, const char *text, unsigned max)
{
	struct resend_schedule one;
	if (resend_schedule_parse(&one, text) || one.n != 1 || one.wait_ms[0] > max * 1000)
		return -EINVAL;
	*(uint32_t *)out = one.wait_ms[0];
	return 0;
}

static int parse_switch(void *out, const char *text, unsigned max)
{
	bool on = strcmp(text, "On") == 0;
	(void)max;
	if (!on && strcmp(text, "Off") != 0)
		return -EINVAL;
	*(bool *)out = on;
	return 0;
}

static int parse_resend(void *out, const char *text, unsigned max)
{
	(void)max;
	return resend_schedule_parse(out, text);
}

static int parse_stop_codes(void *out, const char *text, unsigned max)
{
	(void)max;
	return parameter_parse_codes(out, text, 400);
}

static int parse_breaker_on(void *out, const char *text, unsigned max)
{
	(void)max;
	return parameter_parse_breaker_on(out, text);
}

static int parse_100rel(void *out, const char *text, unsigned max)
{
	(void)max;
	return parameter_parse_100rel(out, text);
}

static int parse_privacy(void *out, const char *text, unsigned max)
{
	(void)max;
	return parameter_parse_privacy(out, text);
}

/* @param max  size of the member */
static int parse_text(void *out, const char *text, unsigned max)
{
	const size_t size = strlen(text) + 1;

	if (size > max)
		return -EINVAL;
	memcpy(out, text, size);
	return 0;
}

struct target {
	struct parameters parameters;
	unsigned retries;
};

static const struct setting {
	const char *name;
	int (*parse)(void *out, const char *text, unsigned max);
	size_t offset; /* in struct target */
	unsigned max;  /* of a number, size of a text; everything else the table has checked */
} settings[] = {
#define FIELD(member) offsetof(struct target, parameters.member)
	{"SS_SIP_RESEND_INTERVAL", parse_resend, FIELD(resend), 0},
	{"SS_SIP_SEND_RETRY", parse_count, offsetof(struct target, retries), RESEND_SCHEDULE_MAX},
	{"SS_SIP_TIMEOUT_INVITE", parse_seconds, FIELD(timeout_invite_ms), 600},
	{"SS_SIP_TIMEOUT_TRYING", parse_seconds, FIELD(timeout_trying_ms), 600},
	{"SS_SIP_TIMEOUT_SESSION_PROGRESS", parse_seconds, FIELD(timeout_session_progress_ms), 600},
	{"SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP", parse_seconds, FIELD(timeout_session_progress_sdp_ms), 600},
	{"SS_SIP_TIMEOUT_RINGING", parse_seconds, FIELD(timeout_ringing_ms), 600},
	{"SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT", parse_switch,
		FIELD(stop_switch_after_invite_timeout), 0},
	{"SS_SIP_STOP_SWITCH_AFTER_SDP", parse_switch, FIELD(stop_switch_after_sdp), 0},
	{"SS_GATEWAY_SWITCH_LIMIT", parse_count, FIELD(switch_limit), 100},
	{"SS_GATEWAY_SWITCH_UNTIL_CONNECT", parse_switch, FIELD(switch_until_connect), 0},
	{"SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY", parse_switch, FIELD(switch_stop_after_user_busy), 0},
	{"SS_GATEWAY_SWITCH_STOP_CODES", parse_stop_codes, FIELD(switch_stop_codes), 0},
	{"SS_REPLY_UNAUTHORIZED", parse_switch, FIELD(reply_unauthorized), 0},
	{"SS_CALL_RECOVERY", parse_switch, FIELD(call_recovery), 0},
	{"SS_SIP_SESSION_TIMER", parse_switch, FIELD(session_timer), 0},
	{"SS_SIP_SESSION_TTL", parse_count, FIELD(session_ttl_s), 86400},
	{"SS_SIP_SESSION_UPDATE_SEGMENT", parse_count, FIELD(session_update_segment), 10},
	{"SS_SIP_SESSION_TIMEOUT_EARLY_HANGUP", parse_seconds, FIELD(early_hangup_ms), 600},
	{"SS_SIP_NO_TIMER_REINVITE_INTERVAL", parse_seconds, FIELD(no_timer_reinvite_ms), 86400},
	{"SS_MAXCALLDURATION", parse_seconds, FIELD(max_call_duration_ms), 86400},
	{"SS_SIP_100REL", parse_100rel, FIELD(sip_100rel), 0},
	{"SS_SIP_USER_AGENT_EXPIRE", parse_count, FIELD(user_agent_expire_s), 7200},
	{"SS_SIP_USER_AGENT_RETRY_DELAY", parse_seconds, FIELD(user_agent_retry_delay_ms), 600},
	{"SS_SIP_USER_AGENT_SEND_UNREGISTER", parse_switch, FIELD(user_agent_send_unregister), 0},
	{"SS_SIP_USER_AGENT_PRIVACY", parse_privacy, FIELD(user_agent_privacy), PARAMETER_PRIVACY_NONE},
	{"SS_SIP_OPTIONS_CHECK_PERIOD", parse_seconds, FIELD(options_check_period_ms), 3600},
	{"SS_SIP_OPTIONS_TIMEOUT", parse_decimal, FIELD(options_timeout_ms), 32},
	{"SS_SIP_OPTIONS_DOWN", parse_count, FIELD(options_down), 10},
	{"SS_SIP_OPTIONS_UP", parse_count, FIELD(options_up), 10},
	{"SS_SIP_PUBLISH_EXPIRE", parse_count, FIELD(publish_expire_s), 7200},
	{"SS_GATEWAY_BREAKER_FAILURES", parse_count, FIELD(breaker_failures), 100},
	{"SS_GATEWAY_BREAKER_WINDOW", parse_count, FIELD(breaker_window), 64},
	{"SS_GATEWAY_BREAKER_RATE", parse_count, FIELD(breaker_rate), 100},
	{"SS_GATEWAY_BREAKER_TIME", parse_seconds, FIELD(breaker_time_ms), 3600},
	{"SS_GATEWAY_BREAKER_SUCCESSES", parse_count, FIELD(breaker_successes), 10},
	{"SS_GATEWAY_BREAKER_RAMP", parse_seconds, FIELD(breaker_ramp_ms), 600},
	{"SS_GATEWAY_BREAKER_ON", parse_breaker_on, FIELD(breaker_on), 0},
	{"SS_SIP_STREAM_TIMEOUT", parse_seconds, FIELD(stream_timeout_ms), 300},
	{"SS_SIP_STREAM_LIMIT", parse_count, FIELD(stream_limit), 65535},
	{"SS_SIP_STREAM_LIMIT_SOURCE", parse_count, FIELD(stream_limit_source), 65535},
	{"SS_ENDPOINT_EXPIRE", parse_count, FIELD(endpoint_expire_s), 86400},
	{"SS_ENDPOINT_NAT_EXPIRE", parse_count, FIELD(endpoint_nat_expire_s), 3600},
	{"SS_ENDPOINT_REGISTER_RETRY", parse_count, FIELD(endpoint_register_retry), 999},
	{"SS_ENDPOINT_REGISTER_SUSPEND", parse_seconds, FIELD(endpoint_register_suspend_ms), 3600},
	{"SS_ENDPOINT_REGISTER_REPLACE", parse_switch, FIELD(endpoint_register_replace), 0},
	{"SS_ENDPOINT_FIRST", parse_switch, FIELD(endpoint_first), 0},
	{"SS_SIP_AUTHENTICATION_CODE", parse_count, FIELD(authentication_code), 407},
	{"SS_SIP_AUTHENTICATION_RETRY", parse_count, FIELD(authentication_retry), 10},
	{"SS_SIP_AUTHENTICATION_TIMEOUT", parse_seconds, FIELD(authentication_timeout_ms), 60},
	{"SS_SIP_AUTHENTICATION_REALM", parse_text, FIELD(authentication_realm), PARAMETER_TEXT_SIZE},
	{"SS_SIP_NAT_KEEP_ALIVE_MESSAGE", parse_text, FIELD(nat_keep_alive_message), PARAMETER_TEXT_SIZE},
	{"SS_SIP_NAT_KEEP_ALIVE_PERIOD", parse_seconds, FIELD(nat_keep_alive_period_ms), 300},
	{"SS_SIP_NAT_KEEP_ALIVE_SEND_INTERVAL", parse_count, FIELD(nat_keep_alive_send_interval_ms), 5000},
	{"SS_SIP_NAT_KEEP_ALIVE_SEND_ONE_TIME", parse_count, FIELD(nat_keep_alive_send_one_time), 10000},
#undef FIELD
};
enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

static int take_row(struct target *target, bool seen[SETTINGS], const char *name, const char *value)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		if (strcmp(settings[i].name, name) == 0) {
			seen[i] = true;
			return settings[i].parse((char *)target + settings[i].offset, value, settings[i].max);
		}
	}
	return 0; /* a parameter of a later program, in a file that was accepted all the same */
}

int parameters_load(sqlite3_stmt *rows, struct parameters *out, unsigned *retries)
{
	struct target target = {0};
	bool seen[SETTINGS] = {false};
	int result, err = 0;
	while (!err && (result = sqlite3_step(rows)) == SQLITE_ROW)
		err = take_row(&target, seen, (const char *)sqlite3_column_text(rows, 0),
			(const char *)sqlite3_column_text(rows, 1));
	if (!err)
		err = db_sqlite_errno(result);
	for (size_t i = 0; !err && i < SETTINGS; i++)
		err = seen[i] ? 0 : -EIO;
	if (err)
		return err == -EBUSY || err == -ENOMEM || err == -EUCLEAN ? err : -EIO;
	resend_schedule_limit(&target.parameters.resend, target.retries);
	*out = target.parameters;
	*retries = target.retries;
	return 0;
}
