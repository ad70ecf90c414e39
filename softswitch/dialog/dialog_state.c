#include "dialog_state.h"

#include "address.h"
#include "tls_identity.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/** Fields that stand in no table. */
enum { DESCRIPTION = 40, ADDRESS, PEER_ADDRESS, PEER };

static const struct field fields[] = {
	FIELD(1, ARRAY, struct dialog, local_tag),
	FIELD(2, TEXT, struct dialog, call_id),
	FIELD(3, TEXT, struct dialog, local),
	FIELD(4, TEXT, struct dialog, remote),
	FIELD(5, TEXT, struct dialog, remote_tag),
	FIELD(6, TEXT, struct dialog, target),
	FIELD(7, TEXT, struct dialog, route),
	FIELD(8, TEXT, struct dialog, strict_route),
	FIELD(9, NUMBER, struct dialog, local_seq),
	FIELD(10, NUMBER, struct dialog, remote_seq),
	FIELD(11, NUMBER, struct dialog, invite_seq),
	FIELD(12, NUMBER, struct dialog, ack_seq),
	FIELD(13, TEXT, struct dialog, pass_headers),
	FIELD(14, NUMBER, struct dialog, own_origin),
	FIELD(15, NUMBER, struct dialog, origin.id),
	FIELD(16, NUMBER, struct dialog, origin.version),
	FIELD(17, NUMBER, struct dialog, origin.hash),
	FIELD(18, TEXT, struct dialog, next.host),
	FIELD(19, NUMBER, struct dialog, next.port),
	FIELD(20, TEXT, struct dialog, session.theirs.type),
	FIELD(21, NUMBER, struct dialog, session.timer),
	FIELD(22, NUMBER, struct dialog, session.rel100),
	FIELD(23, NUMBER, struct dialog, session.update),
	FIELD(24, NUMBER, struct dialog, session.interval_s),
	FIELD(25, NUMBER, struct dialog, session.min_se_s),
	FIELD(26, NUMBER, struct dialog, session.refresher),
	FIELD(27, NUMBER, struct dialog, session.identity),
};

/** What of a dialog stands behind its pointers. */
struct behind {
	char *transport, *sent_by;       /* of the listener where the peer reaches us */
	char *to_transport, *to_sent_by; /* of the one by which requests go */
	char *next_transport;
	uint64_t sdp_at, sdp_length;            /* in the description */
	char *name, *certificate, *fingerprint; /* of struct tls_identity_demand */
	bool verify;
};

static const struct field behind_fields[] = {
	FIELD(50, TEXT, struct behind, transport),
	FIELD(51, TEXT, struct behind, sent_by),
	FIELD(52, NUMBER, struct behind, sdp_at),
	FIELD(53, NUMBER, struct behind, sdp_length),
	FIELD(54, TEXT, struct behind, name),
	FIELD(55, TEXT, struct behind, certificate),
	FIELD(56, TEXT, struct behind, fingerprint),
	FIELD(57, NUMBER, struct behind, verify),
	FIELD(58, TEXT, struct behind, to_transport),
	FIELD(59, TEXT, struct behind, to_sent_by),
	FIELD(64, TEXT, struct behind, next_transport),
};

static const struct field peer_fields[] = {
	FIELD(60, NUMBER, struct hop_peer, called_us),
	FIELD(61, NUMBER, struct hop_peer, elsewhere),
	FIELD(62, NUMBER, struct hop_peer, strict_source),
	FIELD(63, NUMBER, struct hop_peer, row_id),
};

#define TABLE(table) table, sizeof(table) / sizeof((table)[0])

/* Writing ----------------------------------------------------------------------------------- */

static void write_behind(const struct dialog *d, struct text *t)
{
	const struct session_description *theirs = &d->session.theirs;
	char fingerprint[TLS_IDENTITY_FINGERPRINT_MAX];
	struct tls_identity_demand demand = {0};
	struct behind b;

	if (d->hop.identity)
		tls_identity_demand(d->hop.identity, fingerprint, &demand);
	b = (struct behind){.transport = (char *)d->listener->transport,
		.sent_by = (char *)d->listener->sent_by,
		.to_transport = (char *)d->hop.listener->transport,
		.to_sent_by = d->hop.listener->sent_by,
		.next_transport = (char *)d->next.transport,
		.sdp_at = theirs->len ? (uint64_t)(theirs->sdp.data - theirs->data) : 0,
		.sdp_length = theirs->sdp.len,
		.name = (char *)demand.name,
		.certificate = (char *)demand.certificate,
		.fingerprint = (char *)demand.fingerprint,
		.verify = demand.verify};
	field_write(t, TABLE(behind_fields), &b);
}

static void write_peer(const struct hop_peer *peer, struct text *t)
{
	field_add(t, PEER, peer->name, strlen(peer->name));
	field_add(t, PEER_ADDRESS, &peer->address, address_length(&peer->address.any));
	field_write(t, TABLE(peer_fields), peer);
}

void dialog_state_write(const struct dialog *d, struct text *t)
{
	field_write(t, TABLE(fields), d);
	write_behind(d, t);
	field_add(t, ADDRESS, &d->hop.to, address_length(&d->hop.to.any));
	if (d->session.theirs.len)
		field_add(t, DESCRIPTION, d->session.theirs.data, d->session.theirs.len);
	if (d->hop.peer)
		write_peer(d->hop.peer, t);
}

/* Reading ----------------------------------------------------------------------------------- */

static int read_address(union hop_address *out, uint16_t number, const struct field_bytes *bytes)
{
	struct field_bytes value;
	sa_family_t family;

	if (!field_find(&value, number, bytes) || value.size < sizeof(family))
		return -EINVAL;
	memcpy(&family, value.data, sizeof(family));
	if (value.size != (family == AF_INET ? sizeof(out->v4) : family == AF_INET6 ? sizeof(out->v6) : 0))
		return -EINVAL;
	memcpy(out, value.data, value.size);
	return 0;
}

static int read_peer(struct dialog *d, const struct field_bytes *bytes)
{
	union hop_address address;
	struct field_bytes name;
	char *copy;
	int err;

	if (!field_find(&name, PEER, bytes))
		return 0;
	err = read_address(&address, PEER_ADDRESS, bytes);
	if (err)
		return err;
	copy = strndup(name.data, name.size);
	d->hop.peer = copy ? hop_peer_create(copy, &address.any) : NULL;
	free(copy);
	return d->hop.peer ? field_read(d->hop.peer, TABLE(peer_fields), bytes) : -ENOMEM;
}

static int read_description(
	struct session_description *s, const struct behind *b, const struct field_bytes *bytes)
{
	struct field_bytes data;

	if (!field_find(&data, DESCRIPTION, bytes))
		return 0;
	if (!s->type || !data.size || b->sdp_at > data.size || b->sdp_length > data.size - b->sdp_at)
		return -EINVAL;
	s->data = malloc(data.size);
	if (!s->data)
		return -ENOMEM;
	memcpy(s->data, data.data, data.size);
	s->len = data.size;
	s->sdp = (struct sdp_span){s->data + b->sdp_at, b->sdp_length};
	return 0;
}

static int read_identity(struct dialog *d, const struct behind *b)
{
	if (!b->name || !b->certificate || !b->fingerprint)
		return 0;
	return tls_identity_find(&d->hop.identity,
		&(struct tls_identity_demand){b->name, b->verify, b->fingerprint, b->certificate});
}

static int find_listeners(struct dialog *d, struct transport *transport, const struct behind *b, bool *moved)
{
	if (!b->transport || !b->sent_by || !b->to_transport || !b->to_sent_by)
		return -EINVAL;
	d->listener = transport_listener_named(transport, b->transport, b->sent_by);
	d->hop.listener = transport_listener_named(transport, b->to_transport, b->to_sent_by);
	if (!d->listener || !d->hop.listener)
		return -ENOTCONN;
	*moved = strcmp(d->listener->sent_by, b->sent_by) != 0;
	return d->hop.listener->family == d->hop.to.any.sa_family ? 0 : -EINVAL;
}

/** Its name is static text. */
static int set_next_transport(struct next_hop *next, const char *name)
{
	static const char *const names[] = {"", "udp", "tcp", "tls"};

	next->transport = NULL;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name ? name : ""))
			next->transport = names[i];
	return next->transport ? 0 : -EINVAL;
}

/** Is everything there that its messages are made of? */
static bool is_whole(const struct dialog *d)
{
	return d->local_tag[0] && d->call_id && d->local && d->remote && d->remote_tag && d->target &&
		d->route && d->local_seq <= INT32_MAX && d->session.refresher <= SESSION_PEER &&
		d->session.update <= SESSION_UPDATE_REFUSED;
}

/** The CSeq of a request is below 2^31. */
static void jump(struct dialog *d)
{
	d->local_seq =
		d->local_seq < INT32_MAX - DIALOG_STATE_JUMP ? d->local_seq + DIALOG_STATE_JUMP : INT32_MAX;
	if (d->origin.version)
		d->origin.version += DIALOG_STATE_JUMP;
}

static int read_behind(struct dialog *d, struct stack *stack, const struct field_bytes *bytes, bool *moved)
{
	struct behind b = {0};
	int err = field_read(&b, TABLE(behind_fields), bytes);

	if (!err)
		err = read_address(&d->hop.to, ADDRESS, bytes);
	if (!err)
		err = find_listeners(d, stack->transport, &b, moved);
	if (!err && d->next.host)
		err = set_next_transport(&d->next, b.next_transport);
	if (!err)
		err = read_description(&d->session.theirs, &b, bytes);
	if (!err)
		err = read_identity(d, &b);
	free(b.transport);
	free(b.sent_by);
	free(b.to_transport);
	free(b.to_sent_by);
	free(b.next_transport);
	free(b.name);
	free(b.certificate);
	free(b.fingerprint);
	return err;
}

int dialog_state_read(
	struct dialog *d, struct stack *stack, void *owner, const struct field_bytes *bytes, bool *moved)
{
	int err = field_read(d, TABLE(fields), bytes);

	if (!err && !is_whole(d))
		err = -EINVAL;
	if (!err)
		err = read_behind(d, stack, bytes, moved);
	if (!err)
		err = read_peer(d, bytes);
	if (err)
		return err;
	jump(d);
	return dialog_resume(d, stack->dialogs, owner);
}
