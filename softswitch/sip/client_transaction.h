/** @file client_transaction.h  A request of ours until its final answer: client transactions (RFC 3261 section 17.1).
 *
 * A request is kept as the bytes that were sent, is resent by the schedule, and is found again by
 * the number in its branch. When a handler has been told the end, the client frees itself.
 */
#ifndef CLIENT_TRANSACTION_H
#define CLIENT_TRANSACTION_H

#include "resend_schedule.h"
#include "transport.h"
#include "text.h"

struct client_transaction;
struct client_transactions;

struct client_transaction_handlers {
	/** Any answer. After a final one (>= 200) the client is gone: forget the pointer. */
	void (*on_response)(const struct received *rx, void *arg);
	/** No answer will come: -ETIMEDOUT the schedule is used up, else the transport's error. The client is gone. */
	void (*on_failure)(int error, void *arg);
};

int client_transactions_create(struct client_transactions **out, struct transport *transport);
void client_transactions_destroy(struct client_transactions *set);
/** Transactions held, awaiting an answer; those kept only to recognize what still comes do not count. */
size_t client_transactions_count(const struct client_transactions *set);
/** With those. */
size_t client_transactions_kept(const struct client_transactions *set);

/** A branch for a new request, to be written into its Via; unique in time and among instances. */
enum { BRANCH_SIZE = 24 };
uint64_t client_transaction_branch(struct client_transactions *set, char out[BRANCH_SIZE]);

/** What client_transaction_send() is given. */
struct client_transaction_request {
	const char *method;             /* static text */
	uint64_t branch;                /* from client_transaction_branch() */
	const char *call_id, *from_tag; /* with cseq: what an answer must repeat */
	uint32_t cseq;
	const struct text *text; /* the whole message, its topmost Via with that branch */
	const struct hop *hop;
	const struct resend_schedule *resend;
	bool in_dialog; /* INVITE: in a dialog, so that no other one can come of it */
};

/**
 * Send a request.
 *
 * @param handlers  borrowed; NULL when nobody cares for the answer
 * @return 0; -EMSGSIZE when the text is full; -ENOMEM; the error of transport_send(). *out is untouched and no handler
 *         is called then
 */
int client_transaction_send(struct client_transaction **out, struct client_transactions *set,
	const struct client_transaction_request *request, const struct client_transaction_handlers *handlers,
	void *arg);

/** A request other than INVITE is not worth asking any more: it is gone, a late answer is nobody's. NULL is fine. */
void client_transaction_drop(struct client_transaction *c);
/** The owner goes: answers are handled as the transaction needs, nobody is told. NULL is fine. */
void client_transaction_forget(struct client_transaction *c);
/** The INVITE has been sent often enough: nobody is there. client_transaction_cancel() follows. */
void client_transaction_stop_resending(struct client_transaction *c);
/**
 * The INVITE is not wanted any more. CANCEL goes out as soon as a provisional answer allows it (RFC 3261 section
 * 9.1), for 32 s at least; until then the INVITE is resent as before, as that answer may have been lost. Its owner
 * forgets it now or awaits its end as ever.
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

/** Whose answer was it? */
enum client_transaction_match {
	CLIENT_TRANSACTION_UNKNOWN, /* to no request of ours */
	CLIENT_TRANSACTION_HANDLED, /* handled */
	/* A 2xx to an INVITE that nobody awaits and that has had no ACK: of another fork, or too late (RFC 6026). */
	CLIENT_TRANSACTION_STRAY,
	CLIENT_TRANSACTION_STRAY_IN_DIALOG, /* the same to a re-INVITE */
};
/** A response came in. */
enum client_transaction_match client_transactions_on_response(
	struct client_transactions *set, const struct received *rx);
/** The start of a datagram of ours came back as undeliverable. */
void client_transactions_on_undelivered(
	struct client_transactions *set, const char *sent, size_t n, int error);
/** Is this the branch of a request that is on its way now? Then it came back to us: a loop. */
bool client_transactions_own(const struct client_transactions *set, const sip_via_t *via);

#endif
