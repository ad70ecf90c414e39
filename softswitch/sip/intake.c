#include "intake.h"

#include "address.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su_string.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Header errors that drop a response: those in other headers are lived with. */
static const unsigned response_errors =
	sip_mask_response | sip_mask_ua | sip_mask_100rel | sip_mask_events | sip_mask_publish;

/* What makes a request a bad one: everything but what only proxies, registrars or responses have. */
static const unsigned request_errors = ~(
	unsigned)(sip_mask_response | sip_mask_proxy | sip_mask_registrar | sip_mask_pref | sip_mask_privacy);

/** STUN, SigComp and keep-alives get silence. */
static bool is_sip(const char *data, size_t n)
{
	unsigned char first = n ? (unsigned char)data[0] : 0;

	return n > 1 && first > 1 && (first & 0xf8) != 0xf8;
}

/**
 * Where the answer goes: to the source, but to the port of the Via without rport (RFC 3261 section 18.2.2, RFC 3581). Over
 * TCP and TLS it takes the connection of the request, and the port of the Via only once that has ended.
 */
static void set_back(struct received *rx)
{
	const sip_via_t *via = rx->sip->sip_via;
	uint16_t port;

	memcpy(&rx->back.to, rx->source, address_length(rx->source));
	if (!rx->sip->sip_request || !via || (via->v_rport && rx->back.listener->datagram))
		return;
	port = address_parse_port(via->v_port, strcmp(rx->back.listener->transport, "tls") ? 5060 : 5061);
	address_set_port(&rx->back.to.any, port);
}

static bool is_host(const char *via_host, const char *host)
{
	size_t n = strlen(host);

	return via_host[0] == '[' ? !strncasecmp(via_host + 1, host, n) && via_host[n + 1] == ']'
				  : !strcasecmp(via_host, host);
}

/** The topmost Via says where the request came from (RFC 3261 section 18.2.1, RFC 3581 section 4). */
static bool note_source(const struct received *rx)
{
	sip_via_t *via = rx->sip->sip_via;
	su_home_t *home = msg_home(rx->msg);
	char host[ADDRESS_HOST_MAX], text[ADDRESS_HOST_MAX + 16];

	snprintf(text, sizeof(text), "SIP/2.0/%s", rx->back.listener->transport);
	if (!via || strcasecmp(via->v_protocol, text))
		return false;
	if (via->v_received)
		msg_header_remove_param(via->v_common, "received");
	address_host(rx->source, host);
	if (!is_host(via->v_host, host)) {
		snprintf(text, sizeof(text), "received=%s", host);
		msg_header_replace_param(home, via->v_common, su_strdup(home, text));
	}
	if (via->v_rport) {
		snprintf(text, sizeof(text), "rport=%u", address_port(rx->source));
		msg_header_replace_param(home, via->v_common, su_strdup(home, text));
	}
	return true;
}

/** The name of the first header that could not be read; NULL = it is not one header. */
static const char *bad_header(const sip_t *sip)
{
	for (const sip_header_t *h = (const sip_header_t *)sip->sip_error; h; h = h->sh_next) {
		const char *name =
			h->sh_class == sip_error_class ? h->sh_error->er_name : h->sh_class->hc_name;

		if (name)
			return name;
	}
	return NULL;
}

/** A datagram ends before the body does (RFC 3261 section 18.3). */
static bool is_cut_short(const sip_t *sip)
{
	size_t len = sip->sip_payload ? sip->sip_payload->pl_len : 0;

	return sip->sip_content_length && sip->sip_content_length->l_length > len;
}

static int check_request(const struct received *rx, char phrase[INTAKE_PHRASE_MAX])
{
	const sip_t *sip = rx->sip;
	bool bad = (msg_extract_errors(rx->msg) & request_errors) || (sip->sip_flags & MSG_FLG_ERROR) ||
		sip_sanity_check(sip) < 0;
	const char *header = bad ? bad_header(sip) : NULL;
	bool known = note_source(rx);

	if (bad) {
		if (!sip->sip_via || sip->sip_request->rq_method == sip_method_ack)
			return -EINVAL;
		snprintf(phrase, INTAKE_PHRASE_MAX, header ? "Bad %.60s Header" : "Bad Request", header);
		return 400;
	}
	/* RFC 3261 section 8.1.1.5: a CSeq is below 2^31. */
	header = is_cut_short(sip) ? "Content-Length" : sip->sip_cseq->cs_seq > INT32_MAX ? "CSeq" : NULL;
	if (header) {
		if (sip->sip_request->rq_method == sip_method_ack)
			return -EINVAL;
		snprintf(phrase, INTAKE_PHRASE_MAX, "Bad %s Header", header);
		return 400;
	}
	if (strcasecmp(sip->sip_request->rq_version, sip_version_2_0)) {
		snprintf(phrase, INTAKE_PHRASE_MAX, "Version Not Supported");
		return 505;
	}
	return known ? 0 : -EINVAL;
}

static int check_response(const struct received *rx)
{
	const sip_t *sip = rx->sip;

	if ((msg_extract_errors(rx->msg) & response_errors) || sip_sanity_check(sip) < 0 ||
		is_cut_short(sip) || strcasecmp(sip->sip_status->st_version, sip_version_2_0) ||
		(sip->sip_cseq && sip->sip_cseq->cs_method == sip_method_ack))
		return -EINVAL;
	return 0;
}

int intake_message(struct received *rx, const char *data, size_t n, char phrase[INTAKE_PHRASE_MAX])
{
	int status = -EINVAL;

	if (!is_sip(data, n))
		return -EINVAL;
	/* EXTRACT_COPY keeps each header's bytes as they came: what passes, passes unchanged. */
	rx->msg = msg_make(sip_default_mclass(), MSG_DO_EXTRACT_COPY, data, (ssize_t)n);
	if (!rx->msg)
		return -EINVAL;
	rx->sip = sip_object(rx->msg);
	if (rx->sip && rx->sip->sip_request)
		status = check_request(rx, phrase);
	else if (rx->sip && rx->sip->sip_status)
		status = check_response(rx);
	if (status < 0)
		msg_destroy(rx->msg);
	else
		set_back(rx);
	return status;
}
