#include "db_parameter.h"
#include "db_parameter_load.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The table has checked every value already: what does not parse here is a damaged file. */
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

static int parse_retries(void *out, const char *text)
{
	return parse_number(out, text, INTERVALS_MAX);
}

static int parse_timeout(void *out, const char *text)
{
	unsigned seconds;
	int err = parse_number(&seconds, text, 600);
	if (!err)
		*(uint32_t *)out = seconds * 1000;
	return err;
}

static int parse_switch(void *out, const char *text)
{
	bool on = strcmp(text, "On") == 0;
	if (!on && strcmp(text, "Off") != 0)
		return -EINVAL;
	*(bool *)out = on;
	return 0;
}

static int parse_limit(void *out, const char *text)
{
	if (strcmp(text, "None") == 0) {
		*(unsigned *)out = 0;
		return 0;
	}
	return parse_number(out, text, 100);
}

static int parse_resend(void *out, const char *text)
{
	return intervals_parse(out, text);
}

static int parse_stop_codes(void *out, const char *text)
{
	return stop_codes_parse(out, text);
}

int stop_codes_parse(struct stop_codes *out, const char *text)
{
	struct stop_codes codes = {0};
	const char *at = text;
	if (strcmp(text, "None") == 0) {
		*out = codes;
		return 0;
	}
	for (;; at++) {
		char *end;
		unsigned long code = strtoul(at, &end, 10);
		if (end != at + 3 || code < 400 || code > 699 || codes.n == PARAMETER_STOP_CODES_MAX)
			return -EINVAL;
		codes.code[codes.n++] = (uint16_t)code;
		at = end;
		if (*at == '\0')
			break;
		if (*at != ',')
			return -EINVAL;
	}
	*out = codes;
	return 0;
}

struct target {
	struct parameters parameters;
	unsigned retries;
};

static const struct setting {
	const char *name;
	int (*parse)(void *out, const char *text);
	size_t offset; /* in struct target */
} settings[] = {
#define FIELD(member) offsetof(struct target, parameters.member)
	{"SS_SIP_RESEND_INTERVAL", parse_resend, FIELD(resend)},
	{"SS_SIP_SEND_RETRY", parse_retries, offsetof(struct target, retries)},
	{"SS_SIP_TIMEOUT_INVITE", parse_timeout, FIELD(timeout_invite_ms)},
	{"SS_SIP_TIMEOUT_TRYING", parse_timeout, FIELD(timeout_trying_ms)},
	{"SS_SIP_TIMEOUT_SESSION_PROGRESS", parse_timeout, FIELD(timeout_session_progress_ms)},
	{"SS_SIP_TIMEOUT_SESSION_PROGRESS_SDP", parse_timeout, FIELD(timeout_session_progress_sdp_ms)},
	{"SS_SIP_TIMEOUT_RINGING", parse_timeout, FIELD(timeout_ringing_ms)},
	{"SS_SIP_USER_AGENT_STOP_SWITCH_AFTER_INVITE_TIMEOUT", parse_switch,
		FIELD(stop_switch_after_invite_timeout)},
	{"SS_SIP_STOP_SWITCH_AFTER_SDP", parse_switch, FIELD(stop_switch_after_sdp)},
	{"SS_GATEWAY_SWITCH_LIMIT", parse_limit, FIELD(switch_limit)},
	{"SS_GATEWAY_SWITCH_UNTIL_CONNECT", parse_switch, FIELD(switch_until_connect)},
	{"SS_GATEWAY_SWITCH_STOP_AFTER_USER_BUSY", parse_switch, FIELD(switch_stop_after_user_busy)},
	{"SS_GATEWAY_SWITCH_STOP_CODES", parse_stop_codes, FIELD(switch_stop_codes)},
	{"SS_REPLY_UNAUTHORIZED", parse_switch, FIELD(reply_unauthorized)},
#undef FIELD
};
enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

static int take_row(struct target *target, bool seen[SETTINGS], const char *name, const char *value)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		if (strcmp(settings[i].name, name) == 0) {
			seen[i] = true;
			return settings[i].parse((char *)target + settings[i].offset, value);
		}
	}
	return 0; /* a later program's parameter, in a file that was not refused */
}

int db_parameter_load(sqlite3_stmt *rows, struct parameters *out, unsigned *retries)
{
	struct target target = {0};
	bool seen[SETTINGS] = {false};
	int result, err = 0;
	while (!err && (result = sqlite3_step(rows)) == SQLITE_ROW)
		err = take_row(&target, seen, (const char *)sqlite3_column_text(rows, 0),
			(const char *)sqlite3_column_text(rows, 1));
	if (!err)
		err = db_errno(result);
	for (size_t i = 0; !err && i < SETTINGS; i++)
		err = seen[i] ? 0 : -EIO;
	if (err)
		return err == -EBUSY || err == -ENOMEM ? err : -EIO;
	intervals_limit(&target.parameters.resend, target.retries);
	*out = target.parameters;
	*retries = target.retries;
	return 0;
}
