/** @file call_setup.h  From the plan to the answer: one gateway after the other. */
#ifndef CALL_SETUP_H
#define CALL_SETUP_H

#include "call_state.h"

/** Find a way and try the first gateway; the call may have ended when this returns. */
void call_setup(struct call *call);
/** The caller gets the gateway's 2xx now. */
void call_setup_connect(struct call *call, const sip_t *answer);

#endif
