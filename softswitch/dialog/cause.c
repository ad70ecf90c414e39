#include "cause.h"

#include "headers.h"
#include "resolver_error.h"
#include "tls_error.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	int sip_code;
	const char *words;
} causes[] = {
	[CAUSE_NORMAL] = {0, "normal clearing"},
	[CAUSE_CALLER_CANCEL] = {487, "cancelled by caller"},
	[CAUSE_NO_ROUTE] = {404, "no route"},
	[CAUSE_NO_GATEWAY] = {503, "no gateway available"},
	[CAUSE_NOT_REGISTERED] = {480, "endpoint not registered"},
	[CAUSE_INGRESS_FULL] = {503, "ingress full"},
	[CAUSE_TIMEOUT] = {408, "gateway timeout"},
	[CAUSE_TRANSPORT] = {503, "gateway unreachable"},
	[CAUSE_GATEWAY_CODE] = {0, "refused by gateway"},
	[CAUSE_CALLER_NO_ACK] = {408, "no ACK received: caller"},
	[CAUSE_GATEWAY_NO_ACK] = {408, "no ACK received: gateway"},
	[CAUSE_NO_PRACK] = {504, "no PRACK received"},
	[CAUSE_GATEWAY_LEFT] = {480, "gateway hung up before the caller was answered"},
	[CAUSE_CALLER_GONE] = {481, "caller no longer knows the call"},
	[CAUSE_GATEWAY_GONE] = {481, "gateway no longer knows the call"},
	[CAUSE_CALLER_REFRESH_FAILED] = {408, "session refresh failed: caller"},
	[CAUSE_GATEWAY_REFRESH_FAILED] = {408, "session refresh failed: gateway"},
	[CAUSE_CALLER_EXPIRED] = {408, "session timer expired: caller"},
	[CAUSE_GATEWAY_EXPIRED] = {408, "session timer expired: gateway"},
	[CAUSE_EARLY_HANGUP] = {408, "not answered in time"},
	[CAUSE_INVITE_EXPIRED] = {487, "invitation expired"},
	[CAUSE_MAX_DURATION] = {408, "maximum call duration reached"},
	[CAUSE_TOO_LARGE] = {513, "message too large"},
	[CAUSE_SHUTDOWN] = {503, "switch stopped"},
	[CAUSE_RESTART] = {503, "switch restarted"},
	[CAUSE_INTERNAL] = {500, "internal error"},
};

int cause_sip_code(enum cause cause)
{
	return causes[cause].sip_code;
}

const char *cause_words(enum cause cause)
{
	return causes[cause].words;
}

const char *cause_error_words(int error)
{
	switch (error) {
	case -ETIMEDOUT:
		return "timeout";
	case -ENOENT:
		return "name not found";
	case -EAGAIN:
		return "set aside by Retry-After";
	case -EPROTONOSUPPORT:
	case -EADDRNOTAVAIL:
		return "no listener leads there";
	default:
		return tls_error_words(error)         ? tls_error_words(error)
			: resolver_error_words(error) ? resolver_error_words(error)
						      : strerror(-error);
	}
}

static bool is_required(const sip_require_t *required, const sip_unsupported_t *unsupported)
{
	for (unsigned i = 0; unsupported && unsupported->k_items && unsupported->k_items[i]; i++)
		if (sip_has_feature(required, unsupported->k_items[i]))
			return true;
	return false;
}

int cause_of_refusal(const sip_t *refusal, const sip_require_t *required)
{
	int code = refusal->sip_status->st_status;

	switch (code) {
	case 401:
	case 407:
	case 416:
	case 421:
	case 422:
		return 503;
	case 420:
		return is_required(required, refusal->sip_unsupported) ? code : 503;
	default:
		return code < 400 ? 480 : headers_suffice(refusal) ? code : 503;
	}
}

/** Q.850 cause of a SIP code (RFC 3398 section 7.2.4.1, RFC 6432). */
static int q850(int sip_code)
{
	static const struct {
		int sip_code, cause;
	} map[] = {{200, 16}, {400, 41}, {401, 21}, {402, 21}, {403, 21}, {404, 1}, {405, 63}, {406, 79},
		{407, 21}, {408, 102}, {410, 22}, {413, 127}, {414, 127}, {415, 79}, {416, 127}, {420, 127},
		{421, 127}, {423, 127}, {480, 18}, {481, 41}, {482, 25}, {483, 25}, {484, 28}, {485, 1},
		{486, 17}, {487, 16}, {488, 88}, {500, 41}, {501, 79}, {502, 38}, {503, 41}, {504, 102},
		{505, 127}, {513, 127}, {600, 17}, {603, 21}, {604, 1}, {606, 88}};

	for (unsigned i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].sip_code == sip_code)
			return map[i].cause;
	return 31; /* normal, unspecified */
}

void cause_reason_header(char *out, size_t size, int sip_code, const char *words)
{
	struct text t = {.data = out, .size = size};

	text_add(&t, "Reason: Q.850;cause=");
	text_add_number(&t, (unsigned)q850(sip_code));
	text_add_all(&t, ";text=\"", words, "\"\r\n", NULL);
	text_end(&t);
}

void cause_own_reason_header(char *out, size_t size, enum cause cause)
{
	cause_reason_header(out, size, cause_sip_code(cause), cause_words(cause));
}

/** Does the call merely end, by what this value says? */
static bool is_normal(const sip_reason_t *r)
{
	bool sip = r->re_protocol && !strcasecmp(r->re_protocol, "SIP");
	unsigned long cause = r->re_cause ? strtoul(r->re_cause, NULL, 10) : 0;

	if (!cause)
		return !r->re_text;
	return sip ? cause < 400 : cause == 16 || cause == 31;
}

/** A quoted string as it was meant, on one line. */
static void unquote(const char *quoted, char *out, size_t size)
{
	size_t n = 0;

	for (const char *at = quoted; *at && n + 1 < size; at++) {
		if (*at == '\\' && at[1])
			at++;
		else if (*at == '"')
			continue;
		out[n++] = (unsigned char)*at < ' ' ? ' ' : *at;
	}
	out[n] = '\0';
}

bool cause_read_reason(const sip_reason_t *reason, char *out, size_t size)
{
	while (reason && is_normal(reason))
		reason = reason->re_next;
	if (!reason)
		return false;
	if (reason->re_text)
		unquote(reason->re_text, out, size);
	else
		snprintf(out, size, "%s %.20s", reason->re_protocol, reason->re_cause);
	return out[0];
}
