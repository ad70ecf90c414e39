/** @file early_dialogs.h  The early dialogs of an INVITE of ours, and the PRACK of what comes in them (RFC 3262).
 *
 * Each fork behind the gateway has its own: tag, target, route, CSeq and RSeq. They are kept for reliable provisional
 * answers only, until one of them becomes the leg.
 *
 *	reliable answer, next in its order      PRACK at once
 *	the same with the offer we asked for    PRACK when the caller has answered: early_dialogs_answer()
 *	repeated, or out of order               nothing (section 4: our PRACK repeats itself)
 */
#ifndef EARLY_DIALOGS_H
#define EARLY_DIALOGS_H

#include "resend_schedule.h"
#include "stack.h"

#include <sys/queue.h>

struct early_dialog;

/** Embedded in the INVITE; after early_dialogs_init() 100rel is not announced. */
struct early_dialogs {
	TAILQ_HEAD(early_dialog_list, early_dialog) list;
	struct stack *stack;
	const struct dialog *invite;
	struct resend_schedule resend;
	bool on, offerless;           /* 100rel was announced; in an INVITE without offer */
	const struct session *caller; /* whose description answers an offer */
};

/** The other fields are filled in by the owner; what they point to is borrowed until early_dialogs_clear(). */
void early_dialogs_init(struct early_dialogs *set);

/** Of an INVITE that announced 100rel: is this provisional answer to be acknowledged (section 4)? */
bool early_dialogs_is_reliable(const struct early_dialogs *set, const sip_t *response);
/** A provisional answer came. @return false when it is to be dropped, it was there before or is out of order */
bool early_dialogs_take(struct early_dialogs *set, const sip_t *response);
/** The caller has answered: so are the offers that wait for it. */
void early_dialogs_answer(struct early_dialogs *set);

/** The early dialog with this tag of the peer. @return NULL when there is none */
struct dialog *early_dialogs_find(const struct early_dialogs *set, const char *tag);
/** The last one in which offer and answer were completed: an UPDATE may cross there. @return NULL without one */
struct dialog *early_dialogs_negotiated(const struct early_dialogs *set);
bool early_dialogs_is_negotiated(const struct early_dialogs *set, const struct dialog *d);

/**
 * This leg follows on the early dialog with its tag, if there was one: its CSeq and session go on.
 *
 * @return true when offer and answer are complete
 */
bool early_dialogs_become(struct early_dialogs *set, struct dialog *leg);
/** All of them are over. What is on its way is sent until it is answered. */
void early_dialogs_clear(struct early_dialogs *set);

#endif
