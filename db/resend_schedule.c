#include "resend_schedule.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum {
	WAIT_MAX_MS = 600 * 1000, /* as the range of SS_SIP_RESEND_INTERVAL */
	T1_MIN_MS = 500,
};

/* Digits without leading zeros, up to three decimals. @return what follows; NULL: malformed */
static const char *parse_seconds(const char *text, uint32_t *ms)
{
	uint32_t value = 0;
	const char *at = text;
	for (; *at >= '0' && *at <= '9' && value <= WAIT_MAX_MS; at++)
		value = value * 10 + (uint32_t)(*at - '0');
	if (at == text || value > WAIT_MAX_MS / 1000 || (*text == '0' && at != text + 1))
		return NULL;
	value *= 1000;
	if (*at == '.') {
		const char *point = at++;
		for (uint32_t unit = 100; *at >= '0' && *at <= '9'; at++, unit /= 10) {
			if (unit == 0)
				return NULL;
			value += (uint32_t)(*at - '0') * unit;
		}
		if (at == point + 1)
			return NULL;
	}
	*ms = value;
	return value > 0 && value <= WAIT_MAX_MS ? at : NULL;
}

int resend_schedule_parse(struct resend_schedule *out, const char *text)
{
	struct resend_schedule iv = {0};
	if (strcmp(text, "auto") == 0) {
		*out = resend_schedule_auto(0);
		return 0;
	}
	for (;; text++) {
		if (iv.n == RESEND_SCHEDULE_MAX)
			return -EINVAL;
		text = parse_seconds(text, &iv.wait_ms[iv.n]);
		if (!text)
			return -EINVAL;
		iv.n++;
		if (*text == '\0')
			break;
		if (*text != ',')
			return -EINVAL;
	}
	*out = iv;
	return 0;
}

struct resend_schedule resend_schedule_auto(uint32_t rtt_ms)
{
	struct resend_schedule iv = {.n = RESEND_SCHEDULE_MAX, .automatic = true};
	uint32_t t1 = rtt_ms < WAIT_MAX_MS / 16 ? 2 * rtt_ms : WAIT_MAX_MS / 8;
	if (t1 < T1_MIN_MS)
		t1 = T1_MIN_MS;
	for (unsigned i = 0; i < iv.n; i++)
		iv.wait_ms[i] = t1 << (i < 3 ? i : 3);
	return iv;
}

void resend_schedule_limit(struct resend_schedule *iv, unsigned retries)
{
	if (iv->n > retries)
		iv->n = retries;
}
