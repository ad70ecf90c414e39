/** @file call_setup.h  From the plan to the answer: one gateway after the other. */
#ifndef CALL_SETUP_H
#define CALL_SETUP_H

#include "call_state.h"

/** Find a way and try the first gateway; the call may have ended when this returns. */
void call_setup(struct call *call);
/** The caller gets 100, and stops resending. */
void call_setup_say_trying(struct call *call);
/** Go on with the attempt of the process before at call->gateway, whose channel is seized. @return 0 or -ENOMEM; *rest is taken in either case */
int call_setup_resume(struct call *call, const struct attempt_rest *rest);
/** None was under way: try the next candidate of the plan. The call may have ended when this returns. */
void call_setup_go_on(struct call *call);
/** The caller gets the gateway's 2xx now. */
void call_setup_connect(struct call *call, const sip_t *answer);

#endif
