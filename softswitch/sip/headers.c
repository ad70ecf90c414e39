#include "headers.h"

#include "message.h"

#include <sofia-sip/sip_hclasses.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define METHODS(update)                                                                                      \
	"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, " update "MESSAGE, NOTIFY, REFER"
#define NEW "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK"
#define EVENTS "Allow-Events: presence\r\n"
const char headers_allow[] = METHODS("UPDATE, ") "\r\n";
const char headers_allow_no_update[] = METHODS("") "\r\n";
const char headers_allow_new[] = NEW "\r\n";
const char headers_allow_publish[] = NEW ", PUBLISH\r\n" EVENTS;
const char headers_allow_events[] = EVENTS;

enum {
	OF_BODY = HEADERS_REQUEST | HEADERS_RESPONSE,
	REQUEST = HEADERS_REQUEST | HEADERS_BODILESS,
	RESPONSE = HEADERS_RESPONSE,
	BOTH = REQUEST | RESPONSE,
};

/*
 * What crosses: the content of the call and what users say to each other. Whatever is not named here stays on
 * its side: routing (Via, Route, Record-Route, Path, Max-Forwards), the dialog (Call-ID, CSeq, Contact, tags),
 * credentials (Authorization, WWW-Authenticate, ...), equipment (User-Agent, Server, Organization, Warning), and
 * what each leg agrees on by itself (Supported, Require, Allow, Session-Expires, RSeq).
 *
 * In order of name. A header with a compact name is looked up by its long one.
 */
static const struct header_policy {
	const char *name;
	int kinds;
} policy[] = {
	{"Accept", REQUEST},
	{"Accept-Encoding", REQUEST},
	{"Accept-Language", REQUEST},
	{"Alert-Info", BOTH},
	{"Answer-Mode", BOTH},
	{"Call-Info", BOTH},
	{"Content-Base", OF_BODY},
	{"Content-Disposition", OF_BODY},
	{"Content-Encoding", OF_BODY},
	{"Content-ID", OF_BODY},
	{"Content-Language", OF_BODY},
	{"Content-Location", OF_BODY},
	{"Content-MD5", OF_BODY},
	{"Content-Transfer-Encoding", OF_BODY},
	{"Content-Type", OF_BODY},
	{"Date", BOTH},
	{"Diversion", BOTH},
	{"Error-Info", RESPONSE},
	{"Event", REQUEST},
	{"Geolocation", REQUEST},
	{"History-Info", BOTH},
	{"Identity", REQUEST},
	{"Identity-Info", REQUEST},
	{"In-Reply-To", REQUEST},
	{"Info-Package", REQUEST},
	{"MIME-Version", OF_BODY},
	{"P-Asserted-Identity", BOTH},
	{"P-Charge-Info", REQUEST},
	{"P-Early-Media", BOTH},
	{"P-Preferred-Identity", REQUEST},
	{"Priority", REQUEST},
	{"Privacy", BOTH},
	{"Reason", BOTH},
	{"Recv-Info", BOTH},
	{"Refer-Sub", BOTH},
	{"Refer-To", REQUEST},
	{"Referred-By", REQUEST},
	{"Remote-Party-ID", BOTH},
	{"Reply-To", BOTH},
	{"Resource-Priority", REQUEST},
	{"Session-ID", BOTH},
	{"Subject", REQUEST},
	{"Subscription-State", REQUEST},
	{"User-to-User", BOTH},
};

static int compare(const void *name, const void *entry)
{
	return strcasecmp(name, ((const struct header_policy *)entry)->name);
}

/** Of headers that the library does not know: RFC 8224 section 9, RFC 4474 section 16. */
static const char *long_name(const char *name)
{
	return !strcasecmp(name, "y") ? "Identity" : !strcasecmp(name, "n") ? "Identity-Info" : name;
}

/** The long one. @return NULL for what is no header */
static const char *name_of(const sip_header_t *h)
{
	const char *name = h->sh_class->hc_name;

	if (name && *name)
		return name;
	return h->sh_class == sip_unknown_class ? long_name(h->sh_unknown->un_name) : NULL;
}

/**
 * Headers that a refusal must have, and that pass with it alone (RFC 3261 sections 14.2, 20.23, 21.4.6, 21.4.13, 21.4.15;
 * RFC 3329, 4412, 5360, 6086, 6442, 6665). Of those of one code one suffices.
 */
static const struct refusal {
	int status;
	const char *name;
	const char *instead; /* what is true without it; NULL = nothing is; "" = it may be missing */
} refusals[] = {
	{405, "Allow", headers_allow},
	{415, "Accept", "Accept: application/sdp\r\n"}, /* as if there were none (RFC 3261 section 20.1) */
	{415, "Accept-Encoding", ""}, {415, "Accept-Language", ""}, {417, "Accept-Resource-Priority", ""},
	{420, "Unsupported", NULL}, {423, "Min-Expires", NULL}, {424, "Geolocation-Error", NULL},
	{469, "Recv-Info", "Recv-Info:\r\n"}, {470, "Permission-Missing", NULL}, {489, "Allow-Events", NULL},
	{494, "Security-Server", NULL}, {500, "Retry-After", ""}, /* to a second offer; otherwise it may */
};
enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

static bool belongs_to_refusal(const sip_t *from, const char *name)
{
	if (!from->sip_status || from->sip_status->st_status < 400)
		return false;
	for (unsigned i = 0; i < REFUSALS; i++)
		if (from->sip_status->st_status == refusals[i].status && !strcasecmp(name, refusals[i].name))
			return true;
	return false;
}

static const sip_header_t *first_of(const sip_t *sip)
{
	return sip->sip_request ? (const sip_header_t *)sip->sip_request
				: (const sip_header_t *)sip->sip_status;
}

const char *headers_of_refusal(int status)
{
	for (unsigned row = 0; row < REFUSALS; row++)
		if (status == refusals[row].status)
			return refusals[row].instead;
	return "";
}

/** What to say instead of the headers that a refusal lacks. @return "" for nothing; NULL for nothing that is true */
static const char *instead(const sip_t *from)
{
	const char *lines = from->sip_status ? headers_of_refusal(from->sip_status->st_status) : "";

	if (lines && !lines[0])
		return "";
	for (const sip_header_t *h = first_of(from); h; h = (const sip_header_t *)h->sh_succ)
		if (name_of(h) && belongs_to_refusal(from, name_of(h)))
			return "";
	return lines;
}

bool headers_suffice(const sip_t *refusal)
{
	return instead(refusal) != NULL;
}

/** Which say who somebody is. Those that cross, too. */
static bool is_identity(const char *name)
{
	switch (name[0] | 0x20) { /* every header of every INVITE is looked at */
	case 'i':
		return !strcasecmp(name, "Identity");
	case 'p':
		return !strcasecmp(name, "P-Asserted-Identity") || !strcasecmp(name, "P-Preferred-Identity");
	case 'r':
		return !strcasecmp(name, "Remote-Party-ID");
	default:
		return false;
	}
}

uint64_t headers_identity(const sip_t *from)
{
	uint64_t hash = 0;

	for (const sip_header_t *h = first_of(from); h; h = (const sip_header_t *)h->sh_succ) {
		struct text t = text_scratch();
		const char *name = name_of(h);

		if (!name || !is_identity(name))
			continue;
		message_header(&t, h);
		hash = text_hash(hash ? hash : TEXT_HASH, t.data, t.len);
	}
	return hash;
}

/** Is the name one of this list? */
static bool is_listed(const char *list, const char *name)
{
	size_t length = strlen(name), n;

	while (*list) {
		list += strspn(list, ", ");
		n = strcspn(list, ", ");
		if (n == length && !strncasecmp(list, name, n))
			return true;
		list += n;
	}
	return false;
}

static const struct header_policy *find_policy(const char *name)
{
	return bsearch(name, policy, sizeof(policy) / sizeof(policy[0]), sizeof(policy[0]), compare);
}

/** The policy of one that the library knows is found by its class, which is compared by its address. */
static const struct header_policy *policy_of(const sip_header_t *h, const char *name)
{
	enum { KNOWN = 256 };
	static struct {
		msg_hclass_t *class;
		const struct header_policy *policy;
	} known[KNOWN];
	unsigned i = (unsigned)((uintptr_t)h->sh_class / 64 % KNOWN);

	if (h->sh_class == sip_unknown_class)
		return find_policy(name);
	if (known[i].class != h->sh_class) {
		known[i].class = h->sh_class;
		known[i].policy = find_policy(name);
	}
	return known[i].policy;
}

void headers_pass(struct text *t, const sip_t *from, enum headers_kind kind, const char *more)
{
	const char *add = instead(from);

	for (const sip_header_t *h = first_of(from); h; h = (const sip_header_t *)h->sh_succ) {
		const char *name = name_of(h);
		const struct header_policy *p = name ? policy_of(h, name) : NULL;

		if (name &&
			((p && p->kinds & (int)kind) || belongs_to_refusal(from, name) ||
				(more && is_listed(more, name))))
			message_header(t, h);
	}
	text_add(t, add ? add : "");
}

void headers_capabilities(char out[HEADERS_CAPABILITIES_MAX], const char *allow, bool timer, bool rel100)
{
	snprintf(out, HEADERS_CAPABILITIES_MAX, "Accept: application/sdp\r\n%sSupported:%s%s%s\r\n", allow,
		timer ? " timer" : "", timer && rel100 ? "," : "", rel100 ? " 100rel" : "");
}
