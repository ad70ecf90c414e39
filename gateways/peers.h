/** @file peers.h  Private to gateways/: a set of named peers with limits, reloaded in place.
 *
 * A peer is recognised by the id of its row, so it may be renamed, and by its name when no row has its id any more: then
 * its row was deleted and inserted again.
 */
#ifndef PEERS_H
#define PEERS_H

#include "call_limits.h"
#include "db_table.h"
#include "response_time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct peers;
struct peer;

#define PEER_UNLIMITED ((size_t)-1) /* this kind of peer has no such limit */

/** What the set must know about a kind of peer. */
struct peer_type {
	size_t peer_size;             /* of the struct that begins with a struct peer */
	const struct db_table *table; /* of the rows */
	size_t capacity, cps;         /* offsets of the row's limits, or PEER_UNLIMITED */
	/* p->row has replaced old_row (NULL: p is new), or p was removed or revived (old_row is p->row). May be NULL. */
	void (*on_change)(struct peer *p, const void *old_row);
	/* A channel was released. May be NULL. */
	void (*on_release)(struct peer *p, const struct call_limits_channel *ch);
	void (*on_free)(struct peer *p); /* free what the peer owns besides. May be NULL */
};

/**
 * One peer, the first member of the struct it is part of. It lives as long as the set, a reference or a channel
 * holds it; a removed one that is still alive is revived when its id or its name comes back.
 */
struct peer {
	const struct peer_type *type;
	struct peers *set; /* NULL once the set is destroyed */
	void *row;         /* in force; one block with its strings; NULL until the first is */
	void *pending;     /* staged: the row that peers_commit() puts in force; NULL = unchanged */
	struct call_limits limits;
	struct response_time *response_time; /* NULL: not asked for yet */
	unsigned refs;                       /* the set holds one, unless removed */
	bool removed;                        /* no row in force is this one's */
	uint64_t generation;                 /* of the last load that had a row for it */
	LIST_ENTRY(peer) link;               /* in the list of removed ones */
};

/** The name in its row; valid until the next peers_commit(). */
const char *peer_name(const struct peer *p);

/** @param owner  what peers_owner() returns; may be NULL */
int peers_create(struct peers **out, const struct peer_type *type, void *owner);
void *peers_owner(const struct peers *set);
/** Peers still held elsewhere are freed with their last reference or channel. NULL is fine. */
void peers_destroy(struct peers *set);

/**
 * Prepare to make the set equal to these rows, whose names are unique. Nothing changes before peers_commit();
 * exactly one of commit and abandon must follow when it returns 0.
 *
 * @return 0; -ENOMEM with nothing staged
 */
int peers_stage(struct peers *set, const void *rows, size_t n);
/** The peer of staged row i. */
struct peer *peers_staged(const struct peers *set, size_t i);
void peers_commit(struct peers *set);
void peers_abandon(struct peers *set);

/** Removed ones are not found. */
struct peer *peers_find(const struct peers *set, const char *name);
/** One whose row was another's before: by its id or, if none has it, by its name. As many steps as there are peers. */
struct peer *peers_recognise(const struct peers *set, int64_t id, const char *name);
/** In order of name, removed ones left out. */
size_t peers_count(const struct peers *set);
struct peer *peers_at(const struct peers *set, size_t i);

/** Begin to count the channels of all peers, removed ones too: call_limits_recount() each known channel after this. */
void peers_recount(struct peers *set);
/** The number of channels in use that were not counted, plus those counted too often. */
uint64_t peers_channel_drift(const struct peers *set);

void peer_ref(struct peer *p);
void peer_unref(struct peer *p);

#endif
