/** @file call_farewell.h  The calls of the process before that do not go on: both sides are told. */
#ifndef CALL_FAREWELL_H
#define CALL_FAREWELL_H

#include "call_state.h"
#include "field.h"

struct call_saved_setup;
struct cdr_log_leftover;

/** So often a 200 is sent again that may have been acknowledged after all. */
enum { CALL_FAREWELL_REPEATED = 2 };
/** Has the caller not acknowledged its 200, and may still wait for it (RFC 3261 section 13.2.2.4)? */
bool call_farewell_lacks_ack(const struct call *call);
/** Free a call; what it has of established legs gets BYE when it is its turn. @param bytes  that were written of it */
void call_farewell(struct call *call, const struct field_bytes *bytes);
/** Its INVITEs that were under way are cancelled. They go out again, as only a response allows the CANCEL. @param saved  `invite` goes */
void call_farewell_withdraw(struct call *call, const struct call_saved_setup *saved);
/** Its caller gets the final failure. */
void call_farewell_refuse(struct call *call);
/**
 * One that had ended, but nobody knows whether its sides have been told: they are told again.
 *
 * @return false without memory, and nothing has been told
 */
bool call_farewell_part(struct call_context *context, const struct cdr_log_leftover *left);

#endif
