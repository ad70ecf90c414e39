#include "registrations.h"

#include "peers.h"

#include <errno.h>
#include <stdlib.h>

enum { SPACE_MS = 50, SPREAD_MS = 10000 };

struct registrations {
	struct peers *peers;
	bool stopped; /* every load is one without rows */
};

int registrations_create(struct registrations **out)
{
	struct registrations *set = calloc(1, sizeof(*set));

	if (!set)
		return -ENOMEM;
	if (peers_create(&set->peers, &registration_peer_type, NULL)) {
		free(set);
		return -ENOMEM;
	}
	*out = set;
	return 0;
}

void registrations_destroy(struct registrations *set)
{
	if (!set)
		return;
	peers_destroy(set->peers);
	free(set);
}

static void give_turns(struct registrations *set, const struct parameters *p, uint64_t now_ms)
{
	uint64_t n = 0, turn = 0, step_us = SPACE_MS * 1000;

	for (size_t i = 0; i < registrations_count(set); i++)
		n += registration_wants_turn(registrations_at(set, i), p);
	if (n && step_us * n > SPREAD_MS * 1000)
		step_us = SPREAD_MS * 1000 / n;
	for (size_t i = 0; i < registrations_count(set); i++)
		if (registration_wants_turn(registrations_at(set, i), p))
			registration_renew(registrations_at(set, i), now_ms + step_us * turn++ / 1000);
}

int registrations_stage(struct registrations *set, const struct db_registration *rows, size_t n)
{
	return peers_stage(set->peers, rows, set->stopped ? 0 : n);
}

void registrations_commit(struct registrations *set, const struct parameters *p, uint64_t now_ms)
{
	peers_commit(set->peers);
	give_turns(set, p, now_ms);
}

void registrations_abandon(struct registrations *set)
{
	peers_abandon(set->peers);
}

int registrations_apply(struct registrations *set, const struct db_registration *rows, size_t n,
	const struct parameters *p, uint64_t now_ms)
{
	int err = registrations_stage(set, rows, n);

	if (!err)
		registrations_commit(set, p, now_ms);
	return err;
}

int registrations_stop(struct registrations *set)
{
	int err = registrations_stage(set, NULL, 0);

	set->stopped = true;
	if (!err)
		peers_commit(set->peers);
	return err;
}

struct registration *registrations_find(const struct registrations *set, const char *name)
{
	return (struct registration *)peers_find(set->peers, name);
}

size_t registrations_count(const struct registrations *set)
{
	return peers_count(set->peers);
}

struct registration *registrations_at(const struct registrations *set, size_t i)
{
	return (struct registration *)peers_at(set->peers, i);
}
