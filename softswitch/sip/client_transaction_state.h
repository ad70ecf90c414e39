/** @file client_transaction_state.h  What a client transaction is made of; for client_transaction.c and client_transaction_invite.c, and for nobody else. */
#ifndef CLIENT_TRANSACTION_STATE_H
#define CLIENT_TRANSACTION_STATE_H

#include "ack.h"
#include "client_transaction.h"
#include "resend.h"

#include <sys/queue.h>
#include <uthash.h>

#include <string.h>

/*
 * How long repeated final answers to an INVITE are recognized (timer D of RFC 3261 section 17.1.1.2, timer M of RFC
 * 6026), and how long at least the answer to an INVITE nobody wants is waited for.
 */
enum { LINGER_MS = 32000 };

enum client_transaction_state {
	CLIENT_TRANSACTION_CALLING,    /* no answer yet */
	CLIENT_TRANSACTION_PROCEEDING, /* a provisional answer */
	CLIENT_TRANSACTION_COMPLETED,  /* INVITE: the bytes are those of the ACK now */
	CLIENT_TRANSACTION_ACCEPTED    /* INVITE: kept to tell a repeated 2xx from a stranger's */
};

struct client_transaction {
	UT_hash_handle hh;
	uint64_t key; /* the number of the branch; its lowest bit is set for CANCEL */
	struct client_transactions *set;
	const char *method;
	enum client_transaction_state state;
	uint64_t
		identity; /* hash of Call-ID, tag and CSeq: a branch alone can be read by whoever it was sent to */
	bool cancelled; /* to be cancelled, or cancelled: the timer runs for the last answer */
	bool in_dialog; /* a re-INVITE */
	bool ringing;   /* 180 came: its answer may come by another connection */
	char *cancel_reason;
	struct resend_schedule cancel_resend;
	struct acks acks;
	struct hop hop;
	char *data;
	size_t len;
	struct resend resend;
	struct transport_pending pending;
	int broken; /* its connection broke with this error, and it is in the list of those */
	LIST_ENTRY(client_transaction) link;
	const struct client_transaction_handlers *handlers; /* NULL: forgotten */
	void *arg;
};

struct client_transactions {
	struct transport *transport;
	struct client_transaction *by_key;
	size_t lingering; /* of them nobody waits for */
	LIST_HEAD(, client_transaction) broken;
	struct event soon; /* to look after those */
};

/** Nobody waits for it: it only recognizes what still comes. */
static inline bool client_transaction_lingers(const struct client_transaction *c)
{
	return c->state >= CLIENT_TRANSACTION_COMPLETED || c->cancelled;
}

static inline bool client_transaction_is_invite(const struct client_transaction *c)
{
	return !strcmp(c->method, "INVITE");
}

/** A 2xx that somebody else has to acknowledge. */
static inline enum client_transaction_match client_transaction_stray(const struct client_transaction *c)
{
	return c->in_dialog ? CLIENT_TRANSACTION_STRAY_IN_DIALOG : CLIENT_TRANSACTION_STRAY;
}

/* client_transaction.c */

extern const struct resend_handlers client_transaction_resend_handlers;
/** Send it and keep it. @param id  what an answer must repeat. @return as client_transaction_send() */
int client_transaction_start(struct client_transaction **out, struct client_transactions *set,
	const struct client_transaction_request *request, uint64_t id,
	const struct client_transaction_handlers *handlers, void *arg);
void client_transaction_free(struct client_transaction *c);
/** The client with this branch. @return NULL when there is none */
struct client_transaction *client_transaction_by_branch(
	const struct client_transactions *set, const char *branch);

/* client_transaction_invite.c */

/** Stay for a while without sending anything. */
void client_transaction_linger(struct client_transaction *c);
/** The first provisional answer to an INVITE that is to be cancelled. */
void client_transaction_cancel_now(struct client_transaction *c);
/** The INVITE was refused: acknowledge, and keep the ACK for repetitions of the answer. */
void client_transaction_complete(struct client_transaction *c, const struct received *rx);
/** A 2xx came to the INVITE. */
void client_transaction_accept(struct client_transaction *c);
/** The answer of an INVITE that has had a final one is repeated, or that of another fork. */
enum client_transaction_match client_transaction_on_repeated(
	struct client_transaction *c, const struct received *rx);

#endif
