/** @file bindings_table.h  Private to bindings: the contacts, and the lists each is on. */
#ifndef BINDINGS_TABLE_H
#define BINDINGS_TABLE_H

#define HASH_NONFATAL_OOM 1

#include "address_key.h"
#include "binding.h"

#include <sys/queue.h>
#include <uthash.h>

/** One slot for each second; what expires later than in so many comes by again. */
enum { BINDINGS_TABLE_SLOTS = 4096 };

struct bindings_table_row;
LIST_HEAD(bindings_table_rows, bindings_table_row);

/** An endpoint with bindings. */
struct bindings_table_account {
	UT_hash_handle hh;
	struct bindings_table_rows rows; /* in the order in which they are called */
	unsigned n;                      /* of them */
	unsigned references;             /* of rows, those included that are in no list yet */
	char name[];
};

/** Without padding, because its bytes are hashed. */
struct bindings_table_place_key {
	struct address_key address;
	uint32_t transport; /* its second letter tells udp, tcp and tls apart; 0 = any */
};
_Static_assert(sizeof(struct bindings_table_place_key) == sizeof(struct address_key) + sizeof(uint32_t),
	"key has padding");

/** A source of bindings, or a host with port 0 and transport 0. */
struct bindings_table_place {
	UT_hash_handle hh;
	struct bindings_table_place_key key;
	struct bindings_table_rows rows; /* of a source */
	unsigned references;             /* as those of an account */
};

struct bindings_table_row {
	struct binding b; /* first */
	struct bindings_table_account *account;
	struct bindings_table_place *source, *host;
	LIST_ENTRY(bindings_table_row) of_account, at_source, in_slot;
	uint64_t order; /* in which they were put */
	char texts[];
};

/** All of them. Zeroed but for the hash in the beginning. */
struct bindings_table {
	binding_hash_h *hash;
	struct bindings_table_account *accounts;
	struct bindings_table_place *places;
	struct bindings_table_rows slots[BINDINGS_TABLE_SLOTS];
	uint64_t order;
	size_t n;
};

/** @return NULL when it has no bindings */
struct bindings_table_account *bindings_table_find_account(
	const struct bindings_table *set, const char *name);
/** @param transport  NULL = the host, whatever port and transport. @return NULL when nothing came from there */
struct bindings_table_place *bindings_table_find_place(
	const struct bindings_table *set, const struct sockaddr *address, const char *transport);

/** A copy of it, in no list yet. @return NULL without memory */
struct bindings_table_row *bindings_table_create_row(struct bindings_table *set, const struct binding *b);
/** One that is in no list. NULL is fine. */
void bindings_table_free_row(struct bindings_table *set, struct bindings_table_row *row);
void bindings_table_link_row(struct bindings_table *set, struct bindings_table_row *row);
void bindings_table_unlink_row(struct bindings_table *set, struct bindings_table_row *row);

#endif
