/** @file invite_state.h  The struct of an INVITE, private to invite*.c. */
#ifndef INVITE_STATE_H
#define INVITE_STATE_H

#include "invite.h"
#include "request_retry.h"

struct invite {
	struct stack *stack;
	struct dialog dialog;
	struct early_dialogs early;
	struct request_retry retry;
	struct client_transaction *client; /* NULL = not under way */
	struct text request;      /* borrowed: in on_sending; of one that was read, until it is sent again */
	struct field_bytes saved; /* borrowed, likewise: the rest of it */
	const struct invite_handlers *handlers;
	void *arg;
};

/** Make one whose dialog is zeroed. @return NULL without memory */
struct invite *invite_make(struct stack *stack, const struct invite_handlers *handlers, void *arg);
/** Send this text. @param branch  as client_transaction_branch() has it. @return as client_transaction_send() */
int invite_send_text(
	struct invite *inv, const struct text *t, uint64_t branch, const struct resend_schedule *resend);

#endif
