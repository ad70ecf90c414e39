#include "intake.h"

#include "address.h"
#include "text.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>
#include <sofia-sip/su_string.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/**
 * Without these there is no message; whatever else cannot be read is left out, as if it had not come (RFC 3261 section
 * 8.2: what is malformed and not necessary is ignored). The Contact is all that a REGISTER is about.
 */
static bool is_necessary(const sip_t *sip, const char *name)
{
	static const char *const names[] = {
		"Via", "From", "To", "Call-ID", "CSeq", "Content-Length", "Require"};

	if (sip->sip_request && sip->sip_request->rq_method == sip_method_register &&
		!strcasecmp(name, "Contact"))
		return true;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(names[i], name))
			return true;
	return false;
}

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

static bool is_protocol(const char *sent, const char *transport)
{
	static const char sip[] = "SIP/2.0/";

	return !strncasecmp(sent, sip, sizeof(sip) - 1) && !strcasecmp(sent + sizeof(sip) - 1, transport);
}

/** The topmost Via says where the request came from (RFC 3261 section 18.2.1, RFC 3581 section 4). */
static bool note_source(const struct received *rx)
{
	sip_via_t *via = rx->sip->sip_via;
	su_home_t *home = msg_home(rx->msg);
	char host[ADDRESS_HOST_MAX], text[ADDRESS_HOST_MAX + 16];
	struct text t = {.data = text, .size = sizeof(text)};

	if (!via || !is_protocol(via->v_protocol, rx->back.listener->transport))
		return false;
	if (via->v_received)
		msg_header_remove_param(via->v_common, "received");
	address_host(rx->source, host);
	if (via->v_rport || !is_host(via->v_host, host)) {
		text_add_all(&t, "received=", host, NULL);
		msg_header_replace_param(home, via->v_common, su_strndup(home, t.data, t.len));
	}
	if (via->v_rport) {
		t.len = 0;
		text_add(&t, "rport=");
		text_add_number(&t, address_port(rx->source));
		msg_header_replace_param(home, via->v_common, su_strndup(home, t.data, t.len));
	}
	return true;
}

/** Headers that could not be read, or stand there twice. @return whether a necessary one is among them; rx->fault is the first of those, else the first of all */
static bool find_faults(struct received *rx)
{
	for (const sip_header_t *h = (const sip_header_t *)rx->sip->sip_error; h; h = h->sh_next) {
		const char *name =
			h->sh_class == sip_error_class ? h->sh_error->er_name : h->sh_class->hc_name;

		if (!rx->fault || (name && is_necessary(rx->sip, name)))
			rx->fault = name ? name : "header without a name";
		if (name && is_necessary(rx->sip, name))
			return true;
	}
	return false;
}

/** A necessary header that the library reads, and that is of no use; NULL = none. */
static const char *find_useless(const sip_t *sip)
{
	size_t len = sip->sip_payload ? sip->sip_payload->pl_len : 0;

	if (sip->sip_content_length && sip->sip_content_length->l_length > len)
		return "Content-Length"; /* a datagram ends before the body does (RFC 3261 section 18.3) */
	if (sip->sip_cseq->cs_seq > INT32_MAX) /* section 8.1.1.5 */
		return "CSeq";
	return sip->sip_call_id->i_id[0] ? NULL : "Call-ID";
}

/** @return 400, with a phrase; silence to an ACK and to what does not say where to */
static int refuse(const struct received *rx, const char *fault, char phrase[INTAKE_PHRASE_MAX])
{
	if (!rx->sip->sip_via || rx->sip->sip_request->rq_method == sip_method_ack)
		return -EBADMSG;
	snprintf(phrase, INTAKE_PHRASE_MAX, fault ? "Bad %.60s Header" : "Bad Request", fault);
	return 400;
}

static int check_request(struct received *rx, char phrase[INTAKE_PHRASE_MAX])
{
	bool bad = find_faults(rx), known = note_source(rx);
	const char *useless;

	if (bad)
		return refuse(rx, rx->fault, phrase);
	if (sip_sanity_check(rx->sip) < 0) {
		rx->fault = "request";
		return refuse(rx, NULL, phrase);
	}
	useless = find_useless(rx->sip);
	if (useless) {
		rx->fault = useless;
		return refuse(rx, useless, phrase);
	}
	if (strcasecmp(rx->sip->sip_request->rq_version, sip_version_2_0)) {
		rx->fault = "version";
		snprintf(phrase, INTAKE_PHRASE_MAX, "Version Not Supported");
		return 505;
	}
	if (!known)
		rx->fault = "Via";
	return known ? 0 : -EBADMSG;
}

static int check_response(struct received *rx)
{
	const sip_t *sip = rx->sip;

	if (find_faults(rx))
		return -EBADMSG;
	if (sip_sanity_check(sip) < 0 || find_useless(sip) ||
		strcasecmp(sip->sip_status->st_version, sip_version_2_0) ||
		sip->sip_cseq->cs_method == sip_method_ack) {
		rx->fault = "response";
		return -EBADMSG;
	}
	return 0;
}

/** The same request for a URI that can be read; NULL when its first line is not that of a request. */
static msg_t *replace_uri(const char *data, size_t n)
{
	static const char version[] = "SIP/2.0";
	const char *next = memchr(data, '\n', n), *method_end = memchr(data, ' ', n), *end = next;
	struct text t = text_scratch();

	while (end && end > data && strchr(" \t\r\n", end[-1]))
		end--;
	if (!method_end || !end || method_end > end - (sizeof(version) - 1) ||
		strncasecmp(end - (sizeof(version) - 1), version, sizeof(version) - 1))
		return NULL;
	text_add_bytes(&t, data, (size_t)(method_end - data));
	text_add(&t, " sip:invalid SIP/2.0\r\n");
	text_add_bytes(&t, next + 1, n - (size_t)(next + 1 - data));
	return t.full ? NULL : msg_make(sip_default_mclass(), MSG_DO_EXTRACT_COPY, t.data, (ssize_t)t.len);
}

/** A request whose URI cannot be read is refused by the headers it has; other start lines are garbage. */
static int check_start_line(struct received *rx, const char *data, size_t n, char phrase[INTAKE_PHRASE_MAX])
{
	msg_t *msg = replace_uri(data, n);

	rx->fault = "start line";
	if (!msg)
		return -EBADMSG;
	msg_destroy(rx->msg);
	rx->msg = msg;
	rx->sip = sip_object(msg);
	if (!rx->sip->sip_request)
		return -EBADMSG;
	note_source(rx);
	return refuse(rx, NULL, phrase);
}

int intake_message(struct received *rx, const char *data, size_t n, char phrase[INTAKE_PHRASE_MAX])
{
	int status = -EBADMSG;

	rx->msg = NULL;
	rx->fault = NULL;
	if (!is_sip(data, n))
		return -EINVAL;
	/* EXTRACT_COPY keeps each header's bytes as they came: what passes, passes unchanged. */
	rx->msg = msg_make(sip_default_mclass(), MSG_DO_EXTRACT_COPY, data, (ssize_t)n);
	if (!rx->msg)
		return -ENOMEM;
	rx->sip = sip_object(rx->msg);
	if (rx->sip->sip_request)
		status = check_request(rx, phrase);
	else if (rx->sip->sip_status)
		status = check_response(rx);
	else
		status = check_start_line(rx, data, n, phrase);
	if (status >= 0)
		set_back(rx);
	return status;
}
