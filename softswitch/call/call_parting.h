/** @file call_parting.h  What stays in the journal of a call that has ended until its BYEs, its refusal, or the INVITE that was given up are over.
 *
 * A call that goes on without the INVITE that was given up leaves its entry to that, and has a new one.
 */
#ifndef CALL_PARTING_H
#define CALL_PARTING_H

#include "call_context.h"

#include "cdr.h"

struct call_parting;
struct call_parting_wait;
struct invite;

/** What is under way, as the word beside the entry has it. */
enum call_parting_leg {
	CALL_PARTING_CALLER = 1,  /* BYE */
	CALL_PARTING_GATEWAY = 2, /* BYE, or an INVITE that was given up */
	CALL_PARTING_ANSWER = 4,  /* the BYE to the caller waits for the ACK to its 200 */
	CALL_PARTING_REINVITE =
		8, /* the ACK to the refusal of a re-INVITE of the caller, doubled: of the gateway */
	CALL_PARTING_CODE = 256 /* times the code with which the caller's INVITE was refused: its ACK */
};

/**
 * Keep an entry: of a call, which hands it over by cdr_log_end_parting() or cdr_log_keep_beside() while this waits, or one that was
 * offered as such.
 *
 * @param slot  0 = there is none
 * @return one that waits for call_parting_end(); NULL without entry or memory, which is fine below
 */
struct call_parting *call_parting_begin(struct call_context *context, cdr_slot slot);
/** It is about to be sent, or given up. @param what  enum call_parting_leg. @return what call_parting_on_end() is to be given at its end */
struct call_parting_wait *call_parting_wait(struct call_parting *p, uint32_t what);
void call_parting_on_end(void *wait);
/** An INVITE is about to be given up. It, or the leg of a late answer, is waited for. NULL is fine. */
void call_parting_wait_invite(struct call_parting *p, struct invite *invite);
/** Does it wait for anything but call_parting_end()? */
bool call_parting_is_waiting(const struct call_parting *p);
/** Nothing more will be waited for. NULL is fine. */
void call_parting_end(struct call_parting *p);
/** Its entry is not there any more, or another's. */
void call_parting_lose(struct call_parting *p);
/** The journal is about to be closed: let go of all entries. */
void call_parting_close(struct call_context *context);

#endif
