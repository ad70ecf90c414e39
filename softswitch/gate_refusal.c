#include "gate_refusal.h"

#include "endpoints.h"
#include "ingress.h"
#include "message.h"
#include "rel100.h"
#include "session.h"

#include <string.h>
#include <strings.h>

static bool is_supported(const char *tag, const struct gate_refusal_extensions *supported)
{
	return (supported->timer && !strcasecmp(tag, "timer")) ||
		(supported->rel100 && !strcasecmp(tag, "100rel")) ||
		(supported->path && !strcasecmp(tag, "path"));
}

bool gate_refusal_by_require(
	const sip_t *sip, struct gate_refusal_extensions supported, char header[GATE_REFUSAL_HEADER_MAX])
{
	const sip_require_t *r = sip->sip_require;
	struct text t = {.data = header, .size = GATE_REFUSAL_HEADER_MAX - sizeof("\r\n")};

	for (unsigned i = 0; r && r->k_items && r->k_items[i]; i++)
		if (!is_supported(r->k_items[i], &supported))
			text_add_all(&t, t.len ? ", " : "Unsupported: ", r->k_items[i], NULL);
	memcpy(header + t.len, "\r\n", sizeof("\r\n"));
	return t.len > 0;
}

static bool is_plain(const url_t *url)
{
	return message_number_is_usable(url->url_user ? url->url_user : "");
}

/** A caller may have a name with escaped blanks in it (RFC 4475 section 3.1.1.4); a number is called without them. */
static bool is_callable(const url_t *url)
{
	return is_plain(url) && !strstr(url->url_user, "%20");
}

static bool has_number(const sip_t *sip)
{
	const url_t *called = sip->sip_request->rq_url;

	return called->url_user && called->url_user[0];
}

static bool is_stopping(const struct gate_refusal_question *q, struct call_refusal *out)
{
	*out = (struct call_refusal){503, "switch is stopping", "Retry-After: 10\r\n"};
	return q->refuse_new;
}

/** What the peer cannot do, or may not leave out. */
static bool lacks_extension(const struct ingress_policy *policy, const sip_t *sip, struct call_refusal *out,
	char header[GATE_REFUSAL_HEADER_MAX])
{
	if (gate_refusal_by_require(sip,
		    (struct gate_refusal_extensions){.timer = policy->session_timer,
			    .rel100 = policy->sip_100rel != PARAMETER_100REL_OFF},
		    header))
		*out = (struct call_refusal){420, "unsupported extension required", header};
	else if (policy->sip_100rel == PARAMETER_100REL_REQUIRED && !rel100_is_offered(sip))
		*out = (struct call_refusal){421, "caller does not support 100rel", "Require: 100rel\r\n"};
	else
		return false;
	return true;
}

/** Something that would go into messages of ours is missing, or cannot be used. */
static bool is_unusable(const sip_t *sip, struct call_refusal *out)
{
	if (!has_number(sip))
		*out = (struct call_refusal){484, "no number called", ""};
	else if (!is_callable(sip->sip_request->rq_url) || !is_plain(sip->sip_from->a_url))
		*out = (struct call_refusal){400, "invalid number", ""};
	else
		return false;
	return true;
}

/** An endpoint calls as one of its numbers, or as nobody. */
static bool shows_another(const struct endpoint *e, const sip_t *sip)
{
	const char *user = message_uri_user(sip->sip_from->a_url);

	return e && strcmp(user, "anonymous") && !endpoint_may_show(e, user);
}

bool gate_refusal_of_invite(const struct gate_refusal_question *q, const sip_t *sip, struct call_refusal *out,
	char header[GATE_REFUSAL_HEADER_MAX])
{
	struct ingress_policy policy;

	ingress_policy(q->ingress, q->parameters, &policy);
	if (sip->sip_max_forwards && !sip->sip_max_forwards->mf_count)
		*out = (struct call_refusal){483, "too many hops", ""};
	else if (lacks_extension(&policy, sip, out, header) || is_unusable(sip, out))
		return true;
	else if (shows_another(q->endpoint, sip))
		*out = (struct call_refusal){403, "caller may not show this number", ""};
	else if (session_is_too_short(&(struct session){.timer = policy.session_timer}, sip))
		*out = (struct call_refusal){422, "session interval too small", session_min_se};
	else
		return is_stopping(q, out);
	return true;
}

bool gate_refusal_of_options(const struct gate_refusal_question *q, const sip_t *sip,
	struct call_refusal *out, char header[GATE_REFUSAL_HEADER_MAX])
{
	struct ingress_policy policy;

	*out = (struct call_refusal){420, "unsupported extension required", header};
	if (!has_number(sip))
		return gate_refusal_by_require(sip,
			       (struct gate_refusal_extensions){.timer = true, .rel100 = true}, header) ||
			is_stopping(q, out);
	ingress_policy(q->ingress, q->parameters, &policy);
	if (!q->ingress)
		*out = (struct call_refusal){403, "", ""};
	else if (lacks_extension(&policy, sip, out, header) || is_unusable(sip, out) || is_stopping(q, out))
		return true;
	else if (call_limits_check(ingress_limits(q->ingress), q->now_ms))
		*out = (struct call_refusal){503, "", ""};
	else
		return false;
	return true;
}
