#include "attempt_state.h"
#include "clock.h"
#include "gateway.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/** Fields that stand in no table. */
enum { INVITE = 1, SERVERS, BRANCH };

/** A server that may be called yet. Zeroed before it is filled. */
struct server {
	uint32_t transport; /* index into transports */
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address;
};
static const char *const transports[] = {"udp", "tcp", "tls"};
enum { TRANSPORTS = sizeof(transports) / sizeof(transports[0]) };

/* Writing ----------------------------------------------------------------------------------- */

static uint32_t transport_number(const char *transport)
{
	uint32_t i = 0;

	while (i < TRANSPORTS - 1 && strcmp(transports[i], transport) != 0)
		i++;
	return i;
}

static void write_servers(const struct attempt *a, struct text *t)
{
	struct server left[RESOLVER_ADDRESSES_MAX];
	unsigned n = 0;

	memset(left, 0, sizeof(left));
	for (unsigned i = a->next_server; i < a->servers.n; i++, n++) {
		const struct resolver_address *from = &a->servers.address[i];

		memcpy(&left[n].address, &from->addr, from->length);
		left[n].transport = transport_number(from->transport);
	}
	if (n)
		field_add(t, SERVERS, left, n * sizeof(left[0]));
}

static void write_invite(const struct invite *invite, uint16_t number, struct text *t)
{
	const size_t begun = field_begin(t, number);

	invite_save(invite, t);
	field_end(t, begun);
}

/** Contacts that ring together with this one, as many as there is room for. */
static void write_branches(const struct attempt *a, const struct invite *written, struct text *t)
{
	const struct invite *invite;

	for (unsigned i = 0; (invite = attempt_branches_next(a, &i));) {
		const struct text before = *t;

		if (invite != written)
			write_invite(invite, BRANCH, t);
		if (t->full) {
			*t = before;
			return;
		}
	}
}

void attempt_save(const struct attempt *a, struct text *t)
{
	const struct invite *invite = a->sending ? a->sending : a->invite;

	if (!invite)
		return;
	write_invite(invite, INVITE, t);
	write_servers(a, t);
	if (!t->full)
		write_branches(a, invite, t);
}

/* Reading ----------------------------------------------------------------------------------- */

int attempt_read_invite(
	struct invite **out, struct stack *stack, void *owner, const struct field_bytes *bytes)
{
	struct field_bytes invite;

	*out = NULL;
	return field_find(&invite, INVITE, bytes) ? invite_read(out, stack, owner, &invite) : -ENOENT;
}

bool attempt_read_branch(struct invite **out, struct stack *stack, void *owner, struct field_bytes *left)
{
	struct field_bytes branch;

	while (field_next(&branch, BRANCH, left)) {
		if (!invite_read(out, stack, owner, &branch))
			return true;
		invite_destroy(*out);
	}
	*out = NULL;
	return false;
}

static bool read_server(struct resolver_address *out, const char *bytes)
{
	struct server from;

	memcpy(&from, bytes, sizeof(from));
	if (from.transport >= TRANSPORTS ||
		(from.address.any.sa_family != AF_INET && from.address.any.sa_family != AF_INET6))
		return false;
	out->transport = transports[from.transport];
	out->length = address_length(&from.address.any);
	memcpy(&out->addr, &from.address, out->length);
	return true;
}

/** The one that was called, and those after it; what cannot be read is left out. */
static void read_servers(struct attempt *a, const struct field_bytes *bytes)
{
	const struct hop *called = &invite_dialog(a->invite)->hop;
	struct resolver_address *first = &a->servers.address[0];
	struct field_bytes left;

	first->length = address_length(&called->to.any);
	first->transport = called->listener->transport;
	memcpy(&first->addr, &called->to, first->length);
	a->servers.n = a->next_server = 1;
	attempt_name_server(a, 0);
	if (gateway_row(a->gateway)->endpoint[0] ||
		!field_find(&left, SERVERS, bytes)) /* other contacts may have registered */
		return;
	for (; left.size >= sizeof(struct server) && a->servers.n < RESOLVER_ADDRESSES_MAX;
		left.data += sizeof(struct server), left.size -= sizeof(struct server))
		a->servers.n += read_server(&a->servers.address[a->servers.n], left.data);
}

/** So long at least its stage lasts after the start. */
enum { STAGE_MIN_MS = 2000 };

static uint32_t stage_left(const struct attempt *a, uint64_t since_ms)
{
	uint32_t whole = failover_stage_timeout_ms(&a->policy, a->stage);
	uint64_t passed = clock_now_ms() - since_ms;

	return passed + STAGE_MIN_MS < whole ? whole - (uint32_t)passed : STAGE_MIN_MS;
}

int attempt_resume(struct attempt **out, const struct call_context *context, struct call *call,
	struct gateway *gw, struct invite_content *content, const struct attempt_handlers *handlers,
	void *arg, const struct attempt_rest *rest)
{
	struct attempt *a;
	int err = attempt_make(out, context, call, gw, content, handlers, arg);

	if (err) {
		invite_destroy(rest->invite_take);
		return err;
	}
	a = *out;
	a->invite = rest->invite_take;
	a->stage = rest->stage;
	snprintf(a->call_id, sizeof(a->call_id), "%s", invite_dialog(a->invite)->call_id);
	read_servers(a, rest->bytes);
	attempt_limit_stage(a, stage_left(a, rest->stage_ms));
	if (a->stage == FAILOVER_STAGE_CALLING)
		attempt_limit_server(a);
	if (gateway_row(gw)->endpoint[0])
		err = attempt_branches_resume(a, rest->bytes);
	else
		err = invite_go_on(a->invite, content, &a->policy.resend, &attempt_invite_handlers, a);
	if (err)
		attempt_fail_soon(a, err);
	return 0;
}
