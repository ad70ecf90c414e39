#include "gateways.h"

#include "gateway_peer.h"

#include <errno.h>
#include <stdlib.h>

struct gateways {
	struct peers *peers;
};

int gateways_create(struct gateways **out)
{
	struct gateways *gws = calloc(1, sizeof(*gws));

	if (!gws)
		return -ENOMEM;
	if (peers_create(&gws->peers, &gateway_peer_type)) {
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

int gateways_apply(struct gateways *gws, const struct db_gateway *rows, size_t n)
{
	int err = peers_stage(gws->peers, rows, n);

	if (!err)
		peers_commit(gws->peers);
	return err;
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
