#include "publish.h"

#include "clock.h"
#include "db_publication.h"
#include "gateway_targets.h"
#include "headers.h"
#include "log.h"
#include "loop.h"
#include "message.h"
#include "pidf.h"
#include "publications.h"
#include "state.h"
#include "token.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <sofia-sip/sip_hclasses.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum { EXPIRES_MIN_S = 30, SWEEP_MS = 1000, LINES_MAX = 256, ADDRESS_MAX = 300 };

struct publish {
	struct stack *stack;
	const struct gateway_targets *targets;
	struct publications *publications;
	struct state *state; /* NULL: nothing is kept */
	struct event sweep;
};

/** How the PUBLISH is answered. */
struct verdict {
	int status;
	const char *phrase; /* NULL = the usual one */
	char lines[LINES_MAX];
};

static struct verdict refuse(int status, const char *phrase, const char *lines)
{
	struct verdict v = {.status = status, .phrase = phrase};

	snprintf(v.lines, sizeof(v.lines), "%s", lines);
	return v;
}

/* Which gateways ---------------------------------------------------------------------------- */

struct subjects {
	const char *user[2];   /* user of Request-URI and To; may be NULL */
	const char *transport; /* it came by */
	struct gateway **gateways;
	size_t n;
};

static void add_subject(struct gateway *gw, void *arg)
{
	struct subjects *s = arg;

	s->gateways[s->n++] = gw;
}

/** "udp" can be forged, "tcp" not by everybody, "tls" by nobody. */
static unsigned strength(const char *transport)
{
	return strcmp(transport, "udp") == 0 ? 0 : strcmp(transport, "tcp") == 0 ? 1 : 2;
}

/** May it publish, and does it come by no weaker a transport than we call it by? */
static bool may_publish(const struct gateway *gw, const char *transport)
{
	const struct db_gateway *row = gateway_row(gw);

	return row->publish && (!row->transport[0] || strength(transport) >= strength(row->transport));
}

/** Keep the gateway that the request names, or the one that is alone at its address; if it may not publish, none. */
static void choose(struct subjects *s)
{
	struct gateway *chosen = s->n == 1 ? s->gateways[0] : NULL;

	for (unsigned u = 2; u-- > 0;)
		for (size_t i = 0; s->user[u] && i < s->n; i++)
			if (!strcmp(gateway_name(s->gateways[i]), s->user[u]))
				chosen = s->gateways[i];
	s->n = 0;
	if (chosen && may_publish(chosen, s->transport))
		s->gateways[s->n++] = chosen;
}

/** @return 0, and the caller frees the list; -ENOMEM */
static int find_subjects(struct subjects *s, const struct publish *set, const struct received *rx)
{
	const bool datagram = strcmp(rx->back.listener->transport, "udp") == 0;
	size_t n = gateway_targets_from(set->targets, rx->source, datagram, NULL, NULL);

	*s = (struct subjects){
		.user = {rx->sip->sip_request->rq_url->url_user, rx->sip->sip_to->a_url->url_user},
		.transport = rx->back.listener->transport};
	s->gateways = calloc(n + 1, sizeof(struct gateway *));
	if (!s->gateways)
		return -ENOMEM;
	gateway_targets_from(set->targets, rx->source, datagram, add_subject, s);
	choose(s);
	return 0;
}

/* What is published ------------------------------------------------------------------------- */

/** The tag of SIP-If-Match. @return false when there are several, in one line or more */
static bool read_condition(const sip_t *sip, const char **etag)
{
	const sip_if_match_t *m = sip->sip_if_match;

	*etag = m ? m->g_value : NULL;
	for (const sip_header_t *h = (const sip_header_t *)sip->sip_error; h; h = h->sh_next)
		if (h->sh_class == sip_if_match_class)
			return false;
	return !m || !memchr(m->g_common->h_data, ',', m->g_common->h_len);
}

/** The lifetime to grant. @return the verdict if it is refused, else status 0 */
static struct verdict read_expires(const sip_t *sip, const struct parameters *p, uint32_t *out)
{
	const sip_expires_t *asked = sip->sip_expires;

	*out = p->publish_expire_s;
	if (!asked)
		return (struct verdict){0};
	if (asked->ex_date)
		return refuse(400, "Expires Is In Seconds", "");
	if (asked->ex_delta && asked->ex_delta < EXPIRES_MIN_S)
		return refuse(423, NULL, "Min-Expires: 30\r\n");
	if (asked->ex_delta < *out)
		*out = (uint32_t)asked->ex_delta;
	return (struct verdict){0};
}

/** @return the verdict if the body is refused, else status 0 */
static struct verdict read_body(const sip_t *sip, enum publication_state *out)
{
	const struct message_body body = message_body(sip);
	const char *type = sip->sip_content_type ? sip->sip_content_type->c_type : "";
	const char *encoding = sip->sip_content_encoding && sip->sip_content_encoding->k_items
		? sip->sip_content_encoding->k_items[0]
		: NULL;
	bool open = false;
	int err;

	if (strcasecmp(type, "application/pidf+xml"))
		return refuse(415, NULL, "Accept: application/pidf+xml\r\n");
	if (encoding && strcasecmp(encoding, "identity"))
		return refuse(415, NULL, "Accept: application/pidf+xml\r\nAccept-Encoding: identity\r\n");
	err = pidf_parse(&open, body.data, body.len);
	if (err)
		return err == -ENOMEM ? refuse(500, NULL, "") : refuse(400, "Bad Presence Document", "");
	*out = open ? PUBLICATION_STATE_OPEN : PUBLICATION_STATE_CLOSED;
	return (struct verdict){0};
}

/** An entity tag that cannot be guessed. */
static bool make_etag(char out[PUBLICATION_ETAG_MAX + 1])
{
	unsigned char bytes[PUBLICATION_ETAG_MAX / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return false;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

/* What outlives a restart ------------------------------------------------------------------- */

static const char *address_of(const struct gateway *gw, char out[ADDRESS_MAX])
{
	const struct db_gateway *row = gateway_row(gw);

	snprintf(out, ADDRESS_MAX, "%s %u %s", row->host, row->port, row->transport);
	return out;
}

static void keep(
	struct publish *set, const struct publication_publisher *by, const char *etag, uint32_t expires_s)
{
	char address[ADDRESS_MAX];

	for (size_t i = 0; set->state && i < by->n; i++) {
		const struct db_publication row = {
			.gateway = gateway_name(by->gateways[i]),
			.address = address_of(by->gateways[i], address),
			.etag = etag,
			.basic = gateway_publication(by->gateways[i]) == PUBLICATION_STATE_CLOSED ? "closed"
												  : "open",
			.expires_s = (uint32_t)(clock_epoch_ms() / 1000) + expires_s,
		};

		if (state_put(set->state, &db_publication_table, &row))
			log_warning(NULL, "publication would not survive a restart gateway=%s reason=%s",
				row.gateway, "no memory");
	}
}

static void forget(const char *gateway, void *arg)
{
	struct publish *set = arg;

	if (set->state)
		state_remove(set->state, &db_publication_table, gateway);
}

struct restoration {
	struct publish *set;
	const struct gateways *gateways;
	size_t n;
};

/** One that expired meanwhile takes its gateway out of service as it would have done without a stop. */
static void on_kept(const void *kept, void *arg)
{
	struct restoration *r = arg;
	const struct db_publication *row = kept;
	struct gateway *gw = gateways_find(r->gateways, row->gateway);
	const int64_t left_ms = 1000 * (int64_t)row->expires_s - clock_epoch_ms();
	const struct publication_content content = {.etag = row->etag,
		.state = strcmp(row->basic, "closed") ? PUBLICATION_STATE_OPEN : PUBLICATION_STATE_CLOSED,
		.lifetime_ms = left_ms <= 0    ? 0
			: left_ms > UINT32_MAX ? UINT32_MAX
					       : (uint32_t)left_ms};
	char address[ADDRESS_MAX];

	if (!gw || !gateway_row(gw)->publish || strcmp(address_of(gw, address), row->address) ||
		strlen(row->etag) > PUBLICATION_ETAG_MAX) {
		state_remove(r->set->state, &db_publication_table, row->gateway);
		return;
	}
	if (publications_put(r->set->publications, NULL, &(struct publication_publisher){&gw, 1}, &content,
		    clock_now_ms()) == 0)
		r->n++;
}

static struct verdict put(struct publish *set, struct publication *p, const struct publication_publisher *by,
	enum publication_state state, uint32_t expires_s)
{
	char etag[PUBLICATION_ETAG_MAX + 1];
	struct publication_content content = {.etag = etag, .state = state, .lifetime_ms = 1000 * expires_s};
	struct verdict v = {.status = 200};
	int err = make_etag(etag) ? 0 : -EIO;

	if (!err && expires_s)
		err = publications_put(set->publications, p, by, &content, clock_now_ms());
	else if (!err && p)
		publications_remove(set->publications, p, clock_now_ms());
	if (err)
		return refuse(500, NULL, "");
	if (expires_s)
		keep(set, by, etag, expires_s);
	else
		for (size_t i = 0; p && i < by->n; i++)
			forget(gateway_name(by->gateways[i]), set);
	snprintf(v.lines, sizeof(v.lines), "SIP-ETag: %s\r\nExpires: %u\r\n", etag, expires_s);
	return v;
}

/** In the order of RFC 3903 section 6. */
static struct verdict decide(struct publish *set, const sip_t *sip, const struct publication_publisher *by)
{
	enum publication_state state = PUBLICATION_STATE_NONE;
	struct publication *p = NULL;
	const char *condition;
	struct verdict v;
	uint32_t expires_s;

	if (!sip->sip_event || strcmp(sip->sip_event->o_type, "presence"))
		return refuse(489, "Bad Event", headers_allow_events);
	if (!read_condition(sip, &condition))
		return refuse(400, "More Than One SIP-If-Match", "");
	if (condition)
		p = publications_find(set->publications, condition, by);
	if (condition && !p)
		return refuse(412, "Conditional Request Failed", "");
	v = read_expires(sip, &set->stack->parameters, &expires_s);
	if (v.status)
		return v;
	if (!p && !message_body(sip).len)
		return refuse(400, "No Presence Document", "");
	if (message_body(sip).len)
		v = read_body(sip, &state);
	return v.status ? v : put(set, p, by, state, expires_s);
}

static void plan_sweep(struct publish *set)
{
	struct timeval tv;

	if (publications_count(set->publications) && !event_pending(&set->sweep, EV_TIMEOUT, NULL))
		event_add(&set->sweep, loop_delay(set->stack->loop, SWEEP_MS, &tv));
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct publish *set = arg;

	(void)fd;
	(void)what;
	publications_expire(set->publications, clock_now_ms());
	plan_sweep(set);
}

bool publish_is_gateway(const struct publish *set, const struct sockaddr *source)
{
	return gateway_targets_at(set->targets, source, NULL, NULL) > 0;
}

static void note_publisher(struct gateway *gw, void *arg)
{
	*(bool *)arg |= gateway_row(gw)->publish;
}

bool publish_takes(const struct publish *set, const struct sockaddr *source)
{
	bool takes = false;

	gateway_targets_at(set->targets, source, note_publisher, &takes);
	return takes;
}

void publish_on_request(struct publish *set, const struct received *rx)
{
	struct stack *stack = set->stack;
	char tag[TOKEN_SIZE];
	struct subjects subjects;
	struct server_transaction *s;
	struct verdict v = {.status = 500};
	int err = server_transaction_create(&s, stack->server_transactions, rx, NULL, NULL);

	if (err) {
		transport_reply_stateless(rx, err == -EMSGSIZE ? 513 : 500, NULL, NULL);
		return;
	}
	if (find_subjects(&subjects, set, rx) == 0) {
		struct publication_publisher by = {subjects.gateways, subjects.n};

		v = by.n ? decide(set, rx->sip, &by) : refuse(403, NULL, "");
		free(subjects.gateways);
	}
	plan_sweep(set);
	token_make(tag);
	server_transaction_reply(s, v.status, v.phrase, tag, v.lines, &stack->parameters.resend);
}

static void on_named(struct gateway *gw, const struct publication_content *content, void *arg)
{
	keep(arg, &(struct publication_publisher){&gw, 1}, content->etag, content->lifetime_ms / 1000);
}

void publish_apply(struct publish *set)
{
	const struct publications_changes changes = {forget, on_named, set};

	publications_apply(set->publications, &changes, clock_now_ms());
}

void publish_restore(struct publish *set, const struct gateways *gateways, struct state *state)
{
	struct restoration r = {.set = set, .gateways = gateways};

	set->state = state;
	if (state_load(state, &db_publication_table, on_kept, &r))
		log_warning(NULL, "publications not restored reason=%s", "no memory");
	publications_expire(set->publications, clock_now_ms());
	plan_sweep(set);
	if (r.n)
		log_info(NULL, "publications restored n=%zu", r.n);
}

int publish_create(struct publish **out, struct stack *stack, const struct gateway_targets *targets)
{
	struct publish *set = calloc(1, sizeof(*set));

	if (!set || publications_create(&set->publications)) {
		free(set);
		return -ENOMEM;
	}
	set->stack = stack;
	set->targets = targets;
	event_assign(&set->sweep, loop_base(stack->loop), -1, 0, on_sweep, set);
	*out = set;
	return 0;
}

void publish_destroy(struct publish *set)
{
	if (!set)
		return;
	event_del(&set->sweep);
	publications_destroy(set->publications);
	free(set);
}
