#include "set_aside.h"

#include "address_key.h"

#include <stdlib.h>
#include <string.h>

enum { SERVERS_MAX = 16 };

struct set_aside {
	struct {
		struct address_key server;
		uint64_t end_ms;
	} entry[SERVERS_MAX]; /* those whose time is over are free */
};

uint32_t set_aside_clamp_s(uint32_t seconds)
{
	return seconds < SET_ASIDE_MIN_S    ? SET_ASIDE_MIN_S
		: seconds > SET_ASIDE_MAX_S ? SET_ASIDE_MAX_S
					    : seconds;
}

/** @return the index of its entry; SERVERS_MAX = it has none */
static unsigned find(const struct set_aside *set, const struct address_key *key)
{
	unsigned i = 0;

	while (i < SERVERS_MAX && memcmp(&set->entry[i].server, key, sizeof(*key)) != 0)
		i++;
	return i;
}

static unsigned first_to_end(const struct set_aside *set)
{
	unsigned first = 0;

	for (unsigned i = 1; i < SERVERS_MAX; i++)
		if (set->entry[i].end_ms < set->entry[first].end_ms)
			first = i;
	return first;
}

void set_aside_add(struct set_aside **set, const struct sockaddr *server, uint32_t seconds, uint64_t now_ms)
{
	const uint64_t end_ms = now_ms + 1000u * (uint64_t)set_aside_clamp_s(seconds);
	struct address_key key;
	unsigned i;

	if (!*set)
		*set = calloc(1, sizeof(**set));
	if (!*set || !address_key(&key, server))
		return;
	i = find(*set, &key);
	if (i == SERVERS_MAX) {
		i = first_to_end(*set);
		(*set)->entry[i].server = key;
		(*set)->entry[i].end_ms = 0;
	}
	if ((*set)->entry[i].end_ms < end_ms)
		(*set)->entry[i].end_ms = end_ms;
}

uint32_t set_aside_left_ms(const struct set_aside *set, const struct sockaddr *server, uint64_t now_ms)
{
	struct address_key key;
	unsigned i;

	if (!set || !address_key(&key, server))
		return 0;
	i = find(set, &key);
	return i < SERVERS_MAX && set->entry[i].end_ms > now_ms ? (uint32_t)(set->entry[i].end_ms - now_ms)
								: 0;
}
