#include "register_contacts.h"

#include "message.h"
#include "resolver.h"
#include "scan.h"
#include "uri.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** The header of the request, or REGISTER_CONTACTS_NO_EXPIRY. */
static int64_t expires_of(const sip_t *sip)
{
	if (!sip->sip_expires || sip->sip_expires->ex_date)
		return REGISTER_CONTACTS_NO_EXPIRY;
	return message_seconds(sip->sip_expires->ex_delta);
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/** Its own parameter, else the header. One that is no number counts as if there was none (section 20.10: at least the default). */
static int64_t contact_expires(const sip_contact_t *m, int64_t of_request)
{
	char *end;
	unsigned long seconds;

	if (!m->m_expires || !is_number(m->m_expires))
		return of_request;
	seconds = strtoul(m->m_expires, &end, 10);
	return message_seconds(seconds);
}

/** "0.5" is 500; without or with nonsense 1000 (RFC 3261 section 10.2.1.2). */
static unsigned contact_q(const sip_contact_t *m)
{
	const char *at = m->m_q;
	unsigned q = REGISTER_CONTACTS_Q_MAX, digit = 100;

	if (!at || (*at != '0' && *at != '1'))
		return q;
	q = (unsigned)(*at++ - '0') * REGISTER_CONTACTS_Q_MAX;
	for (at += *at == '.'; isdigit((unsigned char)*at) && digit; at++, digit /= 10)
		q += (unsigned)(*at - '0') * digit;
	return q < REGISTER_CONTACTS_Q_MAX ? q : REGISTER_CONTACTS_Q_MAX;
}

static int write_key(
	char out[REGISTER_CONTACTS_KEY_MAX], const struct uri *uri, const struct resolver_target *target)
{
	const char *user = uri->parts.url_user ? uri->parts.url_user : "";
	int n = snprintf(out, REGISTER_CONTACTS_KEY_MAX, "%s %u %s ", target->host, target->port,
		target->transport[0] ? target->transport : "udp");

	for (char *p = out; *p && n < REGISTER_CONTACTS_KEY_MAX; p++)
		*p = (char)tolower((unsigned char)*p);
	if (n >= REGISTER_CONTACTS_KEY_MAX)
		return -E2BIG;
	return snprintf(out + n, (size_t)(REGISTER_CONTACTS_KEY_MAX - n), "%s", user) <
			REGISTER_CONTACTS_KEY_MAX - n
		? 0
		: -E2BIG;
}

/** Where it leads. */
static int read_target(struct register_contact *c, const struct uri *uri)
{
	char maddr[URI_MADDR_MAX];
	struct resolver_target target;
	struct resolver_answer numeric;

	if (uri_target(uri, maddr, &target))
		return -EINVAL;
	c->address.any.sa_family = AF_UNSPEC;
	if (resolver_numeric(&target, &numeric))
		memcpy(&c->address, &numeric.address[0].addr, sizeof(c->address));
	return write_key(c->key, uri, &target);
}

/** One that leads to the same place takes the place of the one before. */
static void keep_last(struct register_contacts *out)
{
	const struct register_contact *last = &out->contact[out->n - 1];

	for (struct register_contact *c = out->contact; c < last; c++)
		if (!strcmp(c->key, last->key)) {
			*c = *last;
			out->n--;
			return;
		}
}

static int add(
	struct register_contacts *out, const sip_contact_t *m, const struct scan *text, int64_t of_request)
{
	struct register_contact *c = &out->contact[out->n];
	struct uri uri;
	int err;

	if (out->n == REGISTER_CONTACTS_MAX || text->n >= sizeof(c->uri))
		return -E2BIG;
	if (uri_read(&uri, text))
		return -EINVAL;
	memcpy(c->uri, uri.text, strlen(uri.text) + 1); /* no longer than what was read */
	c->expires_s = contact_expires(m, of_request);
	c->q = contact_q(m);
	out->n++;
	err = read_target(c, &uri);
	if (!err)
		keep_last(out);
	return err;
}

int register_contacts_read(struct register_contacts *out, const sip_t *sip)
{
	const int64_t of_request = expires_of(sip);
	struct uri_list list = {.header = sip->sip_contact};
	struct scan text;
	int err = 0;

	out->remove_all = false;
	out->n = 0;
	if (sip->sip_contact && sip->sip_contact->m_url->url_type == url_any) {
		out->remove_all = true;
		return !sip->sip_contact->m_next && of_request == 0 ? 0 : -EINVAL;
	}
	for (const sip_contact_t *m = sip->sip_contact; m && !err; m = m->m_next)
		err = m->m_url->url_type != url_any && uri_list_next(&list, &text)
			? add(out, m, &text, of_request)
			: -EINVAL;
	return err ? err : uri_list_next(&list, &text) ? -EINVAL : 0;
}
