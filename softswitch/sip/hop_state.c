#include "hop_state.h"

#include "address.h"
#include "tls_identity.h"
#include "transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** What stands behind the pointers of a hop. */
struct behind {
	char *transport, *sent_by;              /* of its listener */
	char *name, *certificate, *fingerprint; /* of struct tls_identity_demand */
	bool verify;
	char *peer; /* its name */
};

static const struct field behind_fields[] = {
	FIELD(1, TEXT, struct behind, transport),
	FIELD(2, TEXT, struct behind, sent_by),
	FIELD(3, TEXT, struct behind, name),
	FIELD(4, TEXT, struct behind, certificate),
	FIELD(5, TEXT, struct behind, fingerprint),
	FIELD(6, NUMBER, struct behind, verify),
	FIELD(7, TEXT, struct behind, peer),
};

static const struct field peer_fields[] = {
	FIELD(10, NUMBER, struct hop_peer, called_us),
	FIELD(11, NUMBER, struct hop_peer, elsewhere),
	FIELD(12, NUMBER, struct hop_peer, strict_source),
	FIELD(13, NUMBER, struct hop_peer, row_id),
	FIELD(14, NUMBER, struct hop_peer, nat),
};

/** Fields that stand in no table. */
enum { ADDRESS = 20, PEER_ADDRESS };

/* Writing ----------------------------------------------------------------------------------- */

static void write_peer(const struct hop_peer *peer, struct text *t)
{
	field_add(t, PEER_ADDRESS, &peer->address, address_length(&peer->address.any));
	field_write(t, FIELD_TABLE(peer_fields), peer);
}

void hop_state_write(const struct hop *hop, struct text *t)
{
	char fingerprint[TLS_IDENTITY_FINGERPRINT_MAX];
	struct tls_identity_demand demand = {0};
	struct behind b;

	if (hop->identity)
		tls_identity_demand(hop->identity, fingerprint, &demand);
	b = (struct behind){.transport = (char *)hop->listener->transport,
		.sent_by = hop->listener->sent_by,
		.name = (char *)demand.name,
		.certificate = (char *)demand.certificate,
		.fingerprint = (char *)demand.fingerprint,
		.verify = demand.verify,
		.peer = hop->peer ? hop->peer->name : NULL};
	field_write(t, FIELD_TABLE(behind_fields), &b);
	field_add(t, ADDRESS, &hop->to, address_length(&hop->to.any));
	if (hop->peer)
		write_peer(hop->peer, t);
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

static int read_peer(struct hop *hop, const char *name, const struct field_bytes *bytes)
{
	union hop_address address;
	int err;

	if (!name)
		return 0;
	err = read_address(&address, PEER_ADDRESS, bytes);
	if (err)
		return err;
	hop->peer = hop_peer_create(name, &address.any);
	return hop->peer ? field_read(hop->peer, FIELD_TABLE(peer_fields), bytes) : -ENOMEM;
}

static int use_behind(struct hop *hop, struct transport *transport, const struct behind *b)
{
	if (!b->transport || !b->sent_by)
		return -EINVAL;
	hop->listener = transport_listener_named(transport, b->transport, b->sent_by);
	if (!hop->listener)
		return -ENOTCONN;
	if (hop->listener->family != hop->to.any.sa_family)
		return -EINVAL;
	if (!b->name || !b->certificate || !b->fingerprint)
		return 0;
	return tls_identity_find(&hop->identity,
		&(struct tls_identity_demand){b->name, b->verify, b->fingerprint, b->certificate});
}

int hop_state_read(struct hop *hop, struct transport *transport, const struct field_bytes *bytes)
{
	struct behind b = {0};
	int err = field_read(&b, FIELD_TABLE(behind_fields), bytes);

	if (!err)
		err = read_address(&hop->to, ADDRESS, bytes);
	if (!err)
		err = use_behind(hop, transport, &b);
	if (!err)
		err = read_peer(hop, b.peer, bytes);
	free(b.transport);
	free(b.sent_by);
	free(b.name);
	free(b.certificate);
	free(b.fingerprint);
	free(b.peer);
	return err;
}

bool hop_state_is_moved(const struct hop *hop, const struct field_bytes *bytes)
{
	static const struct field sent_by[] = {FIELD(2, TEXT, struct behind, sent_by)};
	struct behind b = {0};
	bool moved = field_read(&b, FIELD_TABLE(sent_by), bytes) || !b.sent_by ||
		strcmp(hop->listener->sent_by, b.sent_by) != 0;

	free(b.sent_by);
	return moved;
}
