#include "bound_gateways.h"

#include "bindings.h"
#include "gateways.h"
#include "keyed_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct bound {
	UT_hash_handle hh;       /* of the first with this endpoint */
	struct gateway *gateway; /* a reference */
	struct bound *next;      /* with the same endpoint */
	char endpoint[];
};

struct bound_gateways {
	struct bound *by_endpoint;
};

int bound_gateways_create(struct bound_gateways **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

static void clear(struct bound_gateways *set)
{
	struct bound *first, *next;

	HASH_ITER (hh, set->by_endpoint, first, next) {
		/* uthash keeps nothing of what it has deleted. */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		HASH_DEL(set->by_endpoint, first);
		for (struct bound *b = first, *after; b; b = after) {
			after = b->next;
			gateway_unref(b->gateway);
			free(b);
		}
	}
}

void bound_gateways_destroy(struct bound_gateways *set)
{
	if (!set)
		return;
	clear(set);
	free(set);
}

static struct bound *find(const struct bound_gateways *set, const char *endpoint)
{
	struct bound *b;

	HASH_FIND(hh, set->by_endpoint, endpoint, strlen(endpoint), b);
	return b;
}

static int add(struct bound_gateways *set, struct gateway *gw, const char *endpoint)
{
	const size_t n = strlen(endpoint);
	struct bound *first = find(set, endpoint), *b = calloc(1, sizeof(*b) + n + 1);

	if (!b)
		return -ENOMEM;
	memcpy(b->endpoint, endpoint, n + 1);
	if (first) {
		b->next = first->next;
		first->next = b;
	} else {
		HASH_ADD_KEYPTR(hh, set->by_endpoint, b->endpoint, n, b);
		if (!b->hh.tbl) {
			free(b);
			return -ENOMEM;
		}
	}
	b->gateway = gateway_ref(gw);
	return 0;
}

int bound_gateways_apply(struct bound_gateways *set, const struct gateways *gateways,
	const struct bindings *bindings, uint64_t now_ms)
{
	int err = 0;

	clear(set);
	for (size_t i = 0; i < gateways_count(gateways); i++) {
		struct gateway *gw = gateways_at(gateways, i);
		const char *endpoint = gateway_row(gw)->endpoint;

		if (!endpoint[0])
			continue;
		gateway_on_binding(gw, bindings_first(bindings, endpoint) != NULL, now_ms);
		if (add(set, gw, endpoint))
			err = -ENOMEM;
	}
	return err;
}

void bound_gateways_tell(struct bound_gateways *set, const char *endpoint, bool bound, uint64_t now_ms)
{
	for (const struct bound *b = find(set, endpoint); b; b = b->next)
		gateway_on_binding(b->gateway, bound, now_ms);
}
