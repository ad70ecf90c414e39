/** @file dialog_state.h  A dialog as bytes that outlive the process, and the dialog that goes on from them.
 *
 * Left out is what lasts for a transaction alone, and the credentials, which the configuration gives again: the bytes lie in
 * a file. A connection ends with the process; the next request opens one.
 */
#ifndef DIALOG_STATE_H
#define DIALOG_STATE_H

#include "field.h"
#include "stack.h"

/** Write an established dialog. */
void dialog_state_write(const struct dialog *d, struct text *t);

enum { DIALOG_STATE_JUMP = 1000 };
/**
 * Read a dialog and add it to its set. Requests sent, and descriptions, since it was written are not known: the next ones
 * are numbered DIALOG_STATE_JUMP higher than the last that are (RFC 3261 section 12.2.1.1, RFC 3264 section 8).
 *
 * @param d      zeroed
 * @param moved  receives whether it has another listener now, so that the peer's requests do not arrive
 * @return 0; -EINVAL the bytes are no dialog; -ENOTCONN no listener of its transport and address family is left; -EEXIST;
 *         -ENOMEM. dialog_clear() it in any case
 */
int dialog_state_read(
	struct dialog *d, struct stack *stack, void *owner, const struct field_bytes *bytes, bool *moved);
/** The same for another dialog of the same INVITE, in no set: dialog_fork(). */
int dialog_state_read_fork(
	struct dialog *d, struct stack *stack, const struct dialog *of, const struct field_bytes *bytes);

#endif
