/** @file dialog.h  A dialog (RFC 3261 section 12): one leg of a call, between us and one peer.
 *
 * All of it is plain text and numbers, so that it can be written out and read back.
 */
#ifndef DIALOG_H
#define DIALOG_H

#include "client_transaction.h"
#include "keyed_table.h"
#include "next_hop.h"
#include "sdp_origin.h"
#include "session.h"
#include "token.h"
#include "transport.h"

struct dialogs;

struct dialog {
	UT_hash_handle hh; /* in its set, by local_tag */
	struct dialogs *set;
	void *owner; /* the call it is a leg of; NULL = its BYE is under way */

	char local_tag[TOKEN_SIZE];
	char *call_id;
	char *local, *remote; /* values of From and To as we send them, with their tags */
	char *remote_tag;     /* NULL = not established */
	char *target;         /* remote target: URI of the peer's Contact, byte for byte */
	char *route;          /* whole Route lines; "" = no route set */
	char *strict_route;   /* URI of the first route if that is a strict router; else NULL */
	struct next_hop next; /* where hop comes from; looked up by resolver */
	struct next_hop_resolver *resolver;
	uint32_t local_seq;  /* CSeq of our last request */
	uint32_t remote_seq; /* of the peer's last request */
	uint16_t remote_end; /* the final response to that if it has crossed; 0 = none yet */
	bool remote_acked;   /* the peer has acknowledged the final response to its last INVITE */
	bool resumed;        /* that request was to the process before: it is known by its number alone */
	uint32_t invite_seq; /* of our last INVITE: its ACK repeats it */
	uint32_t ack_seq;    /* of the last INVITE of ours that was acknowledged */
	bool offerless;      /* our last INVITE makes no offer: its 2xx does, and the ACK answers */
	char invite_branch[BRANCH_SIZE];
	struct hop hop;                      /* where requests go */
	const struct hop_listener *listener; /* where this peer reaches us, wherever ours to it go */
	uint64_t window_ms;                  /* requests of the peer are counted from here on */
	unsigned in_window;
	char *user, *password; /* to answer the peer's challenges; NULL = none */
	char *realm;           /* whose challenges alone are answered; NULL = the account's */
	uint64_t account;      /* digest_realm_account() of these; 0 = none */
	char *credentials; /* Authorization lines of our last INVITE, which its ACK repeats; NULL = none */
	char *pass_headers; /* names of headers that cross to this peer besides those of headers.c; NULL = none */
	struct session session;
	bool own_origin; /* descriptions sent to this peer get o= and s= lines of ours */
	struct sdp_origin origin;
};

/** @param resolver  for names in Contact and Record-Route; it may be destroyed sooner. NULL = they are not looked up */
int dialogs_create(struct dialogs **out, struct resolver *resolver);
void dialogs_destroy(struct dialogs *set);
size_t dialogs_count(const struct dialogs *set);

/**
 * Find the dialog of a received request or response by our tag, its Call-ID and, once the peer has one, the peer's tag.
 *
 * @return NULL when there is none
 */
struct dialog *dialogs_find(const struct dialogs *set, const sip_t *sip);

/**
 * A request of the peer came. What its transaction does not recognise, but has the number of the last one to the process
 * before, is that one, repeated.
 *
 * @return false when its number was used (RFC 3261 section 12.2.2)
 */
bool dialog_take_cseq(struct dialog *d, const sip_t *request);

/**
 * Create the dialog of a caller from its INVITE (RFC 3261 section 12.1.1). A Contact that cannot be used is taken as
 * missing, and From is the remote target, as RFC 2543 had it; the same with Record-Route.
 *
 * @param d      zeroed, or with the tag and origin that it had in the process before
 * @param owner  the call; borrowed
 * @return 0; -E2BIG too many Record-Route entries: what is left suffices to refuse the INVITE; -ENOMEM. dialog_clear()
 *         it in any case
 */
int dialog_accept(struct dialog *d, struct dialogs *set, void *owner, const struct received *invite);
/**
 * Go on with the dialog that an INVITE of the process before began, which has had no final response.
 *
 * @param d  zeroed but for its session, origin and the like, which the INVITE does not tell
 * @return 0; -EINVAL it is none of ours; -EEXIST; -ENOMEM; dialog_clear() it in any case
 */
int dialog_resume_invite(
	struct dialog *d, struct dialogs *set, void *owner, const struct hop *hop, const sip_t *invite);
/**
 * Begin a dialog with a gateway, before its first response.
 *
 * @param local,remote  values of From (our tag is added) and To
 * @param target        the Request-URI
 * @return 0 or -ENOMEM; dialog_clear() it in either case
 */
int dialog_begin(struct dialog *d, struct dialogs *set, void *owner, const struct hop *hop, const char *local,
	const char *remote, const char *target);
/**
 * Take tag, remote target and route set from a response to our INVITE (RFC 3261 section 12.1.2). A Contact or
 * Record-Route that cannot be used is taken as missing: ACK and BYE go where the INVITE went.
 *
 * @return 0; -E2BIG too many Record-Route entries; -ENOMEM
 */
int dialog_establish(struct dialog *d, const struct received *response);
/**
 * Create another dialog of the same INVITE, opened by this response (RFC 3261 section 12.1.2). It is in no set:
 * dialogs_find() finds the one of the INVITE.
 *
 * @return as dialog_establish(); dialog_clear() it in any case
 */
int dialog_fork(struct dialog *d, const struct dialog *of, const struct received *response);
/** Answer challenges as in that dialog. @return 0 or -ENOMEM */
int dialog_share_account(struct dialog *d, const struct dialog *of);
/**
 * Create the dialog that a 2xx opened after its INVITE was given up, to hang up in it. It is in no set. Without a Contact
 * that can be used its target is whom the INVITE called, who is in To; so it is after a refusal, for its ACK.
 *
 * @param set  whose resolver it takes
 * @return 0; -EINVAL when that cannot be read either; else as dialog_establish(); dialog_clear() it in any case
 */
int dialog_from_stray_answer(struct dialog *d, struct dialogs *set, const struct received *response);
/**
 * Whether a request of this method is a target refresh (RFC 3261 section 6, RFC 5057 section 5.4): it and a 2xx to it say
 * in Contact where their senders are. Others have no Contact; a MESSAGE must not (RFC 3428 section 4).
 */
bool dialog_is_target_refresh(const char *method);
/**
 * Take the remote target from a request that is accepted, or a 2xx to one of ours (RFC 3261 section 12.2): what is refused
 * changes nothing. One that cannot be used leaves the old one. A peer behind NAT gets what follows at the source of this message.
 *
 * @return 0 or -ENOMEM
 */
int dialog_refresh_target(struct dialog *d, const struct received *from);
/** Transactions of its requests are kept for DIALOG_WINDOW_MS; no more are taken in that time from one peer. */
enum { DIALOG_REQUESTS_MAX = 256, DIALOG_WINDOW_MS = 32000 };
/** The peer sends a request. @return false when it is one too many */
bool dialog_takes_request(struct dialog *d, uint64_t now_ms);
/** Add one that was read back (dialog_state.h) to its set. @return 0; -EEXIST its tag is another's; -ENOMEM */
int dialog_resume(struct dialog *d, struct dialogs *set, void *owner);
/** Move a dialog to another place in memory; the old one is zeroed. */
void dialog_move(struct dialog *to, struct dialog *from);
/** Remove it from its set and free what it holds; zeroed afterwards. */
void dialog_clear(struct dialog *d);

/**
 * Start a request inside the dialog: request line, Via, Route, Max-Forwards, From, To, Call-ID, CSeq (RFC 3261 section
 * 12.2.1.1). The caller adds Contact, other headers and the body.
 *
 * @param branch  of the topmost Via
 * @param cseq    0 = the next one; an ACK repeats that of its INVITE
 */
void dialog_write_request(struct dialog *d, struct text *t, const char *method, const char *branch,
	uint32_t cseq, unsigned max_forwards);
/** Add "Contact: <sip:...>\r\n" with the address at which this peer reaches us. */
void dialog_write_contact(const struct dialog *d, struct text *t);
/**
 * End a message to this peer with the body of a message of the other leg, byte for byte except for o= and s= lines
 * (own_origin). Content-Type is not added.
 *
 * @param carries  NULL = no body
 */
void dialog_write_body(struct dialog *d, struct text *t, const sip_t *carries);
/** End it with the description the other leg's peer gave last, its Content-Type included; without one, with no body. */
void dialog_write_description(struct dialog *d, struct text *t, const struct session *other);
/** The same as the answer to an offer of this peer that repeats its last description (sdp_answer.h). */
void dialog_write_answer(struct dialog *d, struct text *t, const struct session *other);

#endif
