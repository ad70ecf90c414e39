/** @file call_parting.h  What a call that has ended leaves in the journal until its BYEs, or the INVITE that was given up with it, are over. */
#ifndef CALL_PARTING_H
#define CALL_PARTING_H

#include "call_context.h"

#include "cdr.h"

struct call_parting;

/** The legs whose BYEs are under way, as the word beside the entry has them. */
enum call_parting_leg { CALL_PARTING_CALLER = 1, CALL_PARTING_GATEWAY = 2 };

/**
 * Keep an entry, of cdr_log_end_parting() or one that was offered as such.
 *
 * @param slot  0 = there is none
 * @return one that waits for call_parting_end(); NULL without entry or memory, which is fine below
 */
struct call_parting *call_parting_begin(struct call_context *context, cdr_slot slot);
/** A BYE is about to be sent, or an INVITE given up. @return what call_parting_on_end() is to be given at its end */
struct call_parting *call_parting_wait(struct call_parting *p, enum call_parting_leg leg);
void call_parting_on_end(void *parting);
/** No more BYEs will be waited for. */
void call_parting_end(struct call_parting *p);
/** Its entry is not there any more. */
void call_parting_lose(struct call_parting *p);
/** The journal is about to be closed: let go of all entries. */
void call_parting_close(struct call_context *context);

#endif
