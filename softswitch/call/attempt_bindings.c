#include "attempt_bindings.h"

#include "address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add(struct attempt_bindings *out, const struct binding *b, const struct hop *hop,
	struct resolver_answer *servers)
{
	struct attempt_binding *to = &out->of[out->n];
	struct resolver_address *server = &servers->address[out->n];

	out->n++;
	hop_copy(&to->hop, hop);
	to->nat = b->nat;
	to->uri = strdup(b->contact);
	to->path = strdup(b->path);
	server->length = address_length(&hop->to.any);
	server->transport = hop->listener->transport;
	memcpy(&server->addr, &hop->to, server->length);
	servers->n = out->n;
	return to->uri && to->path ? 0 : -ENOMEM;
}

int attempt_bindings_init(struct attempt_bindings *out, const struct bindings *bindings, const char *endpoint,
	struct resolver_answer *servers)
{
	int err = 0;

	servers->n = 0;
	out->n = 0;
	out->of = calloc(RESOLVER_ADDRESSES_MAX, sizeof(*out->of));
	if (!out->of)
		return -ENOMEM;
	for (const struct binding *b = bindings_first(bindings, endpoint);
		b && !err && out->n < RESOLVER_ADDRESSES_MAX; b = binding_next(b)) {
		const struct hop *hop = b->attached;

		if (hop && hop->listener)
			err = add(out, b, hop, servers);
	}
	return err || out->n ? err : -EHOSTUNREACH;
}

void attempt_bindings_clear(struct attempt_bindings *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		hop_clear(&b->of[i].hop);
		free(b->of[i].uri);
		free(b->of[i].path);
	}
	free(b->of);
	*b = (struct attempt_bindings){0};
}
