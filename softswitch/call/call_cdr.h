/** @file call_cdr.h  The record of a call: what was tried while it lives, and the row at its end. */
#ifndef CALL_CDR_H
#define CALL_CDR_H

#include "call_state.h"

/**
 * Note where the attempt went by now: a name may have been resolved, or another address tried, since it began. One that
 * never sent an INVITE leaves what was noted before.
 */
void call_cdr_leg(struct call *call);
/**
 * Note how the attempt under way ended. Lost when memory is short; the call goes on.
 *
 * @param stage  static text: "answered", or the stage in which it failed
 * @param code   SIP code, 0 = none
 */
void call_cdr_attempt(struct call *call, const char *stage, int code, const char *reason);
/** Note a gateway that was passed over. */
void call_cdr_skip(struct call *call, struct gateway *gw, enum gateway_verdict verdict);

/**
 * The process that follows a crash is to find the call as it is now: an INVITE is about to be sent for it, it is answered, or
 * what was written of it has changed.
 *
 * @param answer  the 2xx that the caller is about to get; NULL = it has been sent, or there is none yet
 */
void call_cdr_keep(struct call *call, const struct text *answer);
/** The same for the stage of its attempt alone, which takes little. */
void call_cdr_stage(struct call *call);
/** The gateway has sent a description: the same. */
void call_cdr_sdp(struct call *call);
/** Read that. @param note  of cdr_log_note(). @return when the stage began, monotonic */
uint64_t call_cdr_read_stage(struct call *call, uint32_t note, enum failover_stage *stage);
/** The same for the last requests of both sides of an answered call, their numbers and how they have ended. */
void call_cdr_requests(struct call *call);
/** The same when one has come. @param before,seq  numbers of the last one of its side, and of this */
void call_cdr_received(struct call *call, uint32_t before, uint32_t seq);
/** Read that. @param note  of cdr_log_note() */
void call_cdr_read_requests(struct call *call, uint32_t note);
/** What is written of the call has changed: call_cdr_keep() follows after the pass of the loop. */
void call_cdr_changed(struct call *call);
/** What its entry tells of stays in the journal when the call ends, or goes on: call_parting_wait() says what. @return NULL without entry or memory */
struct call_parting *call_cdr_part(struct call *call);
/** Write the row. The entry stays if it is waited for, as that of an answered call is: call_parting_end(call->parting) follows. */
void call_cdr_end(struct call *call, int code, const char *words, enum cdr_direction direction);
/** Free what was noted. */
void call_cdr_clear(struct call *call);

/** Epoch of a monotonic time of this call; 0 stays 0. */
int64_t call_cdr_epoch_ms(const struct call *call, uint64_t monotonic_ms);

#endif
