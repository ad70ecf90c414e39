#include "resolver_servers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

uint16_t resolver_servers_default_port(const char *transport)
{
	return strcmp(transport, "tls") == 0 ? 5061 : 5060;
}

/** RFC 2782: in proportion to the weight; a weight of 0 has a very small chance, the same for all of them. */
static uint32_t share(const struct resolver_server *server)
{
	return server->weight ? server->weight * 256u : 1;
}

/** Draw one of the servers order[at] to order[end - 1] and move it to `at`. */
static void draw(const struct resolver_servers *s, uint8_t *order, unsigned at, unsigned end)
{
	uint32_t sum = 0;
	unsigned i = at;
	for (unsigned k = at; k < end; k++)
		sum += share(&s->server[order[k]]);
	for (uint32_t lot = arc4random_uniform(sum); lot >= share(&s->server[order[i]]); i++)
		lot -= share(&s->server[order[i]]);
	uint8_t drawn = order[i];
	memmove(&order[at + 1], &order[at], i - at);
	order[at] = drawn;
}

static bool same_rank(const struct resolver_server *a, const struct resolver_server *b)
{
	return a->group == b->group && a->priority == b->priority;
}

void resolver_servers_order(const struct resolver_servers *s, struct resolver_answer *out)
{
	uint8_t order[RESOLVER_ADDRESSES_MAX] = {0};
	out->n = 0;
	for (unsigned i = 0; i < s->n_servers; i++)
		order[i] = (uint8_t)i;
	for (unsigned i = 0; i < s->n_servers; i++) {
		unsigned end = i + 1;
		while (end < s->n_servers && same_rank(&s->server[i], &s->server[end]))
			end++;
		if (end - i > 1)
			draw(s, order, i, end);
		const struct resolver_server *server = &s->server[order[i]];
		memcpy(&out->address[out->n], &s->address[server->first],
			server->n * sizeof(out->address[0]));
		out->n += server->n;
	}
}
