/** @file server_transaction_state.h  The structs of server transactions, private to server_transaction*.c. */
#ifndef SERVER_TRANSACTION_STATE_H
#define SERVER_TRANSACTION_STATE_H

#include "keyed_table.h"
#include "resend.h"
#include "server_transaction.h"
#include "token.h"

enum { SERVER_TRANSACTION_INVITES = 1 << 15 };

enum server_transaction_state {
	SERVER_TRANSACTION_PROCEEDING, /* no final response yet */
	SERVER_TRANSACTION_ACCEPTED,   /* INVITE: 2xx sent, awaits ACK */
	SERVER_TRANSACTION_COMPLETED,  /* INVITE: failure sent, awaits ACK */
	SERVER_TRANSACTION_CONFIRMED /* INVITE: ACK came. Another request: answered, which RFC 3261 calls Completed */
};

struct server_transaction {
	UT_hash_handle hh;       /* by key: branch and sent-by of the topmost Via, method */
	UT_hash_handle by_merge; /* by merge: Call-ID, tag of From, CSeq */
	struct server_transactions *set;
	char *key, *merge;
	enum server_transaction_state state;
	bool invite;
	bool failed; /* a final response of 300 or above was sent */
	uint32_t cseq;
	char tag[TOKEN_SIZE]; /* of To in our responses; "" = none yet, or the request had one */
	struct hop hop;
	char *head, *to; /* what each response repeats; NULL after the final one */
	char *timestamp; /* a line that a 100 repeats as well; NULL = none */
	char *response;  /* the last one sent */
	size_t response_len;
	struct resend resend;
	struct stream_pending pending; /* INVITE */
	/* The last response: */
	bool lost;  /* with its connection */
	bool again; /* it was sent more than once */
	uint64_t sent_ms;
	const struct server_transaction_handlers *handlers;
	void *arg;
};

struct server_transactions {
	struct transport *transport;
	struct server_transaction *by_key, *by_merge;
	size_t done; /* number of those in SERVER_TRANSACTION_CONFIRMED */
	/* How many INVITEs there are, by hash of the key: in overload most of them are new. */
	uint16_t invites[SERVER_TRANSACTION_INVITES];
};

/** Add it to the set. @return 0; -ENOMEM, and it is freed */
int server_transaction_enlist(struct server_transaction *s, struct server_transactions *set,
	const struct server_transaction_handlers *handlers, void *arg);
/** Free one that is in no set. */
void server_transaction_free_unlisted(struct server_transaction *s);

#endif
