/** @file server_transaction.h  Server transactions (RFC 3261 section 17.2, RFC 6026).
 *
 * A response to an INVITE that awaits ACK or PRACK is sent again over a new connection when its own is lost.
 *
 * The set handles what RFC 3261 leaves to the transaction: a retransmitted request gets the last response again, the ACK
 * to a failure ends its resending, a CANCEL gets its 200. Everything else reaches the owner.
 */
#ifndef SERVER_TRANSACTION_H
#define SERVER_TRANSACTION_H

#include "field.h"
#include "resend_schedule.h"
#include "transport.h"
#include "scan.h"
#include "text.h"

struct server_transaction;
struct server_transactions;

struct server_transaction_handlers {
	/** The INVITE was cancelled. The CANCEL has had its 200; the INVITE still awaits a final response. */
	void (*on_cancel)(const struct received *rx, void *arg);
	/** The 2xx to an INVITE was resent to the end of the schedule without an ACK. The pointer is invalid. */
	void (*on_unacknowledged)(void *arg);
	/** The ACK to the 2xx came. The pointer is invalid. NULL where the owner of the dialog matches ACKs itself. */
	void (*on_late_ack)(void *arg);
	/** A failure was acknowledged, or that is not waited for any more. The pointer is invalid. NULL where it does not matter. */
	void (*on_over)(void *arg);
};

int server_transactions_create(struct server_transactions **out, struct transport *transport);
void server_transactions_destroy(struct server_transactions *set);
/** Transactions that await a response or its ACK. */
size_t server_transactions_count(const struct server_transactions *set);
/** The same with those kept only to recognise retransmissions. */
size_t server_transactions_kept(const struct server_transactions *set);

/** The transaction of the request that this one repeats, acknowledges or cancels; NULL = there is none. */
struct server_transaction *server_transactions_find(const struct server_transactions *set, const sip_t *sip);
/**
 * A request came in.
 *
 * @param s  of server_transactions_find()
 * @return true when a transaction has handled it
 */
bool server_transactions_on_request(
	struct server_transactions *set, struct server_transaction *s, const struct received *rx);

/** Is it a request that has come over another path already (RFC 3261 section 8.2.2.2)? Answer 482. */
bool server_transactions_merged(const struct server_transactions *set, const struct received *rx);
/** Is there one of an INVITE with this topmost Via? @param via  its value, not parsed */
bool server_transactions_has_invite(const struct server_transactions *set, const struct scan *via);

/**
 * Create the transaction of a request. Its owner sends a final response sooner or later.
 *
 * @param handlers  borrowed; may be NULL for other methods than INVITE
 * @return 0; -EMSGSIZE what a response must repeat leaves no room for the rest; -ENOMEM
 */
int server_transaction_create(struct server_transaction **out, struct server_transactions *set,
	const struct received *rx, const struct server_transaction_handlers *handlers, void *arg);

/** What To of its responses gets as tag, before there is one. */
void server_transaction_set_tag(struct server_transaction *s, const char *to_tag);
/**
 * Write one of an INVITE that has had no final response, or awaits the ACK to it.
 *
 * @param response  the final one that it is about to get, NULL = that which it has had, if any
 * @param leg       of the leg that it began, if the reader has that: written once if both are the same; or NULL
 */
void server_transaction_save(const struct server_transaction *s, struct text *t, const struct text *response,
	const struct hop *leg);
/**
 * Give an INVITE of the process before its final response: that which was written with it, or else this failure. It is
 * repeated until its ACK.
 *
 * @param leg      of the leg that it began, or NULL
 * @param headers  whole lines
 * @return the transaction of a 2xx, which awaits its ACK and has no owner; NULL = it is another response, or the bytes are none
 */
struct server_transaction *server_transactions_finish(struct server_transactions *set,
	const struct field_bytes *bytes, const struct hop *leg, int failure, const char *headers,
	const struct resend_schedule *resend);

/**
 * Start a response: status line and the headers that repeat the request. The caller adds headers and message_end().
 *
 * @param phrase  NULL = the usual one
 * @param to_tag  for To; NULL = as in the request
 */
void server_transaction_begin(
	struct server_transaction *s, struct text *t, int status, const char *phrase, const char *to_tag);

/**
 * Send a response. After a final one the pointer is invalid, except for a 2xx to INVITE: the owner keeps that
 * transaction until server_transaction_acknowledge() or on_unacknowledged. A response that is too large is not sent: a
 * provisional one is dropped, a final one becomes 513.
 *
 * @param resend  for final responses to INVITE, which await their ACK; otherwise may be NULL
 */
void server_transaction_send(
	struct server_transaction *s, const struct text *t, int status, const struct resend_schedule *resend);

/** Send the last response to an INVITE once more; over TCP and TLS only if it was lost with its connection. */
void server_transaction_resend(struct server_transaction *s);
/** The last response was acknowledged, by ACK or PRACK: if it was sent once, that tells the response time of the peer. */
void server_transaction_learn(const struct server_transaction *s);
/** The last response, borrowed. */
struct text server_transaction_response(const struct server_transaction *s);
/** Where its responses go. */
const struct hop *server_transaction_hop(const struct server_transaction *s);

/** server_transaction_begin(), extra headers, no body, server_transaction_send(). */
void server_transaction_reply(struct server_transaction *s, int status, const char *phrase,
	const char *to_tag, const char *extra_headers, const struct resend_schedule *resend);

/**
 * Answer a request of a dialog with a final response at once; a retransmission gets the same. To is repeated as it
 * came, without a tag of ours. Not for a 2xx to INVITE.
 *
 * @param headers  whole lines, or NULL
 */
void server_transaction_answer(struct server_transactions *set, const struct received *rx, int status,
	const char *headers, const struct resend_schedule *resend);

/** The number in the CSeq of the request, which the ACK to a 2xx repeats. */
uint32_t server_transaction_cseq(const struct server_transaction *s);
/** The ACK to the 2xx came. The pointer is invalid. */
void server_transaction_acknowledge(struct server_transaction *s);
/** Change its owner. NULL is fine. */
void server_transaction_hand_over(
	struct server_transaction *s, const struct server_transaction_handlers *handlers, void *arg);
/** Let it end on its own: a 2xx is still resent until its ACK, but no handler is called any more. NULL is fine. */
void server_transaction_forget(struct server_transaction *s);

#endif
