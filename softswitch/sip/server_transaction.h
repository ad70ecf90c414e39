/** @file server_transaction.h  A request that came in until its answer has arrived: server transactions (RFC 3261 section 17.2, RFC 6026).
 *
 * The set answers by itself what repeats: a retransmitted request gets the last response again, the
 * ACK to a failure ends its resending, a CANCEL gets its 200. The rest reaches the owner.
 */
#ifndef SERVER_TRANSACTION_H
#define SERVER_TRANSACTION_H

#include "resend_schedule.h"
#include "transport.h"
#include "scan.h"
#include "text.h"

struct server_transaction;
struct server_transactions;

struct server_transaction_handlers {
	/** The INVITE was cancelled; the CANCEL has its 200, the INVITE still awaits a final response. */
	void (*on_cancel)(const struct received *rx, void *arg);
	/** A 2xx to INVITE was never acknowledged, all its resending over. The server is gone. */
	void (*on_unacknowledged)(void *arg);
	/** For an owner without a dialog: the ACK to the 2xx came. The server is gone. NULL: the dialog's owner looks for it. */
	void (*on_late_ack)(void *arg);
};

int server_transactions_create(struct server_transactions **out, struct transport *transport);
void server_transactions_destroy(struct server_transactions *set);
/** Transactions held, unanswered or unacknowledged; those kept only to recognize retransmissions do not count. */
size_t server_transactions_count(const struct server_transactions *set);
/** With those. */
size_t server_transactions_kept(const struct server_transactions *set);

/** A request came in. @return true when a transaction took it: nothing is left to do */
bool server_transactions_on_request(struct server_transactions *set, const struct received *rx);

/** Did the same request come by another way (RFC 3261 section 8.2.2.2)? Answer 482 then. */
bool server_transactions_merged(const struct server_transactions *set, const struct received *rx);
/** Is there one for this method with the topmost Via of a request that was not parsed? @param via  its value */
bool server_transactions_has(
	const struct server_transactions *set, const struct scan *via, const char *method);

/**
 * Keep a request that is to be answered. The owner answers it with a final response, sooner or later.
 *
 * @param handlers  borrowed; may be NULL for other methods than INVITE
 * @return 0; -EMSGSIZE when what a response has to repeat leaves no room in it; -ENOMEM
 */
int server_transaction_create(struct server_transaction **out, struct server_transactions *set,
	const struct received *rx, const struct server_transaction_handlers *handlers, void *arg);

/** Start a response into t: status line and what repeats the request. The caller adds headers and message_end(). */
void server_transaction_begin(
	struct server_transaction *s, struct text *t, int status, const char *phrase, const char *to_tag);

/**
 * Send the response in t. After a final one the server belongs to its set: forget the pointer; but for a 2xx to
 * INVITE, which the owner keeps until server_transaction_acknowledge() or on_unacknowledged.
 *
 * A text that is full is not sent: a provisional response is dropped, a final one becomes 513.
 *
 * @param resend  the schedule for final responses to INVITE, which await ACK
 */
void server_transaction_send(
	struct server_transaction *s, const struct text *t, int status, const struct resend_schedule *resend);

/** The last response once more. */
void server_transaction_send_again(struct server_transaction *s);
/** Did the request come over a connection? Nothing has to be sent again then. */
bool server_transaction_is_reliable(const struct server_transaction *s);

/** server_transaction_begin(), extra headers, no body, server_transaction_send(). */
void server_transaction_reply(struct server_transaction *s, int status, const char *phrase,
	const char *to_tag, const char *extra_headers, const struct resend_schedule *resend);

/**
 * Answer a request for good, with whole lines or NULL as headers; what is sent again of it gets the same answer.
 * Not for a 2xx to INVITE.
 */
void server_transaction_answer(struct server_transactions *set, const struct received *rx, int status,
	const char *headers, const struct resend_schedule *resend);

/** The number in the request's CSeq; the ACK to a 2xx repeats it. */
uint32_t server_transaction_cseq(const struct server_transaction *s);
/** The ACK to the 2xx came. The server is gone. */
void server_transaction_acknowledge(struct server_transaction *s);
/** Somebody else owns it from now on. NULL is fine. */
void server_transaction_hand_over(
	struct server_transaction *s, const struct server_transaction_handlers *handlers, void *arg);
/** The owner goes before the ACK came: it is not told any more, the 2xx is still resent. NULL is fine. */
void server_transaction_forget(struct server_transaction *s);

#endif
