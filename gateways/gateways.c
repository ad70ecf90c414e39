#include "gateways.h"

#include "gateway_internal.h"

#include <errno.h>
#include <stdlib.h>

struct gateways {
	struct peers *peers;
	gateways_change_h *on_change;
	void *arg;
};

int gateways_create(struct gateways **out)
{
	struct gateways *gws = calloc(1, sizeof(*gws));

	if (!gws)
		return -ENOMEM;
	if (peers_create(&gws->peers, &gateway_peer_type, gws)) {
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

void gateways_on_change(struct gateways *gws, gateways_change_h *h, void *arg)
{
	gws->on_change = h;
	gws->arg = arg;
}

void gateways_tell_change(const struct gateway *gw, enum gateway_state old, uint64_t now_ms)
{
	const struct gateways *gws = gw->peer.set ? peers_owner(gw->peer.set) : NULL;
	struct gateway_health health;

	if (!gws || !gws->on_change)
		return;
	gateway_health(gw, now_ms, &health);
	gws->on_change(gw, old, &health, gws->arg);
}

void gateways_settle(struct gateways *gws, uint64_t now_ms)
{
	for (size_t i = 0; i < gateways_count(gws); i++)
		gateway_settle(gateways_at(gws, i), now_ms);
}

struct gateway *gateways_find(const struct gateways *gws, const char *name)
{
	return (struct gateway *)peers_find(gws->peers, name);
}

size_t gateways_count(const struct gateways *gws)
{
	return peers_count(gws->peers);
}

struct gateway *gateways_at(const struct gateways *gws, size_t i)
{
	return (struct gateway *)peers_at(gws->peers, i);
}

void gateways_count_anew(struct gateways *gws)
{
	peers_count_anew(gws->peers);
}

uint64_t gateways_channel_drift(const struct gateways *gws)
{
	return peers_channel_drift(gws->peers);
}
