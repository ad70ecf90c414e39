/** @file call_attempt.h  The attempt under way in a call: what its gateway is told of it, and how it is given up. */
#ifndef CALL_ATTEMPT_H
#define CALL_ATTEMPT_H

#include "call_state.h"
#include "gateway.h"

/** How it ended, told to its gateway. @param code  GATEWAY_RESULT_REFUSED: the SIP code */
void call_attempt_tell(struct call *call, enum gateway_result_outcome outcome, int code);
/** This INVITE of the attempt is about to be given up: that outlives the process until its end. NULL is fine. */
void call_attempt_part(struct call *call, struct invite *invite);
/** It has ended: what is under way at the gateway is cleaned up. @param reason_header  for the CANCEL, or NULL */
void call_attempt_abandon(struct call *call, const char *reason_header);
/**
 * Give it up with the call, if there is one: recorded, told, cleaned up.
 *
 * @param request  what made us do so: its Reason passes on (RFC 3326 section 2); NULL, or without one = ours of code and words
 */
void call_attempt_cancel(struct call *call, int code, const char *words, const sip_t *request);

#endif
