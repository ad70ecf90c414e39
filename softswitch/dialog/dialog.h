/** @file dialog.h  The state of one leg: what RFC 3261 section 12 says a dialog is.
 *
 * All of it is plain text and numbers, so it can be written out and read back.
 */
#ifndef DIALOG_H
#define DIALOG_H

#include "client_transaction.h"
#include "sdp_origin.h"
#include "session.h"
#include "token.h"
#include "transport.h"

#include <uthash.h>

struct dialogs;

struct dialog {
	UT_hash_handle hh; /* by local_tag */
	struct dialogs *set;
	void *owner; /* the call it is a leg of; NULL = it is being ended */

	char local_tag[TOKEN_SIZE];
	char *call_id;
	char *local, *remote; /* values of From and To as we send them, tags included once known */
	char *remote_tag;     /* NULL: not established */
	char *target;         /* remote target: URI of the peer's Contact */
	char *route;          /* "Route: ...\r\n" lines, "" without route set */
	char *strict_route;   /* the first route where it is a strict router's URI; else NULL */
	uint32_t local_seq;   /* CSeq of our last request */
	uint32_t remote_seq;  /* of the peer's last request */
	uint32_t invite_seq;  /* of our last INVITE: its ACK repeats it */
	uint32_t ack_seq;     /* of the last INVITE of ours that was acknowledged */
	char invite_branch[BRANCH_SIZE];
	struct hop hop;        /* where requests go */
	char *user, *password; /* for challenges of the peer; NULL: none */
	char *credentials;     /* Authorization line of our last INVITE, which its ACK repeats; may be NULL */
	struct session session;
	bool own_origin; /* the descriptions it is sent get o= and s= lines of ours */
	struct sdp_origin origin;
};

int dialogs_create(struct dialogs **out);
void dialogs_destroy(struct dialogs *set);
size_t dialogs_count(const struct dialogs *set);

/**
 * The dialog a received request or response speaks of: our tag, the Call-ID, and the peer's tag if both know it.
 *
 * @return NULL when there is none
 */
struct dialog *dialogs_find(const struct dialogs *set, const sip_t *sip);

/** The leg of a caller: from its INVITE (RFC 3261 section 12.1.1). @return 0 or -ENOMEM; clear it in either case */
int dialog_accept(struct dialog *d, struct dialogs *set, void *owner, const struct received *invite);
/**
 * The leg to a gateway, before its first answer.
 *
 * @param local,remote  values of From (without tag) and To
 */
int dialog_begin(struct dialog *d, struct dialogs *set, void *owner, const struct hop *hop, const char *local,
	const char *remote, const char *target);
/** An answer of the gateway: its tag, Contact and Record-Route (section 12.1.2). */
int dialog_establish(struct dialog *d, const sip_t *response);
/**
 * Another dialog of the same INVITE, opened by this answer; in no set (section 12.1.2).
 *
 * @return 0 or -ENOMEM; clear it in either case
 */
int dialog_fork(struct dialog *d, const struct dialog *of, const sip_t *response);
/** A request or 2xx inside the dialog may move the remote target (section 12.2). */
int dialog_refresh_target(struct dialog *d, const sip_t *sip);
/**
 * The dialog a 2xx to an INVITE of ours opened that nobody waits for any more; in no set.
 *
 * @return 0; -EINVAL without Contact; -ENOMEM; clear it in either case
 */
int dialog_from_stray_answer(struct dialog *d, const struct received *response);
/** It lives at another address from now on; the old one is zeroed. */
void dialog_move(struct dialog *to, struct dialog *from);
/** Takes it out of its set and frees what it holds; zeroed afterwards. */
void dialog_clear(struct dialog *d);

/**
 * Start a request inside the dialog: request line, Via, Route, Max-Forwards, From, To, Call-ID, CSeq.
 * The caller adds Contact, other headers and message_end().
 *
 * @param cseq    0 = the next; an ACK repeats that of its INVITE
 */
void dialog_write_request(struct dialog *d, struct text *t, const char *method, const char *branch,
	uint32_t cseq, unsigned max_forwards);
/** End a message to this peer with the body of a message from the other side; NULL = none. */
void dialog_write_body(struct dialog *d, struct text *t, const sip_t *carries);
/** The same with the description of the other side's session and the line that names its type. */
void dialog_write_description(struct dialog *d, struct text *t, const struct session *other);
/** "Contact: <sip:...>\r\n" of ours as seen by this peer. */
void dialog_write_contact(const struct dialog *d, struct text *t);

#endif
