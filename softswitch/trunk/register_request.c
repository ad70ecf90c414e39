#include "register_request.h"

#include "address.h"
#include "message.h"
#include "request_retry.h"
#include "scan.h"
#include "uri.h"

#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/url.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ADDRESS_MAX = 600 };

void register_request_uri(const struct db_registration *row, char out[REGISTER_URI_MAX])
{
	char registrar[ADDRESS_HOST_PORT_MAX];

	address_host_port(registrar, row->host, row->port);
	snprintf(out, REGISTER_URI_MAX, "sip:%s", registrar);
}

/** The host of our Contact. */
static void contact_host(const struct register_request *r, char out[ADDRESS_HOST_PORT_MAX])
{
	if (r->row->contact_host[0])
		address_host_port(out, r->row->contact_host, 0);
	else
		snprintf(out, ADDRESS_HOST_PORT_MAX, "%s", r->from->host);
}

static void add_contact(struct text *t, const struct register_request *r)
{
	char host[ADDRESS_HOST_PORT_MAX];

	contact_host(r, host);
	text_add_all(t, "Contact: <sip:", r->row->user, "@", host, ":", NULL);
	text_add_number(t, r->from->port);
	if (strcmp(r->from->transport, "udp"))
		text_add_all(t, ";transport=", r->from->transport, NULL);
	text_add_all(t, ";line=", r->row->line, ">\r\n", NULL);
}

void register_request_write(struct text *t, const struct register_request *r)
{
	const char *domain = r->row->realm[0] ? r->row->realm : r->row->host;
	char uri[REGISTER_URI_MAX], to[ADDRESS_MAX], from[ADDRESS_MAX + 32], host[ADDRESS_HOST_PORT_MAX];
	struct message_request head = {.method = "REGISTER",
		.uri = uri,
		.branch = r->branch,
		.max_forwards = MAX_FORWARDS,
		.from = from,
		.to = to,
		.call_id = r->call_id,
		.cseq = r->cseq};

	register_request_uri(r->row, uri);
	address_host_port(host, domain, 0);
	snprintf(to, sizeof(to), "<sip:%s@%s>", r->row->user, host);
	snprintf(from, sizeof(from), "%s;tag=%s", to, r->tag);
	message_request_head(t, r->from, &head);
	add_contact(t, r);
	text_add(t, "Expires: ");
	text_add_number(t, r->expires_s);
	text_add(t, "\r\nSupported: path\r\n");
	if (r->privacy != PARAMETER_PRIVACY_IGNORE)
		text_add_all(
			t, "Privacy: ", r->privacy == PARAMETER_PRIVACY_ID ? "id" : "none", "\r\n", NULL);
	request_retry_write(r->retry, t);
	message_end(t, NULL);
}

bool register_request_token(const url_t *url, char out[REGISTER_TOKEN_MAX])
{
	out[0] = '\0'; /* the library writes nothing if the value does not fit */
	return url_param(url->url_params, "line", out, REGISTER_TOKEN_MAX) > 0;
}

static bool is_ours(const sip_contact_t *contact, const struct register_request *r)
{
	const url_t *url = contact->m_url;
	char token[REGISTER_TOKEN_MAX], host[ADDRESS_HOST_PORT_MAX];

	if (register_request_token(url, token))
		return !strcmp(token, r->row->line);
	contact_host(r, host);
	return url->url_user && !strcmp(url->url_user, r->row->user) && url->url_host &&
		!strcasecmp(url->url_host, host) &&
		address_parse_port(url->url_port, 5060) == htons(r->from->port);
}

/** What this Contact is granted; without a number that can be read it is what the rest of the answer grants. */
static uint32_t seconds(const sip_contact_t *contact, uint32_t otherwise)
{
	const char *text = contact->m_expires ? contact->m_expires : "";

	if (text[0] == '-')
		return 0;
	return isdigit((unsigned char)text[0]) ? message_seconds(strtoul(text, NULL, 10)) : otherwise;
}

/** The length of the first of several values, which commas separate outside of quotes and angle brackets. */
static size_t first_value(const char *data, size_t len)
{
	bool quoted = false, enclosed = false;
	size_t n = 0;

	for (; n < len && (data[n] != ',' || quoted || enclosed); n++) {
		if (data[n] == '"' && !enclosed)
			quoted = !quoted;
		else if (!quoted && (data[n] == '<' || data[n] == '>'))
			enclosed = data[n] == '<';
		else if (quoted && data[n] == '\\' && n + 1 < len)
			n++;
	}
	return n;
}

/** Ours in a line that cannot be read because of a Contact of somebody else in it. */
static const sip_contact_t *find_in_line(
	su_home_t *home, const char *data, size_t len, const struct register_request *r)
{
	const char *end = data + len, *at = len ? memchr(data, ':', len) : NULL;

	while (at && ++at < end) {
		size_t n = first_value(at, (size_t)(end - at));
		char *value = su_strndup(home, at, (isize_t)n);
		const sip_contact_t *c = value ? sip_contact_make(home, value) : NULL;

		if (c && is_ours(c, r))
			return c;
		at += n;
	}
	return NULL;
}

static const sip_contact_t *find_ours(su_home_t *home, const sip_t *answer, const struct register_request *r)
{
	const sip_contact_t *found = NULL;

	for (const sip_contact_t *c = answer->sip_contact; c; c = c->m_next)
		if (is_ours(c, r))
			return c;
	for (const sip_header_t *h = (const sip_header_t *)answer->sip_error; h && !found; h = h->sh_next)
		if (h->sh_class == sip_error_class && h->sh_error->er_name &&
			!strcasecmp(h->sh_error->er_name, "Contact"))
			found = find_in_line(home, h->sh_common->h_data, h->sh_common->h_len, r);
	return found;
}

uint32_t register_request_granted(const sip_t *answer, const struct register_request *r)
{
	const sip_expires_t *expires = answer->sip_expires;
	uint32_t otherwise = expires ? message_seconds(expires->ex_delta) : r->expires_s, granted = 0;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	const sip_contact_t *ours;

	su_home_init(home);
	ours = find_ours(home, answer, r);
	if (ours)
		granted = seconds(ours, otherwise);
	else if (!answer->sip_contact && expires)
		granted = otherwise;
	su_home_deinit(home);
	return granted;
}

/** Host, port and transport of the first route, which a call will resolve. */
static int set_first(struct registration_route *out, const struct uri *uri)
{
	char maddr[URI_MADDR_MAX];
	struct resolver_target target;

	if (uri_target(uri, maddr, &target))
		return -EINVAL;
	out->host = strdup(target.host);
	out->port = target.port;
	snprintf(out->transport, sizeof(out->transport), "%s", target.transport);
	return out->host ? 0 : -ENOMEM;
}

int register_request_service_route(const sip_t *answer, struct registration_route *out)
{
	struct uri_list list = {.header = answer->sip_service_route};
	struct text t = text_scratch();
	struct scan text;
	struct uri uri;
	int err = 0;

	*out = (struct registration_route){0};
	while (!err && uri_list_next(&list, &text)) {
		err = uri_read(&uri, &text);
		if (!err && !out->host)
			err = set_first(out, &uri);
		if (!err)
			text_add_all(&t, "Route: <", uri.text, ">\r\n", NULL);
	}
	if (!err && t.len) {
		out->lines = text_copy(&t);
		err = out->lines ? 0 : -ENOMEM;
	}
	if (err) {
		free(out->host);
		*out = (struct registration_route){0};
	}
	return err;
}
