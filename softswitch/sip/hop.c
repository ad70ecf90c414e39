#include "hop.h"

#include "address.h"
#include "response_time.h"
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hop_listener_name(struct hop_listener *l, const char *host, uint16_t port)
{
	l->port = port;
	snprintf(l->host, sizeof(l->host), "%s", host);
	snprintf(l->sent_by, sizeof(l->sent_by), "%s:%u", host, port);
}

bool hop_peer_is(const struct hop_peer *peer, int64_t row_id, const char *name)
{
	return (row_id && row_id == peer->row_id) || !strcmp(name, peer->name);
}

struct hop_peer *hop_peer_create(const char *name, const struct sockaddr *address)
{
	size_t n = strlen(name) + 1;
	struct hop_peer *peer = calloc(1, sizeof(*peer) + n);

	if (!peer)
		return NULL;
	peer->references = 1;
	memcpy(&peer->address, address, address_length(address));
	memcpy(peer->name, name, n);
	return peer;
}

struct hop_peer *hop_peer_ref(struct hop_peer *peer)
{
	if (peer)
		peer->references++;
	return peer;
}

void hop_peer_unref(struct hop_peer *peer)
{
	if (!peer || --peer->references)
		return;
	response_time_unref(peer->response_time);
	free(peer);
}

bool hop_is_same(const struct hop *a, const struct hop *b)
{
	return a->listener == b->listener && a->peer == b->peer && a->identity == b->identity &&
		!memcmp(&a->to, &b->to, address_length(&a->to.any));
}

void hop_copy(struct hop *to, const struct hop *from)
{
	*to = *from;
	if (to->connection)
		stream_ref(to->connection);
	hop_peer_ref(to->peer);
}

void hop_disconnect(struct hop *hop)
{
	if (hop->connection)
		stream_unref(hop->connection);
	hop->connection = NULL;
}

void hop_clear(struct hop *hop)
{
	hop_disconnect(hop);
	hop_peer_unref(hop->peer);
	hop->peer = NULL;
}
