/** @file early_dialogs.h  The early dialogs of an INVITE of ours, and our PRACKs in them (RFC 3262, client side).
 *
 * Each fork behind the gateway has one: tag, target, route set, CSeq and RSeq. They are kept until one of them becomes
 * the leg.
 *
 *	response that is not reliable            kept for the requests of that fork
 *	reliable response, next in order         PRACK at once
 *	the same with the offer we asked for     PRACK once the caller has answered: early_dialogs_answer()
 *	repeated or out of order                 dropped (RFC 3262 section 4; our PRACK is resent by its transaction, but after a
 *	                                         crash it is sent anew)
 */
#ifndef EARLY_DIALOGS_H
#define EARLY_DIALOGS_H

#include "resend_schedule.h"
#include "stack.h"

#include <sys/queue.h>

struct early_dialog;

/** Embedded in the INVITE. After early_dialogs_init() the owner fills in the rest; what it points to is borrowed. */
struct early_dialogs {
	TAILQ_HEAD(early_dialog_list, early_dialog) list;
	struct stack *stack;
	const struct dialog *invite;
	struct resend_schedule resend;
	bool on, offerless;           /* the INVITE announced 100rel; it had no offer */
	const struct session *caller; /* whose description answers an offer of the gateway */
};

/** An empty list, for an INVITE that did not announce 100rel. */
void early_dialogs_init(struct early_dialogs *set);

/** Is this a provisional response that wants a PRACK (RFC 3262 section 4)? */
bool early_dialogs_is_reliable(const struct early_dialogs *set, const sip_t *response);
/**
 * A provisional response came: send its PRACK if it is reliable.
 *
 * @return false when it is to be dropped: repeated or out of order
 */
bool early_dialogs_take(struct early_dialogs *set, const struct received *rx);
/** The caller has answered: send the PRACKs that await its description. */
void early_dialogs_answer(struct early_dialogs *set);

/** Find the early dialog with this tag of the peer's. @return NULL when there is none */
struct dialog *early_dialogs_find(const struct early_dialogs *set, const char *tag);
/** The dialog in which offer and answer were completed last: where an UPDATE may go. @return NULL when there is none */
struct dialog *early_dialogs_negotiated(const struct early_dialogs *set);
/** Were they completed in this one? */
bool early_dialogs_is_negotiated(const struct early_dialogs *set, const struct dialog *d);

/**
 * The 2xx came: the leg continues the early dialog with the same tag, if there is one, with its CSeq and session.
 *
 * @return true when offer and answer were completed in it
 */
bool early_dialogs_become(struct early_dialogs *set, struct dialog *leg);
/** Write those with reliable responses, each as a field of this number; the others come about again by the next response. */
void early_dialogs_save(const struct early_dialogs *set, uint16_t number, struct text *t);
/** Read them; what the owner fills in is there. @return 0; as dialog_state_read() */
int early_dialogs_read(struct early_dialogs *set, uint16_t number, const struct field_bytes *bytes);
/** End all of them. PRACKs under way are still resent by their transactions. */
void early_dialogs_clear(struct early_dialogs *set);

#endif
