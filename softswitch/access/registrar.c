#include "registrar.h"

#include "address.h"
#include "callers.h"
#include "clock.h"
#include "endpoints.h"
#include "location.h"
#include "login.h"
#include "message.h"
#include "nat.h"
#include "register_contacts.h"
#include "token.h"
#include "uri.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	EXPIRES_MIN_S = 30,
	SPREAD_FROM_S = 300, /* above that not all come back at once */
	PATH_MAX_BYTES = 1024,
	CALL_ID_MAX = 255,
	USER_AGENT_MAX = 128,
	DATE_MAX = 64,
	LINES_MAX = 16384
};

struct registrar {
	struct registrar_parts parts;
	struct register_contacts contacts; /* of the request under way */
	enum login_offer offer;            /* to its sender */
	char lines[LINES_MAX];             /* of its answer */
	char date[DATE_MAX];               /* a line, too */
	time_t date_s;                     /* the second in it */
};

static void refuse(const struct received *rx, int status, const char *phrase)
{
	transport_reply_stateless(rx, status, phrase, NULL);
}

/* What does it want? ------------------------------------------------------------------------ */

/** Is the endpoint reached only where it sends from: does its source differ from Via or Contact? */
static bool is_behind_nat(const struct registrar *r, const struct endpoint *e, const struct received *rx)
{
	const enum db_override nat = endpoint_row(e)->nat;

	if (nat != DB_OVERRIDE_NONE)
		return nat == DB_OVERRIDE_ON;
	for (unsigned i = 0; i < r->contacts.n; i++)
		if (r->contacts.contact[i].expires_s && nat_differs(rx, &r->contacts.contact[i].address.any))
			return true;
	return false;
}

/** For how long? What is long is spread downwards, so that phones that came together do not come back together. */
static uint32_t grant(const struct parameters *p, int64_t asked_s, bool nat)
{
	const uint32_t longest = nat ? p->endpoint_nat_expire_s : p->endpoint_expire_s;
	uint32_t granted =
		asked_s == REGISTER_CONTACTS_NO_EXPIRY || asked_s > longest ? longest : (uint32_t)asked_s;

	if (granted > SPREAD_FROM_S)
		granted -= (uint32_t)(token_random() % (granted / 10 + 1));
	return granted;
}

static bool is_too_brief(const struct register_contacts *contacts)
{
	for (unsigned i = 0; i < contacts->n; i++)
		if (contacts->contact[i].expires_s > 0 && contacts->contact[i].expires_s < EXPIRES_MIN_S)
			return true;
	return false;
}

/** Proxies between us and the endpoint (RFC 3327), as Route lines. @return false when one cannot be used, or they are too long */
static bool read_path(const sip_t *sip, char out[PATH_MAX_BYTES])
{
	struct text t = {.data = out, .size = PATH_MAX_BYTES - 1};
	struct uri_list list = {.header = sip->sip_path};
	struct scan text;
	struct uri uri;

	while (uri_list_next(&list, &text)) {
		if (uri_read(&uri, &text))
			return false;
		text_add_all(&t, "Route: <", uri.text, ">\r\n", NULL);
	}
	return text_end(&t);
}

/* The answer -------------------------------------------------------------------------------- */

static void add_q(struct text *t, unsigned q)
{
	char digits[] = ";q=0.000";

	if (q >= REGISTER_CONTACTS_Q_MAX)
		return;
	for (char *at = digits + sizeof(digits) - 2; q; q /= 10)
		*at-- = (char)('0' + q % 10);
	text_add(t, digits);
}

static void add_bindings(struct text *t, const struct registrar *r, const struct endpoint *e)
{
	const uint64_t now = clock_now_ms();
	const struct binding *b = bindings_first(location_bindings(r->parts.location), endpoint_row(e)->name);

	for (; b; b = binding_next(b)) {
		text_add_all(t, "Contact: <", b->contact, ">;expires=", NULL);
		text_add_number(t, b->expires_ms > now ? (b->expires_ms - now + 999) / 1000 : 0);
		add_q(t, b->q);
		text_add(t, "\r\n");
	}
}

/** Written anew once a second. */
static void add_date(struct text *t, struct registrar *r)
{
	const time_t now = (time_t)(clock_epoch_ms() / 1000);
	struct tm utc;

	if (now != r->date_s) {
		gmtime_r(&now, &utc);
		strftime(r->date, sizeof(r->date), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
		r->date_s = now;
	}
	text_add(t, r->date);
}

static void add_path(struct text *t, const sip_t *sip)
{
	for (const sip_path_t *p = sip->sip_path; p; p = p->r_next)
		message_header(t, (const sip_header_t *)p);
}

/** A request that is repeated gets the same answer from its transaction. */
static void reply(struct registrar *r, const struct received *rx, int status, const char *lines)
{
	struct stack *stack = r->parts.stack;
	struct server_transaction *s;
	char tag[TOKEN_SIZE];
	int err = server_transaction_create(&s, stack->server_transactions, rx, NULL, NULL);

	if (err) {
		refuse(rx, err == -EMSGSIZE ? 513 : 500, NULL);
		return;
	}
	token_make(tag);
	server_transaction_reply(s, status, NULL, tag, lines, &stack->parameters.resend);
}

static void confirm(struct registrar *r, const struct received *rx, const struct endpoint *e)
{
	struct text t = {.data = r->lines, .size = sizeof(r->lines) - 1};

	add_bindings(&t, r, e);
	add_path(&t, rx->sip);
	text_add(&t, "Supported: path\r\n");
	add_date(&t, r);
	if (text_end(&t))
		reply(r, rx, 200, r->lines);
	else
		reply(r, rx, 513, "");
}

/* REGISTER ---------------------------------------------------------------------------------- */

static const char *text_of(const char *text)
{
	return text ? text : "";
}

/** @return as bindings_register() */
static int put(struct registrar *r, const struct received *rx, const struct endpoint *e, const char *path)
{
	const struct parameters *p = &r->parts.stack->parameters;
	const struct db_endpoint *row = endpoint_row(e);
	const sip_t *sip = rx->sip;
	const bool nat = !*path && is_behind_nat(r, e, rx);
	struct bindings_contact contacts[REGISTER_CONTACTS_MAX];
	char user_agent[USER_AGENT_MAX];
	struct bindings_request request = {.endpoint = row->name,
		.call_id = sip->sip_call_id->i_id,
		.path = path,
		.user_agent = user_agent,
		.listener = rx->back.listener->sent_by,
		.source.transport = rx->back.listener->transport,
		.nat = nat,
		.md5_only = r->offer == LOGIN_OFFER_MD5,
		.cseq = sip->sip_cseq->cs_seq,
		.remove_all = r->contacts.remove_all,
		.contacts = contacts,
		.n = r->contacts.n,
		.max = row->contacts,
		.replace = p->endpoint_register_replace};

	memcpy(&request.source.address, rx->source, address_length(rx->source));
	text_fit(user_agent, sizeof(user_agent),
		text_of(sip->sip_user_agent ? sip->sip_user_agent->g_string : NULL));
	for (unsigned i = 0; i < r->contacts.n; i++) {
		const struct register_contact *c = &r->contacts.contact[i];

		contacts[i] = (struct bindings_contact){
			c->key, c->uri, c->expires_s ? grant(p, c->expires_s, nat) : 0, c->q};
	}
	return location_register(r->parts.location, &request, rx);
}

static void refuse_contacts(const struct received *rx, int error)
{
	switch (error) {
	case -ESTALE:
		refuse(rx, 500, "CSeq Out Of Order");
		return;
	case -EBUSY:
		refuse(rx, 403, "Registered Already");
		return;
	case -E2BIG:
		refuse(rx, 403, "Too Many Contacts");
		return;
	default:
		refuse(rx, 500, NULL);
	}
}

/** In the order of RFC 3261 section 10.3. */
static void carry_out(struct registrar *r, const struct received *rx, const struct endpoint *e)
{
	const char *user = rx->sip->sip_to->a_url->url_user;
	char path[PATH_MAX_BYTES];
	int err;

	if (!user || strcmp(user, endpoint_row(e)->name)) {
		refuse(rx, 403, "Not Your Address");
		return;
	}
	err = register_contacts_read(&r->contacts, rx->sip);
	if (err || !read_path(rx->sip, path) || strlen(rx->sip->sip_call_id->i_id) > CALL_ID_MAX) {
		refuse(rx, 400, err == -E2BIG ? "Too Many Contacts" : "Bad Contact");
		return;
	}
	if (is_too_brief(&r->contacts)) {
		transport_reply_stateless(rx, 423, NULL, "Min-Expires: 30\r\n");
		return;
	}
	if (r->contacts.n || r->contacts.remove_all)
		err = put(r, rx, e, path);
	if (err)
		refuse_contacts(rx, err);
	else
		confirm(r, rx, e);
}

void registrar_on_request(struct registrar *r, const struct received *rx)
{
	const struct endpoint *e;

	r->offer = callers_offer(r->parts.callers, rx);
	e = login_check(r->parts.login, LOGIN_REGISTER, rx, &r->offer);
	if (e)
		carry_out(r, rx, e);
}

int registrar_create(struct registrar **out, const struct registrar_parts *parts)
{
	struct registrar *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->parts = *parts;
	*out = r;
	return 0;
}

void registrar_destroy(struct registrar *r)
{
	free(r);
}
