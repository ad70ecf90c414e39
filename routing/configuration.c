#include "configuration.h"

#include "db_config.h"
#include "endpoints.h"
#include "gateways.h"
#include "registrations.h"
#include "routing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct db_mapping_gateway *)row)->name);
}

/*
 * The mapping gateways, and one more row for each registration that none of them has the name of. It has the id of the
 * registration, so that its calls follow a rename.
 */
static int stage_trunks(struct mapping_gateways *set, const struct db_config *f,
	mapping_gateways_bad_host_h *on_bad_host, void *arg)
{
	struct db_mapping_gateway *rows =
		calloc(f->n_mapping_gateways + f->n_registrations + 1, sizeof(*rows));
	size_t n = f->n_mapping_gateways;
	int err;

	if (!rows)
		return -ENOMEM;
	if (n)
		memcpy(rows, f->mapping_gateway, n * sizeof(*rows));
	for (size_t i = 0; i < f->n_registrations; i++)
		if (!bsearch(f->registration[i].name, rows, f->n_mapping_gateways, sizeof(*rows),
			    compare_name))
			rows[n++] = (struct db_mapping_gateway){.name = f->registration[i].name,
				.id = f->registration[i].id,
				.host = "",
				.enabled = true};
	err = mapping_gateways_stage(set, rows, n, on_bad_host, arg);
	free(rows);
	return err;
}

static int stage(const struct configuration *c, const struct db_config *f,
	mapping_gateways_bad_host_h *on_bad_host, void *arg)
{
	int err = gateways_stage(c->gateways, f->gateway, f->n_gateways);

	if (err)
		return err;
	err = stage_trunks(c->mapping_gateways, f, on_bad_host, arg);
	if (err)
		goto gateways;
	err = f->endpoints_known ? 0 : endpoints_stage(c->endpoints, f->endpoint, f->n_endpoints);
	if (err)
		goto mapping_gateways;
	err = registrations_stage(c->registrations, f->registration, f->n_registrations);
	if (err)
		goto endpoints;
	err = routing_stage(c->routing, f->n_gateways);
	if (err)
		goto registrations;
	return 0;
registrations:
	registrations_abandon(c->registrations);
endpoints:
	if (!f->endpoints_known)
		endpoints_abandon(c->endpoints);
mapping_gateways:
	mapping_gateways_abandon(c->mapping_gateways);
gateways:
	gateways_abandon(c->gateways);
	return err;
}

int configuration_apply(const struct configuration *c, const struct db_config *f,
	struct routing_table **table, mapping_gateways_bad_host_h *on_bad_host, void *arg, uint64_t now_ms)
{
	int err = stage(c, f, on_bad_host, arg);

	if (err)
		return err;
	*c->parameters = f->parameters;
	gateways_commit(c->gateways);
	mapping_gateways_commit(c->mapping_gateways);
	if (!f->endpoints_known)
		endpoints_commit(c->endpoints);
	registrations_commit(c->registrations, c->parameters, now_ms);
	*table = routing_commit(c->routing, *table, c->gateways, f->gateway);
	gateways_update_states(c->gateways, now_ms);
	return 0;
}
