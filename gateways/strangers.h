/** @file strangers.h  What was refused or dropped, from whom and why: "whose IP is wrong?"
 *
 * One entry for each source and reason, in a table that floods cannot make grow: a new one takes the place of the one
 * that was seen longest ago. It answers questions and decides nothing.
 */
#ifndef STRANGERS_H
#define STRANGERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;
struct strangers;

enum {
	STRANGERS_MAX = 1024,    /* entries */
	STRANGERS_TEXT_MAX = 128 /* of the texts of an entry, with the NUL; longer ones are cut */
};

enum strangers_reason {
	STRANGERS_UNKNOWN_SOURCE,    /* no gateway, customer or registrar has this address */
	STRANGERS_MALFORMED,         /* a message that cannot be read */
	STRANGERS_UNREADABLE_HEADER, /* served: a header of it was left out */
	STRANGERS_NO_TRANSACTION,    /* a response to no request of ours */
	STRANGERS_OTHER_SOURCE,      /* believed: the right tokens from another address than the peer's */
	STRANGERS_STRICT_SOURCE,     /* the same, refused by strict_source */
	STRANGERS_WEAKER_TRANSPORT,  /* refused: by UDP or TCP to a leg over TLS */
	STRANGERS_NOT_THE_REGISTRAR, /* a call by a registration, refused by inbound_from */
	STRANGERS_TOO_MANY_CALLS, /* refused: calls by registrations from an address that is not the registrar's */
	STRANGERS_WRONG_PASSWORD, /* of an endpoint */
	STRANGERS_UNKNOWN_USER,   /* no endpoint has this name */
	STRANGERS_SUSPENDED,      /* refused unread: wrong passwords came before */
	STRANGERS_LOOP,           /* an INVITE of ours that has come back */
	STRANGERS_MERGED,         /* an INVITE that has come by another way already */
	STRANGERS_REASONS
};
/** "unknown source", ... */
const char *strangers_reason_name(enum strangers_reason reason);

/** A message; strings are borrowed and may be NULL. */
struct strangers_event {
	enum strangers_reason reason;
	const struct sockaddr *source; /* its port is kept, but does not tell entries apart */
	const char *transport;         /* static text */
	const char *method;            /* of the request, or of the one that is answered */
	const char *user;              /* asked for: of the Request-URI */
	const char *name;              /* gateway, customer or registration that it claims to be of */
};

struct strangers_entry {
	enum strangers_reason reason;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} source; /* of the last message */
	const char *transport;
	char method[STRANGERS_TEXT_MAX], user[STRANGERS_TEXT_MAX],
		name[STRANGERS_TEXT_MAX]; /* of the last message */
	uint64_t count, first_ms, last_ms;
};

/** A keyed hash: who sends can choose the source, and is not to choose where it is kept. */
typedef uint64_t strangers_hash_h(const void *bytes, size_t n);

int strangers_create(struct strangers **out, strangers_hash_h *hash);
void strangers_destroy(struct strangers *set);

/**
 * Count a message.
 *
 * @param unlogged  receives how many entries were due for a line in the log since the last one, but got none
 * @return true when it deserves a line in the log: the first of its entry, and again each hour; all entries together
 *         get 10 lines a minute
 */
bool strangers_count(
	struct strangers *set, const struct strangers_event *event, uint64_t now_ms, unsigned *unlogged);

/** Messages counted since the start, those of entries that are gone included. */
uint64_t strangers_total(const struct strangers *set, enum strangers_reason reason);

/** Call h for each entry, the one seen last first. */
void strangers_each(
	const struct strangers *set, void (*h)(const struct strangers_entry *entry, void *arg), void *arg);

#endif
