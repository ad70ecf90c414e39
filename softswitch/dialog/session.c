#include "session.h"

#include "headers.h"
#include "message.h"
#include "sdp_origin.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/** Longer intervals are cut to this, and a Min-SE above it counts for nothing. */
enum { INTERVAL_MAX_S = 86400 };

const char session_min_se[] = "Min-SE: 90\r\n";

static void session_description_clear(struct session_description *d)
{
	free(d->type);
	free(d->data);
	*d = (struct session_description){0};
}

void session_clear(struct session *s)
{
	session_description_clear(&s->theirs);
}

void session_fork(struct session *s, const struct session *of)
{
	*s = (struct session){.timer = of->timer,
		.rel100 = of->rel100,
		.update = of->update,
		.identity = of->identity,
		.min_se_s = of->min_se_s};
}

void session_take(struct session *s, struct session *from)
{
	session_description_clear(&s->theirs);
	s->theirs = from->theirs;
	from->theirs = (struct session_description){0};
	if (from->update != SESSION_UPDATE_UNKNOWN)
		s->update = from->update;
	s->identity = from->identity ? from->identity : s->identity;
}

/* The description --------------------------------------------------------------------------- */

int session_describe(struct session *s, const sip_t *sip)
{
	struct text t = text_scratch();
	struct message_body body = message_body(sip);
	struct sdp_span sdp;
	struct session_description d;

	if (!message_find_sdp(sip, &sdp))
		return 0;
	message_header(&t, (const sip_header_t *)sip->sip_content_type);
	d = (struct session_description){.type = text_copy(&t), .data = malloc(body.len), .len = body.len};
	if (!d.type || !d.data) {
		session_description_clear(&d);
		return -ENOMEM;
	}
	memcpy(d.data, body.data, body.len);
	d.sdp = (struct sdp_span){.data = d.data + (sdp.data - body.data), .len = sdp.len};
	session_description_clear(&s->theirs);
	s->theirs = d;
	return 0;
}

bool session_is_unchanged(const struct session *s, const sip_t *sip)
{
	struct message_body body = message_body(sip);

	return s->theirs.len && body.len == s->theirs.len && !memcmp(body.data, s->theirs.data, body.len);
}

bool session_is_same(const struct session *s, const sip_t *sip)
{
	struct sdp_span sdp;

	return !message_find_sdp(sip, &sdp) || (s->theirs.len && sdp_origin_same(&s->theirs.sdp, &sdp));
}

void session_learn(struct session *s, const sip_t *sip)
{
	if (sip->sip_allow)
		s->update = sip_is_allowed(sip->sip_allow, SIP_METHOD_UPDATE) ? SESSION_UPDATE_TAKEN
									      : SESSION_UPDATE_REFUSED;
}

void session_identify(struct session *s, const sip_t *sip)
{
	uint64_t identity = headers_identity(sip);

	s->identity = identity ? identity : s->identity;
}

bool session_names_another(const struct session *s, const sip_t *sip)
{
	uint64_t identity = headers_identity(sip);

	return identity && identity != s->identity;
}

const char *session_allow(const struct session *s)
{
	return s && s->update == SESSION_UPDATE_TAKEN ? headers_allow : headers_allow_no_update;
}

/* The timer --------------------------------------------------------------------------------- */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t seconds(unsigned long delta)
{
	return delta < INTERVAL_MAX_S ? (uint32_t)delta : INTERVAL_MAX_S;
}

/** @return 0 without a Min-SE that we go by */
static uint32_t min_se(const sip_t *sip)
{
	unsigned long delta = sip->sip_min_se ? sip->sip_min_se->min_delta : 0;

	return delta <= INTERVAL_MAX_S ? (uint32_t)delta : 0;
}

static bool knows_timers(const sip_t *sip)
{
	return sip_has_feature(sip->sip_supported, "timer") || sip_has_feature(sip->sip_require, "timer");
}

bool session_is_too_short(const struct session *s, const sip_t *request)
{
	const sip_session_expires_t *asked = request->sip_session_expires;

	return s->timer && asked && asked->x_delta < SESSION_MIN_SE_S && knows_timers(request);
}

/** At most what was asked for, otherwise at least the larger Min-SE of both sides. */
static uint32_t choose_interval(const sip_t *request, const struct parameters *p)
{
	uint32_t wanted = larger(p->session_ttl_s, larger(SESSION_MIN_SE_S, min_se(request)));

	if (!request->sip_session_expires)
		return wanted;
	uint32_t asked = larger(seconds(request->sip_session_expires->x_delta), 1);
	return asked < wanted ? asked : wanted;
}

void session_accept(struct session *s, const sip_t *request, const struct parameters *p, struct text *t)
{
	const sip_session_expires_t *asked = request->sip_session_expires;
	bool knows = knows_timers(request);

	s->interval_s = 0;
	s->refresher = SESSION_NOBODY;
	if (!s->timer)
		return;
	text_add(t, "Supported: timer\r\n");
	if (!knows && !asked)
		return;
	s->interval_s = choose_interval(request, p);
	s->refresher = knows && asked && asked->x_refresher && !strcasecmp(asked->x_refresher, "uac")
		? SESSION_PEER
		: SESSION_US;
	text_add(t, knows ? "Require: timer\r\nSession-Expires: " : "Session-Expires: ");
	text_add_number(t, s->interval_s);
	text_add_all(t, ";refresher=", s->refresher == SESSION_PEER ? "uac" : "uas", "\r\n", NULL);
}

void session_propose(const struct session *s, const struct parameters *p, bool rel100, struct text *t)
{
	static const char *const role[] = {"", ";refresher=uac", ";refresher=uas"};

	if (s->timer)
		text_add(t, rel100 ? "Supported: timer, 100rel\r\n" : "Supported: timer\r\n");
	else if (rel100)
		text_add(t, "Supported: 100rel\r\n");
	if (!s->timer)
		return;
	text_add(t, "Session-Expires: ");
	text_add_number(t,
		larger(s->interval_s ? s->interval_s : p->session_ttl_s,
			larger(s->min_se_s, SESSION_MIN_SE_S)));
	text_add_all(t, role[s->refresher], "\r\n", NULL);
	if (!s->min_se_s)
		return;
	text_add(t, "Min-SE: ");
	text_add_number(t, s->min_se_s);
	text_add(t, "\r\n");
}

void session_granted(struct session *s, const sip_t *response)
{
	const sip_session_expires_t *granted = response->sip_session_expires;

	s->interval_s = 0;
	s->refresher = SESSION_NOBODY;
	if (!s->timer || !granted)
		return;
	s->interval_s = larger(seconds(granted->x_delta), 1);
	s->refresher =
		granted->x_refresher && !strcasecmp(granted->x_refresher, "uas") ? SESSION_PEER : SESSION_US;
}

/* In ms, rounded up. Peers end the session so long before it expires when the refresh is theirs (RFC 4028 section 10) ... */
static uint64_t guard_ms(uint64_t interval_s)
{
	return interval_s < 96 ? (1000 * interval_s + 2) / 3 : 32000;
}

/* ... and ours has to be there so long before that. */
static uint64_t margin_ms(uint64_t interval_s)
{
	return interval_s < 90 ? (1000 * interval_s + 8) / 9 : 10000;
}

uint64_t session_refresh_ms(const struct session *s, unsigned segment)
{
	uint64_t interval = 1000 * (uint64_t)s->interval_s;
	uint64_t due = interval * (segment - 1) / segment;
	uint64_t latest = interval - guard_ms(s->interval_s) - margin_ms(s->interval_s);

	return due < latest ? due : latest;
}

uint64_t session_end_ms(const struct session *s)
{
	return 1000 * (uint64_t)s->interval_s - guard_ms(s->interval_s);
}

bool session_lengthen(struct session *s, const sip_t *response)
{
	uint32_t least = min_se(response);

	if (!s->timer || least <= s->min_se_s)
		return false;
	s->min_se_s = least;
	return true;
}
