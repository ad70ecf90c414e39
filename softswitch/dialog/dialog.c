#include "dialog.h"

#include "address.h"
#include "message.h"
#include "scan.h"
#include "sdp_answer.h"

#include <sofia-sip/sip_header.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dialogs {
	struct dialog *by_tag;
	struct next_hop_resolver resolver;
};

int dialogs_create(struct dialogs **out, struct resolver *resolver)
{
	struct dialogs *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	set->resolver.resolver = resolver;
	*out = set;
	return 0;
}

void dialogs_destroy(struct dialogs *set)
{
	free(set);
}

size_t dialogs_count(const struct dialogs *set)
{
	return HASH_COUNT(set->by_tag);
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

struct dialog *dialogs_find(const struct dialogs *set, const sip_t *sip)
{
	const char *ours = sip->sip_request ? sip->sip_to->a_tag : sip->sip_from->a_tag;
	const char *theirs = sip->sip_request ? sip->sip_from->a_tag : sip->sip_to->a_tag;
	struct dialog *d;

	if (!ours)
		return NULL;
	HASH_FIND_STR(set->by_tag, ours, d);
	if (!d || !same(d->call_id, sip->sip_call_id->i_id))
		return NULL;
	/* A peer of RFC 2543 may have no tag (RFC 3261 section 12.1.1). */
	return !d->remote_tag || same(d->remote_tag, theirs ? theirs : "") ? d : NULL;
}

static int set_text(char **field, const struct text *t)
{
	char *copy = text_copy(t);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int dialog_resume(struct dialog *d, struct dialogs *set, void *owner)
{
	struct dialog *other;

	HASH_FIND_STR(set->by_tag, d->local_tag, other);
	if (other)
		return -EEXIST;
	d->owner = owner;
	d->resolver = &set->resolver;
	HASH_ADD_STR(set->by_tag, local_tag, d);
	d->set = d->hh.tbl ? set : NULL;
	return d->set ? 0 : -ENOMEM;
}

static int add(struct dialog *d, struct dialogs *set, void *owner)
{
	if (!d->local_tag[0]) {
		d->origin.id = token_random() >> 2;
		token_make(d->local_tag);
	}
	return dialog_resume(d, set, owner);
}

static void take_hop(struct dialog *d, const struct hop *hop)
{
	hop_copy(&d->hop, hop);
	d->listener = hop->listener;
}

static bool has_route(const struct dialog *d)
{
	return d->route[0] || d->strict_route;
}

enum { ROUTES_MAX = 256 };

/** @return how many; -E2BIG */
static int list_routes(const sip_record_route_t *first, struct scan out[ROUTES_MAX])
{
	struct uri_list list = {.header = first};
	struct scan text;
	int n = 0;

	while (uri_list_next(&list, &text)) {
		if (n == ROUTES_MAX)
			return -E2BIG;
		out[n++] = text;
	}
	return n;
}

/**
 * Set the route set and, if there is one, where requests go: to the first route. A first route without lr is a strict
 * router: it becomes the Request-URI, and the remote target is appended as the last route (RFC 3261 section 12.2.1.1).
 *
 * @param reverse  we are the UAC (section 12.1.2)
 * @return 0; -EINVAL a route cannot be used, and nothing has changed; -E2BIG; -ENOMEM
 */
static int set_route(
	struct dialog *d, const sip_record_route_t *header, bool reverse, const struct received *from)
{
	struct text t = text_scratch(), strict = t, lines;
	struct scan list[ROUTES_MAX];
	struct uri uri;
	int n = list_routes(header, list);

	for (int i = 0; i < n; i++) {
		if (uri_read(&uri, &list[reverse ? n - 1 - i : i]))
			return -EINVAL;
		if (i == 0 && !uri_is_loose(&uri)) {
			text_add(&t, uri.text);
			strict = t;
		} else {
			text_add_all(&t, "Route: <", uri.text, ">\r\n", NULL);
		}
	}
	lines = (struct text){.data = t.data + strict.len, .len = t.len - strict.len, .full = t.full};
	if (n < 0 || set_text(&d->route, &lines) || (strict.len && set_text(&d->strict_route, &strict)))
		return n < 0 ? n : -ENOMEM;
	return n && uri_read(&uri, &list[reverse ? n - 1 : 0]) == 0
		? next_hop_set(&d->next, &d->hop, d->resolver, &uri, from)
		: 0;
}

/** The same with the peer's Contact, where requests go without routes. Routes that cannot be used are taken as missing. */
static int set_way(struct dialog *d, const struct received *from, bool reverse, const struct uri *contact)
{
	int err = set_route(d, from->sip->sip_record_route, reverse, from);

	if (err == -EINVAL)
		err = set_route(d, NULL, reverse, from);
	if (!err && contact && !has_route(d))
		err = next_hop_set(&d->next, &d->hop, d->resolver, contact, from);
	return err;
}

/** A From or To header as a value, without its name and line end. */
static void add_value(struct text *t, const sip_addr_t *a)
{
	size_t start = t->len;
	char *colon;

	message_header(t, (const sip_header_t *)a);
	if (t->full)
		return;
	text_strip_line_end(t);
	colon = memchr(t->data + start, ':', t->len - start);
	if (!colon)
		return;
	do
		colon++;
	while (colon < t->data + t->len && (*colon == ' ' || *colon == '\t'));
	t->len -= (size_t)(colon - (t->data + start));
	memmove(t->data + start, colon, t->len - start);
}

/** Remote target and route set of a caller. Without a Contact it is found by its From, as in RFC 2543, or by its address. */
static int accept_way(struct dialog *d, const struct received *invite)
{
	const sip_t *sip = invite->sip;
	char address[ADDRESS_NAME_MAX];
	struct text t = text_scratch();
	struct uri uri;
	bool contact = uri_read_first(&uri, sip->sip_contact);

	if (contact || uri_read_first(&uri, sip->sip_from)) {
		text_add(&t, uri.text);
	} else {
		address_name(&d->hop.to.any, address);
		text_add_all(&t, "sip:", address, NULL);
	}
	if (set_text(&d->target, &t))
		return -ENOMEM;
	return set_way(d, invite, false, contact ? &uri : NULL);
}

int dialog_accept(struct dialog *d, struct dialogs *set, void *owner, const struct received *invite)
{
	const sip_t *sip = invite->sip;
	struct text t = text_scratch();

	if (add(d, set, owner))
		return -ENOMEM;
	take_hop(d, &invite->back);
	d->remote_seq = sip->sip_cseq->cs_seq;
	add_value(&t, sip->sip_to);
	text_add_all(&t, ";tag=", d->local_tag, NULL);
	if (set_text(&d->local, &t))
		return -ENOMEM;
	t = text_scratch();
	add_value(&t, sip->sip_from);
	if (set_text(&d->remote, &t))
		return -ENOMEM;
	if (text_set(&d->call_id, sip->sip_call_id->i_id) ||
		text_set(&d->remote_tag, sip->sip_from->a_tag ? sip->sip_from->a_tag : ""))
		return -ENOMEM;
	return accept_way(d, invite);
}

int dialog_begin(struct dialog *d, struct dialogs *set, void *owner, const struct hop *hop, const char *local,
	const char *remote, const char *target)
{
	struct text t = text_scratch();
	char id[TOKEN_SIZE], more[TOKEN_SIZE];

	if (add(d, set, owner))
		return -ENOMEM;
	take_hop(d, hop);
	text_add_all(&t, local, ";tag=", d->local_tag, NULL);
	if (set_text(&d->local, &t))
		return -ENOMEM;
	token_make(id);
	token_make(more);
	t = text_scratch();
	text_add_all(&t, id, more, NULL);
	if (set_text(&d->call_id, &t) || text_set(&d->remote, remote) || text_set(&d->target, target) ||
		text_set(&d->route, ""))
		return -ENOMEM;
	return 0;
}

/** The Request-URI as it was sent. */
static int set_called(struct dialog *d, const sip_t *invite)
{
	const msg_common_t *line = invite->sip_request->rq_common;
	const char *begin = line->h_data ? memchr(line->h_data, ' ', line->h_len) : NULL;
	const char *end = begin
		? memchr(begin + 1, ' ', line->h_len - (size_t)(begin + 1 - (const char *)line->h_data))
		: NULL;
	struct text t = text_scratch();

	if (!end)
		return -EINVAL;
	text_add_bytes(&t, begin + 1, (size_t)(end - begin - 1));
	return set_text(&d->target, &t);
}

static int set_value(char **field, const sip_addr_t *a)
{
	struct text t = text_scratch();

	add_value(&t, a);
	return set_text(field, &t);
}

int dialog_resume_invite(
	struct dialog *d, struct dialogs *set, void *owner, const struct hop *hop, const sip_t *invite)
{
	struct text routes = text_scratch();
	const char *tag = invite->sip_from->a_tag, *branch = invite->sip_via->v_branch;

	if (!tag || strlen(tag) >= sizeof(d->local_tag) || !branch ||
		strlen(branch) >= sizeof(d->invite_branch))
		return -EINVAL;
	memcpy(d->local_tag, tag, strlen(tag) + 1);
	memcpy(d->invite_branch, branch, strlen(branch) + 1);
	d->local_seq = d->invite_seq = invite->sip_cseq->cs_seq;
	take_hop(d, hop);
	for (const sip_route_t *r = invite->sip_route; r; r = r->r_next)
		message_header(&routes, (const sip_header_t *)r);
	if (set_text(&d->route, &routes) || set_value(&d->local, invite->sip_from) ||
		set_value(&d->remote, invite->sip_to) || text_set(&d->call_id, invite->sip_call_id->i_id))
		return -ENOMEM;
	return set_called(d, invite) ? -EINVAL : dialog_resume(d, set, owner);
}

int dialog_establish(struct dialog *d, const struct received *response)
{
	const sip_t *sip = response->sip;
	struct text t = text_scratch();
	struct uri uri;
	bool contact = uri_read_first(&uri, sip->sip_contact);

	add_value(&t, sip->sip_to);
	if (set_text(&d->remote, &t) ||
		text_set(&d->remote_tag, sip->sip_to->a_tag ? sip->sip_to->a_tag : ""))
		return -ENOMEM;
	if (contact && text_set(&d->target, uri.text))
		return -ENOMEM;
	return set_way(d, response, true, contact ? &uri : NULL);
}

int dialog_share_account(struct dialog *d, const struct dialog *of)
{
	d->account = of->account;
	return (of->user && (text_set(&d->user, of->user) || text_set(&d->password, of->password))) ||
			(of->realm && text_set(&d->realm, of->realm))
		? -ENOMEM
		: 0;
}

int dialog_fork(struct dialog *d, const struct dialog *of, const struct received *response)
{
	*d = (struct dialog){.owner = of->owner,
		.resolver = of->resolver,
		.local_seq = of->local_seq,
		.invite_seq = of->invite_seq,
		.own_origin = of->own_origin,
		.origin = of->origin};
	text_fit(d->local_tag, sizeof(d->local_tag), of->local_tag);
	take_hop(d, &of->hop);
	session_fork(&d->session, &of->session);
	if (text_set(&d->call_id, of->call_id) || text_set(&d->local, of->local) ||
		text_set(&d->target, of->target) || dialog_share_account(d, of) ||
		(of->pass_headers && text_set(&d->pass_headers, of->pass_headers)))
		return -ENOMEM;
	return dialog_establish(d, response);
}

bool dialog_is_target_refresh(const char *method)
{
	static const char *const methods[] = {"INVITE", "UPDATE", "NOTIFY", "REFER"};

	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i], method))
			return true;
	return false;
}

int dialog_refresh_target(struct dialog *d, const struct received *from)
{
	struct uri uri;
	bool contact = uri_read_first(&uri, from->sip->sip_contact);

	if (contact && text_set(&d->target, uri.text))
		return -ENOMEM;
	if (contact && !has_route(d))
		return next_hop_set(&d->next, &d->hop, d->resolver, &uri, from);
	next_hop_renew(&d->next, &d->hop, from);
	return 0;
}

bool dialog_take_cseq(struct dialog *d, const sip_t *request)
{
	const uint32_t seq = request->sip_cseq->cs_seq;

	if (d->resumed && seq == d->remote_seq)
		return true;
	if (d->remote_seq && seq <= d->remote_seq)
		return false;
	d->remote_seq = seq;
	d->remote_end = 0;
	d->remote_acked &= request->sip_request->rq_method != sip_method_invite;
	d->resumed = false;
	return true;
}

bool dialog_takes_request(struct dialog *d, uint64_t now_ms)
{
	if (!d->window_ms || now_ms - d->window_ms >= DIALOG_WINDOW_MS) {
		d->window_ms = now_ms;
		d->in_window = 0;
	}
	return ++d->in_window <= DIALOG_REQUESTS_MAX;
}

void dialog_move(struct dialog *to, struct dialog *from)
{
	struct dialogs *set = from->set;

	if (set)
		HASH_DEL(set->by_tag, from);
	*to = *from;
	if (set)
		HASH_ADD_STR(set->by_tag, local_tag, to);
	if (set && !to->hh.tbl)
		to->set = NULL; /* it goes on, but requests of the peer do not find it */
	*from = (struct dialog){0};
}

void dialog_clear(struct dialog *d)
{
	if (d->set)
		HASH_DEL(d->set->by_tag, d);
	hop_clear(&d->hop);
	next_hop_clear(&d->next);
	free(d->call_id);
	free(d->local);
	free(d->remote);
	free(d->remote_tag);
	free(d->target);
	free(d->route);
	free(d->strict_route);
	free(d->user);
	free(d->password);
	free(d->realm);
	free(d->credentials);
	free(d->pass_headers);
	session_clear(&d->session);
	*d = (struct dialog){0};
}

int dialog_from_stray_answer(struct dialog *d, struct dialogs *set, const struct received *response)
{
	const sip_t *sip = response->sip;
	struct text t = text_scratch();
	struct uri called;

	if (!uri_read_first(&called, sip->sip_to))
		return -EINVAL;
	d->resolver = &set->resolver;
	take_hop(d, &response->back);
	text_fit(d->local_tag, sizeof(d->local_tag), sip->sip_from->a_tag ? sip->sip_from->a_tag : "");
	d->local_seq = sip->sip_cseq->cs_seq;
	add_value(&t, sip->sip_from);
	if (set_text(&d->local, &t) || text_set(&d->call_id, sip->sip_call_id->i_id) ||
		text_set(&d->target, called.text) || text_set(&d->route, ""))
		return -ENOMEM;
	if (sip->sip_status->st_status < 300)
		return dialog_establish(d, response);
	t = text_scratch();
	add_value(&t, sip->sip_to);
	return set_text(&d->remote, &t);
}

void dialog_write_contact(const struct dialog *d, struct text *t)
{
	message_contact(t, d->listener);
}

void dialog_write_request(struct dialog *d, struct text *t, const char *method, const char *branch,
	uint32_t cseq, unsigned max_forwards)
{
	struct message_request head = {.method = method,
		.branch = branch,
		.max_forwards = max_forwards,
		.uri = d->strict_route ? d->strict_route : d->target,
		.route = d->route,
		.last_route = d->strict_route ? d->target : NULL,
		.from = d->local,
		.to = d->remote,
		.call_id = d->call_id,
		.cseq = cseq ? cseq : ++d->local_seq};

	if (!strcmp(method, "INVITE")) {
		d->invite_seq = head.cseq;
		d->offerless = false;
		text_fit(d->invite_branch, sizeof(d->invite_branch), branch);
	}
	next_hop_update(&d->next, &d->hop, d->resolver);
	message_request_head(t, d->hop.listener, &head);
}

/* Bodies ------------------------------------------------------------------------------------ */

/**
 * A copy of the body whose description has our o= and s= lines; valid until the next call. One that does not fit is
 * returned with a length that no message holds.
 */
static struct message_body own_description(
	struct dialog *d, const struct message_body *body, const struct sdp_span *sdp)
{
	static char buffer[TEXT_MAX];
	struct text t = {.data = buffer, .size = sizeof(buffer)};
	const struct hop_listener *l = d->listener;
	char address[INET6_ADDRSTRLEN];
	bool brackets = l->host[0] == '[';

	snprintf(address, sizeof(address), "%.*s", (int)strlen(l->host) - 2 * brackets, l->host + brackets);
	text_add_bytes(&t, body->data, (size_t)(sdp->data - body->data));
	sdp_origin_write(&d->origin, &t, sdp, address);
	text_add_bytes(&t, sdp->data + sdp->len, (size_t)(body->data + body->len - (sdp->data + sdp->len)));
	return (struct message_body){.data = buffer, .len = t.full ? TEXT_MAX : t.len};
}

void dialog_write_body(struct dialog *d, struct text *t, const sip_t *carries)
{
	struct message_body body = carries ? message_body(carries) : (struct message_body){0};
	struct sdp_span sdp;

	if (d->own_origin && body.len && message_find_sdp(carries, &sdp))
		body = own_description(d, &body, &sdp);
	message_end(t, &body);
}

void dialog_write_description(struct dialog *d, struct text *t, const struct session *other)
{
	const struct session_description *their = &other->theirs;
	struct message_body body = {.data = their->data, .len = their->len};

	if (their->type)
		text_add(t, their->type);
	if (d->own_origin && body.len)
		body = own_description(d, &body, &their->sdp);
	message_end(t, &body);
}

void dialog_write_answer(struct dialog *d, struct text *t, const struct session *other)
{
	static char buffer[TEXT_MAX];
	const struct session_description *their = &other->theirs;
	const char *end = their->sdp.data + their->sdp.len;
	size_t before = (size_t)(their->sdp.data - their->data);
	struct text body = {.data = buffer, .size = sizeof(buffer)};
	struct session answer = {.theirs = {.type = their->type, .data = buffer}};

	text_add_bytes(&body, their->data, before);
	sdp_answer_write(&body, &their->sdp, &d->session.theirs.sdp);
	answer.theirs.sdp = (struct sdp_span){buffer + before, body.len - before};
	text_add_bytes(&body, end, (size_t)(their->data + their->len - end));
	answer.theirs.len = body.full ? TEXT_MAX : body.len;
	dialog_write_description(d, t, &answer);
}
