/** @file call_requests.h  Requests inside the dialogs of a call: which method is allowed in which state. */
#ifndef CALL_REQUESTS_H
#define CALL_REQUESTS_H

#include <stdbool.h>

struct call;
struct dialog;
struct received;

/** A request in one of the call's legs: answered here, or passed on to the other one. */
void call_requests_receive(struct call *call, struct dialog *d, const struct received *rx);
/** The same before the gateway has answered: in a dialog of one of its provisional answers. */
void call_requests_receive_early(struct call *call, const struct received *rx);

/** A 2xx came to an INVITE of the process before in this leg: its ACK was lost, or the INVITE was still open. */
void call_requests_receive_late(struct call *call, struct dialog *d, const struct received *answer);

/** Does the ACK of this leg wait for the other leg's, with the answer to an offer? */
bool call_requests_await_ack(const struct call *call, const struct dialog *d);

#endif
