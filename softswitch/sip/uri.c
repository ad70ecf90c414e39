#include "uri.h"

#include "address.h"
#include "message.h"
#include "scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/** Where host, port and parameters begin: behind the user part, which may hold ";" and "?" itself. */
static char *behind_user(char *text)
{
	char *at = strchr(text, '@');

	return at ? at + 1 : text;
}

/** Cut off what may not stand in a Request-URI: the headers, and the parameter method. */
static void strip(char *text)
{
	char *rest = behind_user(text), *end;

	rest[strcspn(rest, "?")] = '\0';
	for (char *p = strchr(rest, ';'); p; p = strchr(p + 1, ';')) {
		if (strncasecmp(p, ";method=", 8))
			continue;
		end = p + 1 + strcspn(p + 1, ";");
		memmove(p, end, strlen(end) + 1);
		return;
	}
}

/** Quotes are seen around the values of parameters, though RFC 3261 has none there. */
static bool is_usable(char *text)
{
	const char *params = strchr(behind_user(text), ';');
	size_t n = params ? (size_t)(params - text) : strlen(text);
	bool quoted = false;

	if (!message_uri_is_usable(text, n))
		return false;
	for (const char *p = params; p && *p; p += n) {
		n = strcspn(p, "\"");
		if (n && !message_uri_is_usable(p, n))
			return false;
		quoted ^= p[n] == '"';
		n += p[n] == '"';
	}
	return !quoted;
}

static bool has_usable_port(const url_t *parts)
{
	return !parts->url_port || !parts->url_port[0] || address_parse_port(parts->url_port, 0);
}

int uri_read(struct uri *out, const struct scan *text)
{
	if (text->n >= URI_MAX)
		return -EMSGSIZE;
	memcpy(out->text, text->data, text->n);
	out->text[text->n] = '\0';
	if (strlen(out->text) != text->n)
		return -EINVAL;
	strip(out->text);
	if (!is_usable(out->text))
		return -EINVAL;
	memcpy(out->bytes, out->text, strlen(out->text) + 1);
	if (url_d(&out->parts, out->bytes) ||
		(out->parts.url_type != url_sip && out->parts.url_type != url_sips) || !out->parts.url_host ||
		!*out->parts.url_host || !has_usable_port(&out->parts))
		return -EINVAL;
	return 0;
}

/** The value of the line that a header came in. @return false for those behind the first in one line */
static bool line_value(const sip_header_t *h, struct scan *out)
{
	const msg_common_t *c = h->sh_common;
	const char *colon = c->h_data && c->h_len ? memchr(c->h_data, ':', c->h_len) : NULL;

	if (!colon)
		return false;
	*out = (struct scan){
		.data = colon + 1, .n = (size_t)((const char *)c->h_data + c->h_len - (colon + 1))};
	return true;
}

bool uri_list_next(struct uri_list *list, struct scan *text)
{
	struct scan value;

	for (; list->header; list->header = ((const sip_header_t *)list->header)->sh_next, list->from = 0)
		if (line_value(list->header, &value) && scan_address(&value, &list->from, text))
			return true;
	return false;
}

bool uri_read_first(struct uri *out, const void *header)
{
	struct uri_list list = {.header = header};
	struct scan text;

	while (uri_list_next(&list, &text))
		if (uri_read(out, &text) == 0)
			return true;
	return false;
}

static bool is_secure(const struct uri *uri)
{
	return uri->parts.url_type == url_sips;
}

bool uri_is_loose(const struct uri *uri)
{
	return url_has_param(&uri->parts, "lr");
}

int uri_target(const struct uri *uri, char maddr[URI_MADDR_MAX], struct resolver_target *out)
{
	static const char *const known[] = {"udp", "tcp", "tls"};
	const char *params = uri->parts.url_params;
	char transport[8] = "";

	maddr[0] = '\0'; /* the library writes nothing if the value does not fit */
	url_param(params, "maddr", maddr, URI_MADDR_MAX);
	*out = (struct resolver_target){.host = maddr[0] ? maddr : uri->parts.url_host,
		.port = ntohs(address_parse_port(uri->parts.url_port, 0)),
		.transport = is_secure(uri) ? "tls" : ""};
	if (!url_has_param(&uri->parts, "transport") || is_secure(uri))
		return 0;
	url_param(params, "transport", transport, sizeof(transport));
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcasecmp(transport, known[i]))
			out->transport = known[i];
	return out->transport[0] ? 0 : -EPROTONOSUPPORT;
}
