/** @file client_transaction_state.h  The struct of a client transaction, private to client_transaction*.c. */
#ifndef CLIENT_TRANSACTION_STATE_H
#define CLIENT_TRANSACTION_STATE_H

#include "ack.h"
#include "client_transaction.h"
#include "keyed_table.h"
#include "resend.h"

#include <sys/queue.h>

#include <string.h>

/*
 * How long repeated final responses to an INVITE are recognised (timer D of RFC 3261 section 17.1.1.2, timer M of RFC
 * 6026), and how long at least a cancelled INVITE awaits its final response.
 */
enum { LINGER_MS = 32000 };

enum client_transaction_state {
	CLIENT_TRANSACTION_CALLING,    /* no response yet; a request other than INVITE is Trying */
	CLIENT_TRANSACTION_PROCEEDING, /* a provisional response came */
	CLIENT_TRANSACTION_COMPLETED,  /* INVITE: 300-699 came; data is the ACK, for repetitions */
	CLIENT_TRANSACTION_ACCEPTED    /* INVITE: 2xx came; its ACKs are kept for repetitions */
};

struct client_transaction {
	UT_hash_handle hh;
	uint64_t key; /* the number of the branch; its lowest bit is set for CANCEL */
	struct client_transactions *set;
	const char *method;
	enum client_transaction_state state;
	uint64_t
		identity; /* hash of Call-ID, From tag and CSeq, since everybody on the way can read a branch */
	bool cancelled;   /* the CANCEL was sent, or waits for a provisional response */
	bool in_dialog;
	bool ringing; /* 180 came: the final response may come over another connection */
	char *cancel_reason;
	struct resend_schedule cancel_resend;
	struct acks acks;
	struct hop hop;
	char *data;
	size_t len;
	struct resend resend;
	struct stream_pending pending;
	int broken;  /* its connection broke with this error, and it is in the list of such transactions */
	bool lost;   /* with its connection: to be sent again when it is due */
	bool shrunk; /* it was too big for the path, and sent again */
	LIST_ENTRY(client_transaction) link;
	uint64_t sent_ms;
	bool again; /* it was sent more than once, so the answer does not tell the response time */
	const struct client_transaction_handlers *handlers; /* NULL = forgotten */
	void *arg;
	struct client_transaction_over over;
};

struct client_transactions {
	struct transport *transport;
	struct token_key key;
	struct client_transaction *by_key;
	size_t lingering; /* those that client_transaction_lingers() */
	LIST_HEAD(, client_transaction) broken;
	struct event soon; /* to fail or resend those */
};

/** Is it kept only for responses that may still come? */
static inline bool client_transaction_lingers(const struct client_transaction *c)
{
	return c->state >= CLIENT_TRANSACTION_COMPLETED || c->cancelled;
}

static inline bool client_transaction_is_invite(const struct client_transaction *c)
{
	return !strcmp(c->method, "INVITE");
}

/** Does it stay on its schedule whatever the transport says? */
static inline bool client_transaction_endures(const struct client_transaction *c)
{
	return c->in_dialog || !strcmp(c->method, "CANCEL");
}

/** How to report a 2xx that has no ACK yet. */
static inline enum client_transaction_match client_transaction_stray(const struct client_transaction *c)
{
	return c->in_dialog ? CLIENT_TRANSACTION_STRAY_IN_DIALOG : CLIENT_TRANSACTION_STRAY;
}

/* client_transaction.c */

extern const struct resend_handlers client_transaction_resend_handlers;
/** Send and keep it. @param id  its identity. @return as client_transaction_send() */
int client_transaction_start(struct client_transaction **out, struct client_transactions *set,
	const struct client_transaction_request *request, uint64_t id,
	const struct client_transaction_handlers *handlers, void *arg);
void client_transaction_free(struct client_transaction *c);
/** Call over.on_over, if it has not been yet. */
void client_transaction_tell_over(struct client_transaction *c);
/** @return NULL when there is none with this branch */
struct client_transaction *client_transaction_by_branch(
	const struct client_transactions *set, const char *branch);

/* client_transaction_invite.c */

/** Stay for LINGER_MS at least without sending. */
void client_transaction_linger(struct client_transaction *c);
/** Send the CANCEL: the first provisional response came. */
void client_transaction_cancel_now(struct client_transaction *c);
/** 300-699 came to the INVITE: send the ACK and keep it. */
void client_transaction_complete(struct client_transaction *c, const struct received *rx);
/** A 2xx came to the INVITE: enter Accepted. */
void client_transaction_accept(struct client_transaction *c);
/** A response came to an INVITE that has had a final one: repeated, or of another fork. */
enum client_transaction_match client_transaction_on_repeated(
	struct client_transaction *c, const struct received *rx);

#endif
