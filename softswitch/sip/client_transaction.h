/** @file client_transaction.h  Client transactions (RFC 3261 section 17.1, RFC 6026).
 *
 * A request is kept as the bytes that were sent, resent by the schedule, and found again by the number in its branch.
 * An error of the transport ends a request outside dialogs at once, as another server may do better; one inside a dialog,
 * and CANCEL, can go nowhere else and stays on its schedule: over TCP and TLS a lost connection is opened again.
 * A transaction frees itself: once a handler was called with its end, the pointer is invalid.
 */
#ifndef CLIENT_TRANSACTION_H
#define CLIENT_TRANSACTION_H

#include "resend_schedule.h"
#include "transport.h"
#include "text.h"
#include "token.h"

struct client_transaction;
struct client_transactions;

struct client_transaction_handlers {
	/** A response. After a final one (>= 200) the pointer is invalid. */
	void (*on_response)(const struct received *rx, void *arg);
	/**
	 * No response will come: -ETIMEDOUT the schedule is used up, else the error of the transport, which is not told of a
	 * request in a dialog. The pointer is invalid.
	 */
	void (*on_failure)(int error, void *arg);
};

/** @param key  of the marks in our branches: nobody else has it. Copied; NULL = a new one */
int client_transactions_create(
	struct client_transactions **out, struct transport *transport, const struct token_key *key);
void client_transactions_destroy(struct client_transactions *set);
/** Transactions whose owner awaits a response. */
size_t client_transactions_count(const struct client_transactions *set);
/** The same with those kept only to recognise repeated or late responses. */
size_t client_transactions_kept(const struct client_transactions *set);
/** Of those whose owner awaits a response, the ones inside dialogs; each is looked at. */
size_t client_transactions_in_dialogs(const struct client_transactions *set);

/** Make the branch of a new request, for its topmost Via. @return the number in it, for client_transaction_send() */
enum { BRANCH_SIZE = 32 };
uint64_t client_transaction_branch(struct client_transactions *set, char out[BRANCH_SIZE]);
/** The same for the INVITE of a call, with a mark by which we know it when it comes back. @param user  called */
uint64_t client_transaction_marked_branch(
	struct client_transactions *set, const char *user, char out[BRANCH_SIZE]);

/** The number in the branch of a request of the process before. @return 0; -EINVAL it is not ours; -EEXIST */
int client_transaction_resume_branch(
	const struct client_transactions *set, const char *branch, uint64_t *number);

/** What client_transaction_send() is given. */
struct client_transaction_request {
	const char *method;             /* static text */
	uint64_t branch;                /* what client_transaction_branch() returned */
	const char *call_id, *from_tag; /* with cseq: what a response must repeat */
	uint32_t cseq;
	const struct text *text; /* the whole message, its topmost Via with that branch */
	const struct hop *hop;
	const struct resend_schedule *resend;
	bool in_dialog; /* so that the 2xx to an INVITE opens none, and errors of the transport do not end it */
};

/**
 * Send a request.
 *
 * @param handlers  borrowed; NULL when the response does not matter
 * @return 0; -EMSGSIZE when the text is full; -ENOMEM; the error of transport_send(). *out is untouched and no handler
 *         is called then
 */
int client_transaction_send(struct client_transaction **out, struct client_transactions *set,
	const struct client_transaction_request *request, const struct client_transaction_handlers *handlers,
	void *arg);

/** An INVITE that awaits its final response, as it was sent; borrowed. */
struct text client_transaction_text(const struct client_transaction *c);

/** Abandon a request other than INVITE: it is freed, and a late response is unknown. NULL is fine. */
void client_transaction_drop(struct client_transaction *c);
/** Let the transaction end on its own; no handler is called any more. NULL is fine. */
void client_transaction_forget(struct client_transaction *c);
/** Who waits for the end of an INVITE. */
struct client_transaction_over {
	/** It is forgotten, but a 2xx has come, and what that began is about to be ended: on_over follows. @param leg  of a room above */
	void (*on_late)(const void *leg, void *arg);
	/** It has had its final response, or that is not waited for any more. */
	void (*on_over)(void *arg);
	void *arg;
};
/** Tell when an INVITE is over, even if it is forgotten meanwhile. */
void client_transaction_on_over(struct client_transaction *c, const struct client_transaction_over *over);
/** Its 2xx is stray: whoever waits for its end is to be told by the caller. @return all NULL = nobody */
struct client_transaction_over client_transaction_take_over(struct client_transaction *c);
/** Stop resending an INVITE that nothing answers. client_transaction_cancel() follows. */
void client_transaction_stop_resending(struct client_transaction *c);
/**
 * Cancel an INVITE. CANCEL is sent as soon as a provisional response allows it (RFC 3261 section 9.1), which is waited
 * for 32 s at least; until then the INVITE is resent as before, since that response may have been lost. The owner
 * forgets the transaction or awaits its end as before.
 *
 * @param reason_header  a whole line for the CANCEL, or NULL
 */
void client_transaction_cancel(struct client_transaction *c, const char *reason_header);

/**
 * Send the ACK of a 2xx (RFC 3261 section 13.2.2.4), now and whenever that 2xx comes again.
 *
 * @param branch  of the INVITE
 * @param to_tag  of the 2xx: each fork that answers has an ACK of its own
 */
void client_transaction_acknowledge(struct client_transactions *set, const char *branch, const char *to_tag,
	const struct hop *hop, const struct text *ack);

/** Whose response was it? */
enum client_transaction_match {
	CLIENT_TRANSACTION_UNKNOWN, /* no transaction of ours */
	CLIENT_TRANSACTION_HANDLED, /* handled here */
	/* a 2xx to INVITE that nobody awaits and that has no ACK yet: of another fork, or too late */
	CLIENT_TRANSACTION_STRAY,
	CLIENT_TRANSACTION_STRAY_IN_DIALOG, /* the same to a re-INVITE */
};
/** The transaction of this response; NULL = it is to no request of ours. */
struct client_transaction *client_transactions_find(const struct client_transactions *set, const sip_t *sip);
/** Where its request went. */
const struct hop *client_transaction_hop(const struct client_transaction *c);
/** Its response came in. The caller acknowledges a stray one. @param c  of client_transactions_find() */
enum client_transaction_match client_transaction_on_response(
	struct client_transaction *c, const struct received *rx);
/** A datagram of ours was undeliverable (ICMP). @param sent,n  its first bytes. @param error  an errno */
void client_transactions_on_undelivered(
	struct client_transactions *set, const char *sent, size_t n, int error);
/**
 * Has an INVITE of ours come back with the same user called, whoever is between (RFC 3261 section 16.3 step 4)? One
 * that is now for somebody else has not: proxies may send a call to us again.
 */
bool client_transactions_is_loop(const struct client_transactions *set, const sip_t *invite);
/** Is it a response to an INVITE that began a call, of the process before or of a transaction that is over? */
bool client_transactions_is_ours(const struct client_transactions *set, const sip_t *response);

#endif
