/** @file invite.h  One INVITE to one address of a gateway, and the leg it may become.
 *
 * The 2xx establishes the dialog of the leg; provisional responses of several forks leave it alone. An INVITE that is
 * abandoned cleans up after itself: CANCEL as soon as that is allowed, ACK and BYE to a 2xx that comes too late.
 */
#ifndef INVITE_H
#define INVITE_H

#include "early_dialogs.h"

#include "parameters.h"

struct invite;

struct invite_handlers {
	/** It is about to be sent, for the first time or once more: invite_save() writes it as it will be. */
	void (*on_sending)(void *arg);
	/** 100-199, without those that RFC 3262 section 4 has us drop: repeated or out of order. */
	void (*on_provisional)(const struct received *rx, void *arg);
	/** 2xx. The dialog is established; acknowledge it with dialog_ack(). */
	void (*on_answer)(const struct received *rx, void *arg);
	/** 300-699, already acknowledged. Send it again with invite_retry(), or destroy it. */
	void (*on_refused)(const struct received *rx, void *arg);
	/** No final response: -ETIMEDOUT or the error of the transport. Destroy it. */
	void (*on_failure)(int error, void *arg);
};

/** Who calls whom, and what is passed on of the caller's INVITE. All borrowed, until the function returns. */
struct invite_content {
	const char *caller, *display; /* user part of From; display name as received, or NULL */
	const char *callee;           /* user part of Request-URI and To */
	const char *target;           /* host:port for the Request-URI */
	const char *request_uri;      /* in place of callee and target there; NULL = none */
	const sip_t *received;        /* the caller's INVITE, for headers and body */
	const struct session *offer;  /* a description to send instead of its body, or NULL */
	unsigned max_forwards;
	const char *user, *password;      /* to answer challenges; may be NULL */
	const char *realm;                /* whose challenges alone are answered; NULL = any */
	const char *route;                /* whole Route lines; may be NULL */
	const char *pass_headers;         /* as that of struct dialog */
	enum parameter_100rel sip_100rel; /* as the gateway is configured */
	bool can_answer; /* the caller can answer an offer in a reliable provisional response */
	const struct session *caller_session; /* that answer */
};

/**
 * @param hop           where to send it
 * @param handlers,arg  borrowed until invite_abandon(), invite_detach() or invite_destroy()
 * @return 0; -EMSGSIZE when a URI gets too long; -ENOMEM
 */
int invite_create(struct invite **out, struct stack *stack, void *owner, const struct hop *hop,
	const struct invite_content *content, const struct invite_handlers *handlers, void *arg);
/** Send it. @return as client_transaction_send() */
int invite_send(
	struct invite *inv, const struct invite_content *content, const struct resend_schedule *resend);

/**
 * In on_refused: send it again with the next CSeq if the response asks for that (request_retry.h).
 *
 * @return true when it was sent
 */
bool invite_retry(struct invite *inv, const struct invite_content *content,
	const struct resend_schedule *resend, const sip_t *response);

/** The leg of an INVITE that the process before sent, which was answered and acknowledged; its dialog is zeroed. @return 0 or -ENOMEM */
int invite_resume(struct invite **out, struct stack *stack);
/** Answer challenges with the credentials of this content. @return 0 or -ENOMEM */
int invite_set_credentials(struct invite *inv, const struct invite_content *content);

/** Write one that awaits its final response. */
void invite_save(const struct invite *inv, struct text *t);
/**
 * Read one that the process before sent; its dialog enters the set. It is sent again by invite_go_on(), byte for byte: the
 * peer takes it for a retransmission and repeats its last response (RFC 3261 section 17.2.1).
 *
 * @param bytes  borrowed until invite_go_on()
 * @return 0; -EADDRNOTAVAIL its listener is another one now, so that its responses may not arrive; -EINVAL the bytes are no
 *         INVITE of ours; -EEXIST; else as hop_state_read(). Destroy it, unless it is NULL
 */
int invite_read(struct invite **out, struct stack *stack, void *owner, const struct field_bytes *bytes);
/** @param content  as it was given to invite_create(), but for what is in the request. @return as client_transaction_send() */
int invite_go_on(struct invite *inv, const struct invite_content *content,
	const struct resend_schedule *resend, const struct invite_handlers *handlers, void *arg);

/** Stop resending it: no response came in time. invite_abandon() follows. */
void invite_stop_resending(struct invite *inv);
/** Does it await its final response? */
bool invite_is_open(const struct invite *inv);
/** Tell when it is over: client_transaction_on_over(). Only while it is open. */
void invite_on_over(struct invite *inv, const struct client_transaction_over *over);
/** Give it up and destroy it. @param reason_header  a whole line for the CANCEL, or NULL */
void invite_abandon(struct invite *inv, const char *reason_header);
/** After on_answer: call no handler any more. The leg is the caller's, to be destroyed when the call ends. */
void invite_detach(struct invite *inv);
/** NULL is fine. */
void invite_destroy(struct invite *inv);

struct dialog *invite_dialog(struct invite *inv);
/** Its early dialogs, until the 2xx. */
struct early_dialogs *invite_early(struct invite *inv);

#endif
