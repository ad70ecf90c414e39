#include "message.h"

#include "received.h"

#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

unsigned message_next_max_forwards(const sip_t *request)
{
	const sip_max_forwards_t *mf = request->sip_max_forwards;

	if (!mf)
		return MAX_FORWARDS;
	return (mf->mf_count < MAX_FORWARDS ? (unsigned)mf->mf_count : MAX_FORWARDS) - 1;
}

struct message_body message_body(const sip_t *sip)
{
	if (!sip->sip_payload)
		return (struct message_body){0};
	return (struct message_body){.data = sip->sip_payload->pl_data, .len = sip->sip_payload->pl_len};
}

struct message_body message_received(const sip_t *sip)
{
	const msg_common_t *first =
		sip->sip_request ? sip->sip_request->rq_common : sip->sip_status->st_common;
	const msg_common_t *last = sip->sip_payload ? sip->sip_payload->pl_common
		: sip->sip_separator                ? sip->sip_separator->sep_common
						    : NULL;
	const char *begin = first->h_data, *end = last ? (const char *)last->h_data + last->h_len : NULL;

	return begin && end > begin ? (struct message_body){begin, (size_t)(end - begin)}
				    : (struct message_body){0};
}

bool message_find_sdp(const sip_t *sip, struct sdp_span *out)
{
	struct message_body body = message_body(sip);

	return sdp_find(
		sip->sip_content_type ? sip->sip_content_type->c_type : NULL, body.data, body.len, out);
}

bool message_has_sdp(const sip_t *sip)
{
	struct sdp_span sdp;

	return message_find_sdp(sip, &sdp);
}

static bool is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_phrase(const char *s)
{
	while (*s && !is_control(*s))
		s++;
	return !*s;
}

static const char *usual_phrase(int status)
{
	const char *phrase = sip_status_phrase(status);

	return phrase && *phrase ? phrase : "Status";
}

void message_status(struct text *t, int status, const char *phrase)
{
	text_add(t, "SIP/2.0 ");
	text_add_number(t, (unsigned long)status);
	text_add_all(t, " ", phrase && is_phrase(phrase) ? phrase : usual_phrase(status), "\r\n", NULL);
}

/** Eight bytes at a time, since whatever passes is looked at. Tabs count, too. */
static bool has_control(const char *s, size_t n)
{
	const uint64_t ones = UINT64_MAX / 0xff, tops = ones << 7;
	uint64_t found = 0, bytes;

	for (; n >= sizeof(bytes); s += sizeof(bytes), n -= sizeof(bytes)) {
		memcpy(&bytes, s, sizeof(bytes));
		found |= (bytes - ' ' * ones) & ~bytes & tops;
		bytes ^= 0x7f * ones;
		found |= (bytes - ones) & ~bytes & tops;
	}
	while (n--)
		found |= (unsigned char)*s < ' ' || *s == 0x7f, s++;
	return found;
}

/** A line whose end or folds are not those of RFC 3261 section 25.1: what stays of them and other controls is a blank. */
static void add_mended(struct text *t, const char *line, size_t n)
{
	char *begin = t->data + t->len, *out = begin;
	bool mended = false;

	if (t->full || t->size - t->len < n + 2) {
		t->full = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (!is_control(line[i]) && !(mended && is_blank(line[i]))) {
			*out++ = line[i];
			mended = false;
		} else if (!mended) {
			while (out > begin && is_blank(out[-1]))
				out--;
			*out++ = ' ';
			mended = true;
		}
	out -= mended; /* of the line end */
	t->len = (size_t)(out - t->data);
	text_add(t, "\r\n");
}

void message_header(struct text *t, const sip_header_t *h)
{
	const msg_common_t *c = h->sh_common;
	const char *line = c->h_data;
	issize_t n;

	if (line && !c->h_len) /* of a list in one line, the first holds the line and the others nothing */
		return;
	if (line) {
		if (c->h_len < 2 || memcmp(line + c->h_len - 2, "\r\n", 2) || has_control(line, c->h_len - 2))
			add_mended(t, line, c->h_len);
		else
			text_add_bytes(t, line, c->h_len);
		return;
	}
	n = msg_header_e(t->data + t->len, (isize_t)(t->size - t->len), (const msg_header_t *)h, 0);
	if (n < 0 || (size_t)n >= t->size - t->len)
		t->full = true;
	else
		t->len += (size_t)n;
}

bool message_uri_is_usable(const char *uri, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_control(uri[i]) || strchr(" \t<>\"", uri[i]))
			return false;
	return n > 0;
}

/** @return the character; -1 when these are not two hexadecimal digits */
static int unescape(const char *s)
{
	if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]))
		return -1;
	return (int)strtol((const char[]){s[0], s[1], '\0'}, NULL, 16);
}

bool message_number_is_usable(const char *number)
{
	size_t n = strlen(number);

	if (n > MESSAGE_NUMBER_MAX || (n && !message_uri_is_usable(number, n)))
		return false;
	for (const char *at = number; (at = strchr(at, '%')); at++) {
		int c = unescape(at + 1);

		if (c < 0 || is_control((char)c) || c == '\t')
			return false;
	}
	return true;
}

static const char *via_transport(const struct hop_listener *l)
{
	return l->transport[0] == 'u' ? "UDP" : l->transport[1] == 'c' ? "TCP" : "TLS";
}

void message_request_head(struct text *t, const struct hop_listener *from, const struct message_request *head)
{
	text_add_all(t, head->method, " ", head->uri, " SIP/2.0\r\nVia: SIP/2.0/", via_transport(from), " ",
		from->sent_by, ";rport;branch=", head->branch, "\r\n", head->route ? head->route : "", NULL);
	if (head->last_route)
		text_add_all(t, "Route: <", head->last_route, ">\r\n", NULL);
	text_add(t, "Max-Forwards: ");
	text_add_number(t, head->max_forwards);
	text_add_all(t, "\r\nFrom: ", head->from, "\r\nTo: ", head->to, "\r\nCall-ID: ", head->call_id,
		"\r\nCSeq: ", NULL);
	text_add_number(t, head->cseq);
	text_add_all(t, " ", head->method, "\r\n", NULL);
}

void message_contact(struct text *t, const struct hop_listener *l)
{
	text_add_all(t, "Contact: <sip:", l->sent_by, NULL);
	if (strcmp(l->transport, "udp"))
		text_add_all(t, ";transport=", l->transport, NULL);
	text_add(t, ">\r\n");
}

static void headers(struct text *t, const void *first)
{
	for (const sip_header_t *h = first; h; h = h->sh_next)
		message_header(t, h);
}

void message_response_head(struct text *t, const struct received *rx)
{
	const sip_t *sip = rx->sip;

	headers(t, sip->sip_via);
	message_header(t, (const sip_header_t *)sip->sip_from);
	message_header(t, (const sip_header_t *)sip->sip_call_id);
	message_header(t, (const sip_header_t *)sip->sip_cseq);
	headers(t, sip->sip_record_route);
}

void message_to(struct text *t, const sip_to_t *to, const char *tag)
{
	message_header(t, (const sip_header_t *)to);
	if (to->a_tag || t->full)
		return;
	text_strip_line_end(t);
	text_add_all(t, ";tag=", tag, "\r\n", NULL);
}

void message_end(struct text *t, const struct message_body *body)
{
	text_add(t, "Content-Length: ");
	text_add_number(t, body ? body->len : 0);
	text_add(t, "\r\n\r\n");
	if (body && body->len)
		text_add_bytes(t, body->data, body->len);
}

const char *message_uri_user(const url_t *url)
{
	return url->url_user && url->url_user[0] ? url->url_user : "anonymous";
}
