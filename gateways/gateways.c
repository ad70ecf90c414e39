#include "gateways.h"

#include "peers.h"

#include <errno.h>
#include <stdlib.h>

struct gateways {
	struct peers *peers;
	struct gateway_owner owner;
};

int gateways_create(struct gateways **out)
{
	struct gateways *gws = calloc(1, sizeof(*gws));

	if (!gws)
		return -ENOMEM;
	if (peers_create(&gws->peers, &gateway_peer_type, &gws->owner)) {
		free(gws);
		return -ENOMEM;
	}
	*out = gws;
	return 0;
}

void gateways_destroy(struct gateways *gws)
{
	if (!gws)
		return;
	peers_destroy(gws->peers);
	free(gws);
}

int gateways_stage(struct gateways *gws, const struct db_gateway *rows, size_t n)
{
	return peers_stage(gws->peers, rows, n);
}

void gateways_commit(struct gateways *gws)
{
	peers_commit(gws->peers);
}

void gateways_abandon(struct gateways *gws)
{
	peers_abandon(gws->peers);
}

int gateways_apply(struct gateways *gws, const struct db_gateway *rows, size_t n)
{
	int err = gateways_stage(gws, rows, n);

	if (!err)
		gateways_commit(gws);
	return err;
}

void gateways_on_change(struct gateways *gws, gateway_change_h *h, void *arg)
{
	gws->owner = (struct gateway_owner){.on_change = h, .arg = arg};
}

void gateways_update_states(struct gateways *gws, uint64_t now_ms)
{
	for (size_t i = 0; i < gateways_count(gws); i++)
		gateway_update_state(gateways_at(gws, i), now_ms);
}

struct gateway *gateways_find(const struct gateways *gws, const char *name)
{
	return (struct gateway *)peers_find(gws->peers, name);
}

struct gateway *gateways_recognise(const struct gateways *gws, int64_t id, const char *name)
{
	return (struct gateway *)peers_recognise(gws->peers, id, name);
}

size_t gateways_count(const struct gateways *gws)
{
	return peers_count(gws->peers);
}

struct gateway *gateways_at(const struct gateways *gws, size_t i)
{
	return (struct gateway *)peers_at(gws->peers, i);
}

void gateways_recount(struct gateways *gws)
{
	peers_recount(gws->peers);
}

uint64_t gateways_channel_drift(const struct gateways *gws)
{
	return peers_channel_drift(gws->peers);
}
