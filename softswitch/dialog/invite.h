/** @file invite.h  One INVITE to one address of a gateway, and the leg it may become.
 *
 * The leg stands with the answer; provisional answers of forks come and go without one. Given up before its end, an
 * INVITE cleans up after itself: CANCEL as soon as that is allowed, ACK and BYE for an answer that comes too late.
 */
#ifndef INVITE_H
#define INVITE_H

#include "early_dialogs.h"

#include "parameters.h"

struct invite;

struct invite_handlers {
	/** 100-199; what is repeated or out of its order (RFC 3262 section 4) does not come here. */
	void (*on_provisional)(const struct received *rx, void *arg);
	/** 2xx. The dialog stands; acknowledge it with dialog_ack(). */
	void (*on_answer)(const struct received *rx, void *arg);
	/** 300-699, acknowledged already. It is to be destroyed, unless invite_retry() sends it again. */
	void (*on_refused)(const struct received *rx, void *arg);
	/** -ETIMEDOUT or the transport's error. To be destroyed. */
	void (*on_failure)(int error, void *arg);
};

/** Who calls whom, and what is passed on. All borrowed for the call of the function. */
struct invite_content {
	const char *caller, *display; /* user part; display name as it came, or NULL */
	const char *callee;           /* user part */
	const char *target;           /* host:port for the Request-URI */
	const sip_t *received;        /* the caller's INVITE: its headers and body */
	const struct session *offer;  /* the description in its place, or NULL */
	unsigned max_forwards;
	const char *user, *password; /* for challenges; may be NULL */
	const char *route;           /* whole Route lines; may be NULL */
	enum db_100rel sip_100rel;   /* what the gateway is told */
	bool can_answer;             /* the caller can answer an offer in a reliable provisional response */
	const struct session *caller_session; /* its answer then */
};

/** @param handlers,arg  borrowed until invite_abandon() or invite_destroy() */
int invite_create(struct invite **out, struct stack *stack, void *owner, const struct hop *hop,
	const struct invite_content *content, const struct invite_handlers *handlers, void *arg);
/** Send it. @return as client_transaction_send() */
int invite_send(
	struct invite *inv, const struct invite_content *content, const struct resend_schedule *resend);

/**
 * In on_refused: send it again, with the next CSeq, where this response allows it: with credentials, with a longer
 * session interval (request_retry.h).
 *
 * @return true when it was sent
 */
bool invite_retry(struct invite *inv, const struct invite_content *content,
	const struct resend_schedule *resend, const sip_t *response);

/** No answer came in time: it is not resent any more. invite_abandon() follows. */
void invite_stop_resending(struct invite *inv);
/** Nobody wants it any more; what is under way is cleaned up. @param reason_header  for the CANCEL; may be NULL */
void invite_abandon(struct invite *inv, const char *reason_header);
/** Answered: its handlers are not called any more, the leg is the caller's. */
void invite_detach(struct invite *inv);
/** It has ended: refused, failed, or the call of the answered leg is over. NULL is fine. */
void invite_destroy(struct invite *inv);

struct dialog *invite_dialog(struct invite *inv);
/** Before the answer: the dialogs of its reliable provisional answers. */
struct early_dialogs *invite_early(struct invite *inv);

#endif
