#include "location.h"

#include "address.h"
#include "clock.h"
#include "db_binding.h"
#include "endpoints.h"
#include "log.h"
#include "loop.h"
#include "nat.h"
#include "nat_keep_alive.h"
#include "resolver.h"
#include "scan.h"
#include "state.h"
#include "token.h"
#include "uri.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEP_MS = 1000, ID_MAX = 1024 };

struct location {
	struct stack *stack;
	struct bindings *bindings;
	struct state *state;              /* NULL: nothing is kept */
	const struct received *under_way; /* the REGISTER that is carried out */
	struct nat_keep_alive *keep_alive;
	location_bound_h *on_bound;
	void *arg;
	struct event sweep;
};

/** What is attached to a binding. */
struct way {
	struct hop hop; /* first: binding.h */
	struct nat_keep_alive_to keep_alive;
};

static uint64_t hash(const void *bytes, size_t n)
{
	return token_hash_bytes(0, bytes, n);
}

/* What outlives a restart ------------------------------------------------------------------- */

static void write_id(char out[ID_MAX], const struct binding *b)
{
	snprintf(out, ID_MAX, "%s %s", b->endpoint, b->key);
}

static void keep(struct location *l, const struct binding *b)
{
	char id[ID_MAX], source[ADDRESS_NAME_MAX];
	const struct db_binding row = {
		.id = id,
		.endpoint = b->endpoint,
		.contact = b->contact,
		.q = b->q,
		.path = b->path,
		.call_id = b->call_id,
		.cseq = b->cseq,
		.source = source,
		.transport = b->source.transport,
		.listener = b->listener,
		.nat = b->nat,
		.md5_only = b->md5_only,
		.user_agent = b->user_agent,
		.since_s = (uint32_t)(b->since_ms / 1000),
		.expires_s = (uint32_t)(b->expires_epoch_ms / 1000),
	};

	if (!l->state)
		return;
	write_id(id, b);
	address_name(&b->source.address.any, source);
	if (state_put(l->state, &db_binding_table, &row))
		log_warning(NULL, "binding would not survive a restart endpoint=%s reason=%s", b->endpoint,
			"no memory");
}

static void forget(struct location *l, const struct binding *b)
{
	char id[ID_MAX];

	if (!l->state)
		return;
	write_id(id, b);
	state_remove(l->state, &db_binding_table, id);
}

/* The set ----------------------------------------------------------------------------------- */

/**
 * Where one of the process before is reached. Its connection has ended with that process: over TCP one can be opened to
 * the contact, if the endpoint is not hidden there, and over TLS none, since nobody would say whom it must lead to.
 *
 * @return false when there is no way
 */
static bool find_way(const struct binding *b, union hop_address *to)
{
	const struct scan contact = {b->contact, strlen(b->contact)};
	char maddr[URI_MADDR_MAX];
	struct resolver_target target;
	struct resolver_answer numeric;
	struct uri uri;

	if (!strcmp(b->source.transport, "udp")) {
		memcpy(to, &b->source.address, sizeof(*to));
		return true;
	}
	if (b->nat || b->path[0] || strcmp(b->source.transport, "tcp") || uri_read(&uri, &contact) ||
		uri_target(&uri, maddr, &target) || strcmp(target.transport, "tcp") ||
		!resolver_numeric(&target, &numeric))
		return false;
	memcpy(to, &numeric.address[0].addr, sizeof(*to));
	return true;
}

/** By the request that is carried out, else by what is known of it. */
static void set_hop(struct location *l, struct binding *b)
{
	struct way *way = b->attached ? b->attached : calloc(1, sizeof(*way));
	struct hop *hop = &way->hop;

	b->attached = way;
	if (!way)
		return;
	nat_keep_alive_remove(l->keep_alive, &way->keep_alive);
	hop_clear(hop);
	*hop = (struct hop){.to.any.sa_family = AF_UNSPEC};
	if (l->under_way) {
		nat_follow(hop, l->under_way);
	} else if (find_way(b, &hop->to)) {
		hop->listener =
			transport_listener_named(l->stack->transport, b->source.transport, b->listener);
	}
	if (b->nat && hop->listener && !hop_is_reliable(hop))
		nat_keep_alive_add(l->keep_alive, &way->keep_alive, hop);
}

static void on_put(struct binding *b, bool is_new, void *arg)
{
	struct location *l = arg;
	char source[ADDRESS_NAME_MAX];

	set_hop(l, b);
	if (is_new)
		l->on_bound(b->endpoint, true, l->arg);
	if (!l->under_way)
		return;
	keep(l, b);
	if (!is_new)
		return;
	address_name(&b->source.address.any, source);
	log_info(NULL, "registered endpoint=%s contact=%s source=%s transport=%s nat=%d", b->endpoint,
		b->contact, source, b->source.transport, b->nat);
}

static void on_removed(struct binding *b, enum bindings_end end, void *arg)
{
	struct location *l = arg;

	forget(l, b);
	if (!bindings_first(l->bindings, b->endpoint))
		l->on_bound(b->endpoint, false, l->arg);
	log_info(NULL, "no longer registered endpoint=%s contact=%s reason=%s", b->endpoint, b->contact,
		bindings_end_name(end));
}

static void on_freed(struct binding *b, void *arg)
{
	const struct location *l = arg;
	struct way *way = b->attached;

	if (!way)
		return;
	nat_keep_alive_remove(l->keep_alive, &way->keep_alive);
	hop_clear(&way->hop);
	free(way);
}

static void plan_sweep(struct location *l)
{
	struct timeval tv;

	if (bindings_count(l->bindings) && !event_pending(&l->sweep, EV_TIMEOUT, NULL))
		event_add(&l->sweep, loop_delay(l->stack->loop, SWEEP_MS, &tv));
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct location *l = arg;

	(void)fd;
	(void)what;
	bindings_expire(l->bindings, clock_now_ms());
	plan_sweep(l);
}

int location_register(struct location *l, const struct bindings_request *r, const struct received *rx)
{
	int err;

	l->under_way = rx;
	err = bindings_register(l->bindings, r, clock_now_ms(), clock_epoch_ms());
	l->under_way = NULL;
	plan_sweep(l);
	return err;
}

void location_remove(struct location *l, const char *endpoint)
{
	struct binding *b;

	while ((b = bindings_first(l->bindings, endpoint)))
		bindings_remove(l->bindings, b, BINDINGS_REMOVED);
}

static void end_at(struct location *l, const struct stream *connection, const char *transport)
{
	const struct sockaddr *peer = stream_peer(connection);
	struct binding_source source = {.transport = transport};
	struct binding *b, *next;

	memcpy(&source.address, peer, address_length(peer));
	for (b = bindings_at(l->bindings, &source); b; b = next) {
		const struct hop *hop = b->attached;

		next = binding_next_at(b);
		if (hop && hop->connection == connection)
			bindings_remove(l->bindings, b, BINDINGS_DISCONNECTED);
	}
}

void location_on_ended(struct location *l, const struct stream *connection)
{
	end_at(l, connection, "tcp");
	end_at(l, connection, "tls");
}

const struct bindings *location_bindings(const struct location *l)
{
	return l->bindings;
}

/* Life -------------------------------------------------------------------------------------- */

struct restoration {
	struct location *l;
	const struct endpoints *endpoints;
	uint64_t now_ms;
	int64_t epoch_ms;
	unsigned n;
};

/** "192.0.2.1:5060", "[2001:db8::1]:5060". @return false when it is none */
static bool read_source(struct binding_source *out, const struct db_binding *row)
{
	static const char *const transports[] = {"udp", "tcp", "tls"};
	struct sockaddr_storage address;
	int n = sizeof(address);

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < 3; i++)
		if (!strcmp(row->transport, transports[i]))
			out->transport = transports[i];
	if (!out->transport || evutil_parse_sockaddr_port(row->source, (struct sockaddr *)&address, &n) ||
		(size_t)n > sizeof(out->address))
		return false;
	memcpy(&out->address, &address, (size_t)n);
	return true;
}

static void on_kept(const void *kept, void *arg)
{
	struct restoration *r = arg;
	const struct db_binding *row = kept;
	const struct endpoint *e = endpoints_by_user(r->endpoints, row->endpoint);
	const int64_t left_ms = 1000 * (int64_t)row->expires_s - r->epoch_ms;
	const size_t n = strlen(row->endpoint);
	struct binding b = {.endpoint = row->endpoint,
		.key = strlen(row->id) > n ? row->id + n + 1 : "",
		.contact = row->contact,
		.path = row->path,
		.call_id = row->call_id,
		.user_agent = row->user_agent,
		.listener = row->listener,
		.md5_only = row->md5_only,
		.nat = row->nat,
		.q = row->q,
		.cseq = row->cseq,
		.since_ms = 1000 * (int64_t)row->since_s,
		.expires_epoch_ms = 1000 * (int64_t)row->expires_s};
	union hop_address to;

	if (e && left_ms > 0 && read_source(&b.source, row) && find_way(&b, &to)) {
		b.expires_ms = r->now_ms + (uint64_t)left_ms;
		if (bindings_restore(r->l->bindings, &b) == 0) {
			r->n++;
			return;
		}
	}
	state_remove(r->l->state, &db_binding_table, row->id);
}

void location_restore(struct location *l, const struct endpoints *endpoints, struct state *state)
{
	struct restoration r = {
		.l = l, .endpoints = endpoints, .now_ms = clock_now_ms(), .epoch_ms = clock_epoch_ms()};

	l->state = state;
	if (state_load(state, &db_binding_table, on_kept, &r))
		log_warning(NULL, "bindings not restored reason=%s", "no memory");
	plan_sweep(l);
	if (r.n)
		log_info(NULL, "bindings restored n=%u", r.n);
}

int location_create(struct location **out, struct stack *stack, location_bound_h *on_bound, void *arg)
{
	struct location *l = calloc(1, sizeof(*l));
	const struct bindings_handlers handlers = {on_put, on_removed, on_freed, l};

	if (!l || nat_keep_alive_create(&l->keep_alive, stack) ||
		bindings_create(&l->bindings, hash, &handlers, clock_now_ms())) {
		if (l)
			nat_keep_alive_destroy(l->keep_alive);
		free(l);
		return -ENOMEM;
	}
	l->stack = stack;
	l->on_bound = on_bound;
	l->arg = arg;
	event_assign(&l->sweep, loop_base(stack->loop), -1, 0, on_sweep, l);
	*out = l;
	return 0;
}

void location_destroy(struct location *l)
{
	if (!l)
		return;
	event_del(&l->sweep);
	bindings_destroy(l->bindings);
	nat_keep_alive_destroy(l->keep_alive);
	free(l);
}
