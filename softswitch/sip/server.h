/** @file server.h  A request that came in until its answer has arrived: server transactions (RFC 3261 section 17.2, RFC 6026).
 *
 * The set answers by itself what repeats: a retransmitted request gets the last response again, the
 * ACK to a failure ends its resending, a CANCEL gets its 200. The rest reaches the owner.
 */
#ifndef SERVER_H
#define SERVER_H

#include "intervals.h"
#include "sip.h"
#include "text.h"

struct server;
struct servers;

struct server_handlers {
	/** The INVITE was cancelled; the CANCEL has its 200, the INVITE still awaits a final response. */
	void (*on_cancel)(const struct received *rx, void *arg);
	/** A 2xx to INVITE was never acknowledged, all its resending over. The server is gone. */
	void (*on_unacknowledged)(void *arg);
	/** For an owner without a dialog: the ACK to the 2xx came. The server is gone. NULL: the dialog's owner looks for it. */
	void (*on_late_ack)(void *arg);
};

int servers_create(struct servers **out, struct sip *sip);
void servers_destroy(struct servers *set);
/** Transactions held, unanswered or unacknowledged; those kept only to recognize retransmissions do not count. */
size_t servers_count(const struct servers *set);
/** With those. */
size_t servers_kept(const struct servers *set);

/** A request came in. @return true when a transaction took it: nothing is left to do */
bool servers_on_request(struct servers *set, const struct received *rx);

/** Did the same request come by another way (RFC 3261 section 8.2.2.2)? Answer 482 then. */
bool servers_merged(const struct servers *set, const struct received *rx);

/**
 * Keep a request that is to be answered. The owner answers it with a final response, sooner or later.
 *
 * @param handlers  borrowed; may be NULL for other methods than INVITE
 * @return 0; -EMSGSIZE when what a response has to repeat leaves no room in it; -ENOMEM
 */
int server_create(struct server **out, struct servers *set, const struct received *rx,
	const struct server_handlers *handlers, void *arg);

/** Start a response into t: status line and what repeats the request. The caller adds headers and message_end(). */
void server_begin(struct server *s, struct text *t, int status, const char *phrase, const char *to_tag);

/**
 * Send the response in t. After a final one the server belongs to its set: forget the pointer; but for a 2xx to
 * INVITE, which the owner keeps until server_acknowledge() or on_unacknowledged.
 *
 * A text that is full is not sent: a provisional response is dropped, a final one becomes 513.
 *
 * @param resend  the schedule for final responses to INVITE, which await ACK
 */
void server_send(struct server *s, const struct text *t, int status, const struct intervals *resend);

/** The last response once more. */
void server_send_again(struct server *s);
/** Did the request come over a connection? Nothing has to be sent again then. */
bool server_is_reliable(const struct server *s);

/** server_begin(), extra headers, no body, server_send(). */
void server_reply(struct server *s, int status, const char *phrase, const char *to_tag,
	const char *extra_headers, const struct intervals *resend);

/**
 * Answer a request for good, with whole lines or NULL as headers; what is sent again of it gets the same answer.
 * Not for a 2xx to INVITE.
 */
void server_answer(struct servers *set, const struct received *rx, int status, const char *headers,
	const struct intervals *resend);

/** The number in the request's CSeq; the ACK to a 2xx repeats it. */
uint32_t server_cseq(const struct server *s);
/** The ACK to the 2xx came. The server is gone. */
void server_acknowledge(struct server *s);
/** Somebody else owns it from now on. NULL is fine. */
void server_hand_over(struct server *s, const struct server_handlers *handlers, void *arg);
/** The owner goes before the ACK came: it is not told any more, the 2xx is still resent. NULL is fine. */
void server_forget(struct server *s);

#endif
