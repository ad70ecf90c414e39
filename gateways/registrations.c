#include "registrations.h"

#include "registration_internal.h"

#include <errno.h>
#include <stdlib.h>

enum { TURN_MS = 50, TURNS_MS = 10000 };

struct registrations {
	struct peers *peers;
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

static void give_turns(struct registrations *set, uint64_t now_ms)
{
	uint64_t n = 0, turn = 0, step_us = TURN_MS * 1000;

	for (size_t i = 0; i < registrations_count(set); i++)
		n += registration_is_new(registrations_at(set, i));
	if (n && step_us * n > TURNS_MS * 1000)
		step_us = TURNS_MS * 1000 / n;
	for (size_t i = 0; i < registrations_count(set); i++)
		if (registration_is_new(registrations_at(set, i)))
			registration_set_turn(registrations_at(set, i), now_ms + step_us * turn++ / 1000);
}

int registrations_apply(
	struct registrations *set, const struct db_registration *rows, size_t n, uint64_t now_ms)
{
	int err = peers_stage(set->peers, rows, n);

	if (err)
		return err;
	peers_commit(set->peers);
	give_turns(set, now_ms);
	return 0;
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
